"""The journal on PostgreSQL: appended in groups by any number of processes, read by any.

Positions are assigned and committed in the same order (`journal_append` in `sql/0001_journal.sql` holds a lock for it).
A reader that has passed a position has therefore seen everything before it: no late transaction can appear behind a
cursor (`tests/integration/postgres/test_positions.py`). The price is one append at a time in the whole fleet; groups
grow meanwhile, and a group costs the server 10 to 20 us for each row.
It must never take a message for a duplicate of another (digests have 128 bits), and never assign a position twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hubwire.backends.postgres.arrays import UUID, pack_bools, pack_bytes, pack_int4, pack_int8, pack_texts
from hubwire.backends.postgres.connection import PostgresDatabase, storable
from hubwire.backends.postgres.pool import Db
from hubwire.journal.caches import RECOUNT_BELOW, Backlogs, Stream
from hubwire.journal.positions import Access, Place, StreamPositions
from hubwire.journal.protocol import TOMBSTONE, Extent, read_both_streams
from hubwire.message import Entry, JournalRow
from hubwire.reasons import Reason

HOUR_MS = 3_600_000
APPEND_SECONDS = 10.0
"""How long uploads wait for a server that does not answer."""
DIGEST_BYTES = 16
LOCK_TIMEOUT = "2s"
"""How long dropping a partition may block readers and receivers. If a backup takes longer, it is tried again later."""

_COLUMNS = "position, source_id, message_id, received_at_ms, body, envelope, is_backfill, rejected"
_APPEND = (
    "SELECT first, kept FROM journal_append(%s, %b::uuid[], %b::bigint[], %b::integer[], %b::boolean[], %b::text[],"
    " %b::text[], %b::bytea[], %b::bytea[])"
)


class PostgresJournal:
    """A `Journal` in one PostgreSQL database."""

    group_positions = 1

    def __init__(self, database: PostgresDatabase, *, dedupe_hours: float = 48.0) -> None:
        self._database = database
        self._window_ms = round(dedupe_hours * HOUR_MS)
        self._backlogs = Backlogs(self._count_between)
        self._positions = StreamPositions(Access(self._ends, self._places, self.read_at), self._backlogs)

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        if not entries:
            return []
        ids = [storable(entry.message_id) for entry in entries]
        with self._database.checkout(APPEND_SECONDS) as db:
            row = db.execute(
                _APPEND,
                (
                    self._window_ms,
                    pack_bytes(digests_of(entries), UUID),
                    pack_int8([entry.received_at_ms for entry in entries]),
                    pack_int4([entry.source_id for entry in entries]),
                    pack_bools([entry.is_backfill for entry in entries]),
                    pack_texts([entry.rejected for entry in entries]),
                    pack_texts(ids),
                    pack_bytes([entry.envelope for entry in entries]),
                    pack_bytes([entry.body for entry in entries]),
                ),
            ).fetchone()
        assert row is not None
        return _positions(len(entries), row[0], row[1])

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
            f"SELECT {_COLUMNS} {of_stream} AND position > %s ORDER BY position LIMIT %s",
            (*parameters, self._backlogs.begin(stream, after), limit),
        )

    def read_at(self, positions: Sequence[int]) -> dict[int, JournalRow]:
        rows = self._rows(f"SELECT {_COLUMNS} FROM journal WHERE position = ANY (%s)", (list(positions),))
        return {row.position: row for row in rows}

    def find(self, message_id: str) -> list[JournalRow]:
        return self._rows(f"SELECT {_COLUMNS} FROM journal WHERE message_id = %s ORDER BY position", (message_id,))

    def newest(self, before: int | None, limit: int) -> list[JournalRow]:
        return self._rows(
            f"SELECT {_COLUMNS} FROM journal WHERE position < %s ORDER BY position DESC LIMIT %s",
            (before if before is not None else 1 << 62, limit),
        )

    def extent(self) -> Extent:
        """The current content of the log. The last assigned position may belong to an append that has not committed
        yet."""
        [(first, last, was_used)] = self._database.execute(
            "SELECT (SELECT position FROM journal ORDER BY position LIMIT 1), last_value, is_called"
            " FROM journal_position"
        )
        return Extent(first or 0, last if was_used else 0)

    def count_after(
        self, after: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool = False
    ) -> tuple[int, int | None]:
        stream = Stream.of(source_ids, is_backfill)
        known = self._positions.count(stream, after)
        if known is not None:
            return known
        of_stream, parameters = _of_stream(stream)
        [(newest, first, since, count)] = self._database.execute(
            "SELECT (SELECT position FROM journal ORDER BY position DESC LIMIT 1), first.*, (SELECT count(*) FROM"
            f" (SELECT {of_stream} AND position >= first.position LIMIT {RECOUNT_BELOW}) AS rows) FROM (SELECT) AS one"
            f" LEFT JOIN LATERAL (SELECT position, received_at_ms {of_stream} AND position > %s"
            " ORDER BY position LIMIT 1) AS first ON true",
            (*parameters, *parameters, self._backlogs.begin(stream, after)),
        )
        self._backlogs.found(stream, after, first, newest or 0)
        if count < RECOUNT_BELOW:
            return count, since
        with self._database.snapshot() as db:
            oldest, newest = (
                (db.execute(f"SELECT position FROM journal ORDER BY position {way} LIMIT 1").fetchone() or (0,))[0]
                for way in ("ASC", "DESC")
            )
            return self._backlogs.count(db, stream, first - 1, oldest, newest), since

    def remove_through(self, position: int, limit: int) -> int:
        """Remove old rows. A partition that lies entirely before the position is dropped in one step, regardless of the
        limit."""
        dropped = self._drop_partition(position)
        if dropped is not None:
            return dropped
        with self._database.transaction() as db:
            return db.execute(
                "DELETE FROM journal WHERE position <= (SELECT max(position) FROM"
                " (SELECT position FROM journal WHERE position <= %s ORDER BY position LIMIT %s) AS oldest)",
                (position, limit),
            ).rowcount

    def redact(self, positions: Sequence[int]) -> int:
        with self._database.transaction() as db:
            return db.execute(
                "UPDATE journal SET body = %s, envelope = NULL, rejected = %s WHERE position = ANY (%s)",
                (TOMBSTONE, Reason.SUPPRESSED, list(positions)),
            ).rowcount

    def close(self) -> None:
        """Does nothing, because the caller closes the database."""

    def _drop_partition(self, position: int) -> int | None:
        """Drop the oldest partition if all of it may go; returns the number of its messages, or None if it must stay.

        The journal is locked before the sums, as everywhere; the other order would deadlock with a redaction.
        """
        with self._database.transaction() as db:
            db.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
            oldest = db.execute(
                "SELECT first_position, end_position, name FROM journal_partition ORDER BY first_position LIMIT 1"
                " FOR UPDATE SKIP LOCKED"
            ).fetchone()
            if oldest is None or oldest[1] > position + 1:
                return None
            first, end, name = oldest
            [count] = db.execute(
                "SELECT count(*) FROM journal WHERE position >= %s AND position < %s", (first, end)
            ).fetchone() or (0,)
            db.execute("DELETE FROM journal_partition WHERE first_position = %s", (first,))
            db.execute(f'DROP TABLE "{name}"')
            db.execute("DELETE FROM intake WHERE stretch >= %s >> 10 AND stretch <= (%s - 1) >> 10", (first, end))
            return int(count)

    def _count_between(self, db: Db, stream: Stream, low: int, high: int) -> int:
        of_stream, parameters = _of_stream(stream)
        row = db.execute(
            f"SELECT count(*) {of_stream} AND position > %s AND position <= %s", (*parameters, low, high)
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _ends(self) -> tuple[int, int]:
        [(oldest, newest)] = self._database.execute(
            "SELECT (SELECT position FROM journal ORDER BY position LIMIT 1),"
            " (SELECT position FROM journal ORDER BY position DESC LIMIT 1)"
        )
        return oldest or 0, newest or 0

    def _places(self, low: int, high: int) -> list[Place]:
        return self._database.execute(
            "SELECT position, source_id, is_backfill FROM journal WHERE position > %s AND position <= %s"
            " AND rejected IS NULL ORDER BY position",
            (low, high),
        )

    def _rows(self, sql: str, parameters: Sequence[object]) -> list[JournalRow]:
        with self._database.checkout() as db:
            rows = db.execute(sql, parameters, binary=True).fetchall()
        return [JournalRow(*columns) for columns in rows]


def digests_of(entries: Sequence[Entry]) -> list[bytes]:
    """The digest of a message: 128 bits of its source and message id."""
    blake2b = hashlib.blake2b
    return [
        blake2b(
            b"%d|%b" % (entry.source_id, entry.message_id.encode("utf-8", "surrogatepass")), digest_size=DIGEST_BYTES
        ).digest()
        for entry in entries
    ]


def _positions(count: int, first: int | None, kept: Sequence[int] | None) -> list[int | None]:
    """One position for each entry, from the first assigned position and the ordinals (from 1) of the kept entries."""
    if first is None:
        return [None] * count
    if kept is None:
        return list(range(first, first + count))
    positions: list[int | None] = [None] * count
    for position, ordinal in enumerate(kept, first):
        positions[ordinal - 1] = position
    return positions


def _of_stream(stream: Stream) -> tuple[str, tuple[object, ...]]:
    """`FROM journal WHERE` for a stream's deliverable rows, and the parameters that it takes."""
    sql = "FROM journal WHERE is_backfill = %s AND rejected IS NULL"
    if stream.source_ids is None:
        return sql, (stream.is_backfill,)
    return f"{sql} AND source_id = ANY (%s::integer[])", (stream.is_backfill, list(stream.source_ids))
