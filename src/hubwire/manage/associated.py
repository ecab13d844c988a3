"""The deals, orders and other records of a person or company, as Hubwire remembers their associations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hubwire.operation import RecordRef
from hubwire.record.protocol import ObjectMemory, ObjectRecord
from hubwire.record.statistics import KnownRecord

MAX_SHOWN = 50


class AssociatedRecord(NamedTuple):
    """A record of another type, and the time of the newest message that associates it."""

    destination_id: int
    record: ObjectRecord
    at_ms: int


def associated_records(memory: ObjectMemory, known: Iterable[KnownRecord]) -> list[AssociatedRecord]:
    """The records that are associated with these records, the newest associations of each destination first."""
    by_destination: dict[int, list[RecordRef]] = {}
    for record in known:
        by_destination.setdefault(record.destination_id, []).append(RecordRef(record.kind, record.key))
    found: list[AssociatedRecord] = []
    for destination_id, refs in by_destination.items():
        times: dict[RecordRef, int] = {}
        for association in memory.associations_of(destination_id, refs):
            for end in (association.source, association.target):
                if end not in refs and end.object not in ("contact", "company") and not association.is_away:
                    times[end] = max(times.get(end, 0), association.at_ms)
        newest = sorted(times, key=lambda ref: -times[ref])[:MAX_SHOWN]
        records = memory.records(destination_id, newest)
        found += [
            AssociatedRecord(destination_id, records[ref], times[ref])
            for ref in newest
            if ref in records and records[ref].record_id
        ]
    return found
