"""Rules that know people by a property of their own and by what is remembered of them, with an emulated HubSpot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.rules.test_needs import at_once, definition, of, portal_after, shown, text
from tests.support.world import World

ANN = "ann@example.test"


@at_once
async def test_an_event_is_of_the_contact_with_a_unique_property_and_has_its_remembered_plan(
    tmp_path: Path, at_once: bool
) -> None:
    rule = {
        "name": "Seat",
        "trigger": 'event = "Seat Taken"',
        "event": "seat_taken",
        "default": False,
        "person": {"match": {"member_id": "$.properties.member"}, "email": "$.properties.mail"},
        "properties": {"plan": "$person.plan", "seat": "$.properties.seat"},
    }
    track = {"type": "track", "userId": "U1", "event": "Seat Taken"}
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "U1", "traits": {"email": "boss@example.test", "plan": "pro"}},
        {**track, "properties": {"member": "M1", "seat": 4}},
        {**track, "properties": {"member": None, "mail": "ben@example.test", "seat": 5}},
        {**track, "properties": {"seat": 6}},
    ]
    seed = {
        "properties": {"contacts": [text("member_id", hasUniqueValue=True)]},
        "contacts": [{"id": 51, "properties": {"email": ANN, "member_id": "M1"}}],
        "event_definitions": [definition("seat_taken", "Seat Taken", plan="string", seat="number")],
    }
    portal = await portal_after(tmp_path, of(rule=[rule]), messages, at_once, **seed)
    sent = {event["properties"]["seat"]: event for event in portal["events"]}
    assert {seat: event["properties"]["plan"] for seat, event in sent.items()} == {"4": "pro", "5": "pro"}
    assert (sent["4"]["objectId"], sent["5"]["email"]) == ("51", "ben@example.test")
    assert shown(portal["contacts"], "member_id", "email")[0] == {"member_id": "M1", "email": ANN}
    assert portal["left_out"][-1] == ("rule:Seat", "rule-without-key")


def company_messages() -> list[dict[str, Any]]:
    given = [
        {"website": "acme.com", "city": "Graz"},
        {"website": "new.com", "name": "BETA inc", "city": "Linz"},
        {"name": "Twin", "city": "Bonn"},
        {"name": "Fresh", "city": "Rome"},
        {"name": "Taken", "city": "Oslo"},
    ]
    return [
        {"type": "track", "userId": "1", "event": "Account", "properties": {"id": f"A{number}", **fields}}
        for number, fields in enumerate(given, 1)
    ]


@at_once
async def test_a_company_without_the_key_is_found_by_exactly_one_other_value(tmp_path: Path, at_once: bool) -> None:
    rule = {
        "name": "Accounts",
        "trigger": 'event = "Account"',
        "object": "company",
        "default": False,
        "key": {"account_id": "$.properties.id"},
        "find": [{"domain": "$.properties.website"}, {"name": "$.properties.name"}],
        "properties": {"city": "$.properties.city"},
    }
    names = ["Acme", "Beta Inc", "Twin", "Twin", "Taken"]
    companies = [{"id": 71 + number, "properties": {"name": name}} for number, name in enumerate(names)]
    companies[0]["properties"]["domain"] = "acme.com"  # type: ignore[index]
    companies[4]["properties"]["account_id"] = "OTHER"  # type: ignore[index]
    seed = {
        "properties": {"companies": [text("account_id", hasUniqueValue=True)]},
        "companies": companies,
    }
    async with World(tmp_path, destination=of(rule=[rule])) as world:
        world.emulator.seed(**seed)
        driver = world.driver()
        messages = company_messages()
        for part in [messages] if at_once else [[message] for message in messages]:
            await world.receive([{"messageId": f"m{message['properties']['id']}", **message} for message in part])
            await world.drain(driver)
        found = shown([company["properties"] for company in world.emulator.companies()], "name", "account_id", "city")
        assert found == [
            {"name": "Acme", "account_id": "A1", "city": "Graz"},
            {"name": "Beta Inc", "account_id": "A2", "city": "Linz"},
            {"name": "Twin"},
            {"name": "Twin"},
            {"name": "Taken", "account_id": "OTHER"},
            {"name": "Fresh", "account_id": "A4", "city": "Rome"},
            {"name": "Taken", "account_id": "A5", "city": "Oslo"},
        ]
        assert [reason for state, reason in world.reasons().values() if state == "held"] == ["several-records"]


@at_once
async def test_a_deal_without_a_key_is_found_by_its_name_and_made_once(tmp_path: Path, at_once: bool) -> None:
    rule = {
        "name": "Deals",
        "trigger": 'event = "Deal"',
        "object": "deal",
        "default": False,
        "find": [{"dealname": "$.properties.name"}],
        "properties": {"amount": "$.properties.amount"},
    }
    fresh = {**rule, "name": "Fresh deals", "trigger": 'event = "Fresh"'}
    fresh["properties"] = {"amount": "$.properties.amount", "dealname": "$.properties.name", "dealstage": "closedwon"}
    messages = [
        {"type": "track", "userId": "1", "event": "Deal", "properties": {"name": "Boat", "amount": 5}},
        {"type": "track", "userId": "1", "event": "Deal", "properties": {"name": "boat", "amount": 7}},
        {"type": "track", "userId": "1", "event": "Fresh", "properties": {"name": "Car", "amount": 1}},
        {"type": "track", "userId": "1", "event": "Fresh", "properties": {"name": "Car", "amount": 2}},
    ]
    async with World(tmp_path, destination=of(rule=[rule, fresh])) as world:
        deal = {"dealname": "Boat", "dealstage": "closedwon", "pipeline": "default"}
        world.emulator.call("POST", "/crm/objects/2026-09/deals", {"properties": deal})
        world.emulator.advance(60)
        driver = world.driver()
        for part in [messages] if at_once else [[message] for message in messages]:
            await world.receive(part)
            await world.drain(driver)
        answer = world.emulator.call("GET", "/crm/objects/2026-09/deals?properties=dealname,amount")
        found = [
            (record["properties"]["dealname"], record["properties"]["amount"]) for record in answer.body["results"]
        ]
        assert found == [("Boat", "7"), ("Car", "2")]


@at_once
async def test_a_contact_is_found_by_its_phone_and_gets_the_key(tmp_path: Path, at_once: bool) -> None:
    rule = {
        "name": "Members",
        "trigger": 'event = "Called"',
        "object": "contact",
        "default": False,
        "key": {"member_id": "$.properties.member"},
        "find": [{"phone": "$.properties.phone"}],
        "mode": "update",
        "properties": {"city": "$.properties.city"},
    }
    called = {"type": "track", "userId": "1", "event": "Called"}
    messages: list[dict[str, Any]] = [
        {**called, "properties": {"member": "M1", "phone": "+43 1", "city": "Graz"}},
        {**called, "properties": {"member": "M2", "phone": "+43 2", "city": "Linz"}},
    ]
    seed = {
        "properties": {"contacts": [text("member_id", hasUniqueValue=True)]},
        "contacts": [{"id": 51, "properties": {"email": ANN, "phone": "+43 1"}}],
    }
    portal = await portal_after(tmp_path, of(rule=[rule]), messages, at_once, **seed)
    assert shown(portal["contacts"], "email", "member_id", "city") == [
        {"email": ANN, "member_id": "M1", "city": "Graz"}
    ]
    assert ("city", "no-such-record") in portal["left_out"]


@at_once
async def test_a_company_is_associated_with_a_person_who_is_there(tmp_path: Path, at_once: bool) -> None:
    rule = {
        "name": "Seats",
        "trigger": 'event = "Seat Taken"',
        "object": "company",
        "key": {"account_id": "$.properties.account"},
        "properties": {"name": "$.properties.account"},
        "associate": [{"object": "contact", "label": "Billing", "create": False}],
        "default": False,
    }
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"email": "ann@acme.com"}},
        {"type": "track", "userId": "1", "event": "Seat Taken", "properties": {"account": "a1"}},
    ]
    seed = {"properties": {"companies": [text("account_id", hasUniqueValue=True)]}, "label": "Billing"}
    portal = await portal_after(tmp_path, of(rule=[rule]), messages, at_once, **seed)
    assert portal["labels"] == [["Billing"]]
    assert len(portal["contacts"]) == len(portal["companies"]) == 1


@at_once
async def test_the_message_names_the_event_of_a_rule(tmp_path: Path, at_once: bool) -> None:
    rule = {
        "name": "Named by the message",
        "trigger": 'event = "Step Done"',
        "event": "$.properties.step",
        "properties": {"cost": "$.properties.cost"},
        "default": False,
    }
    steps: list[Any] = ["Orders", "pe1234567_orders", "Sign Up", " ", 7, None]
    messages: list[dict[str, Any]] = [
        {"type": "identify", "userId": "1", "traits": {"email": "ann@acme.com"}},
        *(
            {"type": "track", "userId": "1", "event": "Step Done", "properties": {"step": step, "cost": number}}
            for number, step in enumerate(steps)
        ),
    ]
    seed = {"event_definitions": [definition("orders", "Orders", cost="number")]}
    portal = await portal_after(tmp_path, of(rule=[rule]), messages, at_once, **seed)
    names = [(event["eventName"], event["properties"]["cost"]) for event in portal["events"]]
    assert names == [("pe1234567_orders", "0"), ("pe1234567_orders", "1"), ("pe1234567_sign_up", "2")]
    assert portal["left_out"] == [("rule:Named by the message", "rule-failed")] * 3
