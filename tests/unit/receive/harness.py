"""A receiver in memory, asked without a socket."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from hubwire.backends.memory.journal import MemoryJournal
from hubwire.clock import FakeClock
from hubwire.destination import Source, SourceKind
from hubwire.message import Entry, JournalRow
from hubwire.receive.app import ReceiveApp
from hubwire.receive.upload_limits import ReceiveLimits

NOW = 1_790_000_000_000
SERVER = Source(source_id=1, name="server")
WEB = Source(source_id=2, name="web", kind=SourceKind.WEB, allowed_origins=("https://www.site.test",))
SLOW = Source(source_id=3, name="slow", messages_per_second=10)
KEYS = {"server-key": SERVER, "web-key": WEB, "slow-key": SLOW}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class DirectJournal:
    """What receiving asks of the journal, answered at once by a journal in memory."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.failure: Exception | None = None

    async def append(self, entries: Sequence[Entry]) -> list[int | None]:
        if self.failure is not None:
            raise self.failure
        return self.journal.append(entries)

    def submit(self, entries: Sequence[Entry], settled: Callable[[Sequence[int | None] | Exception], None]) -> None:
        settled(self.failure if self.failure is not None else self.journal.append(entries))


class FixedSources:
    def by_write_key(self, write_key: str) -> Source | None:
        return KEYS.get(write_key)


class Receiver:
    """A `ReceiveApp`, its journal and its clock."""

    def __init__(self, limits: ReceiveLimits | None = None) -> None:
        self.clock = FakeClock(NOW)
        self.appending = DirectJournal()
        self.app = ReceiveApp(FixedSources(), self.appending, self.clock, limits or ReceiveLimits())

    @property
    def rows(self) -> list[JournalRow]:
        return self.appending.journal.newest(None, 100_000)[::-1]

    @property
    def fields(self) -> list[Any]:
        """The journaled messages, decoded."""
        return [msgspec.json.decode(row.body) for row in self.rows]

    async def ask(
        self, method: str, path: str, body: bytes | Sequence[bytes] = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        parts = [body] if isinstance(body, bytes) else list(body)
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        }
        # As a connection does with what came in one read: what is not answered so is asked in the ordinary way.
        whole: list[tuple[int, bytes]] = []

        def done(status: int, rest: bytes) -> None:
            whole.append((status, rest))

        if method == "POST" and len(parts) == 1 and self.app.take_whole(scope, parts[0], done):
            [(status, rest)] = whole
            head, _, content = rest.partition(b"\r\n\r\n")
            lines = (line.partition(": ") for line in head.decode().split("\r\n"))
            return Answer(status, {name: value for name, _, value in lines}, content)
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, content = sent
        return Answer(
            start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, content["body"]
        )

    async def post(self, path: str, value: object, key: str | None = "server-key", **headers: str) -> Answer:
        """POST a value as JSON (bytes as they are), with the key as HTTP Basic."""
        body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        if key is not None:
            given["authorization"] = basic(key)
        return await self.ask("POST", path, body, given)


def basic(key: str, colon: str = ":") -> str:
    return "Basic " + base64.b64encode(f"{key}{colon}".encode()).decode()


def packed(value: object) -> bytes:
    return gzip.compress(msgspec.json.encode(value))
