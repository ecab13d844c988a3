"""Reads the sample of a breakdown (`record/breakdown.py`)."""

from __future__ import annotations

from typing import Protocol

from hubwire.record.breakdown import Sample, sampled
from hubwire.record.queries import Queries
from hubwire.record.statistics import Statistics


class Parts(Protocol):
    """The sources of a sample."""

    @property
    def statistics(self) -> Statistics: ...

    @property
    def queries(self) -> Queries: ...


def sample(parts: Parts, since_ms: int | None, until_ms: int | None) -> Sample:
    """A sample of the messages received in a period. Blocks."""
    ends = parts.statistics.positions(since_ms, until_ms)
    if ends is None:
        return Sample((), 1.0)
    positions = sampled(*ends)
    return Sample(parts.queries.summaries(positions), (ends[1] - ends[0] + 1) / len(positions))
