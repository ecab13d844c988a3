"""HubSpot's call limits: a rolling ten-second burst, search's own second, associations' own burst, and the day.

Source: HubSpot docs, usage guidelines and associations guide; the bodies of 429s were observed live by third parties.
Unsure, and chosen here: a refused call counts against nothing; custom-event sends have only their own 1,250 calls a
second and the day, form submissions their own ten seconds and the day; `Retry-After` is sent only when the
configuration says so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from hubwire.emulator.store.config import EmulatorConfig, Reading
from hubwire.emulator.wire import Headers, Refusal

WINDOW_MS = 10_000
SECOND_MS = 1_000
EVENTS_PER_SECOND = 1_250
OAUTH_BURST = 110
OPEN_FORMS_BURST = 50
"""Form submissions without a token in ten seconds. Source: HubSpot's submission page."""


class Lane(StrEnum):
    """Which limits a call falls under."""

    GENERAL = "general"
    SEARCH = "search"
    ASSOCIATIONS = "associations"
    EVENTS = "events"
    FORMS = "forms"
    OPEN_FORMS = "open forms"
    FREE = "free"


class RollingWindow:
    """At most `limit` calls in any `window_ms`."""

    __slots__ = ("_taken_at_ms", "_window_ms")

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._taken_at_ms: deque[int] = deque()

    def used(self, now_ms: int) -> int:
        """Calls inside the window that ends now."""
        taken = self._taken_at_ms
        edge = now_ms - self._window_ms
        while taken and taken[0] <= edge:
            taken.popleft()
        return len(taken)

    def take(self, now_ms: int) -> None:
        """Count one call."""
        self._taken_at_ms.append(now_ms)

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until the oldest call leaves the window."""
        return self._taken_at_ms[0] + self._window_ms - now_ms if self._taken_at_ms else 0


@dataclass(slots=True)
class _Verdict:
    policy: str
    message: str
    retry_after_seconds: int
    group: str


class Limiter:
    """Counts calls and refuses those over a limit.

    Shape: bursts are counted per access token, search, associations and the day per portal.
    """

    def __init__(self) -> None:
        self.daily_used = 0
        self._day = ""
        self._windows: dict[tuple[str, str], RollingWindow] = {}

    def admit(
        self, config: EmulatorConfig, lane: Lane, token: str, now_ms: int, *, is_oauth: bool
    ) -> tuple[Headers, Refusal | None]:
        """Rate-limit headers for the answer, and the refusal when the call is over a limit."""
        if lane is Lane.FREE or not config.limits_enabled:
            return [], None
        self._roll_day(config, now_ms)
        daily = None if is_oauth else daily_limit(config)
        windows = self._lane_windows(config, lane, token, is_oauth=is_oauth)
        verdict = self._judge(config, daily, windows, now_ms)
        if verdict is None:
            self.daily_used += 1
            for window, _, _ in windows:
                window.take(now_ms)
        headers = self._headers(lane, daily, windows, now_ms)
        if verdict is None:
            return headers, None
        return headers, self._refusal(config, verdict, now_ms)

    def resets_at_ms(self, config: EmulatorConfig, now_ms: int) -> int:
        """The portal's next midnight."""
        zone = time_zone(config)
        today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
        midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), zone)
        return round(midnight.timestamp() * 1000)

    def use_day(self, config: EmulatorConfig, now_ms: int, used: int) -> None:
        """Set the number of calls used today."""
        self._roll_day(config, now_ms)
        self.daily_used = used

    def _roll_day(self, config: EmulatorConfig, now_ms: int) -> None:
        day = f"{datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(time_zone(config)):%Y-%m-%d}"
        if day != self._day:
            self._day = day
            self.daily_used = 0

    def _lane_windows(
        self, config: EmulatorConfig, lane: Lane, token: str, *, is_oauth: bool
    ) -> list[tuple[RollingWindow, int, str]]:
        if lane is Lane.SEARCH:
            return [(self._window("search", "", SECOND_MS), config.search_per_second, "SECONDLY")]
        if lane is Lane.EVENTS:
            return [(self._window("events", "", SECOND_MS), EVENTS_PER_SECOND, "SECONDLY")]
        if lane in (Lane.FORMS, Lane.OPEN_FORMS):
            limit = config.tier_limits.form_burst if lane is Lane.FORMS else OPEN_FORMS_BURST
            return [(self._window(lane, "", WINDOW_MS), limit, "TEN_SECONDLY_ROLLING")]
        burst = OAUTH_BURST if is_oauth else config.burst or config.tier_limits.burst
        windows = [(self._window("burst", token, WINDOW_MS), burst, "TEN_SECONDLY_ROLLING")]
        if lane is Lane.ASSOCIATIONS:
            own = min(burst, config.tier_limits.association_burst)
            windows.append((self._window("associations", "", WINDOW_MS), own, "TEN_SECONDLY_ROLLING"))
        return windows

    def _window(self, kind: str, token: str, window_ms: int) -> RollingWindow:
        return self._windows.setdefault((kind, token), RollingWindow(window_ms))

    def _judge(
        self, config: EmulatorConfig, daily: int | None, windows: list[tuple[RollingWindow, int, str]], now_ms: int
    ) -> _Verdict | None:
        if daily is not None and self.daily_used >= daily:
            wait_seconds = -(-(self.resets_at_ms(config, now_ms) - now_ms) // 1000)
            return _Verdict("DAILY", "You have reached your daily limit.", wait_seconds, "daily")
        for window, limit, policy in windows:
            if window.used(now_ms) >= limit:
                wait_seconds = max(1, -(-window.wait_ms(now_ms) // 1000))
                group = policy.lower().replace("ten_secondly_rolling", "ten-secondly")
                return _Verdict(policy, f"You have reached your {policy.lower()} limit.", wait_seconds, group)
        return None

    def _headers(
        self, lane: Lane, daily: int | None, windows: list[tuple[RollingWindow, int, str]], now_ms: int
    ) -> Headers:
        headers: Headers = []
        if daily is not None:
            headers.append((b"x-hubspot-ratelimit-daily", b"%d" % daily))
            headers.append((b"x-hubspot-ratelimit-daily-remaining", b"%d" % max(0, daily - self.daily_used)))
        if lane in (Lane.SEARCH, Lane.EVENTS, Lane.FORMS, Lane.OPEN_FORMS):
            return headers
        window, limit, _ = min(windows, key=lambda entry: entry[1] - entry[0].used(now_ms))
        headers.append((b"x-hubspot-ratelimit-interval-milliseconds", b"%d" % WINDOW_MS))
        headers.append((b"x-hubspot-ratelimit-max", b"%d" % limit))
        headers.append((b"x-hubspot-ratelimit-remaining", b"%d" % max(0, limit - window.used(now_ms))))
        return headers

    def _refusal(self, config: EmulatorConfig, verdict: _Verdict, now_ms: int) -> Refusal:
        if verdict.policy == "SECONDLY" and not config.follows(Reading.SEARCH_LIMIT_POLICY):
            refusal = Refusal(429, verdict.message, "RATE_LIMITS")
            return _with_retry_after(config, refusal, verdict)
        extra: dict[str, object] = {"errorType": "RATE_LIMIT", "policyName": verdict.policy}
        if verdict.policy == "DAILY":
            extra["requestId"] = f"{now_ms:x}"
        else:
            extra["groupName"] = f"publicapi:private_app-api-calls-{verdict.group}:1:{config.portal_id}"
        return _with_retry_after(config, Refusal(429, verdict.message, extra=extra), verdict)


def _with_retry_after(config: EmulatorConfig, refusal: Refusal, verdict: _Verdict) -> Refusal:
    if config.sends_retry_after:
        refusal.headers.append((b"retry-after", b"%d" % verdict.retry_after_seconds))
    return refusal


def daily_limit(config: EmulatorConfig) -> int:
    """Calls a day of the portal's private apps and service keys."""
    return config.daily if config.daily is not None else config.tier_limits.daily


def time_zone(config: EmulatorConfig) -> tzinfo:
    """The portal's time zone."""
    return UTC if config.time_zone == "UTC" else ZoneInfo(config.time_zone)
