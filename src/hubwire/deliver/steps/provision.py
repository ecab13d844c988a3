"""Creates what a cycle's messages need and the portal lacks: properties, our company key, event definitions.

This changes the schema, so the messages are planned again with HubSpot's new types. Final refusals are remembered with
the schema. A missing permission never prevents permitted operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hubwire.deliver.calls.caller import LineStopped
from hubwire.deliver.cycle.portal_schema import FORBIDDEN, Portal
from hubwire.deliver.limits.source_limits import NewDefinitions
from hubwire.deliver.steps.new_options import add_options
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.call_rules import Says
from hubwire.deliver.verdicts.dependants import as_stop
from hubwire.deliver.verdicts.refusals import input_row
from hubwire.delivery import Dead, Delivered, Retry, Verdict
from hubwire.errors import Unreadable
from hubwire.hubspot.call import OBJECTS_PER_CALL, Answer, Call, split
from hubwire.hubspot.definitions import (
    FIELD_TYPES,
    MADE_BY_US,
    OWN_GROUP,
    PROPERTY_GROUPS,
    PROPERTY_LAG_SECONDS,
    NewProperty,
    create_event_definition,
    create_event_property,
    create_properties,
    create_property_group,
    event_definition_of,
    property_definitions_of,
)
from hubwire.hubspot.errors import problem_of
from hubwire.hubspot.wire import KEY_PROPERTY, read_batch
from hubwire.operation import UNIQUE, SendEvent
from hubwire.schema import EventDefinition, PropertyDefinition

BAD_REQUEST = 400
CONFLICT = 409
EVENT = "event"


@dataclass(slots=True)
class Provided:
    """The changes to the portal. `is_changed`: the schema changed; `unmade`: event -> why it has no definition.

    `held_back`: positions whose public source has reached its limit of additions for today; `nameless`: those of events
    whose name HubSpot does not give again.
    """

    is_changed: bool = False
    unmade: dict[str, Verdict] = field(default_factory=dict)
    held_back: set[int] = field(default_factory=set)
    nameless: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Event:
    """What a cycle's occurrences of one event have in common."""

    label: str
    object_type: str = "contact"
    types: dict[str, str] = field(default_factory=dict)
    positions: list[int] = field(default_factory=list)
    users: dict[str, list[int]] = field(default_factory=dict)
    """Property -> the positions that have it."""

    def add(self, event: SendEvent) -> None:
        """When messages disagree on a property's type, use text, which holds every value."""
        self.positions.append(event.position)
        for name, kind in event.types.items():
            self.users.setdefault(name, []).append(event.position)
            if self.types.setdefault(name, kind) != kind:
                self.types[name] = "string"


@dataclass(frozen=True, slots=True)
class Missing:
    """What the messages of a cycle need: properties (object type, name, HubSpot type or `UNIQUE`), the definitions of
    events, and options (object type, property, option)."""

    properties: Iterable[tuple[str, str, str]]
    events: Sequence[SendEvent]
    options: Iterable[tuple[str, str, str]] = ()


async def provide(portal: Portal, missing: Missing, new: NewDefinitions) -> Provided:
    """Create what is missing. Raises LineStopped.

    Shape: `new` limits what public sources add; only events concern it, because public sources add no properties of
    contacts and companies, and no options.
    """
    provided = Provided()
    for plural, properties in _missing_properties(portal, missing.properties).items():
        for batch in split(properties, OBJECTS_PER_CALL):
            verdict = await _create_properties(portal, plural, batch)
            if isinstance(verdict, Retry) and portal.may_wait_for_properties():
                raise LineStopped(as_stop(verdict))
            if isinstance(verdict, Retry):
                waited_enough = without_answer.waited_enough(verdict)
                portal.refused |= {(plural, new_property.name): waited_enough for new_property in batch}
            provided.is_changed = True
    if missing.options:
        provided.is_changed |= await add_options(portal, missing.options)
    for name, event in _events(portal, missing.events).items():
        if portal.known.events_available:
            await _ensure_event(portal, name, event, provided, new)
    return provided


async def ensure_company_key(portal: Portal) -> Verdict | None:
    """Create the hidden unique property that identifies companies, unless it exists.

    Shape: None if the property exists now, otherwise the verdict. Errors: LineStopped.
    """
    if KEY_PROPERTY in portal.known.company:
        return None
    refused = portal.refused.get(("companies", KEY_PROPERTY))
    if refused is not None:
        return refused
    key_property = NewProperty(
        name=KEY_PROPERTY,
        label="Hubwire domain",
        type="string",
        field_type="text",
        group=PROPERTY_GROUPS["companies"],
        is_unique=True,
        is_hidden=True,
        description="The domain by which Hubwire knows this company.",
    )
    return await _create_properties(portal, "companies", [key_property])


def _missing_properties(portal: Portal, missing: Iterable[tuple[str, str, str]]) -> dict[str, list[NewProperty]]:
    by_object: dict[str, dict[str, NewProperty]] = {}
    for object_type, name, kind in sorted(missing):
        if object_type in portal.known.objects and portal.known.objects[object_type].unavailable is not None:
            continue
        plural = portal.path_of(object_type)
        if (plural, name) in portal.refused:
            continue
        properties = by_object.setdefault(plural, {})
        known = properties.get(name)
        is_unique = kind == UNIQUE or (known is not None and known.is_unique)
        if is_unique or (known is not None and known.type != kind):
            kind = "string"
        properties[name] = NewProperty(
            name=name,
            label=name.replace("_", " ").capitalize(),
            type=kind,
            field_type=FIELD_TYPES.get(kind, "text"),
            group=PROPERTY_GROUPS.get(plural, OWN_GROUP),
            description=MADE_BY_US,
            is_unique=is_unique,
        )
    return {plural: list(properties.values()) for plural, properties in by_object.items()}


async def _create_properties(portal: Portal, plural: str, properties: Sequence[NewProperty]) -> Verdict | None:
    """Create properties. None if they exist now; otherwise the verdict, and refused properties are left out later."""
    if plural not in PROPERTY_GROUPS and plural not in portal.groups:
        await _create_group(portal, plural)
    path = portal.paths.create_properties(plural)
    call = Call("create properties", "POST", path, create_properties(properties))
    verdict, answer = await portal.calls.ask(call, is_optional=True)
    if isinstance(verdict, Delivered) or answer.status == CONFLICT:
        await portal.calls.pause(PROPERTY_LAG_SECONDS)
        known = portal.definitions(plural)
        known.update(_created(answer))
        portal.known.version += 1
        if isinstance(verdict, Delivered):
            new_keys = (new_property.name for new_property in properties if new_property.is_unique)
            portal.only_ours |= {(plural, name): True for name in new_keys}
        if any(new_property.name not in known for new_property in properties):
            await portal.read_properties(plural)
            known = portal.definitions(plural)
        properties = [new_property for new_property in properties if new_property.name not in known]
        if not properties:
            return None
        verdict = _why_missing(answer)
    if isinstance(verdict, Dead):
        portal.refused |= {(plural, new_property.name): verdict for new_property in properties}
    return verdict


async def _create_group(portal: Portal, path: str) -> None:
    """Create our group of properties. If HubSpot refuses it, it refuses the properties, too."""
    body = create_property_group(OWN_GROUP, OWN_GROUP.capitalize())
    call = Call("create property group", "POST", portal.paths.property_groups(path), body)
    verdict, answer = await portal.calls.ask(call, is_optional=True)
    if isinstance(verdict, Delivered) or answer.status == CONFLICT:
        portal.groups.add(path)


def _why_missing(answer: Answer) -> Verdict:
    """Why properties are missing although HubSpot answered their creation with success: refused, or not yet visible."""
    batch = read_batch(answer.body)
    problems = [problem_of(error) for error in (batch.errors if batch else None) or ()]
    refusal = next((problem for problem in problems if input_row(problem).says is Says.DEAD), None)
    if refusal is not None:
        return without_answer.property_refused(refusal.text)
    return without_answer.property_missing()


def _created(answer: Answer) -> dict[str, PropertyDefinition]:
    try:
        return property_definitions_of(answer.body)
    except Unreadable:
        return {}


def _events(portal: Portal, events: Sequence[SendEvent]) -> Mapping[str, _Event]:
    """The events that lack a definition, or a property of it."""
    lacking: dict[str, _Event] = {}
    known = portal.known.events
    for event in events:
        definition = known.get(event.event)
        if definition is None or not event.types.keys() <= definition.properties.keys():
            object_type = "contact" if event.record is None else event.record.object
            lacking.setdefault(event.event, _Event(event.label, object_type)).add(event)
    return lacking


async def _ensure_event(portal: Portal, name: str, event: _Event, provided: Provided, new: NewDefinitions) -> None:
    known = portal.known.events.get(name)
    if known is None:
        refused: Verdict | None = portal.refused.get((EVENT, name))
        if refused is None and not new.may_make(event.positions):
            provided.held_back.update(event.positions)
            return
        refused = refused or await _create_event(portal, name, event)
        if refused == without_answer.EVENT_NAME_USED:
            provided.nameless.update(event.positions)
        elif refused is not None:
            provided.unmade[name] = refused
        else:
            new.note(event.positions)
            provided.is_changed = True
        return
    for property_name in sorted(event.types.keys() - known.properties.keys()):
        users = event.users[property_name]
        if (known.full_name, property_name) in portal.refused:
            continue
        if not new.may_make(users):
            provided.held_back.update(users)
        elif await _add_event_property(portal, known, property_name, event):
            new.note(users)
            provided.is_changed = True


async def _add_event_property(portal: Portal, known: EventDefinition, name: str, event: _Event) -> bool:
    """Add a property to a definition, as a text if HubSpot refuses its type. Returns whether it is there."""
    for kind in dict.fromkeys((event.types[name], "string")):
        call = Call(
            "create event property",
            "POST",
            portal.paths.event_property(known.full_name),
            create_event_property(name, kind),
        )
        verdict, answer = await portal.calls.ask(call, event.positions)
        if isinstance(verdict, Delivered) or answer.status == CONFLICT:
            portal.refused.pop((known.full_name, name), None)
            known.properties[name] = kind
            known.own.add(name)
            return True
        if not isinstance(verdict, Dead):
            return False
        portal.refused[known.full_name, name] = verdict
    return False


async def _ask_for_event(portal: Portal, name: str, event: _Event, types: Mapping[str, str]) -> tuple[Verdict, Answer]:
    body = create_event_definition(name, event.label, types, object_type=event.object_type)
    call = Call("create event definition", "POST", portal.paths.event_definitions, body)
    return await portal.calls.ask(call, event.positions)


async def _create_event(portal: Portal, name: str, event: _Event) -> Verdict | None:
    """Create an event definition. None if it exists now, or if the portal has no custom events; otherwise the verdict.

    Shape: if HubSpot refuses the types, all properties become texts, so that the event can still be sent.
    """
    verdict, answer = await _ask_for_event(portal, name, event, event.types)
    texts = dict.fromkeys(event.types, "string")
    if answer.status == BAD_REQUEST and texts != event.types:
        verdict, answer = await _ask_for_event(portal, name, event, texts)
    if answer.status == FORBIDDEN:
        portal.known.events_available = False
        return None
    if answer.status == CONFLICT:
        await portal.read_events(portal.known)
        if name in portal.known.events:
            return None
        verdict = without_answer.EVENT_NAME_USED
    if not isinstance(verdict, Delivered):
        if isinstance(verdict, Dead):
            portal.refused[EVENT, name] = verdict
        return verdict
    try:
        definition = event_definition_of(answer.body)
    except Unreadable:
        portal.is_stale = True
        return None
    portal.known.add_event(definition)
    portal.known.events[name] = definition
    return None
