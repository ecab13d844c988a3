"""The HTTP connection, guarded where uvicorn's is not: headers are bounded in size and time.

Deadlines of all connections share one timer (`overdue.py`); so does the keep-alive timeout, for which uvicorn starts
and cancels a timer per request. And an answer that is always the same can be written at once (`ANSWER_WHOLE`), where
ASGI's two messages cost a packet each.
Source: uvicorn's httptools protocol gathers headers without a limit and waits for them for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from hubwire.receive.overdue import Overdue

MAX_HEADER_BYTES = 32 * 1024
HEADER_TIMEOUT_SECONDS = 20.0

ANSWER_WHOLE = "hubwire.answer_whole"
"""In the scope: `answer(rest) -> bool` sends a 200 whose further headers and body are `rest`; False when it cannot, and
`send` has to be used."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b"
)
_BODY = b'{"code":"headers-too-large","message":"headers: more than %d bytes","success":false}' % MAX_HEADER_BYTES


class _Deadlines:
    """What the connections of one server wait for: the end of headers, or the next request."""

    def __init__(self, header_seconds: float, idle_seconds: float) -> None:
        self.headers: Overdue[GuardedProtocol] = Overdue(header_seconds, _close)
        self.idle: Overdue[GuardedProtocol] = Overdue(idle_seconds, _close)


_deadlines: WeakKeyDictionary[ServerState, _Deadlines] = WeakKeyDictionary()


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol; a caller that dawdles over its headers, or sends too many, is disconnected."""

    header_timeout_seconds = HEADER_TIMEOUT_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_headers = False
        self._is_between = True
        self._header_bytes = 0
        self._begun_count = 0
        """Requests that began in the read that is being parsed."""
        deadlines = _deadlines.get(self.server_state)
        if deadlines is None:
            deadlines = _Deadlines(self.header_timeout_seconds, self.timeout_keep_alive)
            _deadlines[self.server_state] = deadlines
        self._deadlines = deadlines
        self._answering: RequestResponseCycle | None = None
        """Of pipelined requests the one that is being answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadlines.headers.begin(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadlines.headers.end(self)
        self._deadlines.idle.end(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_between = self._is_between
        self._begun_count = 0
        super().data_received(data)
        if self._in_headers and not self.transport.is_closing():
            self._bound_headers(len(data), was_between)

    def on_message_begin(self) -> None:
        self._in_headers = True
        self._is_between = False
        self._begun_count += 1
        self._deadlines.idle.end(self)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._deadlines.headers.end(self)
        super().on_headers_complete()
        # Not the cycle's own: a cycle that its scope leads back to would wait for the garbage collector.
        self.scope[ANSWER_WHOLE] = self._answer_whole  # type: ignore[literal-required]

    def on_message_complete(self) -> None:
        self._is_between = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        # uvicorn's own, without its timer per request (10 µs on uvloop); test_front_door holds what it does.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self._deadlines.idle.begin(self)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _answer_whole(self, rest: bytes) -> bool:
        cycle = self._answering
        if (
            cycle is None
            or not cycle.keep_alive
            or cycle.disconnected
            or cycle.response_started
            or self.flow.write_paused
        ):
            return False
        head = [STATUS_LINE[200], *[b"%b: %b\r\n" % header for header in cycle.default_headers], rest]
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        self.transport.write(b"".join(head))
        cycle.message_event.set()
        cycle.on_response()
        return True

    def _bound_headers(self, read_bytes: int, was_between: bool) -> None:
        """After a read that left headers incomplete: start their deadline, and give up when they are too many."""
        if self._begun_count == 0:
            self._header_bytes += read_bytes
        else:
            self._deadlines.headers.begin(self)
            # What came before it in the same read belongs to another request, and is not counted.
            self._header_bytes = read_bytes if was_between and self._begun_count == 1 else 0
        if self._header_bytes > MAX_HEADER_BYTES:
            self.transport.write(_TOO_LARGE % (len(_BODY), _BODY))
            self.transport.close()


def _close(connection: GuardedProtocol) -> None:
    if not connection.transport.is_closing():
        connection.transport.close()
