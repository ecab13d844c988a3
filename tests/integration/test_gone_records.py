"""A record that somebody deleted, merged or renamed in HubSpot is never taken for written, whatever comes next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs
from tests.support.installation import Installation
from tests.support.world import DESTINATION, SERVER, World

from hubwire.delivery import State
from hubwire.record.message_filter import MessageFilter

OLD = "2023-01-01T00:00:00Z"
ADA = {"firstName": "Ada", "lastName": "Byron", "city": "Graz", "phone": "+1 202 555 0100"}


@pytest.fixture(params=["sqlite", "postgres"])
async def installation(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Installation]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    async with World(tmp_path, sources=(SERVER,), database_url=url) as world:
        world.register()
        yield Installation(world)


# -- an event, an association, or a changed value comes next


async def test_a_deleted_contact_is_made_whole_again_before_its_event(installation: Installation) -> None:
    await installation.identify(**ADA)
    await installation.track()
    installation.world.emulator.archive("contacts", installation.contact()["id"])
    await installation.identify(**ADA)
    await installation.track()
    contact = installation.contact()
    assert {name: contact["properties"][name] for name in ("firstname", "lastname", "city", "phone")} == {
        "firstname": "Ada", "lastname": "Byron", "city": "Graz", "phone": "+1 202 555 0100",
    }  # fmt: skip
    assert [event["contactId"] for event in installation.world.emulator.events()].count(contact["id"]) == 1


async def test_fifty_deleted_contacts_lose_no_event_though_only_tracks_come(tmp_path: Path) -> None:
    destination = structs.replace(DESTINATION, suppress_unchanged_hours=0.0)
    async with World(tmp_path, destination=destination) as world:
        installation = Installation(world)
        emails = [f"p{number}@example.com" for number in range(50)]
        identifies = [
            {"type": "identify", "userId": email, "traits": {"email": email, "city": "Graz"}} for email in emails
        ]
        await installation.send(*identifies)
        for contact in world.emulator.contacts():
            world.emulator.archive("contacts", contact["id"])
        await installation.send(*[{"type": "track", "userId": email, "event": "Came Back"} for email in emails])
        assert len(world.emulator.events()) == 50
        assert {contact["properties"]["city"] for contact in world.emulator.contacts()} == {"Graz"}


async def test_a_changed_identify_of_a_deleted_contact_brings_all_values_back(installation: Installation) -> None:
    await installation.identify(**ADA)
    await installation.group("acme.com", name="Acme")
    installation.world.emulator.archive("contacts", installation.contact()["id"])
    await installation.identify(city="Linz")
    contact = installation.contact()
    assert {contact["properties"][name] for name in ("firstname", "lastname", "city")} == {"Ada", "Byron", "Linz"}
    assert installation.world.hubspot()["associations"] == [["ada@example.com", "acme.com"]]


async def test_an_import_of_older_values_makes_a_deleted_contact_again_with_the_newer_ones(
    installation: Installation,
) -> None:
    await installation.identify(**ADA)
    installation.world.emulator.archive("contacts", installation.contact()["id"])
    installation.world.clock.advance(25 * 3600)
    traits = {"email": "ada@example.com", "city": "Oldtown"}
    await installation.send({"type": "identify", "timestamp": OLD, "traits": traits}, is_import=True)
    assert installation.contact()["properties"]["city"] == "Graz"
    assert ("city", "older-than-known") in installation.left_out()


@pytest.mark.parametrize("disturbance", ["delete", "rename", "make-again"])
async def test_a_contact_that_is_gone_loses_no_imported_event(installation: Installation, disturbance: str) -> None:
    await installation.identify(**ADA)
    emulator, contact_id = installation.world.emulator, installation.contact()["id"]
    if disturbance == "rename":
        emulator.edit("contacts", contact_id, {"email": "other@example.com"})
    else:
        emulator.archive("contacts", contact_id)
    if disturbance == "make-again":
        emulator.seed(contacts=[{"properties": {"email": "ada@example.com"}}])
    installation.world.clock.advance(60)
    await installation.send(
        {"type": "track", "userId": "ada@example.com", "event": "Signed Up", "timestamp": OLD}, is_import=True
    )
    contact = installation.contact()
    assert contact["properties"]["city"] == "Graz"
    assert [event["contactId"] for event in emulator.events()] == [contact["id"]]


async def test_a_file_that_is_imported_again_makes_hundreds_of_deleted_contacts_again(tmp_path: Path) -> None:
    """More contacts than a cycle has reads to spare, and no value that changed."""
    async with World(tmp_path) as world:
        installation = Installation(world)
        emails = [f"p{number}@example.com" for number in range(450)]
        rows = [
            {"type": "identify", "userId": email, "timestamp": OLD, "traits": {"email": email, "city": "Graz"}}
            for email in emails
        ]
        await installation.send(*rows, is_import=True)
        for contact in world.emulator.contacts():
            world.emulator.archive("contacts", contact["id"])
        world.clock.advance(600)
        await installation.send(*rows, is_import=True)
        assert {contact["properties"]["city"] for contact in world.emulator.contacts()} == {"Graz"}
        assert len(world.emulator.contacts()) == 450


async def test_a_deleted_company_is_made_whole_again_with_its_contacts(installation: Installation) -> None:
    await installation.identify()
    await installation.group("acme.com", name="Acme", employees=5)
    [company] = installation.companies("acme.com")
    installation.world.emulator.archive("companies", company["id"])
    installation.world.clock.advance(60)
    await installation.group("acme.com", name="Acme", employees=5)
    [again] = installation.companies("acme.com")
    assert (again["properties"]["name"], again["properties"]["numberofemployees"]) == ("Acme", "5")
    assert installation.world.hubspot()["associations"] == [["ada@example.com", "acme.com"]]


async def test_a_replay_makes_again_what_was_deleted_although_no_value_changed(installation: Installation) -> None:
    world = installation.world
    await installation.identify(**ADA)
    await installation.group("shop.example", name="Shop")
    world.emulator.archive("contacts", installation.contact()["id"])
    world.emulator.archive("companies", installation.companies("shop.example")[0]["id"])
    world.clock.advance(3)
    delivered = MessageFilter(state=State.DELIVERED)
    targets = world.store.queries.targets(delivered)
    world.store.replays.begin(delivered, "ana", world.clock.now_ms(), targets, share_percent=100)
    world.store.replays.step(world.clock.now_ms(), 1000)
    await world.drain(installation.driver)
    contact = installation.contact()["properties"]
    assert (contact["firstname"], contact["city"]) == ("Ada", "Graz")
    assert [company["properties"]["name"] for company in installation.companies("shop.example")] == ["Shop"]
    assert len(world.emulator.associations()) == 1


async def test_a_contact_whose_address_a_person_changed_loses_no_event(installation: Installation) -> None:
    await installation.identify(**ADA)
    installation.world.emulator.edit("contacts", installation.contact()["id"], {"email": "other@example.com"})
    await installation.track()
    assert installation.contact()["properties"]["city"] == "Graz"
    assert len(installation.world.emulator.events()) == 1


async def test_a_merged_contact_keeps_its_events_and_the_values_that_are_newer(installation: Installation) -> None:
    await installation.identify(**ADA)
    emulator = installation.world.emulator
    installation.world.clock.advance(60)
    emulator.seed(contacts=[{"properties": {"email": "main@example.com", "city": "Wien"}}])
    merged = emulator.merge("contacts", installation.contact("main@example.com")["id"], installation.contact()["id"])
    await installation.track()
    [contact] = emulator.contacts()
    assert contact["id"] == merged["id"]
    assert contact["properties"]["city"] == "Wien"
    assert [event["contactId"] for event in emulator.events()] == [merged["id"]]


@pytest.mark.parametrize("disturbance", ["delete", "merge"])
async def test_a_contact_with_a_key_of_its_own_is_made_whole_again_by_a_changed_identify(
    tmp_path: Path, disturbance: str
) -> None:
    """It is written by its record id, which leads nowhere now."""
    number = {"name": "user_number", "label": "n", "type": "string", "fieldType": "text", "hasUniqueValue": True}
    destination = structs.replace(DESTINATION, contact_key={"user_number": "$.userId"})
    async with World(tmp_path, destination=destination) as world:
        world.emulator.seed(properties={"contacts": [{**number, "groupName": "contactinformation"}]})
        installation = Installation(world)
        await installation.identify(**ADA)
        contact_id = installation.contact()["id"]
        if disturbance == "delete":
            world.emulator.archive("contacts", contact_id)
        else:
            world.emulator.seed(contacts=[{"properties": {"email": "other@example.com"}}])
            world.emulator.merge("contacts", contact_id, installation.contact("other@example.com")["id"])
        await installation.identify(city="Linz")
        properties = installation.contact()["properties"]
        names = ("firstname", "lastname", "city", "user_number")
        assert [properties[name] for name in names] == ["Ada", "Byron", "Linz", "ada@example.com"]
        assert world.states()["dead"] == 0


# -- the same message comes again


async def test_an_unchanged_identify_makes_a_deleted_contact_again_with_all_values(installation: Installation) -> None:
    await installation.identify(**ADA)
    await installation.identify(city="Linz")
    installation.world.emulator.archive("contacts", installation.contact()["id"])
    await installation.identify(city="Linz")
    properties = installation.contact()["properties"]
    assert [properties[name] for name in ("firstname", "lastname", "city")] == ["Ada", "Byron", "Linz"]


async def test_an_identify_that_brings_an_address_alone_makes_a_deleted_contact_again(
    installation: Installation,
) -> None:
    await installation.identify()
    installation.world.emulator.archive("contacts", installation.contact()["id"])
    await installation.identify()
    assert installation.contact()


async def test_an_unchanged_identify_makes_a_contact_whose_address_a_person_changed(installation: Installation) -> None:
    await installation.identify(**ADA)
    renamed = installation.contact()["id"]
    installation.world.emulator.edit("contacts", renamed, {"email": "other@example.com"})
    await installation.identify(**ADA)
    assert installation.contact()["properties"]["city"] == "Graz"
    assert installation.contact("other@example.com")["id"] == renamed


async def test_an_unchanged_identify_follows_a_merged_contact(installation: Installation) -> None:
    await installation.identify(**ADA)
    emulator = installation.world.emulator
    emulator.seed(contacts=[{"properties": {"email": "main@example.com", "city": "Wien"}}])
    merged = emulator.merge("contacts", installation.contact("main@example.com")["id"], installation.contact()["id"])
    await installation.identify(**ADA)
    [contact] = emulator.contacts()
    assert contact["id"] == merged["id"]
    assert contact["properties"]["firstname"] == "Ada"


async def test_an_unchanged_group_makes_a_deleted_company_again_with_all_values(installation: Installation) -> None:
    await installation.identify()
    await installation.group("acme.com", name="Acme", employees=5)
    await installation.group("acme.com", name="Acme International")
    installation.world.emulator.archive("companies", installation.companies("acme.com")[0]["id"])
    await installation.group("acme.com", name="Acme International")
    [again] = installation.companies("acme.com")
    names = ("name", "numberofemployees")
    assert [again["properties"][name] for name in names] == ["Acme International", "5"]
    assert installation.world.hubspot()["associations"] == [["ada@example.com", "acme.com"]]


async def test_repeats_within_a_short_time_cost_one_read_and_no_write(tmp_path: Path) -> None:
    async with World(tmp_path, destination=structs.replace(DESTINATION, recheck_after_seconds=60.0)) as world:
        installation = Installation(world)
        await installation.identify(**ADA)
        before, upserts = world.calls(), installation.calls("upsert")
        for _ in range(5):
            await installation.identify(**ADA)
        assert (world.calls() - before, installation.calls("contacts/batch/read")) == (1, 1)
        world.clock.advance(60)
        await installation.identify(**ADA)
        assert installation.calls("contacts/batch/read") == 2
        assert installation.calls("upsert") == upserts


async def test_a_contact_that_is_deleted_again_and_again_is_made_again_each_time(installation: Installation) -> None:
    await installation.identify(**ADA)
    for _ in range(3):
        installation.world.emulator.archive("contacts", installation.contact()["id"])
        await installation.identify(**ADA)
    assert installation.contact()["properties"]["city"] == "Graz"


async def test_the_time_between_two_looks_can_be_set(tmp_path: Path) -> None:
    async with World(tmp_path, destination=structs.replace(DESTINATION, recheck_after_seconds=0.0)) as world:
        installation = Installation(world)
        await installation.identify(**ADA)
        for repeat in range(1, 4):
            await installation.identify(**ADA)
            assert installation.calls("contacts/batch/read") == repeat


async def test_hundreds_of_unchanged_contacts_cost_one_read_at_a_time_until_all_were_seen(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        installation = Installation(world)
        emails = [f"p{number}@example.com" for number in range(250)]
        identifies = [
            {"type": "identify", "userId": email, "traits": {"email": email, "city": "Graz"}} for email in emails
        ]
        await installation.send(*identifies)
        for contact in world.emulator.contacts():
            world.emulator.archive("contacts", contact["id"])
        found, before = [], installation.calls("contacts/batch/read")
        for _ in range(3):
            await installation.send(*identifies)
            found.append((installation.calls("contacts/batch/read") - before, len(world.emulator.contacts())))
        assert found == [(1, 100), (2, 200), (3, 250)]


async def test_a_busy_portal_looks_after_a_day_although_nothing_relies_on_the_contact(tmp_path: Path) -> None:
    destination = structs.replace(DESTINATION, suppress_unchanged_hours=48.0)
    async with World(tmp_path, destination=destination) as world:
        installation = Installation(world)
        await installation.identify(**ADA)
        world.emulator.archive("contacts", installation.contact()["id"])
        for number in range(30):
            await installation.identify(f"other{number}@example.com")
            await installation.track(f"other{number}@example.com")
        await installation.identify(**ADA)
        assert len(world.emulator.contacts()) == 30, "no read to spare"
        world.clock.advance(24 * 3600)
        await installation.identify(**ADA)
        assert installation.contact()["properties"]["city"] == "Graz"
