"""The coordinates of the bars and lines of server-rendered SVG charts; the template only prints them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hubwire.record.statistics import ActivityPoint

HEIGHT = 200
BOTTOM, TOP = 22, 14
ACROSS = 100.0
"""The plot is as wide as the page allows: along it, everything is in percent."""
GAP_SHARE = 0.14
SPARK_WIDTH, SPARK_HEIGHT = 120, 28


class Bar(msgspec.Struct, frozen=True):
    """One interval: two stacked rectangles, delivered below dead, with a label for tooltips and screen readers."""

    x: float
    width: float
    delivered_y: float
    delivered_height: float
    failed_y: float
    failed_height: float
    at_ms: int
    label: str


class Tick(msgspec.Struct, frozen=True):
    y: float
    label: str


class TimeTick(msgspec.Struct, frozen=True):
    x: float
    at_ms: int


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Delivered and dead messages as bars (left axis), the backlog as a line (right axis).

    Units: along the plot (`x`, `width`) percent, up and down pixels.
    """

    height: int
    baseline: float
    bars: list[Bar]
    backlog: str
    left_ticks: list[Tick]
    right_ticks: list[Tick]
    time_ticks: list[TimeTick]
    is_empty: bool


def activity_chart(points: Sequence[ActivityPoint]) -> Chart:
    """The chart of some steps of time."""
    baseline, span = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    maximum = round_up(max((point.delivered + point.dead for point in points), default=0))
    max_backlog = round_up(max((point.backlog for point in points), default=0))
    step = ACROSS / max(1, len(points))
    line = [(step * (index + 0.5), baseline - span * p.backlog / max_backlog) for index, p in enumerate(points)]
    return Chart(
        height=HEIGHT,
        baseline=baseline,
        bars=[_bar(point, step * index, step, baseline, span / maximum) for index, point in enumerate(points)],
        backlog=" ".join(f"{x:.2f},{y:.1f}" for x, y in line),
        left_ticks=_ticks(maximum, baseline, span),
        right_ticks=_ticks(max_backlog, baseline, span),
        time_ticks=[
            TimeTick(round(step * index, 2), points[index].at_ms)
            for index in range(0, len(points), max(1, len(points) // 6))
        ],
        is_empty=not any(point.delivered or point.dead or point.backlog for point in points),
    )


def spark_line(values: Sequence[int]) -> str:
    """The points of a small line, for a polyline of `SPARK_WIDTH` by `SPARK_HEIGHT`."""
    maximum = max([*values, 1])
    step = SPARK_WIDTH / max(1, len(values) - 1)
    return " ".join(
        f"{index * step:.1f},{SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * value / maximum:.1f}"
        for index, value in enumerate(values)
    )


def round_up(value: int) -> int:
    """The least of 1, 2, 4, 10, 20, 40, 100, … that a value fits under: axes with four round steps."""
    scale = 1
    while True:
        for factor in (1, 2, 4):
            if value <= factor * scale:
                return factor * scale
        scale *= 10


def _bar(point: ActivityPoint, x: float, step: float, baseline: float, per_message: float) -> Bar:
    delivered, failed = point.delivered * per_message, point.dead * per_message
    gap = step * GAP_SHARE
    return Bar(
        x=round(x + gap / 2, 3),
        width=round(step - gap, 3),
        delivered_y=round(baseline - delivered, 1),
        delivered_height=round(delivered, 1),
        failed_y=round(baseline - delivered - failed, 1),
        failed_height=round(failed, 1),
        at_ms=point.at_ms,
        label=f"{point.delivered:,} delivered, {point.dead:,} dead, backlog {point.backlog:,}",
    )


def _ticks(maximum: int, baseline: float, span: float) -> list[Tick]:
    steps = 4 if maximum >= 4 else maximum
    return [
        Tick(round(baseline - span * index / steps, 1), short_count(maximum * index // steps))
        for index in range(steps + 1)
    ]


def short_count(value: int) -> str:
    """A count in at most four characters: 950, 1.2k, 40k, 3M."""
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return str(value)
