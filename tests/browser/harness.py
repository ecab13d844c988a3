"""A small site, our device routes, a receiver and HubSpot's stand-in on one loopback server; a visitor in Chromium."""

from __future__ import annotations

import json
import socket
import threading
from base64 import b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from playwright.sync_api import BrowserContext, ConsoleMessage, Page
from playwright.sync_api import Request as BrowserRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from tests.support.waiting import until

from hubwire.device.assets import Assets
from hubwire.device.demo import demo_routes
from hubwire.device.routes import device_routes
from hubwire.device.snippet import snippet
from hubwire.device.source import DeviceSource
from hubwire.emulator.http.browser import BrowserLog, browser_routes

KEY = "WEBKEY"
HUB_ID = "1234"
ROOT = Path(__file__).parents[2]

T = TypeVar("T")
App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


def eventually(look: Callable[[], T], what: str, timeout_seconds: float = 8.0) -> T:
    """The first true answer of `look`, which is asked until then."""
    return until(look, timeout_seconds, lambda: what)


@dataclass
class Host:
    """What the server knows: the source as it is set, the site's pages, and everything that arrived."""

    assets: Assets
    source: DeviceSource = field(default_factory=lambda: sandbox_source())
    pages: dict[str, str] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    uploads: list[dict[str, Any]] = field(default_factory=list)
    hubspot: BrowserLog = field(default_factory=BrowserLog)
    page_headers: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    site: str = ""

    def get(self, write_key: str) -> DeviceSource | None:
        return self.source if write_key == self.source.write_key else None

    def reset(self) -> None:
        self.source = sandbox_source()
        self.page_headers = {}
        for kept in (self.pages, self.messages, self.uploads):
            kept.clear()
        self.hubspot.reset()

    def app(self, prefix: str = "") -> App:
        """The server, with everything of ours below `prefix`."""
        served: list[BaseRoute] = [
            *device_routes(self, self.assets),
            *demo_routes(lambda: self.source, self.assets),
            Route("/v1/{call}", self._receive, methods=["POST", "OPTIONS"]),
            *browser_routes(self.hubspot),
        ]
        if prefix:
            served = [Mount(prefix, routes=served)]
        site = [Route("/files/{path:path}", self._file), Route("/{page:path}", self._page)]
        return Starlette(routes=[*served, *site])

    async def _receive(self, request: Request) -> Response:
        cors = {"access-control-allow-origin": "*", "access-control-expose-headers": "Retry-After"}
        if request.method == "OPTIONS":
            allowed = {"access-control-allow-methods": "POST", "access-control-max-age": "7200"}
            headers = {"access-control-allow-headers": "authorization, content-type, x-retry-count"}
            return Response(status_code=204, headers={**cors, **allowed, **headers})
        body = json.loads(await request.body())
        authorization = request.headers.get("authorization", "")
        key = b64decode(authorization.removeprefix("Basic ")).decode() if authorization else None
        self.uploads.append({"path": request.url.path, "key": key, "body": body})
        self.messages += body.get("batch", [body])
        return JSONResponse({"success": True}, headers=cors)

    async def _page(self, request: Request) -> Response:
        html = self.pages.get(request.url.path)
        if html is None:
            return Response(status_code=404)
        return HTMLResponse(html, headers=self.page_headers)

    async def _file(self, request: Request) -> Response:
        """Files of this repository, for pages that import modules."""
        path = (ROOT / request.path_params["path"]).resolve()
        if not path.is_relative_to(ROOT) or not path.is_file():
            return Response(status_code=404)
        return Response(path.read_bytes(), media_type="text/javascript")

    # What arrived, in the order in which it happened in the page.

    def entries(self, *kinds: str) -> list[dict[str, Any]]:
        found = [entry for entry in self.hubspot.after() if not kinds or entry["kind"] in kinds]
        return sorted(found, key=lambda entry: (entry.get("at", ""), entry.get("sequence", 0)))

    def commands(self) -> list[list[Any]]:
        return [entry["command"] for entry in self.entries("command")]

    def counted(self) -> list[str]:
        """What HubSpot counted: `view <path>` (`landing view` when by itself) and `event <name>`."""
        return [_summary(entry) for entry in self.entries("view", "event")]

    def message(self, **fields: Any) -> dict[str, Any]:
        """The first message that arrived at our server with these fields."""

        def look() -> dict[str, Any] | None:
            return next((m for m in list(self.messages) if fields.items() <= m.items()), None)

        return eventually(lambda: look() or {}, f"message {fields}")

    def await_counted(self, *expected: str) -> None:
        eventually(lambda: set(expected) <= set(self.counted()), f"{expected} in {self.counted()}")

    def await_exactly(self, *expected: str) -> None:
        """Each of these once, and nothing else. HubSpot's beacons travel side by side: their order tells nothing."""
        eventually(lambda: sorted(expected) == sorted(self.counted()), f"exactly {expected}, not {self.counted()}")

    # Pages of the site.

    def add_page(
        self,
        path: str = "/",
        *,
        options: str = "",
        script: str = "",
        head: str = "",
        page_call: bool = True,
        origin: str | None = None,
        key: str = KEY,
    ) -> str:
        """A page with Segment's snippet, only its host changed; `options` for `load`, `script` right behind it."""
        text = snippet(self.assets, origin or self.origin, key)
        if options:
            text = text.replace(f'analytics.load("{key}")', f'analytics.load("{key}",{options})')
        if not page_call:
            text = text.replace("analytics.page();", "")
        self.pages[path] = PAGE.format(head=head, snippet=text, script=script, path=path)
        return self.site + path


PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop {path}</title>
<link rel="icon" href="data:,">{head}
<script nonce="n0nce">{snippet}</script>
<script nonce="n0nce">{script}</script></head>
<body><h1>Shop</h1><div id="form"></div><a id="next" href="/next">next</a></body></html>"""


def _summary(entry: dict[str, Any]) -> str:
    if entry["kind"] == "event":
        return f"event {entry['name']}"
    return f"{'landing ' if entry['isAutomatic'] else ''}view {entry['path']}"


def sandbox_source(**changes: Any) -> DeviceSource:
    """A source with device mode, whose HubSpot is the stand-in on the same server."""
    standard = {
        "write_key": KEY,
        "hub_id": HUB_ID,
        "script_host": "/_hubspot/js",
        "forms_url": "/_hubspot/js/forms/v2.js",
    }
    return DeviceSource(**{**standard, **changes})


class LoopbackServer:
    """A server on a free loopback port, in a thread of its own."""

    def __init__(self, app_for: Callable[[int], App], tls: tuple[Path, Path] | None = None, **options: Any) -> None:
        """`app_for` makes the application, told its port; `options` are uvicorn's."""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        if tls:
            options |= {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]}
        config = uvicorn.Config(app_for(self.port), log_level="warning", lifespan="off", **options)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    def __enter__(self) -> LoopbackServer:
        self.thread.start()
        eventually(lambda: self.server.started, "the test server")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=10)
        self.socket.close()


class Visit:
    """A fresh browser profile with one tab, and everything that it asked for or complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.requests: list[str] = []
        self.complaints: list[str] = []
        context.on("request", self._note_request)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page: Page = context.new_page()
        self.page.on("console", self._note_console)

    def _note_request(self, request: BrowserRequest) -> None:
        self.requests.append(request.url)

    def _note_console(self, text: ConsoleMessage) -> None:
        if text.type == "error":
            self.complaints.append(text.text)

    def open(self, url: str) -> Page:
        self.page.goto(url)
        return self.page

    def asked_for(self, part: str) -> list[str]:
        self.page.evaluate("0")  # events of the browser are only seen while it is spoken to
        return [url for url in self.requests if part in url]

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)

    def is_ready(self) -> None:
        """Returns when `analytics.ready` has called back."""
        self.page.evaluate("new Promise((done) => analytics.ready(done)).then(() => {})")
