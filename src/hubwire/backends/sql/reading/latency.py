"""Reads the sample of `record/latency.py`: the newest cycles of a period, and some of the live messages of each."""

from __future__ import annotations

from hubwire.backends.sql.database import Session
from hubwire.record.funnel import Lane
from hubwire.record.intake import MessageIndex
from hubwire.record.latency import (
    SAMPLED_CYCLES,
    Latency,
    LatencySample,
    Wait,
    sampled,
    summed_up,
    waits_of,
)


def read_waits(
    db: Session,
    index: MessageIndex,
    lane: Lane,
    since_ms: int | None,
    until_ms: int | None,
    max_cycles: int = SAMPLED_CYCLES,
) -> Latency | None:
    """The latency of live messages settled in a period; None without any, and if reading is too expensive."""
    if not index.is_near:
        return None
    rows = db.execute(
        "SELECT live_after, live_through, taken_count, ended_at_ms FROM cycle WHERE destination_id = ?"
        " AND ended_at_ms >= ? AND ended_at_ms < ? AND live_through > live_after"
        " ORDER BY ended_at_ms DESC, cycle_id DESC LIMIT ?",
        (lane.destination_id, since_ms or 0, until_ms if until_ms is not None else 1 << 62, max_cycles),
    ).fetchall()
    cycles = [LatencySample(*row) for row in rows]
    samples = [sampled(cycle) for cycle in cycles]
    received = {
        message.position: message.received_at_ms
        for message in index.messages_at({position for sample in samples for position in sample})
        if not message.is_backfill and message.rejected is None and lane.takes(message.source_id)
    }
    waits: list[Wait] = []
    for cycle, sample in zip(cycles, samples, strict=True):
        waits += waits_of(cycle, [received[position] for position in sample if position in received])
    return summed_up(waits)
