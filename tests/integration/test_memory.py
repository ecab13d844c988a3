"""Memory of a lane that runs for a long time: a cycle leaves nothing that only a search for reference cycles frees.

Hubwire makes that search rarely (`lifecycle.collect_rarely`), so such objects would pile up to a hundred thousand.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from tests.support.bad_days import random_faults
from tests.support.traffic import anything
from tests.support.world import World

PEOPLE = 20
MESSAGES = 10
ROUNDS = 15


@contextmanager
def found_garbage() -> Iterator[list[object]]:
    """What only the collector frees of that which is made in the block."""
    found: list[object] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("misbehaves", [False, True], ids=["a HubSpot that works", "a HubSpot that misbehaves"])
async def test_cycles_leave_no_reference_cycles(tmp_path: Path, misbehaves: bool) -> None:
    random = Random(7)
    async with World(tmp_path) as world:
        driver = world.driver(makes_lanes=True)

        async def deliver(first: int, last: int) -> None:
            for number in range(first, last, MESSAGES):
                world.append([anything(number + index, PEOPLE, random) for index in range(MESSAGES)])
                for fault in random_faults(random) if misbehaves and random.random() < 0.5 else ():
                    world.emulator.fault(**fault)
                await world.drain(driver, through_stops=True)
                if number % (3 * MESSAGES) == 0:
                    driver.lane.forget_schema()
                if number % (5 * MESSAGES) == 0:
                    await driver.end()

        half = ROUNDS * MESSAGES
        await deliver(0, half)
        with found_garbage() as garbage:
            await deliver(half, 2 * half)
        assert sorted({type(item).__qualname__ for item in garbage}) == []
        assert world.states()["dead"] == 0
