"""Permits for calls, from the rolling windows (`rate_limiter.py`) and the day's budget (`daily_budget.py`). Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.deliver.limits.daily_budget import (
    BudgetPolicy,
    DailyBudget,
    Priority,
    Spent,
    zone_of,
)
from hubwire.deliver.limits.rate_limiter import LimiterPolicy, RateLimit, RateLimiter
from hubwire.destination import Destination
from hubwire.hubspot.call import Answer, CallKind


class _Kept(msgspec.Struct):
    """The part of a lane's status that a restart needs."""

    spent: Spent | None = None
    time_zone: str = "UTC"


class Governor:
    """Permits of one portal.

    Units: epoch milliseconds in, milliseconds to wait out. Nothing here sleeps.
    """

    def __init__(self, limiter: RateLimiter, budget: DailyBudget, time_zone: str = "UTC") -> None:
        self._limiter = limiter
        self._budget = budget
        self._time_zone = time_zone

    @classmethod
    def of(cls, destination: Destination, now_ms: int, status: bytes = b"{}") -> Governor:
        """The governor of a destination's settings. `status` is the lane's last report."""
        try:
            kept = msgspec.json.decode(status, type=_Kept)
        except msgspec.MsgspecError:
            kept = _Kept()
        pinned = RateLimit.of(destination.calls_per_second) if destination.calls_per_second else None
        policy = BudgetPolicy(pinned_calls_per_day=destination.calls_per_day)
        limiter = RateLimiter(LimiterPolicy(general=pinned or RateLimit(100, 10.0), pinned=pinned))
        return cls(limiter, DailyBudget(policy, zone_of(kept.time_zone), now_ms, kept.spent), kept.time_zone)

    def take(self, kind: CallKind, priority: Priority, fill: float, now_ms: int) -> int:
        """Take a permit and return 0, or return the milliseconds to wait before the next try."""
        budget_ms = round(self._budget.wait_seconds(priority, now_ms) * 1000)
        if budget_ms > 0:
            return budget_ms
        wait_ms = self._limiter.take(kind, now_ms)
        if wait_ms == 0:
            self._budget.spend(now_ms, fill, priority)
        return wait_ms

    def observe(self, kind: CallKind, answer: Answer, now_ms: int, jitter: float, *, is_daily_spent: bool) -> None:
        """Learn from an answer's headers and from a 429."""
        self._limiter.observe(kind, answer, now_ms, jitter)
        self._budget.observe(answer, now_ms)
        if is_daily_spent:
            self._budget.run_out(now_ms)

    def move_to(self, time_zone: str, now_ms: int) -> None:
        """Set the portal's time zone, whose midnight starts a new day of calls."""
        self._time_zone = time_zone
        self._budget.move_to(zone_of(time_zone), now_ms)

    def may_spend(self, priority: Priority, now_ms: int) -> int:
        """The number of calls that the day's budget allows this priority now."""
        return self._budget.may_spend(priority, now_ms)

    def wait_seconds(self, priority: Priority, now_ms: int) -> float:
        """Seconds until this priority may make a call again."""
        return self._budget.wait_seconds(priority, now_ms)

    def linger_seconds(self, now_ms: int) -> float:
        """The linger time that the budget requests."""
        return self._budget.linger_seconds(now_ms)

    def report(self, now_ms: int) -> dict[str, Any]:
        """The state of limits and budget, for people and for the next start."""
        capacity, per_seconds = self._limiter.capacity()
        forecast = self._budget.forecast(now_ms)
        return {
            "rate": f"{capacity} calls / {per_seconds:g} s",
            "calls_per_second": round(capacity / per_seconds, 3),
            "limit": forecast.limit,
            "used": forecast.used,
            "remaining": forecast.remaining,
            "projected": forecast.projected,
            "day_ends_at_ms": forecast.day_ends_at_ms,
            "ends_at_ms": forecast.ends_at_ms,
            "linger_seconds": round(self._budget.linger_seconds(now_ms), 1),
            "time_zone": self._time_zone,
            "spent": self._budget.spent(),
        }
