"""Rules that know people by a property of their own and by what is remembered of them, with an emulated HubSpot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.rules.test_needs import at_once, definition, of, portal_after, shown, text

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
