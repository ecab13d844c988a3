"""Comparison of a portal with the messages: properties and events that match, are missing, differ or are unused.

Pure. Console, admin API and `hubwire schema` show the same report, and create what it calls missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from hubwire.deliver.cycle.gather import LoadLinks
from hubwire.destination import Destination, Source
from hubwire.hubspot.definitions import PropertyUse
from hubwire.manage.schema.accepted_now import AcceptedNow
from hubwire.manage.schema.marketing_contents import MarketingContents
from hubwire.manage.schema.plan import (
    PLURALS,
    MissingEvent,
    MissingProperty,
    SchemaPlan,
    common_type,
)
from hubwire.manage.schema.seen import (
    Seen,
    SeenEvent,
    SeenField,
    look,
)
from hubwire.message import JournalRow
from hubwire.plan.conversion.trait_rules import OWN_PREFIX
from hubwire.schema import EventDefinition, PortalSchema

OBJECT_IDS = {"0-1": "contact", "0-2": "company"}


class SchemaState(StrEnum):
    """The relation between a property or event of the messages and the portal's."""

    MISSING = "missing"
    """Messages have it and the portal does not. An event's definition may exist and lack properties."""
    DIFFERS = "type differs"
    """The portal has it, but does not accept some values of the messages."""
    ARCHIVED = "archived"
    """Messages have it; in the portal it is archived."""
    MATCHES = "matches"
    UNUSED = "unused"
    """People or apps created it in the portal, and no message has it."""


class PortalContents(msgspec.Struct, kw_only=True):
    """The content of a portal. `archived`: object type -> name -> type; `uses` is empty if HubSpot gives none;
    `marketing` is None if nobody has asked for it."""

    schema: PortalSchema
    archived: dict[str, dict[str, str]] = {}
    uses: list[PropertyUse] = []
    marketing: MarketingContents | None = None


class SchemaEntry(msgspec.Struct, kw_only=True, frozen=True):
    """One property or event. `count`: messages that have it, with any value; `lacks`: properties that an event's
    definition lacks."""

    object_type: str
    name: str
    state: SchemaState
    label: str = ""
    count: int = 0
    type_seen: str = ""
    type_in_hubspot: str = ""
    misfit_count: int = 0
    detail: str = ""
    is_public_only: bool = False
    lacks: dict[str, str] = {}


class Quota(msgspec.Struct, kw_only=True, frozen=True):
    """The number of custom properties of an object type, and its limit."""

    object_type: str
    used: int
    limit: int


class SchemaReport(SchemaPlan, kw_only=True):
    """The whole comparison. As a plan, it has the properties and events to create."""

    entries: list[SchemaEntry] = msgspec.field(default_factory=list)
    quotas: list[Quota] = msgspec.field(default_factory=list)
    accepted_now: list[AcceptedNow] = msgspec.field(default_factory=list)
    """Fields that deliveries left out and that the portal accepts now."""

    def counts(self, object_type: str) -> dict[str, int]:
        """Entries of an object type by state, states in their order."""
        states = [entry.state for entry in self.entries if entry.object_type == object_type]
        return {str(state): states.count(state) for state in SchemaState}


def compare(
    rows: Sequence[JournalRow],
    destination: Destination,
    sources: Mapping[int, Source],
    contents: PortalContents,
    load_links: LoadLinks,
) -> SchemaReport:
    """The portal compared with these rows. Missing entries come first, then the others by name."""
    schema = contents.schema
    seen = look(rows, destination, sources, schema, load_links)
    mapping = destination.mapping
    mapped = {("contact", name) for name in mapping.contact.values()} | {
        ("company", n) for n in mapping.company.values()
    }
    entries = [*_seen_properties(seen, contents), *_unused_properties(seen, schema, mapped)]
    if schema.events_available:
        entries += [*_seen_events(seen, schema), *_unused_events(seen, schema)]
    order = list(SchemaState)
    entries.sort(key=lambda entry: (order.index(entry.state), entry.object_type, entry.name))
    absent = [entry for entry in entries if entry.state in (SchemaState.MISSING, SchemaState.ARCHIVED)]
    return SchemaReport(
        message_count=seen.message_count,
        properties=[_missing_property(entry, schema) for entry in absent if entry.object_type != "event"],
        events=[_missing_event(entry, schema) for entry in absent if entry.object_type == "event"],
        events_available=schema.events_available,
        entries=entries,
        quotas=[
            Quota(object_type=OBJECT_IDS[use.object_type_id], used=use.usage, limit=use.limit)
            for use in contents.uses
            if use.object_type_id in OBJECT_IDS and use.limit
        ],
    )


def _missing_property(entry: SchemaEntry, schema: PortalSchema) -> MissingProperty:
    known = schema.objects.get(entry.object_type)
    return MissingProperty(
        object_type=entry.object_type,
        path=PLURALS[entry.object_type] if known is None else known.object_type.path,
        name=entry.name,
        type=entry.type_seen,
        is_public_only=entry.is_public_only,
    )


def _missing_event(entry: SchemaEntry, schema: PortalSchema) -> MissingEvent:
    return MissingEvent(
        name=entry.name, label=entry.label, properties=entry.lacks, is_new=entry.name not in schema.events
    )


# -- properties


def _seen_properties(seen: Seen, contents: PortalContents) -> Iterator[SchemaEntry]:
    for (object_type, name), field in seen.properties.items():
        definition = contents.schema.definitions(object_type).get(name)
        archived = contents.archived.get(object_type, {}).get(name)
        if definition is not None:
            state = SchemaState.DIFFERS if field.misfits else SchemaState.MATCHES
        else:
            state = SchemaState.MISSING if archived is None else SchemaState.ARCHIVED
        yield SchemaEntry(
            object_type=object_type,
            name=name,
            state=state,
            count=field.count + field.misfits.total(),
            type_seen=common_type(field.kinds) if field.kinds else "",
            type_in_hubspot=archived or "" if definition is None else definition.type,
            misfit_count=field.misfits.total(),
            detail=_misfits(field.misfits),
            is_public_only=not field.is_trusted,
        )


def _unused_properties(seen: Seen, schema: PortalSchema, mapped: set[tuple[str, str | None]]) -> Iterator[SchemaEntry]:
    for object_type in ("contact", "company"):
        for name, definition in schema.definitions(object_type).items():
            is_ours = name.startswith(OWN_PREFIX) or (object_type, name) in mapped
            if (
                definition.is_custom
                and not definition.is_read_only
                and not is_ours
                and (object_type, name) not in seen.properties
            ):
                yield SchemaEntry(
                    object_type=object_type, name=name, state=SchemaState.UNUSED, type_in_hubspot=definition.type
                )


# -- events


def _seen_events(seen: Seen, schema: PortalSchema) -> Iterator[SchemaEntry]:
    for name, event in seen.events.items():
        definition = schema.events.get(name)
        lacks = _lacks(event, definition)
        misfits = {
            f"{field_name}: {why}": n for field_name, field in event.fields.items() for why, n in field.misfits.items()
        }
        if definition is None or lacks:
            state, detail = SchemaState.MISSING, "" if definition is None else "its definition lacks properties"
        else:
            state, detail = (SchemaState.DIFFERS if misfits else SchemaState.MATCHES), _misfits(misfits)
        yield SchemaEntry(
            object_type="event",
            name=name,
            state=state,
            label=event.label,
            count=event.count,
            misfit_count=sum(misfits.values()),
            detail=detail,
            is_public_only=not event.is_trusted,
            lacks=lacks,
        )


def _lacks(event: SeenEvent, definition: EventDefinition | None) -> dict[str, str]:
    seen_fields: Iterable[tuple[str, SeenField]] = sorted(event.fields.items())
    known = definition.properties if definition is not None else {}
    return {name: common_type(field.kinds) for name, field in seen_fields if name not in known and field.kinds}


def _unused_events(seen: Seen, schema: PortalSchema) -> Iterator[SchemaEntry]:
    used = {schema.events[name].full_name for name in seen.events if name in schema.events}
    for full_name, definition in {definition.full_name: definition for definition in schema.events.values()}.items():
        if full_name not in used:
            yield SchemaEntry(object_type="event", name=full_name, state=SchemaState.UNUSED, label=definition.label)


def _misfits(counts: Mapping[str, int]) -> str:
    """The reasons with counts, most frequent first: `12 values do not fit: a number is expected`."""
    listed = sorted(counts.items(), key=lambda item: -item[1])
    return "; ".join(f"{count:,} value{' does' if count == 1 else 's do'} not fit: {why}" for why, count in listed[:3])
