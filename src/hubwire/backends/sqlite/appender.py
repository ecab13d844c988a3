"""The only writer of a SQLite journal: finds duplicates in memory, writes rows and digests in one transaction.

It must never take a message for a duplicate of another (it compares every candidate with the real row), and never
assign a position twice. Message ids are compared as 8-byte digests under the file's own key. Blocks of some thousand
consecutive positions store them (`journal_block`), at 8 bytes a message and without a b-tree.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from array import array
from collections.abc import Iterator, Sequence

from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.errors import BackendError
from hubwire.journal.caches import RecentIds
from hubwire.journal.protocol import repeated
from hubwire.message import Entry

DIGEST_BYTES = 8


def digests_of(message_ids: Sequence[str], key: bytes) -> bytes:
    """The 8-byte keyed digests of message ids, one after another."""
    keyed = hashlib.blake2b(digest_size=DIGEST_BYTES, key=key).copy
    digests = []
    for message_id in message_ids:
        digest = keyed()
        digest.update(message_id.encode("utf-8", "surrogatepass"))
        digests.append(digest.digest())
    return b"".join(digests)


def keys_of(digests: bytes) -> array[int]:
    keys = array("Q")
    keys.frombytes(digests)
    return keys


def positions_of(db: sqlite3.Connection, message_id: str) -> Iterator[int]:
    """Positions whose digest matches the message id, and positions in no block yet that have the id."""
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


BLOCK_MESSAGES = 4096
"""The number of digests in a block. A restart reads back at most this many rows."""
INSERT_ROWS = (128, 64, 32, 16, 8, 4, 2, 1)
"""Rows per INSERT. Large statements are few, and SQLite runs each without the interpreter lock."""
COLUMNS = "position, source_id, is_backfill, received_at_ms, rejected, message_id, envelope, body"
# An absent value is bound as an empty one: see `_insert`.
_ROW = "(?, ?, ?, ?, nullif(?, ''), ?, nullif(?, x''), ?)"

MAX_INSERT_BYTES = 512 * 1024
"""About so much one INSERT binds: SQLite and `sqlite3` each copy it."""

_INSERTS = {count: f"INSERT INTO journal ({COLUMNS}) VALUES " + ", ".join([_ROW] * count) for count in INSERT_ROWS}


class Appender:
    """The only writer of the log. It knows the next position and the recently appended messages."""

    def __init__(self, file: SqliteFile, window_ms: int, max_remembered: int) -> None:
        self._file = file
        self._key = b""
        self._next = 1
        self._tail = b""
        """Digests of the newest messages, which no block contains yet."""
        self._recent = RecentIds(window_ms=window_ms, max_count=max_remembered)
        self._lock = lock_appender(file)
        try:
            with self._file.reading():
                self._load(window_ms, max_remembered)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._lock)

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        digests = digests_of([entry.message_id for entry in entries], self._key)
        keys = keys_of(digests)
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
            twice |= repeated(entries)
        return twice

    def _is_stored(self, entry: Entry, positions: Sequence[int]) -> bool:
        with self._file.reading():
            return any(
                self._file.raw.execute(
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
        # Only after the commit: a failed group leaves nothing behind, and its positions are assigned again.
        self._next = last + 1
        self._tail = b"" if is_full else tail

    def _load(self, window_ms: int, max_remembered: int) -> None:
        """Continue where the last appender stopped: load next position, open block and ids of the window."""
        db = self._file.raw
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
            self._recent.add(keys_of(digests), first, at_ms)
        self._load_tail(db)

    def _load_tail(self, db: sqlite3.Connection) -> None:
        written = db.execute("SELECT max(last_position) FROM journal_block").fetchone()[0] or 0
        rows = db.execute(
            "SELECT position, message_id, received_at_ms FROM journal WHERE position > ? ORDER BY position", (written,)
        ).fetchall()
        # By position, not by count: rows of deleted people leave gaps, whose digest stays zero.
        first = max(written + 1, rows[0][0] if rows else self._next)
        tail = bytearray(DIGEST_BYTES * (self._next - first))
        for position, message_id, at_ms in rows:
            digest = digests_of([message_id], self._key)
            offset = DIGEST_BYTES * (position - first)
            tail[offset : offset + DIGEST_BYTES] = digest
            self._recent.add(keys_of(digest), position, at_ms)
        self._tail = bytes(tail)


def _insert(db: sqlite3.Connection, entries: Sequence[Entry], first: int) -> None:
    """Insert rows of consecutive positions.

    Only int, str and bytearray are bound: for every None, bool and bytes `sqlite3` looks for an adapter first, which
    would cost a third of the insert.
    """
    done = 0
    size_bytes = sum([len(entry.body) for entry in entries])
    max_rows = max(1, MAX_INSERT_BYTES * len(entries) // max(1, size_bytes))
    for size in INSERT_ROWS:
        while size <= max_rows and len(entries) - done >= size:
            values: list[object] = []
            for position, entry in enumerate(entries[done : done + size], first + done):
                values += (
                    position,
                    entry.source_id,
                    1 if entry.is_backfill else 0,
                    entry.received_at_ms,
                    entry.rejected or "",
                    entry.message_id,
                    bytearray(entry.envelope or b""),
                    bytearray(entry.body),
                )
            db.execute(_INSERTS[size], values)
            done += size


def lock_appender(file: SqliteFile) -> int:
    """Take the appender lock of a file; the returned handle holds the lock until it is closed.

    Errors: BackendError if another process has the lock.
    """
    path = f"{file.path}.appender"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(handle)
        raise BackendError(
            f"another process appends to this journal ({path} is locked)",
            hint="Only one process can receive into a SQLite file. Stop the other one, send to it, or use PostgreSQL.",
        ) from exc
    return handle
