"""Counts a funnel (`record/funnel.py`) from the journal's messages and the record's rows."""

from __future__ import annotations

from hubwire.backends.sql.database import Session
from hubwire.backends.sql.reading.intake import blocks
from hubwire.delivery import State
from hubwire.record.funnel import FunnelTally, Lane, Whole
from hubwire.record.intake import MessageIndex, in_window


def count_stages(
    db: Session, index: MessageIndex, lane: Lane, since_ms: int | None, until_ms: int | None
) -> dict[str, int]:
    """The number of messages of the period in each stage, without empty stages."""
    tally = FunnelTally(lane)
    for block in blocks(db, index):
        if block.is_outside(since_ms, until_ms):
            continue
        if block.is_inside(since_ms, until_ms) and tally.add_whole(block):
            continue
        states = _states(db, lane.destination_id, block.first, block.last)
        tally.add_messages(in_window(index.messages(block.first, block.last), since_ms, until_ms), states)
    for whole in tally.whole:
        _move_to_their_states(db, index, tally, whole)
    return tally.counted()


def _states(db: Session, destination_id: int, first: int, last: int) -> dict[int, State]:
    rows = db.execute(
        "SELECT position, state FROM delivery WHERE destination_id = ? AND position BETWEEN ? AND ?",
        (destination_id, first, last),
    )
    return {position: State(state) for position, state in rows}


def _move_to_their_states(db: Session, index: MessageIndex, tally: FunnelTally, whole: Whole) -> None:
    """Move messages with a row to the stage of its state. A deletion first empties a message, which makes it rejected,
    and then removes its rows; between these steps the rows do not count."""
    lane, first, last = tally.lane, whole.first, whole.last
    if lane.source_ids is None and not whole.has_redacted:
        for state, count in db.execute(
            "SELECT state, count(*) FROM delivery WHERE destination_id = ? AND position BETWEEN ? AND ? GROUP BY state",
            (lane.destination_id, first, last),
        ):
            tally.move(State(state), count)
        return
    states = _states(db, lane.destination_id, first, last)
    for message in index.messages_at(states):
        if message.rejected is None:
            tally.move(states[message.position], 1, is_connected=lane.takes(message.source_id))
