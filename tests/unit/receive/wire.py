"""One connection without a socket: what is read at once, and when a commit ends, is the test's to say."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn
from tests.unit.receive.harness import NOW, FixedSources, basic
from uvicorn.server import ServerState

from hubwire.backends.memory.journal import MemoryJournal
from hubwire.clock import FakeClock
from hubwire.message import Entry
from hubwire.receive.app import ReceiveApp
from hubwire.receive.connection import Connection
from hubwire.receive.upload_limits import ReceiveLimits

TURNS = 20
WAIT_SECONDS = 10


class HeldJournal:
    """Takes entries as the group commit does; a commit ends when the test says so."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.refusal: Exception | None = None
        self.tries = 0
        self._waiting: deque[tuple[list[Entry], Callable[[Any], None]]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def submit(self, entries: Sequence[Entry], settled: Callable[[Sequence[int | None] | Exception], None]) -> None:
        self.tries += 1
        if self.refusal is not None:
            raise self.refusal
        self._waiting.append((list(entries), settled))

    async def append(self, entries: Sequence[Entry]) -> list[int | None]:
        future: asyncio.Future[Sequence[int | None]] = asyncio.get_running_loop().create_future()

        def settled(outcome: Sequence[int | None] | Exception) -> None:
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.submit(entries, settled)
        return list(await future)

    def commit(self, failure: Exception | None = None) -> None:
        """End the commit of what waits now."""
        for _ in range(len(self._waiting)):
            entries, settled = self._waiting.popleft()
            settled(failure if failure is not None else self.journal.append(entries))


class Wire(asyncio.Transport):
    """What the protocol writes, and what it has not read yet."""

    def __init__(self, config: uvicorn.Config, state: ServerState) -> None:
        super().__init__()
        self.protocol = Connection(config, state, {}, asyncio.get_running_loop())
        self.written = bytearray()
        self._inbox: deque[bytes] = deque()
        self._is_paused = False
        self._is_closing = False
        self.is_lost = False
        self.is_read = True
        """Whether the caller reads what is written: a connection is closed when it has."""
        self._changed = asyncio.Event()
        self.protocol.connection_made(self)

    def send(self, data: bytes) -> None:
        """What the caller sent came in one read; later, if nothing is read at the moment."""
        self._inbox.append(data)
        self._deliver()

    def lose(self) -> None:
        """The caller is gone."""
        self._is_closing = True
        self._lose()

    async def until(self, is_so: Callable[[Wire], bool]) -> None:
        """Wait for what is so after something was written, or the connection closed."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not is_so(self):
                self._changed.clear()
                await self._changed.wait()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        assert not self.is_lost, "written to a connection that is no more"
        self.written += data
        self._changed.set()

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._changed.set()
            if self.is_read:
                asyncio.get_running_loop().call_soon(self._lose)

    def abort(self) -> None:
        self.lose()
        self._changed.set()

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        asyncio.get_running_loop().call_soon(self._deliver)

    def _deliver(self) -> None:
        while self._inbox and not self._is_paused and not self._is_closing:
            self.protocol.data_received(self._inbox.popleft())

    def _lose(self) -> None:
        if not self.is_lost:
            self.is_lost = True
            self.protocol.connection_lost(None)
            # As the transports of asyncio and uvloop do.
            del self.protocol

    @property
    def answers(self) -> list[tuple[int, dict[str, str], bytes]]:
        """Status, headers and body of every whole answer but `100 Continue`."""
        found, rest = [], bytes(self.written)
        while rest:
            head, end, rest = rest.partition(b"\r\n\r\n")
            assert end, head
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = int(headers.get("content-length", "0"))
            body, rest = rest[:length], rest[length:]
            assert len(body) == length
            if not first.startswith("HTTP/1.1 100"):
                found.append((int(first.split()[1]), headers, body))
        return found

    @property
    def statuses(self) -> list[int]:
        return [status for status, _, _ in self.answers]


class Connected:
    """A receiver with a journal that is held, and connections to it."""

    def __init__(self, limits: ReceiveLimits | None = None, keep_alive_seconds: float = 5.0) -> None:
        self.clock = FakeClock(NOW)
        self.held = HeldJournal()
        self.app = ReceiveApp(FixedSources(), self.held, self.clock, limits or ReceiveLimits())
        self.state = ServerState()
        self._config = uvicorn.Config(self.app, http=Connection, lifespan="off", log_config=None, access_log=False)
        # uvicorn's type knows whole seconds alone.
        self._config.timeout_keep_alive = keep_alive_seconds  # type: ignore[assignment]
        self._config.load()

    def connect(self) -> Wire:
        return Wire(self._config, self.state)

    @property
    def ids(self) -> list[str]:
        """Of the messages that are kept, in order."""
        return [row.message_id for row in self.held.journal.newest(None, 100_000)[::-1]]


async def turns() -> None:
    """Let the loop do what it has to do."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def post(
    body: bytes, *, path: str = "/v1/track", key: str | None = "server-key", length: int | None = None, extra: str = ""
) -> bytes:
    """An upload on the wire."""
    own = f"Authorization: {basic(key)}\r\n" if key is not None else ""
    size = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{own}Content-Length: {size}\r\n{extra}\r\n".encode() + body
