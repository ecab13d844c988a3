"""What looking at HubSpot's own state costs: few reads for large imports, next to none for live traffic."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.world import World

from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.hubspot.wire import iso_utc

READS = ("batch/read", "contacts/search", "companies/batch/read")


def reads(world: World) -> int:
    calls = world.emulator.stats()["calls"]
    return sum(count for call, count in calls.items() if any(word in call for word in READS))


def history(messages: int, people: int) -> list[dict[str, Any]]:
    """Identifies of the year 2023 in random order of people."""
    choose = random.Random(5)
    emails = [f"p{number}@example.com" for number in range(people)]
    new_messages = []
    for number in range(messages):
        email = emails[number] if number < people else choose.choice(emails)
        traits = {"email": email, "city": f"City {number % 7}", "firstName": f"N{number % 11}"}
        new_messages.append(
            {"type": "identify", "userId": email, "messageId": f"h{number}", "traits": traits,
             "timestamp": iso_utc(1_672_531_200_000 + number * 1000)}
        )  # fmt: skip
    choose.shuffle(new_messages)
    return new_messages


async def imported(
    tmp_path: Path, messages: int, people: int, there: Sequence[str], policy: LanePolicy | None = None
) -> World:
    world = World(tmp_path, policy=policy)
    world.emulator.seed(contacts=[{"properties": {"email": email, "city": "Newtown"}} for email in there])
    new_messages = history(messages, people)
    for start in range(0, messages, 10_000):
        world.append(new_messages[start : start + 10_000], is_backfill=True)
    await world.drain(world.driver())
    return world


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["none-there", "half-there", "all-there"])
async def test_an_import_reads_each_person_once_at_most(tmp_path: Path, share: float) -> None:
    people = 1_000
    there = [f"p{number}@example.com" for number in range(round(people * share))]
    world = await imported(tmp_path, 3_000, people, there, LanePolicy(cycle_messages=400, backfill_linger_seconds=0.0))
    try:
        # Fifty a call: no read but the last is partly full, however many cycles the import takes. Where half of a first
        # read changed, HubSpot is asked once which of the others did.
        assert reads(world) <= people // 50 + (share == 0.5)
        assert world.states().keys() <= {"delivered"}
        cities = {
            contact["properties"]["email"]: contact["properties"]["city"] for contact in world.emulator.contacts()
        }
        assert {cities[email] for email in there} <= {"Newtown"}, "what is newer stays"
    finally:
        await world.close()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["none-there", "half-there", "all-there"])
async def test_a_hundred_thousand_messages_about_ten_thousand_people_take_two_hundred_reads(
    tmp_path: Path, share: float
) -> None:
    there = [f"p{number}@example.com" for number in range(round(10_000 * share))]
    world = await imported(tmp_path, 100_000, 10_000, there)
    try:
        assert reads(world) <= 200
    finally:
        await world.close()


async def test_live_traffic_costs_at_most_a_twentieth_more(tmp_path: Path) -> None:
    """A hundred people, an event every few seconds, for a few hours."""
    async with World(tmp_path) as world:
        emails = [f"p{number}@example.com" for number in range(100)]
        choose, driver = random.Random(7), world.driver()
        identifies = [
            {"type": "identify", "userId": email, "messageId": email, "traits": {"email": email}} for email in emails
        ]
        world.append([{**message, "timestamp": iso_utc(world.clock.now_ms())} for message in identifies])
        await world.drain(driver)
        before, seen = world.calls(), reads(world)
        for number in range(600):
            world.clock.advance(choose.uniform(2, 30))
            moment = {"messageId": f"t{number}", "timestamp": iso_utc(world.clock.now_ms())}
            world.append([{"type": "track", "userId": choose.choice(emails), "event": "Came", **moment}])
            await world.drain(driver)
        others = world.calls() - before - (reads(world) - seen)
        burst = 20
        assert reads(world) - seen <= others / 20 + burst
        assert len(world.emulator.events()) == 600
