"""Track names to HubSpot event names, track properties to event properties.

A name is matched to the portal's definitions (full name `pe<hub>_x`, internal name or label), else a new internal name
is made of it: "use an existing eventId … or any event label and HubSpot will auto-create the event" (the seed), which
today's API does not do by itself. Values that carry nothing (null, "", blanks) are not sent and not reported; values
over HubSpot's lengths are left out, because HubSpot would refuse the whole request.
Sources: HubSpot, "Send custom event completions" (50 properties, 256 or 1,024 characters); Segment Actions,
customEvent; facade `Track.revenue` ('$13.50', `total` of Order Completed); classic destination, revenue -> value.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from hubwire.operation import Discard, LeftOut, Plan, Written
from hubwire.plan.names import MAX_EVENT_LABEL, compressed, event_name, event_property_name
from hubwire.plan.rulebook import Rulebook
from hubwire.plan.rules import MAX_FIELD
from hubwire.plan.values import BY_TYPE, Converted, Partial, Refusal, inferred, number, text
from hubwire.reasons import Reason
from hubwire.schema import EventDefinition

MAX_PROPERTIES = 50
MAX_VALUE = 256
MAX_LONG_VALUE = 1024
MAX_LEVELS = 5
_LONG = ("url", "referrer", "referer", "path", "uri", "href", "link")
_CURRENCY = "$€£¥ \u00a0"

_FILTERED = Discard(Reason.EVENT_FILTERED)
_NOT_LISTED = Discard(Reason.EVENT_FILTERED, "only_events does not list it")


class Event(NamedTuple):
    """The HubSpot event for a track name: `definition` is None when it must be created first."""

    name: str
    label: str
    definition: EventDefinition | None


def find_event(label: str, book: Rulebook) -> Event | Discard:
    """The event of a track name, or why there is none."""
    wanted = label = label.strip()
    folded = label.casefold()
    if book.mapped_events and folded in book.mapped_events:
        mapped = book.mapped_events[folded]
        if mapped is None:
            return _FILTERED
        wanted = mapped.strip()
        folded = wanted.casefold()
    elif book.only_events and folded not in book.only_events:
        return _NOT_LISTED
    events = book.schema.events
    definition = events.get(wanted) or events.get(folded)
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


class EventWriter:
    """Collects the properties of one event and their HubSpot types."""

    __slots__ = ("_known", "_may_add", "_plan", "_revenue", "properties", "types")

    def __init__(self, event: Event, may_add: bool, plan: Plan) -> None:
        self._known = event.definition.properties if event.definition is not None else {}
        self._may_add = may_add or event.definition is None
        self._plan = plan
        self._revenue = ""
        self.properties: dict[str, Written] = {}
        self.types: dict[str, str] = {}

    def write(self, properties: Mapping[str, Any], label: str) -> None:
        """Write all properties but `email`, then `value` from the revenue where the caller gave none."""
        for key, value in properties.items():
            if value is None or value == "" or (len(key) == 5 and key.lower() == "email"):
                continue
            if type(value) is dict:
                self._flatten(key, value, 1)
            else:
                self._put(key, value)
        revenue = self.properties.get("revenue")
        if revenue is None and "total" in properties and is_order_completed(label):
            revenue = self.properties.get("total")
        if revenue is not None and "value" not in self.properties:
            amount = number(revenue.value)
            if isinstance(amount, str) and ("value" in self._known or self._may_add):
                self._keep("value", self._known.get("value", "number"), Written(amount, "revenue"), "value")

    def _flatten(self, key: str, value: Mapping[str, Any], level: int) -> None:
        if level > MAX_LEVELS:
            self._report(key, Reason.WRONG_TYPE, f"nested more than {MAX_LEVELS} levels deep")
            return
        for part, inner in value.items():
            if type(inner) is dict:
                self._flatten(f"{key}_{part}", inner, level + 1)
            elif inner is not None and inner != "":
                self._put(f"{key}_{part}", inner)

    def _put(self, key: str, value: object) -> None:
        name = event_property_name(key) if len(key) <= MAX_FIELD else None
        if name is None:
            self._report(key, Reason.BAD_NAME, "a name begins with a letter and has at most 50 characters")
            return
        if name == "revenue":
            value = money(value)
        kind = self._known.get(name)
        converted: Converted
        if kind is not None:
            converted = BY_TYPE.get(kind, text)(value)
        elif self._may_add:
            kind, converted = inferred(value)
        else:
            self._report(key, Reason.UNKNOWN_PROPERTY, "the event's definition has no such property")
            return
        if isinstance(converted, Partial):
            converted = converted.text
        if isinstance(converted, Refusal):
            if converted.reason is not Reason.EMPTY_VALUE:
                self._report(key, converted.reason, converted.detail)
        elif converted:
            self._keep(name, kind, Written(converted, "property"), key)

    def _keep(self, name: str, kind: str, written: Written, key: str) -> None:
        if len(written.value) > MAX_VALUE:
            limit = MAX_LONG_VALUE if any(word in name for word in _LONG) else MAX_VALUE
            if len(written.value) > limit:
                self._report(key, Reason.TOO_LONG, f"more than {limit:,} characters")
                return
        if name in self.properties:
            if name != key:
                self._report(key, Reason.BAD_NAME, f"another property has the same HubSpot name, {name}")
                return
        elif len(self.properties) >= MAX_PROPERTIES:
            self._report(key, Reason.TOO_MANY_PROPERTIES, f"an event takes {MAX_PROPERTIES}")
            return
        self.properties[name] = written
        self.types[name] = kind

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
    """Whether this is the spec's order event, whose `total` counts as revenue (facade `Track.revenue`)."""
    return compressed(label) in ("ordercompleted", "completedorder")
