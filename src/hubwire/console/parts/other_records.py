"""The deals, orders and other records of a person or company, as Hubwire remembers their associations."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hubwire.console.parts.lanes import names
from hubwire.destination import Destination
from hubwire.object_types import standard_type
from hubwire.operation import RecordRef
from hubwire.record.protocol import ObjectRecord
from hubwire.record.statistics import KnownRecord
from hubwire.web.request import View

RECORD_URL = "https://app.hubspot.com/contacts/{hub_id}/record/{object_type}/{record_id}"
MAX_SHOWN = 50


class OtherRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is associated with a person or company. `positions`: the messages that brought its values."""

    destination_id: int
    destination: str
    kind: str
    key: str
    record_id: str
    url: str | None
    at_ms: int
    positions: frozenset[int]


def record_url(destination: Destination, object_type: str, record_id: str | None) -> str | None:
    """The page of a record in HubSpot; None in the sandbox, and while the record id is not known."""
    if destination.is_sandbox or not destination.hub_id or not record_id:
        return None
    standard = standard_type(object_type)
    type_id = standard.type_id if standard is not None else object_type
    return RECORD_URL.format(hub_id=destination.hub_id, object_type=type_id, record_id=record_id)


def other_records(view: View, known: Iterable[KnownRecord]) -> list[OtherRecord]:
    """The records that are associated with these contacts and companies, the newest associations first."""
    destinations = view.deps.registry.destinations()
    shown_names, memory = names(destinations), view.deps.record.objects
    by_destination: dict[int, list[RecordRef]] = {}
    for record in known:
        by_destination.setdefault(record.destination_id, []).append(RecordRef(record.kind, record.key))
    found: list[OtherRecord] = []
    for destination_id, refs in by_destination.items():
        destination = destinations.get(destination_id)
        if destination is None:
            continue
        times: dict[RecordRef, int] = {}
        for association in memory.associations_of(destination_id, refs):
            for end in (association.source, association.target):
                if end not in refs and end.object not in ("contact", "company") and not association.is_away:
                    times[end] = max(times.get(end, 0), association.at_ms)
        newest = sorted(times, key=lambda ref: -times[ref])[:MAX_SHOWN]
        records = memory.records(destination_id, newest)
        found += [
            _shown(view, destination, shown_names[destination_id], records[ref], times[ref])
            for ref in newest
            if ref in records and records[ref].record_id
        ]
    return found


def _shown(view: View, destination: Destination, name: str, record: ObjectRecord, at_ms: int) -> OtherRecord:
    return OtherRecord(
        destination_id=destination.destination_id,
        destination=name,
        kind=record.object,
        key=view.masked_text(record.key) or "",
        record_id=record.record_id or "",
        url=record_url(destination, record.object, record.record_id),
        at_ms=at_ms,
        positions=frozenset([value.position for value in record.properties.values()]),
    )
