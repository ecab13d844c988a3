"""What teams ask of a HubSpot destination, each by rules, through HTTP, journal, lane and an emulated HubSpot.

Every case runs twice: with its messages one after the other, each delivered before the next, and all in one cycle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.world import DESTINATION, World

from hubwire.destination import Destination
from hubwire.testing import Emulator

BOX = "pe1234567_box_opened"
UTK = "0123456789abcdef0123456789abcdef"
UNIQUE = {"type": "string", "fieldType": "text", "hasUniqueValue": True}


def text(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "string", "fieldType": "text", **more}


def definition(name: str, label: str, **types: str) -> dict[str, Any]:
    properties = [{"name": field, "type": kind} for field, kind in types.items()]
    return {"name": name, "label": label, "propertyDefinitions": properties}


def of(**fields: Any) -> Destination:
    """The destination with these fields, rules as in a file."""
    fields["rules"] = fields.pop("rule", [])
    return msgspec.convert(msgspec.to_builtins(DESTINATION) | fields, Destination)


async def portal_after(
    folder: Path, destination: Destination, messages: list[dict[str, Any]], at_once: bool, **seed: Any
) -> dict[str, Any]:
    """What HubSpot holds afterwards; contacts and companies without ids, in the order in which they were made."""
    async with World(folder, destination=destination) as world:
        label = seed.pop("label", None)
        world.emulator.seed(**seed)
        if label is not None:
            world.emulator.call(
                "POST", "/crm/associations/2026-09/contacts/companies/labels", {"label": label, "name": "x"}
            )
        driver = world.driver()
        numbered = [
            {"messageId": f"m{number}", "timestamp": f"2026-01-15T10:2{number}:00Z", **message}
            for number, message in enumerate(messages)
        ]
        for part in [numbered] if at_once else [[message] for message in numbered]:
            await world.receive(part)
            await world.drain(driver)
        assert world.open_rows() == 0, world.reasons()
        emulator = world.emulator
        return {
            "contacts": [contact["properties"] for contact in emulator.contacts()],
            "companies": [company["properties"] for company in emulator.companies()],
            "associations": emulator.associations(),
            "labels": labels(world),
            "employers": employers(emulator),
            "events": [*emulator.events(), *emulator.lost_events()],
            "left_out": left_out(world),
            "held": [reason for state, reason in world.reasons().values() if state == "held"],
        }


def labels(world: World) -> list[list[str]]:
    """The labels of each association of contacts with companies."""
    inputs = [{"id": contact["id"]} for contact in world.emulator.contacts()]
    path = "/crm/associations/2026-09/contacts/companies/batch/read"
    answer = world.emulator.call("POST", path, {"inputs": inputs})
    targets = [target for result in answer.body["results"] for target in result["to"]]
    return [[kind["label"] for kind in target["associationTypes"] if kind["label"]] for target in targets]


def employers(emulator: Emulator) -> list[str]:
    """The domains of the companies that a contact is associated with."""
    domains = {company["id"]: company["properties"].get("domain", "") for company in emulator.companies()}
    ends = [pair[side]["id"] for pair in emulator.associations() for side in ("from", "to")]
    return sorted({domains[end] for end in ends if end in domains})


def left_out(world: World) -> list[tuple[str, str]]:
    rows = world.database.execute("SELECT left_out FROM delivery WHERE left_out IS NOT NULL ORDER BY position")
    return [(item["field"], item["reason"]) for (row,) in rows for item in msgspec.json.decode(row)]


def shown(records: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{name: record[name] for name in names if record.get(name)} for record in records]


at_once = pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "in one cycle"])


@at_once
async def test_an_object_goes_whole_to_the_text_property_of_its_name_by_default(tmp_path: Path, at_once: bool) -> None:
    track = {"type": "track", "userId": "1", "event": "Box Opened"}
    track["properties"] = {"email": "ann@example.test", "meta": {"a": 1}, "size": 2}  # type: ignore[assignment]
    seed = {"event_definitions": [definition("box_opened", "Box Opened", meta="string", size="number")]}
    portal = await portal_after(tmp_path, of(), [track], at_once, **seed)
    assert [event["properties"] for event in portal["events"]] == [{"meta": '{"a":1}', "size": "2"}]


@at_once
async def test_a_person_is_named_by_an_external_id_anywhere_in_the_message(tmp_path: Path, at_once: bool) -> None:
    external = {"externalId": [{"type": "HS-contacts", "identifierType": "email", "id": "ann@example.test"}]}
    destination = of(
        rule=[
            {
                "name": "People by external id",
                "trigger": 'type = "identify" and context.externalId != null',
                "object": "contact",
                "key": {"email": "$.context.externalId[0].id"},
                "properties": {"firstname": "$.traits.firstName"},
                "default": False,
            },
            {
                "name": "Events by external id",
                "trigger": 'event = "Box Opened"',
                "event": "box_opened",
                "person": {"email": "$.context.externalId[0].id"},
                "properties": "$.properties",
                "default": False,
            },
        ]
    )
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"firstName": "Ann"}, "context": external},
        {"type": "track", "userId": "1", "event": "Box Opened", "properties": {"size": 2}, "context": external},
    ]
    portal = await portal_after(tmp_path, destination, messages, at_once)
    assert shown(portal["contacts"], "email", "firstname") == [{"email": "ann@example.test", "firstname": "Ann"}]
    assert [(event["eventName"], event["properties"]) for event in portal["events"]] == [(BOX, {"size": "2"})]


@at_once
async def test_an_event_goes_to_a_definition_with_other_property_names(tmp_path: Path, at_once: bool) -> None:
    rule = {"name": "Orders", "trigger": 'event = "Order Completed"', "event": "orders_v2", "default": False}
    destination = of(rule=[{**rule, "properties": {"cost": "$.properties.Price"}}])
    properties = {"email": "ann@example.test", "Price": 5}
    track = {"type": "track", "userId": "1", "event": "Order Completed", "properties": properties}
    seed = {"event_definitions": [definition("orders_v2", "Orders", cost="number")]}
    portal = await portal_after(tmp_path, destination, [track], at_once, **seed)
    assert [(event["eventName"], event["properties"]) for event in portal["events"]] == [
        ("pe1234567_orders_v2", {"cost": "5"})
    ]


@at_once
async def test_an_event_goes_by_the_cookie_alone(tmp_path: Path, at_once: bool) -> None:
    rule = {"name": "By cookie", "trigger": 'event = "Box Opened"', "event": "box_opened", "default": False}
    destination = of(rule=[{**rule, "person": {"email": "$.properties.email", "utk": "$.context.hubspot.utk"}}])
    track = {"type": "track", "anonymousId": "an", "event": "Box Opened", "context": {"hubspot": {"utk": UTK}}}
    seed = {
        "contacts": [{"id": 51, "properties": {"email": "ann@example.com"}}],
        "visitors": [{"utk": UTK, "email": "ann@example.com"}],
        "event_definitions": [definition("box_opened", "Box Opened")],
    }
    portal = await portal_after(tmp_path, destination, [track], at_once, **seed)
    assert [(event["utk"], event["contactId"]) for event in portal["events"]] == [(UTK, "51")]


@at_once
@pytest.mark.parametrize("has_property", [True, False])
async def test_a_person_with_an_own_id_stays_one_contact_whose_email_changes(
    tmp_path: Path, at_once: bool, has_property: bool
) -> None:
    destination = of(contact_key={"user_id": "$.userId"}, mapping={"create_event_definitions": True})
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "U7", "traits": {"email": "ann@example.test", "city": "Vienna"}},
        {"type": "identify", "userId": "U7", "traits": {"email": "ann2@example.test"}},
        {"type": "track", "userId": "U7", "event": "Box Opened", "properties": {"size": 2}},
    ]
    seed = {"properties": {"contacts": [text("user_id", hasUniqueValue=True)]}} if has_property else {}
    portal = await portal_after(tmp_path, destination, messages, at_once, **seed)
    assert shown(portal["contacts"], "email", "user_id", "city") == [
        {"email": "ann2@example.test", "user_id": "U7", "city": "Vienna"}
    ]
    assert [event["properties"] for event in portal["events"]] == [{"size": "2"}]


@at_once
async def test_the_first_meeting_of_an_own_id_falls_back_to_the_email(tmp_path: Path, at_once: bool) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "U7", "traits": {"email": "ann@example.test", "city": "Vienna"}},
        {
            "type": "identify",
            "userId": "U8",
            "traits": {"email": "ann@example.test", "firstname": "Al", "city": "Graz"},
        },
        {"type": "identify", "userId": "U9", "traits": {"lastname": "Nine", "city": "Linz"}},
        {"type": "track", "userId": "U5", "event": "Box Opened"},
    ]
    seed = {
        "properties": {"contacts": [text("user_id", hasUniqueValue=True)]},
        "contacts": [{"id": 51, "properties": {"email": "ann@example.test", "firstname": "Ann"}}],
    }
    destination = of(contact_key={"user_id": "$.userId"})
    portal = await portal_after(tmp_path, destination, messages, at_once, **seed)
    assert shown(portal["contacts"], "email", "firstname", "user_id", "city") == [
        {"email": "ann@example.test", "firstname": "Ann", "user_id": "U7", "city": "Vienna"},
        {"firstname": "Al", "user_id": "U8", "city": "Graz"},
        {"user_id": "U9", "city": "Linz"},
    ]
    assert portal["left_out"] == [("email", "taken-by-another-record")]
    assert portal["held"] == ["unknown-person"]


@at_once
async def test_an_audience_sets_the_boolean_of_its_name(tmp_path: Path, at_once: bool) -> None:
    rule = {
        "name": "VIP",
        "trigger": 'context.personas.computation_class = "audience" and context.personas.computation_key = "vip"',
        "object": "contact",
        "properties": {"vip": "$.properties.{{context.personas.computation_key}}"},
        "default": False,
    }
    personas = {"computation_class": "audience", "computation_key": "vip"}
    messages: list[dict[str, Any]] = [
        {
            "type": "track",
            "userId": "1",
            "event": event,
            "properties": {"audience_key": "vip", "vip": is_in, "email": "ann@example.test"},
            "context": {"personas": personas},
        }
        for event, is_in in (("Audience Entered", True), ("Audience Exited", False))
    ]
    vip = {"name": "vip", "type": "bool", "fieldType": "booleancheckbox"}
    seed = {"properties": {"contacts": [vip]}}
    portal = await portal_after(tmp_path, of(rule=[rule]), messages, at_once, **seed)
    assert (shown(portal["contacts"], "email", "vip"), portal["events"]) == (
        [{"email": "ann@example.test", "vip": "false"}],
        [],
    )


@at_once
async def test_only_what_is_there_is_updated_and_only_what_is_empty_is_filled(tmp_path: Path, at_once: bool) -> None:
    rule = {
        "name": "Update",
        "trigger": 'type = "identify"',
        "object": "contact",
        "mode": "update",
        "properties": {"city": "$.traits.city", "first_plan": "$.traits.plan"},
        "only_if_empty": ["first_plan"],
    }
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"email": "ann@example.test", "city": "Graz", "plan": "pro"}},
        {"type": "identify", "userId": "2", "traits": {"email": "bob@example.test", "city": "Linz", "plan": "pro"}},
        {"type": "identify", "userId": "3", "traits": {"email": "new@example.test", "city": "Bonn", "plan": "pro"}},
    ]
    seed = {
        "properties": {"contacts": [text("first_plan")]},
        "contacts": [
            {"id": 51, "properties": {"email": "ann@example.test", "first_plan": "free", "city": "Vienna"}},
            {"id": 52, "properties": {"email": "bob@example.test"}},
        ],
    }
    portal = await portal_after(tmp_path, of(rule=[rule], defaults=[]), messages, at_once, **seed)
    assert shown(portal["contacts"], "email", "city", "first_plan") == [
        {"email": "ann@example.test", "city": "Graz", "first_plan": "free"},
        {"email": "bob@example.test", "city": "Linz", "first_plan": "pro"},
    ]
    assert portal["left_out"] == [
        ("first_plan", "not-empty"),
        ("city", "no-such-record"),
        ("first_plan", "no-such-record"),
    ]


@at_once
async def test_only_new_records_are_made_and_companies_follow_the_same_policy(tmp_path: Path, at_once: bool) -> None:
    rules = [
        {
            "name": "New people",
            "trigger": 'type = "identify"',
            "object": "contact",
            "mode": "create",
            "properties": {"city": "$.traits.city"},
        },
        {
            "name": "Known companies",
            "trigger": 'type = "group"',
            "object": "company",
            "mode": "update",
            "properties": {"city": "$.traits.city", "industry_note": "$.traits.note"},
            "only_if_empty": ["industry_note"],
        },
    ]
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"email": "ann@example.test", "city": "Graz"}},
        {"type": "identify", "userId": "2", "traits": {"email": "new@example.test", "city": "Linz"}},
        {
            "type": "group",
            "userId": "1",
            "groupId": "a",
            "traits": {"website": "acme.com", "city": "Graz", "note": "x"},
        },
        {"type": "group", "userId": "1", "groupId": "b", "traits": {"website": "new.com", "city": "Linz", "note": "x"}},
    ]
    seed = {
        "properties": {"companies": [text("industry_note")]},
        "contacts": [{"id": 51, "properties": {"email": "ann@example.test", "city": "Vienna"}}],
        "companies": [{"id": 71, "properties": {"domain": "acme.com", "city": "Vienna", "industry_note": "kept"}}],
    }
    portal = await portal_after(tmp_path, of(rule=rules, defaults=[]), messages, at_once, **seed)
    assert shown(portal["contacts"], "email", "city") == [
        {"email": "ann@example.test", "city": "Vienna"},
        {"email": "new@example.test", "city": "Linz"},
    ]
    assert shown(portal["companies"], "domain", "city", "industry_note") == [
        {"domain": "acme.com", "city": "Graz", "industry_note": "kept"}
    ]


@at_once
async def test_a_company_is_known_by_its_group_id_and_needs_no_website(tmp_path: Path, at_once: bool) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"email": "ann@acme.com"}},
        {"type": "group", "userId": "1", "groupId": "g1", "traits": {"name": "Acme"}},
        {"type": "group", "userId": "1", "groupId": "g1", "traits": {"name": "Acme Inc", "city": "Graz"}},
        {"type": "group", "userId": "1", "groupId": "g2", "traits": {"name": "Beta", "website": "beta.com"}},
    ]
    seed = {"companies": [{"id": 71, "properties": {"domain": "beta.com", "city": "Linz"}}]}
    destination = of(company_key={"account_id": "$.groupId"})
    portal = await portal_after(tmp_path, destination, messages, at_once, **seed)
    assert shown(portal["companies"], "name", "domain", "account_id", "city") == [
        {"name": "Beta", "domain": "beta.com", "account_id": "g2", "city": "Linz"},
        {"name": "Acme Inc", "account_id": "g1", "city": "Graz"},
    ]
    assert len(portal["associations"]) == 2


@at_once
async def test_the_former_employer_is_left_and_the_new_one_is_primary(tmp_path: Path, at_once: bool) -> None:
    rule = {
        "name": "Employer",
        "trigger": 'type = "group"',
        "object": "company",
        "properties": {},
        "associate": [{"object": "contact", "primary": True, "replace": True, "label": "Employee"}],
    }
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"email": "ann@example.test"}},
        {"type": "group", "userId": "1", "groupId": "old", "traits": {"website": "old-employer.com"}},
        {"type": "group", "userId": "1", "groupId": "new", "traits": {"website": "new-employer.com"}},
        {
            "type": "group",
            "userId": "1",
            "groupId": "older",
            "timestamp": "2026-01-14T10:00:00Z",
            "traits": {"website": "older-employer.com"},
        },
    ]
    portal = await portal_after(tmp_path, of(rule=[rule]), messages, at_once, label="Employee")
    assert portal["employers"] == ["new-employer.com"]
    assert [sorted(names) for names in portal["labels"]] == [["Employee", "Primary"]]
    assert [field for field, _ in portal["left_out"]].count("association") >= 1


@at_once
async def test_nobody_of_a_domain_is_sent(tmp_path: Path, at_once: bool) -> None:
    rule = {"name": "Private", "trigger": 'traits.email match "*@gmail.com"', "skip": "private address"}
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"email": "somebody@gmail.com"}},
        {"type": "identify", "userId": "2", "traits": {"email": "ann@example.test"}},
    ]
    portal = await portal_after(tmp_path, of(rule=[rule]), messages, at_once)
    assert shown(portal["contacts"], "email") == [{"email": "ann@example.test"}]


@at_once
async def test_a_missing_option_is_added_where_a_rule_says_so(tmp_path: Path, at_once: bool) -> None:
    rule = {
        "name": "Plan",
        "trigger": 'type = "identify"',
        "object": "contact",
        "properties": {"plan": "$.traits.plan"},
        "add_options": True,
        "fallback": {"plan": "free"},
    }
    options = [{"value": "free", "label": "Free"}]
    plan = {"name": "plan", "type": "enumeration", "fieldType": "select", "options": options}
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"email": "ann@example.test", "plan": "gold"}},
        {"type": "identify", "userId": "2", "traits": {"email": "bob@example.test"}},
    ]
    seed = {"properties": {"contacts": [plan]}}
    portal = await portal_after(tmp_path, of(rule=[rule], defaults=[]), messages, at_once, **seed)
    assert shown(portal["contacts"], "email", "plan") == [
        {"email": "ann@example.test", "plan": "gold"},
        {"email": "bob@example.test", "plan": "free"},
    ]
