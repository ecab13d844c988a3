"""What a portal lacks for the messages that come: properties and event definitions, typed, from the journal's newest.

Pure, except `make_missing`. The planner itself says what it would create if it might, so that the plan is what a
destination with `create_properties` does by itself; here a person looks at it first, and public sources count too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from hubwire.deliver.gather import Gatherer, LoadLinks
from hubwire.deliver.ledger import Ledger
from hubwire.destination import Destination, Source, SourceKind
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.definitions import FIELD_TYPES, PROPERTY_GROUPS, PROPERTY_LAG_SECONDS, NewProperty
from hubwire.message import Row
from hubwire.operation import SendEvent
from hubwire.schema import PortalSchema

PLURALS = {"contact": "contacts", "company": "companies"}
PER_CALL = 100
_WIDER = {frozenset({"date", "datetime"}): "datetime"}


class MissingProperty(msgspec.Struct, kw_only=True, frozen=True):
    """A property that the portal lacks. `is_public_only`: only public keys sent it, so that anybody can have made it
    up; no destination creates it by itself."""

    object_type: str
    name: str
    type: str
    is_public_only: bool = False

    def definition(self) -> NewProperty:
        """How it would be made."""
        plural = PLURALS[self.object_type]
        return NewProperty(
            name=self.name,
            label=self.name.replace("_", " ").capitalize(),
            type=self.type,
            field_type=FIELD_TYPES.get(self.type, "text"),
            group=PROPERTY_GROUPS[plural],
        )


class MissingEvent(msgspec.Struct, kw_only=True, frozen=True):
    """An event that the portal has no definition of, or whose definition lacks properties (`is_new` False)."""

    name: str
    label: str
    properties: dict[str, str]
    is_new: bool


class SchemaPlan(msgspec.Struct, kw_only=True):
    """What would be created. `message_count` messages were looked at."""

    message_count: int
    properties: list[MissingProperty]
    events: list[MissingEvent]
    events_available: bool = True


def plan_schema(
    rows: Sequence[Row],
    destination: Destination,
    sources: Mapping[int, Source],
    schema: PortalSchema,
    load_links: LoadLinks,
) -> SchemaPlan:
    """What the portal lacks for these rows (rejected ones are left out)."""
    mapping = msgspec.structs.replace(destination.mapping, create_properties=True, create_event_definitions=True)
    willing = msgspec.structs.replace(destination, mapping=mapping)
    missing: dict[bool, set[tuple[str, str, str]]] = {}
    events: list[SendEvent] = []
    readable = [row for row in rows if row.rejected is None and row.source_id in sources]
    for is_public in (False, True):
        chosen = {number: one for number, one in sources.items() if (one.kind is not SourceKind.SERVER) is is_public}
        # To the planner every source is a server here: it creates nothing for a public key.
        trusted = {number: msgspec.structs.replace(one, kind=SourceKind.SERVER) for number, one in chosen.items()}
        gatherer = Gatherer(willing, trusted, schema, load_links, Ledger())
        gatherer.take([row for row in readable if row.source_id in chosen])
        gatherer.finish()
        missing[is_public] = gatherer.missing_properties
        events += gatherer.work.events
    return SchemaPlan(
        message_count=len(readable),
        properties=_properties(missing[False], missing[True]),
        events=_events(events, schema) if schema.events_available else [],
        events_available=schema.events_available,
    )


def _properties(
    trusted: Iterable[tuple[str, str, str]], public: Iterable[tuple[str, str, str]]
) -> list[MissingProperty]:
    types: dict[tuple[str, str], set[str]] = {}
    is_trusted = {(object_type, name) for object_type, name, _ in trusted}
    for object_type, name, kind in [*trusted, *public]:
        types.setdefault((object_type, name), set()).add(kind)
    return [
        MissingProperty(
            object_type=object_type,
            name=name,
            type=common_type(kinds),
            is_public_only=(object_type, name) not in is_trusted,
        )
        for (object_type, name), kinds in sorted(types.items())
    ]


def common_type(kinds: Iterable[str]) -> str:
    """The HubSpot type that takes values of all of these; text when nothing else does."""
    found = frozenset(kinds)
    return next(iter(found)) if len(found) == 1 else _WIDER.get(found, "string")


def _events(events: Iterable[SendEvent], schema: PortalSchema) -> list[MissingEvent]:
    types: dict[str, dict[str, set[str]]] = {}
    labels: dict[str, str] = {}
    for event in events:
        labels.setdefault(event.event, event.label)
        wanted = types.setdefault(event.event, {})
        for name, kind in event.types.items():
            wanted.setdefault(name, set()).add(kind)
    missing = []
    for name, properties in sorted(types.items()):
        known = schema.events.get(name)
        lacks = {
            one: common_type(kinds)
            for one, kinds in sorted(properties.items())
            if known is None or one not in known.properties
        }
        if known is None or lacks:
            missing.append(MissingEvent(name=name, label=labels[name], properties=lacks, is_new=known is None))
    return missing


async def make_missing(account: HubSpotAccount, plan: SchemaPlan) -> None:
    """Create what a plan says, and wait until HubSpot shows it. What exists by now is left as it is.

    Errors: HubSpotError; what was made stays.
    """
    for object_type, plural in PLURALS.items():
        wanted = [one.definition() for one in plan.properties if one.object_type == object_type]
        for start in range(0, len(wanted), PER_CALL):
            await account.create_properties(plural, wanted[start : start + PER_CALL])
    if plan.properties:
        await asyncio.sleep(PROPERTY_LAG_SECONDS)
    for event in plan.events:
        if event.is_new:
            await account.create_event_definition(event.name, event.label, event.properties)
        else:
            for name, kind in event.properties.items():
                await account.add_event_property(event.name, name, kind)
