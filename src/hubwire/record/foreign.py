"""What others changed in HubSpot, as far as Hubwire's memory is concerned.

A record that was deleted, merged or restored counts as not seen: the next cycle that needs it looks it up, and writes
all remembered values if it must create it again. A value that somebody else wrote counts as not confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec


class ForeignChanges(msgspec.Struct, frozen=True):
    """The changes of one kind of record, by record ids. A kind is `contact`, `company`, or another object type as it is
    stored."""

    kind: str
    moved: frozenset[str] = frozenset()
    """Records that may be gone, or may be another record now."""
    values: Mapping[str, Mapping[str, str | None]] = {}
    """The newest values by record and property; None if the value is not known."""

    @property
    def record_ids(self) -> set[str]:
        """All records with a change."""
        return {*self.moved, *self.values}


class Corrections(Protocol):
    """Corrects the memory of one destination's records. Contract: `tests/contract/test_corrections.py`."""

    def apply(self, destination_id: int, changes: Iterable[ForeignChanges]) -> int:
        """Mark records and values of which HubSpot reported a change; returns how many records it marked.

        Shape: a value that equals the remembered one is Hubwire's own write, and stays. Doing this twice does no harm.
        """
        ...
