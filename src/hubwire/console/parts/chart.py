"""The coordinates of the bars and lines of server-rendered SVG charts; the template only prints them.

Along a plot, everything is in percent of its width; up and down, in pixels. A chart of moments has labels at full
hours or days, at most six of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from hubwire.console.parts import formats
from hubwire.record.statistics import ActivityPoint

HEIGHT = 200
BOTTOM, TOP = 22, 14
ACROSS = 100.0
GAP_SHARE = 0.14
SPARK_WIDTH, SPARK_HEIGHT = 120, 28
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1000, 60_000, 3_600_000, 86_400_000
TIME_STEPS_MS = (
    *(count * MINUTE_MS for count in (1, 2, 5, 10, 15, 30)),
    *(count * HOUR_MS for count in (1, 2, 3, 4, 6, 12)),
    *(count * DAY_MS for count in (1, 2, 4, 7, 14, 28, 56, 112, 364)),
)
MAX_TIME_TICKS = 6
EDGE = 7.0
"""Within this distance of an edge, in percent, a label stands inside of its mark."""
DURATION_AXES_MS = (
    *(count * scale for scale in (1, 10, 100) for count in (10, 20, 40)),
    *(count * SECOND_MS for count in (10, 20, 60)),
    *(count * MINUTE_MS for count in (2, 4, 10, 20, 60)),
    *(count * HOUR_MS for count in (2, 4, 12, 24)),
)
OUTCOMES = ("delivered", "discarded", "retrying", "held", "dead")


class Part(msgspec.Struct, frozen=True):
    """One coloured piece of a bar. `name` chooses the colour."""

    name: str
    y: float
    height: float


class Bar(msgspec.Struct, frozen=True):
    """One interval: pieces on top of each other, with a label for tooltips and screen readers."""

    x: float
    width: float
    parts: list[Part]
    at_ms: int | None
    label: str


class Tick(msgspec.Struct, frozen=True):
    y: float
    label: str


class TimeTick(msgspec.Struct, frozen=True):
    """One label of the time axis. `unit`: `hour`, `weekday` (and hour) if the axis is longer than a day, or `day`."""

    x: float
    at_ms: int
    anchor: str
    unit: str


class Line(msgspec.Struct, frozen=True):
    """One line, as the points of its pieces; it has gaps where there is no value. `dots`: values alone between gaps."""

    name: str
    pieces: list[str]
    dots: list[tuple[float, float]] = []


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Bars (left axis), lines (right axis if there are bars, otherwise left), and the names of the bars' pieces."""

    height: int = HEIGHT
    baseline: float = HEIGHT - BOTTOM
    bars: list[Bar] = []
    lines: list[Line] = []
    names: list[str] = []
    left_ticks: list[Tick] = []
    right_ticks: list[Tick] = []
    time_ticks: list[TimeTick] = []
    is_empty: bool = False


class Column(msgspec.Struct, frozen=True):
    """One interval of a bar chart: its pieces by name, from the bottom up, and its label."""

    at_ms: int | None
    values: Mapping[str, int]
    label: str


def bar_chart(columns: Sequence[Column], line: Sequence[int] = (), line_name: str = "backlog") -> Chart:
    """The chart of intervals of equal length, with a line of one value for each."""
    baseline, span = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    maximum = round_up(max((sum(column.values.values()) for column in columns), default=0))
    max_line = round_up(max(line, default=0))
    step = ACROSS / max(1, len(columns))
    used = [name for column in columns for name, value in column.values.items() if value]
    points = [
        f"{step * (index + 0.5):.2f},{baseline - span * value / max_line:.1f}" for index, value in enumerate(line)
    ]
    return Chart(
        bars=[_bar(column, step * index, step, span / maximum) for index, column in enumerate(columns)],
        lines=[Line(line_name, [" ".join(points)])] if line else [],
        names=[name for name in dict.fromkeys(name for column in columns for name in column.values) if name in used],
        left_ticks=_ticks(maximum, short_count),
        right_ticks=_ticks(max_line, short_count) if line else [],
        time_ticks=_column_ticks(columns),
        is_empty=not used and not any(line),
    )


def activity_chart(points: Sequence[ActivityPoint]) -> Chart:
    """The outcomes of deliveries over time, and the backlog as a line."""
    columns = [
        Column(
            point.at_ms,
            {name: getattr(point, name) for name in OUTCOMES},
            ", ".join(
                [
                    *(f"{getattr(point, name):,} {name}" for name in OUTCOMES if getattr(point, name)),
                    f"backlog {point.backlog:,}",
                ]
            ),
        )
        for point in points
    ]
    backlog = [point.backlog for point in points]
    return bar_chart(columns, backlog if any(backlog) else ())


def line_chart(
    at_ms: Sequence[int], lines: Mapping[str, Sequence[float | None]], *, axis: Callable[[float], float] | None = None
) -> Chart:
    """Lines over moments; None is a gap. `axis` gives the end of the axis: by default a length of time in ms."""
    baseline, span = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    highest = max((value for values in lines.values() for value in values if value is not None), default=0)
    is_duration = axis is None
    maximum = duration_axis(highest) if axis is None else axis(highest)
    since, until = at_ms[0], max(at_ms[-1], at_ms[0] + 1)
    xs = [ACROSS * (moment - since) / (until - since) for moment in at_ms]
    drawn = []
    for name, values in lines.items():
        pieces: list[list[tuple[float, float]]] = [[]]
        for x, value in zip(xs, values, strict=True):
            if value is None:
                pieces.append([])
            else:
                pieces[-1].append((round(x, 2), round(baseline - span * value / maximum, 1)))
        drawn.append(
            Line(
                name,
                [" ".join(f"{px:.2f},{py:.1f}" for px, py in piece) for piece in pieces if len(piece) > 1],
                [piece[0] for piece in pieces if len(piece) == 1],
            )
        )
    return Chart(
        lines=drawn,
        left_ticks=_ticks(maximum, _short_duration if is_duration else short_count),
        time_ticks=time_ticks(since, until),
        is_empty=not any(line.pieces or line.dots for line in drawn),
    )


class Percentiles(Protocol):
    """One step of durations."""

    @property
    def at_ms(self) -> int: ...

    @property
    def p50_ms(self) -> int | None: ...

    @property
    def p95_ms(self) -> int | None: ...


def latency_chart(steps: Sequence[Percentiles]) -> Chart:
    """Median and 95th percentile of durations over time."""
    lines = {"p50": [step.p50_ms for step in steps], "p95": [step.p95_ms for step in steps]}
    return line_chart([step.at_ms for step in steps], lines)


def time_ticks(since_ms: int, until_ms: int) -> list[TimeTick]:
    """At most six labels at full minutes, hours or days (UTC)."""
    length = max(1, until_ms - since_ms)
    step = next((step for step in TIME_STEPS_MS if length / step <= MAX_TIME_TICKS), TIME_STEPS_MS[-1])
    unit = "day" if step % DAY_MS == 0 else "weekday" if length > DAY_MS + HOUR_MS else "hour"
    ticks = []
    for at_ms in range(-(-since_ms // step) * step, until_ms, step):
        x = ACROSS * (at_ms - since_ms) / length
        anchor = "start" if x < EDGE else "end" if x > ACROSS - EDGE else "middle"
        ticks.append(TimeTick(round(x, 2), at_ms, anchor, unit))
    return ticks


def duration_axis(highest_ms: float) -> float:
    """The end of an axis for lengths of time, so that a quarter of it is a round length. Units: milliseconds."""
    fitting = next((maximum for maximum in DURATION_AXES_MS if highest_ms <= maximum), None)
    return fitting if fitting is not None else round_up(-(-round(highest_ms) // DAY_MS)) * DAY_MS


def spark_line(values: Sequence[int]) -> str:
    """The points of a small line, for a polyline of `SPARK_WIDTH` by `SPARK_HEIGHT`."""
    maximum = max([*values, 1])
    step = SPARK_WIDTH / max(1, len(values) - 1)
    return " ".join(
        f"{index * step:.1f},{SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * value / maximum:.1f}"
        for index, value in enumerate(values)
    )


def round_up(value: float) -> int:
    """The least of 1, 2, 4, 10, 20, 40, 100, … that a value fits under: axes with four round steps."""
    scale = 1
    while True:
        for factor in (1, 2, 4):
            if value <= factor * scale:
                return factor * scale
        scale *= 10


def short_count(value: float) -> str:
    """A count in at most four characters: 950, 1.2k, 40k, 3M."""
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:g}"


def _short_duration(ms: float) -> str:
    return "0" if not ms else formats.duration(ms / 1000)


def _bar(column: Column, x: float, step: float, per_count: float) -> Bar:
    y, parts = float(HEIGHT - BOTTOM), []
    for name, value in column.values.items():
        if value:
            y -= value * per_count
            parts.append(Part(name, round(y, 1), round(value * per_count, 1)))
    gap = step * GAP_SHARE
    return Bar(round(x + gap / 2, 3), round(step - gap, 3), parts, column.at_ms, column.label)


def _column_ticks(columns: Sequence[Column]) -> list[TimeTick]:
    moments = [column.at_ms for column in columns if column.at_ms is not None]
    if len(moments) < 2:
        return []
    return time_ticks(moments[0], moments[-1] + moments[1] - moments[0])


def _ticks(maximum: float, words: Callable[[float], str]) -> list[Tick]:
    baseline, span = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    steps = 4 if maximum >= 4 else int(maximum)
    return [
        Tick(round(baseline - span * index / steps, 1), words(maximum * index / steps)) for index in range(steps + 1)
    ]
