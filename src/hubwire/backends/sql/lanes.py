"""The record's statements for lanes and cycles that every database shares. Each database has its own fast statements
beside its `record.py` and `outcome.py`. A caller that changes a lane has locked it."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

import msgspec

from hubwire.backends.sql.database import Session
from hubwire.delivery import IllegalMove, Move, State, moved, taken_on
from hubwire.reasons import Reason
from hubwire.record.protocol import Attempt, CycleOutcome, Due, LaneState, Lease, Span

# -- lanes

IS_SILENT = "lease_owner IS NOT NULL AND (lease_expires_at_ms <= ? OR lease_expires_at_ms > ? + lease_ms)"
"""A condition: the lease of a lane has run out. A lease that ends too far in the future also counts, because it was
written before the clock was set back. Parameters: the current time, twice."""


class Holder(NamedTuple):
    """The holder of a lane, and the end of the lease."""

    owner: str
    expires_at_ms: int
    lease_ms: int

    def is_silent(self, now_ms: int) -> bool:
        """True if the lease has run out; the same condition as `IS_SILENT`."""
        return not now_ms < self.expires_at_ms <= now_ms + self.lease_ms

    def silent_since_ms(self, now_ms: int) -> int:
        """When the lease ran out; the current time if only a clock that was set back shows that it has."""
        return min(self.expires_at_ms, now_ms)


def free_lanes(db: Session, now_ms: int) -> set[int]:
    rows = db.execute(f"SELECT destination_id FROM lane WHERE lease_owner IS NULL OR {IS_SILENT}", (now_ms, now_ms))
    return {destination_id for (destination_id,) in rows}


def holder_of(db: Session, destination_id: int) -> Holder | None:
    """The holder of a lane; None if it has none."""
    row = db.execute(
        "SELECT lease_owner, lease_expires_at_ms, lease_ms FROM lane WHERE destination_id = ?", (destination_id,)
    ).fetchone()
    return None if row is None or row[0] is None else Holder(*row)


def driven_until(db: Session, destination_id: int) -> int | None:
    """The end of a lane's last lease; None if the lane was never driven."""
    row = db.execute("SELECT lease_expires_at_ms FROM lane WHERE destination_id = ?", (destination_id,)).fetchone()
    return None if row is None or not row[0] else int(row[0])


def ensure_lane(db: Session, destination_id: int) -> None:
    """Create the lane of a destination if it is missing."""
    db.execute("INSERT INTO lane (destination_id) VALUES (?) ON CONFLICT DO NOTHING", (destination_id,))


def state_of(db: Session, destination_id: int) -> LaneState:
    row = db.execute(
        "SELECT live_cursor, backfill_cursor, stopped_reason, stopped_detail, resume_at_ms, status,"
        " coalesce((SELECT attempts FROM cycle WHERE cycle_id = open_cycle_id), 0)"
        " FROM lane WHERE destination_id = ?",
        (destination_id,),
    ).fetchone()
    if row is None:
        return LaneState()
    return LaneState(
        live_cursor=row[0],
        backfill_cursor=row[1],
        stopped_reason=row[2],
        stopped_detail=row[3],
        resume_at_ms=row[4],
        status=row[5].encode() if isinstance(row[5], str) else bytes(row[5]),
        open_attempts=row[6],
    )


def stop_lane(db: Session, destination_id: int, reason: str | None, detail: str, resume_at_ms: int | None) -> None:
    ensure_lane(db, destination_id)
    db.execute(
        "UPDATE lane SET stopped_reason = ?, stopped_detail = ?, resume_at_ms = ? WHERE destination_id = ?",
        (reason, detail, resume_at_ms, destination_id),
    )


def expire_leased(db: Session, destination_id: int, now_ms: int) -> None:
    """Make the leased rows of a lost or stopping worker pending. Their attempt counts, because its call may have had an
    effect."""
    db.execute(
        "UPDATE delivery SET state = ?, due_at_ms = ? WHERE destination_id = ? AND state = ?",
        (moved(State.LEASED, Move.EXPIRE), now_ms, destination_id, State.LEASED),
    )


# -- moves


def marks(values: Sequence[object]) -> str:
    """A parameter mark for each value."""
    return ", ".join("?" * len(values))


def lease_rows(db: Session, destination_id: int, positions: Sequence[int], now_ms: int) -> None:
    """Lease due deliveries and count their attempt. A missing row is skipped.

    Errors: IllegalMove if a row has meanwhile left the states that can be leased.
    """
    leasable = taken_on()
    leased = db.executemany(
        "UPDATE delivery SET state = ?, due_at_ms = NULL, attempts = attempts + 1, updated_at_ms = ?,"
        " first_attempt_at_ms = coalesce(first_attempt_at_ms, ?)"
        f" WHERE destination_id = ? AND position = ? AND state IN ({marks(leasable)})",
        [(State.LEASED, now_ms, now_ms, destination_id, position, *leasable) for position in positions],
    ).rowcount
    if leased < len(positions):
        check_moved(db, destination_id, positions, Move.LEASE, State.LEASED)


def check_moved(db: Session, destination_id: int, positions: Sequence[int], move: Move, after: State) -> None:
    """Raises IllegalMove for the first of these rows that is not in the state after the move."""
    for position in positions:
        row = db.execute(
            "SELECT state FROM delivery WHERE destination_id = ? AND position = ? AND state <> ?",
            (destination_id, position, after),
        ).fetchone()
        if row is not None:
            raise IllegalMove(f"message at {position}: a delivery that is {State(row[0])} cannot {move}")


# -- cycles


def due(db: Session, destination_id: int, now_ms: int, limit: int) -> list[Due]:
    rows = db.execute(
        "SELECT position, attempts, first_attempt_at_ms, is_replay, reason FROM delivery"
        " WHERE destination_id = ? AND due_at_ms <= ? ORDER BY due_at_ms, position LIMIT ?",
        (destination_id, now_ms, limit),
    )
    return [
        Due(position, attempts, first, bool(is_replay), reason) for position, attempts, first, is_replay, reason in rows
    ]


def renewed_leases(leases: Iterable[Lease], renewed: Container[int], expires_at_ms: int) -> dict[int, Lease]:
    """The leases of these destinations with their new end."""
    return {
        lease.destination_id: msgspec.structs.replace(lease, expires_at_ms=expires_at_ms)
        for lease in leases
        if lease.destination_id in renewed
    }


def next_due_at_ms(db: Session, destination_id: int) -> int | None:
    [at_ms] = db.execute(
        "SELECT min(due_at_ms) FROM delivery WHERE destination_id = ? AND due_at_ms IS NOT NULL", (destination_id,)
    ).fetchone()
    return None if at_ms is None else int(at_ms)


def bring_forward(db: Session, destination_id: int, by_ms: int) -> None:
    """Make rows due earlier. Holds stay, because their time counts from the message."""
    db.execute(
        "UPDATE delivery SET due_at_ms = due_at_ms - ?, updated_at_ms = updated_at_ms - ?"
        " WHERE destination_id = ? AND state IN (?, ?)",
        (by_ms, by_ms, destination_id, State.PENDING, State.RETRYING),
    )


def correct_future(db: Session, destination_id: int, now_ms: int) -> int:
    """Correct rows that a clock ahead of this one wrote, and count them. Holds stay, as in `bring_forward`. What waits
    for a new day of calls is due: by which clock that day ended is not known, and a lane without calls postpones it
    again."""
    postponed = db.execute(
        "UPDATE delivery SET due_at_ms = ?"
        " WHERE destination_id = ? AND state IN (?, ?) AND reason = ? AND due_at_ms > ?",
        (now_ms, destination_id, State.PENDING, State.RETRYING, Reason.BUDGET_SPENT, now_ms),
    ).rowcount
    ahead = db.execute(
        "UPDATE delivery SET due_at_ms = due_at_ms - (updated_at_ms - ?), updated_at_ms = ?,"
        " first_attempt_at_ms = CASE WHEN first_attempt_at_ms > ? THEN ? ELSE first_attempt_at_ms END"
        " WHERE destination_id = ? AND state IN (?, ?) AND updated_at_ms > ?",
        (now_ms, now_ms, now_ms, now_ms, destination_id, State.PENDING, State.RETRYING, now_ms),
    ).rowcount
    return postponed + ahead


def open_cycle(db: Session, destination_id: int, now_ms: int, span: Span) -> int:
    """Open a new cycle. It replaces a cycle that a crash left open, and continues to count that cycle's attempts."""
    row = db.execute(
        "DELETE FROM cycle WHERE ended_at_ms IS NULL AND cycle_id ="
        " (SELECT open_cycle_id FROM lane WHERE destination_id = ?) RETURNING attempts",
        (destination_id,),
    ).fetchone()
    [cycle_id] = db.execute(
        "INSERT INTO cycle (destination_id, live_after, live_through, backfill_after, backfill_through, begun_at_ms,"
        " attempts) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING cycle_id",
        (
            destination_id,
            span.live_after,
            span.live_through,
            span.backfill_after,
            span.backfill_through,
            now_ms,
            (row[0] if row else 0) + 1,
        ),
    ).fetchone()
    db.execute("UPDATE lane SET open_cycle_id = ? WHERE destination_id = ?", (cycle_id, destination_id))
    return int(cycle_id)


def close_cycle(db: Session, destination_id: int, outcome: CycleOutcome) -> None:
    """Store the counts of a cycle and the lane's new cursors."""
    tally, lane = outcome.tally, outcome.lane
    db.execute(
        "UPDATE cycle SET ended_at_ms = ?, taken_count = ?, delivered_count = ?, discarded_count = ?, held_count = ?,"
        " retrying_count = ?, dead_count = ?, replayed_count = ?, calls_count = ? WHERE cycle_id = ?",
        (
            outcome.ended_at_ms,
            tally.taken,
            tally.delivered,
            tally.discarded,
            tally.held,
            tally.retrying,
            tally.dead,
            tally.replayed,
            tally.calls,
            outcome.cycle_id,
        ),
    )
    db.execute(
        "UPDATE lane SET live_cursor = ?, backfill_cursor = ?, open_cycle_id = NULL, status = ?,"
        " taken_count = taken_count + ?, calls_count = calls_count + ? WHERE destination_id = ?",
        (lane.live_cursor, lane.backfill_cursor, lane.status, tally.taken, tally.calls, destination_id),
    )


def abandon_cycle(
    db: Session,
    destination_id: int,
    cycle_id: int,
    *,
    now_ms: int,
    resume_at_ms: int,
    attempts: Sequence[Attempt],
    status: bytes,
) -> None:
    """Give a cycle up: its due rows are pending again, their attempt does not count, and no cursor moves."""
    write_attempts(db, destination_id, cycle_id, attempts)
    db.execute(
        "UPDATE delivery SET state = ?, due_at_ms = ?, updated_at_ms = ?,"
        " attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END WHERE destination_id = ? AND state = ?",
        (moved(State.LEASED, Move.RELEASE), resume_at_ms, now_ms, destination_id, State.LEASED),
    )
    db.execute(
        "UPDATE cycle SET ended_at_ms = ?, calls_count = ?, live_through = live_after,"
        " backfill_through = backfill_after WHERE cycle_id = ?",
        (now_ms, len(attempts), cycle_id),
    )
    db.execute(
        "UPDATE lane SET open_cycle_id = NULL, status = ?, calls_count = calls_count + ? WHERE destination_id = ?",
        (status, len(attempts), destination_id),
    )


def write_attempts(db: Session, destination_id: int, cycle_id: int, attempts: Sequence[Attempt]) -> None:
    """Store the HTTP exchanges of a cycle."""
    db.executemany(
        "INSERT INTO attempt (destination_id, cycle_id, call, started_at_ms, duration_ms, status, outcome,"
        " correlation_id, request, response, positions) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                destination_id,
                cycle_id,
                attempt.call,
                attempt.started_at_ms,
                attempt.duration_ms,
                attempt.status,
                attempt.outcome,
                attempt.correlation_id,
                zlib.compress(attempt.request, 1),
                zlib.compress(attempt.response, 1),
                pack_positions(attempt.positions),
            )
            for attempt in attempts
        ],
    )


def pack_positions(positions: Sequence[int]) -> bytes:
    """Positions as little-endian 64-bit integers, deflated."""
    packed = array("q", positions)
    if sys.byteorder == "big":
        packed.byteswap()
    return zlib.compress(packed.tobytes(), 1)


def unpack_positions(packed: bytes) -> list[int]:
    """The positions that `pack_positions` packed."""
    positions = array("q", zlib.decompress(packed))
    if sys.byteorder == "big":
        positions.byteswap()
    return positions.tolist()
