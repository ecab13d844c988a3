"""A receiver on a real loopback port, with a real SQLite journal, inside the test process."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.clock import SystemClock
from hubwire.destination import Source, SourceKind
from hubwire.errors import BackendUnavailable
from hubwire.journal.group_commit import GroupCommit
from hubwire.message import Entry, JournalRow
from hubwire.receive.app import ReceiveApp
from hubwire.receive.connection import Connection
from hubwire.receive.upload_limits import ReceiveLimits

WRITE_KEY = "wk_of_the_server"
WEB_KEY = "wk_of_the_page"
SOURCES = {
    WRITE_KEY: Source(source_id=1, name="server"),
    WEB_KEY: Source(source_id=2, name="page", kind=SourceKind.WEB),
}


class _Sources:
    def by_write_key(self, write_key: str) -> Source | None:
        return SOURCES.get(write_key)


class LostAnswer(BackendUnavailable):
    """A refusal that a test puts in the door: the upload is kept, but the caller does not hear it."""


class Door:
    """The way to the journal, which a test may close for the next uploads."""

    def __init__(self, groups: GroupCommit) -> None:
        self.groups = groups
        self.refusals: deque[Exception] = deque()
        self.failures: deque[Exception] = deque()
        """Of commits, for those who were told that their upload is being taken."""
        self.refused = 0
        self._taken: set[str] = set()
        self._owed: set[str] = set()
        self._changed = threading.Condition()

    async def append(self, entries: Sequence[Entry]) -> list[int | None]:
        ids = {entry.message_id for entry in entries}
        if self.refusals:
            refusal = self._refusal(ids)
            if isinstance(refusal, LostAnswer):
                await self.groups.append(entries)
            raise refusal
        positions = await self.groups.append(entries)
        self._note_taken(ids)
        return positions

    def submit(self, entries: Sequence[Entry], settled: Callable[[Sequence[int | None] | Exception], None]) -> None:
        ids = {entry.message_id for entry in entries}
        if self.refusals:
            refusal = self._refusal(ids)
            if not isinstance(refusal, LostAnswer):
                raise refusal
            self.groups.submit(entries, lambda _: settled(refusal))
            return
        if self.failures:
            settled(self.failures.popleft())
            return

        def note(outcome: Sequence[int | None] | Exception) -> None:
            if not isinstance(outcome, Exception):
                self._note_taken(ids)
            settled(outcome)

        self.groups.submit(entries, note)

    def _refusal(self, ids: set[str]) -> Exception:
        self.refused += 1
        self._owed |= ids
        return self.refusals.popleft()

    def _note_taken(self, ids: set[str]) -> None:
        with self._changed:
            self._taken |= ids
            self._owed -= ids
            self._changed.notify_all()

    def wait_settled(self, count: int, timeout_seconds: float) -> bool:
        """Wait until so many messages were taken and every refused one came again; whether they did."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._taken) >= count and not self._owed, timeout_seconds)


class Receiving:
    """What a test sees of the running receiver."""

    def __init__(self, app: ReceiveApp, door: Door, journal: SqliteJournal, port: int) -> None:
        self.app = app
        self.door = door
        self.journal = journal
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.requests: list[dict[str, Any]] = []

    @property
    def rows(self) -> list[JournalRow]:
        return self.journal.newest(None, 100_000)[::-1]

    def requested(self, path: str) -> list[dict[str, Any]]:
        """Headers of the requests that came to a path, oldest first."""
        return [request for request in self.requests if request[":path"] == path]


class Watched:
    """The receiver, with a note of every request and the settings that mobile SDKs ask for."""

    def __init__(self, running: Receiving, app: ReceiveApp, settings: Any) -> None:
        self._running, self._app, self._settings = running, app, settings

    def take_whole(self, scope: Any, body: bytes, done: Any) -> bool:
        def noted(status: int, rest: bytes) -> None:
            self._note(scope)
            done(status, rest)

        return self._app.take_whole(scope, body, noted)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._note(scope)
        is_settings = scope["path"] == f"/v1/projects/{WRITE_KEY}/settings"
        await (self._settings if is_settings else self._app)(scope, receive, send)

    def _note(self, scope: Any) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self._running.requests.append({":method": scope["method"], ":path": scope["path"], **headers})


class LoopThread:
    """uvicorn on a loop of its own, in a thread; the loop is the one that `hubwire serve` has."""

    def __init__(self, app: Any, listener: socket.socket, http: type[Any], keep_alive_seconds: int) -> None:
        config = uvicorn.Config(
            app,
            http=http,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=keep_alive_seconds,
        )
        self._server = uvicorn.Server(config)
        self._listener = listener
        self.closing: list[Any] = []
        self._thread = threading.Thread(target=lambda: uvloop.run(self._serve()))

    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._listener])
        for close in self.closing:
            await close()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()


@contextmanager
def receiving(
    folder: Path,
    *,
    limits: ReceiveLimits | None = None,
    http: type[Any] = Connection,
    max_waiting_messages: int = 20_000,
    keep_alive_seconds: int = 5,
) -> Iterator[Receiving]:
    """A receiver that runs while the block does. The listening socket queues callers from the start."""
    file = SqliteFile(folder / "hubwire.db")
    journal = SqliteJournal(file, appends=True)
    groups = GroupCommit(journal, max_waiting_messages=max_waiting_messages)
    door = Door(groups)
    app = ReceiveApp(_Sources(), door, SystemClock(), limits or ReceiveLimits())
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    running = Receiving(app, door, journal, listener.getsockname()[1])

    async def settings(scope: Any, receive: Any, send: Any) -> None:
        # Device mode serves the real ones; a mobile SDK sends nothing before it has some.
        segment = {"apiKey": WRITE_KEY, "apiHost": f"127.0.0.1:{running.port}/v1"}
        body = json.dumps({"integrations": {"Segment.io": segment}}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    thread = LoopThread(Watched(running, app, settings), listener, http, keep_alive_seconds)
    thread.closing.append(groups.stop)
    thread.start()
    try:
        yield running
    finally:
        thread.stop()
        journal.close()
        file.close()
