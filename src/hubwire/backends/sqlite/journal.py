"""The journal on SQLite: appended in groups by one process (`appender.py`), read by any."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence

from hubwire.backends.sqlite.appender import Appender, positions_of
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.journal.caches import Backlogs, Stream
from hubwire.journal.positions import Access, Place, StreamPositions
from hubwire.journal.protocol import TOMBSTONE, Extent, read_both_streams
from hubwire.message import Entry, JournalRow
from hubwire.reasons import Reason

MAX_REMEMBERED = 1 << 25
HOUR_MS = 3_600_000

_SELECT = "SELECT position, source_id, message_id, received_at_ms, body, envelope, is_backfill, rejected FROM journal"


class SqliteJournal:
    """A `Journal` in one SQLite file.

    Shape: with `appends`, it claims the file's only appender lock at once, otherwise at its first append.
    Errors: BackendError if another process has that lock.
    """

    group_positions = 1

    def __init__(
        self,
        file: SqliteFile,
        *,
        dedupe_hours: float = 48.0,
        appends: bool = False,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._file = file
        self._window_ms = round(dedupe_hours * HOUR_MS)
        self._max_remembered = max_remembered
        self._append_lock = threading.Lock()
        self._appender: Appender | None = None
        self._backlogs = Backlogs(_count_between)
        self._positions = StreamPositions(Access(self._ends, self._places, self.read_at), self._backlogs)
        if appends:
            self.append([])

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        with self._append_lock:
            if self._appender is None:
                self._appender = Appender(self._file, self._window_ms, self._max_remembered)
            return self._appender.append(entries) if entries else []

    def read(
        self, after: int, limit: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool | None = None
    ) -> list[JournalRow]:
        if is_backfill is None:
            return read_both_streams(self, after, limit, source_ids)
        stream = Stream.of(source_ids, is_backfill)
        known = self._positions.read(stream, after, limit)
        if known is not None:
            return known
        of_stream, parameters = _of_stream(stream)
        return self._rows(
            f"{_SELECT} {of_stream} AND position > ? ORDER BY position LIMIT ?",
            (*parameters, self._backlogs.begin(stream, after), limit),
        )

    def read_at(self, positions: Sequence[int]) -> dict[int, JournalRow]:
        rows: dict[int, JournalRow] = {}
        for start in range(0, len(positions), 500):
            part = positions[start : start + 500]
            marks = ", ".join("?" * len(part))
            for row in self._rows(f"{_SELECT} WHERE position IN ({marks})", part):
                rows[row.position] = row
        return rows

    def find(self, message_id: str) -> list[JournalRow]:
        with self._file.reading():
            positions = list(positions_of(self._file.raw, message_id))
        rows = self.read_at(positions)
        return [rows[position] for position in sorted(rows) if rows[position].message_id == message_id]

    def newest(self, before: int | None, limit: int) -> list[JournalRow]:
        return self._rows(
            f"{_SELECT} WHERE position < ? ORDER BY position DESC LIMIT ?",
            (before if before is not None else 1 << 62, limit),
        )

    def extent(self) -> Extent:
        with self._file.reading():
            row = self._file.raw.execute(
                "SELECT (SELECT min(position) FROM journal), (SELECT seq FROM sqlite_sequence WHERE name = 'journal')"
            ).fetchone()
        return Extent(row[0] or 0, row[1] or 0)

    def count_after(
        self, after: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool = False
    ) -> tuple[int, int | None]:
        stream, db = Stream.of(source_ids, is_backfill), self._file.raw
        known = self._positions.count(stream, after)
        if known is not None:
            return known
        of_stream, parameters = _of_stream(stream)
        with self._file.reading():
            oldest, newest, first, since_ms = db.execute(
                "SELECT (SELECT min(position) FROM journal), (SELECT max(position) FROM journal), first.*"
                f" FROM (SELECT 1) LEFT JOIN (SELECT position, received_at_ms FROM journal {of_stream} AND position > ?"
                " ORDER BY position LIMIT 1) AS first ON TRUE",
                (*parameters, self._backlogs.begin(stream, after)),
            ).fetchone()
            self._backlogs.found(stream, after, first, newest or 0)
            if first is None:
                return 0, None
            return self._backlogs.count(db, stream, first - 1, oldest, newest), since_ms

    def remove_through(self, position: int, limit: int) -> int:
        with self._file.transaction() as db:
            last = db.execute(
                "SELECT max(position) FROM"
                " (SELECT position FROM journal WHERE position <= ? ORDER BY position LIMIT ?)",
                (position, limit),
            ).fetchone()[0]
            if last is None:
                return 0
            removed = db.execute("DELETE FROM journal WHERE position <= ?", (last,)).rowcount
            db.execute("DELETE FROM journal_block WHERE last_position <= ?", (last,))
        return removed

    def redact(self, positions: Sequence[int]) -> int:
        with self._file.erasing() as db:
            return sum(
                db.execute(
                    "UPDATE journal SET body = ?, envelope = NULL, rejected = ? WHERE position = ?",
                    (TOMBSTONE, Reason.SUPPRESSED, position),
                ).rowcount
                for position in positions
            )

    def close(self) -> None:
        """Give the appender lock up. The caller closes the file."""
        with self._append_lock:
            if self._appender is not None:
                self._appender.close()
                self._appender = None

    def _ends(self) -> tuple[int, int]:
        with self._file.reading():
            oldest, newest = self._file.raw.execute(
                "SELECT (SELECT min(position) FROM journal), (SELECT max(position) FROM journal)"
            ).fetchone()
        return oldest or 0, newest or 0

    def _places(self, low: int, high: int) -> list[Place]:
        """From the index alone."""
        of_kind = (
            "SELECT position, source_id, is_backfill FROM journal INDEXED BY journal_stream"
            " WHERE is_backfill = ? AND rejected IS NULL AND position > ? AND position <= ?"
        )
        with self._file.reading():
            return self._file.raw.execute(
                f"{of_kind} UNION ALL {of_kind}", (False, low, high, True, low, high)
            ).fetchall()

    def _rows(self, sql: str, parameters: Sequence[object]) -> list[JournalRow]:
        with self._file.reading():
            rows = self._file.raw.execute(sql, parameters).fetchall()
        return [
            JournalRow(position, source_id, message_id, at_ms, body, envelope, bool(is_backfill), rejected)
            for position, source_id, message_id, at_ms, body, envelope, is_backfill, rejected in rows
        ]


def _count_between(db: sqlite3.Connection, stream: Stream, low: int, high: int) -> int:
    of_stream, parameters = _of_stream(stream)
    cursor = db.execute(
        f"SELECT count(*) FROM journal {of_stream} AND position > ? AND position <= ?", (*parameters, low, high)
    )
    return int(cursor.fetchone()[0])


def _of_stream(stream: Stream) -> tuple[str, tuple[int, ...]]:
    """The index and the condition of a stream's deliverable rows, and the parameters that it takes."""
    sql = "INDEXED BY journal_stream WHERE is_backfill = ? AND rejected IS NULL"
    if stream.source_ids is None:
        return sql, (stream.is_backfill,)
    # An empty list of sources is a filter too: NULL equals nothing.
    marks = ", ".join("?" * len(stream.source_ids)) or "NULL"
    return f"{sql} AND source_id IN ({marks})", (stream.is_backfill, *stream.source_ids)
