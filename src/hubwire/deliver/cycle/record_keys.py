"""The keys that lead to each record: a merged contact has several addresses, a company may have several domains.

Memory keeps the confirmed values by key, so the memory of one key does not know what another key of the record wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_REMEMBERED_RECORDS = 50_000


@dataclass(slots=True)
class RecordKeys:
    """Keyed by object type and record id; learnt from what the lane reads and writes. Bounded: the oldest go first."""

    _first: dict[tuple[str, str], str] = field(default_factory=dict)
    _shared: dict[tuple[str, str], None] = field(default_factory=dict)

    def note(self, object_type: str, record_id: str, key: str) -> bool:
        """Remember that a key leads to a record. Returns whether another key leads to it as well."""
        record = (object_type, record_id)
        if self._first.setdefault(record, key) != key:
            self._shared[record] = None
        for known in (self._first, self._shared):
            while len(known) > MAX_REMEMBERED_RECORDS:
                del known[next(iter(known))]
        return record in self._shared

    def is_shared(self, object_type: str, record_id: str) -> bool:
        """Whether several keys are known to lead to a record."""
        return (object_type, record_id) in self._shared
