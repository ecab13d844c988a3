"""Schema: the portal's properties and events, and which fields of messages found no place in them."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from hubwire.console import formats
from hubwire.console.asked import choice, filter_query, number, text
from hubwire.console.page import Problem, View, problem_of
from hubwire.console.pages.connection import find_destination
from hubwire.console.pages.lanes import names
from hubwire.delivery import State
from hubwire.destination import Destination
from hubwire.errors import BadValue, HubwireError
from hubwire.manage import changes
from hubwire.reasons import Reason
from hubwire.record.queries import MessageFilter
from hubwire.record.statistics import LeftOutCount
from hubwire.registry.access import Role
from hubwire.schema import EventDefinition, PortalSchema, PropertyDefinition

OBJECTS = ("contact", "company")
PLURALS = {"contact": "contacts", "company": "companies"}
"""Object types as HubSpot's paths name them."""
TYPES = ("string", "number", "bool", "date", "datetime")
SHOWN_LEFT_OUT = 100
SHOWN_OPTIONS = 12


class PropertyLine(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: str
    field_type: str
    options: list[str]
    option_count: int
    is_read_only: bool
    is_unique: bool


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    full_name: str
    label: str
    properties: list[str]


class LeftOutLine(msgspec.Struct, frozen=True, kw_only=True):
    """A field that was left out, how often, why, and what a person can do here. `suggested` is a property name."""

    field: str
    reason: str
    count: int
    cause: str
    remedy: str
    detail: str
    messages_href: str
    replay_href: str
    trait: str
    suggested: str
    object_type: str
    can_create: bool


class SchemaPage(msgspec.Struct, frozen=True, kw_only=True):
    """`unreadable` says why the portal's schema could not be read; then the lists of definitions are empty."""

    destination: Destination | None
    destinations: dict[int, str]
    object_type: str
    query: str
    left_out: list[LeftOutLine]
    properties: list[PropertyLine]
    property_count: int
    events: list[EventLine]
    events_available: bool
    unreadable: str
    types: list[str]
    may_admin: bool


async def schema(view: View) -> Response:
    """`/schema?destination=…&object=contact|company&q=…`."""
    return await _show(view)


async def make_property(view: View) -> Response:
    """POST `/schema/{destination_id}/properties`: create a property in the portal."""
    form = {name: values[-1] for name, values in (await view.form()).items()}
    destination = await view.read(find_destination, view)
    try:
        object_type = choice(form, "object", OBJECTS) or "contact"
        name, kind = text(form, "name") or "", choice(form, "type", TYPES) or "string"
        if not changes.PROPERTY.fullmatch(name):
            raise BadValue("name", "a property has small letters, digits and underscores", value=name)
        label = text(form, "label") or name.replace("_", " ").capitalize()
        await view.deps.make_property(destination.destination_id, PLURALS[object_type], name, label, kind)
    except HubwireError as exc:
        return await _show(view, problem_of(exc))
    said = f"{destination.name}: {object_type}.{name} ({kind})"
    await view.read(view.deps.registry.write_audit, view.viewer.name, "property.created", said)
    return view.redirect("/schema", "created", destination=str(destination.destination_id), object=object_type, q=name)


async def _show(view: View, problem: Problem | None = None) -> Response:
    destinations = await view.read(view.deps.registry.destinations)
    wanted = view.request.path_params.get("destination_id") or number(view.fields, "destination", 1, 1 << 31)
    destination = destinations.get(wanted or 0) or next(iter(destinations.values()), None)
    found, unreadable = None, ""
    if destination is not None:
        try:
            found = await view.deps.schema(destination.destination_id)
        except HubwireError as exc:
            unreadable = str(exc)
    page = await view.read(_read, view, destination, found, unreadable)
    status = 200 if problem is None else 422
    return view.render("schema.html", page, title="Schema", cli="hubwire schema plan", problem=problem, status=status)


def _read(view: View, destination: Destination | None, found: PortalSchema | None, unreadable: str) -> SchemaPage:
    object_type = choice(view.fields, "object", (*OBJECTS, "event")) or "contact"
    query = (text(view.fields, "q") or "").lower()
    definitions = getattr(found, object_type, {}) if found and object_type in OBJECTS else {}
    events = {one.full_name: one for one in found.events.values()} if found and object_type == "event" else {}
    destination_id = 0 if destination is None else destination.destination_id
    counts = view.deps.statistics.left_out(destination_id, SHOWN_LEFT_OUT)
    return SchemaPage(
        destination=destination,
        destinations=names(view.deps.registry.destinations()),
        object_type=object_type,
        query=query,
        left_out=[_left_out(view, one, destination_id) for one in counts],
        properties=[_property(one) for name, one in sorted(definitions.items()) if query in name],
        property_count=len(definitions),
        events=[
            _event(one) for _, one in sorted(events.items()) if query in one.full_name or query in one.label.lower()
        ],
        events_available=found is None or found.events_available,
        unreadable=unreadable,
        types=list(TYPES),
        may_admin=view.may(Role.ADMIN),
    )


def _property(one: PropertyDefinition) -> PropertyLine:
    options = sorted(one.options or ())
    return PropertyLine(
        name=one.name,
        type=one.type,
        field_type=one.field_type,
        options=options[:SHOWN_OPTIONS],
        option_count=len(options),
        is_read_only=one.is_read_only,
        is_unique=one.is_unique,
    )


def _event(one: EventDefinition) -> EventLine:
    return EventLine(full_name=one.full_name, label=one.label, properties=sorted(one.properties))


def _left_out(view: View, one: LeftOutCount, destination_id: int) -> LeftOutLine:
    detail = one.sample_detail if view.sees_payloads else str(view.masked(one.sample_detail))
    trait = one.field.rpartition(".")[2]
    wanted = MessageFilter(left_out=one.field, reason=one.reason, destination_id=destination_id)
    suggested = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in trait.lower())[:100]
    return LeftOutLine(
        field=one.field,
        reason=one.reason,
        count=one.count,
        cause=formats.cause(one.reason),
        remedy=formats.remedy(one.reason),
        detail=detail[:1].upper() + detail[1:],
        messages_href=f"/messages?{filter_query(wanted)}",
        replay_href=f"/replays/new?{filter_query(wanted, state=State.DELIVERED)}",
        trait=trait,
        suggested=suggested,
        object_type="contact",
        can_create=one.reason == Reason.UNKNOWN_PROPERTY and bool(changes.PROPERTY.fullmatch(suggested)),
    )
