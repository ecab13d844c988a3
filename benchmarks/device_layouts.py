"""The two layouts that bench_device.py compares, HubSpot's stand-in, and their network distance from the browser.

Hubwire:  analytics.min.js (core, plugin, settings, start) -> HubSpot's loader -> tracking code; Forms SDK beside them
classic:  analytics.min.js (Segment's own standalone.js, the same version) -> settings -> the chunk that runs classic
          integrations -> the HubSpot integration -> its vendor file -> Forms SDK -> tracking code, without a loader
The integration and vendor file are stand-ins with the transfer size of the classic ones (1,477 and 13,379 bytes
gzipped). They do the same at start but need no parsing time, which favours the classic layout. One loopback server
stands for all hosts, at a distance of one round trip, and two more for a new connection (TCP and TLS).
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import random
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from tests.browser.harness import App
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hubwire.device.assets import Asset, Assets
from hubwire.device.build import BROWSER_FOLDER
from hubwire.device.routes import device_routes
from hubwire.device.snippet import snippet
from hubwire.device.source import DeviceSource
from hubwire.emulator.http.browser import browser_routes

SOURCE = DeviceSource(write_key="", hub_id="1234")
PATHS = ("/hubwire-forms", "/classic-forms", "/hubwire-plain", "/classic-plain")
INTEGRATION_BYTES, VENDOR_BYTES = 1_477, 13_379

CALLS = "analytics.identify('u', {email: 'a@b.co'}); analytics.track('Bought');"
WATCH = "analytics.ready(() => { window.readyAfter = performance.now() });"

# What the classic integration does at start: the Forms SDK if wanted, then the tracking code; ready when both work.
INTEGRATION = """
window.hubspotDeps = ['/integrations/vendor/commons.js'];
window.hubspotLoader = function () {
  function HubSpot(settings) { this.settings = settings; this.listeners = {} }
  HubSpot.prototype.on = HubSpot.prototype.once = function (name, listener) { this.listeners[name] = listener }
  HubSpot.prototype.initialize = function () {
    var self = this, settings = this.settings
    window._hsq = window._hsq || []
    function load(src, next) {
      var script = document.createElement('script')
      script.src = src
      script.onload = next
      document.head.appendChild(script)
    }
    function look() {
      if (window._hsq.push !== [].push && (!settings.forms || window.hbspt)) return self.listeners.ready()
      setTimeout(look, 10)
    }
    function track() { load(settings.tracking, look) }
    settings.forms ? load(settings.forms, track) : track()
    self.listeners.initialize()
  }
  HubSpot.prototype.invoke = function () {}
  window.hubspotIntegration = HubSpot
};
"""


class Distance:
    """An application as if it were `round_trip_ms` away.

    A request is answered a round trip late, and no connection takes one in its first two round trips (TCP and TLS),
    which may pass before there is anything to ask.
    """

    def __init__(self, app: App, round_trip_ms: float) -> None:
        self.app = app
        self.seconds = round_trip_ms / 1000

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        still_connecting = OPENED_AT[tuple(scope["client"])] + 2 * self.seconds - time.monotonic()
        await asyncio.sleep(max(still_connecting, 0) + self.seconds)
        await self.app(scope, receive, send)


OPENED_AT: dict[tuple[str, int], float] = {}


class TimedConnection(HttpToolsProtocol):
    """Notes when each connection was opened."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        OPENED_AT[transport.get_extra_info("peername")] = time.monotonic()
        super().connection_made(transport)


def standalone() -> bytes:
    return (BROWSER_FOLDER / "node_modules/@segment/analytics-next/dist/umd/standalone.js").read_bytes()


def chunk_of(assets: Assets) -> Asset:
    return next(asset for name, asset in assets.chunks.items() if name.startswith("ajs-destination"))


@dataclass(frozen=True)
class Places:
    """Hosts of their own for the pages, our files and HubSpot's three, as in the world; all of them loopback."""

    port: int

    @property
    def pages(self) -> str:
        return f"http://www.localhost:{self.port}"

    @property
    def cdn(self) -> str:
        return f"http://cdn.localhost:{self.port}"

    @property
    def loader(self) -> str:
        return f"http://js.hs-scripts.com.localhost:{self.port}/loader"

    @property
    def tracking(self) -> str:
        return f"http://js.hs-analytics.net.localhost:{self.port}/_hubspot/js/analytics/0/1234.js"

    @property
    def forms(self) -> str:
        return f"http://js.hsforms.net.localhost:{self.port}/_hubspot/js/forms/v2.js"


def classic_settings(places: Places, forms: str) -> dict[str, Any]:
    """The settings that switch the classic integration on."""
    api_host = f"cdn.localhost:{places.port}/v1"
    return {
        "integrations": {
            "Segment.io": {"apiKey": "plain", "apiHost": api_host, "protocol": "http"},
            "HubSpot": {
                "portalId": "1234",
                "tracking": places.tracking,
                "forms": forms,
                "type": "browser",
                "bundlingStatus": "bundled",
                "versionSettings": {"version": "2.2.5", "componentTypes": ["browser", "server"]},
            },
        },
        "metrics": {"sampleRate": 0, "host": api_host},
    }


def routes(places: Places, assets: Assets) -> list[BaseRoute]:
    """Both layouts, the pages that use them, and HubSpot's stand-in."""
    plain = replace(SOURCE, script_host=places.loader, forms_url=places.forms)
    sources = {"plain": plain, "forms": replace(plain, load_forms_sdk=True)}

    async def loader(_request: Request) -> Response:
        script = f"var s=document.createElement('script');s.id='hs-analytics';s.src='{places.tracking}';"
        return Response(script + "document.head.appendChild(s)", media_type="text/javascript")

    async def receive(_request: Request) -> Response:
        headers = {"access-control-allow-origin": "*", "access-control-allow-headers": "authorization, content-type"}
        return JSONResponse({"success": True}, headers=headers)

    return [
        *device_routes(sources, assets),
        *classic_routes(places, assets),
        Route("/loader/{hub}.js", loader),
        *browser_routes(),
        Route("/v1/{call}", receive, methods=["POST", "OPTIONS"]),
        *(_page(path, places, assets) for path in PATHS),
    ]


def classic_routes(places: Places, assets: Assets) -> list[BaseRoute]:
    """The classic layout's files under `/classic`, with the transfer sizes of the real ones."""
    plain, forms = (json.dumps(classic_settings(places, url)).encode() for url in ("", places.forms))
    integrations = "/classic/next-integrations/integrations"
    return [
        _file("/classic/analytics.js/v1/{key}/analytics.min.js", gzip.compress(standalone(), 9)),
        _file("/classic/v1/projects/plain/settings", gzip.compress(plain, 9), "application/json"),
        _file("/classic/v1/projects/forms/settings", gzip.compress(forms, 9), "application/json"),
        _file("/classic/analytics-next/bundles/{name}", chunk_of(assets).gzip),
        _file(f"{integrations}/hubspot/{{path:path}}", padded(INTEGRATION, INTEGRATION_BYTES)),
        _file(f"{integrations}/vendor/{{path:path}}", padded("", VENDOR_BYTES)),
    ]


def padded(script: str, size: int) -> bytes:
    """A script that is `size` bytes when gzipped: a comment of noise makes up the rest."""
    noise = base64.b64encode(random.Random(7).randbytes(size)).decode()
    low, high = 0, len(noise)
    while low < high:
        middle = (low + high + 1) // 2
        packed = gzip.compress(f"{script}/*{noise[:middle]}*/".encode(), 9)
        low, high = (middle, high) if len(packed) <= size else (low, middle - 1)
    return gzip.compress(f"{script}/*{noise[:low]}*/".encode(), 9)


def _file(path: str, packed: bytes, media_type: str = "text/javascript") -> Route:
    async def endpoint(_request: Request) -> Response:
        headers = {"content-encoding": "gzip", "access-control-allow-origin": "*", "timing-allow-origin": "*"}
        return Response(packed, headers=headers, media_type=media_type)

    return Route(path, endpoint)


def _page(path: str, places: Places, assets: Assets) -> Route:
    """A page of a site: the snippet, three calls, and a note of the moment when it is ready."""
    layout, _, key = path.strip("/").partition("-")
    if layout == "classic":
        address = f"{places.cdn}/classic"
        script = f"window.analytics=[];analytics._cdn='{address}';{snippet(assets, address, key)}"
    else:
        script = snippet(assets, places.cdn, key)
    html = f'<!doctype html><title>Shop</title><link rel="icon" href="data:,"><script>{script}{CALLS}{WATCH}</script>'

    async def endpoint(_request: Request) -> Response:
        return HTMLResponse(html)

    return Route(path, endpoint)
