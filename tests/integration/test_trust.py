"""What a server source said of a person stands against public keys, in any order, unless the destination says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.integration.test_isolation import WEB
from tests.support.world import DESTINATION, SERVER, World

from hubwire.destination import Source, SourceKind, Trust

EMAIL = "victim@example.com"
JOINED = Source(source_id=3, name="app", kind=SourceKind.MOBILE, identity_space="server")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path, sources=[SERVER, WEB, JOINED]) as new_world:
        new_world.register()
        yield new_world


def identify(message_id: str, minute: int, email: str = EMAIL, **traits: Any) -> dict[str, Any]:
    at = f"2026-01-15T10:{minute:02}:00Z"
    return {"type": "identify", "messageId": message_id, "userId": "u", "timestamp": at} | {
        "traits": {"email": email, **traits}
    }


def contact(world: World, email: str = EMAIL) -> dict[str, Any]:
    [found] = [item["properties"] for item in world.emulator.contacts() if item["properties"]["email"] == email]
    return dict(found)


CALLS = [
    (1, identify("server", 1, firstname="Vicky", city="Graz")),
    (2, identify("public", 2, firstname="HACKED", jobtitle="CTO")),
    (2, identify("repeats", 3, city="Graz")),
    (1, identify("server again", 0, jobtitle="CEO")),
]


@pytest.mark.parametrize("order", list(permutations(range(len(CALLS)))), ids=str)
async def test_a_public_key_never_overwrites_what_a_server_said(world: World, order: tuple[int, ...]) -> None:
    driver = world.driver()
    for number in order:
        source_id, message = CALLS[number]
        world.append([message], source_id=source_id)
        await world.drain(driver)
    found = contact(world)
    assert (found["firstname"], found["city"], found["jobtitle"]) == ("Vicky", "Graz", "CEO")


async def test_the_same_in_one_cycle_and_a_lost_value_has_its_reason(world: World) -> None:
    for source_id, message in CALLS:
        world.append([message], source_id=source_id)
    driver = world.driver()
    await world.drain(driver)
    assert contact(world)["firstname"] == "Vicky"
    world.append([identify("late", 5, firstname="HACKED", lastname="New")], source_id=2)
    await world.drain(driver)
    found = contact(world)
    assert (found["firstname"], found["lastname"]) == ("Vicky", "New"), "a public source may add what is not there"
    [detail] = world.store.queries.message("late")
    [left_out] = detail.summary.fates[0].left_out
    assert (left_out["field"], left_out["reason"]) == ("firstname", "lower-trust")
    world.append([identify("server later", 6, firstname="Victoria")])
    await world.drain(driver)
    assert contact(world)["firstname"] == "Victoria"


async def test_a_destination_can_trust_all_sources_alike(world: World) -> None:
    world.destination = structs.replace(DESTINATION, trust=Trust.EQUAL)
    for source_id, message in CALLS:
        world.append([message], source_id=source_id)
    await world.drain(world.driver())
    assert (contact(world)["firstname"], contact(world)["jobtitle"]) == ("HACKED", "CTO")


async def test_a_public_key_in_the_space_of_servers_moves_nobody_to_another_address(world: World) -> None:
    driver = world.driver()
    world.append([identify("server", 1)])
    await world.drain(driver)
    world.append([identify("public", 5, email="stranger@example.com")], source_id=3)
    await world.drain(driver)
    world.append([{"type": "track", "messageId": "t", "userId": "u", "event": "Ordered"}])
    await world.drain(driver)
    [event] = world.hubspot()["events"]
    assert event["email"] == EMAIL


async def test_a_public_key_identifies_in_a_shared_space_whom_no_server_did(world: World) -> None:
    driver = world.driver()
    world.append([identify("public", 1, email="first@example.com")], source_id=3)
    world.append([identify("changed", 2, email="second@example.com")], source_id=3)
    world.append([{"type": "track", "messageId": "t", "userId": "u", "event": "Ordered"}])
    await world.drain(driver)
    [event] = world.hubspot()["events"]
    assert event["email"] == "second@example.com"
