"""Counting a funnel: each message of a window goes to exactly one stage.

A message without a row in `delivery` is told by its place: at or before its lane's cursor it was delivered, behind it
it waits. Whole stretches are counted by their sums, and the rows of `delivery` then move their messages to the stage
that the row says; stretches that the window or a cursor cuts are counted message by message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from hubwire.backends.sql import intake
from hubwire.backends.sql.database import Session
from hubwire.backends.sql.intake import Count, Stretch
from hubwire.delivery import State

STAGES = {state: state.value for state in State} | {State.LEASED: State.PENDING.value}
"""The funnel's stage of each state: a leased message is still pending."""


@dataclass(frozen=True, slots=True)
class Lane:
    """How a destination tells its messages: which sources feed it, and how far its cursors are."""

    destination_id: int
    source_ids: tuple[int, ...] | None
    live_cursor: int
    backfill_cursor: int

    def takes(self, source_id: int) -> bool:
        return self.source_ids is None or source_id in self.source_ids

    def cursor(self, is_backfill: bool) -> int:
        return self.backfill_cursor if is_backfill else self.live_cursor

    def stage(self, count: Count, first: int, last: int) -> str | None:
        """The stage of messages without a row between two positions; None when a cursor stands among them."""
        if count.rejected is not None:
            return "rejected"
        if not self.takes(count.source_id):
            return "not_connected"
        cursor = self.cursor(count.is_backfill)
        return "delivered" if last <= cursor else "backlog" if first > cursor else None


@dataclass(slots=True)
class _Tally:
    """A funnel being counted: stages, and the ranges of positions whose rows are still to be looked at."""

    stages: Counter[str] = field(default_factory=Counter)
    whole: list[tuple[int, int]] = field(default_factory=list)

    def add_range(self, first: int, last: int) -> None:
        if self.whole and self.whole[-1][1] + 1 == first:
            self.whole[-1] = (self.whole[-1][0], last)
        else:
            self.whole.append((first, last))


def count_stages(db: Session, lane: Lane, since_ms: int | None, until_ms: int | None) -> dict[str, int]:
    """How many messages of the window are in each stage; stages without any are absent."""
    tally = _Tally()
    for stretch in intake.stretches(db):
        if intake.is_outside(stretch, since_ms, until_ms):
            continue
        if intake.is_inside(stretch, since_ms, until_ms) and _add_whole(tally, lane, stretch):
            continue
        _add_rows(db, tally, lane, stretch, since_ms, until_ms)
    for first, last in tally.whole:
        _move_to_their_states(db, tally, lane, first, last)
    return {stage: count for stage, count in tally.stages.items() if count}


def _add_whole(tally: _Tally, lane: Lane, stretch: Stretch) -> bool:
    """Count a stretch by its sums; False (and nothing counted) when a cursor stands in it.

    One with gaps is not counted so either: rows of removed messages may still be in `delivery`.
    """
    if sum(count.total for count in stretch.counts) < intake.STRETCH_POSITIONS:
        return False
    staged = [(lane.stage(count, stretch.first, stretch.last), count.total) for count in stretch.counts]
    if any(stage is None for stage, _ in staged):
        return False
    for stage, count in staged:
        assert stage is not None
        tally.stages[stage] += count
    tally.add_range(stretch.first, stretch.last)
    return True


def _add_rows(
    db: Session, tally: _Tally, lane: Lane, stretch: Stretch, since_ms: int | None, until_ms: int | None
) -> None:
    """Count a stretch message by message."""
    rows = db.execute(
        "SELECT j.position, source_id, is_backfill, rejected, state FROM journal j LEFT JOIN delivery d"
        " ON d.destination_id = ? AND d.position = j.position WHERE j.position BETWEEN ? AND ?"
        " AND received_at_ms >= ? AND received_at_ms < ?",
        (lane.destination_id, stretch.first, stretch.last, *intake.bounds(since_ms, until_ms)),
    )
    for position, source_id, is_backfill, rejected, state in rows:
        if state is not None and rejected is None:
            tally.stages[STAGES[State(state)]] += 1
            continue
        stage = lane.stage(Count(source_id, bool(is_backfill), rejected, 1), position, position)
        assert stage is not None
        tally.stages[stage] += 1


def _move_to_their_states(db: Session, tally: _Tally, lane: Lane, first: int, last: int) -> None:
    """Rows say what became of a message: take it out of the stage that its place in the journal suggests."""
    if lane.source_ids is None:
        rows: Iterable[tuple[str, int, int | None]] = db.execute(
            "SELECT state, count(*), NULL FROM delivery WHERE destination_id = ? AND position BETWEEN ? AND ?"
            " GROUP BY state",
            (lane.destination_id, first, last),
        )
    else:
        rows = db.execute(
            "SELECT state, count(*), source_id FROM delivery d JOIN journal USING (position)"
            " WHERE d.destination_id = ? AND position BETWEEN ? AND ? GROUP BY state, source_id",
            (lane.destination_id, first, last),
        )
    for state, count, source_id in rows:
        tally.stages[STAGES[State(state)]] += count
        tally.stages["delivered" if source_id is None or lane.takes(source_id) else "not_connected"] -= count
