"""The HTTP connection, over httptools, with limits of size and time for everything that a caller sends.

It serves any ASGI application for `uvicorn.Server`, as the class in `uvicorn.Config(http=…)`. The deadlines of all
connections share timers (`Deadlines`). A request that arrives whole in one read, as from SDKs with one message, is
offered to the application without a separate task (`TakesWhole`), which saves a third of its cost. Headers, trailers,
pipelined requests and bodies are limited; trailers never count as headers; a request that offers an upgrade is served
without it; a caller that closes its side after the request gets its answer.
Sources: RFC 9110 and RFC 9112.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast
from urllib.parse import unquote
from weakref import WeakKeyDictionary

import httptools
from starlette.types import ASGIApp, Scope

from hubwire.receive.connection_limits import (
    BODY_TIMEOUT_SECONDS,
    FRAMING_SLACK_BYTES,
    HEADER_TIMEOUT_SECONDS,
    MAX_HEADER_BYTES,
    MAX_PIPELINED,
    MAX_READ_PER_BODY_BYTE,
    MOSTLY_FRAMING,
    NOT_HTTP,
    NOT_ONE_HOST,
    TOO_LARGE_HEADERS,
    TOO_MANY_PIPELINED,
    WRITE_TIMEOUT_SECONDS,
)
from hubwire.receive.exchange import STATUS_LINES, Deadlines, Exchange, Flow


class TakesWhole(Protocol):
    """An optional method of an ASGI application, in addition to `__call__`."""

    def take_whole(self, scope: Scope, body: bytes, done: Callable[[int, bytes], None]) -> bool:
        """Accept a POST that arrived whole; False if the connection must call the application in the ordinary way.

        Shape: after True, `done` is called once, now or later, with the status, and the remaining headers, the empty
        line and the body of the answer.
        """
        ...


class _Refused(Exception):
    """Raised inside the parser to stop it."""


class ServerState(Protocol):
    """The state that `uvicorn.Server` shares with its connections; it reads `connections` and `tasks` at its stop."""

    connections: set[Any]
    tasks: set[asyncio.Task[None]]
    total_requests: int
    default_headers: list[tuple[bytes, bytes]]


class Config(Protocol):
    """The fields of `uvicorn.Config` that a connection reads. `loaded_app` is `app` behind uvicorn's middleware."""

    app: Any
    loaded_app: Any
    timeout_keep_alive: int


class _Shared:
    """Shared by the connections of one server: deadlines, and the first bytes of answers."""

    def __init__(self, header_seconds: float, body_seconds: float, idle_seconds: float, write_seconds: float) -> None:
        self.headers: Deadlines[Connection] = Deadlines(header_seconds, _close)
        self.bodies: Deadlines[Connection] = Deadlines(body_seconds, _close)
        self.idle: Deadlines[Connection] = Deadlines(idle_seconds, _close)
        self.writes: Deadlines[Connection] = Deadlines(write_seconds, _abort)
        self._headers: list[tuple[bytes, bytes]] = []
        self._heads: dict[int, bytes] = {}

    def end_all(self, connection: Connection) -> None:
        for deadlines in (self.headers, self.bodies, self.idle, self.writes):
            deadlines.end(connection)

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Status line and the server's own headers, made once for each list: uvicorn makes a new list every second."""
        if headers is not self._headers:
            self._headers, self._heads = headers, {}
        head = self._heads.get(status)
        if head is None:
            head = STATUS_LINES[status] + b"".join([b"%b: %b\r\n" % header for header in headers])
            self._heads[status] = head
        return head


_shared: WeakKeyDictionary[ServerState, _Shared] = WeakKeyDictionary()


class Connection(asyncio.Protocol):
    """One connection: parses requests, starts one exchange after the other, disconnects a caller out of bounds."""

    header_timeout_seconds = HEADER_TIMEOUT_SECONDS
    body_timeout_seconds = BODY_TIMEOUT_SECONDS
    write_timeout_seconds = WRITE_TIMEOUT_SECONDS

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._app: ASGIApp = config.loaded_app
        self._take_whole = getattr(config.app, "take_whole", None)
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._shared = self._share(config)
        self._parser = _parser(self)
        self._transport: asyncio.Transport
        self._flow: Flow
        self._scheme = "http"
        self._client: tuple[str, int] | None = None
        self._server: tuple[str, int] | None = None

        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._hosts = 0
        """The `Host` headers of the request."""
        self._expects_continue = False
        self._parsed: Exchange | None = None
        """The request that is being read."""
        self._answering: Exchange | None = None
        """The request that is being answered."""
        self._waiting: deque[Exchange] = deque()
        """Pipelined requests that wait behind it."""
        self._undecided: Exchange | None = None
        """A request of the current read whose body is not complete."""
        self._refusal: bytes | None = None
        """Never reset: nothing more is read."""
        self._is_half_closed = False
        self._in_headers = False
        self._is_between = True
        self._read_bytes = 0
        self._requests_started = 0
        """Counted in the current read, as `_read_bytes`."""
        self._unparsed_header_bytes = 0
        self._unfinished_bytes = 0
        """Bytes read since the start of an incomplete body, chunk framing included."""
        self._body_bytes = 0

    def _share(self, config: Config) -> _Shared:
        shared = _shared.get(self._state)
        if shared is None:
            shared = _Shared(
                self.header_timeout_seconds,
                self.body_timeout_seconds,
                config.timeout_keep_alive,
                self.write_timeout_seconds,
            )
            _shared[self._state] = shared
        return shared

    @property
    def is_unanswered(self) -> bool:
        """Whether a caller waits for an answer."""
        return self._answering is not None and not self._answering.is_answered

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._flow = Flow(self._transport)
        self._scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self._client = _address(transport.get_extra_info("peername"))
        self._server = _address(transport.get_extra_info("sockname"))
        self._state.connections.add(self)
        self._shared.headers.begin(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._state.connections.discard(self)
        self._shared.end_all(self)
        self._flow.resume_writing()
        for exchange in (self._answering, self._parsed, *self._waiting):
            if exchange is not None:
                exchange.lose()
        self._waiting.clear()
        # The parser refers to this object; without this, both would wait for the garbage collector.
        del self._parser

    def eof_received(self) -> bool:
        """The caller closed its side. Whole requests are still answered; True keeps the connection open for that."""
        self._is_half_closed = True
        has_work = self._answering is not None and not self._answering.is_answered and self._answering.has_whole_body
        return has_work and self._scheme == "http"  # TLS has no half-closed connections

    def pause_writing(self) -> None:
        self._flow.pause_writing()
        self._shared.writes.begin(self)

    def resume_writing(self) -> None:
        self._flow.resume_writing()
        if not self._transport.is_closing():
            self._shared.writes.end(self)

    def shutdown(self) -> None:
        """Close once the running requests are answered, because the server stops."""
        if not self.is_unanswered:
            self._transport.close()
        elif self._parsed is not None:
            self._parsed.is_kept_alive = False

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        was_between = self._is_between
        self._requests_started = 0
        self._read_bytes = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            self._go_on_without_upgrade(data[exc.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(self._refusal or NOT_HTTP)
            return
        finally:
            self._call_undecided()
        if self._is_between or self._transport.is_closing():
            return
        if self._in_headers:
            self._bound_headers(was_between)
        else:
            self._bound_body()

    # -- the parser's side

    def on_message_begin(self) -> None:
        self._in_headers = True
        self._is_between = False
        self._requests_started += 1
        self._unparsed_header_bytes = self._unfinished_bytes = self._body_bytes = 0
        self._url, self._headers = b"", []
        self._hosts, self._expects_continue = 0, False
        self._shared.idle.end(self)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._headers.append((name, value))
        if name == b"host":
            self._hosts += 1
        elif name == b"expect":
            self._expects_continue |= value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._shared.headers.end(self)
        if self._unparsed_header_bytes + self._read_bytes > MAX_HEADER_BYTES:
            size = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)
            self._stop_unless(size <= MAX_HEADER_BYTES, TOO_LARGE_HEADERS)
        self._stop_unless(len(self._waiting) < MAX_PIPELINED, TOO_MANY_PIPELINED)
        if self._parser.should_upgrade():
            return
        exchange = self._exchange()
        # Trailers go into a list that nobody reads: a proxy does not check them as it checks headers.
        self._headers = []
        self._parsed = exchange
        if self._answering is None or self._answering.is_answered:
            self._begin(exchange)
        else:
            self._flow.pause_reading()
            self._waiting.append(exchange)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._parsed is not None and not self._parsed.is_answered:
            self._parsed.add_body(body)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return
        self._is_between = True
        if self._unfinished_bytes:
            self._shared.bodies.end(self)
        exchange = self._parsed
        if exchange is None or exchange.is_answered:
            # The request was refused before it was complete.
            self._shared.idle.begin(self)
        else:
            exchange.complete_body()
        undecided, self._undecided = self._undecided, None
        if undecided is not None:
            self._offer_whole(undecided)

    # -- exchanges

    def _exchange(self) -> Exchange:
        version = self._parser.get_http_version()
        self._stop_unless(self._hosts == 1 or (self._hosts == 0 and version == "1.0"), NOT_ONE_HOST)
        try:
            url = httptools.parse_url(self._url)
            path = url.path.decode("ascii")
        except (httptools.HttpParserInvalidURLError, UnicodeDecodeError, AttributeError):
            self._refusal = NOT_HTTP
            raise
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "scheme": self._scheme,
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "root_path": "",
            "headers": self._headers,
            "client": self._client,
            "server": self._server,
            "state": self._app_state.copy(),
        }
        return Exchange(
            scope,
            self._transport,
            self._flow,
            self._state.default_headers,
            is_kept_alive=version != "1.0" and self._parser.should_keep_alive(),
            expects_continue=self._expects_continue,
            ended=self._on_answered,
        )

    def _begin(self, exchange: Exchange) -> None:
        self._answering = exchange
        if (
            self._take_whole is None
            or exchange.scope["method"] != "POST"
            or not exchange.is_kept_alive
            or exchange.expects_continue
            or self._flow.is_writing_paused
        ):
            self._call(exchange)
        elif not exchange.has_whole_body:
            self._undecided = exchange
        else:
            self._offer_whole(exchange)

    def _call(self, exchange: Exchange) -> None:
        """Call the application in the ordinary way: a task, ASGI's messages."""
        task = self._loop.create_task(exchange.run(self._app))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _offer_whole(self, exchange: Exchange) -> None:
        assert self._take_whole is not None

        def done(status: int, rest: bytes) -> None:
            if not (exchange.is_disconnected or self._transport.is_closing()):
                exchange.write_whole(self._shared.head(status, exchange.own_headers), rest)

        if not self._take_whole(exchange.scope, bytes(exchange.body), done):
            self._call(exchange)

    def _call_undecided(self) -> None:
        """After a read with an incomplete body, the application reads the rest itself."""
        undecided, self._undecided = self._undecided, None
        if undecided is not None:
            self._call(undecided)

    def _on_answered(self) -> None:
        self._state.total_requests += 1
        if self._transport.is_closing():
            self._shared.writes.begin(self)
            return
        if self._waiting:
            self._flow.resume_reading()
            self._begin(self._waiting.popleft())
            # The read that brought it is over.
            self._call_undecided()
        elif self._is_half_closed:
            _close(self)
        else:
            self._flow.resume_reading()
            if self._is_between:
                self._shared.idle.begin(self)

    # -- bounds

    def _bound_headers(self, was_between: bool) -> None:
        """After a read that left headers incomplete: start their deadline, and refuse too many of them."""
        if self._requests_started == 0:
            self._unparsed_header_bytes += self._read_bytes
        else:
            self._shared.headers.begin(self)
            # Earlier bytes of the same read belong to another request and do not count.
            self._unparsed_header_bytes = self._read_bytes if was_between and self._requests_started == 1 else 0
        if self._unparsed_header_bytes > MAX_HEADER_BYTES:
            self._refuse(TOO_LARGE_HEADERS)

    def _bound_body(self) -> None:
        """After a read that left a body incomplete: start its deadline, and refuse one that is mostly chunk framing."""
        if not self._unfinished_bytes:
            self._shared.bodies.begin(self)
        self._unfinished_bytes += self._read_bytes
        if self._unfinished_bytes > FRAMING_SLACK_BYTES + MAX_READ_PER_BODY_BYTE * self._body_bytes:
            self._refuse(MOSTLY_FRAMING)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Read the request once more, with what the parser left of it, as if no upgrade had been offered.

        The parser stops at such a request, without its body; a server is free to take it as it is (RFC 9110 7.8).
        """
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        if method == b"CONNECT":
            self._refuse(NOT_HTTP)
            return
        lines = [b"%b: %b\r\n" % header for header in self._headers if header[0] != b"upgrade"]
        self._parser = _parser(self)
        self.data_received(b"%b %b HTTP/%b\r\n%b\r\n%b" % (method, self._url, version, b"".join(lines), rest))

    def _stop_unless(self, is_right: bool, refusal: bytes) -> None:
        if not is_right:
            self._refusal = refusal
            raise _Refused

    def _refuse(self, refusal: bytes) -> None:
        """Stop reading. Answer an upload that arrived whole, then close the connection."""
        self._refusal = refusal
        self._undecided = None
        self._shared.headers.end(self)
        self._shared.bodies.end(self)
        self._waiting.clear()
        answering = self._answering
        if answering is not None and not answering.is_answered and answering.has_whole_body:
            answering.is_kept_alive = False
            return
        if answering is None or answering.is_answered or not answering.is_answer_begun:
            self._transport.write(refusal)
        _close(self)


def _parser(connection: Connection) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(connection)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _address(name: Any) -> tuple[str, int] | None:
    """Host and port of a peer; None for a socket that has none."""
    return (str(name[0]), int(name[1])) if isinstance(name, (tuple, list)) and len(name) >= 2 else None


def _close(connection: Connection) -> None:
    """Close after the caller has read our answers, or after `write_timeout_seconds`."""
    if not connection._transport.is_closing():
        connection._transport.close()
        connection._shared.writes.begin(connection)


def _abort(connection: Connection) -> None:
    connection._transport.abort()
