"""Discards of deliveries by a person."""

from __future__ import annotations

from collections.abc import Sequence

from hubwire.backends.sql.database import Database, Session
from hubwire.delivery import Move, State, moved
from hubwire.reasons import Reason

DISCARD_AT_ONCE = 1000
"""The number of rows in one transaction."""
TAKEN_ON_MS = 5_000
"""A held delivery whose hold ends within this time belongs to its lane, which may have read it for a cycle already."""


def discard_targets(
    database: Database, state: State, targets: Sequence[tuple[int, int]], now_ms: int, note: str
) -> int:
    """Discard these (destination_id, position) pairs; returns how many were still in this state.

    Shape: rows are locked in the order of the lanes, so that two transactions wait for each other and do not deadlock.
    """
    ordered = sorted(targets)
    count = 0
    for start in range(0, len(ordered), DISCARD_AT_ONCE):
        with database.transaction() as db:
            count += sum(
                _discard(db, state, target, now_ms, note) for target in ordered[start : start + DISCARD_AT_ONCE]
            )
    return count


def _discard(db: Session, state: State, target: tuple[int, int], now_ms: int, note: str) -> int:
    """Discard one delivery; 0 if its state has changed, or its lane is about to take it."""
    because = f"because: {note}; " if note else ""
    changed = db.execute(
        "UPDATE delivery SET state = ?, reason = ?, due_at_ms = NULL, updated_at_ms = ?,"
        " detail = CAST(? AS text) || 'it was ' || state || ' (' || reason || ')'"
        " || CASE WHEN detail = '' THEN '' ELSE ': ' || detail END"
        " WHERE destination_id = ? AND position = ? AND state = ? AND (due_at_ms IS NULL OR due_at_ms > ?"
        " OR NOT EXISTS (SELECT 1 FROM lane WHERE lane.destination_id = delivery.destination_id"
        " AND lease_owner IS NOT NULL))",
        (
            moved(state, Move.DISCARD),
            Reason.DISCARDED_BY_PERSON,
            now_ms,
            because,
            *target,
            state,
            now_ms + TAKEN_ON_MS,
        ),
    ).rowcount
    if changed and state is State.HELD:
        db.execute("DELETE FROM hold WHERE destination_id = ? AND position = ?", target)
    return changed
