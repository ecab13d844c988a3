"""The HTTP connection, guarded where uvicorn's is not: whatever a caller sends is bounded in size and time.

Deadlines of all connections share timers (`overdue.py`); so does the keep-alive timeout, for which uvicorn starts and
cancels a timer per request. A request that came whole in one read, as those of SDKs with one message do, is offered to
the application without a task of its own (`TakesWhole`): that task is a third of what such a request costs.
Source: uvicorn's httptools protocol gathers headers, trailers and pipelined requests without a limit, takes trailers
for headers, waits for ever for what does not come or is not read, and loses the body of a request that offers an
upgrade.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from hubwire.receive.connection_limits import (
    BODY_TIMEOUT_SECONDS,
    FRAMING_SLACK_BYTES,
    HEADER_TIMEOUT_SECONDS,
    MAX_HEADER_BYTES,
    MAX_PIPELINED,
    MOST_READ_PER_BODY_BYTE,
    MOSTLY_FRAMING,
    NOT_HTTP,
    TOO_LARGE_HEADERS,
    TOO_MANY_PIPELINED,
    WRITE_TIMEOUT_SECONDS,
)
from hubwire.receive.deadlines import Deadlines

Scope = MutableMapping[str, Any]


class TakesWhole(Protocol):
    """An ASGI application may have this beside `__call__`."""

    def take_whole(self, scope: Scope, body: bytes, done: Callable[[bytes | None], None]) -> bool:
        """Take a POST that is there in full; False when it is to be called in the ordinary way instead.

        Shape: `done` is called once, at once or later: with the further headers and the body of a 200, or with None
        when nothing came of it, so that the application is to be called in the ordinary way after all.
        """
        ...


class _Refused(Exception):
    """Raised to the parser, so that it stops."""


class _Shared:
    """What the connections of one server share: deadlines for the end of headers, of a body, for the next request, for
    reading answers; and how every plain 200 begins."""

    def __init__(self, header_seconds: float, body_seconds: float, idle_seconds: float, write_seconds: float) -> None:
        self.headers: Deadlines[GuardedProtocol] = Deadlines(header_seconds, _close)
        self.bodies: Deadlines[GuardedProtocol] = Deadlines(body_seconds, _close)
        self.idle: Deadlines[GuardedProtocol] = Deadlines(idle_seconds, _close)
        self.writes: Deadlines[GuardedProtocol] = Deadlines(write_seconds, _abort)
        self._headers: list[tuple[bytes, bytes]] = []
        self._head = b""

    def head(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Status line and the server's own headers: the same list until a second has passed."""
        if headers is not self._headers:
            self._headers = headers
            self._head = STATUS_LINE[200] + b"".join([b"%b: %b\r\n" % header for header in headers])
        return self._head


_shared: WeakKeyDictionary[ServerState, _Shared] = WeakKeyDictionary()


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol; a caller that dawdles, or sends more than there is a use for, is disconnected."""

    header_timeout_seconds = HEADER_TIMEOUT_SECONDS
    body_timeout_seconds = BODY_TIMEOUT_SECONDS
    write_timeout_seconds = WRITE_TIMEOUT_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_headers = False
        self._is_between = True
        self._header_bytes = 0
        """Read of headers that are not complete yet."""
        self._begun_count = 0
        """Requests that began in the read that is being parsed."""
        self._read_bytes = 0
        """Of that read."""
        self._awaited_bytes = 0
        """Read while a body was incomplete, with all that is around it."""
        self._body_bytes = 0
        self._refusal: bytes | None = None
        """Set once and for all: nothing that comes after is read."""
        shared = _shared.get(self.server_state)
        if shared is None:
            shared = _Shared(
                self.header_timeout_seconds,
                self.body_timeout_seconds,
                self.timeout_keep_alive,
                self.write_timeout_seconds,
            )
            _shared[self.server_state] = shared
        self._shared = shared
        self._answering: RequestResponseCycle | None = None
        """Of pipelined requests the one that is being answered."""
        self._undecided: ASGI3Application | None = None
        """The application that is called for it when it turns out not to have come whole."""
        self._take_whole = getattr(self.config.app, "take_whole", None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._shared.headers.begin(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._shared.headers.end(self)
        self._shared.bodies.end(self)
        self._shared.idle.end(self)
        self._shared.writes.end(self)
        self.pipeline.clear()
        super().connection_lost(exc)
        for cycle in (self._answering, self.cycle):
            if cycle is not None:
                _let_go(cycle)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._shared.writes.begin(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._shared.writes.end(self)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        was_between = self._is_between
        self._begun_count = 0
        self._read_bytes = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            self._go_on_without_upgrade(data[exc.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(self._refusal or NOT_HTTP)
            return
        finally:
            self._call_undecided()
        if self._is_between or self.transport.is_closing():
            return
        if self._in_headers:
            self._bound_headers(was_between)
        else:
            self._bound_body()

    def on_message_begin(self) -> None:
        self._in_headers = True
        self._is_between = False
        self._begun_count += 1
        self._header_bytes = self._awaited_bytes = self._body_bytes = 0
        self._shared.idle.end(self)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._shared.headers.end(self)
        if self._header_bytes + self._read_bytes > MAX_HEADER_BYTES:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            self._stop_unless(size <= MAX_HEADER_BYTES, TOO_LARGE_HEADERS)
        self._stop_unless(len(self.pipeline) < MAX_PIPELINED, TOO_MANY_PIPELINED)
        if self.parser.should_upgrade():
            return
        super().on_headers_complete()
        # Trailers come into a list that nobody reads: a proxy that passes one on has not looked at it as at a header.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._is_between = True
        if self._awaited_bytes:
            self._shared.bodies.end(self)
        if self.cycle.response_complete:
            # Refused before all of it was there.
            self._shared.idle.begin(self)
        super().on_message_complete()
        app, self._undecided = self._undecided, None
        if app is not None:
            self._offer_whole(self.cycle, app)

    def on_response_complete(self) -> None:
        # uvicorn's own, without its timer per request (10 µs on uvloop); test_front_door holds what it does.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._shared.writes.begin(self)
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            # The read that it came with is over.
            self._call_undecided()
        elif self._is_between:
            self._shared.idle.begin(self)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        if (
            self._take_whole is None
            or cycle.scope["method"] != "POST"
            or not cycle.keep_alive
            or cycle.waiting_for_100_continue
            or self.flow.write_paused
        ):
            super()._start_asgi_task(cycle, app)
        elif cycle.more_body:
            self._undecided = app
        else:
            self._offer_whole(cycle, app)

    def _offer_whole(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        assert self._take_whole is not None

        def done(rest: bytes | None) -> None:
            if rest is not None:
                self._answer_whole(cycle, rest)
            else:
                HttpToolsProtocol._start_asgi_task(self, cycle, app)

        if not self._take_whole(cycle.scope, bytes(cycle.body), done):
            super()._start_asgi_task(cycle, app)

    def _call_undecided(self) -> None:
        """Where a read left a body incomplete the application reads the rest itself."""
        app, self._undecided = self._undecided, None
        if app is not None and self._answering is not None:
            super()._start_asgi_task(self._answering, app)

    def _answer_whole(self, cycle: RequestResponseCycle, rest: bytes) -> None:
        """Write a 200 in one piece: ASGI's two messages would cost a packet each."""
        if cycle.disconnected or self.transport.is_closing():
            return
        head = self._shared.head(cycle.default_headers)
        if not cycle.keep_alive:
            head += b"connection: close\r\n"
        cycle.response_started = cycle.response_complete = True
        self.transport.write(head + rest)
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        # As uvicorn does: a cycle that leads back to its connection would wait for the garbage collector.
        on_response, cycle.on_response = cycle.on_response, _nothing
        on_response()

    def _bound_headers(self, was_between: bool) -> None:
        """After a read that left headers incomplete: start their deadline, and give up when they are too many."""
        if self._begun_count == 0:
            self._header_bytes += self._read_bytes
        else:
            self._shared.headers.begin(self)
            # What came before it in the same read belongs to another request, and is not counted.
            self._header_bytes = self._read_bytes if was_between and self._begun_count == 1 else 0
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(TOO_LARGE_HEADERS)

    def _bound_body(self) -> None:
        """After a read that left a body incomplete: start its deadline, and give up when most of it is no body."""
        if not self._awaited_bytes:
            self._shared.bodies.begin(self)
        self._awaited_bytes += self._read_bytes
        if self._awaited_bytes > FRAMING_SLACK_BYTES + MOST_READ_PER_BODY_BYTE * self._body_bytes:
            self._refuse(MOSTLY_FRAMING)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Read the request once more, with what the parser left of it, as if no upgrade had been offered.

        The parser stops at such a request, without its body; a server is free to take it as it is (RFC 9110 7.8).
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self._refuse(NOT_HTTP)
            return
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"%b %b HTTP/%b\r\n%b\r\n%b" % (method, self.url, version, b"".join(lines), rest))

    def _stop_unless(self, is_right: bool, refusal: bytes) -> None:
        if not is_right:
            self._refusal = refusal
            raise _Refused

    def _refuse(self, refusal: bytes) -> None:
        """Read nothing more. An upload that came whole before is answered first, and then the connection closed."""
        self._refusal = refusal
        self._undecided = None
        self._shared.headers.end(self)
        self._shared.bodies.end(self)
        self.pipeline.clear()
        answering = self._answering
        if answering is not None and not answering.response_complete and not answering.more_body:
            answering.keep_alive = False
            return
        if answering is None or answering.response_complete or not answering.response_started:
            self.transport.write(refusal)
        _close(self)


def _nothing() -> None:
    return None


def _let_go(cycle: RequestResponseCycle) -> None:
    """Nobody hears its answer any more. It does not keep the connection, with all that came, for the collector."""
    cycle.on_response = _nothing
    if not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()


def _close(connection: GuardedProtocol) -> None:
    """When what was written is read; but that has an end as well."""
    if not connection.transport.is_closing():
        connection.transport.close()
        connection._shared.writes.begin(connection)


def _abort(connection: GuardedProtocol) -> None:
    connection.transport.abort()
