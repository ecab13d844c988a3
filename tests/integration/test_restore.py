"""A restored backup does not know what HubSpot was told since: Hubwire notices, and looks before it writes."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from tests.support.world import World

from hubwire.deliver.lanes.stood_still import STOOD_STILL_SECONDS

EMAIL = "peter@example.com"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as new_world:
        new_world.register()
        yield new_world


def identify(name: str) -> dict[str, object]:
    return {"type": "identify", "messageId": name, "userId": "u", "traits": {"email": EMAIL, "firstname": name}}


def first_name(world: World) -> str:
    [contact] = [contact for contact in world.emulator.contacts() if contact["properties"]["email"] == EMAIL]
    return str(contact["properties"]["firstname"])


def backed_up(world: World) -> sqlite3.Connection:
    backup = sqlite3.connect(":memory:")
    world.database.backup(backup)
    return backup


def restore(world: World, backup: sqlite3.Connection) -> None:
    """Put the backup in the place of the database, some minutes after the service was stopped for that."""
    backup.backup(world.database)
    world.clock.advance(world.policy.lease_seconds + STOOD_STILL_SECONDS + 10)


async def test_a_pending_message_of_a_backup_does_not_roll_a_person_back(world: World) -> None:
    driver = world.driver()
    world.append([identify("First")])
    await world.drain(driver)
    world.append([identify("Old")])
    backup = backed_up(world)
    await world.drain(driver)
    world.clock.advance(30)
    world.append([identify("New")])
    await world.drain(driver)
    assert first_name(world) == "New"
    restore(world, backup)
    with structlog.testing.capture_logs() as logs:
        await world.drain(world.driver("restored"))
    assert first_name(world) == "New"
    [line] = [line for line in logs if line["event"] == "lane.stood-still"]
    assert line["seconds"] > STOOD_STILL_SECONDS
    [detail] = world.store.queries.message("Old")
    assert [item["reason"] for item in detail.summary.fates[0].left_out] == ["newer-in-hubspot"]


async def test_a_value_that_the_backup_calls_confirmed_is_written_again(world: World) -> None:
    driver = world.driver()
    world.append([identify("Old")])
    await world.drain(driver)
    backup = backed_up(world)
    world.clock.advance(30)
    world.append([identify("New")])
    await world.drain(driver)
    restore(world, backup)
    world.append([identify("Old") | {"messageId": "back to Old"}])
    await world.drain(world.driver("restored"))
    assert first_name(world) == "Old"


async def test_a_restart_within_a_minute_reads_no_history_and_repeats_nothing(world: World) -> None:
    driver = world.driver()
    world.append([identify("Old")])
    await world.drain(driver)
    await driver.end()
    world.clock.advance(world.policy.lease_seconds)
    world.append([identify("Old") | {"messageId": "again"}])
    before = world.calls()
    with structlog.testing.capture_logs() as logs:
        await world.drain(world.driver("restarted"))
    schema_reads, look = 4, 1
    assert world.calls() - before <= schema_reads + look
    calls = world.emulator.stats()["calls"]
    assert [count for call, count in calls.items() if call.endswith("contacts/batch/upsert")] == [1]
    assert not [line for line in logs if line["event"] == "lane.stood-still"]


async def test_what_stood_still_is_remembered_by_the_next_worker(world: World) -> None:
    driver = world.driver()
    world.append([identify("Old")])
    await world.drain(driver)
    backup = backed_up(world)
    world.append([identify("New")])
    await world.drain(driver)
    restore(world, backup)
    other = {"type": "identify", "messageId": "other", "userId": "o", "traits": {"email": "other@example.com"}}
    world.append([other])
    first = world.driver("restored")
    await world.drain(first)
    await first.end()
    world.append([identify("Old") | {"messageId": "back to Old"}])
    await world.drain(world.driver("next"))
    assert first_name(world) == "Old"
