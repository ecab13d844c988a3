"""What one cycle knows and learnt of records other than contacts and companies, and of associations between any two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hubwire.delivery import Verdict
from hubwire.operation import Hold, RecordPair, RecordRef
from hubwire.record.protocol import ObjectRecord, RecordAssociation


@dataclass(slots=True)
class CycleObjects:
    """The records of a cycle."""

    known: dict[RecordRef, ObjectRecord] = field(default_factory=dict)
    changed: dict[RecordRef, ObjectRecord] = field(default_factory=dict)
    found: set[RecordRef] = field(default_factory=set)
    """Records that HubSpot has, and whose id was not known before this cycle."""
    others: set[RecordRef] = field(default_factory=set)
    """Records that are no longer the ones that their associations were made with."""
    adopted: dict[RecordRef, str] = field(default_factory=dict)
    """The ids of records that this cycle found by `find`, and that get the key with its write."""
    refused: dict[RecordRef, Verdict | Hold] = field(default_factory=dict)
    """Records that are not written in this cycle, and the fate of what depends on them."""
    associations: dict[RecordPair, RecordAssociation] = field(default_factory=dict)
    """Associations that this cycle confirmed."""
    parted: set[RecordPair] = field(default_factory=set)
    """Associations to forget."""

    def of_type(self, object_type: str, keys: Iterable[str]) -> dict[str, ObjectRecord]:
        """The known records of these keys, by key."""
        refs = ((key, RecordRef(object_type, key)) for key in keys)
        return {key: self.known[ref] for key, ref in refs if ref in self.known}

    def record_id(self, ref: RecordRef) -> str | None:
        """The record's id, if HubSpot has confirmed it."""
        record = self.known.get(ref)
        return record.record_id if record is not None else None

    def record_is(self, ref: RecordRef, record_id: str | None, now_ms: int) -> ObjectRecord:
        """Note the record that HubSpot has for this key; None if it has none."""
        record = self.known.get(ref) or ObjectRecord(*ref)
        if record.record_id is not None and record.record_id != record_id:
            self.others.add(ref)
        if record.record_id is None and record_id is not None:
            self.found.add(ref)
        record.record_id, record.seen_at_ms = record_id, now_ms
        self.known[ref] = self.changed[ref] = record
        return record

    def remember(self, associations: Mapping[RecordPair, RecordAssociation]) -> None:
        """Note confirmed associations."""
        self.associations.update(associations)
        self.parted.difference_update(associations)
