"""The demo page: the snippet with this host, a button for each call, a form, and what HubSpot's scripts received."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from hubwire.device.assets import JAVASCRIPT, Assets
from hubwire.device.snippet import snippet
from hubwire.device.source import DeviceSource

FOLDER = Path(__file__).parent / "demo_page"
LOOK = Path(__file__).parents[1] / "look"
CSS = "text/css; charset=utf-8"

UNAVAILABLE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Device mode demo · Hubwire</title>
<p style="font:16px/1.5 system-ui;max-width:40em;margin:3em auto;padding:0 1em">{reason}</p></html>"""
NOT_BUILT = "Device mode is not built here: run <code>python -m hubwire.device.build</code> and start Hubwire again."
NO_SOURCE = "There is no source with device mode yet: make a web source and give its destination a Hub ID."


def demo_routes(source: Callable[[], DeviceSource | None], assets: Assets | None) -> list[Route]:
    """`/demo` and its files. `source` gives the source to show with its current settings, or None.

    The panel reads the log of the emulator's browser routes, which must have the same address.
    """
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=select_autoescape())
    page = environment.get_template("index.html")

    async def demo(request: Request) -> Response:
        shown = source()
        if assets is None or shown is None or not shown.uses_plugin:
            reason = NOT_BUILT if assets is None else NO_SOURCE
            return HTMLResponse(UNAVAILABLE.format(reason=reason), 503, _HEADERS)
        base = str(request.base_url).rstrip("/")
        html = page.render(
            base=base,
            snippet=snippet(assets, base, shown.write_key).strip(),
            hub_id=shown.hub_id,
            has_forms=shown.load_forms_sdk,
            is_stand_in=bool(shown.script_host),
        )
        return HTMLResponse(html, headers=_HEADERS)

    return [
        Route("/demo", demo),
        Route("/demo/demo.js", _file(FOLDER / "demo.js", JAVASCRIPT)),
        Route("/demo/demo.css", _file(FOLDER / "demo.css", CSS)),
        Route("/demo/look.css", _file(LOOK / "look.css", CSS)),
        Route("/demo/icon.svg", _file(LOOK / "icon.svg", "image/svg+xml")),
    ]


_HEADERS = {"cache-control": "no-store", "x-frame-options": "DENY", "x-content-type-options": "nosniff"}


def _file(path: Path, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    body = path.read_bytes()

    async def endpoint(_request: Request) -> Response:
        return Response(body, headers={"cache-control": "no-cache"}, media_type=media_type)

    return endpoint
