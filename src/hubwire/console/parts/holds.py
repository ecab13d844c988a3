"""Held messages by the time when their hold ends: the next ones in words, all of them as a chart."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hubwire.console.parts.chart import HOUR_MS, Chart, Column, bar_chart
from hubwire.record.statistics import HoldCount

STEP_MS = 2 * HOUR_MS
STEPS = 36
"""Three days ahead, the default length of a hold."""
SOON_STEPS = 12


class Expiring(msgspec.Struct, frozen=True, kw_only=True):
    """Held messages that expire within 24 hours, and when the first of all holds ends."""

    count: int
    first_at_ms: int


def expiring(counts: Sequence[HoldCount], soon_steps: int = SOON_STEPS) -> Expiring | None:
    """The end of these holds in steps from now on; None without holds."""
    if not counts:
        return None
    return Expiring(
        count=sum(hold.count for hold in counts if hold.step < soon_steps),
        first_at_ms=min(hold.first_at_ms for hold in counts),
    )


def expiring_by_destination(counts: Sequence[HoldCount]) -> dict[int, Expiring]:
    """The holds of each destination, counted in steps of a day."""
    found = {}
    for number in {hold.destination_id for hold in counts}:
        ending = expiring([hold for hold in counts if hold.destination_id == number], soon_steps=1)
        if ending is not None:
            found[number] = ending
    return found


def holds_chart(counts: Sequence[HoldCount], now_ms: int) -> Chart:
    """The held messages by the time when their hold ends."""
    ends = [0] * STEPS
    for hold in counts:
        ends[hold.step] += hold.count
    return bar_chart(
        [Column(now_ms + step * STEP_MS, {"held": count}, f"{count:,} expire") for step, count in enumerate(ends)]
    )
