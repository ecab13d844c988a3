"""Values that a process wrote before it died, and late messages after that: our own write is nobody else's."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.crashes import Crash, Crashes, CrashingRecord
from tests.support.world import NOW_MS, World

from hubwire.deliver.lanes.stood_still import STOOD_STILL_SECONDS

EMAIL = "late@example.com"


def late(number: int) -> dict[str, Any]:
    """An identify call that happened an hour ago, one a minute; its phone number is its own."""
    at = datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(minutes=60 - number)
    moment = at.isoformat().replace("+00:00", "Z")
    traits = {"email": EMAIL, "phone": str(number)}
    return {"type": "identify", "userId": "u", "messageId": f"m{number}", "timestamp": moment, "traits": traits}


async def die_after_writing(world: World, number: int) -> None:
    """HubSpot has the value of this message, and the record knows nothing of it."""
    crashes = Crashes()
    crashes.arm("commit.before", 0)
    world.append([late(number)])
    crashing: Any = CrashingRecord(world.record, crashes)
    with pytest.raises(Crash):
        await world.drain(world.driver("dead", crashing))
    world.clock.advance(20)


def phone(world: World) -> str:
    [contact] = world.emulator.contacts()
    return str(contact["properties"]["phone"])


@pytest.mark.parametrize("comes_in_the_same_cycle", [True, False])
async def test_a_late_value_newer_than_our_own_unconfirmed_write_is_written(
    tmp_path: Path, comes_in_the_same_cycle: bool
) -> None:
    async with World(tmp_path) as world:
        first = world.driver()
        world.append([late(1)])
        await world.drain(first)
        await first.end()
        await die_after_writing(world, 2)
        assert phone(world) == "2"
        driver = world.driver("restarted")
        if not comes_in_the_same_cycle:
            await world.drain(driver)
        world.append([late(3)])
        await world.drain(driver)
        assert phone(world) == "3"


async def test_what_a_person_wrote_after_our_unconfirmed_write_stays(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        first = world.driver()
        world.append([late(1)])
        await world.drain(first)
        await first.end()
        await die_after_writing(world, 2)
        [contact] = world.emulator.contacts()
        world.emulator.edit("contacts", contact["id"], {"phone": "by hand"})
        world.append([late(3)])
        await world.drain(world.driver("restarted"))
        assert phone(world) == "by hand"


async def test_a_service_that_was_away_for_minutes_still_knows_the_write_of_its_last_cycle(tmp_path: Path) -> None:
    """The record may be a restored backup then, so only values of messages that come again count as ours."""
    async with World(tmp_path) as world:
        first = world.driver()
        world.append([late(1)])
        await world.drain(first)
        await first.end()
        await die_after_writing(world, 2)
        world.clock.advance(world.policy.lease_seconds + STOOD_STILL_SECONDS)
        world.append([late(3)])
        await world.drain(world.driver("restarted"))
        assert phone(world) == "3"


async def test_the_first_cycle_of_all_may_die_and_its_write_is_still_ours(tmp_path: Path) -> None:
    """HubSpot has told no id of our app yet."""
    async with World(tmp_path) as world:
        await die_after_writing(world, 2)
        world.append([late(3)])
        await world.drain(world.driver("restarted"))
        assert phone(world) == "3"


async def test_a_write_that_a_backup_lacks_stays_although_the_backup_has_an_unfinished_cycle(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        first = world.driver()
        world.append([late(1)])
        await world.drain(first)
        await first.end()
        await die_after_writing(world, 2)
        backup = sqlite3.connect(":memory:")
        world.database.backup(backup)
        world.append([late(4)])
        second = world.driver("before the restore")
        await world.drain(second)
        await second.end()
        assert phone(world) == "4"
        backup.backup(world.database)
        world.clock.advance(world.policy.lease_seconds + STOOD_STILL_SECONDS + 10)
        world.append([late(3)])
        await world.drain(world.driver("restored"))
        assert phone(world) == "4"


async def test_a_value_confirmed_by_a_clock_that_was_ahead_is_written_again_after_a_crash(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        first = world.driver()
        world.append([late(1)])
        await world.drain(first)
        await first.end()
        world.clock.set_back(600)
        await die_after_writing(world, 2)
        world.append([late(3) | {"traits": {"email": EMAIL, "phone": "1"}}])
        await world.drain(world.driver("restarted"))
        assert phone(world) == "1"
