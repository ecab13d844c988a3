"""The day's budget: simulated days of traffic, and the rules one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from hubwire.deliver.limits.daily_budget import (
    RECHECK_SECONDS,
    BudgetPolicy,
    DailyBudget,
    Priority,
    day_of,
    zone_of,
)
from hubwire.hubspot.call import Answer

DAY_SECONDS = 86_400


STEP_SECONDS = 6


MIDNIGHT_MS = 1_790_035_200_000
"""2026-09-22 00:00 UTC."""
NOON_MS = MIDNIGHT_MS + 12 * 3_600_000


Traffic = Callable[[int, Random], tuple[int, int, int]]
"""(second of the day) -> identifies, events and backfilled messages that arrive."""


@dataclass
class Day:
    """One day of a lane that lingers and spends as the budget says; identifies go 100 to a call, the rest 500."""

    budget: DailyBudget
    daily: int
    used: int = 0
    waiting: dict[Priority, int] = field(default_factory=lambda: dict.fromkeys(Priority, 0))
    since: int | None = None
    identify_since: int | None = None
    longest_identify_lag: int = 0
    sent: dict[Priority, int] = field(default_factory=lambda: dict.fromkeys(Priority, 0))
    last_call_at: int = 0

    def run(self, traffic: Traffic, random: Random, seconds: int = DAY_SECONDS) -> None:
        for second in range(0, seconds, STEP_SECONDS):
            now_ms = MIDNIGHT_MS + second * 1000
            arrived = traffic(second, random)
            for priority, count in zip(Priority, arrived, strict=True):
                self.waiting[priority] += count * STEP_SECONDS
            if arrived[0] and self.identify_since is None:
                self.identify_since = second
            if any(self.waiting.values()) and self.since is None:
                self.since = second
            if self.since is not None and second - self.since >= max(1.0, self.budget.linger_seconds(now_ms)):
                self._cycle(second, now_ms)
            if self.identify_since is not None:
                self.longest_identify_lag = max(self.longest_identify_lag, second - self.identify_since)

    def _cycle(self, second: int, now_ms: int) -> None:
        for priority in Priority:
            size = 100 if priority is Priority.IDENTIFY else 500
            calls = min(-(-self.waiting[priority] // size), self.budget.may_spend(priority, now_ms), 60)
            for _ in range(calls):
                batch = min(size, self.waiting[priority])
                self.waiting[priority] -= batch
                self.sent[priority] += batch
                self._call(second, now_ms, batch / size, priority)
        if not self.waiting[Priority.IDENTIFY]:
            self.identify_since = None
        self.since = second if any(self.waiting.values()) else None

    def _call(self, second: int, now_ms: int, fill: float, priority: Priority) -> None:
        self.budget.spend(now_ms, fill, priority)
        assert self.used < self.daily, f"the budget was exhausted at second {second}"
        self.used += 1
        self.last_call_at = second
        self.budget.observe(Answer(200, daily(self.daily, self.daily - self.used), started_at_ms=now_ms), now_ms)


def daily(limit: int, remaining: int) -> dict[str, str]:
    return {
        "x-hubspot-ratelimit-daily": str(limit),
        "x-hubspot-ratelimit-daily-remaining": str(remaining),
    }


def budget(**policy: float | int | None) -> DailyBudget:
    return DailyBudget(BudgetPolicy(**policy), UTC, MIDNIGHT_MS)  # type: ignore[arg-type]


def trickle(second: int, random: Random) -> tuple[int, int, int]:
    return int(random.random() < 0.3), 1, 0


def bursty(second: int, random: Random) -> tuple[int, int, int]:
    is_burst = second % 3_600 < 60
    return (200 if is_burst else int(random.random() < 0.2)), (5_000 if is_burst else 2), 0


def flood(second: int, random: Random) -> tuple[int, int, int]:
    return 20, 3_000, 0


def import_at_breakfast(second: int, random: Random) -> tuple[int, int, int]:
    return int(random.random() < 0.5), 3, 5_000_000 if second == 100 else 0


def test_a_trickle_goes_out_at_once_where_there_is_plenty() -> None:
    day = Day(budget(), 1_000_000)
    day.run(trickle, Random(5), 3_600)
    assert day.longest_identify_lag <= STEP_SECONDS


def test_a_backfill_spends_its_half_at_once_and_the_rest_evenly() -> None:
    daily_budget = budget()
    assert daily_budget.may_spend(Priority.BACKFILL, MIDNIGHT_MS) == 20_000
    for _ in range(20_000):
        daily_budget.spend(MIDNIGHT_MS, 1.0, Priority.BACKFILL)
    assert daily_budget.may_spend(Priority.BACKFILL, MIDNIGHT_MS) == 0
    assert daily_budget.wait_seconds(Priority.BACKFILL, MIDNIGHT_MS) == pytest.approx(DAY_SECONDS / 20_000, rel=0.01)
    assert daily_budget.may_spend(Priority.BACKFILL, MIDNIGHT_MS + DAY_SECONDS * 500) == 10_000


def test_what_events_need_is_left_to_them_by_a_backfill() -> None:
    daily_budget = budget()
    for second in range(3_600):
        daily_budget.spend(MIDNIGHT_MS + second * 1000, 0.25, Priority.TRACK)
    left = daily_budget.forecast(MIDNIGHT_MS + 3_600_000).remaining
    events_need = 0.25 * 23 * 3_600
    assert left == 40_000 - 3_600
    assert (
        left - 1.5 * events_need
        < daily_budget.may_spend(Priority.BACKFILL, MIDNIGHT_MS + 3_600_000)
        < left - events_need
    )


def test_identifies_may_spend_what_events_may_not_and_events_what_backfill_may_not() -> None:
    daily_budget = budget()
    free = [daily_budget.may_spend(priority, MIDNIGHT_MS) for priority in Priority]
    assert free == [39_200, 34_000, 20_000]


def test_out_of_budget_waits_for_midnight() -> None:
    daily_budget = budget()
    daily_budget.run_out(NOON_MS)
    assert [daily_budget.may_spend(priority, NOON_MS) for priority in Priority] == [0, 0, 0]
    assert daily_budget.wait_seconds(Priority.IDENTIFY, NOON_MS) == DAY_SECONDS // 2
    assert daily_budget.may_spend(Priority.IDENTIFY, MIDNIGHT_MS + DAY_SECONDS * 1_000) == 39_200


def test_headers_tell_the_limit_and_what_others_spend() -> None:
    daily_budget = budget()
    daily_budget.spend(MIDNIGHT_MS)
    daily_budget.observe(Answer(200, daily(250_000, 200_000), started_at_ms=MIDNIGHT_MS), MIDNIGHT_MS)
    forecast = daily_budget.forecast(MIDNIGHT_MS)
    assert (forecast.limit, forecast.used, forecast.remaining) == (250_000, 50_000, 200_000)


def test_an_older_answer_does_not_give_calls_back() -> None:
    daily_budget = budget()
    daily_budget.observe(Answer(200, daily(1_000, 500), started_at_ms=MIDNIGHT_MS + 50), MIDNIGHT_MS + 60)
    daily_budget.observe(Answer(200, daily(1_000, 510), started_at_ms=MIDNIGHT_MS + 10), MIDNIGHT_MS + 70)
    assert daily_budget.forecast(MIDNIGHT_MS + 80).remaining == 500


def test_calls_without_an_answer_yet_are_counted() -> None:
    daily_budget = budget()
    daily_budget.observe(Answer(200, daily(1_000, 500), started_at_ms=MIDNIGHT_MS), MIDNIGHT_MS)
    daily_budget.spend(MIDNIGHT_MS)
    daily_budget.spend(MIDNIGHT_MS)
    assert daily_budget.forecast(MIDNIGHT_MS).remaining == 498


def test_a_pinned_budget_counts_our_calls_and_not_those_of_others() -> None:
    daily_budget = budget(pinned_calls_per_day=1_000)
    daily_budget.spend(MIDNIGHT_MS)
    daily_budget.observe(Answer(200, daily(250_000, 100_000), started_at_ms=MIDNIGHT_MS), MIDNIGHT_MS)
    forecast = daily_budget.forecast(MIDNIGHT_MS)
    assert (forecast.limit, forecast.remaining) == (1_000, 999)


def test_without_daily_headers_our_own_calls_are_counted() -> None:
    daily_budget = budget(calls_per_day=100)
    for _ in range(10):
        daily_budget.spend(MIDNIGHT_MS)
        daily_budget.observe(Answer(200), MIDNIGHT_MS)
    assert daily_budget.forecast(MIDNIGHT_MS).remaining == 90


def test_a_restart_on_the_same_day_remembers_what_was_spent() -> None:
    daily_budget = budget(calls_per_day=100)
    for _ in range(10):
        daily_budget.spend(MIDNIGHT_MS)
    again = DailyBudget(BudgetPolicy(calls_per_day=100), UTC, MIDNIGHT_MS + 5_000, daily_budget.spent())
    tomorrow = DailyBudget(
        BudgetPolicy(calls_per_day=100), UTC, MIDNIGHT_MS + DAY_SECONDS * 1_000, daily_budget.spent()
    )
    assert again.forecast(MIDNIGHT_MS + 5_000).remaining == 90
    assert tomorrow.forecast(MIDNIGHT_MS + DAY_SECONDS * 1_000).remaining == 100


def test_single_messages_go_at_once_until_the_purse_is_half_empty() -> None:
    daily_budget = budget()
    waits = []
    for _ in range(200):
        waits.append(daily_budget.linger_seconds(MIDNIGHT_MS))
        daily_budget.spend(MIDNIGHT_MS, 0.01)
    assert waits[:100] == [0.0] * 100
    assert waits[-1] > waits[150] > waits[110] > 0


def test_full_batches_never_make_others_linger() -> None:
    daily_budget = budget()
    for _ in range(5_000):
        daily_budget.spend(MIDNIGHT_MS, 1.0)
    assert daily_budget.linger_seconds(MIDNIGHT_MS) == 0.0


def test_the_linger_is_longer_when_less_is_left_of_the_day() -> None:
    plenty, little = budget(), budget()
    little.observe(Answer(200, daily(40_000, 4_000), started_at_ms=MIDNIGHT_MS), MIDNIGHT_MS)
    for _ in range(110):
        plenty.spend(MIDNIGHT_MS)
        little.spend(MIDNIGHT_MS)
    assert little.linger_seconds(MIDNIGHT_MS) > 5 * plenty.linger_seconds(MIDNIGHT_MS) > 0


def test_the_forecast_names_when_the_budget_would_end_at_the_present_rate() -> None:
    daily_budget = budget(calls_per_day=10_000)
    for second in range(1_800):
        daily_budget.spend(MIDNIGHT_MS + second * 1000)
    forecast = daily_budget.forecast(MIDNIGHT_MS + 1_800_000)
    assert 0.9 < forecast.calls_per_second < 1.0
    assert forecast.projected > 10_000
    assert forecast.ends_at_ms is not None
    assert MIDNIGHT_MS < forecast.ends_at_ms < forecast.day_ends_at_ms


def test_a_quiet_day_has_no_end_in_sight() -> None:
    assert budget().forecast(MIDNIGHT_MS + 1_000).ends_at_ms is None


@pytest.mark.parametrize(
    ("moment", "zone", "hours"),
    [
        (datetime(2026, 3, 8, 12, tzinfo=UTC), "America/New_York", 23),
        (datetime(2026, 11, 1, 12, tzinfo=UTC), "America/New_York", 25),
        (datetime(2026, 11, 23, 3, tzinfo=UTC), "Australia/Sydney", 24),
    ],
)
def test_the_day_is_the_portals_own(moment: datetime, zone: str, hours: int) -> None:
    now_ms = round(moment.timestamp() * 1000)
    starts_at_ms, ends_at_ms = day_of(now_ms, ZoneInfo(zone))
    assert starts_at_ms <= now_ms < ends_at_ms
    assert ends_at_ms - starts_at_ms == hours * 3_600_000
    assert datetime.fromtimestamp(ends_at_ms / 1000, ZoneInfo(zone)).hour == 0


def test_the_time_zone_may_become_known_later() -> None:
    daily_budget = budget()
    daily_budget.move_to(zone_of("Australia/Sydney"), MIDNIGHT_MS)
    assert daily_budget.day_ends_at_ms == day_of(MIDNIGHT_MS, ZoneInfo("Australia/Sydney"))[1]


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "UTC"])
def test_an_unknown_time_zone_is_utc(name: str) -> None:
    assert zone_of(name).utcoffset(datetime(2026, 1, 1, tzinfo=UTC)) == UTC.utcoffset(None)


# -- a clock that is wrong at midnight


def test_a_day_that_is_used_up_in_its_first_minute_is_checked_again() -> None:
    daily_budget = DailyBudget(BudgetPolicy(calls_per_day=100), UTC, MIDNIGHT_MS)
    daily_budget.run_out(MIDNIGHT_MS + 1_000)
    assert daily_budget.wait_seconds(Priority.IDENTIFY, MIDNIGHT_MS + 1_000) == RECHECK_SECONDS
    assert daily_budget.may_spend(Priority.IDENTIFY, MIDNIGHT_MS + 900_000) == 0
    assert daily_budget.may_spend(Priority.IDENTIFY, MIDNIGHT_MS + 902_000) > 0


def test_a_clock_that_is_set_back_over_midnight_is_in_the_day_before() -> None:
    daily_budget = DailyBudget(BudgetPolicy(calls_per_day=100), UTC, MIDNIGHT_MS - 60_000)
    daily_budget.run_out(MIDNIGHT_MS + 5 * 3_600_000)
    daily_budget.wait_seconds(Priority.IDENTIFY, MIDNIGHT_MS - 50_000)
    assert daily_budget.day_ends_at_ms == MIDNIGHT_MS
    assert daily_budget.may_spend(Priority.IDENTIFY, MIDNIGHT_MS + 1) > 0
