"""Sending custom events and reading them back.

Source: HubSpot's OpenAPI and send-event guide. A 204 says nothing about single events; `uuid` drops repeats. A batch
has at most 500 events, an event 50 properties, a value 256 characters (1,024 for addresses). The record is found by
custom matching, then by record id, e-mail and visitor token. Unsure: the 400 bodies, and whether an event for an
unknown e-mail creates a contact (off unless configured). Events without a record are accepted and kept apart as lost.
Visitors are assigned to people by seeding (`visitors`), and by the tracking code in a page (`tracking.py`).
"""

from __future__ import annotations

import heapq
import re
from typing import Any

import msgspec
from msgspec import UNSET

from hubwire.emulator.calls.crm.writing import carry_out
from hubwire.emulator.moments import iso, parse_moment
from hubwire.emulator.store.objects import rules
from hubwire.emulator.store.objects.records import Record
from hubwire.emulator.store.objects.values import ValueRefused, as_text, check_email
from hubwire.emulator.store.objects.writes import Scalar, plan_write
from hubwire.emulator.store.occurrences import UNKNOWN_VISITOR, Definition, Occurrence
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Id, Refusal, Reply, Request, decode, invalid, json_reply

MAX_EVENT_PROPERTIES = 50
MAX_NAME = 50
MAX_PAGE = 100
MAX_VALUE = 256
MAX_ADDRESS_VALUE = 1_024
_ADDRESS_NAMES = re.compile(r"(url|referrer|href|link)")
_SINGULAR = {"0-1": "CONTACT", "CONTACTS": "CONTACT", "0-2": "COMPANY", "COMPANIES": "COMPANY"}


class EventInput(msgspec.Struct, rename="camel"):
    """One event."""

    event_name: str
    properties: dict[str, Scalar] | None = None
    email: str | None = None
    object_id: Id | None = None
    utk: str | None = None
    occurred_at: str | int | None = None
    uuid: str | None = None


class EventsBody(msgspec.Struct):
    """Batch send."""

    inputs: list[EventInput]


_event_body = msgspec.json.Decoder(EventInput)
_events_body = msgspec.json.Decoder(EventsBody)


def send(portal: Portal, request: Request) -> Reply:
    """`POST …/send`: one event."""
    _accept(portal, [decode(_event_body, request.body)])
    return Reply(NO_CONTENT)


def send_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/send/batch`: accepts up to 500 events, or none of them."""
    inputs = decode(_events_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_EVENTS)
    _accept(portal, inputs)
    return Reply(NO_CONTENT)


def read(portal: Portal, request: Request) -> Reply:
    """`GET …/events`: occurrences of an object, a type and a period, newest first."""
    conditions = _Conditions(request)
    limit, start = request.query_page(20, MAX_PAGE)
    known = portal.events.occurrences(request.query("eventType"), request.query("objectId"))
    matches = (occurrence for occurrence in known if conditions.holds(occurrence))
    newest = heapq.nlargest(start + limit + 1, matches, key=lambda occurrence: occurrence.occurred_at)
    page = newest[start : start + limit]
    body: dict[str, Any] = {"results": [_shown(occurrence) for occurrence in page]}
    if start + len(page) < len(newest):
        body["paging"] = {"next": {"after": str(start + len(page))}}
    return json_reply(200, body)


def read_types(portal: Portal, _request: Request) -> Reply:
    """`GET …/events/event-types`: event types that have occurred."""
    return json_reply(200, {"eventTypes": sorted(portal.events.counts)})


def accept(portal: Portal, event: EventInput) -> None:
    """Accept one event from the tracking script, under the same rules."""
    _accept(portal, [event])


class _Conditions:
    def __init__(self, request: Request) -> None:
        object_type = (request.query("objectType") or "").upper()
        self._object_type = _SINGULAR.get(object_type, object_type)
        after_ms, before_ms = request.query_moment("occurredAfter"), request.query_moment("occurredBefore")
        self._after = iso(after_ms) if after_ms is not None else ""
        self._before = iso(before_ms) if before_ms is not None else "~"

    def holds(self, occurrence: Occurrence) -> bool:
        return (
            self._object_type in ("", occurrence.object_type) and self._after <= occurrence.occurred_at <= self._before
        )


def _shown(occurrence: Occurrence) -> dict[str, Any]:
    return {
        "id": occurrence.id,
        "eventType": occurrence.event_name,
        "objectType": occurrence.object_type,
        "objectId": occurrence.contact_id or "",
        "occurredAt": occurrence.occurred_at,
        "properties": occurrence.properties,
    }


def _accept(portal: Portal, inputs: list[EventInput]) -> None:
    checked = [(event, _definition(portal, event), _occurred_at(portal, event)) for event in inputs]
    for event, definition, _ in checked:
        _check_limits(event)
        _check_identity(portal, event, definition)
    now_ms = portal.clock.now_ms()
    for event, definition, occurred_at in checked:
        name = definition.fully_qualified_name
        if event.uuid and portal.events.is_duplicate(name, event.uuid, now_ms):
            continue
        record, lost_reason = _whose(portal, event, definition)
        portal.events.record(
            Occurrence(
                id="",
                event_name=name,
                email=event.email or UNSET,
                object_id=str(event.object_id) if event.object_id is not None else UNSET,
                utk=event.utk or UNSET,
                contact_id=record.id if record else None,
                object_type=definition.primary_object,
                occurred_at=occurred_at,
                uuid=event.uuid or UNSET,
                properties=_known_properties(portal, definition, event.properties or {}),
                lost_reason=lost_reason or UNSET,
            )
        )


def _definition(portal: Portal, event: EventInput) -> Definition:
    definition = portal.events.find(event.event_name)
    if definition is None or definition.archived:
        raise invalid(f"Event definition {event.event_name} does not exist", context={"eventName": [event.event_name]})
    if event.properties is None:
        raise invalid("properties must not be null", context={"eventName": [event.event_name]})
    return definition


def _occurred_at(portal: Portal, event: EventInput) -> str:
    if event.occurred_at is None:
        return portal.now_iso()
    try:
        return iso(parse_moment(event.occurred_at))
    except ValueError as exc:
        raise Refusal(400, f"Invalid input JSON: {event.occurred_at} is not a valid date time") from exc


def _check_limits(event: EventInput) -> None:
    properties = event.properties or {}
    if len(properties) > MAX_EVENT_PROPERTIES:
        raise invalid(f"An event can hold at most {MAX_EVENT_PROPERTIES} properties; {len(properties)} were sent")
    for name, value in properties.items():
        if len(name) > MAX_NAME:
            raise invalid(
                f"Property name {name} is longer than {MAX_NAME} characters", context={"propertyName": [name]}
            )
        if type(value) is str and len(value) > MAX_VALUE:
            limit = MAX_ADDRESS_VALUE if _ADDRESS_NAMES.search(name.lower()) else MAX_VALUE
            if len(value) > limit:
                message = f"The value of property {name} is longer than {limit} characters"
                raise invalid(message, context={"propertyName": [name]})


def _check_identity(portal: Portal, event: EventInput, definition: Definition) -> None:
    if not event.email:
        if event.object_id is None and not event.utk and definition.custom_matching is None:
            raise invalid("One of objectId, email or utk must be given")
        return
    contacts = portal.stores["contacts"].keys
    if contacts is not None and event.email in contacts.holders:
        return  # the address was checked when the contact got it
    try:
        check_email(event.email, None, False)
    except ValueRefused as refused:
        raise invalid(refused.message, errors=[{"message": refused.message, "code": refused.code}]) from refused


def _whose(portal: Portal, event: EventInput, definition: Definition) -> tuple[Record | None, str | None]:
    store = portal.store(definition.primary_object)
    if (matching := definition.custom_matching) is not None:
        value = as_text((event.properties or {}).get(matching.event_property_name))
        if value and (record := store.by_property(matching.target_object_property_name, value)):
            return record, None
    if event.object_id is not None:
        record = store.by_id(str(event.object_id))
        return record, None if record else "no record with this objectId"
    if event.email:
        record = store.by_property("email", event.email)
        if record is None and portal.config.creates_contacts_from_events and store.name == "contacts":
            record = _new_contact(portal, event.email)
        return record, None if record else "no contact with this email"
    if event.utk:
        record = store.by_property("email", portal.visitors.get(event.utk, ""))
        return record, None if record else UNKNOWN_VISITOR
    return None, "nothing names a record"


def _new_contact(portal: Portal, email: str) -> Record | None:
    context = portal.write_context(portal.store("contacts"), "v3")
    try:
        plan = plan_write(context, {"email": email}, None)
    except Refusal:
        return None
    return carry_out(portal, context, plan)


def _known_properties(portal: Portal, definition: Definition, properties: dict[str, Scalar]) -> dict[str, str]:
    """Values of defined properties that fit their type; other values are dropped silently (unsure)."""
    value_rules = portal.events.value_rules(definition)
    kept: dict[str, str] = {}
    for name, value in properties.items():
        rule = value_rules.get(name) or value_rules.get(name.lower())
        if rule is None or value is None:
            continue
        text = value if type(value) is str else as_text(value)
        try:
            kept[rule.name] = text if rule.is_plain else rule.check(text, None, True)
        except ValueRefused:
            continue
    return kept
