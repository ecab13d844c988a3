"""The status of all lanes, in a number of statements that does not grow with the number of destinations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from hubwire.backends.sql.database import Session
from hubwire.delivery import State
from hubwire.destination import Destination
from hubwire.journal.protocol import Journal
from hubwire.record.queries import LaneStatus

_NEVER_DRIVEN = (0, 0, 0, 0, None, "", None, b"{}")

Backlog = Callable[[int, tuple[int, ...] | None, bool], tuple[int, int | None]]
"""The number of messages behind a cursor, of these sources, live or imported; and the receipt of the first."""


def lane_statuses(db: Session, journal: Journal, destinations: Iterable[Destination], now_ms: int) -> list[LaneStatus]:
    """The status of each of these destinations."""
    rows = {
        row[0]: row[1:]
        for row in db.execute(
            "SELECT destination_id, live_cursor, backfill_cursor, taken_count, calls_count, stopped_reason,"
            " stopped_detail, resume_at_ms, status FROM lane"
        )
    }
    counts = _counts(db)
    due = dict(
        db.execute(
            "SELECT destination_id, min(due_at_ms) FROM delivery WHERE due_at_ms IS NOT NULL GROUP BY destination_id"
        ).fetchall()
    )

    @cache
    def backlog(after: int, source_ids: tuple[int, ...] | None, is_backfill: bool) -> tuple[int, int | None]:
        # Lanes that are idle have the same cursor, and share one answer.
        return journal.count_after(after, source_ids=source_ids, is_backfill=is_backfill)

    return [
        _status(
            destination,
            rows.get(destination.destination_id, _NEVER_DRIVEN),
            counts.get(destination.destination_id, {}),
            due.get(destination.destination_id),
            backlog,
            now_ms,
        )
        for destination in destinations
    ]


def _counts(db: Session) -> dict[int, dict[State, int]]:
    """The number of deliveries in each state, by destination. Archived ones count."""
    counts: dict[int, dict[State, int]] = {}
    rows = db.execute(
        "SELECT destination_id, state, count(*) FROM delivery GROUP BY destination_id, state"
        " UNION ALL SELECT destination_id, state, message_count FROM archived"
    )
    for destination_id, state, count in rows:
        of_lane = counts.setdefault(destination_id, {})
        of_lane[State(state)] = of_lane.get(State(state), 0) + count
    return counts


def _status(
    destination: Destination,
    row: tuple[Any, ...],
    counts: Mapping[State, int],
    next_due_at_ms: int | None,
    backlog: Backlog,
    now_ms: int,
) -> LaneStatus:
    live_cursor, backfill_cursor, taken, calls, stopped_reason, stopped_detail, resume_at_ms, status = row
    live, live_since_ms = backlog(live_cursor, destination.source_ids, False)
    imported, imported_since_ms = backlog(backfill_cursor, destination.source_ids, True)
    since_ms = min((at for at in (live_since_ms, imported_since_ms) if at is not None), default=None)
    is_behind = live + imported > 0
    state = "stopped" if stopped_reason else "paused" if destination.is_paused else "idle"
    others = sum(count for state_, count in counts.items() if state_ is not State.DELIVERED)
    return LaneStatus(
        destination_id=destination.destination_id,
        name=destination.name,
        hub_id=destination.hub_id,
        state="delivering" if state == "idle" and is_behind else state,
        stopped_reason=stopped_reason,
        stopped_detail=stopped_detail,
        resume_at_ms=resume_at_ms,
        backlog_count=live + imported,
        lag_seconds=max(0, now_ms - since_ms) / 1000 if since_ms is not None else 0.0,
        taken=taken,
        calls=calls,
        budget=msgspec.json.decode(status),
        discarded=counts.get(State.DISCARDED, 0),
        held=counts.get(State.HELD, 0),
        pending=counts.get(State.PENDING, 0) + counts.get(State.LEASED, 0),
        retrying=counts.get(State.RETRYING, 0),
        dead=counts.get(State.DEAD, 0),
        next_due_at_ms=next_due_at_ms,
        delivered=taken - others,
    )
