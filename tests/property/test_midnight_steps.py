"""A day whose calls are used up, and a system clock that is set back and forth around the portal's midnight: nothing is
dead, HubSpot is hardly asked in vain, and after the true midnight everything goes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.figures import Record
from tests.support.world import NOW_MS, World

DAY_MS = 86_400_000
HOUR_SECONDS = 3600
BEGIN_MS = NOW_MS // DAY_MS * DAY_MS + 22 * HOUR_SECONDS * 1000
"""22:00 of the portal, which lives in UTC."""
DAILY_CALLS = 60
NIGHTS = 40
MAX_VAIN_CALLS = 60
"""Calls that HubSpot refuses because of the day's limit: while the clock is wrong, one each quarter of an hour."""
MAX_AFTER_SECONDS = 20 * 60
"""How long after the true midnight, once the clock is right, the last message of the day before may arrive."""


def identify(number: int) -> dict[str, Any]:
    email = f"p{number}@example.com"
    return {"type": "identify", "messageId": f"m{number}", "userId": email, "traits": {"email": email}}


class Night:
    """Four hours around midnight, of which HubSpot's clock is the true one."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.sent = 0
        self._random = random.Random(seed)
        self._driver = world.driver()

    @property
    def true_seconds(self) -> float:
        """Since 22:00, by the clock that nobody sets."""
        return self.world.clock.monotonic_ms() / 1000

    async def live(self, until_seconds: float, *, sends: bool, steps: bool) -> None:
        next_step, next_message = self.true_seconds + 300, self.true_seconds
        while self.true_seconds < until_seconds:
            if sends and self.true_seconds >= next_message:
                self.world.append([identify(self.sent)])
                self.sent, next_message = self.sent + 1, next_message + 60
            if steps and self.true_seconds >= next_step:
                self._step()
                next_step = self.true_seconds + self._random.uniform(60, 900)
            wait = await self._driver.turn()
            self.world.clock.advance(min(max(wait.seconds, 0.05), 30.0))

    def _step(self) -> None:
        """Set the clock, or set it right; now and then the process dies and another one starts."""
        clock = self.world.clock
        wrong_seconds = (clock.now_ms() - BEGIN_MS) / 1000 - self.true_seconds
        aim = self._random.choice([0.0, self._random.uniform(-2, 2) * HOUR_SECONDS, self._random.uniform(-90, 90)])
        clock.set_back(wrong_seconds - aim)
        if self._random.random() < 0.3:
            self._driver = self.world.driver(f"worker-{self._random.random()}")

    def set_right(self) -> None:
        """The clock shows the true time."""
        clock = self.world.clock
        clock.set_back((clock.now_ms() - BEGIN_MS) / 1000 - self.true_seconds)


async def through(folder: Path, seed: int) -> tuple[int, int]:
    """One night; the messages sent, all of which arrived, and the calls that HubSpot refused."""
    async with World(folder, now_ms=BEGIN_MS, daily=DAILY_CALLS, time_zone="UTC") as world:
        night = Night(world, seed)
        await night.live(2 * HOUR_SECONDS, sends=True, steps=True)
        await night.live(2 * HOUR_SECONDS + MAX_AFTER_SECONDS, sends=False, steps=seed % 2 == 0)
        night.set_right()
        await night.live(night.true_seconds + MAX_AFTER_SECONDS, sends=False, steps=False)
        refused = int(world.emulator.stats()["refused"].get("429", 0))
        waiting = world.backlog() + world.open_rows()
        assert len(world.emulator.contacts()) + waiting == night.sent, f"seed {seed}"
        # A night with many restarts may use up the new day as well. Otherwise nothing waits.
        assert not waiting or world.emulator.state.limiter.daily_used > DAILY_CALLS * 0.8, f"seed {seed}"
        assert refused <= MAX_VAIN_CALLS, f"seed {seed}"
        return night.sent, refused


@pytest.mark.slow
async def test_steps_of_the_clock_around_midnight_lose_nothing(tmp_path: Path, figures: Record) -> None:
    first = random.Random().randrange(1 << 32)
    nights = []
    for seed in range(first, first + NIGHTS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        nights.append(await through(folder, seed))
    sent, refused = (sum(counts) for counts in zip(*nights, strict=True))
    figures(nights=NIGHTS, messages=sent, lost=0, calls_in_vain=refused)
