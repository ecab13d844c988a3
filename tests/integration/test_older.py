"""A value that loses to a newer message says so, with the time and the id of that message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.world import World

IDENTIFY = {"type": "identify", "userId": "f1"}
GROUP = {"type": "group", "userId": "f1", "groupId": "g"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as new_world:
        new_world.register()
        yield new_world


def contact(message_id: str, at: str, **traits: str) -> dict[str, Any]:
    return {**IDENTIFY, "messageId": message_id, "timestamp": at, "traits": {"email": "f1@ex.org", **traits}}


def company(message_id: str, at: str, name: str) -> dict[str, Any]:
    return {**GROUP, "messageId": message_id, "timestamp": at, "traits": {"website": "https://g.example", "name": name}}


def left_out(world: World, message_id: str) -> dict[str, tuple[str, str]]:
    [fate] = world.store.queries.message(message_id)[0].summary.fates
    return {item["field"]: (item["reason"], item["detail"]) for item in fate.left_out}


async def test_an_older_value_names_the_message_that_it_lost_to(world: World) -> None:
    driver = world.driver()
    await world.receive(
        [
            contact("newer", "2026-01-15T10:29:00Z", city="Here", phone="1"),
            company("group-newer", "2026-01-15T10:29:30Z", "New"),
        ]
    )
    await world.drain(driver)
    world.append([contact("older", "2022-01-01T12:00:00Z", city="There")])
    world.append([company("group-older", "2022-01-01T12:00:00Z", "Old")])
    await world.drain(driver)
    newer = "message newer of 2026-01-15T10:29:00.000Z is newer"
    assert left_out(world, "older") == {"city": ("older-than-known", newer)}
    found = left_out(world, "group-older")["name"]
    assert found == ("older-than-known", "message group-newer of 2026-01-15T10:29:30.000Z is newer")
    assert world.hubspot()["contacts"]["f1@ex.org"]["city"] == "Here"


async def test_a_message_that_is_no_longer_kept_is_named_by_its_time(world: World) -> None:
    driver = world.driver()
    await world.receive([contact("newer", "2026-01-15T10:29:00Z", city="Here")])
    await world.drain(driver)
    world.journal.redact([1])
    world.database.execute("DELETE FROM journal WHERE position = 1")
    world.append([contact("older", "2022-01-01T12:00:00Z", city="There")])
    await world.drain(driver)
    assert left_out(world, "older")["city"][1] == "a message of 2026-01-15T10:29:00.000Z is newer"
