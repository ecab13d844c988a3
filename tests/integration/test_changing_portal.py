"""A portal in which others work too: records deleted, merged or there before us, stages moved, definitions missing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from tests.support.crashes import Crash, Crashes, CrashingRecord
from tests.support.world import DESTINATION, World, no_trouble

from hubwire.deliver.lanes.driver import Driver
from hubwire.destination import Mapping
from hubwire.hubspot.wire import iso_utc

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as new_world:
        new_world.register()
        yield new_world


class Sender:
    """Sends messages one second apart and delivers them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.driver: Driver = world.driver()
        self.sent = 0

    async def send(self, *messages: dict[str, Any]) -> None:
        result = []
        for message in messages:
            self.sent += 1
            self.world.clock.advance(1)
            moment = iso_utc(self.world.clock.now_ms())
            result.append({"messageId": f"m{self.sent}", "userId": "u1", "timestamp": moment, **message})
        self.world.append(result)
        await self.world.drain(self.driver)
        assert self.world.states()["dead"] == 0

    async def identify(self, **traits: Any) -> None:
        await self.send({"type": "identify", "traits": {"email": "ada@example.com", **traits}})

    async def group(self, website: str, **traits: Any) -> None:
        await self.send({"type": "group", "groupId": website, "traits": {"website": website, **traits}})

    async def track(self, event: str, **properties: Any) -> None:
        await self.send({"type": "track", "event": event, "properties": properties})


def delete(world: World, object_type: str, record_id: str) -> None:
    answer = world.emulator.call("DELETE", f"/crm/objects/2026-09/{object_type}/{record_id}")
    assert answer.status == 204


def calls_of(world: World, word: str) -> int:
    return sum(n for call, n in world.emulator.stats()["calls"].items() if word in call)


# -- records that are gone


async def test_a_contact_that_was_deleted_is_made_again_when_it_is_needed(world: World) -> None:
    sender = Sender(world)
    await sender.identify(firstName="Ada")
    [contact] = world.emulator.contacts()
    delete(world, "contacts", contact["id"])
    await sender.group("acme.com", name="Acme")
    [again] = world.emulator.contacts()
    assert again["id"] != contact["id"]
    assert world.hubspot()["associations"] == [["ada@example.com", "acme.com"]]


async def test_a_company_that_was_deleted_is_made_again_with_all_that_is_then_wanted(world: World) -> None:
    sender = Sender(world)
    await sender.identify()
    await sender.group("acme.com", name="Acme", employees=5)
    [company] = world.emulator.companies()
    delete(world, "companies", company["id"])
    await sender.group("acme.com", name="Acme", employees=6)
    [again] = world.emulator.companies()
    assert again["id"] != company["id"]
    assert (again["properties"]["name"], again["properties"]["numberofemployees"]) == ("Acme", "6")


# -- companies that were there before us


async def test_a_company_that_exists_is_adopted_and_not_doubled(world: World) -> None:
    world.emulator.seed(companies=[{"properties": {"domain": "acme.com", "name": "ACME Inc.", "city": "Graz"}}])
    sender = Sender(world)
    await sender.identify()
    await sender.group("https://www.acme.com/about", name="Acme")
    [company] = world.emulator.companies()
    properties = company["properties"]
    assert (properties["name"], properties["city"], properties["hubwire_domain"]) == ("Acme", "Graz", "acme.com")


async def test_a_company_found_by_an_additional_domain_keeps_its_primary_one(world: World) -> None:
    known = {"domain": "acme.com", "name": "ACME", "hs_additional_domains": "acme.at"}
    world.emulator.seed(companies=[{"properties": known}])
    sender = Sender(world)
    await sender.identify()
    await sender.group("acme.at", name="Acme")
    await sender.group("acme.at", name="Acme Austria")
    await sender.group("acme.com", name="Acme Group")
    world.clock.advance(2 * DAY)
    await sender.group("acme.at", name="Acme Group")
    [company] = world.emulator.companies()
    assert (company["properties"]["domain"], company["properties"]["name"]) == ("acme.com", "Acme Group")


async def test_two_domains_of_one_company_in_one_cycle_are_one_input(world: World) -> None:
    known = {"domain": "acme.com", "hs_additional_domains": "acme.at"}
    world.emulator.seed(companies=[{"properties": known}])
    sender = Sender(world)
    await sender.identify()
    await sender.send(
        {"type": "group", "groupId": "a", "traits": {"website": "acme.at", "name": "Older"}},
        {"type": "group", "groupId": "b", "traits": {"website": "acme.com", "name": "Newer"}},
    )
    [company] = world.emulator.companies()
    assert company["properties"]["name"] == "Newer"
    assert len(world.emulator.associations()) == 1
    assert calls_of(world, "objects/2026-09/companies/batch") == 1


async def test_where_additional_domains_cannot_be_searched_primary_ones_still_are(world: World) -> None:
    def instead(request: httpx2.Request) -> httpx2.Response | None:
        refused = {"message": "hs_additional_domains cannot be used here", "category": "VALIDATION_ERROR"}
        return httpx2.Response(400, json=refused) if b"hs_additional_domains" in request.content else None

    world.transport.instead = instead
    world.emulator.seed(companies=[{"properties": {"domain": "acme.com"}}])
    sender = Sender(world)
    await sender.identify()
    await sender.group("acme.com", name="Acme")
    assert len(world.emulator.companies()) == 1


async def test_a_company_is_searched_once(world: World) -> None:
    sender = Sender(world)
    await sender.identify()
    for number in range(3):
        await sender.group("acme.com", name=f"Acme {number}")
    assert calls_of(world, "companies/search") == 1


# -- records in the way


async def test_a_record_that_hubspot_says_exists_is_taken_over(world: World) -> None:
    [contact_id] = [world.emulator.seed(contacts=[{"properties": {"email": "other@example.com"}}]) and "101"]
    conflict = {
        "status": "error",
        "category": "CONFLICT",
        "message": "Contact already exists. Existing ID: 101",
        "context": {"objectWriteTraceId": ["0"], "existingId": ["101"]},
    }
    answers = [{"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [conflict]}]

    def instead(request: httpx2.Request) -> httpx2.Response | None:
        is_upsert = request.url.path.endswith("contacts/batch/upsert")
        return httpx2.Response(207, json=answers.pop()) if is_upsert and answers else None

    world.transport.instead = instead
    await Sender(world).identify(firstName="Ada")
    [contact] = world.emulator.contacts()
    assert (contact["id"], contact["properties"]["firstname"]) == (contact_id, "Ada")


async def test_a_second_address_of_a_person_is_the_same_contact(world: World) -> None:
    seeded = {"email": "ada@work.com", "hs_additional_emails": "ada@example.com"}
    world.emulator.seed(contacts=[{"properties": seeded}])
    sender = Sender(world)
    await sender.identify(firstName="Ada")
    await sender.group("acme.com")
    [contact] = world.emulator.contacts()
    assert contact["properties"]["firstname"] == "Ada"
    assert len(world.emulator.associations()) == 1


# -- lifecycle stages


async def test_a_stage_moves_backwards_by_being_cleared_first_and_no_call_is_made_twice(world: World) -> None:
    sender = Sender(world)
    await sender.identify(lifecycle_stage="customer")
    await sender.identify(lifecycle_stage="lead")
    [contact] = world.emulator.contacts()
    assert contact["properties"]["lifecyclestage"] == "lead"
    assert calls_of(world, "contacts/batch/update") == 2
    assert calls_of(world, "contacts/batch/read") == 1, "who wrote the later stage"
    assert calls_of(world, "contacts/batch") == 5
    await sender.identify(lifecycle_stage="lead")
    assert calls_of(world, "contacts/batch/read") == 2, "whether the unchanged contact is still there"
    assert calls_of(world, "contacts/batch") == 6


async def test_a_stage_that_could_be_cleared_but_not_set_is_set_in_the_end(world: World) -> None:
    sender = Sender(world)
    await sender.identify(lifecycle_stage="customer")
    world.emulator.fault(path="*/contacts/batch/update", occurrences=[2, 3, 4], status=503)
    await sender.identify(lifecycle_stage="lead")
    [contact] = world.emulator.contacts()
    assert contact["properties"]["lifecyclestage"] == "lead"


# -- definitions


async def test_messages_are_planned_with_the_types_of_the_definition_that_they_made(world: World) -> None:
    sender = Sender(world)
    await sender.send(
        {"type": "identify", "traits": {"email": "ada@example.com"}},
        {"type": "track", "event": "Paid", "properties": {"amount": 7, "plan": "pro", "at": "2026-01-15"}},
        {"type": "track", "event": "Paid", "properties": {"amount": "seven", "plan": True, "at": "2026-01-15"}},
    )
    [definition] = world.emulator.event_definitions()
    types = {each_definition["name"]: each_definition["type"] for each_definition in definition["properties"]}
    assert (types["amount"], types["plan"]) == ("string", "string")
    shown = [event["properties"] for event in world.emulator.events()]
    assert [(definition["amount"], definition["plan"]) for definition in shown] == [("7", "pro"), ("seven", "true")]
    assert calls_of(world, "send/batch") == 1


async def test_a_new_property_of_a_known_event_is_added_once(world: World) -> None:
    sender = Sender(world)
    await sender.identify()
    await sender.track("Paid", amount=7)
    await sender.track("Paid", amount=8, currency="EUR")
    await sender.track("Paid", amount=9, currency="EUR")
    shown = [event["properties"].get("currency") for event in world.emulator.events()]
    assert shown == [None, "EUR", "EUR"]
    assert calls_of(world, "/property") == 1


async def test_an_event_that_hubspot_will_not_define_is_dead_with_its_words_and_not_asked_for_again(
    world: World,
) -> None:
    def instead(request: httpx2.Request) -> httpx2.Response | None:
        if request.method == "POST" and request.url.path.endswith("event-definitions"):
            return httpx2.Response(
                400, json={"message": "500 definitions are the most", "category": "VALIDATION_ERROR"}
            )
        return None

    answer_count = 0

    def counting(request: httpx2.Request) -> httpx2.Response | None:
        nonlocal answer_count
        answer = instead(request)
        answer_count += answer is not None
        return answer

    world.transport.instead = counting
    driver = world.driver()
    for number in range(3):
        world.append([{"type": "track", "messageId": f"t{number}", "event": "X", "properties": {"email": "a@b.co"}}])
        await world.drain(driver)
    [detail] = world.store.queries.message("t2")
    [fate] = detail.summary.fates
    assert (fate.state, fate.reason) == ("dead", "invalid-input")
    assert "500 definitions" in fate.detail
    assert answer_count == 1


async def test_properties_are_made_with_the_values_types_where_the_destination_may(tmp_path: Path) -> None:
    destination = structs.replace(DESTINATION, mapping=Mapping(create_properties=True))
    async with World(tmp_path, destination=destination) as world:
        sender = Sender(world)
        await sender.identify(shoeSize=43, likes="tea")
        await sender.identify(shoeSize=44, likes="tea")
        types = {definition["name"]: definition["type"] for definition in world.emulator.properties("contacts")}
        assert (types["shoesize"], types["likes"]) == ("number", "string")
        assert calls_of(world, "properties/2026-09/contacts/batch/create") == 1
        assert world.hubspot()["contacts"]["ada@example.com"]["shoesize"] == "44"


async def test_properties_that_hubspot_will_not_make_are_left_out_and_the_rest_goes(tmp_path: Path) -> None:
    destination = structs.replace(DESTINATION, mapping=Mapping(create_properties=True))
    async with World(tmp_path, destination=destination, custom_property_limit=0) as world:
        world.register()
        sender = Sender(world)
        await sender.identify(shoeSize=43, firstName="Ada")
        await sender.identify(shoeSize=44, city="Graz")
        contact = world.hubspot()["contacts"]["ada@example.com"]
        assert (contact["firstname"], contact["city"]) == ("Ada", "Graz")
        assert calls_of(world, "properties/2026-09/contacts/batch/create") == 1
        [detail] = world.store.queries.message("m2")
        assert [field["reason"] for field in detail.summary.fates[0].left_out] == ["unknown-property"]


# -- what HubSpot has already


async def test_an_identify_that_changes_nothing_writes_nothing_for_a_day(world: World) -> None:
    sender = Sender(world)
    await sender.identify(firstName="Ada", city="Graz")
    writes = calls_of(world, "contacts/batch/upsert")
    for _ in range(2):
        await sender.identify(firstName="Ada")
    assert calls_of(world, "contacts/batch/upsert") == writes
    assert calls_of(world, "contacts/batch/read") == 1, "whether the contact is still there, once for two repeats"
    world.clock.advance(DAY + 1)
    await sender.identify(firstName="Ada")
    assert calls_of(world, "contacts/batch/upsert") == writes + 1
    await sender.identify(firstName="Ada")
    assert calls_of(world, "contacts/batch/upsert") == writes + 1
    await sender.identify(firstName="Ada", city="Graz")
    assert calls_of(world, "contacts/batch/upsert") == writes + 2
    assert calls_of(world, "contacts/batch/read") == 2


async def test_suppression_can_be_turned_off(tmp_path: Path) -> None:
    destination = structs.replace(DESTINATION, suppress_unchanged_hours=0.0)
    async with World(tmp_path, destination=destination) as world:
        sender = Sender(world)
        await sender.identify(firstName="Ada")
        await sender.identify(firstName="Ada")
        assert calls_of(world, "contacts/batch") == 2


@pytest.mark.parametrize("boundary", [None, "call.after", "commit.before"])
async def test_a_write_that_was_never_confirmed_does_not_hide_the_newer_value(
    world: World, boundary: str | None
) -> None:
    """Graz is confirmed, Linz is written without anybody noticing, then it is Graz again."""
    sender = Sender(world)
    await sender.identify(city="Graz")
    crashes = Crashes()
    if boundary is not None:
        crashes.arm(boundary, 0)

    def trouble(request: httpx2.Request) -> BaseException | None:
        if not request.url.path.endswith("contacts/batch/upsert"):
            return None
        return TimeoutAfter("timed out", request=request) if boundary is None else crashes.in_call(request)

    world.transport.trouble = trouble
    await sender.driver.end()
    crashing: Any = CrashingRecord(world.record, crashes)
    driver = world.driver("crashing", crashing)
    world.append([{**LINZ, "timestamp": iso_utc(world.clock.now_ms())}])
    with contextlib.suppress(Crash):
        await world.drain(driver)
    assert world.hubspot()["contacts"]["ada@example.com"]["city"] == "Linz"
    world.transport.trouble = no_trouble
    world.clock.advance(world.policy.lease_seconds + 1)
    graz = {**LINZ, "messageId": "g", "traits": {**LINZ["traits"], "city": "Graz"}}
    world.append([{**graz, "timestamp": iso_utc(world.clock.now_ms())}])
    await world.drain(world.driver("the next"), through_stops=True)
    assert world.hubspot()["contacts"]["ada@example.com"]["city"] == "Graz"


LINZ: dict[str, Any] = {
    "type": "identify",
    "messageId": "l",
    "userId": "u1",
    "traits": {"email": "ada@example.com", "city": "Linz"},
}


class TimeoutAfter(httpx2.ReadTimeout):
    """No answer to a call that had its effect."""

    is_after = True
