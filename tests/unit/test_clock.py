"""Clocks: the simulated one moves only when nothing else can run."""

from __future__ import annotations

import asyncio

from hubwire.clock import FakeClock, SimulatedClock, VersionCheck

SETTLING = SimulatedClock.SETTLING_STEPS


async def test_whoever_falls_asleep_last_has_as_many_turns_to_settle_as_the_first() -> None:
    clock = SimulatedClock(0)
    woken: list[tuple[int, str]] = []

    async def sleep(name: str, after_turns: int, seconds: float) -> None:
        for _ in range(after_turns):
            await asyncio.sleep(0)
        await clock.sleep(seconds)
        woken.append((clock.now_ms(), name))

    await asyncio.gather(sleep("a", 0, 100), sleep("b", SETTLING - 5, 50), sleep("c", SETTLING + 10, 1))
    assert woken == [(1_000, "c"), (50_000, "b"), (100_000, "a")]


def test_a_version_is_read_again_after_a_while_and_when_the_clock_was_set_back() -> None:
    clock, versions = FakeClock(), [1]
    check = VersionCheck(lambda: versions[-1], clock, check_seconds=1.0)
    assert check.changed() == 1
    check.known = 1
    versions.append(2)
    assert check.changed() is None
    clock.advance(1)
    assert check.changed() == 2
    check.known = 2
    versions.append(3)
    clock.set_back(60)
    assert check.changed() == 3
