"""How long messages took: few are looked at whole, many through an even sample, each cycle by its size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubwire.record.latency import (
    SAMPLED_MESSAGES,
    LatencySample,
    sampled,
)


@given(after=st.integers(0, 1 << 40), length=st.integers(1, 20_000))
def test_a_sample_is_even_and_has_both_ends(after: int, length: int) -> None:
    positions = sampled(LatencySample(after, after + length, length, 0))
    assert (positions[0], positions[-1]) == (after + 1, after + length)
    assert len(set(positions)) == len(positions) == min(length, SAMPLED_MESSAGES)
