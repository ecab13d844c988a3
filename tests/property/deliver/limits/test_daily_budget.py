"""The day's budget: simulated days of traffic, and the rules one by one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.deliver.limits.test_daily_budget import (
    DAY_SECONDS,
    MIDNIGHT_MS,
    Day,
    Traffic,
    budget,
    bursty,
    daily,
    flood,
    import_at_breakfast,
    trickle,
)

from hubwire.deliver.limits.daily_budget import Priority
from hubwire.hubspot.call import Answer


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 500),
    st.lists(
        st.tuples(st.integers(1, 20_000), st.sampled_from(Priority), st.integers(1, 40), st.integers(0, 30)),
        max_size=30,
    ),
)
@example(1, [(1, Priority.IDENTIFY, 1, 1), (86_398, Priority.IDENTIFY, 1, 0)])
def test_the_budget_never_ends_before_midnight_whatever_others_spend(
    limit: int, steps: list[tuple[int, Priority, int, int]]
) -> None:
    daily_budget = budget(calls_per_day=limit)
    now_ms, used, others_unseen = MIDNIGHT_MS, 0, 0
    for seconds, priority, step, others in steps:
        now_ms += seconds * 1000
        if now_ms >= MIDNIGHT_MS + DAY_SECONDS * 1000:
            break
        used = min(limit, used + others)
        others_unseen += others
        for _ in range(step):
            if not daily_budget.may_spend(priority, now_ms):
                break
            daily_budget.spend(now_ms, 0.5, priority)
            assert used < limit or others_unseen, "only a call that finds out what others spent may be one too many"
            used, others_unseen = min(limit, used + 1), 0
            daily_budget.observe(Answer(200, daily(limit, limit - used), started_at_ms=now_ms), now_ms)
        assert daily_budget.linger_seconds(now_ms) >= 0
        assert daily_budget.wait_seconds(priority, now_ms) >= 0


@pytest.mark.parametrize(("traffic", "longest_lag"), [(trickle, 20), (bursty, 120), (import_at_breakfast, 40)])
def test_forty_thousand_calls_last_until_midnight_and_identifies_keep_a_bounded_lag(
    traffic: Traffic, longest_lag: int
) -> None:
    day = Day(budget(), 40_000)
    day.run(traffic, Random(5))
    assert day.used <= 40_000
    assert day.longest_identify_lag <= longest_lag
    assert day.waiting[Priority.IDENTIFY] <= 100 * longest_lag


def test_a_flood_uses_nearly_the_whole_day(flood_day: Day) -> None:
    assert 39_900 <= flood_day.used <= 40_000
    assert flood_day.last_call_at > DAY_SECONDS - 120


@pytest.fixture(scope="module")
def flood_day() -> Day:
    day = Day(budget(), 40_000)
    day.run(flood, Random(5))
    return day


def test_events_that_ask_too_much_leave_the_identifies_what_they_need(flood_day: Day) -> None:
    assert flood_day.waiting[Priority.TRACK] > 100_000_000
    assert flood_day.longest_identify_lag <= 120
