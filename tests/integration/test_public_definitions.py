"""A public source adds a limited number of event definitions and properties a day; the rest is held, not dead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.integration.test_isolation import WEB
from tests.support.world import DESTINATION, SERVER, World

from hubwire.deliver.limits.source_limits import DAY_MS

EMAIL = "peter@example.com"
LIMIT = 3


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path, sources=[SERVER, WEB]) as new_world:
        new_world.destination = structs.replace(DESTINATION, public_definitions_per_day=LIMIT)
        new_world.append([{"type": "identify", "messageId": "i", "userId": EMAIL, "traits": {"email": EMAIL}}])
        yield new_world


def track(event: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": event + "".join(properties), "userId": EMAIL, "event": event} | {
        "properties": {"email": EMAIL, **properties}
    }


def event_names(world: World) -> list[str]:
    return sorted(event["eventName"].partition("_")[2] for event in world.emulator.events())


async def test_what_the_limit_refuses_is_held_and_goes_on_the_days_after(world: World) -> None:
    world.append([track(f"web {number}") for number in range(7)], source_id=2)
    world.append([track(f"server {number}") for number in range(5)])
    await world.drain(world.driver())
    assert len(world.emulator.event_definitions()) == LIMIT + 5
    assert set(world.reasons().values()) == {("held", "definition-limit")}
    assert world.states() == {"held": 4}
    world.append([track("web later")], source_id=2)
    world.clock.advance(world.policy.lease_seconds + 10)
    restarted = world.driver("restarted")
    await world.drain(restarted)
    assert world.states() == {"held": 5}, "a restart remembers the day's additions"
    for held in (2, 0):
        world.clock.advance(DAY_MS / 1000)
        await restarted.turn()
        await world.drain(restarted)
        assert world.states() == ({"held": held} if held else {})
    assert len(event_names(world)) == 13


async def test_an_event_that_a_server_source_sends_too_is_made_for_both(world: World) -> None:
    world.destination = structs.replace(world.destination, public_definitions_per_day=0)
    world.append([track("shared", size=1)], source_id=2)
    world.append([under(track("shared", size=1), "other")])
    await world.drain(world.driver())
    assert event_names(world) == ["shared", "shared"]


async def test_a_property_that_an_event_lacks_counts_like_a_definition(world: World) -> None:
    world.append([track("ordered", size=1)])
    driver = world.driver()
    await world.drain(driver)
    world.append([track("ordered", **{f"extra{number}": "x"}) for number in range(LIMIT + 1)], source_id=2)
    world.append([track("ordered", size=2)], source_id=2)
    await world.drain(driver)
    assert world.states() == {"held": 1}
    [definition] = world.emulator.event_definitions()
    names = {item["name"] for item in definition["properties"]}
    assert {"size", "extra0", "extra1", "extra2"} <= names
    assert "extra3" not in names
    assert len(event_names(world)) == LIMIT + 2


async def test_an_admin_who_raises_the_limit_releases_what_is_held(world: World) -> None:
    world.append([track(f"web {number}") for number in range(5)], source_id=2)
    await world.drain(world.driver())
    assert world.states() == {"held": 2}
    world.destination = structs.replace(world.destination, public_definitions_per_day=10)
    world.database.execute("UPDATE delivery SET due_at_ms = ?", (world.clock.now_ms(),))
    world.clock.advance(world.policy.lease_seconds + 10)
    await world.drain(world.driver("restarted"))
    assert len(event_names(world)) == 5


async def test_a_definition_that_is_never_made_ends_the_hold(world: World) -> None:
    world.destination = structs.replace(world.destination, public_definitions_per_day=0, hold_hours=30.0)
    world.append([track("invented")], source_id=2)
    driver = world.driver()
    await world.drain(driver)
    for _ in range(3):
        world.clock.advance(DAY_MS / 1000)
        await driver.turn()
    assert list(world.reasons().values()) == [("discarded", "definition-never-made")]


def under(message: dict[str, Any], message_id: str) -> dict[str, Any]:
    """The same message under another id."""
    return message | {"messageId": message_id}
