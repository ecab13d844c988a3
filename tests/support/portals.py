"""Many emulated portals in one thread, and a witness: which process made which call, when."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psutil  # type: ignore[import-untyped]
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hubwire.process.server import listening_socket
from hubwire.testing import Emulator

TOKEN = "pat-test-token"
FIRST_HUB_ID = 1000


@dataclass(frozen=True)
class Seen:
    """One call to a portal. `pid` is None when its process was gone before it could be asked."""

    portal: int
    pid: int | None
    started_at: float
    ended_at: float


class Portals:
    """Portals 0 to `count` - 1, each on a port of its own; `pids` gives the processes that may call. `account` are
    fields of `EmulatorConfig`."""

    def __init__(self, count: int, pids: Callable[[], Iterable[int]], **account: Any) -> None:
        self.emulators = [
            Emulator(portal_id=FIRST_HUB_ID + number, access_token=TOKEN, **account) for number in range(count)
        ]
        self.seen: list[Seen] = []
        self.has_misbehaved = False
        self._pids = pids
        self._owners: dict[int, int | None] = {}
        self._sockets = [listening_socket("127.0.0.1", 0) for _ in range(count)]
        self._by_port = {socket.getsockname()[1]: number for number, socket in enumerate(self._sockets)}
        self.urls = [f"http://127.0.0.1:{port}" for port in self._by_port]
        config = uvicorn.Config(
            self._serve,
            http=self._witness(),
            log_level="warning",
            access_log=False,
            loop="uvloop",
            lifespan="off",
            interface="asgi3",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=(self._sockets,), daemon=True)

    def __enter__(self) -> Portals:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        for emulator in self.emulators:
            emulator.app.close()

    def throttled(self) -> int:
        """How many calls any portal answered with 429."""
        return sum(int(emulator.stats()["refused"].get("429", 0)) for emulator in self.emulators)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        portal = self._by_port[scope["server"][1]]
        pid = self._owners[scope["client"][1]]
        started_at = time.monotonic()
        app: ASGIApp = self.emulators[portal].app
        try:
            await app(scope, receive, send)
        finally:
            self.seen.append(Seen(portal, pid, started_at, time.monotonic()))

    def _witness(self) -> type[asyncio.Protocol]:
        """A protocol that finds out which process opened a connection, when it opens: a port may be reused later."""
        portals = self

        class Witness(HttpToolsProtocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                port = transport.get_extra_info("peername")[1]
                portals._owners[port] = next((pid for pid in portals._pids() if port in _local_ports(pid)), None)
                super().connection_made(transport)

        return Witness


def _local_ports(pid: int) -> set[int]:
    try:
        return {connection.laddr.port for connection in psutil.Process(pid).net_connections("tcp") if connection.laddr}
    except psutil.Error:
        return set()


def drivers(seen: Iterable[Seen], portal: int) -> list[tuple[int | None, float, float]]:
    """Who drove a portal, one after another: process, first and last moment. Raises when two called at once."""
    turns: list[tuple[int | None, float, float]] = []
    for call in sorted((entry for entry in seen if entry.portal == portal), key=lambda item: item.started_at):
        if turns and turns[-1][0] == call.pid:
            pid, first, last = turns[-1]
            turns[-1] = (pid, first, max(last, call.ended_at))
            continue
        if turns:
            pid, first, last = turns[-1]
            seconds = f"{last - call.started_at:.2f} of {last - first:.2f} s"
            assert call.started_at >= last, f"portal {portal}: {call.pid} called while {pid} did, the last {seconds}"
        turns.append((call.pid, call.started_at, call.ended_at))
    return turns
