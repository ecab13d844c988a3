"""The time of the next call: a model of HubSpot's rolling windows in which no call is refused. Pure.

A call counts at HubSpot when it arrives, at some time between our send and its answer. A permit therefore stays taken
until its latest possible arrival is a whole window ago. That arrival is the moment of the answer, or
`arrives_within_ms` after the send if the answer took longer than `slow_ms` (HubSpot counted it long before). Calls that
others make with the same token show in `X-HubSpot-RateLimit-Remaining` and are kept free for them.

Sources: HubSpot docs, usage guidelines (100 to 250 calls in 10 s by tier), search guide (5 a second, no interval
headers), associations guide (their own 10-second limit), send-event guide (1,250 a second), forms guide (100 in 10 s).
Whether searches, events and forms count in the ten-second window too is not documented: they are taken to, until an
answer of theirs comes without the interval headers that other answers have.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hubwire.hubspot.call import Answer, CallKind
from hubwire.hubspot.throttle import LimitName, throttle_of

PROBE_WAIT_MS = 50
"""The wait of further calls while the very first call has no answer yet."""
SPARE_FOR_OTHERS = 3
"""If other programs call too, this many more of their calls are expected than were seen."""
OTHERS_REMEMBERED_WINDOWS = 6
MAX_CAPACITY = 100_000
MAX_WINDOW_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `capacity` calls in any `per_seconds`."""

    capacity: int
    per_seconds: float

    @classmethod
    def of(cls, calls_per_second: float) -> RateLimit:
        """The limit of a pinned rate: counted over ten seconds, or longer if less than one call fits into ten."""
        capacity = max(1, int(calls_per_second * 10))
        return cls(capacity, capacity / calls_per_second)


@dataclass(frozen=True, slots=True)
class LimiterPolicy:
    """The limiter's initial limits. HubSpot's headers replace them, but cannot raise `pinned`."""

    general: RateLimit = RateLimit(100, 10.0)
    search: RateLimit = RateLimit(5, 1.0)
    associations: RateLimit = RateLimit(100, 10.0)
    events: RateLimit = RateLimit(1_250, 1.0)
    forms: RateLimit = RateLimit(100, 10.0)
    pinned: RateLimit | None = None
    slow_ms: int = 1_000
    arrives_within_ms: int = 500
    margin_ms: int = 50


@dataclass(slots=True)
class _Window:
    """One limit and the permits taken under it.

    Shape: `open` are the send times of unanswered calls, `frees_at` the moments at which answered ones leave the
    window, ascending, kept for one window longer than they count.
    """

    capacity: int
    window_ms: int
    policy: LimiterPolicy
    open: deque[int] = field(default_factory=deque)
    frees_at: list[int] = field(default_factory=list)
    foreign_count: int = 0
    foreign_until_ms: int = 0
    blocked_until_ms: int = 0

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until one more call fits; 0 when it fits now."""
        self._drop(now_ms)
        waits = [max(0, self.blocked_until_ms - now_ms)]
        foreign = self.foreign_count if self.foreign_until_ms > now_ms else 0
        gone = bisect_right(self.frees_at, now_ms)
        excess = len(self.frees_at) - gone + len(self.open) + foreign - self.capacity + 1
        if excess > 0:
            waits.append(self._frees_after(now_ms, gone, excess) - now_ms)
        return max(waits)

    def _frees_after(self, now_ms: int, gone: int, count: int) -> int:
        """About when `count` permits are free again: answered calls first, then open ones, then those of others."""
        index = gone + count - 1
        if index < len(self.frees_at):
            return self.frees_at[index]
        index -= len(self.frees_at)
        if index < len(self.open):
            latest_ms = min(now_ms, self.open[index] + self.policy.arrives_within_ms)
            return max(latest_ms + self.window_ms + self.policy.margin_ms, now_ms + 1)
        return max(self.foreign_until_ms, now_ms + 1)

    def take(self, now_ms: int) -> None:
        self.open.append(now_ms)

    def close(self, answer: Answer, now_ms: int) -> None:
        """Close a call after its answer. It removes the oldest open call, because the others count at least as long."""
        if not self.open:
            return
        taken_at_ms = self.open.popleft()
        is_slow = answer.duration_ms > self.policy.slow_ms
        arrived_at_ms = answer.started_at_ms + self.policy.arrives_within_ms if is_slow else now_ms
        latest_ms = min(now_ms, max(arrived_at_ms, taken_at_ms))
        insort(self.frees_at, latest_ms + self.window_ms + self.policy.margin_ms)

    def own_count_since(self, at_ms: int) -> int:
        """The maximum number of our calls in HubSpot's window at any moment since then, at most one window ago."""
        return len(self.frees_at) - bisect_right(self.frees_at, at_ms) + len(self.open)

    def follow(self, capacity: int, window_ms: int) -> None:
        """Set the limit from HubSpot's headers. Permits that are already taken keep their times."""
        self.capacity, self.window_ms = capacity, window_ms

    def leave_room(self, others: int, now_ms: int) -> None:
        """Note the calls of other programs, at least this many. The maximum of the last windows counts."""
        foreign = others + SPARE_FOR_OTHERS if others > 0 else 0
        remembered_ms = OTHERS_REMEMBERED_WINDOWS * self.window_ms
        if foreign >= self.foreign_count or now_ms > self.foreign_until_ms - remembered_ms + self.window_ms:
            self.foreign_count, self.foreign_until_ms = foreign, now_ms + remembered_ms

    def _drop(self, now_ms: int) -> None:
        held = self.window_ms + self.policy.margin_ms
        while self.open and self.open[0] + self.policy.arrives_within_ms + held <= now_ms:
            self.open.popleft()
        old = bisect_right(self.frees_at, now_ms - self.window_ms)
        if old > self.capacity:
            del self.frees_at[:old]


class RateLimiter:
    """Permits for one portal's calls.

    Units: epoch milliseconds in, milliseconds to wait out. Nothing here sleeps.
    """

    def __init__(self, policy: LimiterPolicy | None = None) -> None:
        self._policy = policy = policy or LimiterPolicy()
        self._sees_intervals = False
        self._is_answered = False
        self._last_ms = 0
        self._lag_ms = 0
        """How far the system's clock was set back since the start."""
        limits: dict[CallKind, RateLimit] = {
            "general": policy.pinned or policy.general,
            "search": policy.search,
            "associations": policy.associations,
            "events": policy.events,
            "forms": policy.forms,
        }
        self._windows: dict[CallKind, _Window] = {
            kind: _Window(limit.capacity, round(limit.per_seconds * 1000), policy) for kind, limit in limits.items()
        }
        self._shares: dict[CallKind, bool] = dict.fromkeys(limits, True)
        self._taken: dict[CallKind, deque[tuple[_Window, ...]]] = {kind: deque() for kind in limits}

    def take(self, kind: CallKind, now_ms: int) -> int:
        """Take a permit and return 0; or take none and return the milliseconds to wait before the next try."""
        now_ms = self._steady(now_ms)
        windows = self._windows_of(kind)
        wait_ms = max(window.wait_ms(now_ms) for window in windows)
        if not self._is_answered and any(window.open for window in self._windows.values()):
            # Another process may have used up the window before a restart: the first answer's headers tell.
            wait_ms = max(wait_ms, PROBE_WAIT_MS)
        if wait_ms > 0:
            return wait_ms
        for window in windows:
            window.take(now_ms)
        self._taken[kind].append(windows)
        return 0

    def observe(self, kind: CallKind, answer: Answer, now_ms: int, jitter: float = 0.0) -> None:
        """Learn from an answer: its permit, HubSpot's own count, and a 429. Units: `jitter` is 0 to 1."""
        now_ms = self._steady(now_ms)
        answer = replace(answer, started_at_ms=answer.started_at_ms + self._lag_ms)
        if self._taken[kind]:
            for window in self._taken[kind].popleft():
                window.close(answer, now_ms)
        if answer.status is None:
            return
        self._is_answered = True
        self._follow(kind, answer, now_ms)
        if answer.status == 429:
            throttle = throttle_of(answer, kind, jitter)
            self.penalise(kind, throttle.policy, now_ms + round(throttle.wait_seconds * 1000))

    def penalise(self, kind: CallKind, policy: LimitName, until_ms: int) -> None:
        """Stop calls under a limit that was reached. The budget handles the day's limit."""
        if policy is LimitName.DAILY:
            return
        is_own = policy is LimitName.SECONDLY or kind in ("associations", "forms")
        window = self._windows[kind if is_own else "general"]
        window.blocked_until_ms = max(window.blocked_until_ms, until_ms)

    def capacity(self, kind: CallKind = "general") -> tuple[int, float]:
        """The limit in force: calls, and the seconds they are counted over."""
        window = self._windows[kind]
        return window.capacity, window.window_ms / 1000

    def used(self, now_ms: int, kind: CallKind = "general") -> int:
        """Permits that count now, our own and those seen of others."""
        window = self._windows[kind]
        foreign = window.foreign_count if window.foreign_until_ms > now_ms else 0
        return len(window.frees_at) - bisect_right(window.frees_at, now_ms) + len(window.open) + foreign

    def _follow(self, kind: CallKind, answer: Answer, now_ms: int) -> None:
        headers = answer.headers
        capacity, remaining = _count(headers, "max"), _count(headers, "remaining")
        if capacity is None or not 0 < capacity <= MAX_CAPACITY:
            if self._sees_intervals and kind in ("search", "events", "forms") and answer.status in (200, 204):
                self._shares[kind] = False
            return
        self._sees_intervals = self._shares[kind] = True
        interval_ms = min(_count(headers, "interval-milliseconds") or 10_000, MAX_WINDOW_MS)
        window = self._window_shown(kind, capacity)
        if not self._is_pinned_below(capacity, interval_ms):
            window.follow(capacity, interval_ms)
        if remaining is not None and answer.started_at_ms >= now_ms - window.window_ms:
            ours = window.own_count_since(answer.started_at_ms)
            window.leave_room(capacity - remaining - ours + (answer.status == 429), now_ms)

    def _window_shown(self, kind: CallKind, capacity: int) -> _Window:
        """The window that an answer's headers are about: associations show their own, or the general one, whichever
        has less left; their own is the smaller limit."""
        general = self._windows["general"]
        if kind == "forms":
            return self._windows["forms"]
        if kind != "associations" or capacity == general.capacity:
            return general
        if capacity > general.capacity and not self._policy.pinned:
            general.capacity = capacity
        return self._windows[kind]

    def _is_pinned_below(self, capacity: int, interval_ms: int) -> bool:
        pinned = self._policy.pinned
        return pinned is not None and pinned.capacity / pinned.per_seconds <= capacity / (interval_ms / 1000)

    def _windows_of(self, kind: CallKind) -> tuple[_Window, ...]:
        own, general = self._windows[kind], self._windows["general"]
        return (general,) if own is general else (own, general) if self._shares[kind] else (own,)

    def _steady(self, now_ms: int) -> int:
        """A time that never goes back: if the system's clock is set back, this time continues from where it was."""
        self._lag_ms = max(self._lag_ms, self._last_ms - now_ms)
        self._last_ms = now_ms + self._lag_ms
        return self._last_ms


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(f"x-hubspot-ratelimit-{name}", "")
    return int(text) if text.isdecimal() and len(text) <= 9 else None
