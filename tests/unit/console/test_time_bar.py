"""The time of one message as a bar."""

from __future__ import annotations

from hubwire.console.parts.time_bar import time_bar
from hubwire.record.queries import AttemptSummary


def attempt(started_at_ms: int, duration_ms: int) -> AttemptSummary:
    return AttemptSummary(
        attempt_id=1,
        cycle_id=1,
        call="POST /x",
        started_at_ms=started_at_ms,
        duration_ms=duration_ms,
        status=200,
        outcome="success",
        correlation_id="",
        message_count=1,
    )


def test_a_bar_shows_waiting_and_calls_and_joins_calls_at_the_same_time() -> None:
    drawn = time_bar(1000, [attempt(3000, 500), attempt(3200, 800), attempt(5500, 500)])
    assert drawn is not None
    assert [(piece.name, piece.x, piece.width) for piece in drawn.pieces] == [
        ("waited", 0.0, 40.0),
        ("calls", 40.0, 20.0),
        ("waited", 60.0, 30.0),
        ("calls", 90.0, 10.0),
    ]
    assert drawn.words == "2 s until the first call, 1.5 s in calls, 5 s in total."


def test_a_short_call_after_hours_can_be_seen_inside_the_bar() -> None:
    drawn = time_bar(0, [attempt(7_200_000, 90)])
    assert drawn is not None
    assert drawn.pieces[-1].width == 0.8
    assert all(piece.x >= 0 and piece.x + piece.width <= 100.01 for piece in drawn.pieces)


def test_without_a_call_there_is_no_bar_and_a_clock_set_back_draws_none_outside() -> None:
    assert time_bar(0, []) is None
    drawn = time_bar(10_000, [attempt(9_000, 100)])
    assert drawn is not None
    assert all(piece.x >= 0 and piece.x + piece.width <= 100.01 for piece in drawn.pieces)
