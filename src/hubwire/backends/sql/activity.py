"""What happened in equal steps of time at one destination: received, taken and settled, and the backlog in between.

The backlog of the past is the one of now, walked back: a message that was taken later waited, one that came later
did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hubwire.backends.sql import intake
from hubwire.backends.sql.database import Session
from hubwire.backends.sql.funnel import Lane
from hubwire.backends.sql.intake import Count, Stretch
from hubwire.record.statistics import ActivityPoint


def count_activity(db: Session, lane: Lane, points: Sequence[ActivityPoint], step_ms: int) -> None:
    """Fill in the points: steps of `step_ms` from the first point's time on."""
    received = _received_by_step(db, lane, points[0].at_ms, step_ms, len(points))
    taken_later = _add_cycles(db, points, lane.destination_id, step_ms)
    waiting = _backlog(db, lane) + taken_later - received[-1]
    for point, count in zip(reversed(points), reversed(received[:-1]), strict=True):
        point.received = count
        point.backlog = max(0, waiting)
        waiting += point.taken - count


def _routed(lane: Lane, counts: Iterable[Count]) -> int:
    return sum(one.total for one in counts if one.rejected is None and lane.takes(one.source_id))


def _received_by_step(db: Session, lane: Lane, since_ms: int, step_ms: int, steps: int) -> list[int]:
    """Messages routed to the lane, one count per step, and at the end those that came after the window."""
    received = [0] * (steps + 1)
    for stretch in intake.stretches(db):
        if stretch.last_at_ms < since_ms:
            continue
        first, last = ((at - since_ms) // step_ms for at in (stretch.first_at_ms, stretch.last_at_ms))
        if first == last or first >= steps:
            received[min(first, steps)] += _routed(lane, stretch.counts)
            continue
        for step, counts in _by_step(db, stretch, since_ms, step_ms):
            received[min(step, steps)] += _routed(lane, [counts])
    return received


def _by_step(db: Session, stretch: Stretch, since_ms: int, step_ms: int) -> Iterable[tuple[int, Count]]:
    rows = db.execute(
        "SELECT (received_at_ms - ?1) / ?2, source_id, is_backfill, rejected, count(*) FROM journal"
        " WHERE position BETWEEN ?3 AND ?4 AND received_at_ms >= ?1 GROUP BY 1, 2, 3, 4",
        (since_ms, step_ms, stretch.first, stretch.last),
    )
    for step, source_id, is_backfill, rejected, count in rows:
        yield step, Count(source_id, bool(is_backfill), rejected, count)


def _add_cycles(db: Session, points: Sequence[ActivityPoint], destination_id: int, step_ms: int) -> int:
    """Add what each step's cycles counted; how many messages were taken after the last step."""
    since_ms, taken_later = points[0].at_ms, 0
    rows = db.execute(
        "SELECT CASE WHEN ended_at_ms < ?2 + ?3 * ?4 THEN (ended_at_ms - ?2) / ?3 ELSE ?4 END,"
        " sum(taken_count), sum(delivered_count), sum(discarded_count),"
        " sum(held_count), sum(retrying_count), sum(dead_count), sum(calls_count) FROM cycle"
        " WHERE destination_id = ?1 AND ended_at_ms >= ?2 GROUP BY 1",
        (destination_id, since_ms, step_ms, len(points)),
    )
    for step, taken, delivered, discarded, held, retrying, dead, calls in rows:
        if step == len(points):
            taken_later = taken
            continue
        point = points[step]
        point.taken, point.delivered, point.discarded, point.held = taken, delivered, discarded, held
        point.retrying, point.dead, point.calls = retrying, dead, calls
    return taken_later


def _backlog(db: Session, lane: Lane) -> int:
    """Messages routed to the lane that no cursor has passed."""
    count = 0
    for stretch in intake.stretches(db):
        for one in stretch.counts:
            cursor = lane.cursor(one.is_backfill)
            if one.rejected is not None or not lane.takes(one.source_id) or stretch.last <= cursor:
                continue
            count += one.total if stretch.first > cursor else _behind(db, stretch, one, cursor)
    return count


def _behind(db: Session, stretch: Stretch, wanted: Count, cursor: int) -> int:
    row = db.execute(
        "SELECT count(*) FROM journal WHERE position > ? AND position <= ? AND source_id = ? AND is_backfill = ?"
        " AND rejected IS NULL",
        (cursor, stretch.last, wanted.source_id, wanted.is_backfill),
    ).fetchone()
    return int(row[0])
