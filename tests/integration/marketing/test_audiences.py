"""The preset `audiences`: Segment's Engage calls in any order end in the members that the newest calls say."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.world import DESTINATION, NOW_MS, World

AUDIENCES = structs.replace(DESTINATION, presets=("audiences",))
DAY_MS = 86_400_000


def engage(person: str, audience: str, is_member: bool, at_ms: int, *, is_track: bool = False) -> dict[str, Any]:
    """A call as Segment Engage sends one: an identify, or the track of an entry or exit."""
    values = {audience: is_member}
    event = {"event": "Audience Entered" if is_member else "Audience Exited", "properties": values}
    call = {"type": "track", **event} if is_track else {"type": "identify", "traits": values}
    personas = {"computation_class": "audience", "computation_id": "aud_1", "computation_key": audience}
    return {
        **call,
        "userId": person,
        "context": {"personas": personas},
        "integrations": {"All": False, "HubSpot": True},
        "timestamp": at_ms,
        "messageId": f"personas_{person}_{audience}_{at_ms}",
    }


def named(person: str) -> dict[str, Any]:
    return {
        "type": "identify",
        "userId": person,
        "traits": {"email": f"{person}@acme.com"},
        "timestamp": NOW_MS - 2 * DAY_MS,
        "messageId": f"named-{person}",
    }


def oracle(messages: Iterable[dict[str, Any]], known: set[str]) -> dict[str, set[str]]:
    """The members of each list after these calls, straight from their times."""
    newest: dict[tuple[str, str], tuple[int, bool]] = {}
    for message in messages:
        personas = message["context"].get("personas")
        if personas is None or message["userId"] not in known:
            continue
        key = personas["computation_key"]
        value = message.get("traits", message.get("properties", {}))[key]
        place = (key, f"{message['userId']}@acme.com")
        newest[place] = max(newest.get(place, (0, False)), (message["timestamp"], value))
    lists: dict[str, set[str]] = {}
    for (key, email), (_, is_member) in newest.items():
        if is_member:
            lists.setdefault(key, set()).add(email)
    return lists


def members(world: World) -> dict[str, set[str]]:
    emails = {contact["id"]: contact["properties"]["email"] for contact in world.emulator.contacts()}
    found = world.emulator.call("GET", "/_emulator/lists").body["results"]
    named_lists = {entry["name"]: {emails[record] for record in entry["members"]} for entry in found}
    return {name: who for name, who in named_lists.items() if who}


async def play(world: World, people: int, audiences: int, entries: int, cycles: int) -> tuple[int, int]:
    """Random entries and exits with duplicates and replays. Returns the list calls, and the changes that they made."""
    dice = random.Random(7)
    known = {f"p{number}" for number in range(people)}
    strangers = [f"s{number}" for number in range(people // 20)]
    names = sorted(known) + strangers
    messages = []
    for number in range(entries):
        at_ms = NOW_MS - DAY_MS + number * 500
        person, audience = dice.choice(names), f"audience_{dice.randrange(audiences)}"
        messages.append(engage(person, audience, dice.random() < 0.6, at_ms, is_track=dice.random() < 0.3))
    arriving = [*messages, *dice.sample(messages, entries // 10)]
    dice.shuffle(arriving)
    world.append([named(person) | {"context": {}} for person in sorted(known)])
    driver = world.driver()
    await world.drain(driver)
    size = -(-len(arriving) // cycles)
    changes = 0
    for start in range(0, len(arriving), size):
        world.append(arriving[start : start + size])
        before = {(name, who) for name, found in members(world).items() for who in found}
        await world.drain(driver)
        after = {(name, who) for name, found in members(world).items() for who in found}
        changes += len(before ^ after)
    expected = oracle([*messages, *({**named(person), "context": {}} for person in known)], known)
    assert members(world) == expected
    assert {contact["properties"]["email"] for contact in world.emulator.contacts()} == {
        f"{person}@acme.com" for person in known
    }
    assert {reason for reason in world.reasons().values() if reason[0] == "held"} == {("held", "unknown-person")}
    call_counts = world.emulator.stats()["calls"]
    return sum(count for name, count in call_counts.items() if "/crm/lists" in name), changes


async def test_random_entries_and_exits_end_as_the_oracle_says_with_few_calls(tmp_path: Path) -> None:
    async with World(tmp_path, destination=AUDIENCES) as world:
        calls, changes = await play(world, people=200, audiences=3, entries=1_500, cycles=3)
        assert changes > 300
        assert calls <= 1.3 * changes / 100 + 2 * 3 + 3 * 3


@pytest.mark.slow
async def test_fifty_audiences_of_twenty_thousand_people(tmp_path: Path) -> None:
    async with World(tmp_path, destination=AUDIENCES) as world:
        calls, changes = await play(world, people=20_000, audiences=50, entries=100_000, cycles=1)
        assert calls <= 1.3 * changes / 100 + 2 * 50


async def test_the_property_of_an_audience_is_set_where_the_portal_has_it(tmp_path: Path) -> None:
    async with World(tmp_path, destination=AUDIENCES) as world:
        yes_or_no = {"name": "vip", "label": "VIP", "type": "bool", "fieldType": "booleancheckbox"}
        world.emulator.seed(properties={"contacts": [{**yes_or_no, "groupName": "contactinformation"}]})
        at_ms = NOW_MS - 60_000
        entries = [engage("ann", "vip", True, at_ms), engage("ann", "gold", True, at_ms, is_track=True)]
        world.append([named("ann"), *entries])
        await world.drain(world.driver())
        [contact] = world.emulator.contacts()
        assert contact["properties"]["vip"] == "true"
        assert members(world) == {"vip": {"ann@acme.com"}, "gold": {"ann@acme.com"}}
        assert world.emulator.events() == []
        assert world.states() == {}
