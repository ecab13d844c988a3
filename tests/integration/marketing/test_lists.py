"""Rules about lists, from messages to the members of emulated lists."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from tests.support.world import DESTINATION, World

from hubwire.destination import Destination, Source, SourceKind
from hubwire.record.privacy import Trail
from hubwire.rule import Rule

TRIGGER = 'context.personas.computation_class = "audience"'
AUDIENCES = Rule(
    name="Audiences",
    trigger=TRIGGER,
    list="$.context.personas.computation_key",
    member="$.traits.{{context.personas.computation_key}}",
    create_list=True,
    default=False,
)
LISTED = structs.replace(DESTINATION, rules=(AUDIENCES,))
BROWSER = Source(source_id=2, name="site", kind=SourceKind.WEB, identity_space="source:site")
HOUR = 3600
IDENTIFY = {"type": "identify", "userId": "ann", "traits": {"email": "ann@example.com"}, "messageId": "i"}


def entry(person: str, audience: str = "vip", member: bool = True, at: int = 0, **fields: Any) -> dict[str, Any]:
    """An identify call as Segment Engage sends one, `at` seconds into the morning."""
    return {
        "type": "identify",
        "userId": person,
        "traits": {"email": f"{person}@example.com", audience: member},
        "context": {"personas": {"computation_class": "audience", "computation_key": audience}},
        "timestamp": f"2026-01-15T08:{at // 60:02d}:{at % 60:02d}.000Z",
        "messageId": f"{person}-{audience}-{member}-{at}",
        **fields,
    }


async def deliver(world: World, *messages: Mapping[str, Any], source: Source | None = None) -> None:
    await world.receive(messages, *([source] if source is not None else []))
    await world.drain(world.driver())


def members(world: World) -> dict[str, set[str]]:
    """The e-mails on each list of the portal."""
    emails = {contact["id"]: contact["properties"]["email"] for contact in world.emulator.contacts()}
    answer = world.emulator.call("GET", "/_emulator/lists").body
    live = [found for found in answer["results"] if not found["deleted"]]
    return {found["name"]: {emails[record] for record in found["members"]} for found in live}


def list_calls(world: World) -> Counter[str]:
    calls = world.emulator.stats()["calls"]
    return Counter({name: count for name, count in calls.items() if "/crm/lists" in name})


def left_out(world: World, message_id: str) -> list[tuple[str, str]]:
    if not world.store.registry.destinations():
        world.register()
    [fate] = world.store.queries.message(message_id)[0].summary.fates
    return [(item["field"], item["reason"]) for item in fate.left_out]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path, destination=LISTED) as new_world:
        yield new_world


async def test_people_join_and_leave_a_list_that_is_made_under_the_name_of_their_audience(world: World) -> None:
    await deliver(world, entry("ann"), entry("ben"), entry("eve", "b2b / new"))
    assert members(world) == {"vip": {"ann@example.com", "ben@example.com"}, "b2b / new": {"eve@example.com"}}
    await deliver(world, entry("ann", member=False, at=60))
    assert members(world)["vip"] == {"ben@example.com"}
    assert world.states() == {}


async def test_a_repeat_costs_no_call_and_a_replay_of_an_older_message_changes_nothing(world: World) -> None:
    await deliver(world, entry("ann", at=0), entry("ann", member=False, at=60))
    assert members(world) == {"vip": set()}
    before = list_calls(world)
    await deliver(world, entry("ann", member=False, at=120))
    await deliver(world, entry("ann", at=90))
    assert list_calls(world) == before
    assert left_out(world, "ann-vip-True-90") == [("list:vip", "older-than-known")]


async def test_who_has_no_email_yet_is_put_on_the_list_later_and_nothing_is_sent_before(world: World) -> None:
    anonymous = entry("ann") | {"traits": {"vip": True}}
    await deliver(world, anonymous)
    assert (world.states(), list_calls(world)) == ({"held": 1}, {})
    await deliver(world, IDENTIFY)
    assert members(world) == {"vip": {"ann@example.com"}}


async def test_taking_off_a_list_makes_no_contact_and_no_list(world: World) -> None:
    await deliver(world, entry("ann", member=False))
    assert world.emulator.contacts() == []
    assert members(world) == {}


async def test_somebody_else_makes_the_list_at_the_same_moment(world: World) -> None:
    answered: list[str] = []

    def instead(request: httpx2.Request) -> httpx2.Response | None:
        if "/name/vip" in request.url.path and not answered:
            answered.append("not there yet")
            body = {"name": "vip", "objectTypeId": "0-1", "processingType": "MANUAL"}
            world.emulator.call("POST", "/crm/lists/2026-09", body)
            return httpx2.Response(404, json={"status": "error", "category": "OBJECT_NOT_FOUND"}, request=request)
        return None

    world.transport.instead = instead
    await deliver(world, entry("ann"))
    assert members(world) == {"vip": {"ann@example.com"}}
    assert len(world.emulator.call("GET", "/_emulator/lists").body["results"]) == 1


@pytest.mark.parametrize("processing_type", ["DYNAMIC"])
async def test_a_list_with_filters_is_left_to_hubspot(world: World, processing_type: str) -> None:
    body = {"name": "vip", "objectTypeId": "0-1", "processingType": processing_type}
    world.emulator.call("POST", "/crm/lists/2026-09", body)
    await deliver(world, entry("ann"))
    assert left_out(world, "ann-vip-True-0") == [("list:vip", "list-unusable")]


async def test_a_list_of_companies_with_the_name_is_not_used(world: World) -> None:
    body = {"name": "vip", "objectTypeId": "0-2", "processingType": "MANUAL"}
    world.emulator.call("POST", "/crm/lists/2026-09", body)
    await deliver(world, entry("ann"))
    assert left_out(world, "ann-vip-True-0") == [("list:vip", "list-unusable")]


async def test_a_public_write_key_makes_no_list_and_overrules_no_server(tmp_path: Path) -> None:
    async with World(tmp_path, destination=LISTED, sources=(Source(source_id=1, name="server"), BROWSER)) as world:
        await deliver(world, entry("eve", "strangers"), source=BROWSER)
        assert members(world) == {}
        await deliver(world, entry("ann"))
        await deliver(world, entry("ann", member=False, at=60), source=BROWSER)
        assert members(world) == {"vip": {"ann@example.com"}}
        assert left_out(world, "eve-strangers-True-0") == [("list:strangers", "list-not-found")]
        assert left_out(world, "ann-vip-False-60") == [("list:vip", "lower-trust")]


async def test_a_token_without_the_scope_holds_the_messages_until_it_has_it(tmp_path: Path) -> None:
    granted = "crm.objects.contacts.read,crm.objects.contacts.write,crm.objects.companies.read"
    async with World(tmp_path, destination=LISTED, scopes=granted, tier="professional") as world:
        await deliver(world, entry("ann"), entry("ben", "other"))
        assert world.reasons() == {1: ("held", "feature-refused"), 2: ("held", "feature-refused")}
        assert {contact["properties"]["email"] for contact in world.emulator.contacts()} == {
            "ann@example.com",
            "ben@example.com",
        }
        assert sum(list_calls(world).values()) == 1
        world.emulator.set_portal(scopes=None)
        world.clock.advance(HOUR + 1)
        await world.drain(world.driver())
        assert members(world) == {"vip": {"ann@example.com"}, "other": {"ben@example.com"}}


async def test_a_merged_contact_is_found_again_and_a_deleted_one_is_made_again(world: World) -> None:
    await deliver(world, entry("ann"), entry("ben"))
    ids = {contact["properties"]["email"]: contact["id"] for contact in world.emulator.contacts()}
    world.emulator.seed(contacts=[{"id": 900, "properties": {"email": "anna@example.com"}}])
    merge = {"primaryObjectId": "900", "objectIdToMerge": ids["ann@example.com"]}
    world.emulator.call("POST", "/crm/objects/2026-09/contacts/merge", merge)
    world.emulator.call("DELETE", f"/crm/objects/2026-09/contacts/{ids['ben@example.com']}")
    await deliver(world, entry("ann", "gold", at=60), entry("ben", "gold", at=60))
    assert members(world)["gold"] == {"anna@example.com", "ben@example.com"}


async def test_a_list_that_people_deleted_is_made_again_with_its_remembered_members(world: World) -> None:
    await deliver(world, entry("ann"), entry("ben"))
    [found] = world.emulator.call("GET", "/_emulator/lists").body["results"]
    world.emulator.call("DELETE", f"/crm/lists/2026-09/{found['listId']}")
    await deliver(world, entry("eve", at=60))
    assert members(world) == {"vip": {"ann@example.com", "ben@example.com", "eve@example.com"}}


async def test_a_call_without_an_answer_is_not_taken_for_its_effect(world: World) -> None:
    await deliver(world, entry("ann"))
    trouble = ConnectionError("reset")
    trouble.is_after = True  # type: ignore[attr-defined]
    failing = [trouble] * 3

    def after_its_effect(request: httpx2.Request) -> BaseException | None:
        return failing.pop() if failing and "memberships" in request.url.path else None

    world.transport.trouble = after_its_effect
    await deliver(world, entry("ann", member=False, at=60))
    assert members(world) == {"vip": set()}
    await deliver(world, entry("ann", at=120))
    assert members(world) == {"vip": {"ann@example.com"}}


async def test_companies_are_put_on_lists_of_companies(tmp_path: Path) -> None:
    rule = Rule(
        name="Accounts",
        trigger='type = "group"',
        list="Accounts",
        member="$.traits.paying",
        on="company",
        create_list=True,
    )
    destination: Destination = structs.replace(DESTINATION, rules=(rule,))
    async with World(tmp_path, destination=destination) as world:
        await deliver(
            world,
            IDENTIFY,
            {
                "type": "group",
                "userId": "ann",
                "groupId": "g",
                "traits": {"website": "https://acme.com", "paying": True},
                "messageId": "g",
            },
        )
        answer = world.emulator.call("GET", "/_emulator/lists").body
        [company] = world.emulator.companies()
        assert [(found["name"], found["members"]) for found in answer["results"]] == [("Accounts", [company["id"]])]


async def test_records_of_other_types_are_put_on_lists_of_their_type(tmp_path: Path) -> None:
    deal = Rule(
        name="Deal",
        trigger='event = "Quoted"',
        object="deal",
        key={"quote_id": "$.properties.id"},
        properties={"dealname": "$.properties.name", "dealstage": "appointmentscheduled"},
        default=False,
    )
    hot = Rule(
        name="Hot",
        trigger='event = "Quoted" or event = "Cooled"',
        list="Hot deals",
        member="$.properties.hot",
        on="deals",
        key={"quote_id": "$.properties.id"},
        create_list=True,
        default=False,
    )
    async with World(tmp_path, destination=structs.replace(DESTINATION, rules=(deal, hot))) as world:

        def quote(number: int, event: str = "Quoted", hot: bool = True) -> dict[str, Any]:
            properties = {"id": f"q{number}", "name": f"Quote {number}", "hot": hot}
            message_id = f"{event}{number}"
            return {"type": "track", "userId": "u", "event": event, "properties": properties, "messageId": message_id}

        await deliver(world, quote(1), quote(2), quote(3, "Cooled", hot=False))
        [found] = world.emulator.call("GET", "/_emulator/lists").body["results"]
        assert found["objectTypeId"] == "0-3"
        assert sorted(found["members"]) == sorted(record["id"] for record in world.emulator.records("deals"))
        assert len(found["members"]) == 2, "who leaves a list is not made for that"
        await deliver(world, quote(1, "Cooled", hot=False))
        [found] = world.emulator.call("GET", "/_emulator/lists").body["results"]
        assert len(found["members"]) == 1


async def test_an_erased_person_is_not_put_on_the_list_again_when_it_is_made_anew(world: World) -> None:
    await deliver(world, entry("ann"), entry("ben"))
    world.store.privacy.erase(Trail(emails={"ann@example.com"}), [], world.clock.now_ms())
    [found] = world.emulator.call("GET", "/_emulator/lists").body["results"]
    world.emulator.call("DELETE", f"/crm/lists/2026-09/{found['listId']}")
    await deliver(world, entry("eve", at=60))
    assert members(world) == {"vip": {"ben@example.com", "eve@example.com"}}


def sized(world: World, limit: int) -> Callable[[httpx2.Request], httpx2.Response | None]:
    """HubSpot's answers if a list takes no more than `limit` members, and refuses a whole call beyond that."""

    def instead(request: httpx2.Request) -> httpx2.Response | None:
        if "/memberships/" not in request.url.path:
            return None
        [found] = world.emulator.call("GET", "/_emulator/lists").body["results"]
        body = json.loads(request.content)
        joining = set(body["recordIdsToAdd"]) - set(found["members"])
        if not joining or len(found["members"]) + len(joining) - len(body["recordIdsToRemove"]) <= limit:
            return None
        problem = {"status": "error", "category": "VALIDATION_ERROR", "message": "The list is full"}
        return httpx2.Response(400, json=problem, request=request)

    return instead


async def test_a_list_that_is_full_costs_few_calls_and_people_can_still_leave_it(world: World) -> None:
    await deliver(world, *(entry(f"p{number}") for number in range(5)))
    world.transport.instead = sized(world, limit=5)
    before = sum(list_calls(world).values())
    crowd = [entry(f"q{number}", at=60) for number in range(300)]
    driver = world.driver()
    await world.receive([*crowd, entry("p0", member=False, at=60)])
    await world.drain(driver)
    assert sum(list_calls(world).values()) - before <= 45
    assert "p0@example.com" not in members(world)["vip"]
    assert left_out(world, "q299-vip-True-60") == [("list:vip", "refused-by-hubspot")]
    used = sum(list_calls(world).values())
    await world.receive([entry("late", at=90), entry("p1", member=False, at=90)])
    await world.drain(driver)
    assert sum(list_calls(world).values()) == used + 1, "nobody joins a full list for some minutes"
    assert left_out(world, "late-vip-True-90") == [("list:vip", "list-unusable")]
    assert "p1@example.com" not in members(world)["vip"]


@pytest.mark.parametrize(
    "audience", ["2027", "my.audience", "a[0]", "'quoted'", "...", "$.x", "ümlaut – 名前", "100% / off?#&", "__proto__"]
)
async def test_each_key_of_an_audience_is_the_name_of_its_list(world: World, audience: str) -> None:
    other = world.emulator.call(
        "POST", "/crm/lists/2026-09", {"name": "Other", "objectTypeId": "0-1", "processingType": "MANUAL"}
    ).body["list"]["listId"]
    await deliver(world, entry("ann", audience))
    assert {name: len(found) for name, found in members(world).items()} == {"Other": 0, audience: 1}
    await deliver(world, entry("ann", other))
    assert members(world)["Other"] == set(), "an audience whose key has only digits is not the list with this id"
    await deliver(world, entry("ann", audience, member=False, at=60))
    assert members(world)[audience] == set()
    [known] = [size for size in world.record.marketing.list_sizes(10) if size.known.name == audience]
    assert known.member_count == 0


async def test_a_name_that_is_too_long_for_hubspot_is_reported_and_not_cut(world: World) -> None:
    await deliver(world, entry("ann", "x" * 255, messageId="fits"), entry("ann", "x" * 256, messageId="too long"))
    assert {name: len(found) for name, found in members(world).items()} == {"x" * 255: 1}
    assert ("rule:Audiences.list", "rule-failed") in left_out(world, "too long")
    await deliver(world, entry("ann", "..", messageId="no name"))
    assert ("rule:Audiences.list", "rule-failed") in left_out(world, "no name")


async def test_two_audiences_that_differ_in_case_do_not_share_a_list(world: World) -> None:
    await deliver(world, entry("ann", "VIP"))
    await deliver(world, entry("ben", "vip"))
    assert members(world) == {"VIP": {"ann@example.com"}}
    assert left_out(world, "ben-vip-True-0") == [("list:vip", "list-unusable")]
