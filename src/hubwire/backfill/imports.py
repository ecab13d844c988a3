"""History from files: lines of Segment messages into the journal, at backfill priority.

A running server owns the journal's appender, so the lines go to it over loopback; without one they are appended here.
A line keeps its messageId, or gets one from its content and place: importing the same file again doubles nothing.
An import that was stopped goes on where it stopped (`backfill/bookmarks.py`). What is read is in `backfill/reading.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx2
import msgspec

from hubwire.backends.store import open_existing_store
from hubwire.backfill.bookmarks import Bookmarks
from hubwire.backfill.history import as_history
from hubwire.backfill.reading import BYTES_PER_CHUNK, STDIN, Line, chunks, total_bytes
from hubwire.clock import Clock
from hubwire.destination import Source
from hubwire.errors import BackendError, SettingsError, UploadRefused
from hubwire.installation.local import LocalServer, find_local_server
from hubwire.message import Entry
from hubwire.privacy.suppression import Suppressions, append_admitted
from hubwire.receive.entries import UploadOptions, entries_of
from hubwire.receive.parse import encoded, read_upload
from hubwire.receive.paths import Route, Takes
from hubwire.receive.upload_limits import ReceiveLimits
from hubwire.registry.named import named
from hubwire.settings import Settings

__all__ = ["Line", "total_bytes"]

BYTES_PER_APPEND = BYTES_PER_CHUNK
ANY_TYPE = Route(Takes.SINGLE, None)
MAX_REJECTIONS = 1000


class ImportOutcome(msgspec.Struct):
    """What became of the lines. `rejected` names the first thousand lines that were not journaled, and why.

    `skipped`: read by an import that was stopped, and not looked at again.
    """

    read: int = 0
    skipped: int = 0
    journaled: int = 0
    duplicates: int = 0
    unreadable: int = 0
    rejected: list[str] = []

    def add(self, other: ImportOutcome) -> None:
        self.read += other.read
        self.skipped += other.skipped
        self.journaled += other.journaled
        self.duplicates += other.duplicates
        self.unreadable += other.unreadable
        self.rejected += other.rejected[: MAX_REJECTIONS - len(self.rejected)]


def entries_of_lines(
    lines: Sequence[Line], source: Source, now_ms: int, limits: ReceiveLimits
) -> tuple[list[Entry], ImportOutcome]:
    """Journal entries of the readable lines, and what was wrong with the others."""
    outcome = ImportOutcome(read=len(lines))
    entries: list[Entry] = []
    for line in lines:
        try:
            upload = read_upload(line.text, ANY_TYPE, limits)
        except UploadRefused as exc:
            outcome.unreadable += 1
            outcome.rejected.append(f"line {line.number}: {exc}")
            continue
        fields = upload.fields[0]
        as_history(fields)
        if not fields.get("messageId"):
            fields["messageId"] = "import-" + hashlib.sha256(b"%d:" % line.number + line.text).hexdigest()[:40]
        upload.bodies[0] = encoded(fields)
        [entry] = entries_of(upload, ANY_TYPE, source, now_ms, UploadOptions(limits, is_backfill=True))
        if entry.rejected is not None:
            outcome.rejected.append(f"line {line.number}: {entry.rejected}")
        entries.append(entry)
    return entries, outcome


def append_lines(
    lines: Sequence[Line], source: Source, append: Callable[[list[Entry]], list[int | None]], now_ms: int
) -> ImportOutcome:
    """Append lines; on return they are on disk."""
    entries, outcome = entries_of_lines([line for line in lines if line.text], source, now_ms, ReceiveLimits())
    positions = append(entries)
    outcome.duplicates = positions.count(None)
    outcome.journaled = len(positions) - outcome.duplicates
    return outcome


def import_messages(
    settings: Settings, files: Sequence[str], source_name: str, report: Callable[[int, int], None], clock: Clock
) -> ImportOutcome:
    """Import files, in order. `report(bytes_done, lines_done)` is called after each append, counted over all files.

    Errors: SettingsError (no such installation, source or file), BackendError (the journal cannot be written to). What
    was appended stays, and the same call goes on behind it.
    """
    outcome = ImportOutcome()
    with ExitStack() as stack:
        append = _appender(settings, source_name, stack, clock)
        marks = Bookmarks(Path(settings.data), source_name)
        bytes_before = 0
        for name in files:
            skipped = marks.line(name)
            outcome.add(ImportOutcome(read=skipped, skipped=skipped))
            for chunk in chunks(name, after=skipped):
                outcome.add(append(chunk.lines))
                marks.set(name, chunk.lines[-1].number)
                report(bytes_before + chunk.bytes_done, outcome.read)
            bytes_before += 0 if name == STDIN else Path(name).stat().st_size
        marks.clear(files)
    return outcome


def _appender(
    settings: Settings, source_name: str, stack: ExitStack, clock: Clock
) -> Callable[[Sequence[Line]], ImportOutcome]:
    """Through the running server, or into the journal itself."""
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
    """Whether it is there: the file of a killed server stays behind, and its pid may be another's by now."""
    try:
        return httpx2.get(f"{server.url}/health", timeout=5, verify=False).status_code == 200
    except httpx2.HTTPError:
        return False


def _post(client: httpx2.Client, server: LocalServer, source_name: str, lines: Sequence[Line]) -> ImportOutcome:
    body = b"\n".join(line.text for line in lines)
    try:
        response = client.post(
            "/api/v1/import",
            params={"source": source_name, "first_line": lines[0].number},
            content=body,
            headers={"authorization": f"Bearer {server.token.reveal()}"},
        )
    except httpx2.HTTPError as exc:
        raise BackendError(f"the server at {server.url} did not answer: {exc}") from exc
    if response.status_code != 200:
        message = response.json().get("message", response.text[:200])
        raise SettingsError(f"the server refused the import: {message}")
    return msgspec.json.decode(response.content, type=ImportOutcome)


def lines_of(body: bytes, first_number: int) -> list[Line]:
    """The lines of a request body; empty ones are left out but counted."""
    numbered = enumerate(body.split(b"\n"), first_number)
    return [Line(number, text) for number, text in numbered if text.strip()]
