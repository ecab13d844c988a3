"""The messages of a period by type, event, source or library, with their outcomes and the change. Pure.

Large periods are estimated from a sample whose positions are evenly spread, so that a breakdown stays quick.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from hubwire.delivery import State
from hubwire.explanations import Kind
from hubwire.reasons import Reason
from hubwire.record.queries import MessageSummary

SAMPLED_MESSAGES = 4_000
MAX_LINES = 100
OUTCOMES = (*(state.value for state in State if state is not State.LEASED), Kind.REJECTED.value, "erased")
NONE = ""
"""The name of messages that have no event, or no library."""


class BreakdownBy(StrEnum):
    """What messages are grouped by."""

    EVENT = "event"
    TYPE = "type"
    SOURCE = "source"
    LIBRARY = "library"


class Sample(NamedTuple):
    """The messages of a period that were read, and how many messages of the period each of them stands for."""

    summaries: Sequence[MessageSummary]
    weight: float


class BreakdownLine(msgspec.Struct, frozen=True, kw_only=True):
    """The messages with one name. `outcomes`: their number by state, or `rejected`; messages that the destination
    does not take count as received only. `change_percent`: against the period before; None if it had none."""

    name: str
    count: int
    outcomes: dict[str, int]
    change_percent: float | None


class Breakdown(msgspec.Struct, frozen=True, kw_only=True):
    """`is_estimate`: the counts come from a sample. `other_count`: messages with names beyond the first hundred."""

    count: int
    is_estimate: bool
    lines: list[BreakdownLine]
    other_count: int = 0


def sampled(first: int, last: int) -> Sequence[int]:
    """Positions from first to last, evenly spread; all of them when there are few."""
    length = last - first + 1
    if length <= SAMPLED_MESSAGES:
        return range(first, last + 1)
    return [first + number * length // SAMPLED_MESSAGES for number in range(SAMPLED_MESSAGES)]


def break_down(now: Sample, before: Sample, by: BreakdownBy, destination_id: int) -> Breakdown:
    """The breakdown of a period beside the period before, most frequent first."""
    groups: dict[str, list[MessageSummary]] = {}
    for summary in now.summaries:
        groups.setdefault(_name(summary, by), []).append(summary)
    earlier = Counter(_name(summary, by) for summary in before.summaries)
    lines = [
        BreakdownLine(
            name=name,
            count=round(len(own) * now.weight),
            outcomes=_outcomes(own, now.weight, destination_id),
            change_percent=_change(len(own) * now.weight, earlier[name] * before.weight),
        )
        for name, own in groups.items()
    ]
    lines.sort(key=lambda line: (-line.count, line.name))
    return Breakdown(
        count=round(len(now.summaries) * now.weight),
        is_estimate=now.weight > 1,
        lines=lines[:MAX_LINES],
        other_count=sum(line.count for line in lines[MAX_LINES:]),
    )


def _name(summary: MessageSummary, by: BreakdownBy) -> str:
    match by:
        case BreakdownBy.EVENT:
            return summary.event or NONE
        case BreakdownBy.TYPE:
            return summary.type
        case BreakdownBy.SOURCE:
            return str(summary.source_id)
        case BreakdownBy.LIBRARY:
            return summary.library or NONE


def _outcomes(summaries: Iterable[MessageSummary], weight: float, destination_id: int) -> dict[str, int]:
    counts = Counter[str]()
    for summary in summaries:
        if summary.rejected is not None:
            counts["erased" if summary.rejected == Reason.SUPPRESSED else Kind.REJECTED] += 1
        counts.update(
            State.PENDING if fate.state is State.LEASED else fate.state
            for fate in summary.fates
            if fate.destination_id == destination_id
        )
    return {state: round(counts[state] * weight) for state in OUTCOMES if counts[state]}


def _change(now: float, before: float) -> float | None:
    return None if not before else round(100 * (now - before) / before, 1)
