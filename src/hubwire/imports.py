"""History from files: lines of Segment messages into the journal, at backfill priority.

A running server owns the journal's appender, so the lines go to it over loopback; without one they are appended here.
A line keeps its messageId, or gets one from its content and place: importing the same file again doubles nothing.
`sentAt` of an exported message is dropped, or clock correction would move the past to today (Segment docs, "Historical
import").
"""

from __future__ import annotations

import gzip
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import httpx2
import msgspec

from hubwire.backends.store import open_store
from hubwire.clock import Clock
from hubwire.destination import Source
from hubwire.errors import BackendError, SettingsError, UploadRefused
from hubwire.journal.protocol import Journal
from hubwire.local import LocalServer, find_local_server
from hubwire.message import Entry
from hubwire.receive.entries import Terms, entries_of
from hubwire.receive.limits import ReceiveLimits
from hubwire.receive.parse import encoded, read_upload
from hubwire.receive.paths import Route, Takes
from hubwire.registry.protocol import Registry
from hubwire.settings import Settings

LINES_PER_APPEND = 1000
BYTES_PER_APPEND = 4 * 1024 * 1024
ANY_TYPE = Route(Takes.SINGLE, None)
MAX_REJECTIONS = 1000


class Line(NamedTuple):
    """One line of a file, numbered from 1."""

    number: int
    text: bytes


class ImportOutcome(msgspec.Struct):
    """What became of the lines. `rejected` names the first thousand lines that were not journaled, and why."""

    read: int = 0
    journaled: int = 0
    duplicates: int = 0
    unreadable: int = 0
    rejected: list[str] = []

    def add(self, other: ImportOutcome) -> None:
        self.read += other.read
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
        fields.pop("sentAt", None)
        if not fields.get("messageId"):
            fields["messageId"] = "import-" + hashlib.sha256(b"%d:" % line.number + line.text).hexdigest()[:40]
        upload.bodies[0] = encoded(fields)
        [entry] = entries_of(upload, ANY_TYPE, source, now_ms, Terms(limits, is_backfill=True))
        if entry.rejected is not None:
            outcome.rejected.append(f"line {line.number}: {entry.rejected}")
        entries.append(entry)
    return entries, outcome


def append_lines(
    lines: Sequence[Line], source: Source, append: Callable[[list[Entry]], list[int | None]], now_ms: int
) -> ImportOutcome:
    """Append lines; on return they are on disk."""
    entries, outcome = entries_of_lines(lines, source, now_ms, ReceiveLimits())
    positions = append(entries)
    outcome.duplicates = positions.count(None)
    outcome.journaled = len(positions) - outcome.duplicates
    return outcome


def source_named(registry: Registry, name: str) -> Source:
    """The source of this name. Raises SettingsError naming those that exist."""
    sources = registry.sources().values()
    for source in sources:
        if source.name == name:
            return source
    raise SettingsError(f"no source {name!r}", hint=f"Sources: {', '.join(one.name for one in sources) or 'none yet'}.")


def import_messages(
    settings: Settings, files: Sequence[str], source_name: str, report: Callable[[int, int], None], clock: Clock
) -> ImportOutcome:
    """Import files, in order. `report(bytes_done, lines_done)` is called after each append.

    Errors: SettingsError (no such source or file), BackendError (the journal cannot be written to).
    """
    outcome = ImportOutcome()
    with ExitStack() as stack:
        append = _appender(settings, source_name, stack, clock)
        for name in files:
            for lines, bytes_done in _chunks(name):
                outcome.add(append(lines))
                report(bytes_done, outcome.read)
    return outcome


def total_bytes(files: Sequence[str]) -> int | None:
    """The size of all files, None with standard input among them."""
    return None if "-" in files else sum(Path(name).stat().st_size for name in files)


def _appender(
    settings: Settings, source_name: str, stack: ExitStack, clock: Clock
) -> Callable[[Sequence[Line]], ImportOutcome]:
    """Through the running server, or into the journal itself."""
    server = find_local_server(settings)
    if server is not None and _answers(server):
        client = stack.enter_context(httpx2.Client(base_url=server.url, timeout=60, verify=False))
        return lambda lines: _post(client, server, source_name, lines)
    store = open_store(settings, clock, appends=True)
    stack.callback(store.close)
    source = source_named(store.registry, source_name)
    journal: Journal = store.journal
    return lambda lines: append_lines(lines, source, journal.append, clock.now_ms())


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


def _chunks(name: str) -> Iterator[tuple[list[Line], int]]:
    """Groups of lines with the bytes read so far (of the file as it lies on disk)."""
    with ExitStack() as stack:
        raw: IO[bytes] = sys.stdin.buffer if name == "-" else stack.enter_context(_opened(name))
        stream: Iterable[bytes] = stack.enter_context(gzip.open(raw)) if name.endswith(".gz") else raw
        lines: list[Line] = []
        size = 0
        for number, text in enumerate(stream, 1):
            lines.append(Line(number, text.rstrip(b"\r\n")))
            size += len(text)
            if len(lines) >= LINES_PER_APPEND or size >= BYTES_PER_APPEND:
                yield _without_empty(lines), _place(raw)
                lines, size = [], 0
        if lines:
            yield _without_empty(lines), _place(raw)


def _without_empty(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line.text.strip()] or lines[:0]


def _opened(name: str) -> IO[bytes]:
    try:
        return open(name, "rb")
    except OSError as exc:
        raise SettingsError(f"{name}: {exc.strerror}") from exc


def _place(raw: Any) -> int:
    try:
        return int(raw.tell())
    except (OSError, ValueError):
        return 0
