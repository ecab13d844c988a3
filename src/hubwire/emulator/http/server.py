"""The ASGI application: one portal behind HubSpot's paths, its control plane under `/_emulator/`, its page at `/`.

This is the only module that knows sockets and awaits anything. An API call passes, in this order: injected faults, the
access token, the call limits, the tier and scopes, and then its handler.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from hubwire.emulator.calls.portal import control
from hubwire.emulator.http.page import render
from hubwire.emulator.http.page_controls import press
from hubwire.emulator.http.protocol import PlainHttpProtocol
from hubwire.emulator.http.routes import standard_router
from hubwire.emulator.http.routing import Match
from hubwire.emulator.store import access
from hubwire.emulator.store.config import EmulatorConfig
from hubwire.emulator.store.faults import FaultRule, fault_reply
from hubwire.emulator.store.persistence import PortalFile
from hubwire.emulator.store.portal import Portal, SeenRequest
from hubwire.emulator.wire import Headers, Refusal, Reply, Request, json_reply

HANG_MS = 100_000
MAX_URL = 16_000
OBJECT_PARAMS = frozenset({"objectType", "fromObjectType", "toObjectType"})
_TOO_LONG = b"<html>\n<head><title>414 Request-URI Too Large</title></head>\n<body></body>\n</html>\n"
SERVER_OPTIONS: dict[str, Any] = {
    "loop": "uvloop",
    "http": PlainHttpProtocol,  # uvicorn 0.35 takes no name of it
    "ws": "none",
    "log_level": "warning",
    "access_log": False,
    "timeout_graceful_shutdown": 1,
    "timeout_keep_alive": 75,  # after uvicorn's own 5 s a client that paused would meet a connection being closed
}
BROWSER_PATHS = ("/_hubspot/", "/_emulator/browser/")


class EmulatorApp:
    """An emulated HubSpot portal as an ASGI application. `state` is the portal."""

    def __init__(self, config: EmulatorConfig) -> None:
        self.state = Portal(config)
        if config.persistence_path is not None:
            self.state.storage = PortalFile(self.state, Path(config.persistence_path))
        self._router = standard_router()
        self._browser = _browser_app(self.state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP call or the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        encoded: bytes = scope.get("raw_path") or quote(path).encode()
        match = self._router.find(scope["method"], encoded.decode("latin-1"))
        if match is None and path.startswith(BROWSER_PATHS):
            await self._browser(scope, receive, send)
            return
        body = await _read_body(receive)
        if body is None:
            return
        request = Request(scope["method"], path, scope["query_string"], dict(scope["headers"]), body)
        request.scheme = scope.get("scheme", "http")
        await self._serve(request, match, receive, send)

    def close(self) -> None:
        """Release the portal's file, if there is one."""
        if self.state.storage is not None:
            self.state.storage.close()
            self.state.storage = None

    def respond(self, request: Request) -> Reply:
        """The answer to one call, without waiting. Safe from any thread.

        Errors: ConnectionResetError where a fault cuts the connection.
        """
        match = self._router.find(request.method, request.path)
        with self.state.lock:
            reply, fault = self._decide(request, match)
        if fault is not None and fault.kind == "reset":
            raise ConnectionResetError("connection reset by the emulator")
        return reply

    async def _serve(self, request: Request, match: Match | None, receive: Receive, send: Send) -> None:
        with self.state.lock:
            reply, fault = self._decide(request, match)
        if fault is not None and not await self._carry_out(fault, receive, send):
            return
        await _send_reply(reply, send)

    def _decide(self, request: Request, match: Match | None) -> tuple[Reply, FaultRule | None]:
        if len(request.path) + len(request.query_string) > MAX_URL:
            reply = Reply(414, _TOO_LONG, b"text/html")
            self._note(request, f"{request.method} (a URL over {MAX_URL} characters)", 414)
            return reply, None
        if match is None:
            return self._unmatched(request), None
        faults = self.state.faults
        fault = faults.pick(request.method, request.path, match.label) if faults.rules else None
        return self._api(request, match, fault), fault

    def _unmatched(self, request: Request) -> Reply:
        if request.method == "POST" and request.path == "/_emulator/page":
            return press(self.state, request)
        if request.path.startswith("/_emulator"):
            reply = control.answer(self.state, request)
            if request.method != "GET":
                self.state.settle()
            return reply
        if request.path == "/":
            return render(self.state, request)
        if request.path == "/favicon.ico":  # a browser asks for it beside each page; it is no call of a program
            return Reply(204)
        methods = self._router.methods_at(request.path)
        refusal = Refusal(405, "Method Not Allowed") if methods else _not_covered(request)
        reply = json_reply(refusal.status, refusal.body(self.state.correlation_id()))
        path = "/oauth/***" if request.path.startswith("/oauth/") else request.path[:200]
        self._note(request, f"{request.method} {path}", reply.status)
        return reply

    def _api(self, request: Request, match: Match, fault: FaultRule | None) -> Reply:
        state = self.state
        request.params = match.params
        request.version = match.route.version
        correlation_id = state.correlation_id()
        if fault is not None and fault.kind != "latency" and fault.when == "before":
            reply = fault_reply(fault, correlation_id, state.now_iso())
        else:
            reply = self._handle(request, match, correlation_id)
            if fault is not None and fault.kind != "latency":
                reply = fault_reply(fault, correlation_id, state.now_iso())
        if request.method != "GET":
            state.settle(account_changed=match.route.changes_account)
        reply.headers.append((b"x-hubspot-correlation-id", correlation_id.encode()))
        self._note(request, f"{request.method} {match.label}", reply.status)
        return reply

    def _handle(self, request: Request, match: Match, correlation_id: str) -> Reply:
        state, route = self.state, match.route
        headers: Headers = []
        try:
            if route.needs_token:
                now_ms = state.clock.now_ms()
                grant = access.authenticate(request, state.config, state.grants, now_ms)
                headers, refusal = state.limiter.admit(
                    state.config, route.lane, grant.token, now_ms, is_oauth=grant.is_oauth
                )
                if refusal is not None:
                    raise refusal
                request.grant = grant
                if route.is_event:
                    access.require_custom_events(state.config)
                if state.lacks_objects:
                    self._require_objects(match.params)
                if route.scopes is not None and grant.scopes is not None:
                    for alternatives in route.scopes(state, match.params):
                        access.require_any_scope(grant, alternatives)
            reply = route.handler(state, request)
        except Refusal as refused:
            reply = json_reply(refused.status, refused.body(correlation_id))
            reply.headers += refused.headers
            if refused.status == 404:
                reply.headers.append((b"x-hubspot-notfound", b"true"))
        reply.headers += headers
        return reply

    def _require_objects(self, params: Mapping[str, str]) -> None:
        for name in OBJECT_PARAMS & params.keys():
            access.require_object(self.state.config, self.state.store(params[name]).kind, params[name])

    def _note(self, request: Request, label: str, status: int) -> None:
        state = self.state
        state.stats.count(label, status)
        state.requests.add(
            SeenRequest(
                state.clock.now_ms(),
                request.method,
                request.path,
                request.query_string,
                request.headers,
                request.body,
                status,
            )
        )

    async def _carry_out(self, fault: FaultRule, receive: Receive, send: Send) -> bool:
        """Delay, hang or cut the connection. Returns True if an answer must still be sent."""
        wait_ms = fault.latency_ms or (HANG_MS if fault.kind == "hang" else 0)
        if wait_ms:
            deadline_ms = self.state.clock.now_ms() + wait_ms
            if not await _wait_or_gone(self.state.clock.wait_until(deadline_ms), receive):
                return False
        if fault.kind == "reset":
            await _cut(receive, send)
            return False
        return True

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _not_covered(request: Request) -> Refusal:
    """The emulator's own answer to what it does not cover; HubSpot never says this."""
    host = request.headers.get(b"host", b"emulator").decode("latin-1")
    link = f"http://{host}/_emulator/coverage"
    return Refusal(
        501,
        f"The HubSpot emulator does not cover {request.method} {request.path[:200]}. HubSpot may; {link} lists what "
        "the emulator covers.",
        "EMULATOR_NOT_COVERED",
        extra={"links": {"coverage": link}},
    )


def create_app(config: EmulatorConfig | None = None) -> EmulatorApp:
    """An emulated portal as an ASGI application."""
    return EmulatorApp(config or EmulatorConfig())


def run(
    config: EmulatorConfig,
    host: str = "127.0.0.1",
    port: int = 8081,
    announce: Callable[[], object] | None = None,
    https: Path | None = None,
) -> None:
    """Serve until interrupted; `announce` is called once who connects will be answered.

    Shape: `https` is the folder of the certificate to serve HTTPS with; None serves HTTP.
    Errors: OSError when the address or the folder cannot be had, `PersistenceError` when the file cannot be used;
    nothing ran then.
    """
    import uvicorn

    gc.set_threshold(20_000, 20, 50)  # a portal's records are many, live long, and hold no circles
    with _listening(host, port) as listening:
        options = {**SERVER_OPTIONS, **https_options(https)}
        server = uvicorn.Server(uvicorn.Config(create_app(config), **options))
        if announce is not None:
            announce()
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


def https_options(folder: Path | None) -> dict[str, Any]:
    """The server's options for HTTPS with the certificate of a folder; none for HTTP."""
    if folder is None:
        return {}
    from hubwire.emulator.http.certificate import certificate_in

    files = certificate_in(folder)
    return {"ssl_certfile": str(files.chain), "ssl_keyfile": str(files.key)}


def _listening(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def _browser_app(state: Portal) -> ASGIApp:
    from starlette.applications import Starlette

    from hubwire.emulator.http.browser import browser_routes

    return Starlette(routes=browser_routes(portal=state))


async def _read_body(receive: Receive) -> bytes | None:
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def _send_reply(reply: Reply, send: Send) -> None:
    headers = [*reply.headers, (b"content-length", b"%d" % len(reply.body))]
    if reply.body:
        headers.append((b"content-type", reply.content_type))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _wait_or_gone(waiting: Awaitable[None], receive: Receive) -> bool:
    """True if the wait ended before the caller disconnected."""
    wait = asyncio.ensure_future(waiting)
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({wait, gone}, return_when=asyncio.FIRST_COMPLETED)
        return wait.done() or (await gone)["type"] != "http.disconnect"
    finally:
        wait.cancel()
        gone.cancel()


async def _cut(receive: Receive, send: Send) -> None:
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("connection reset by the emulator")
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        continue


__all__ = ["EmulatorApp", "EmulatorConfig", "create_app", "run"]
