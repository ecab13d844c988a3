"""A day's budget that would not last until noon if every message went at once: it lasts until midnight, and identifies
never wait long."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.day import Day, Others, Traffic, refused

from hubwire.deliver.limits.daily_budget import BudgetPolicy


@pytest.mark.parametrize(
    ("messages", "daily", "turn_seconds", "longest_lag_seconds"),
    [
        # The longest linger may end just after a turn of the simulation.
        (12_000, 1_500, 20.0, BudgetPolicy().longest_linger_seconds + 20.0),
        pytest.param(300_000, 40_000, 1.0, 60.0, marks=pytest.mark.slow),
    ],
)
async def test_the_budget_lasts_until_midnight_and_identifies_never_wait_long(
    tmp_path: Path, messages: int, daily: int, turn_seconds: float, longest_lag_seconds: float
) -> None:
    others = Others(nightly_calls=daily // 8, office_calls=daily // 4)
    day = Day(tmp_path, Traffic(messages), others, daily=daily, turn_seconds=turn_seconds)
    try:
        await day.run()
        assert day.least_calls_at_once > 2 * daily
        assert day.exhausted_at_ms is None
        assert not refused(day)
        assert max(max(hour.identify_lags) for hour in day.hours) <= longest_lag_seconds
        before_midnight, after = day.hours[23], day.hours[24]
        assert before_midnight.remaining < daily / 4, "calls that nobody has used by midnight are lost"
        assert after.remaining > 0.9 * daily
        assert day.world.states().keys() <= {"discarded", "held"}
    finally:
        await day.world.close()
