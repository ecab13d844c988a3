"""What HubSpot holds: nothing newer is overwritten, nothing that is gone is taken for written, no second company."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from tests.support.installation import Installation
from tests.support.world import DESTINATION, SERVER, TOKEN, World

from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.destination import Mapping as Mapping_
from hubwire.destination import Source, SourceKind, Trust
from hubwire.hubspot.client import FixedToken, HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import iso_utc
from hubwire.manage.dryrun import compared
from hubwire.manage.schema.accepted_now import accepted_now
from hubwire.manage.schema.portal_contents import read_contents
from hubwire.secret import Secret

WEB = Source(source_id=2, name="web", kind=SourceKind.WEB, identity_space="server")
OLD = "2023-01-01T00:00:00Z"
ADA = {"firstName": "Ada", "lastName": "Byron", "city": "Graz", "phone": "+1 202 555 0100"}


@pytest.fixture(params=["sqlite", "postgres"])
async def installation(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Installation]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    async with World(tmp_path, sources=(SERVER, WEB), database_url=url) as world:
        world.register()
        yield Installation(world)


# -- 1. history against newer values


REP = {"email": "rep@ex.org", "phone": "+1 202 555 0111", "city": "Newtown", "lifecyclestage": "customer"}
OLD_TRAITS = {"email": "rep@ex.org", "phone": "+1 202 555 0000", "city": "Oldtown", "lifecycle_stage": "lead"}
OLD_IDENTIFY = {
    "type": "identify",
    "userId": "h1",
    "messageId": "h1a",
    "timestamp": OLD,
    "traits": OLD_TRAITS,
}


@pytest.mark.parametrize("is_import", [True, False], ids=["import", "late"])
async def test_an_old_identify_overwrites_nothing_that_a_person_wrote_since(
    installation: Installation, is_import: bool
) -> None:
    emulator = installation.world.emulator
    emulator.seed(contacts=[{"properties": {"email": "rep@ex.org"}}])
    emulator.edit("contacts", installation.contact("rep@ex.org")["id"], REP)
    await installation.send({**OLD_IDENTIFY, "traits": {**OLD_TRAITS, "company": "Ex"}}, is_import=is_import)
    contact = installation.contact("rep@ex.org")["properties"]
    assert {name: contact[name] for name in REP} == REP
    assert contact["company"] == "Ex", "what nobody wrote since is written"
    expected = {(name, "newer-in-hubspot") for name in ("phone", "city", "lifecyclestage")}
    assert set(installation.left_out()) == expected
    assert all("a person in HubSpot" in detail and "2026-01-15T" in detail for detail in installation.details())


async def test_every_message_that_lost_says_so_and_an_unread_portal_is_read_once(installation: Installation) -> None:
    emulator = installation.world.emulator
    emulator.seed(contacts=[{"properties": {"email": "rep@ex.org"}}])
    emulator.edit("contacts", installation.contact("rep@ex.org")["id"], {"city": "Newtown"})
    older = [
        {**OLD_IDENTIFY, "messageId": f"h{number}", "traits": {"email": "rep@ex.org", "city": f"C{number}"}}
        for number in range(3)
    ]
    await installation.send(*older, is_import=True)
    assert installation.calls("contacts/batch/read") == 1
    await installation.send(
        {**older[0], "messageId": "h9", "traits": {"email": "rep@ex.org", "city": "C9"}}, is_import=True
    )
    assert installation.left_out() == [("city", "newer-in-hubspot")] * 4


async def test_an_imports_own_writes_never_beat_its_later_messages(installation: Installation) -> None:
    """Each cycle writes today what happened years ago: HubSpot's own times say nothing about our writes."""
    for year in (2021, 2022, 2023):
        installation.world.clock.advance(3 * 86_400)
        traits = {"email": "ada@example.com", "city": f"City of {year}"}
        await installation.send(
            {"type": "identify", "timestamp": f"{year}-05-05T00:00:00Z", "traits": traits}, is_import=True
        )
        assert installation.contact()["properties"]["city"] == f"City of {year}"
    assert installation.left_out() == []


@pytest.mark.parametrize("is_there", [True, False], ids=["read", "made"])
async def test_what_a_person_writes_while_an_import_runs_stays(installation: Installation, is_there: bool) -> None:
    """The history that an earlier cycle read a minute ago does not show it."""
    emulator = installation.world.emulator
    if is_there:
        emulator.seed(contacts=[{"properties": {"email": "rep@ex.org"}}])
    for year in (2021, 2022):
        traits = {"email": "rep@ex.org", "city": f"City of {year}"}
        group = {"website": "ex.org", "name": f"Ex of {year}"}
        moment = {"timestamp": f"{year}-05-05T00:00:00Z", "userId": "rep"}
        await installation.send({"type": "identify", "traits": traits, **moment}, is_import=True)
        await installation.send({"type": "group", "groupId": "g", "traits": group, **moment}, is_import=True)
        if year == 2021:
            installation.world.clock.advance(60)
            emulator.edit("contacts", installation.contact("rep@ex.org")["id"], {"city": "Newtown"})
            emulator.edit("companies", installation.companies("ex.org")[0]["id"], {"name": "Newname"})
            installation.world.clock.advance(60)
    assert installation.contact("rep@ex.org")["properties"]["city"] == "Newtown"
    assert installation.companies("ex.org")[0]["properties"]["name"] == "Newname"
    assert installation.left_out() == [("city", "newer-in-hubspot"), ("name", "newer-in-hubspot")]


async def test_what_a_person_wrote_before_a_late_message_loses_to_it(installation: Installation) -> None:
    await installation.identify(city="Graz")
    happened = iso_utc(installation.world.clock.now_ms() + 60_000)
    installation.world.emulator.edit("contacts", installation.contact()["id"], {"city": "Linz"})
    installation.world.clock.advance(3600)
    await installation.send(
        {"type": "identify", "timestamp": happened, "traits": {"email": "ada@example.com", "city": "Wels"}}
    )
    assert installation.contact()["properties"]["city"] == "Wels"


@pytest.mark.parametrize("is_restarted", [False, True], ids=["same-process", "restarted"])
async def test_our_own_value_that_another_tool_set_back_is_that_tools(
    installation: Installation, is_restarted: bool
) -> None:
    await installation.identify(city="Graz")
    tool = {"sourceType": "INTEGRATION", "sourceId": "99"}
    world, contact_id = installation.world, installation.contact()["id"]
    world.clock.advance(60)
    happened = iso_utc(world.clock.now_ms())
    for city in ("Linz", "Graz"):
        world.clock.advance(60)
        world.emulator.edit("contacts", contact_id, {"city": city}, source=tool)
    world.clock.advance(3600)
    if is_restarted:
        await installation.driver.end()
        installation.driver = world.driver("b")
    traits = {"email": "ada@example.com", "city": "Wels"}
    await installation.send({"type": "identify", "timestamp": happened, "traits": traits})
    assert installation.contact()["properties"]["city"] == "Graz"
    assert installation.left_out() == [("city", "newer-in-hubspot")]


async def test_a_value_that_another_tool_wrote_first_stays_that_tools(installation: Installation) -> None:
    """An old message has the same value. Its write would leave no trace in HubSpot's history."""
    await installation.identify()
    world, tool = installation.world, {"sourceType": "INTEGRATION", "sourceId": "99"}
    world.emulator.edit("contacts", installation.contact()["id"], {"city": "Graz"}, source=tool)
    for number, city in enumerate(("Graz", "Wels")):
        world.clock.advance(3600)
        traits = {"email": "ada@example.com", "city": city}
        moment = f"2023-01-0{number + 1}T00:00:00Z"
        await installation.send({"type": "identify", "timestamp": moment, "traits": traits}, is_import=True)
    assert installation.contact()["properties"]["city"] == "Graz"
    assert installation.left_out() == [("city", "newer-in-hubspot")]


async def test_a_companys_newer_values_stay_as_well(installation: Installation) -> None:
    await installation.identify()
    await installation.group("acme.com", name="Acme", employees=5)
    [company] = installation.companies("acme.com")
    installation.world.clock.advance(1)
    edited_ms = installation.world.clock.now_ms()
    installation.world.emulator.edit("companies", company["id"], {"name": "Acme International"})
    installation.world.clock.advance(3600)
    traits = {"website": "acme.com", "name": "Acme Ltd", "city": "Graz"}
    late = iso_utc(edited_ms - 500)
    await installation.send(
        {"type": "group", "userId": "ada@example.com", "groupId": "a", "timestamp": late, "traits": traits}
    )
    [company] = installation.companies("acme.com")
    assert (company["properties"]["name"], company["properties"]["city"]) == ("Acme International", "Graz")
    assert installation.left_out() == [("name", "newer-in-hubspot")]


async def test_a_stage_goes_back_only_for_a_server_source_whose_knowledge_is_newer(installation: Installation) -> None:
    emulator = installation.world.emulator
    # Also where the newest wins whatever its source: without trust, the public stage would not get this far.
    installation.world.destination = structs.replace(installation.world.destination, trust=Trust.EQUAL)
    installation.driver = installation.world.driver()
    await installation.identify(lifecycle_stage="customer")
    traits = {"email": "ada@example.com", "lifecycle_stage": "lead"}
    await installation.send({"type": "identify", "traits": traits}, source_id=2)
    assert installation.contact()["properties"]["lifecyclestage"] == "customer"
    assert ("lifecyclestage", "stage-not-moved-back") in installation.left_out()
    installation.world.clock.advance(2 * 86_400)
    await installation.identify(lifecycle_stage="lead")
    assert installation.contact()["properties"]["lifecyclestage"] == "lead"
    emulator.edit("contacts", installation.contact()["id"], {"lifecyclestage": "opportunity"})
    earlier = iso_utc(installation.world.clock.now_ms() - 60_000)
    await installation.send(
        {"type": "identify", "timestamp": earlier, "traits": {**traits, "lifecycle_stage": "marketingqualifiedlead"}}
    )
    assert installation.contact()["properties"]["lifecyclestage"] == "opportunity"


async def test_a_companys_stage_goes_back_for_newer_knowledge_only(installation: Installation) -> None:
    emulator = installation.world.emulator
    await installation.identify()
    await installation.group("acme.com", lifecycle_stage="customer")
    await installation.group("acme.com", lifecycle_stage="lead")
    [company] = installation.companies("acme.com")
    assert company["properties"]["lifecyclestage"] == "lead"
    emulator.edit("companies", company["id"], {"lifecyclestage": "opportunity"})
    earlier = iso_utc(installation.world.clock.now_ms() - 60_000)
    traits = {"website": "acme.com", "lifecycle_stage": "subscriber"}
    await installation.send({"type": "group", "groupId": "acme.com", "timestamp": earlier, "traits": traits})
    await installation.send({"type": "group", "groupId": "acme.com", "traits": traits}, source_id=2)
    [company] = installation.companies("acme.com")
    assert company["properties"]["lifecyclestage"] == "opportunity"


# -- 3. a second company


async def test_a_company_that_hubspot_made_of_the_email_domain_is_adopted(tmp_path: Path) -> None:
    async with World(tmp_path, search_lag_seconds=30.0, creates_companies_from_emails=True) as world:
        installation = Installation(world)
        await installation.identify("ada@acme.com", firstName="Ada")
        assert len(installation.companies("acme.com")) == 1
        await installation.group("acme.com", "ada@acme.com", name="Acme")
        [company] = installation.companies("acme.com")
        assert company["properties"]["name"] == "Acme"


async def test_a_company_that_hubspot_makes_a_moment_later_is_not_made_twice(tmp_path: Path) -> None:
    """HubSpot makes it while our search has already found nothing."""
    async with World(tmp_path, search_lag_seconds=0.0, creates_companies_from_emails=False) as world:
        installation = Installation(world)

        async def make_it() -> None:
            world.emulator.seed(companies=[{"properties": {"domain": "acme.com"}}])

        world.append(
            [
                {"type": "identify", "messageId": "i", "userId": "u", "traits": {"email": "ada@acme.com"}},
                {"type": "group", "messageId": "g", "userId": "u", "groupId": "a", "traits": {"website": "acme.com"}},
            ]
        )
        while not world.states()["retrying"]:
            world.clock.advance((await installation.driver.turn()).seconds)
        await make_it()
        await world.drain(installation.driver)
        assert len(installation.companies("acme.com")) == 1
        assert len(world.emulator.associations()) == 1


@pytest.mark.parametrize("way", ["another-person", "restart", "form"])
async def test_a_company_that_the_search_hides_is_found_by_any_new_contact_of_its_domain(
    tmp_path: Path, way: str
) -> None:
    """Another person's group, a lane that has just started, a contact that a form made: none makes a second company."""
    async with World(tmp_path, search_lag_seconds=30.0, creates_companies_from_emails=True) as world:
        installation = Installation(world)
        if way == "form":
            form = {"properties": {"email": "ada@acme.com"}}
            assert world.emulator.call("POST", "/crm/objects/2026-09/contacts", form).status == 201
        await installation.identify("ada@acme.com", firstName="Ada")
        if way == "restart":
            await installation.driver.end()
            installation.driver = world.driver("b")
        email = "ada@acme.com"
        if way == "another-person":
            email = "consultant@example.org"
            await installation.identify(email)
        await installation.group("acme.com", email, name="Acme")
        [company] = installation.companies("acme.com")
        assert company["properties"]["name"] == "Acme"
        assert [email, "acme.com"] in world.hubspot()["associations"]


async def test_a_company_that_a_person_made_seconds_ago_is_found_by_a_second_look(tmp_path: Path) -> None:
    """None of its contacts is known, and the search does not show it yet."""
    policy = LanePolicy(company_linger_seconds=10)
    async with World(tmp_path, search_lag_seconds=8.0, creates_companies_from_emails=False, policy=policy) as world:
        installation = Installation(world)
        await installation.identify("ada@example.com")
        world.clock.advance(300)
        by_hand = {"properties": {"domain": "acme.com", "name": "By hand"}}
        assert world.emulator.call("POST", "/crm/objects/2026-09/companies", by_hand).status == 201
        await installation.group("acme.com", industry="Rockets")
        [company] = installation.companies("acme.com")
        assert company["properties"]["name"] == "By hand"
        assert len(world.emulator.associations()) == 1


async def test_a_message_that_has_waited_waits_for_the_company_of_a_contact_that_is_newer(tmp_path: Path) -> None:
    """The contact is created in the cycle in which the waiting ends. HubSpot makes its company a moment after that."""
    policy = LanePolicy(company_linger_seconds=10)
    async with World(tmp_path, search_lag_seconds=5.0, policy=policy) as world:
        installation = Installation(world)
        appeared_ms: list[int] = []

        def instead(request: httpx2.Request) -> httpx2.Response | None:
            contacts = [
                contact for contact in world.emulator.contacts() if contact["properties"]["email"] == "bob@acme.com"
            ]
            if contacts and not appeared_ms:
                appeared_ms.append(world.clock.now_ms())
            if contacts and world.clock.now_ms() >= appeared_ms[0] + 100 and not installation.companies("acme.com"):
                types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 280}]
                associations = [{"to": {"id": contacts[0]["id"]}, "types": types}]
                body = {"properties": {"domain": "acme.com"}, "associations": associations}
                assert world.emulator.call("POST", "/crm/objects/2026-09/companies", body).status == 201
            return None

        await installation.identify()
        world.transport.instead = instead
        group = {"type": "group", "messageId": "g", "userId": "ada@example.com", "groupId": "a"}
        world.append([{**group, "traits": {"website": "acme.com", "name": "Acme"}}])
        while not world.states()["retrying"]:
            world.clock.advance((await installation.driver.turn()).seconds)
        traits = {"email": "bob@acme.com"}
        world.append([{"type": "identify", "messageId": "i", "userId": "bob", "traits": traits}])
        world.clock.advance(12)
        await world.drain(installation.driver)
        [company] = installation.companies("acme.com")
        assert company["properties"]["name"] == "Acme"


async def test_a_company_is_found_by_each_of_several_additional_domains(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        installation = Installation(world)
        domains = ["b.example", "c.example", "d.example"]
        seeded = {"domain": "a.example", "hs_additional_domains": ";".join(domains)}
        world.emulator.seed(companies=[{"properties": seeded}])
        await installation.identify()
        for domain in domains:
            await installation.group(domain, name=f"Name of {domain}")
        [company] = world.emulator.companies()
        assert company["properties"]["name"] == "Name of d.example"


async def test_a_deleted_company_that_the_search_still_shows_is_made_again(tmp_path: Path) -> None:
    """Memory does not know the company, so only the search leads to it."""
    async with World(tmp_path, search_lag_seconds=30.0) as world:
        installation = Installation(world)
        world.emulator.seed(companies=[{"properties": {"domain": "acme.com"}}])
        await installation.identify()
        world.clock.advance(60)
        world.emulator.archive("companies", installation.companies("acme.com")[0]["id"])
        await installation.group("acme.com", name="Acme")
        [company] = installation.companies("acme.com")
        assert company["properties"]["name"] == "Acme"
        assert world.hubspot()["associations"] == [["ada@example.com", "acme.com"]]
        assert world.states()["dead"] == 0


# -- 4. unique values


async def test_a_unique_value_of_another_record_is_left_out_alone(tmp_path: Path) -> None:
    async with World(tmp_path, readings=()) as world:
        installation = Installation(world)
        unique = {"name": "user_number", "label": "n", "type": "string", "fieldType": "text", "hasUniqueValue": True}
        world.emulator.seed(properties={"contacts": [{**unique, "groupName": "contactinformation"}]})
        await installation.identify("ann@example.com", user_number="U7", city="Graz")
        owner = installation.contact("ann@example.com")["id"]
        await installation.identify("bea@example.com", user_number="U7", city="Linz")
        assert installation.contact("bea@example.com")["properties"]["city"] == "Linz"
        assert installation.left_out() == [("user_number", "taken-by-another-record")]
        assert owner in installation.details()[0]
        assert world.states()["dead"] == 0


# -- 5. people deleted for privacy


async def test_a_person_deleted_for_privacy_is_said_once_and_nothing_is_sent_any_more(
    installation: Installation,
) -> None:
    await installation.identify(**ADA)
    await installation.track()
    installation.world.emulator.delete_for_privacy(installation.contact()["id"])
    await installation.identify(city="Linz")
    events = len(installation.world.emulator.events())
    before = installation.world.calls()
    for _ in range(3):
        await installation.track()
        await installation.identify(city="Wels")
    assert installation.world.calls() == before
    assert len(installation.world.emulator.events()) == events
    assert set(installation.world.reasons().values()) == {("discarded", "deleted-for-privacy")}
    await installation.group("acme.com", name="Acme")
    assert installation.companies("acme.com") == [], "a message that is discarded creates no company either"
    await installation.identify("bob@example.com")
    assert installation.contact("bob@example.com")
    await installation.group("acme.com", "bob@example.com", name="Acme")
    assert len(installation.companies("acme.com")) == 1


# -- 9. merged and renamed companies


async def test_after_a_merge_the_old_domain_is_not_written_back(installation: Installation) -> None:
    emulator = installation.world.emulator
    await installation.identify()
    await installation.group("old.com", name="Old", city="Graz")
    await installation.group("new.com", name="New")
    [old], [new] = installation.companies("old.com"), installation.companies("new.com")
    installation.world.clock.advance(60)
    merged = emulator.merge("companies", new["id"], old["id"])
    for traits in ({"name": "Old", "city": "Graz"}, {"name": "Old", "city": "Linz"}):
        installation.world.clock.advance(60)
        await installation.group("old.com", **traits)
    companies = [
        company for company in emulator.companies() if company["properties"].get("domain") in ("old.com", "new.com")
    ]
    assert [company["id"] for company in companies] == [merged["id"]]
    assert companies[0]["properties"]["domain"] == "new.com"
    assert companies[0]["properties"]["city"] == "Linz"


async def test_a_renamed_company_that_memory_lost_keeps_its_new_domain(installation: Installation) -> None:
    emulator = installation.world.emulator
    await installation.identify()
    await installation.group("old.com", name="Old")
    [old] = installation.companies("old.com")
    emulator.edit("companies", old["id"], {"domain": "renamed.com"})
    installation.world.database.execute("DELETE FROM company")
    installation.world.clock.advance(120)
    await installation.group("old.com", name="Old again")
    [company] = [
        company for company in emulator.companies() if company["properties"].get("hubwire_domain") == "old.com"
    ]
    assert (company["properties"]["domain"], company["properties"]["name"]) == ("renamed.com", "Old again")


async def test_an_imported_event_of_a_person_deleted_for_privacy_is_not_sent(installation: Installation) -> None:
    await installation.identify(**ADA)
    installation.world.emulator.delete_for_privacy(installation.contact()["id"])
    installation.world.clock.advance(60)
    await installation.send(
        {"type": "track", "userId": "ada@example.com", "event": "Signed Up", "timestamp": OLD}, is_import=True
    )
    assert installation.calls("send/batch") == 0
    assert set(installation.world.reasons().values()) == {("discarded", "deleted-for-privacy")}


# -- what reads cost


async def test_what_hubspot_will_not_let_us_read_stops_nothing(installation: Installation) -> None:
    def instead(request: httpx2.Request) -> httpx2.Response | None:
        if not request.url.path.endswith("contacts/batch/read"):
            return None
        return httpx2.Response(403, json={"category": "MISSING_SCOPES", "message": "no"})

    installation.world.transport.instead = instead
    await installation.send({**OLD_IDENTIFY}, is_import=True)
    assert installation.contact("rep@ex.org")["properties"]["city"] == "Oldtown"


async def test_a_read_that_fails_puts_its_people_off_and_nobody_else(installation: Installation) -> None:
    def instead(request: httpx2.Request) -> httpx2.Response | None:
        is_read = request.url.path.endswith("contacts/batch/read")
        return httpx2.Response(500, json={"message": "no"}) if is_read and b"rep@ex.org" in request.content else None

    installation.world.transport.instead = instead
    others: Sequence[Mapping[str, Any]] = [
        {
            **OLD_IDENTIFY,
            "messageId": f"o{number}",
            "userId": f"o{number}",
            "traits": {"email": f"o{number}@ex.org", "city": "Graz"},
        }
        for number in range(5)
    ]
    installation.world.append([OLD_IDENTIFY, *others], is_backfill=True)
    while installation.world.backlog():
        installation.world.clock.advance((await installation.driver.turn()).seconds)
    assert len(installation.world.emulator.contacts()) == 5
    assert installation.world.states() == {"retrying": 1}


# -- 7. event property types


@pytest.mark.parametrize("refused", [(), ("enumeration",), ("enumeration", "datetime", "number")])
async def test_an_event_has_property_types_that_hubspot_takes_or_goes_with_texts(
    installation: Installation, refused: Sequence[str]
) -> None:
    def instead(request: httpx2.Request) -> httpx2.Response | None:
        is_definition = "/event-definitions" in request.url.path and request.method == "POST"
        if is_definition and any(f'"type":"{kind}"'.encode() in request.content for kind in ("bool", "date", *refused)):
            return httpx2.Response(400, json={"category": "VALIDATION_ERROR", "message": "no such type"})
        return None

    installation.world.transport.instead = instead
    await installation.identify()
    properties = {"paid": True, "day": "2026-01-15", "size": 2}
    await installation.send(
        {"type": "track", "userId": "ada@example.com", "event": "Box Opened", "properties": properties}
    )
    [event] = installation.world.emulator.events()
    assert event["properties"]["paid"] == "true"
    assert event["properties"]["day"].startswith("2026-01-15")
    assert installation.world.states()["dead"] == 0


# -- 8. objects, and numbers that become texts


BOX = {
    "label": "Box Opened",
    "name": "box_opened",
    "primaryObject": "CONTACT",
    "includeDefaultProperties": False,
    "propertyDefinitions": [
        {"label": "meta", "name": "meta", "type": "string"},
        {"label": "size", "name": "size", "type": "number"},
    ],
}


@pytest.mark.parametrize("is_made", [True, False])
async def test_an_object_whose_own_text_property_exists_goes_whole_and_nothing_is_made(
    tmp_path: Path, is_made: bool
) -> None:
    mapping = Mapping_(create_properties=is_made, create_event_definitions=is_made)
    async with World(tmp_path, destination=structs.replace(DESTINATION, mapping=mapping)) as world:
        installation = Installation(world)
        text = {"name": "meta", "label": "m", "type": "string", "fieldType": "text", "groupName": "contactinformation"}
        world.emulator.seed(properties={"contacts": [text]})
        assert world.emulator.call("POST", "/events/custom/2026-09/event-definitions", BOX).status in (200, 201)
        await installation.identify(meta={"a": 1})
        properties = {"meta": {"a": 1}, "size": 2}
        await installation.send(
            {"type": "track", "userId": "ada@example.com", "event": "Box Opened", "properties": properties}
        )
        assert installation.contact()["properties"]["meta"] == '{"a":1}'
        assert "meta_a" not in {definition["name"] for definition in world.emulator.properties("contacts")}
        [event] = world.emulator.events()
        assert event["properties"] == {"meta": '{"a":1}', "size": "2"}
        assert installation.left_out() == []


@pytest.mark.parametrize(
    ("first", "later", "written", "beside"),
    [
        (123, "A-7", "123", "A-7"),
        (123, [1, 2], "123", "1;2"),
        (123, True, "123", "true"),
        (True, "perhaps", "true", "perhaps"),
        ("2026-01-15", "next week", "2026-01-15", "next week"),
        ("2026-01-15T10:00:00Z", "noon", "2026-01-15T10:00:00.000Z", "noon"),
    ],
)
async def test_a_self_made_property_takes_a_value_of_another_type_beside_it(
    tmp_path: Path, first: object, later: object, written: str, beside: str
) -> None:
    mapping = Mapping_(create_properties=True)
    async with World(tmp_path, destination=structs.replace(DESTINATION, mapping=mapping)) as world:
        installation = Installation(world)
        for sku in (first, later):
            await installation.identify(sku=sku)
            await installation.send(
                {"type": "track", "userId": "ada@example.com", "event": "Bought", "properties": {"sku": sku}}
            )
        contact = installation.contact()["properties"]
        assert (contact["sku"], contact["sku_text"]) == (written, beside)
        events = [event["properties"] for event in world.emulator.events()]
        assert events[0]["sku"].startswith(written)
        assert events[1] == {"sku_text": beside}
        assert installation.left_out() == []


async def test_a_text_goes_to_no_property_that_somebody_else_made(tmp_path: Path) -> None:
    mapping = Mapping_(create_properties=True)
    async with World(tmp_path, destination=structs.replace(DESTINATION, mapping=mapping)) as world:
        installation = Installation(world)
        text = {"name": "sku_text", "label": "s", "type": "string", "fieldType": "text"}
        world.emulator.seed(properties={"contacts": [{**text, "groupName": "contactinformation"}]})
        definition = {**BOX, "propertyDefinitions": [{"label": "s", "name": "sku_text", "type": "string"}]}
        answer = world.emulator.call("POST", "/events/custom/2026-09/event-definitions", definition)
        assert answer.status in (200, 201)
        await installation.identify(sku=123)
        world.emulator.edit("contacts", installation.contact()["id"], {"sku_text": "by hand"})
        for sku in (123, "A-7"):
            await installation.identify(sku=sku)
            await installation.send(
                {"type": "track", "userId": "ada@example.com", "event": "Box Opened", "properties": {"sku": sku}}
            )
        contact = installation.contact()["properties"]
        assert (contact["sku"], contact["sku_text"]) == ("123", "by hand")
        assert [event["properties"] for event in world.emulator.events()] == [{"sku": "123"}, {}]
        assert installation.left_out() == [("traits.sku", "wrong-type"), ("properties.sku", "wrong-type")]


# -- 6. the schema is an hour old


async def test_a_property_made_in_hubspot_a_minute_ago_is_found(installation: Installation) -> None:
    world = installation.world
    await installation.identify(favorite_color="red")
    assert installation.left_out() == [("traits.favorite_color", "unknown-property")]
    text = {"name": "favorite_color", "label": "c", "type": "string", "fieldType": "text"}
    world.emulator.seed(properties={"contacts": [{**text, "groupName": "contactinformation"}]})
    world.clock.advance(60)
    await installation.identify(favorite_color="blue")
    assert installation.contact()["properties"]["favorite_color"] == "blue"


async def test_what_was_left_out_for_want_of_a_property_or_option_is_counted_when_hubspot_has_it(
    installation: Installation,
) -> None:
    world = installation.world

    async def accepted() -> dict[str, int]:
        client = HubSpotClient(
            "http://hubspot.test", FixedToken(Secret(TOKEN)), Paths("2026-09"), clock=world.clock,
            transport=world.transport,
        )  # fmt: skip
        contents = await read_contents(client, world.destination, world.clock)
        return {item.field: item.count for item in accepted_now(world.store, world.destination, contents.schema)}

    gold, silver = {"label": "Gold", "value": "gold"}, {"label": "Silver", "value": "silver"}
    place = {"groupName": "contactinformation", "fieldType": "text"}
    tier = {**place, "name": "tier", "label": "Tier", "type": "enumeration", "fieldType": "select", "options": [gold]}
    world.emulator.seed(properties={"contacts": [tier]})
    for number in range(3):
        await installation.identify(f"p{number}@example.com", shoe_size="42", tier="silver", favourite="tea")
    assert await accepted() == {}
    shoe_size = {**place, "name": "shoe_size", "label": "Shoe size", "type": "string"}
    world.emulator.seed(properties={"contacts": [shoe_size, {**tier, "options": [gold, silver]}]})
    assert await accepted() == {"traits.shoe_size": 3, "traits.tier": 3}


async def test_an_unknown_name_costs_few_reads_however_often_it_comes(installation: Installation) -> None:
    for _ in range(40):
        await installation.identify(favorite_color="red", city=f"C{installation.sent}")
        installation.world.clock.advance(2)
    assert installation.calls("properties/2026-09/contacts") <= 4


# -- what a person deletes in HubSpot


async def test_the_events_of_a_deleted_definition_are_held_and_sent_under_another_name(
    installation: Installation,
) -> None:
    world = installation.world
    await installation.identify()
    await installation.track(event="Bought")
    deleted = world.emulator.call("DELETE", "/events/custom/2026-09/event-definitions/bought")
    assert deleted.status == 204
    for number in range(3):
        await installation.send(
            {
                "type": "track",
                "userId": "ada@example.com",
                "event": "Bought",
                "context": {"traits": {"city": f"C{number}"}},
            }
        )
        world.clock.advance(60)
    assert set(world.reasons().values()) == {("held", "event-name-used")}
    assert installation.contact()["properties"]["city"] == "C2", "the rest of the message is sent"
    assert installation.calls("POST /events/custom/2026-09/event-definitions") == 2, (
        "it is asked for once more, not thrice"
    )
    await installation.driver.end()
    mapping = Mapping_(events={"Bought": "purchased"})
    world.destination = structs.replace(world.destination, mapping=mapping)
    installation.driver = world.driver("b")
    world.clock.advance(3600)
    await world.drain(installation.driver)
    names = [event["eventName"] for event in world.emulator.events()]
    assert names.count("pe1234567_purchased") == 3


@pytest.mark.parametrize("waits", [5, 4000])
async def test_our_key_of_companies_is_made_again_after_somebody_deleted_it(
    installation: Installation, waits: int
) -> None:
    world = installation.world
    await installation.identify()
    await installation.group("acme.com", name="Acme")
    assert world.emulator.call("DELETE", "/crm/properties/2026-09/companies/hubwire_domain").status == 204
    world.clock.advance(waits)
    await installation.group("acme.com", name="Acme 2")
    await installation.group("new.com", name="New")
    assert [company["properties"]["name"] for company in world.emulator.companies()] == ["Acme 2", "New"]
    assert "hubwire_domain" in {definition["name"] for definition in world.emulator.properties("companies")}
    assert world.states()["dead"] == 0


# -- the dry run


async def test_a_plan_says_what_would_lose_and_writes_nothing(installation: Installation) -> None:
    world = installation.world
    world.emulator.seed(contacts=[{"properties": {"email": "rep@ex.org"}}])
    world.emulator.edit("contacts", installation.contact("rep@ex.org")["id"], REP)
    world.emulator.seed(companies=[{"properties": {"domain": "ex.org"}}])
    [company] = installation.companies("ex.org")
    world.emulator.edit("companies", company["id"], {"name": "By hand"})
    group = {"type": "group", "userId": "h1", "messageId": "h1g", "groupId": "g", "timestamp": OLD}
    traits = {"website": "ex.org", "name": "Old name", "city": "Graz"}
    world.append([OLD_IDENTIFY, {**group, "traits": traits}], is_backfill=True)
    rows = world.journal.read(0, 10, source_ids=None, is_backfill=True)
    client = HubSpotClient(
        "http://hubspot.test", FixedToken(Secret(TOKEN)), Paths(), clock=world.clock, transport=world.transport
    )
    [run, of_group], requests = await compared(world.store, client, DESTINATION, rows, world.clock)
    lost = {item.field for item in run.left_out if item.reason == "newer-in-hubspot"}
    assert lost == {"phone", "city", "lifecyclestage"}
    [operation] = run.operations
    assert operation.fields == []
    [upsert] = [request for request in requests if "contacts/batch/upsert" in request.path]
    assert upsert.body["inputs"][0]["properties"] == {}
    lost = {item.field for item in of_group.left_out if item.reason == "newer-in-hubspot"}
    assert lost == {"name"}, "also of a company that Hubwire has never written to"
    assert "name" not in {field.name for field in of_group.operations[0].fields}
    assert installation.contact("rep@ex.org")["properties"]["city"] == "Newtown"
    assert installation.calls("upsert") == 0


async def test_a_plan_finds_companies_by_their_own_key(installation: Installation) -> None:
    world = installation.world
    property_ = {"name": "account_id", "type": "string", "fieldType": "text", "hasUniqueValue": True}
    world.emulator.seed(properties={"companies": [property_]})
    world.emulator.seed(companies=[{"properties": {"name": "?", "account_id": "a1"}}])
    [company] = world.emulator.companies()
    world.emulator.edit("companies", company["id"], {"name": "By hand"})
    group = {"type": "group", "userId": "h1", "messageId": "h1g", "groupId": "a1", "timestamp": OLD}
    world.append([{**group, "traits": {"name": "Old name", "city": "Graz"}}], is_backfill=True)
    rows = world.journal.read(0, 10, source_ids=None, is_backfill=True)
    destination = structs.replace(
        DESTINATION, company_key={"account_id": "$.groupId"}, mapping=Mapping_(companies_need_contact=False)
    )
    client = HubSpotClient(
        "http://hubspot.test", FixedToken(Secret(TOKEN)), Paths(), clock=world.clock, transport=world.transport
    )
    [run], _ = await compared(world.store, client, destination, rows, world.clock)
    assert {item.field for item in run.left_out if item.reason == "newer-in-hubspot"} == {"name"}
    assert "city" in {field.name for operation in run.operations for field in operation.fields}
