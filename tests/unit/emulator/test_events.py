"""Custom events: whose they are, what is kept, what is refused, how they are read back."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.testing import Answer, Emulator

SEND = "/events/custom/2026-09/send"
DEFINITIONS = "/events/custom/2026-09/event-definitions"
NAME = "pe1234567_signed_up"


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    properties = [{"name": "plan"}, {"name": "seats", "type": "number"}, {"name": "page_url"}]
    emulator.seed(
        contacts=[{"id": "1", "properties": {"email": "ada@example.com"}}],
        event_definitions=[{"name": "signed_up", "label": "Signed up", "properties": properties}],
    )
    return emulator


def send(emulator: Emulator, **event: Any) -> Answer:
    return emulator.call("POST", SEND, {"eventName": NAME, "properties": {}, **event})


@pytest.mark.parametrize("whose", [{"objectId": "1"}, {"objectId": 1}, {"email": "Ada@Example.com"}])
def test_object_id_and_email_find_the_contact(emulator: Emulator, whose: dict[str, Any]) -> None:
    assert send(emulator, **whose).status == 204
    assert emulator.events()[0]["contactId"] == "1"


def test_object_id_goes_before_email(emulator: Emulator) -> None:
    emulator.seed(contacts=[{"id": "2", "properties": {"email": "bob@example.com"}}])
    send(emulator, objectId="2", email="ada@example.com")
    assert emulator.events()[0]["contactId"] == "2"


def test_custom_matching_goes_before_everything(emulator: Emulator) -> None:
    emulator.seed(properties={"contacts": [{"name": "customer_id", "hasUniqueValue": True}]})
    emulator.seed(contacts=[{"id": "2", "properties": {"email": "bob@example.com", "customer_id": "c2"}}])
    rule = {"eventPropertyName": "customer", "targetObjectPropertyName": "customer_id"}
    body = {
        "label": "Paid",
        "includeDefaultProperties": False,
        "propertyDefinitions": [{"label": "Customer", "type": "string"}],
        "customMatchingId": {"primaryObjectRule": rule},
    }
    new_body = emulator.call("POST", DEFINITIONS, body).body
    assert new_body["customMatchingId"] == {"primaryObjectRule": rule}
    send(emulator, eventName="pe1234567_paid", objectId="1", properties={"customer": "c2"})
    assert emulator.events()[0]["contactId"] == "2"


@pytest.mark.parametrize("whose", [{"email": "eve@example.com"}, {"objectId": "99"}, {"utk": "f" * 32}])
def test_an_event_of_nobody_is_accepted_and_lost(emulator: Emulator, whose: dict[str, Any]) -> None:
    assert send(emulator, **whose).status == 204
    assert emulator.events() == []
    (lost,) = emulator.lost_events()
    assert (lost["contactId"], bool(lost["lostReason"])) == (None, True)


def test_an_identified_visitor_is_found_by_their_token(emulator: Emulator) -> None:
    emulator.seed(visitors=[{"utk": "f" * 32, "email": "ada@example.com"}])
    send(emulator, utk="f" * 32)
    assert (emulator.events()[0]["contactId"], emulator.lost_events()) == (emulator.contacts()[0]["id"], [])


def test_an_unknown_email_makes_a_contact_where_configured(emulator: Emulator) -> None:
    emulator.set_portal(creates_contacts_from_events=True)
    send(emulator, email="eve@example.com")
    assert emulator.contacts()[-1]["properties"]["email"] == "eve@example.com"
    assert emulator.events()[0]["contactId"] == emulator.contacts()[-1]["id"]


@pytest.mark.parametrize(
    "event",
    [
        {"eventName": "pe1234567_nope"},
        {"properties": None},
        {"email": "not an address"},
        {"email": "ada@example.com", "properties": {f"p{number}": "x" for number in range(51)}},
        {"email": "ada@example.com", "properties": {"p" * 51: "x"}},
        {"email": "ada@example.com", "properties": {"plan": "x" * 257}},
        {"email": "ada@example.com", "properties": {"page_url": "x" * 1025}},
        {"email": "ada@example.com", "occurredAt": "yesterday"},
        {},
    ],
)
def test_events_over_a_limit_are_refused_and_with_them_the_batch(emulator: Emulator, event: dict[str, Any]) -> None:
    bad = {"eventName": NAME, "properties": {}, **event}
    good = {"eventName": NAME, "properties": {}, "email": "ada@example.com"}
    refused = emulator.call("POST", f"{SEND}/batch", {"inputs": [good, bad]})
    assert refused.status == 400
    assert emulator.events() == []


def test_values_at_the_limit_are_taken(emulator: Emulator) -> None:
    properties = {"plan": "x" * 256, "page_url": "x" * 1024}
    assert send(emulator, email="ada@example.com", properties=properties).status == 204


def test_undefined_properties_and_misfit_values_are_dropped_silently(emulator: Emulator) -> None:
    send(emulator, email="ada@example.com", properties={"Plan": "pro", "seats": "many", "nope": "x"})
    assert emulator.events()[0]["properties"] == {"plan": "pro"}


@pytest.mark.parametrize("moment", ["2026-09-01T10:00:00Z", "2026-09-01T12:00:00+02:00", 1788256800000])
def test_occurred_at_is_iso_or_epoch_milliseconds(emulator: Emulator, moment: Any) -> None:
    send(emulator, email="ada@example.com", occurredAt=moment)
    assert emulator.events()[0]["occurredAt"] == "2026-09-01T10:00:00.000Z"


def test_without_occurred_at_it_is_now(emulator: Emulator) -> None:
    send(emulator, email="ada@example.com")
    assert emulator.events()[0]["occurredAt"] == "2026-09-23T12:00:00.000Z"


def test_one_uuid_may_serve_two_event_types(emulator: Emulator) -> None:
    emulator.seed(event_definitions=[{"name": "other", "label": "Other"}])
    for name in (NAME, "pe1234567_other", NAME):
        send(emulator, eventName=name, email="ada@example.com", uuid="u1")
    assert [event["eventName"] for event in emulator.events()] == [NAME, "pe1234567_other"]
    counts = emulator.call("GET", "/_emulator/events").body
    assert counts["duplicate_counts"] == {NAME: 1}


@pytest.mark.parametrize(
    "prefix",
    ["/events/v3", "/events/custom/2025-09", "/events/custom/2026-03", "/events/2026-03", "/events/custom/2026-09"],
)
def test_every_path_that_hubspot_names_sends(emulator: Emulator, prefix: str) -> None:
    event = {"eventName": NAME, "email": "ada@example.com", "properties": {}}
    assert emulator.call("POST", f"{prefix}/send", event).status == 204
    assert emulator.call("POST", f"{prefix}/send/batch", {"inputs": [event]}).status == 204
    assert len(emulator.events()) == 2


def test_occurrences_are_read_newest_first_by_type_object_and_time(emulator: Emulator) -> None:
    for hour in (10, 12, 11):
        send(emulator, objectId="1", occurredAt=f"2026-09-01T{hour}:00:00Z")
    reads = "/events/event-occurrences/2026-09"
    page = emulator.call("GET", f"{reads}?objectType=contact&objectId=1&limit=2").body
    assert [event["occurredAt"][11:13] for event in page["results"]] == ["12", "11"]
    assert page["paging"]["next"]["after"] == "2"
    later = emulator.call("GET", f"{reads}?eventType={NAME}&occurredAfter=2026-09-01T11:30:00Z").body["results"]
    assert [event["occurredAt"][11:13] for event in later] == ["12"]
    assert emulator.call("GET", f"{reads}?objectType=companies").body["results"] == []
    assert emulator.call("GET", f"{reads}/event-types").body == {"eventTypes": [NAME]}


def test_only_the_newest_events_are_kept_where_asked_but_all_are_counted(emulator: Emulator) -> None:
    emulator.set_limits(keep_events=2)
    for number in range(5):
        send(emulator, email="ada@example.com", uuid=str(number))
    shown = emulator.call("GET", "/_emulator/events").body
    assert [event["uuid"] for event in shown["results"]] == ["3", "4"]
    assert shown["counts"] == {NAME: 5}
    send(emulator, email="ada@example.com", uuid="0")
    assert emulator.call("GET", "/_emulator/events").body["counts"] == {NAME: 5}


def test_sends_have_a_limit_of_their_own(emulator: Emulator) -> None:
    emulator.set_limits(burst=1)
    assert [send(emulator, email="ada@example.com").status for _ in range(1_251)] == [204] * 1_250 + [429]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "1st"},
        {"name": "x" * 101},
        {"label": "x" * 101},
        {"label": ""},
        {"primaryObject": "BUTTERFLY"},
        {"propertyDefinitions": [{"label": "x" * 51, "name": "x", "type": "string"}]},
        {"propertyDefinitions": [{"label": "X", "type": "json"}]},
        {"propertyDefinitions": [{"label": "X", "type": "enumeration"}]},
    ],
)
def test_bad_definitions_are_refused(emulator: Emulator, change: dict[str, Any]) -> None:
    body = {"label": "Paid", "includeDefaultProperties": False, "propertyDefinitions": [], **change}
    assert emulator.call("POST", DEFINITIONS, body).status == 400


def test_at_most_500_definitions(emulator: Emulator) -> None:
    definitions = [{"name": f"event_{number}", "label": "E"} for number in range(499)]
    emulator.seed(event_definitions=definitions)
    body = {"label": "One more", "includeDefaultProperties": False, "propertyDefinitions": []}
    assert emulator.call("POST", DEFINITIONS, body).status == 400


def test_definitions_are_listed_in_pages_and_searched(emulator: Emulator) -> None:
    emulator.seed(event_definitions=[{"name": name, "label": name} for name in ("paid", "left")])
    page = emulator.call("GET", f"{DEFINITIONS}?limit=2").body
    assert (page["total"], [known["name"] for known in page["results"]]) == (3, ["left", "paid"])
    assert emulator.call("GET", f"{DEFINITIONS}?searchString=sign").body["total"] == 1
    bare = emulator.call("GET", f"{DEFINITIONS}?includeProperties=false&searchString=sign").body["results"]
    assert bare[0]["properties"] == []


def test_default_properties_come_when_asked_for(emulator: Emulator) -> None:
    body = {"label": "Viewed", "includeDefaultProperties": True, "propertyDefinitions": []}
    names = {known["name"] for known in emulator.call("POST", DEFINITIONS, body).body["properties"]}
    assert {"hs_page_url", "hs_page_title", "hs_utm_source"} <= names


def test_properties_of_a_definition_are_added_changed_and_dropped(emulator: Emulator) -> None:
    path = f"{DEFINITIONS}/signed_up/property"
    assert emulator.call("POST", path, {"label": "Plan", "name": "plan", "type": "string"}).status == 409
    assert emulator.call("POST", path, {"label": "Old?", "name": "old", "type": "bool"}).status == 201
    assert emulator.call("PATCH", f"{path}/old", {"label": "Older"}).body["label"] == "Older"
    send(emulator, email="ada@example.com", properties={"old": "true"})
    assert emulator.call("DELETE", f"{path}/old").status == 204
    assert emulator.call("DELETE", f"{path}/old").status == 404
    send(emulator, email="ada@example.com", properties={"old": "true"})
    assert [event["properties"] for event in emulator.events()] == [{"old": "true"}, {}]


def test_a_name_that_is_not_given_is_made_of_the_label_however_long_it_may_be(emulator: Emulator) -> None:
    body = {"label": "Signed up " * 10, "includeDefaultProperties": False, "propertyDefinitions": []}
    answer = emulator.call("POST", DEFINITIONS, body)
    assert (answer.status, answer.body["name"]) == (201, ("signed_up_" * 10).strip("_"))
