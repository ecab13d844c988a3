"""The simulated clock moves only when nothing else can run."""

from __future__ import annotations

import asyncio

from hubwire.clock import SimulatedClock

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
