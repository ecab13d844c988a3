"""Reads the messages of files, in groups: formats give rows, systems make messages, `history` finishes them.

Rows are numbered within their file, so that a stopped import can resume at a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from hubwire.backfill.formats.compressed import DamagedFile
from hubwire.backfill.formats.opening import Look, open_part
from hubwire.backfill.history import finished
from hubwire.backfill.looking import Seen
from hubwire.backfill.records import Contents, Omission, Reading, Record
from hubwire.errors import SettingsError

LINES_PER_CHUNK = 1000
ROWS_PER_CHUNK = 20_000
BYTES_PER_CHUNK = 4 * 1024 * 1024


class Line(NamedTuple):
    """One message as JSON, and its row."""

    number: int
    text: bytes


class LeftOut(NamedTuple):
    """A row, or a message of a row, that is not imported."""

    number: int
    omission: Omission


class Chunk(NamedTuple):
    """The messages of consecutive rows.

    Shape: `last` is the last row's number, `rows` how many there were, `skipped` how many came before the row where an
    import goes on. `bytes_done` counts the file as it lies on disk. `types` counts messages by type; `times` are the
    first and the last moment as text, None without any; `untimed` counts the messages without one.
    """

    lines: list[Line]
    left_out: list[LeftOut]
    rows: int
    skipped: int
    last: int
    bytes_done: int
    types: Counter[str]
    times: tuple[str, str] | None
    untimed: int


class _Counted:
    """The rows after the one where an import stopped. Counts all rows, and keeps the last number."""

    def __init__(self, contents: Contents, after: int) -> None:
        self.records = self._behind(contents.records, after)
        self.skipped = 0
        self.rows = 0

    def _behind(self, records: Iterator[Record], after: int) -> Iterator[Record]:
        for record in records:
            if record.number <= after:
                self.skipped += 1
                continue
            self.rows += 1
            yield record


def chunks(seen: Seen, after: int = 0) -> Iterator[Chunk]:
    """The messages of a file's rows after row `after`, in groups.

    Errors: SettingsError and DamagedFile for a file that cannot be read on; what came before it is given first.
    """
    with ExitStack() as stack:
        contents = seen.held if seen.held is not None else open_part(seen.part, Look(seen.encoding), stack)
        counted = _Counted(contents, after)
        group = _Group(seen)
        try:
            for reading in seen.reader.read(counted.records):
                group.add(reading)
                if group.is_full or counted.rows - group.rows_before >= ROWS_PER_CHUNK:
                    yield group.taken(counted, contents.place())
        except (DamagedFile, SettingsError):
            if group.last:
                yield group.taken(counted, contents.place())
            raise
        if group.last or counted.rows > group.rows_before or counted.skipped > group.skipped_before:
            yield group.taken(counted, contents.place())


class _Group:
    def __init__(self, seen: Seen) -> None:
        self._options = seen.options
        self.rows_before = 0
        self.skipped_before = 0
        self._reset()

    def _reset(self) -> None:
        self.lines: list[Line] = []
        self.left_out: list[LeftOut] = []
        self.types: Counter[str] = Counter()
        self.times: tuple[str, str] | None = None
        self.untimed = 0
        self.size = 0
        self.last = 0

    @property
    def is_full(self) -> bool:
        return len(self.lines) >= LINES_PER_CHUNK or self.size >= BYTES_PER_CHUNK

    def add(self, reading: Reading) -> None:
        """The finished messages of a row."""
        self.last = max(self.last, reading.number)
        if reading.omission is not None:
            self.left_out.append(LeftOut(reading.number, reading.omission))
        for fields in reading.messages:
            message = finished(fields, self._options)
            if isinstance(message, Omission):
                self.left_out.append(LeftOut(reading.number, message))
            else:
                self.lines.append(Line(reading.number, message))
                self.size += len(message)
                self._count(fields)

    def _count(self, fields: dict[str, Any]) -> None:
        self.types[fields["type"]] += 1
        at = fields.get("timestamp")
        if at is None:
            self.untimed += 1
        else:
            first, last = self.times or (at, at)
            self.times = min(first, at), max(last, at)

    def taken(self, counted: _Counted, bytes_done: int) -> Chunk:
        """The current group; starts a new one."""
        chunk = Chunk(
            self.lines,
            self.left_out,
            counted.rows - self.rows_before,
            counted.skipped - self.skipped_before,
            self.last,
            bytes_done,
            self.types,
            self.times,
            self.untimed,
        )
        self.rows_before, self.skipped_before = counted.rows, counted.skipped
        self._reset()
        return chunk
