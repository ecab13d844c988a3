"""Stored sums over the journal by blocks of positions, so that a period is counted without reading every message.

A block is complete when all its positions are assigned. The table `intake` stores the sums of complete blocks; a
removal of one of its messages deletes a block's sums. Some blocks are read row by row, so that numbers are exact: the
open block at the end, a block that retention has begun to remove, and blocks that the period divides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.record.intake import Block, Count, MessageIndex

COUNT_AT_ONCE = 8
"""The number of blocks in one transaction, so that others can write in between."""

_json = msgspec.json.Encoder().encode
_counts = msgspec.json.Decoder(list[Count]).decode


def catch_up(database: Database, index_of: Callable[[Session], MessageIndex], limit: int | None = None) -> int:
    """Sum up at most `limit` complete blocks that have no sums yet; returns how many are left.

    Counting and storing happen in one transaction that excludes redactions and removals. Otherwise a message that was
    removed in between would be counted for ever.
    """
    missing = _missing(database, index_of(database.connection))
    chosen = missing if limit is None else missing[:limit]
    for start in range(0, len(chosen), COUNT_AT_ONCE):
        with database.counting() as db:
            index = index_of(db)
            sums = [index.sums(number) for number in chosen[start : start + COUNT_AT_ONCE]]
            rows = [
                (block.number, block.first_at_ms, block.last_at_ms, _json(block.counts))
                for block in sums
                if block is not None
            ]
            db.executemany(
                "INSERT INTO intake (stretch, first_at_ms, last_at_ms, counts) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (stretch) DO UPDATE SET first_at_ms = excluded.first_at_ms,"
                " last_at_ms = excluded.last_at_ms, counts = excluded.counts",
                rows,
            )
    return len(missing) - len(chosen)


def _missing(database: Database, index: MessageIndex) -> list[int]:
    """Complete blocks without sums, except the first block while retention may remove messages from it."""
    ends = index.ends()
    if ends is None:
        return []
    first, complete = (ends[0] >> index.bits) + 1, (ends[1] + 1) >> index.bits
    db = database.connection
    stale = db.execute("SELECT count(*) FROM intake WHERE stretch < ?", (first,)).fetchone()[0]
    if stale:
        with database.transaction() as writing:
            writing.execute("DELETE FROM intake WHERE stretch < ?", (first,))
    known = {number for (number,) in db.execute("SELECT stretch FROM intake")}
    return [number for number in range(first, complete) if number not in known]


def blocks(db: Session, index: MessageIndex) -> Iterator[Block]:
    """Every block that has messages, in order, with stored sums or without.

    Call it after `catch_up`, with an index and a session of the same snapshot. A block completed in between is read row
    by row.
    """
    ends = index.ends()
    if ends is None:
        return
    begin, end = ends[0] >> index.bits, (ends[1] >> index.bits) + 1
    for number, first_at_ms, last_at_ms, counts in db.execute(
        "SELECT stretch, first_at_ms, last_at_ms, counts FROM intake WHERE stretch > ? AND stretch < ?"
        " ORDER BY stretch",
        (begin, end),
    ):
        yield from _unsummed(index, begin, number)
        yield index.block(number, first_at_ms, last_at_ms, _counts(counts))
        begin = number + 1
    yield from _unsummed(index, begin, end)


def _unsummed(index: MessageIndex, begin: int, end: int) -> Iterator[Block]:
    """Blocks between two numbers that have no stored sums, found by their first message."""
    while begin < end:
        position = index.next_position(begin << index.bits, (end << index.bits) - 1)
        if position is None:
            return
        begin = position >> index.bits
        block = index.sums(begin)
        if block is not None:
            yield block
        begin += 1
