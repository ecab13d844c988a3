"""The journal on SQLite: appended in groups by one process, read by any.

An append checks for duplicates against memory (`RecentIds`), writes the rows, and every few thousand messages a block
of their digests, all in one transaction. What must never happen here: a message taken for a duplicate of another one
(every candidate is compared with the real row), or a position given out twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import threading
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.errors import BackendError, BackendUnavailable
from hubwire.journal.protocol import Extent
from hubwire.journal.recent_ids import RecentIds
from hubwire.message import Entry, Row

DIGEST_BYTES = 8
BLOCK_MESSAGES = 4096
"""A block is written when so many digests have gathered; a restart reads back at most so many rows."""
MAX_REMEMBERED = 1 << 25
RECOUNT_BELOW = 100_000
HOUR_MS = 3_600_000
INSERT_ROWS = (128, 16, 1)
"""Rows per INSERT: SQLite then runs without the interpreter lock for many rows at a time."""
COLUMNS = "position, source_id, is_backfill, received_at_ms, rejected, message_id, envelope, body"

_SELECT = "SELECT position, source_id, message_id, received_at_ms, body, envelope, is_backfill, rejected FROM journal"
_INSERTS = {
    count: f"INSERT INTO journal ({COLUMNS}) VALUES " + ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * count)  # noqa: S608
    for count in INSERT_ROWS
}


class SqliteJournal:
    """A `Journal` in one SQLite file.

    Shape: with `appends` it takes the file's one appender place at once, otherwise at its first append.
    Errors: BackendError when another process holds that place.
    """

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
        self._appender: _Appender | None = None
        self._backlogs = _Backlogs()
        if appends:
            self.append([])

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        with self._append_lock:
            if self._appender is None:
                self._appender = _Appender(self._file, self._window_ms, self._max_remembered)
            return self._appender.append(entries) if entries else []

    def read(
        self, after: int, limit: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool | None = None
    ) -> list[Row]:
        if is_backfill is None:
            rows = [
                *self.read(after, limit, source_ids=source_ids, is_backfill=False),
                *self.read(after, limit, source_ids=source_ids, is_backfill=True),
            ]
            return sorted(rows, key=lambda row: row.position)[:limit]
        sources, parameters = _source_filter(source_ids)
        return self._rows(
            f"{_SELECT} INDEXED BY journal_stream WHERE is_backfill = ? AND rejected IS NULL AND position > ?{sources}"
            " ORDER BY position LIMIT ?",
            (is_backfill, after, *parameters, limit),
        )

    def read_at(self, positions: Sequence[int]) -> dict[int, Row]:
        rows: dict[int, Row] = {}
        for start in range(0, len(positions), 500):
            part = positions[start : start + 500]
            marks = ", ".join("?" * len(part))
            for row in self._rows(f"{_SELECT} WHERE position IN ({marks})", part):
                rows[row.position] = row
        return rows

    def find(self, message_id: str) -> list[Row]:
        with _reading():
            positions = list(_positions_of(self._file.connection, message_id))
        rows = self.read_at(positions)
        return [rows[position] for position in sorted(rows) if rows[position].message_id == message_id]

    def newest(self, before: int | None, limit: int) -> list[Row]:
        return self._rows(
            f"{_SELECT} WHERE position < ? ORDER BY position DESC LIMIT ?",
            (before if before is not None else 1 << 62, limit),
        )

    def extent(self) -> Extent:
        with _reading():
            row = self._file.connection.execute(
                "SELECT (SELECT min(position) FROM journal), (SELECT seq FROM sqlite_sequence WHERE name = 'journal')"
            ).fetchone()
        return Extent(row[0] or 0, row[1] or 0)

    def count_after(
        self, after: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool = False
    ) -> tuple[int, int | None]:
        with _reading():
            return self._backlogs.count(self._file.connection, after, source_ids, is_backfill)

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

    def close(self) -> None:
        """Give the appender place up. The file is the caller's to close."""
        with self._append_lock:
            if self._appender is not None:
                self._appender.close()
                self._appender = None

    def _rows(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        with _reading():
            found = self._file.connection.execute(sql, parameters).fetchall()
        return [
            Row(position, source_id, message_id, at_ms, body, envelope, bool(is_backfill), rejected)
            for position, source_id, message_id, at_ms, body, envelope, is_backfill, rejected in found
        ]


class _Appender:
    """The one writer of the log: knows the next position and what was appended lately."""

    def __init__(self, file: SqliteFile, window_ms: int, max_remembered: int) -> None:
        self._file = file
        self._key = b""
        self._next = 1
        self._tail = b""
        """Digests of the newest messages, which are in no block yet."""
        self._recent = RecentIds(window_ms=window_ms, max_count=max_remembered)
        self._place = _take_place(f"{file.path}.appender")
        try:
            with _reading():
                self._load(window_ms, max_remembered)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._place)

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        digests = digests_of([entry.message_id for entry in entries], self._key)
        keys = _keys(digests)
        twice = self._duplicates(entries, keys)
        first, at_ms = self._next, entries[-1].received_at_ms
        if twice:
            kept = [index for index in range(len(entries)) if index not in twice]
            entries_kept: Sequence[Entry] = [entries[index] for index in kept]
            keys = array("Q", [keys[index] for index in kept])
            digests = b"".join([digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES] for index in kept])
        else:
            entries_kept = entries
        if entries_kept:
            self._write(entries_kept, digests, at_ms)
            self._recent.add(keys, first, at_ms)
        if not twice:
            return list(range(first, first + len(entries)))
        position = iter(range(first, first + len(entries_kept)))
        return [None if index in twice else next(position) for index in range(len(entries))]

    def _duplicates(self, entries: Sequence[Entry], keys: array[int]) -> set[int]:
        """Indexes of entries that are in the journal already, or earlier in this call."""
        twice = {
            index
            for index, positions in self._recent.candidates(keys).items()
            if self._is_stored(entries[index], positions)
        }
        if len(set(keys)) < len(keys):
            seen: set[tuple[int, str]] = set()
            for index, entry in enumerate(entries):
                identity = (entry.source_id, entry.message_id)
                if identity in seen:
                    twice.add(index)
                seen.add(identity)
        return twice

    def _is_stored(self, entry: Entry, positions: Sequence[int]) -> bool:
        with _reading():
            return any(
                self._file.connection.execute(
                    "SELECT 1 FROM journal WHERE position = ? AND source_id = ? AND message_id = ?",
                    (position, entry.source_id, entry.message_id),
                ).fetchone()
                for position in positions
            )

    def _write(self, entries: Sequence[Entry], digests: bytes, at_ms: int) -> None:
        tail = self._tail + digests
        is_full = len(tail) >= BLOCK_MESSAGES * DIGEST_BYTES
        last = self._next + len(entries) - 1
        with self._file.transaction() as db:
            _insert(db, entries, self._next)
            if is_full:
                db.execute(
                    "INSERT INTO journal_block (first_position, last_position, newest_at_ms, digests)"
                    " VALUES (?, ?, ?, ?)",
                    (last + 1 - len(tail) // DIGEST_BYTES, last, at_ms, tail),
                )
        # Only after the commit: a group that failed leaves nothing behind, its positions are given out again.
        self._next = last + 1
        self._tail = b"" if is_full else tail

    def _load(self, window_ms: int, max_remembered: int) -> None:
        """Go on where the last appender stopped: the next position, the open block, the ids of the window."""
        db = self._file.connection
        self._key = db.execute("SELECT digest_key FROM journal_key").fetchone()[0]
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
        self._next = (row[0] if row else 0) + 1
        newest = db.execute(
            "SELECT coalesce(max(newest_at_ms), 0), (SELECT received_at_ms FROM journal ORDER BY position DESC LIMIT 1)"
            " FROM journal_block"
        ).fetchone()
        oldest_at_ms = max(newest[0], newest[1] or 0) - window_ms
        blocks = db.execute(
            "SELECT first_position, last_position, newest_at_ms FROM journal_block WHERE newest_at_ms >= ?"
            " ORDER BY first_position",
            (oldest_at_ms,),
        ).fetchall()
        while blocks and self._next - blocks[0][0] > max_remembered:
            blocks.pop(0)
        if blocks:
            self._recent.reserve(self._next - blocks[0][0])
        for first, _, at_ms in blocks:
            digests = db.execute("SELECT digests FROM journal_block WHERE first_position = ?", (first,)).fetchone()[0]
            self._recent.add(_keys(digests), first, at_ms)
        self._load_tail(db)

    def _load_tail(self, db: sqlite3.Connection) -> None:
        written = db.execute("SELECT max(last_position) FROM journal_block").fetchone()[0] or 0
        rows = db.execute(
            "SELECT position, message_id, received_at_ms FROM journal WHERE position > ? ORDER BY position", (written,)
        ).fetchall()
        # By position, not by count: rows that a person had forgotten leave holes, whose digest stays zero.
        first = max(written + 1, rows[0][0] if rows else self._next)
        tail = bytearray(DIGEST_BYTES * (self._next - first))
        for position, message_id, at_ms in rows:
            digest = digests_of([message_id], self._key)
            offset = DIGEST_BYTES * (position - first)
            tail[offset : offset + DIGEST_BYTES] = digest
            self._recent.add(_keys(digest), position, at_ms)
        self._tail = bytes(tail)


class _Backlogs:
    """Counts behind a position, exact. Asked again, only what came and went since is counted."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[int, ...] | None, bool], tuple[int, int, int]] = {}
        self._lock = threading.Lock()

    def count(
        self, db: sqlite3.Connection, after: int, source_ids: Sequence[int] | None, is_backfill: bool
    ) -> tuple[int, int | None]:
        stream = (None if source_ids is None else tuple(sorted(source_ids)), is_backfill)
        sources, parameters = _source_filter(stream[0])
        of_stream = f"FROM journal INDEXED BY journal_stream WHERE is_backfill = ? AND rejected IS NULL{sources}"

        def between(low: int, high: int) -> int:
            found = db.execute(
                f"SELECT count(*) {of_stream} AND position > ? AND position <= ?",
                (is_backfill, *parameters, low, high),
            )
            return int(found.fetchone()[0])

        first = db.execute(
            f"SELECT position, received_at_ms {of_stream} AND position > ? ORDER BY position LIMIT 1",
            (is_backfill, *parameters, after),
        ).fetchone()
        oldest, through = db.execute(
            "SELECT (SELECT min(position) FROM journal), (SELECT max(position) FROM journal)"
        ).fetchone()
        if first is None or through is None:
            return 0, None
        with self._lock:
            known = self._known.get(stream)
        # A large count is carried forward; a small one is cheap to take anew, which also heals what `forget` removed.
        is_carried = known is not None and known[0] <= after <= known[1] <= through and oldest <= known[0] + 1
        if known is not None and is_carried and known[2] > RECOUNT_BELOW:
            count = known[2] - between(known[0], after) + between(known[1], through)
        else:
            count = between(after, through)
        with self._lock:
            self._known[stream] = (after, through, count)
        return count, first[1]


def digests_of(message_ids: Sequence[str], key: bytes) -> bytes:
    """The 8-byte keyed digests of message ids, one after another."""
    blake2b = hashlib.blake2b
    return b"".join(
        [
            blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES, key=key).digest()
            for message_id in message_ids
        ]
    )


def _keys(digests: bytes) -> array[int]:
    keys = array("Q")
    keys.frombytes(digests)
    return keys


def _insert(db: sqlite3.Connection, entries: Sequence[Entry], first: int) -> None:
    done = 0
    for size in INSERT_ROWS:
        while len(entries) - done >= size:
            values: list[object] = []
            for position, entry in enumerate(entries[done : done + size], first + done):
                values += (
                    position,
                    entry.source_id,
                    entry.is_backfill,
                    entry.received_at_ms,
                    entry.rejected,
                    entry.message_id,
                    entry.envelope,
                    entry.body,
                )
            db.execute(_INSERTS[size], values)
            done += size


def _positions_of(db: sqlite3.Connection, message_id: str) -> Iterator[int]:
    """Positions whose digest is that of the message id, and those that are in no block yet and have the id."""
    key = db.execute("SELECT digest_key FROM journal_key").fetchone()[0]
    digest = digests_of([message_id], key)
    last = 0
    for first, last_position, digests in db.execute(
        "SELECT first_position, last_position, digests FROM journal_block ORDER BY first_position"
    ):
        last = last_position
        at = digests.find(digest)
        while at >= 0:
            if at % DIGEST_BYTES == 0:
                yield first + at // DIGEST_BYTES
            at = digests.find(digest, at + 1)
    yield from (
        position
        for (position,) in db.execute(
            "SELECT position FROM journal WHERE position > ? AND message_id = ?", (last, message_id)
        )
    )


def _source_filter(source_ids: Sequence[int] | None) -> tuple[str, tuple[int, ...]]:
    if source_ids is None:
        return "", ()
    return f" AND source_id IN ({', '.join('?' * len(source_ids))})", tuple(source_ids)


def _take_place(path: str) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(handle)
        raise BackendError(
            f"another process appends to this journal ({path} is locked)",
            hint="One process receives for a SQLite file. Stop the other one, send to it, or use PostgreSQL.",
        ) from exc
    return handle


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as exc:
        raise BackendUnavailable(f"sqlite: {exc}") from exc
