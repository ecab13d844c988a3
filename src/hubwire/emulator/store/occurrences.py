"""Custom events as a portal keeps them: definitions, occurrences, and the uuids already seen.

Source: HubSpot docs, custom event definitions and send-event guides, and HubSpot's OpenAPI (uuid: later duplicates of
an event type within a year are dropped). Occurrences are kept as encoded JSON, a few hundred bytes each.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hubwire.emulator.store.objects.schema import Property
from hubwire.emulator.store.objects.values import ValueRule, rule_for
from hubwire.emulator.wire import encode

UUID_DAYS = 365
UNKNOWN_VISITOR = "visitor token unknown"
"""Why an occurrence of a visitor whom nobody identified is lost."""
_MS_PER_DAY = 86_400_000
KEPT_LOST = 10_000


class Occurrence(msgspec.Struct, rename="camel", kw_only=True):
    """One event that happened.

    Shape: `object_id` is what the call said, `contact_id` the record it belongs to (of the definition's primary
    object); `lost_reason` is set only for events that HubSpot accepts and then shows nowhere.
    """

    id: str
    event_name: str
    email: str | UnsetType = UNSET
    object_id: str | UnsetType = UNSET
    utk: str | UnsetType = UNSET
    contact_id: str | None = None
    object_type: str = "CONTACT"
    occurred_at: str
    uuid: str | UnsetType = UNSET
    properties: dict[str, str]
    lost_reason: str | UnsetType = UNSET


class CustomMatching(msgspec.Struct, rename="camel"):
    """Which event property names the record, and by which of the record's properties."""

    event_property_name: str
    target_object_property_name: str


class Definition(msgspec.Struct, rename="camel", kw_only=True):
    """A custom event definition."""

    id: str
    name: str
    fully_qualified_name: str
    object_type_id: str
    label: str
    description: str | UnsetType = UNSET
    primary_object: str = "CONTACT"
    primary_object_id: str = "0-1"
    properties: dict[str, Property] = {}
    custom_matching: CustomMatching | None = None
    created_at: str
    updated_at: str
    archived: bool = False

    def shown(self, *, with_properties: bool = True) -> dict[str, Any]:
        """The definition in the shape of HubSpot's answers."""
        body: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "fullyQualifiedName": self.fully_qualified_name,
            "objectTypeId": self.object_type_id,
            "labels": {"singular": self.label, "plural": self.label},
            "primaryObject": self.primary_object,
            "primaryObjectId": self.primary_object_id,
            "trackingType": "MANUAL",
            "properties": list(self.properties.values()) if with_properties else [],
            "associations": [],
            "archived": self.archived,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }
        if self.description is not UNSET:
            body["description"] = self.description
        if self.custom_matching is not None:
            body["customMatchingId"] = {"primaryObjectRule": msgspec.to_builtins(self.custom_matching)}
        return body


def _uuid_key(event_name: str, uuid: str) -> int:
    return int.from_bytes(blake2b(f"{event_name}\n{uuid}".encode(), digest_size=7).digest(), "big")


def _needle(field: str, value: str) -> bytes:
    """What a kept line with this value in this field holds (as may others: a property's name is free)."""
    return f'"{field}":'.encode() + encode(value)


def _holding(needle: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
    return (line for line in lines if needle in line)


_decode_occurrence = msgspec.json.Decoder(Occurrence).decode


class EventLog:
    """Definitions and occurrences of a portal.

    Shape: `kept` holds the newest `keep` occurrences (all when None) in arrival order; `counts` counts every accepted
    one by event name, kept or not; `lost` holds the newest events that no record could be found for.
    """

    def __init__(self, portal_id: int, keep: int | None) -> None:
        self.portal_id = portal_id
        self.definitions: dict[str, Definition] = {}
        self.retired: set[str] = set()
        self.kept: deque[bytes] = deque(maxlen=keep)
        self.lost: deque[bytes] = deque(maxlen=KEPT_LOST)
        self.counts: Counter[str] = Counter()
        self.lost_counts: Counter[str] = Counter()
        self.duplicate_counts: Counter[str] = Counter()
        self.fresh: list[bytes] | None = None
        self._seen: dict[int, set[int]] = {}
        self._value_rules: dict[str, dict[str, ValueRule]] = {}
        self._next_occurrence = 1
        self.next_definition = 1

    def qualified(self, name: str) -> str:
        """`pe{portal}_{name}`, whichever of the two forms is given."""
        prefix = f"pe{self.portal_id}_"
        return name if name.startswith(prefix) else prefix + name

    def find(self, name: str) -> Definition | None:
        """The definition of a plain or fully qualified name."""
        return self.definitions.get(name) or self.definitions.get(self.qualified(name.lower()))

    def add(self, definition: Definition) -> None:
        """Add a definition."""
        self.definitions[definition.fully_qualified_name] = definition
        self.mark(definition.fully_qualified_name)

    def retire(self, definition: Definition) -> None:
        """Delete a definition; its name can never be used again."""
        del self.definitions[definition.fully_qualified_name]
        self.retired.add(definition.fully_qualified_name)
        self.mark(definition.fully_qualified_name)

    def new_definition_id(self) -> str:
        """A fresh number for a definition."""
        number = self.next_definition
        self.next_definition += 1
        return str(number)

    def is_duplicate(self, event_name: str, uuid: str, now_ms: int) -> bool:
        """True if this event type had the uuid within a year; otherwise remembers it."""
        key = _uuid_key(event_name, uuid)
        today = now_ms // _MS_PER_DAY
        for day, seen in self._seen.items():
            if key in seen and day > today - UUID_DAYS:
                self.duplicate_counts[event_name] += 1
                return True
        self._seen_on(today).add(key)
        return False

    def _seen_on(self, today: int) -> set[int]:
        """The uuids of a day; a new day drops those that are a year old."""
        seen = self._seen.get(today)
        if seen is None:
            self._seen = {day: keys for day, keys in self._seen.items() if day > today - UUID_DAYS}
            seen = self._seen[today] = set()
        return seen

    def record(self, occurrence: Occurrence) -> None:
        """Keep an occurrence; among the lost ones if it has a `lost_reason`."""
        if not occurrence.id:
            occurrence.id = f"{self._next_occurrence:016x}"
        self._next_occurrence += 1
        line = encode(occurrence)
        if occurrence.lost_reason is UNSET:
            self.kept.append(line)
            self.counts[occurrence.event_name] += 1
        else:
            self.lost.append(line)
            self.lost_counts[occurrence.event_name] += 1
        if self.fresh is not None:
            self.fresh.append(line)

    def limit_kept(self, keep: int | None) -> None:
        """Keep at most this many occurrences from now on; 0 keeps only counts."""
        self.kept = deque(self.kept, maxlen=keep)

    def decode(self, line: bytes) -> Occurrence:
        """One kept occurrence."""
        return _decode_occurrence(line)

    def occurrences(self, event_name: str | None = None, contact_id: str | None = None) -> Iterator[Occurrence]:
        """Kept occurrences in arrival order, of an event or a record where one is named."""
        lines: Iterable[bytes] = self.kept
        for field, value in (("eventName", event_name), ("contactId", contact_id)):
            if value is not None:
                lines = _holding(_needle(field, value), lines)
        return (
            occurrence
            for occurrence in map(_decode_occurrence, lines)
            if event_name in (None, occurrence.event_name) and contact_id in (None, occurrence.contact_id)
        )

    def move_all(self, old_id: str, new_id: str, object_type: str) -> None:
        """Hand the occurrences of a merged record to the one it became."""
        needle = _needle("contactId", old_id)
        if not any(True for _ in _holding(needle, self.kept)):
            return
        for index, line in enumerate(self.kept):
            if needle in line:
                occurrence = _decode_occurrence(line)
                if occurrence.contact_id == old_id and occurrence.object_type == object_type:
                    occurrence.contact_id = new_id
                    self.kept[index] = encode(occurrence)

    def find_owner(self, utk: str, contact_id: str) -> None:
        """Hand the lost occurrences of a visitor to the contact that the visitor turned out to be."""
        needle = _needle("utk", utk)
        if not any(True for _ in _holding(needle, self.lost)):
            return
        lines, self.lost = list(self.lost), deque(maxlen=KEPT_LOST)
        for line in lines:
            occurrence = _decode_occurrence(line)
            if needle not in line or occurrence.lost_reason != UNKNOWN_VISITOR:
                self.lost.append(line)
                continue
            self.lost_counts[occurrence.event_name] -= 1
            occurrence.contact_id, occurrence.lost_reason = contact_id, UNSET
            self.record(occurrence)

    def value_rules(self, definition: Definition) -> dict[str, ValueRule]:
        """How the values of a definition's properties are judged, by property name."""
        known = self._value_rules.get(definition.fully_qualified_name)
        if known is None:
            known = {
                name: rule_for(
                    name=name,
                    value_type=item.type,
                    field_type=item.field_type,
                    option_labels={option.value: option.label for option in item.options},
                    has_open_options=False,
                    is_read_only=False,
                )
                for name, item in definition.properties.items()
            }
            self._value_rules[definition.fully_qualified_name] = known
        return known

    def mark(self, name: str) -> None:
        """Drop the cached value rules of a changed definition."""
        self._value_rules.pop(name, None)

    def restore(self, occurrence: Occurrence, seen_at_ms: int | None) -> None:
        """Put an occurrence back as it was; its uuid counts as seen at that time (None: it is remembered elsewhere)."""
        if occurrence.uuid is not UNSET and seen_at_ms is not None:
            key = _uuid_key(occurrence.event_name, occurrence.uuid)
            self._seen.setdefault(seen_at_ms // _MS_PER_DAY, set()).add(key)
        self.record(occurrence)

    def seen_by_day(self) -> dict[int, list[int]]:
        """Keys of the uuids seen, by day since the epoch."""
        return {day: list(keys) for day, keys in self._seen.items()}

    def restore_seen(self, day: int, keys: list[int]) -> None:
        """Remember uuids by key."""
        self._seen.setdefault(day, set()).update(keys)
