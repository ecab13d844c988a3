"""HubSpot in a page: stand-ins for its tracking code and Forms SDK, and the log of what they received.

A reading of HubSpot's documented behaviour: what waits in `_hsq` is taken first, then the landing page is counted
without being asked; identified data travels with the next view or event; a visitor who opted out is not counted.
It knows nothing of the plugin that feeds it.

    /_hubspot/js/<Hub ID>.js                       the loader            instead of js.hs-scripts.com
    /_hubspot/js/analytics/<time>/<Hub ID>.js      the tracking code     instead of js.hs-analytics.net
    /_hubspot/js/forms/v2.js                       the Forms SDK         instead of js.hsforms.net
    /_hubspot/track                                what they received    instead of track.hubspot.com
    GET /_emulator/browser/log?after=N, POST /_emulator/browser/reset
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubwire.emulator.calls.marketing.tracking import take
from hubwire.emulator.store.portal import Portal

SCRIPTS = Path(__file__).parent / "browser_scripts"
KEPT_ENTRIES = 1000
LARGEST_ENTRY_BYTES = 65_536
KINDS = frozenset({"command", "view", "event", "form"})

Endpoint = Callable[[Request], Awaitable[Response]]


class BrowserLog:
    """What HubSpot's scripts received, oldest first; the last `KEPT_ENTRIES` of it.

    Shape of an entry: `id` (rising), `kind` (`command` as it came; `view`, `event` and `form` as HubSpot counts them),
    and what the page said of it: `hubId`, `url`, `path`, `utk`, `identity`, `name`, `properties`, `values`, …
    """

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT_ENTRIES)
        self._ids = count(1)

    def add(self, entry: dict[str, Any]) -> None:
        self._entries.append({"id": next(self._ids), **{key: entry[key] for key in entry if key != "id"}})

    def after(self, entry_id: int = 0) -> list[dict[str, Any]]:
        """The entries that came after the one with this id."""
        return [entry for entry in self._entries if entry["id"] > entry_id]

    def reset(self) -> None:
        """Forgets all entries; ids go on rising, so that a reader never takes a new entry for an old one."""
        self._entries.clear()


def browser_routes(log: BrowserLog | None = None, portal: Portal | None = None) -> list[Route]:
    """The stand-ins and their log, to be mounted in the emulator or beside it, never where real visitors come.

    Shape: with a `portal`, visits, events and forms of its Hub ID also reach the portal.
    """
    kept = BrowserLog() if log is None else log
    return [
        Route("/_hubspot/js/forms/v2.js", _script("forms.js")),
        Route("/_hubspot/js/analytics/{time}/{hub_id}.js", _script("analytics.js")),
        Route("/_hubspot/js/{hub_id}.js", _script("loader.js")),
        Route("/_hubspot/track", _track(kept, portal), methods=["POST"]),
        Route("/_emulator/browser/log", _log(kept), methods=["GET"]),
        Route("/_emulator/browser/reset", _reset(kept), methods=["POST"]),
    ]


def _script(name: str) -> Endpoint:
    body = (SCRIPTS / name).read_bytes()
    headers = {"cache-control": "public, max-age=60", "cross-origin-resource-policy": "cross-origin"}

    async def endpoint(_request: Request) -> Response:
        return Response(body, headers=headers, media_type="text/javascript")

    return endpoint


def _track(log: BrowserLog, portal: Portal | None) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        body = b""
        try:
            async for part in request.stream():
                body += part
                if len(body) > LARGEST_ENTRY_BYTES:
                    return Response(status_code=413)
            entry = json.loads(body)
        except (ValueError, RecursionError, ClientDisconnect):
            entry = None
        if not isinstance(entry, dict) or entry.get("kind") not in KINDS:
            return Response(status_code=400)
        log.add(entry)
        if portal is not None:
            take(portal, entry)
        return Response(status_code=204, headers={"access-control-allow-origin": "*"})

    return endpoint


def _log(log: BrowserLog) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        after = request.query_params.get("after", "0")
        entries = log.after(int(after) if after.isdecimal() and len(after) < 16 else 0)
        return JSONResponse({"results": entries}, headers={"cache-control": "no-store"})

    return endpoint


def _reset(log: BrowserLog) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        log.reset()
        return JSONResponse({"results": []})

    return endpoint
