"""How values look, where a chart's bars and lines go, and that the vendored script is the one its notice names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubwire.console.parts.chart import (
    ACROSS,
    HEIGHT,
    SPARK_HEIGHT,
    SPARK_WIDTH,
    activity_chart,
    round_up,
    short_count,
    spark_line,
)
from hubwire.record.statistics import ActivityPoint


@given(st.lists(st.tuples(*[st.integers(0, 10**9)] * 3), min_size=1, max_size=50))
def test_everything_drawn_is_inside_the_chart(counts: list[tuple[int, int, int]]) -> None:
    points = [
        ActivityPoint(at_ms=at, delivered=count[0], dead=count[1], backlog=count[2]) for at, count in enumerate(counts)
    ]
    drawn = activity_chart(points)
    for bar in drawn.bars:
        assert all(0 <= part.y <= HEIGHT for part in bar.parts)
        assert bar.x + bar.width <= ACROSS + 0.01
    for point in " ".join(piece for line in drawn.lines for piece in line.pieces).split():
        x, y = (float(part) for part in point.split(","))
        assert 0 <= x <= ACROSS
        assert 0 <= y <= HEIGHT
    assert drawn.is_empty == (not any(any(count) for count in counts))


@given(st.lists(st.integers(0, 10**9), max_size=30))
def test_a_small_line_stays_in_its_box(values: list[int]) -> None:
    for point in spark_line(values).split():
        x, y = (float(part) for part in point.split(","))
        assert 0 <= x <= SPARK_WIDTH + 0.1
        assert 0 <= y <= SPARK_HEIGHT


@given(st.integers(0, 10**12))
def test_axes_end_on_a_round_number(value: int) -> None:
    rounded = round_up(value)
    assert value <= rounded <= max(1, 4 * value)
    assert str(rounded).rstrip("0") in ("1", "2", "4")


@given(st.integers(0, 10**11))
def test_a_short_count_is_short(value: int) -> None:
    assert len(short_count(value)) <= 5
