"""How long messages took: few are looked at whole, many through an even sample, each cycle by its size."""

from __future__ import annotations

import pytest

from hubwire.record.latency import (
    LatencySample,
    Wait,
    summed_up,
    waits_of,
)


@pytest.mark.parametrize(
    ("waits", "p50", "p95"),
    [
        ([5], 5, 5),
        ([1, 2], 1, 2),
        (list(range(1, 101)), 50, 95),
        ([10] * 99 + [9999], 10, 10),
    ],
)
def test_percentiles_of_single_messages(waits: list[int], p50: int, p95: int) -> None:
    found = summed_up([Wait(wait, 1.0) for wait in waits])
    assert found is not None
    assert (found.p50_ms, found.p95_ms, found.sample_count) == (p50, p95, len(waits))


def test_a_cycle_counts_by_its_size() -> None:
    large = waits_of(LatencySample(0, 9000, 9000, 1000), [0] * 25)
    small = waits_of(LatencySample(9000, 9010, 10, 99_000), [0] * 10)
    found = summed_up([*large, *small])
    assert found is not None
    assert (found.p50_ms, found.p95_ms) == (1000, 1000)


def test_a_clock_that_went_back_is_no_negative_wait() -> None:
    assert list(waits_of(LatencySample(0, 1, 1, 5), [9])) == [Wait(0, 1.0)]
    assert list(waits_of(LatencySample(0, 1, 1, 5), [])) == []
    assert summed_up([]) is None
