"""The journal's messages without their bodies, read in the same snapshot of the database as the record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from hubwire.backends.sql.database import Session
from hubwire.record.intake import Block, Count, IndexedMessage

BITS = 10
"""Blocks of 1,024 positions. The triggers that forget sums know this number too."""
AT_ONCE = 10_000


class SqlMessageIndex:
    """`MessageIndex` of the table `journal`."""

    bits = BITS
    is_near = True

    def __init__(self, db: Session) -> None:
        self._db = db

    def ends(self) -> tuple[int, int] | None:
        first, last = (
            self._db.execute(f"SELECT position FROM journal ORDER BY position {way} LIMIT 1").fetchone()
            for way in ("ASC", "DESC")
        )
        return None if first is None or last is None else (first[0], last[0])

    def block(self, number: int, first_at_ms: int, last_at_ms: int, counts: list[Count]) -> Block:
        first, is_whole = number << BITS, sum(count.total for count in counts) == 1 << BITS
        return Block(number, first, first + (1 << BITS) - 1, first_at_ms, last_at_ms, counts, is_whole)

    def sums(self, number: int) -> Block | None:
        first, last = number << BITS, ((number + 1) << BITS) - 1
        rows = self._db.execute(
            "SELECT source_id, is_backfill, rejected, count(*), min(received_at_ms), max(received_at_ms) FROM journal"
            " WHERE position BETWEEN ? AND ? GROUP BY source_id, is_backfill, rejected",
            (first, last),
        ).fetchall()
        if not rows:
            return None
        counts = [
            Count(source_id, bool(backfill), rejected, total) for source_id, backfill, rejected, total, *_ in rows
        ]
        return self.block(number, min(row[4] for row in rows), max(row[5] for row in rows), counts)

    def messages(self, first: int, last: int) -> Iterator[IndexedMessage]:
        for position, source_id, is_backfill, rejected, at_ms in self._db.execute(
            "SELECT position, source_id, is_backfill, rejected, received_at_ms FROM journal"
            " WHERE position BETWEEN ? AND ? ORDER BY position",
            (first, last),
        ):
            yield IndexedMessage(position, source_id, bool(is_backfill), rejected, at_ms)

    def messages_at(self, positions: Collection[int]) -> Iterator[IndexedMessage]:
        columns = "source_id, is_backfill, rejected, received_at_ms"
        for position, source_id, is_backfill, rejected, at_ms in self._of(columns, list(positions)):
            yield IndexedMessage(position, source_id, bool(is_backfill), rejected, at_ms)

    def next_position(self, first: int, last: int) -> int | None:
        row = self._db.execute(
            "SELECT position FROM journal WHERE position BETWEEN ? AND ? ORDER BY position LIMIT 1", (first, last)
        ).fetchone()
        return None if row is None else int(row[0])

    def message_ids(self, positions: Sequence[int]) -> dict[int, str]:
        return dict(self._of("message_id", positions))

    def _of(self, columns: str, positions: Sequence[int]) -> Iterator[Any]:
        for start in range(0, len(positions), AT_ONCE):
            yield from self._db.execute(
                f"SELECT position, {columns} FROM journal"
                " WHERE position IN (SELECT CAST(value AS bigint) FROM json_each(?))",
                (str(list(positions[start : start + AT_ONCE])),),
            )
