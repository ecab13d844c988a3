"""The limiter against a model of HubSpot's rolling window that counts a call at any moment between send and answer."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest

from hubwire.deliver.limits.rate_limiter import LimiterPolicy, RateLimit, RateLimiter
from hubwire.hubspot.call import Answer, CallKind
from hubwire.hubspot.throttle import LimitName

START_MS = 1_790_000_000_000


TEN_SECONDLY = b'{"message":"You have reached your ten_secondly_rolling limit.","policyName":"TEN_SECONDLY_ROLLING"}'


def headers(capacity: int, remaining: int, interval_ms: int = 10_000) -> dict[str, str]:
    return {
        "x-hubspot-ratelimit-max": str(capacity),
        "x-hubspot-ratelimit-remaining": str(remaining),
        "x-hubspot-ratelimit-interval-milliseconds": str(interval_ms),
    }


@dataclass
class Window:
    """HubSpot's window: at most `capacity` arrivals in any `window_ms`; a refused call counts for nothing."""

    capacity: int
    window_ms: int = 10_000
    arrivals: deque[float] = field(default_factory=deque)
    refused: int = 0

    def arrive(self, at_ms: float, *, is_ours: bool = True) -> Answer:
        while self.arrivals and self.arrivals[0] <= at_ms - self.window_ms:
            self.arrivals.popleft()
        if len(self.arrivals) >= self.capacity:
            self.refused += is_ours
            return Answer(429, headers(self.capacity, 0, self.window_ms), TEN_SECONDLY)
        self.arrivals.append(at_ms)
        return Answer(200, headers(self.capacity, self.capacity - len(self.arrivals), self.window_ms), b"{}")


@dataclass
class Drain:
    """A drain of `calls` with `in_flight` senders: what the lane does, on a clock of its own."""

    limiter: RateLimiter
    window: Window
    in_flight: int
    latency_ms: Callable[[Random], tuple[float, float]]
    """(until the call arrives, until its answer is back)"""
    others_every_ms: float | None = None
    kinds: tuple[CallKind, ...] = ("general",)

    def run(self, calls: int, random: Random) -> float:
        """Milliseconds that the drain took."""
        queue: list[tuple[float, int, str, float]] = [(START_MS, n, "ready", 0.0) for n in range(self.in_flight)]
        waiting: dict[int, Answer] = {}
        kinds: dict[int, CallKind] = {}
        serial, sent, done, now = self.in_flight, 0, 0, float(START_MS)
        if self.others_every_ms:
            queue.append((START_MS, -1, "other", 0.0))
        heapq.heapify(queue)
        while done < calls:
            now, caller, what, sent_at = heapq.heappop(queue)
            if what == "other":
                self.window.arrive(now, is_ours=False)
                heapq.heappush(queue, (now + (self.others_every_ms or 0), -1, "other", 0.0))
            elif what == "arrive":
                waiting[caller] = self.window.arrive(now)
            elif what == "reply":
                answer = waiting.pop(caller)
                timed = Answer(answer.status, answer.headers, answer.body, int(sent_at), int(now - sent_at))
                self.limiter.observe(kinds.pop(caller), timed, int(now))
                done += 1
                heapq.heappush(queue, (now, caller, "ready", 0.0))
            elif sent < calls:
                kind = self.kinds[sent % len(self.kinds)]
                wait_ms = self.limiter.take(kind, int(now))
                if wait_ms:
                    heapq.heappush(queue, (now + wait_ms, caller, "ready", 0.0))
                    continue
                sent += 1
                serial += 1
                kinds[serial] = kind
                there, back = self.latency_ms(random)
                heapq.heappush(queue, (now + there, serial, "arrive", now))
                heapq.heappush(queue, (now + back, serial, "reply", now))
        return now - START_MS


def quick(random: Random) -> tuple[float, float]:
    back = random.uniform(2, 40)
    return random.uniform(0, back), back


def slow(random: Random) -> tuple[float, float]:
    return random.uniform(1, 200), random.uniform(800, 4_000)


def test_few_calls_are_refused_when_others_use_the_same_token() -> None:
    window = Window(100)
    Drain(RateLimiter(), window, 8, quick, others_every_ms=200.0).run(500, Random(3))
    assert window.refused <= 10


def test_a_limiter_that_starts_in_a_half_full_window_asks_with_one_call_and_leaves_room() -> None:
    limiter = RateLimiter()
    assert limiter.take("general", START_MS) == 0
    assert limiter.take("general", START_MS) > 0
    limiter.observe("general", Answer(200, headers(100, 40), started_at_ms=START_MS), START_MS + 20)
    assert sum(limiter.take("general", START_MS + 20) == 0 for _ in range(50)) == 37


def test_others_are_forgotten_after_a_minute() -> None:
    limiter = RateLimiter()
    limiter.take("general", START_MS)
    limiter.observe("general", Answer(200, headers(100, 3), started_at_ms=START_MS), START_MS + 20)
    later = START_MS + 61_000
    assert sum(limiter.take("general", later) == 0 for _ in range(200)) == 100


def answered(limiter: RateLimiter, now_ms: int, kept: dict[str, str] | None = None, kind: CallKind = "general") -> None:
    assert limiter.take(kind, now_ms) == 0
    limiter.observe(kind, Answer(200, kept or {}, b"{}", now_ms), now_ms)


def test_it_starts_at_ten_calls_a_second() -> None:
    limiter = RateLimiter()
    answered(limiter, START_MS)
    assert sum(limiter.take("general", START_MS) == 0 for _ in range(500)) == 99


def test_it_follows_the_limit_in_the_headers() -> None:
    limiter = RateLimiter()
    answered(limiter, START_MS, headers(190, 189))
    assert limiter.capacity() == (190, 10.0)
    assert sum(limiter.take("general", START_MS) == 0 for _ in range(500)) == 189


def test_a_pinned_rate_is_not_lifted_by_headers() -> None:
    limiter = RateLimiter(LimiterPolicy(pinned=RateLimit.of(2.0)))
    answered(limiter, START_MS, headers(190, 189))
    assert limiter.capacity() == (20, 10.0)


def test_a_pinned_rate_above_hubspots_own_limit_gives_way() -> None:
    limiter = RateLimiter(LimiterPolicy(pinned=RateLimit.of(50.0)))
    answered(limiter, START_MS, headers(100, 99))
    assert limiter.capacity() == (100, 10.0)


def test_a_pinned_rate_below_one_in_ten_seconds_is_kept() -> None:
    assert RateLimit.of(0.05) == RateLimit(1, 20.0)


def test_search_is_held_to_five_a_second() -> None:
    limiter = RateLimiter()
    answered(limiter, START_MS)
    assert sum(limiter.take("search", START_MS) == 0 for _ in range(9)) == 5
    assert 0 < limiter.take("search", START_MS) <= 1_100


def test_search_counts_in_the_general_window_until_its_headers_say_otherwise() -> None:
    limiter = RateLimiter(LimiterPolicy(general=RateLimit(10, 10.0), search=RateLimit(1_000, 1.0)))
    answered(limiter, START_MS, headers(10, 9))
    assert sum(limiter.take("search", START_MS) == 0 for _ in range(50)) == 9
    later = START_MS + 30_000
    answered(limiter, later, kind="search")
    assert sum(limiter.take("search", later) == 0 for _ in range(50)) == 50


def test_events_have_their_own_limit_once_their_answers_show_no_interval() -> None:
    limiter = RateLimiter()
    answered(limiter, START_MS, headers(100, 99))
    answered(limiter, START_MS, kind="events")
    assert sum(limiter.take("events", START_MS) == 0 for _ in range(500)) == 500
    assert limiter.used(START_MS) == 2


def test_associations_have_a_tighter_limit_of_their_own() -> None:
    limiter = RateLimiter()
    answered(limiter, START_MS, headers(190, 189))
    answered(limiter, START_MS, headers(150, 149), "associations")
    assert limiter.capacity("associations") == (150, 10.0)
    assert limiter.capacity() == (190, 10.0)
    assert sum(limiter.take("associations", START_MS) == 0 for _ in range(500)) == 149


def test_retry_after_of_a_429_is_waited_for() -> None:
    limiter = RateLimiter()
    limiter.take("general", START_MS)
    limiter.observe("general", Answer(429, {"retry-after": "7"}, TEN_SECONDLY, START_MS), START_MS)
    assert limiter.take("general", START_MS) == 7_000
    assert limiter.take("events", START_MS) == 7_000
    assert limiter.take("general", START_MS + 7_000) == 0


def test_a_429_without_retry_after_waits_a_whole_window_and_a_jitter() -> None:
    limiter = RateLimiter()
    limiter.take("general", START_MS)
    limiter.observe("general", Answer(429, {}, TEN_SECONDLY, START_MS), START_MS, jitter=0.5)
    assert limiter.take("general", START_MS) == 10_500


def test_a_throttled_search_does_not_hold_up_other_calls() -> None:
    limiter = RateLimiter()
    limiter.take("search", START_MS)
    body = b'{"message":"You have reached your secondly limit.","policyName":"SECONDLY"}'
    limiter.observe("search", Answer(429, {}, body, START_MS), START_MS)
    assert limiter.take("general", START_MS) == 0
    assert limiter.take("search", START_MS) == 1_000


def test_the_days_limit_is_left_to_the_budget() -> None:
    limiter = RateLimiter()
    limiter.penalise("general", LimitName.DAILY, START_MS + 3_600_000)
    assert limiter.take("general", START_MS) == 0


def test_calls_without_an_answer_free_their_permits_after_a_window() -> None:
    limiter = RateLimiter()
    answered(limiter, START_MS)
    taken = sum(limiter.take("general", START_MS) == 0 for _ in range(500))
    assert taken == 99
    assert sum(limiter.take("general", START_MS + 11_100) == 0 for _ in range(500)) == 100


@pytest.mark.parametrize("step_ms", [10_000, 59_000, 70_000, 3_600_000, 30 * 86_400_000])
def test_a_clock_that_is_set_back_neither_stops_the_calls_nor_forgets_them(step_ms: int) -> None:
    limiter = RateLimiter()
    answered(limiter, START_MS)
    for _ in range(99):
        limiter.take("general", START_MS)
    there_ms = START_MS - step_ms
    wait_ms = limiter.take("general", there_ms)
    assert wait_ms == limiter.take("general", there_ms) == 10_050
    assert limiter.take("general", there_ms + wait_ms) == 0
    limiter.observe("general", Answer(200, headers(100, 98), b"", there_ms + wait_ms, 20), there_ms + wait_ms + 20)
    assert sum(limiter.take("general", there_ms + wait_ms + 600) == 0 for _ in range(500)) == 98
