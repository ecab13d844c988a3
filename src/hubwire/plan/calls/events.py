"""Track names to HubSpot event names, track properties to event properties.

A name is matched with the portal's definitions (full name `pe<hub>_x`, internal name or label); otherwise a new
internal name is derived from it: "use an existing eventId … or any event label and HubSpot will auto-create the event"
(the seed), which today's API does not do. Empty values (null, "", blanks, empty lists and objects) are left out and
reported: an occurrence has nothing that they could clear. Values over HubSpot's lengths are left out, because HubSpot
would refuse the whole request.
Sources: HubSpot, "Send custom event completions" (50 properties, 256 or 1,024 characters); Segment Actions,
customEvent; facade `Track.revenue` ('$13.50', `total` of Order Completed); classic destination, revenue -> value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from hubwire.operation import Discard, LeftOut, Plan, PropertyValue
from hubwire.plan.conversion.names import MAX_EVENT_LABEL, compressed, event_name, property_name
from hubwire.plan.conversion.trait_rules import MAX_FIELD
from hubwire.plan.conversion.values import (
    NARROW_TYPES,
    Converted,
    Partial,
    Refusal,
    date_time,
    inferred,
    json_text,
    number,
    text,
)
from hubwire.plan.rulebook import Rulebook
from hubwire.reasons import Reason
from hubwire.schema import EventDefinition

MAX_PROPERTIES = 50
MAX_NAME = 50
MAX_VALUE = 256
MAX_LONG_VALUE = 1024
MAX_LEVELS = 5
_LONG = ("url", "referrer", "referer", "path", "uri", "href", "link")
_FULL = f"an event takes {MAX_PROPERTIES}"
_CURRENCY = "$€£¥ \u00a0"

_FILTERED = Discard(Reason.EVENT_FILTERED)
_NOT_LISTED = Discard(Reason.EVENT_FILTERED, "only_events does not list it")
CONSENT_EVENT = "segment consent preference updated"
"""The track that Segment's consent wrappers send when a visitor changes their choice. It is consent, not an event.
Source: @segment/analytics-consent-tools 2.0.3."""
_CONSENT_NOTED = Discard(Reason.CONSENT_NOTED)


class Event(NamedTuple):
    """The HubSpot event for a track name: `definition` is None when it must be created first."""

    name: str
    label: str
    definition: EventDefinition | None


def find_event(label: str, book: Rulebook) -> Event | Discard:
    """The event of a track name, or the discard if there is none."""
    name = label = label.strip()
    folded = label.casefold()
    if book.mapped_events and folded in book.mapped_events:
        mapped = book.mapped_events[folded]
        if mapped is None:
            return _FILTERED
        name = mapped.strip()
    elif folded == CONSENT_EVENT and folded not in book.only_events:
        return _CONSENT_NOTED
    elif book.only_events and folded not in book.only_events:
        return _NOT_LISTED
    return named_event(name, label, book)


def named_event(name_or_label: str, label: str, book: Rulebook) -> Event | Discard:
    """The event of this full name, internal name or label, to be created with `label` where the portal has none."""
    folded = name_or_label.casefold()
    events = book.schema.events
    definition = events.get(name_or_label) or events.get(folded)
    if definition is not None:
        return Event(definition.full_name, definition.label, definition)
    name = _own_name(folded, book.schema.hub_id)
    if name is None:
        return Discard(Reason.EVENT_NAME_UNUSABLE)
    definition = events.get(name)
    if definition is not None:
        return Event(definition.full_name, definition.label, definition)
    if not book.mapping.create_event_definitions:
        return Discard(Reason.UNKNOWN_EVENT)
    return Event(name, label[:MAX_EVENT_LABEL], None)


def _own_name(folded: str, hub_id: str) -> str | None:
    """The internal name to create; a full name loses this portal's prefix, another portal's is refused."""
    if folded.startswith("pe"):
        hub, _, rest = folded[2:].partition("_")
        if hub.isdecimal() and rest:
            return event_name(rest) if hub == hub_id else None
    return event_name(folded)


class EventKey(NamedTuple):
    """The HubSpot name of an event property, and how long its values may be."""

    name: str
    limit: int


_EMAIL = EventKey("", 0)
_VALUE = EventKey("value", MAX_VALUE)


@lru_cache(maxsize=8192)
def event_key(key: str) -> EventKey | None:
    """The name and limit for a property key, or None if no name of at most 50 characters can be derived.

    `email` identifies the person and has no name, because it is not sent as a property.
    """
    if key.lower() == "email":
        return _EMAIL
    name = property_name(key, MAX_NAME) if len(key) <= MAX_FIELD else None
    if name is None:
        return None
    return EventKey(name, MAX_LONG_VALUE if any(word in name for word in _LONG) else MAX_VALUE)


class EventWriter:
    """Collects the properties of one event and their HubSpot types."""

    __slots__ = ("_by_type", "_known", "_may_add", "_own", "_plan", "properties", "types")

    def __init__(self, event: Event, book: Rulebook, plan: Plan) -> None:
        self._by_type = book.by_type
        self._known = event.definition.properties if event.definition is not None else {}
        self._own = event.definition.own if event.definition is not None else set[str]()
        self._may_add = book.mapping.create_event_definitions or event.definition is None
        self._plan = plan
        self.properties: dict[str, PropertyValue] = {}
        self.types: dict[str, str] = {}

    @property
    def known_names(self) -> Collection[str]:
        """The properties that the event's definition has."""
        return self._known.keys()

    def write(self, properties: Mapping[str, Any], label: str) -> None:
        """Write all properties except `email`, then `value` from the revenue if the caller gave no value."""
        self._write_fields(properties, "", 0)
        revenue = self.properties.get("revenue")
        if revenue is None and "total" in properties and is_order_completed(label):
            revenue = self.properties.get("total")
        if revenue is not None and "value" not in self.properties:
            kind = self.types.get("revenue" if "revenue" in self.types else "total")
            amount = revenue.value if kind == "number" else number(revenue.value)
            if isinstance(amount, str) and ("value" in self._known or self._may_add):
                self._keep("value", _VALUE, self._known.get("value", "number"), PropertyValue(amount, "revenue"))

    def write_only(self, properties: Mapping[str, Any]) -> None:
        """Write these properties, without derived ones."""
        self._write_fields(properties, "", 0)

    def _write_fields(self, fields: Mapping[str, Any], above: str, level: int) -> None:
        """Write properties, or the parts of an object (`above` is `product_`)."""
        known, kept = self._known, self.properties
        for part, value in fields.items():
            key = above + part if above else part
            if value is None or value == "":
                self._report_empty(key)
                continue
            if type(value) is dict:
                if not value:
                    self._report_empty(key)
                    continue
                if self._write_whole(key, value):
                    continue
                if level < MAX_LEVELS:
                    self._write_fields(value, f"{key}_", level + 1)
                else:
                    self._report(key, Reason.WRONG_TYPE, f"nested more than {MAX_LEVELS} levels deep")
                continue
            named = event_key(key)
            kind = known.get(named.name) if named is not None else None
            if named is None or kind is None or named.name == "revenue":
                self._write_new(key, named, value)
                continue
            converted = self._by_type.get(kind, text)(value)
            name = named.name
            if type(converted) is not str or not converted or len(converted) > MAX_VALUE or name in kept:
                self._put(key, named, kind, converted, value)
            elif len(kept) >= MAX_PROPERTIES:
                self._report(key, Reason.TOO_MANY_PROPERTIES, _FULL)
            else:
                kept[name] = PropertyValue(converted, "property")
                self.types[name] = kind

    def _write_new(self, key: str, named: EventKey | None, value: object) -> None:
        """Write a property that the definition lacks, or one with a rule of its own."""
        if named is _EMAIL:
            return
        if named is None:
            self._report(key, Reason.BAD_NAME, f"a name begins with a letter and has at most {MAX_NAME} characters")
            return
        if named.name == "revenue":
            value = money(value)
        kind = self._known.get(named.name)
        if kind is not None:
            self._put(key, named, kind, self._by_type.get(kind, text)(value), value)
        elif self._may_add:
            kind, converted = inferred(value)
            if kind == "date":
                kind, converted = "datetime", date_time(value)
            self._put(key, named, kind, converted, value)
        else:
            self._report(key, Reason.UNKNOWN_PROPERTY, "the event's definition has no such property")

    def _write_whole(self, key: str, value: dict[str, Any]) -> bool:
        """Write an object to the text property of its own name, as JSON, where one of its parts has no property.

        Shape: nothing is added to a definition that has a place for the whole; parts with a property go there too.
        """
        named = event_key(key)
        if named is None or self._known.get(named.name) != "string":
            return False
        known, is_complete = self._known_parts(value, f"{key}_", 1)
        if is_complete:
            return False
        self._write_fields(known, f"{key}_", 1)
        self._put(key, named, "string", json_text(value), value)
        return True

    def _known_parts(self, value: dict[str, Any], above: str, level: int) -> tuple[dict[str, Any], bool]:
        """The parts with a property in the definition, and True if all parts have one."""
        known: dict[str, Any] = {}
        is_complete = bool(value)
        for part, inner in value.items():
            named = event_key(above + part)
            if type(inner) is dict and level < MAX_LEVELS:
                parts, is_whole = self._known_parts(inner, f"{above}{part}_", level + 1)
                is_complete = is_complete and is_whole
                if parts:
                    known[part] = parts
            elif named is not None and named.name in self._known:
                known[part] = inner
            else:
                is_complete = False
        return known, is_complete

    def _put(self, key: str, named: EventKey, kind: str, converted: Converted, value: object) -> None:
        is_refused = isinstance(converted, Refusal) and converted.reason is not Reason.EMPTY_VALUE
        if is_refused and self._write_beside(key, named, kind, value):
            return
        if isinstance(converted, Refusal):
            if converted.reason is Reason.EMPTY_VALUE:
                self._report_empty(key)
            else:
                self._report(key, converted.reason, converted.detail)
            return
        written = PropertyValue(converted.text if isinstance(converted, Partial) else converted, "property")
        if written.value:
            self._keep(key, named, kind, written)
        else:
            self._report_empty(key)

    def _write_beside(self, key: str, named: EventKey, kind: str, value: object) -> bool:
        """Write a value as text to the property beside one that Hubwire created from the first value, because its type
        never accepts this one."""
        name = f"{named.name}_text"
        if kind not in NARROW_TYPES or named.name not in self._own or len(name) > MAX_NAME:
            return False
        # A property that somebody else made is not ours to write.
        is_ours = name in self._own and self._known.get(name) == "string"
        if not is_ours and (name in self._known or not self._may_add):
            return False
        self._put(key, EventKey(name, named.limit), "string", text(value), value)
        return True

    def _keep(self, key: str, named: EventKey, kind: str, written: PropertyValue) -> None:
        """Keep a value within HubSpot's bounds. If two keys have one name, the first one stays."""
        name = named.name
        if len(written.value) > named.limit:
            self._report(key, Reason.TOO_LONG, f"more than {named.limit:,} characters")
        elif name in self.properties:
            self._report(key, Reason.BAD_NAME, f"another property has the same HubSpot name, {name}")
        elif len(self.properties) >= MAX_PROPERTIES:
            self._report(key, Reason.TOO_MANY_PROPERTIES, _FULL)
        else:
            self.properties[name] = written
            self.types[name] = kind

    def _report_empty(self, key: str) -> None:
        if event_key(key) is not _EMAIL:
            self._report(key, Reason.EMPTY_VALUE, "an event has nothing that an empty value could clear")

    def _report(self, key: str, reason: Reason, detail: str) -> None:
        self._plan.left_out.append(LeftOut(f"properties.{key}"[:MAX_FIELD], reason, detail))


def money(value: object) -> object:
    """An amount without its currency sign and thousands separators (`$1,299.50`), or the value as it is."""
    if type(value) is not str or len(value) > 40:
        return value
    digits = value.strip(_CURRENCY)
    head, *groups = digits.split(",")
    if groups and len(head) <= 3 and all(len(group.partition(".")[0]) == 3 for group in groups):
        digits = "".join([head, *groups])
    amount = number(digits)
    return float(amount) if isinstance(amount, str) and amount else value


@lru_cache(maxsize=1024)
def is_order_completed(label: str) -> bool:
    """True for the spec's order event, whose `total` counts as revenue (facade `Track.revenue`)."""
    return compressed(label) in ("ordercompleted", "completedorder")
