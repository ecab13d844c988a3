"""The time from receipt to the outcome of a message, from a sample of a lane's cycles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

SAMPLED_CYCLES = 200
SAMPLED_MESSAGES = 25
"""The size of the sample of each cycle; a smaller cycle is read in full."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """The median and the 95th percentile for live messages. `sample_count`: the size of the sample."""

    p50_ms: int
    p95_ms: int
    sample_count: int


class LatencySample(NamedTuple):
    """One cycle: its range of positions, its number of messages, and the time when it was recorded."""

    after: int
    through: int
    taken: int
    ended_at_ms: int


class Wait(NamedTuple):
    """The time of one message, and the number of messages that it represents."""

    ms: int
    weight: float


def sampled(cycle: LatencySample) -> list[int]:
    """Positions of a cycle, evenly spread; all of them when there are few."""
    length = cycle.through - cycle.after
    if length <= SAMPLED_MESSAGES:
        return list(range(cycle.after + 1, cycle.through + 1))
    return [cycle.after + 1 + (number * (length - 1)) // (SAMPLED_MESSAGES - 1) for number in range(SAMPLED_MESSAGES)]


def waits_of(cycle: LatencySample, received_at_ms: Sequence[int]) -> Iterable[Wait]:
    """The sampled messages of a cycle as an estimate for all its messages."""
    return (Wait(max(0, cycle.ended_at_ms - at), cycle.taken / len(received_at_ms)) for at in received_at_ms)


def summed_up(waits: Iterable[Wait]) -> Latency | None:
    """The percentiles over all messages; None if there is none."""
    ordered = sorted(waits)
    if not ordered:
        return None
    return Latency(p50_ms=_at(ordered, 0.5), p95_ms=_at(ordered, 0.95), sample_count=len(ordered))


def _at(ordered: Sequence[Wait], share: float) -> int:
    """The shortest wait that covers this share of the weight."""
    threshold, seen = share * sum(sample.weight for sample in ordered), 0.0
    for sample in ordered:
        seen += sample.weight
        if seen >= threshold * (1 - 1e-9):
            return sample.ms
    return ordered[-1].ms
