"""Appends messages of history to the journal, at backfill priority, through the running server if there is one.

A running server owns the journal's appender, so the lines go to it over loopback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import httpx2
import msgspec

from hubwire.backends.store import open_existing_store
from hubwire.backfill.reading import BYTES_PER_CHUNK, Line
from hubwire.clock import Clock
from hubwire.destination import Source
from hubwire.errors import BackendError, SettingsError, UploadRefused
from hubwire.installation.local import LocalServer, find_local_server
from hubwire.message import Entry
from hubwire.privacy.suppression import Suppressions, append_admitted
from hubwire.receive.entries import UploadOptions, entries_of
from hubwire.receive.parse import read_upload
from hubwire.receive.paths import Route, Takes
from hubwire.receive.upload_limits import ReceiveLimits
from hubwire.registry.named import named
from hubwire.settings import Settings

BYTES_PER_APPEND = BYTES_PER_CHUNK
ANY_TYPE = Route(Takes.SINGLE, None)


class Rejection(msgspec.Struct, frozen=True):
    """A message that was not journaled, or only as rejected. `index` is its line, from 0."""

    index: int
    reason: str
    is_journaled: bool = False


class Appended(msgspec.Struct):
    """The outcome of the lines of one call. `first` and `last`: the positions of the journaled ones, 0 for none."""

    journaled: int = 0
    duplicates: int = 0
    rejections: list[Rejection] = []
    first: int = 0
    last: int = 0

    def count(self, positions: Sequence[int | None]) -> None:
        """Add the journal's answer."""
        self.duplicates = positions.count(None)
        self.journaled = len(positions) - self.duplicates
        journaled = [position for position in positions if position is not None]
        if journaled:
            self.first, self.last = min(journaled), max(journaled)


Append = Callable[[Sequence[Line]], Appended]


def entries_of_lines(
    lines: Sequence[Line], source: Source, now_ms: int, limits: ReceiveLimits
) -> tuple[list[Entry], Appended]:
    """The journal entries of the lines, and the faults of the other lines."""
    appended = Appended()
    entries: list[Entry] = []
    for index, line in enumerate(lines):
        try:
            upload = read_upload(line.text, ANY_TYPE, limits)
        except UploadRefused as exc:
            appended.rejections.append(Rejection(index, str(exc)))
            continue
        [entry] = entries_of(upload, ANY_TYPE, source, now_ms, UploadOptions(limits, is_backfill=True))
        if entry.rejected is not None:
            appended.rejections.append(Rejection(index, str(entry.rejected), is_journaled=True))
        entries.append(entry)
    return entries, appended


def append_lines(
    lines: Sequence[Line], source: Source, append: Callable[[list[Entry]], list[int | None]], now_ms: int
) -> Appended:
    """Append lines; on return they are on disk."""
    entries, appended = entries_of_lines(lines, source, now_ms, ReceiveLimits())
    appended.count(append(entries))
    return appended


def appender(settings: Settings, source_name: str, stack: ExitStack, clock: Clock) -> Append:
    """An appender through the running server, or to the journal itself. Errors: SettingsError for an unknown source."""
    server = find_local_server(settings)
    if server is not None and _answers(server):
        client = stack.enter_context(httpx2.Client(base_url=server.url, timeout=60, verify=False))
        return lambda lines: _post(client, server, source_name, lines)
    store = open_existing_store(settings, clock, appends=True)
    stack.callback(store.close)
    stack.callback(store.journal.close)
    source = named(store.registry.sources().values(), source_name, "source")
    suppressions = Suppressions(store.privacy, store.registry, store.vault, clock)
    append = partial(append_admitted, store.journal.append, suppressions)
    return lambda lines: append_lines(lines, source, append, clock.now_ms())


def _answers(server: LocalServer) -> bool:
    """Whether the server runs. A killed server leaves its file behind, and another process may have its pid now."""
    try:
        return httpx2.get(f"{server.url}/health", timeout=5, verify=False).status_code == 200
    except httpx2.HTTPError:
        return False


def _post(client: httpx2.Client, server: LocalServer, source_name: str, lines: Sequence[Line]) -> Appended:
    try:
        response = client.post(
            "/api/v1/import",
            params={"source": source_name},
            content=b"\n".join([line.text for line in lines]),
            headers={"authorization": f"Bearer {server.token.reveal()}"},
        )
    except httpx2.HTTPError as exc:
        raise BackendError(f"the server at {server.url} did not answer: {exc}") from exc
    if response.status_code != 200:
        message = response.json().get("message", response.text[:200])
        raise SettingsError(message)
    return msgspec.json.decode(response.content, type=Appended)


def lines_of(body: bytes) -> list[Line]:
    """The messages of a request's body, one per line, numbered from 0."""
    return [Line(index, text) for index, text in enumerate(body.split(b"\n"))] if body else []
