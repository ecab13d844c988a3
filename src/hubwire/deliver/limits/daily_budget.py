"""The day's budget of calls: who may spend, how long to wait for fuller batches, and a forecast. Pure.

Two rules make the budget last until the portal's midnight, whatever the traffic is.

*Reserves*: each priority keeps a reserve for the higher ones: their need until midnight, and at least a share of the
day's calls that shrinks evenly to zero at midnight. Above its reserve, a priority spends freely, so a full batch never
waits while calls are plentiful. At its reserve, it spends the calls that the shrinking reserve releases. The reserve of
identifies ends at midnight, so the budget does not end earlier. If others spend part of that reserve, it is calculated
again from the rest.

*Slack*: a call that is a third full wastes two thirds of a call. Wasted calls are paid from a slack budget. It fills
with half of the calls that the rest of the day would leave over if every batch were full. While it is less than half
full, messages linger. So quiet traffic goes at once, and a steady trickle packs itself as full as it must.

Source: HubSpot docs, usage guidelines: the daily limit is shared by the account's private apps and keys, resets at
midnight of the account's time zone, and stands in `X-HubSpot-RateLimit-Daily` and `-Daily-Remaining` (not with OAuth).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import IntEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hubwire.hubspot.call import Answer


class DecayingRate:
    """The recent rate of calls per second: a decaying sum, corrected for the short time since its start."""

    def __init__(self, memory_seconds: float, now_ms: int, warm_up_seconds: float = 0.0) -> None:
        self._memory = memory_seconds
        self._warm_up_seconds = warm_up_seconds
        self._since_ms = self._at_ms = now_ms
        self._sum = 0.0

    def add(self, calls: float, now_ms: int) -> None:
        self._sum = self._decayed(now_ms) + calls
        self._at_ms = max(now_ms, self._at_ms)

    def per_second(self, now_ms: int) -> float:
        age = max(0.0, (now_ms - self._since_ms) / 1000) + self._warm_up_seconds
        kept = self._memory * -math.expm1(-age / self._memory)
        return self._decayed(now_ms) / kept if kept > 0 else 0.0

    def _decayed(self, now_ms: int) -> float:
        return self._sum * math.exp(-max(0, now_ms - self._at_ms) / 1000 / self._memory)


FORECAST_MEMORY_SECONDS = 1800.0
"""The forecast's current rate is that of about the last half hour."""
NEED_MEMORY_SECONDS = 7200.0
"""A priority's need is estimated from about its last two hours."""
NEED_WARM_UP_SECONDS = 600.0
"""A new rate rises slowly, as if no call had been made for this time before the first one."""
DOUBT_SECONDS = 3600.0
"""A day that HubSpot calls used up so soon after midnight may be its day before: our clock is ahead, or the answer was
under way at midnight."""
RECHECK_SECONDS = 900.0
"""How often HubSpot is asked again in that case. Without it, a clock one second ahead could cost a whole day."""
CLOCK_STEP_MS = 2_000


class Priority(IntEnum):
    """The order of priorities when calls are short."""

    IDENTIFY = 0
    TRACK = 1
    BACKFILL = 2


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """The division of the day's calls.

    Shape: `calls_per_day` counts until HubSpot's headers say otherwise; `pinned_calls_per_day` is a ceiling on our own
    calls that headers cannot raise; a reserve for higher priorities is `need_margin` times their recent use.
    Units: shares of the day's calls; `slack_share` too, at most `slack_calls`.
    """

    calls_per_day: int = 40_000
    pinned_calls_per_day: int | None = None
    identify_reserve: float = 0.02
    track_reserve: float = 0.15
    backfill_reserve: float = 0.5
    need_margin: float = 1.5
    slack_share: float = 0.005
    slack_calls: float = 200.0
    longest_linger_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The state and the forecast of the day's budget.

    Shape: `ends_at_ms` is when it would end at the current rate, None if that is after midnight; the governor slows
    down before that.
    """

    limit: int
    used: int
    remaining: int
    day_ends_at_ms: int
    calls_per_second: float
    projected: int
    ends_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Spent:
    """The spent calls and their day, stored for a restart."""

    day_ends_at_ms: int
    ours: int
    accounts: int


class DailyBudget:
    """The budget of one portal."""

    def __init__(self, policy: BudgetPolicy, zone: tzinfo, now_ms: int, spent: Spent | None = None) -> None:
        self._policy = policy
        self._zone = zone
        self._limit = policy.calls_per_day
        self._day_starts_at_ms, self._day_ends_at_ms = day_of(now_ms, zone)
        same_day = spent is not None and spent.day_ends_at_ms == self._day_ends_at_ms
        self._ours = spent.ours if spent and same_day else 0
        self._accounts = spent.accounts if spent and same_day else 0
        self._open_count = 0
        self._header_started_at_ms = 0
        self._heard_at_ms = now_ms
        self._identify_reserve = policy.identify_reserve
        self._now_ms = now_ms
        self._slack = self._slack_size()
        self._rate = DecayingRate(FORECAST_MEMORY_SECONDS, now_ms, warm_up_seconds=60.0)
        self._needs = {
            priority: DecayingRate(NEED_MEMORY_SECONDS, now_ms, NEED_WARM_UP_SECONDS) for priority in Priority
        }

    # -- events

    def move_to(self, zone: tzinfo, now_ms: int) -> None:
        """Set the portal's time zone."""
        if zone != self._zone:
            self._zone = zone
            self._day_starts_at_ms, self._day_ends_at_ms = day_of(now_ms, zone)

    def spend(self, now_ms: int, fill: float = 0.0, priority: Priority = Priority.IDENTIFY) -> None:
        """Note a call. Units: `fill` is how full its batch is, 0 to 1."""
        self._tick(now_ms)
        fill = min(max(fill, 0.0), 1.0)
        self._ours += 1
        self._open_count += 1
        self._slack -= 1.0 - fill
        self._rate.add(1.0, now_ms)
        self._needs[priority].add(fill, now_ms)
        self._set_reserve()

    def observe(self, answer: Answer, now_ms: int) -> None:
        """Update the day's count from an answer, if HubSpot sends its own."""
        self._tick(now_ms)
        self._heard_at_ms = now_ms
        self._open_count = max(0, self._open_count - 1)
        limit, left = (_count(answer, name) for name in ("daily", "daily-remaining"))
        if limit is None or left is None or limit <= 0:
            self._accounts += answer.status is not None and answer.status != 429
        else:
            self._limit = limit
            used = max(0, limit - left)
            is_newest = answer.started_at_ms >= self._header_started_at_ms
            self._accounts = used if is_newest else max(used, self._accounts)
            self._header_started_at_ms = max(answer.started_at_ms, self._header_started_at_ms)
        self._set_reserve()

    def run_out(self, now_ms: int) -> None:
        """Note that HubSpot reported the day's calls as used up."""
        self._tick(now_ms)
        self._heard_at_ms = now_ms
        self._accounts = max(self._accounts, self._limit)
        self._set_reserve()

    # -- permissions

    def may_spend(self, priority: Priority, now_ms: int) -> int:
        """The number of calls that this priority may make now."""
        self._tick(now_ms)
        return max(0, math.floor(self._free(priority) + 1e-6))

    def wait_seconds(self, priority: Priority, now_ms: int, calls: int = 1) -> float:
        """Seconds until this priority may make this many calls, at most until midnight, when a new day begins."""
        self._tick(now_ms)
        short = calls - self._free(priority)
        if short <= 1e-6:
            return 0.0
        to_midnight = self._seconds_left()
        if self._is_doubtful():
            heard_seconds = abs(now_ms - self._heard_at_ms) / 1000
            to_midnight = min(to_midnight, max(1.0, RECHECK_SECONDS - heard_seconds))
        per_second = self._reserve(priority) / max(to_midnight, 1.0)
        return min(to_midnight, short / per_second) if per_second > 0 else to_midnight

    def linger_seconds(self, now_ms: int) -> float:
        """The time for which messages should wait for fuller batches; 0 while calls are plentiful."""
        self._tick(now_ms)
        short = self._slack_size() / 2 - self._slack
        pace = self._pace()
        if short <= 0:
            return 0.0
        return (
            min(short / pace, self._policy.longest_linger_seconds) if pace > 0 else self._policy.longest_linger_seconds
        )

    @property
    def day_ends_at_ms(self) -> int:
        """The portal's next midnight, as of the last call."""
        return self._day_ends_at_ms

    def forecast(self, now_ms: int) -> Forecast:
        """The report for status and console."""
        self._tick(now_ms)
        rate = self._rate.per_second(now_ms)
        remaining = max(0, self._remaining())
        limit = self._day_limit()
        ends_at_ms = now_ms + round(remaining / rate * 1000) if rate > 0 else None
        return Forecast(
            limit=limit,
            used=limit - remaining,
            remaining=remaining,
            day_ends_at_ms=self._day_ends_at_ms,
            calls_per_second=rate,
            projected=limit - remaining + round(rate * self._seconds_left()),
            ends_at_ms=ends_at_ms if ends_at_ms is not None and ends_at_ms < self._day_ends_at_ms else None,
        )

    def spent(self) -> Spent:
        """The state to store for a restart."""
        return Spent(self._day_ends_at_ms, self._ours, self._accounts + self._open_count)

    # -- the arithmetic

    def _remaining(self) -> int:
        is_checked = self._is_doubtful() and abs(self._now_ms - self._heard_at_ms) >= 1000 * RECHECK_SECONDS
        left = self._limit - (0 if is_checked else self._accounts) - self._open_count
        pinned = self._policy.pinned_calls_per_day
        return left if pinned is None else min(left, pinned - self._ours)

    def _is_doubtful(self) -> bool:
        """Whether HubSpot called a day used up that had just begun here, or by a clock that was set back since."""
        is_young = self._heard_at_ms - self._day_starts_at_ms < 1000 * DOUBT_SECONDS
        is_ahead = self._heard_at_ms > self._now_ms + CLOCK_STEP_MS
        return (is_young or is_ahead) and self._accounts >= self._limit

    def _day_limit(self) -> int:
        pinned = self._policy.pinned_calls_per_day
        return self._limit if pinned is None else min(self._limit, pinned)

    def _reserve(self, priority: Priority) -> float:
        """The number of calls that this priority leaves for the higher ones now."""
        shares = (self._identify_reserve, self._policy.track_reserve, self._policy.backfill_reserve)
        even = self._day_limit() * self._seconds_left() / self._day_seconds()
        need = sum(self._needs[other].per_second(self._now_ms) for other in Priority if other < priority)
        return max(shares[priority] * even, need * self._policy.need_margin * self._seconds_left())

    def _free(self, priority: Priority) -> float:
        return self._remaining() - self._reserve(priority)

    def _set_reserve(self) -> None:
        """Keep the identifies' reserve at or below what is left, so that it lasts until midnight."""
        evenly = self._day_limit() * self._seconds_left() / self._day_seconds()
        if evenly <= 0:
            return
        stands = max(0.0, self._remaining() / evenly)
        if stands >= self._policy.identify_reserve:
            self._identify_reserve = self._policy.identify_reserve
        else:
            self._identify_reserve = min(self._identify_reserve, stands)

    def _pace(self) -> float:
        """Calls per second that may be wasted: half of what full batches would leave over, and always a little."""
        evenly = max(0, self._remaining()) / max(self._seconds_left(), 1.0)
        full = sum(self._needs[other].per_second(self._now_ms) for other in (Priority.IDENTIFY, Priority.TRACK))
        return max(evenly - full, evenly / 10) / 2

    def _slack_size(self) -> float:
        return max(10.0, min(self._policy.slack_calls, self._day_limit() * self._policy.slack_share))

    def _seconds_left(self) -> float:
        return max(0.0, (self._day_ends_at_ms - self._now_ms) / 1000)

    def _day_seconds(self) -> float:
        return (self._day_ends_at_ms - self._day_starts_at_ms) / 1000

    def _tick(self, now_ms: int) -> None:
        """Advance the time: the slack fills, and at midnight a new day begins."""
        if now_ms > self._now_ms:
            filled = self._slack + self._pace() * (now_ms - self._now_ms) / 1000
            self._slack = min(self._slack_size(), filled)
            self._now_ms = now_ms
        if now_ms < self._now_ms - CLOCK_STEP_MS:
            # The clock was set back, perhaps over midnight. What HubSpot said last is of this day.
            self._now_ms = now_ms
            self._header_started_at_ms = min(self._header_started_at_ms, now_ms)
            if now_ms < self._day_starts_at_ms:
                self._day_starts_at_ms, self._day_ends_at_ms = day_of(now_ms, self._zone)
        if now_ms >= self._day_ends_at_ms:
            self._day_starts_at_ms, self._day_ends_at_ms = day_of(now_ms, self._zone)
            self._ours = self._accounts = 0
            self._identify_reserve = self._policy.identify_reserve
            self._slack = self._slack_size()


def day_of(now_ms: int, zone: tzinfo) -> tuple[int, int]:
    """Start and end of the day of a moment, in epoch ms; 23 to 25 hours when clocks change."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
    starts, ends = (
        datetime.combine(day, datetime.min.time(), zone).astimezone(UTC) for day in (today, today + timedelta(days=1))
    )
    return round(starts.timestamp() * 1000), round(ends.timestamp() * 1000)


def zone_of(name: str) -> tzinfo:
    """The time zone with the name that HubSpot gave; UTC if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _count(answer: Answer, name: str) -> int | None:
    text = answer.headers.get(f"x-hubspot-ratelimit-{name}", "")
    return int(text) if text.isdecimal() and len(text) <= 12 else None
