"""The deliveries that a person chose for a replay, for lists of messages."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hubwire.backends.sql.database import Session
from hubwire.delivery import State
from hubwire.record.message_filter import MessageFilter, ReplayPart

PARTS = {
    None: "TRUE",
    ReplayPart.WAITING: "target.fed_at_ms IS NULL",
    ReplayPart.REPLAYED: "target.fed_at_ms IS NOT NULL AND target.is_passed = FALSE",
    ReplayPart.LEFT_ALONE: "target.is_passed = TRUE",
}
BY_POSITION = (State.DELIVERED, State.PENDING)
"""Deliveries in these states may have no row; the lane's cursor shows their state."""

_json = msgspec.json.Encoder().encode


def positions_of_replay(db: Session, message_filter: MessageFilter, before: int, limit: int) -> list[int]:
    """Positions of a replay's messages that may match, newest first."""
    joined, fits = "", PARTS[message_filter.replay_part]
    values: list[int | str | None] = [message_filter.replay_id]
    if message_filter.replay_part is ReplayPart.REPLAYED or message_filter.state not in (None, *BY_POSITION):
        joined = " JOIN delivery USING (destination_id, position)"
        if message_filter.replay_part is ReplayPart.REPLAYED:
            fits += " AND delivery.is_replay = TRUE"
        if message_filter.state is not None:
            fits += " AND delivery.state = ?"
            values.append(message_filter.state)
    if message_filter.destination_id is not None:
        fits += " AND target.destination_id = ?"
        values.append(message_filter.destination_id)
    rows = db.execute(
        f"SELECT DISTINCT position FROM replay_target AS target{joined}"
        f" WHERE target.replay_id = ? AND {fits} AND position < ? ORDER BY position DESC LIMIT ?",
        (*values, before, limit),
    )
    return [position for (position,) in rows]


def targets_among(db: Session, message_filter: MessageFilter, positions: Sequence[int]) -> set[tuple[int, int]]:
    """The (destination_id, position) pairs of these messages that belong to the replay."""
    rows = db.execute(
        f"SELECT destination_id, position FROM replay_target AS target WHERE replay_id = ?"
        f" AND {PARTS[message_filter.replay_part]} AND position IN (SELECT CAST(value AS bigint) FROM json_each(?))",
        (message_filter.replay_id, _json(list(positions)).decode()),
    )
    return {(destination_id, position) for destination_id, position in rows}
