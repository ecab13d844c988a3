"""One request on a connection and its answer, as an ASGI application sees them, and the deadlines of both.

An application that breaks ASGI's order of messages, or answers more or less than it announced, gets a RuntimeError;
the caller gets a 500 where nothing was written yet, otherwise the end of the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Generic, TypeVar

import structlog
from starlette.types import ASGIApp, Message, Scope

T = TypeVar("T")

TICKS = 8


class Deadlines(Generic[T]):
    """Calls `give_up` for each thing that was begun and not ended in time.

    One timer serves all of them. A timer per request costs more than parsing the request (25 µs for `asyncio.timeout`
    on uvloop, measured); a dict entry costs a tenth of a microsecond.

    Units: a thing is given up after `seconds`, at most an eighth later. Belongs to one event loop.
    """

    def __init__(self, seconds: float, give_up: Callable[[T], None]) -> None:
        self._tick_seconds = seconds / TICKS
        self._give_up = give_up
        self._begun: dict[T, int] = {}
        self._tick = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._begun)

    def begin(self, thing: T) -> None:
        self._begun[thing] = self._tick
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick_seconds, self._on_tick)

    def end(self, thing: T) -> None:
        self._begun.pop(thing, None)

    def _on_tick(self) -> None:
        self._timer = None
        self._tick += 1
        if not self._begun:
            return
        # Begun within the tick before is up to one tick late: never too early.
        late = [thing for thing, tick in self._begun.items() if self._tick - tick > TICKS]
        for thing in late:
            del self._begun[thing]
            self._give_up(thing)
        if self._begun:
            self._timer = asyncio.get_running_loop().call_later(self._tick_seconds, self._on_tick)


log = structlog.get_logger("hubwire.receive")

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = b"connection: close\r\n"
MAX_HELD_BODY_BYTES = 65_536
"""A connection stops reading while this many bytes of the body wait for the application."""
BODILESS_STATUSES = frozenset({204, 304})
LINE_BREAKS = frozenset(b"\r\n\0")
INTERNAL_ERROR = b"Internal Server Error"


class Flow:
    """Whether a connection is currently reading and writing."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._is_reading_paused = False
        self._may_write = asyncio.Event()
        self._may_write.set()

    @property
    def is_writing_paused(self) -> bool:
        return not self._may_write.is_set()

    def pause_reading(self) -> None:
        if not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._is_reading_paused:
            self._is_reading_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    async def drain(self) -> None:
        """Wait until the caller has read enough of what was written."""
        await self._may_write.wait()


class Exchange:
    """A request and its answer.

    Shape: `own_headers` go into every answer; `ended` is called once the answer is written whole.
    """

    def __init__(
        self,
        scope: Scope,
        transport: asyncio.Transport,
        flow: Flow,
        own_headers: list[tuple[bytes, bytes]],
        *,
        is_kept_alive: bool,
        expects_continue: bool,
        ended: Callable[[], None],
    ) -> None:
        self.scope = scope
        self.own_headers = own_headers
        self.is_kept_alive = is_kept_alive
        self.expects_continue = expects_continue
        self.ended = ended
        self.body = bytearray()
        self.has_whole_body = False
        self.is_disconnected = False
        self.is_answer_begun = False
        self.is_answered = False
        self._transport = transport
        self._flow = flow
        self._has_news = False
        self._news: asyncio.Event | None = None
        """Made when the application waits for news: a request that arrives whole needs none."""
        self._is_chunked = False
        self._unsent_bytes = 0

    # -- what the connection tells

    def add_body(self, body: bytes) -> None:
        self.body += body
        if len(self.body) > MAX_HELD_BODY_BYTES:
            self._flow.pause_reading()
        self._tell()

    def complete_body(self) -> None:
        self.has_whole_body = True
        self._tell()

    def lose(self) -> None:
        """The caller has disconnected, so nobody gets the answer."""
        self.ended = _nothing
        if not self.is_answered:
            self.is_disconnected = True
            self._tell()

    def _tell(self) -> None:
        """Wake the application, if it waits."""
        self._has_news = True
        if self._news is not None:
            self._news.set()

    # -- what the application does

    async def run(self, app: ASGIApp) -> None:
        """Call the application; whatever it raises is our own bug."""
        try:
            await app(self.scope, self.receive, self.send)
            if not (self.is_answered or self.is_disconnected):
                raise RuntimeError("the application returned before its answer was complete")
        except Exception as exc:
            log.error("request.failed", path=self.scope["path"], exc_info=exc)
            if not self.is_answer_begun:
                await self._fail()
            else:
                self._transport.close()
        finally:
            # Otherwise exchange and connection refer to each other and wait for the garbage collector.
            self.ended = _nothing

    async def receive(self) -> Message:
        """ASGI's receive: the next part of the body, or `http.disconnect`."""
        if self.expects_continue and not self._transport.is_closing():
            self._transport.write(CONTINUE)
            self.expects_continue = False
        if not (self.is_disconnected or self.is_answered):
            self._flow.resume_reading()
            if not self._has_news:
                self._news = asyncio.Event()
                await self._news.wait()
            self._has_news = False
        if self.is_disconnected or self.is_answered:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": not self.has_whole_body}

    async def send(self, message: Message) -> None:
        """ASGI's send. Errors: RuntimeError for a message out of order."""
        if self._flow.is_writing_paused and not self.is_disconnected:
            await self._flow.drain()
        if self.is_disconnected:
            return
        expected = "http.response.body" if self.is_answer_begun else "http.response.start"
        if self.is_answered or message["type"] != expected:
            raise RuntimeError(f"the application sent {message['type']} out of order")
        if self.is_answer_begun:
            self._write_body(message.get("body", b""), message.get("more_body", False))
        else:
            self._write_head(message["status"], message.get("headers", ()))

    def write_whole(self, head: bytes, rest: bytes) -> None:
        """Write an answer in one piece: ASGI's two messages would cost a packet each.

        Shape: `head`: the status line and this server's own headers; `rest`: further headers, an empty line, the body.
        """
        self.is_answer_begun = True
        self._transport.write(head + (b"" if self.is_kept_alive else CLOSE) + rest)
        self._end()

    def _write_head(self, status: int, headers: object) -> None:
        self.is_answer_begun = True
        self.expects_continue = False
        lines = [STATUS_LINES[status]]
        self._is_chunked = self.scope["method"] != "HEAD" and status not in BODILESS_STATUSES
        announces_close = False
        for name, value in [*self.own_headers, *headers]:  # type: ignore[misc]
            if not LINE_BREAKS.isdisjoint(name) or not LINE_BREAKS.isdisjoint(value):
                raise RuntimeError(f"a header that the application sent has a line break: {name!r}")
            lowered = name.lower()
            if lowered == b"content-length":
                self._unsent_bytes, self._is_chunked = int(value), False
            elif lowered == b"transfer-encoding":
                continue
            elif lowered == b"connection" and b"close" in value.lower():
                self.is_kept_alive, announces_close = False, True
            lines.append(b"%b: %b\r\n" % (lowered, value))
        if self._is_chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        if not self.is_kept_alive and not announces_close:
            lines.append(CLOSE)
        lines.append(b"\r\n")
        self._transport.write(b"".join(lines))

    def _write_body(self, body: bytes, more_body: bool) -> None:
        if self.scope["method"] == "HEAD":
            self._unsent_bytes = 0
        elif self._is_chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            last = b"" if more_body else b"0\r\n\r\n"
            self._transport.write(chunk + last)
        else:
            self._unsent_bytes -= len(body)
            if self._unsent_bytes < 0 or (self._unsent_bytes and not more_body):
                raise RuntimeError("the application's answer has another length than it announced")
            self._transport.write(body)
        if not more_body:
            self._end()

    def _end(self) -> None:
        self.is_answered = True
        self._tell()
        if not self.is_kept_alive:
            self._transport.close()
        ended, self.ended = self.ended, _nothing
        ended()

    async def _fail(self) -> None:
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(INTERNAL_ERROR))]
        headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": INTERNAL_ERROR})


def _nothing() -> None:
    return None
