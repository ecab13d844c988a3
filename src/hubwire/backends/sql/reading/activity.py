"""The activity of one destination in equal steps of time: received, taken and settled messages, and the backlog.

The past backlog is computed backwards from the current one: it adds messages that were taken later, and subtracts those
that arrived later.
"""

from __future__ import annotations

from collections.abc import Sequence

from hubwire.backends.sql.database import Session
from hubwire.backends.sql.reading.intake import blocks
from hubwire.reasons import Reason
from hubwire.record.funnel import Lane
from hubwire.record.intake import Block, Count, MessageIndex, in_window
from hubwire.record.statistics import ActivityPoint


def count_activity(db: Session, index: MessageIndex, lane: Lane, points: Sequence[ActivityPoint], step_ms: int) -> None:
    """Fill in the points: steps of `step_ms` from the first point's time on."""
    received = _received_by_step(db, index, lane, points[0].at_ms, step_ms, len(points))
    taken_later = _add_cycles(db, points, lane.destination_id, step_ms)
    waiting = _backlog(db, index, lane) + taken_later - received[-1]
    for point, count in zip(reversed(points), reversed(received[:-1]), strict=True):
        point.received = count
        point.backlog = max(0, waiting)
        waiting += point.taken - count


def _is_routed(lane: Lane, count: Count, last: int) -> bool:
    """True for messages that the lane takes or took. An erased message was taken if the cursor has passed it."""
    if not lane.takes(count.source_id):
        return False
    return count.rejected is None or (count.rejected == Reason.SUPPRESSED and last <= lane.cursor(count.is_backfill))


def _routed(lane: Lane, block: Block) -> int:
    return sum(count.total for count in block.counts if _is_routed(lane, count, block.last))


def _received_by_step(
    db: Session, index: MessageIndex, lane: Lane, since_ms: int, step_ms: int, steps: int
) -> list[int]:
    """Messages routed to the lane: one count per step, and finally those after the period."""
    received = [0] * (steps + 1)
    for block in blocks(db, index):
        if block.last_at_ms < since_ms:
            continue
        first, last = ((at - since_ms) // step_ms for at in (block.first_at_ms, block.last_at_ms))
        if first == last or first >= steps:
            received[min(first, steps)] += _routed(lane, block)
            continue
        for message in in_window(index.messages(block.first, block.last), since_ms, None):
            if _is_routed(lane, Count(message.source_id, message.is_backfill, message.rejected, 1), message.position):
                received[min((message.received_at_ms - since_ms) // step_ms, steps)] += 1
    return received


def _add_cycles(db: Session, points: Sequence[ActivityPoint], destination_id: int, step_ms: int) -> int:
    """Add the counts of each step's cycles; returns the messages taken after the last step."""
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


def _backlog(db: Session, index: MessageIndex, lane: Lane) -> int:
    """Messages routed to the lane that no cursor has passed."""
    count = 0
    for block in blocks(db, index):
        stages = [lane.stage(block_count, block.first, block.last) for block_count in block.counts]
        if None not in stages:
            count += sum(
                block_count.total for block_count, stage in zip(block.counts, stages, strict=True) if stage == "backlog"
            )
        else:
            count += sum(lane.stage_of(message) == "backlog" for message in index.messages(block.first, block.last))
    return count


def received_by_source(
    db: Session, index: MessageIndex, since_ms: int, until_ms: int, steps: int
) -> dict[int, list[int]]:
    """The messages of each source in equal steps of a period; blocks that a step divides are read by message."""
    step_ms = max(1, -(-(until_ms - since_ms) // steps))
    received: dict[int, list[int]] = {}
    for block in blocks(db, index):
        if block.is_outside(since_ms, until_ms):
            continue
        first, last = ((at_ms - since_ms) // step_ms for at_ms in (block.first_at_ms, block.last_at_ms))
        if first == last and block.is_inside(since_ms, until_ms):
            for count in block.counts:
                received.setdefault(count.source_id, [0] * steps)[first] += count.total
            continue
        for message in in_window(index.messages(block.first, block.last), since_ms, until_ms):
            received.setdefault(message.source_id, [0] * steps)[(message.received_at_ms - since_ms) // step_ms] += 1
    return received
