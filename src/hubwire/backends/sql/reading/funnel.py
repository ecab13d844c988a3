"""Counts a funnel (`record/funnel.py`) from the journal's messages and the record's rows."""

from __future__ import annotations

from hubwire.backends.sql.database import Session
from hubwire.backends.sql.reading.intake import blocks
from hubwire.delivery import State
from hubwire.record.funnel import Fate, FunnelTally, Lane, Whole
from hubwire.record.intake import MessageIndex, in_window


def count_stages(
    db: Session, index: MessageIndex, lane: Lane, since_ms: int | None, until_ms: int | None
) -> FunnelTally:
    """The messages of the period, counted by stage."""
    tally = FunnelTally(lane)
    for block in blocks(db, index):
        if block.is_outside(since_ms, until_ms):
            continue
        if block.is_inside(since_ms, until_ms) and tally.add_whole(block):
            continue
        rows = _rows(db, lane.destination_id, block.first, block.last)
        tally.add_messages(in_window(index.messages(block.first, block.last), since_ms, until_ms), rows)
    for whole in tally.whole:
        _move_to_their_states(db, index, tally, whole)
    return tally


def _rows(db: Session, destination_id: int, first: int, last: int) -> dict[int, Fate]:
    rows = db.execute(
        "SELECT position, state, reason FROM delivery WHERE destination_id = ? AND position BETWEEN ? AND ?",
        (destination_id, first, last),
    )
    return {position: Fate(State(state), reason) for position, state, reason in rows}


def _move_to_their_states(db: Session, index: MessageIndex, tally: FunnelTally, whole: Whole) -> None:
    """Move messages with a row to the stage of its state. A deletion first empties a message, which makes it rejected,
    and then removes its rows; between these steps the rows do not count."""
    lane, first, last = tally.lane, whole.first, whole.last
    if lane.source_ids is None and not whole.has_redacted:
        for state, reason, count in db.execute(
            "SELECT state, reason, count(*) FROM delivery WHERE destination_id = ? AND position BETWEEN ? AND ?"
            " GROUP BY state, reason",
            (lane.destination_id, first, last),
        ):
            tally.move(Fate(State(state), reason), count)
        return
    rows = _rows(db, lane.destination_id, first, last)
    for message in index.messages_at(rows):
        if message.rejected is None:
            tally.move(rows[message.position], 1, is_connected=lane.takes(message.source_id))
