"""The deals, orders and other records of a person or company, as Hubwire remembers their associations."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hubwire.console.parts.lanes import names
from hubwire.destination import Destination
from hubwire.manage.associated import AssociatedRecord, associated_records
from hubwire.manage.schema.plan import PLURALS
from hubwire.object_types import standard_type
from hubwire.record.statistics import KnownRecord
from hubwire.web.request import View

EMULATED_URL = "{emulator_url}/?q={record_id}#{anchor}-{record_id}"
RECORD_URL = "https://app.hubspot.com/contacts/{hub_id}/record/{object_type}/{record_id}"


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


def record_url(view: View, destination: Destination, object_type: str, record_id: str | None) -> str | None:
    """The page of a record in HubSpot, or its row at the sandbox's emulator; None while the record id is not known."""
    if not destination.hub_id or not record_id:
        return None
    if destination.is_sandbox:
        anchor, emulator_url = PLURALS.get(object_type, object_type), view.deps.emulator_url
        return emulator_url and EMULATED_URL.format(emulator_url=emulator_url, anchor=anchor, record_id=record_id)
    standard = standard_type(object_type)
    type_id = standard.type_id if standard is not None else object_type
    return RECORD_URL.format(hub_id=destination.hub_id, object_type=type_id, record_id=record_id)


def other_records(view: View, known: Iterable[KnownRecord]) -> list[OtherRecord]:
    """The records that are associated with these records, the newest associations first."""
    destinations = view.deps.registry.destinations()
    shown_names = names(destinations)
    return [
        _shown(view, destinations[found.destination_id], shown_names[found.destination_id], found)
        for found in associated_records(view.deps.record.objects, known)
        if found.destination_id in destinations
    ]


def _shown(view: View, destination: Destination, name: str, found: AssociatedRecord) -> OtherRecord:
    record = found.record
    return OtherRecord(
        destination_id=destination.destination_id,
        destination=name,
        kind=record.object,
        key=view.masked_text(record.key) or "",
        record_id=record.record_id or "",
        url=record_url(view, destination, record.object, record.record_id),
        at_ms=found.at_ms,
        positions=frozenset([value.position for value in record.properties.values()]),
    )
