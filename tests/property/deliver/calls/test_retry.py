"""When a message is tried again, and when it was enough."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.deliver.calls.test_retry import HOUR_MS, NOW_MS, POLICY

from hubwire.deliver.calls.retry import (
    next_attempt_at,
)
from hubwire.delivery import Retry
from hubwire.reasons import Reason


@given(
    st.builds(Retry, st.floats(-10, 100_000), st.sampled_from(Reason), counts=st.booleans()),
    st.integers(0, 10_000),
    st.none() | st.integers(NOW_MS - 100 * HOUR_MS, NOW_MS + HOUR_MS),
    st.floats(0, 1),
)
def test_a_next_try_is_never_in_the_past(verdict: Retry, attempts: int, first_at_ms: int | None, jitter: float) -> None:
    at_ms = next_attempt_at(verdict, attempts, first_at_ms, NOW_MS, jitter, POLICY)
    assert at_ms is None or at_ms >= NOW_MS + round(max(0.0, verdict.after_seconds) * 1000)
    assert at_ms is not None or verdict.counts
