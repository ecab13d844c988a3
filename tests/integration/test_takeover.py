"""Who takes a lane when its worker falls silent, and who gets it in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.world import World

from hubwire.deliver.lanes.leases import LaneQuota


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as new_world:
        new_world.register()
        yield new_world


async def test_a_worker_that_has_its_part_drives_a_silent_ones_lane_until_another_one_may(world: World) -> None:
    await world.driver("silent").turn()
    quota = LaneQuota()
    quota.divide(0, 1)
    full, other = world.driver("full", quota=quota), world.driver("other")
    await full.turn()
    assert full.lane_lease is None
    world.clock.advance(world.policy.lease_seconds)
    await full.turn()
    assert full.lane_lease is not None
    # HubSpot still counts what the silent one has called: the lane is kept until a newcomer need not know of it.
    assert full.lane_lease.quiet_seconds > 0
    await full.turn()
    await other.turn()
    assert (full.lane_lease is not None, other.lane_lease) == (True, None)
    world.clock.advance(full.lane_lease.quiet_seconds)
    await full.turn()
    assert full.lane_lease is None
    await full.turn()
    assert full.lane_lease is None
    await other.turn()
    assert other.lane_lease is not None
    assert other.lane_lease.quiet_seconds == 0
