"""Which records are looked up before anything relies on them."""

from __future__ import annotations

from collections.abc import Mapping, Set

from hubwire.deliver.cycle.state import CycleState
from hubwire.hubspot.reading import RECORDS_PER_READ

SURE_MS = 2000
"""What was seen so short a while ago is there."""


def unseen(cycle_state: CycleState, seen_at_ms: Mapping[str, int], relied: Set[str]) -> list[str]:
    """Keys of the records to look up: those not seen for long, those under suspicion, and, where a read is to spare,
    those that were not seen a moment ago.

    Shape: `seen_at_ms` has the known records of the cycle; `relied` are those that something depends on.
    """
    before_ms, sure_from_ms = cycle_state.unseen_before_ms, cycle_state.now_ms - SURE_MS
    due = [key for key, at_ms in seen_at_ms.items() if at_ms == 0 or (key in relied and at_ms < before_ms)]
    spare = [key for key, at_ms in seen_at_ms.items() if key in relied and before_ms <= at_ms < sure_from_ms]
    room = -len(due) % RECORDS_PER_READ
    if room < len(spare) <= RECORDS_PER_READ and _may_spare(cycle_state):
        return due + spare
    return due + spare[:room]


def _may_spare(cycle_state: CycleState) -> bool:
    return cycle_state.caller.has_plenty() and cycle_state.portal.spare_reads.take()
