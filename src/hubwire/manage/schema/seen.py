"""The properties and events in messages, counted by the planner itself; nothing is sent.

Pure. The planner may create everything here, so that it reports missing properties with their types. Fields from public
keys are counted separately, because anybody could have invented them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from hubwire.deliver.cycle.gather import Gatherer, LoadLinks
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.destination import Destination, Source, SourceKind
from hubwire.message import JournalRow
from hubwire.operation import LeftOut, Operation, SendEvent, UpsertCompany, UpsertContact, UpsertRecord, unique_property
from hubwire.plan.calls.events import event_key
from hubwire.plan.rulebook import Rulebook, rulebook
from hubwire.reasons import Reason
from hubwire.schema import PortalSchema

MISFITS = frozenset({Reason.WRONG_TYPE, Reason.NOT_AN_OPTION, Reason.BAD_DATE, Reason.TOO_LONG})
"""The reasons why a value does not fit an existing property."""


@dataclass(slots=True)
class SeenField:
    """One property in messages. `kinds`: the types of its values if it has no definition; `misfits`: the number of
    values that its definition does not accept, by reason."""

    count: int = 0
    is_trusted: bool = False
    kinds: set[str] = field(default_factory=set)
    misfits: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class SeenEvent:
    """One event in messages, by its internal or full name; `label` is the first that a caller used."""

    label: str
    count: int = 0
    is_trusted: bool = False
    fields: dict[str, SeenField] = field(default_factory=dict)


@dataclass(slots=True)
class Seen:
    """The content of some messages. Properties by (object type, name)."""

    message_count: int = 0
    properties: dict[tuple[str, str], SeenField] = field(default_factory=dict)
    events: dict[str, SeenEvent] = field(default_factory=dict)

    def property(self, object_type: str, name: str) -> SeenField:
        return self.properties.setdefault((object_type, name), SeenField())


def look(
    rows: Sequence[JournalRow],
    destination: Destination,
    sources: Mapping[int, Source],
    schema: PortalSchema,
    load_links: LoadLinks,
) -> Seen:
    """The content of these rows for the destination, without rejected rows."""
    mapping = msgspec.structs.replace(destination.mapping, create_properties=True, create_event_definitions=True)
    willing = msgspec.structs.replace(destination, mapping=mapping)
    readable = [row for row in rows if row.rejected is None and row.source_id in sources]
    seen = Seen(message_count=len(readable))
    for is_public in (False, True):
        chosen = {
            number: source for number, source in sources.items() if (source.kind is not SourceKind.SERVER) is is_public
        }
        # The planner sees every source as a server, because it creates nothing for a public key.
        trusted = {number: msgspec.structs.replace(source, kind=SourceKind.SERVER) for number, source in chosen.items()}
        gatherer = Gatherer(willing, trusted, schema, load_links, Outcomes())
        counted = _Counted(seen, is_trusted=not is_public)
        gatherer.add = counted.add
        gatherer.take([row for row in readable if row.source_id in chosen])
        gatherer.finish()
        for object_type, name, kind in gatherer.missing_properties:
            seen.property(object_type, name).kinds.add(kind)
        counted.note_misfits(gatherer.outcomes.left_out, rulebook(schema, willing))
    return seen


class _Counted:
    """Counts the requested properties, and remembers the subject of each message."""

    def __init__(self, seen: Seen, is_trusted: bool) -> None:
        self._seen = seen
        self._is_trusted = is_trusted
        self._about: dict[int, str] = {}
        """Position -> event of a track; "" for a group."""

    def add(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            match operation:
                case UpsertContact():
                    self._count(self._seen.property("contact", name) for name in operation.properties)
                case UpsertCompany():
                    self._about[operation.position] = ""
                    self._count(self._seen.property("company", name) for name in operation.properties)
                case UpsertRecord():
                    key = unique_property(operation.key)
                    names = {*operation.properties, *([key[0]] if key is not None else [])}
                    self._count(self._seen.property(operation.object, name) for name in names)
                case SendEvent():
                    self._about[operation.position] = operation.event
                    event = self._seen.events.setdefault(operation.event, SeenEvent(operation.label))
                    event.count += 1
                    event.is_trusted |= self._is_trusted
                    for name, kind in operation.types.items():
                        known = event.fields.setdefault(name, SeenField())
                        known.kinds.add(kind)
                        self._count([known])

    def _count(self, fields: Iterable[SeenField]) -> None:
        for seen_field in fields:
            seen_field.count += 1
            seen_field.is_trusted |= self._is_trusted

    def note_misfits(self, left_out: Mapping[int, Sequence[LeftOut]], book: Rulebook) -> None:
        """Count the values that did not fit, by the property that they were meant for."""
        for position, items in left_out.items():
            for item in items:
                known = self._meant(self._about.get(position), item, book) if item.reason in MISFITS else None
                if known is not None:
                    known.misfits[item.detail or item.reason] += 1
                    known.is_trusted |= self._is_trusted

    def _meant(self, about: str | None, item: LeftOut, book: Rulebook) -> SeenField | None:
        name = item.field.removeprefix("properties.")
        if name != item.field:
            event, key = self._seen.events.get(about or ""), event_key(name)
            return event.fields.setdefault(key.name, SeenField()) if event and key else None
        for prefix, rules in (
            ("context.traits.", book.context_traits),
            ("traits.", book.group_traits if about == "" else book.traits),
        ):
            if item.field.startswith(prefix):
                target = rules.rule(item.field.removeprefix(prefix)).target
                return self._seen.property(rules.object_name, target.property) if target else None
        return None
