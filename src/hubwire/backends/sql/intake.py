"""Sums over the journal by stretches of 1,024 positions, so that a window is counted without reading every message.

A stretch is complete when all its positions have been given out; the sums of complete ones are kept in the table
`intake` and go away when a message of theirs is removed. The open one at the end, and those that a window cuts, are
read row by row: the numbers are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hubwire.backends.sql.database import Database, Session

STRETCH_BITS = 10
STRETCH_POSITIONS = 1 << STRETCH_BITS
WRITE_AT_ONCE = 64

_json = msgspec.json.Encoder().encode


class Count(NamedTuple):
    """How many messages of one kind a stretch holds."""

    source_id: int
    is_backfill: bool
    rejected: str | None
    total: int


class Stretch(NamedTuple):
    """The sums of 1,024 positions. `first` and `last` are its least and greatest possible position."""

    number: int
    first_at_ms: int
    last_at_ms: int
    counts: list[Count]

    @property
    def first(self) -> int:
        return self.number << STRETCH_BITS

    @property
    def last(self) -> int:
        return ((self.number + 1) << STRETCH_BITS) - 1


_counts = msgspec.json.Decoder(list[Count]).decode


def catch_up(database: Database, limit: int | None = None) -> int:
    """Sum up the complete stretches that have no sums yet, at most `limit` of them; how many are left."""
    connection = database.connection
    missing = list(_missing(connection))
    wanted = missing if limit is None else missing[:limit]
    for start in range(0, len(wanted), WRITE_AT_ONCE):
        sums = [summed(connection, number) for number in wanted[start : start + WRITE_AT_ONCE]]
        rows = [(one.number, one.first_at_ms, one.last_at_ms, _json(one.counts)) for one in sums if one is not None]
        with database.transaction() as db:
            db.executemany(
                "INSERT INTO intake (stretch, first_at_ms, last_at_ms, counts) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (stretch) DO UPDATE SET first_at_ms = excluded.first_at_ms,"
                " last_at_ms = excluded.last_at_ms, counts = excluded.counts",
                rows,
            )
    return len(missing) - len(wanted)


def _missing(db: Session) -> Iterator[int]:
    row = db.execute("SELECT min(position), max(position) FROM journal").fetchone()
    if row[0] is None:
        return
    first, complete = row[0] >> STRETCH_BITS, (row[1] + 1) >> STRETCH_BITS
    known = {number for (number,) in db.execute("SELECT stretch FROM intake WHERE stretch >= ?", (first,))}
    yield from (number for number in range(first, complete) if number not in known)


def summed(db: Session, number: int) -> Stretch | None:
    """The sums of one stretch, read row by row; None when it has no message (any more)."""
    first_at_ms, last_at_ms = None, 0
    counts: list[Count] = []
    rows = db.execute(
        "SELECT source_id, is_backfill, rejected, count(*), min(received_at_ms), max(received_at_ms) FROM journal"
        " WHERE position BETWEEN ? AND ? GROUP BY source_id, is_backfill, rejected",
        (number << STRETCH_BITS, ((number + 1) << STRETCH_BITS) - 1),
    )
    for source_id, is_backfill, rejected, count, least, greatest in rows:
        counts.append(Count(source_id, bool(is_backfill), rejected, count))
        first_at_ms = least if first_at_ms is None else min(first_at_ms, least)
        last_at_ms = max(last_at_ms, greatest)
    return None if first_at_ms is None else Stretch(number, first_at_ms, last_at_ms, counts)


def stretches(db: Session) -> Iterator[Stretch]:
    """Every stretch that holds messages, in order: kept sums, and the open one at the end.

    Call inside a read transaction, after `catch_up`: a stretch completed in between is read row by row as well.
    """
    last = -1
    for number, first_at_ms, last_at_ms, counts in db.execute(
        "SELECT stretch, first_at_ms, last_at_ms, counts FROM intake ORDER BY stretch"
    ):
        yield from _unsummed(db, last, number)
        yield Stretch(number, first_at_ms, last_at_ms, _counts(counts))
        last = number
    end = db.execute("SELECT max(position) FROM journal").fetchone()[0]
    if end is not None:
        yield from _unsummed(db, last, (end >> STRETCH_BITS) + 1)


def _unsummed(db: Session, after: int, before: int) -> Iterator[Stretch]:
    """Stretches between two numbers that have no kept sums, found by their first message."""
    number = after + 1
    while number < before:
        row = db.execute(
            "SELECT min(position) FROM journal WHERE position BETWEEN ? AND ?",
            (number << STRETCH_BITS, (before << STRETCH_BITS) - 1),
        ).fetchone()
        if row[0] is None:
            return
        number = row[0] >> STRETCH_BITS
        stretch = summed(db, number)
        if stretch is not None:
            yield stretch
        number += 1


def is_outside(stretch: Stretch, since_ms: int | None, until_ms: int | None) -> bool:
    """Whether no message of a stretch was received in the window."""
    return (since_ms is not None and stretch.last_at_ms < since_ms) or (
        until_ms is not None and stretch.first_at_ms >= until_ms
    )


def is_inside(stretch: Stretch, since_ms: int | None, until_ms: int | None) -> bool:
    """Whether every message of a stretch was received in the window."""
    return (since_ms is None or stretch.first_at_ms >= since_ms) and (until_ms is None or stretch.last_at_ms < until_ms)


def bounds(since_ms: int | None, until_ms: int | None) -> tuple[int, int]:
    """A window as two numbers to compare with."""
    return (-1 << 62 if since_ms is None else since_ms, 1 << 62 if until_ms is None else until_ms)


def cut(db: Session, stretch: Stretch, since_ms: int | None, until_ms: int | None) -> list[Count]:
    """The sums of the part of a stretch that lies in the window."""
    rows = db.execute(
        "SELECT source_id, is_backfill, rejected, count(*) FROM journal WHERE position BETWEEN ? AND ?"
        " AND received_at_ms >= ? AND received_at_ms < ? GROUP BY source_id, is_backfill, rejected",
        (stretch.first, stretch.last, *bounds(since_ms, until_ms)),
    )
    return [Count(source_id, bool(is_backfill), rejected, count) for source_id, is_backfill, rejected, count in rows]
