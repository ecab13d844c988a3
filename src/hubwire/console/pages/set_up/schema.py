"""Schema: the fields of messages compared with the portal, missing properties to create, and fields left out."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from hubwire.console.pages.set_up.connection import find_destination
from hubwire.console.parts import formats
from hubwire.console.parts.lanes import names
from hubwire.console.parts.left_out import LeftOutLine, left_out_lines
from hubwire.destination import Destination
from hubwire.errors import BadValue, HubwireError
from hubwire.manage import changes
from hubwire.manage.schema import COMPARED_MESSAGES
from hubwire.manage.schema.accepted_now import AcceptedNow
from hubwire.manage.schema.changes import SchemaItems, compared, create_missing
from hubwire.manage.schema.plan import PLURALS
from hubwire.manage.schema.report import (
    PortalContents,
    Quota,
    SchemaEntry,
    SchemaReport,
    SchemaState,
)
from hubwire.registry.access import Role
from hubwire.schema import EventDefinition, PortalSchema, PropertyDefinition
from hubwire.web.mask_schema import masked_definition
from hubwire.web.parameters import (
    choice,
    number,
    single_values,
    text,
)
from hubwire.web.request import Problem, View, problem_of

OBJECTS = ("contact", "company")
TYPES = ("string", "number", "bool", "date", "datetime")
SHOWN_LEFT_OUT = 100
SHOWN_OPTIONS = 12
SHOWN_MISSING = 100
MAX_MESSAGES = 50_000


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


class StateTab(msgspec.Struct, frozen=True, kw_only=True):
    """A state to choose, with its number of entries."""

    words: str
    count: int
    href: str
    is_current: bool


class SchemaPage(msgspec.Struct, frozen=True, kw_only=True):
    """`unreadable`: why the portal's schema could not be read; then the lists of definitions are empty.

    `missing`: items of all object types that can be created; `entries`: items of the chosen object type and state.
    """

    destination: Destination | None
    destinations: dict[int, str]
    object_type: str
    other_objects: list[str]
    """The object types other than contact and company that rules name."""
    query: str
    compared_messages: int
    message_limit: int
    tabs: list[StateTab]
    entries: list[SchemaEntry]
    missing: list[SchemaEntry]
    quotas: list[Quota]
    left_out: list[LeftOutLine]
    accepted_now: list[AcceptedNow]
    properties: list[PropertyLine]
    property_count: int
    events: list[EventLine]
    events_available: bool
    unreadable: str
    types: list[str]
    may_admin: bool
    created: list[str] = []
    """The items that this request created."""


async def schema(view: View) -> Response:
    """`/schema?destination=…&object=contact|company|event&state=…&messages=…&q=…`."""
    return await _show(view)


async def make_property(view: View) -> Response:
    """POST `/schema/{destination_id}/properties`: create a property in the portal."""
    form = await view.form()
    destination = await view.read(find_destination, view)
    try:
        object_type = form.get("object", "contact")
        contents = await view.deps.contents(destination.destination_id)
        path = PLURALS.get(object_type) or _other_objects(contents.schema).get(object_type)
        if path is None:
            raise BadValue("object", f"no rule of this destination names the object {object_type!r}", value=object_type)
        name, kind = text(form, "name") or "", choice(form, "type", TYPES) or "string"
        if not changes.PROPERTY.fullmatch(name):
            raise BadValue("name", "a property name has lower-case letters, digits and underscores", value=name)
        label = text(form, "label") or name.replace("_", " ").capitalize()
        await view.deps.make_property(destination.destination_id, path, name, label, kind)
    except HubwireError as exc:
        return await _show(view, problem_of(exc))
    detail = f"{destination.name}: {object_type}.{name} ({kind})"
    await view.read(view.deps.registry.write_audit, view.viewer.name, "property.created", detail)
    return view.redirect("/schema", "created", destination=str(destination.destination_id), object=object_type, q=name)


async def apply(view: View) -> Response:
    """POST `/schema/{destination_id}/apply`: create the chosen items that are still missing."""
    form = await view.form_values()
    destination = await view.read(find_destination, view)
    fields = single_values(form)
    try:
        count = number(fields, "messages", 1, MAX_MESSAGES) or COMPARED_MESSAGES
        missing = SchemaItems(count, text(fields, "group") or "", frozenset(form.get("item", ())))
        report = await create_missing(view.deps, view.read, view.viewer.name, destination, missing)
    except HubwireError as exc:
        return await _show(view, problem_of(exc))
    created = [f"{item.object_type} property {item.name}" for item in report.properties]
    return await _show(view, created=created + [f"event {item.name}" for item in report.events])


async def _show(view: View, problem: Problem | None = None, created: Sequence[str] = ()) -> Response:
    destinations = await view.read(view.deps.registry.destinations)
    destination_id = view.request.path_params.get("destination_id") or number(view.fields, "destination", 1, 1 << 31)
    destination = destinations.get(destination_id or 0) or next(iter(destinations.values()), None)
    messages = number(view.fields, "messages", 1, MAX_MESSAGES) or COMPARED_MESSAGES
    contents, report, unreadable = None, SchemaReport(message_count=0, properties=[], events=[]), ""
    if destination is not None:
        try:
            contents = await view.deps.contents(destination.destination_id)
            report = view.masked_schema(await view.read(compared, view.deps, destination, contents, messages))
        except HubwireError as exc:
            unreadable = str(exc)
    page = await view.read(_read, view, destination, contents, report, messages, unreadable)
    page = msgspec.structs.replace(page, created=list(created))
    status = 200 if problem is None else 422
    return view.render(
        "set_up/schema.html",
        page,
        title="Properties & events",
        cli="hubwire schema plan",
        problem=problem,
        status=status,
    )


def _read(
    view: View,
    destination: Destination | None,
    contents: PortalContents | None,
    report: SchemaReport,
    messages: int,
    unreadable: str,
) -> SchemaPage:
    found = contents.schema if contents is not None else None
    others = _other_objects(found) if found is not None else {}
    object_type = choice(view.fields, "object", (*OBJECTS, *others, "event")) or "contact"
    state = choice(view.fields, "state", list(SchemaState))
    query = (text(view.fields, "q") or "").lower()
    definitions = found.definitions(object_type) if found and object_type != "event" else {}
    events = {entry.full_name: entry for entry in found.events.values()} if found and object_type == "event" else {}
    destination_id = 0 if destination is None else destination.destination_id
    entries = [entry for entry in report.entries if entry.object_type == object_type]
    missing = [entry for entry in report.entries if entry.state in (SchemaState.MISSING, SchemaState.ARCHIVED)]
    return SchemaPage(
        destination=destination,
        destinations=names(view.deps.registry.destinations()),
        object_type=object_type,
        other_objects=list(others),
        query=query,
        compared_messages=report.message_count,
        message_limit=messages,
        tabs=_tabs(view, entries, state),
        entries=[entry for entry in entries if state in (None, entry.state)],
        missing=missing[:SHOWN_MISSING],
        quotas=report.quotas,
        accepted_now=report.accepted_now,
        left_out=left_out_lines(view, destination_id, SHOWN_LEFT_OUT),
        properties=[_property(view, entry) for name, entry in sorted(definitions.items()) if query in name],
        property_count=len(definitions),
        events=[
            _event(view, entry)
            for _, entry in sorted(events.items())
            if query in entry.full_name or query in entry.label.lower()
        ],
        events_available=found is None or found.events_available,
        unreadable=unreadable,
        types=list(TYPES),
        may_admin=view.may(Role.ADMIN),
    )


def _other_objects(schema: PortalSchema) -> dict[str, str]:
    """The available object types that rules name, with their names in paths."""
    available = [known.object_type for known in schema.objects.values() if known.unavailable is None]
    return {known.stored_as: known.path for known in sorted(set(available))}


def _tabs(view: View, entries: list[SchemaEntry], current: str | None) -> list[StateTab]:
    """All entries, then each state that has entries, and the chosen state."""
    kept = {name: value for name, value in view.fields.items() if name in ("destination", "object", "messages")}
    counts: dict[str | None, int] = {None: len(entries)}
    counts |= {str(state): sum(entry.state is state for entry in entries) for state in SchemaState}
    return [
        StateTab(
            words="All" if state is None else formats.capfirst(state),
            count=count,
            href=f"/schema?{urlencode(kept | ({} if state is None else {'state': state}))}",
            is_current=state == current,
        )
        for state, count in counts.items()
        if count or state in (None, current)
    ]


def _property(view: View, definition: PropertyDefinition) -> PropertyLine:
    options = sorted(view.masked_text(option) or "" for option in definition.options or ())
    return PropertyLine(
        name=definition.name,
        type=definition.type,
        field_type=definition.field_type,
        options=options[:SHOWN_OPTIONS],
        option_count=len(options),
        is_read_only=definition.is_read_only,
        is_unique=definition.is_unique,
    )


def _event(view: View, definition: EventDefinition) -> EventLine:
    if not view.sees_payloads:
        full_name, label, properties = masked_definition(definition)
        return EventLine(full_name=full_name, label=label, properties=properties)
    return EventLine(full_name=definition.full_name, label=definition.label, properties=sorted(definition.properties))
