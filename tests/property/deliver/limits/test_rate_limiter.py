"""The limiter against a model of HubSpot's rolling window that counts a call at any moment between send and answer."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.deliver.limits.test_rate_limiter import START_MS, Drain, Window, headers, quick, slow

from hubwire.deliver.limits.rate_limiter import LimiterPolicy, RateLimit, RateLimiter
from hubwire.hubspot.call import Answer


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 260),
    st.integers(1, 30),
    st.floats(0, 1),
    st.sampled_from([1.0, 50.0, 950.0]),
    st.integers(0, 2**32),
)
def test_a_call_may_count_anywhere_between_send_and_answer(
    capacity: int, in_flight: int, arrives: float, longest_ms: float, seed: int
) -> None:
    def latency(random: Random) -> tuple[float, float]:
        back = random.uniform(0, longest_ms)
        return back * min(1.0, max(0.0, arrives + random.uniform(-0.3, 0.3))), back

    window = Window(capacity)
    Drain(RateLimiter(LimiterPolicy(general=RateLimit(min(capacity, 100), 10.0))), window, in_flight, latency).run(
        min(capacity * 3, 300), Random(seed)
    )
    assert window.refused == 0


@given(st.dictionaries(st.sampled_from(list(headers(1, 1))), st.text(max_size=12)), st.integers(100, 599))
def test_no_header_breaks_it(kept: dict[str, str], status: int) -> None:
    limiter = RateLimiter()
    limiter.take("general", START_MS)
    limiter.observe("general", Answer(status, kept, b"", START_MS), START_MS)
    assert limiter.take("general", START_MS + 120_000) >= 0
    assert limiter.capacity()[0] > 0


@pytest.mark.parametrize(
    ("latency", "capacity", "in_flight"),
    [(quick, 100, 1), (quick, 100, 8), (quick, 190, 20), (quick, 250, 40), (slow, 100, 100)],
)
def test_a_long_drain_is_never_refused_and_runs_within_a_tenth_of_the_limit(
    latency: Callable[[Random], tuple[float, float]], capacity: int, in_flight: int
) -> None:
    calls = capacity * (15 if latency is quick else 40)
    window = Window(capacity)
    took_ms = Drain(RateLimiter(), window, in_flight, latency).run(calls, Random(1))
    least_ms = (calls / capacity - 1) * 10_000
    assert window.refused == 0
    assert took_ms <= least_ms * 1.10
