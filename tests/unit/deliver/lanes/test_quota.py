"""Lanes are spread evenly, whoever comes and goes."""

from __future__ import annotations

import pytest

from hubwire.deliver.lanes.leases import LaneQuota


@pytest.mark.parametrize(
    ("lanes", "workers", "max_count"), [(20, 1, 20), (20, 3, 7), (20, 4, 5), (1, 3, 1), (0, 2, 0), (5, 0, 5)]
)
def test_a_share_is_the_lanes_by_the_workers_rounded_up(lanes: int, workers: int, max_count: int) -> None:
    quota = LaneQuota()
    quota.divide(lanes, workers)
    taken = 0
    while quota.may_take:
        quota.take(taken)
        taken += 1
    assert taken == max_count


def test_without_a_fleet_all_lanes_may_be_held() -> None:
    quota = LaneQuota()
    for lane in range(1000):
        assert quota.may_take
        quota.take(lane)
    assert not quota.has_too_many


def test_when_another_worker_comes_the_surplus_is_given_up_and_not_taken_again() -> None:
    quota = LaneQuota()
    quota.divide(4, 1)
    for lane in range(4):
        quota.take(lane)
    quota.divide(4, 2)
    given = []
    for lane in range(4):
        if quota.has_too_many:
            quota.give(lane)
            given.append(lane)
    assert given == [0, 1]
    assert not quota.may_take
