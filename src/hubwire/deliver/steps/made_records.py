"""Associations of rules that only create records: a record that HubSpot had before is not associated either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from hubwire.deliver.cycle.coalesce import Pair, Work
from hubwire.deliver.cycle.state import CycleState
from hubwire.operation import LeftOut, RecordRef
from hubwire.reasons import Reason

Ends = TypeVar("Ends")
AnyPair = TypeVar("AnyPair", bound=Pair)


def of_made_records(cycle_state: CycleState, work: Work, pairs: Mapping[Ends, AnyPair]) -> dict[Ends, AnyPair]:
    """The pairs, except those that only messages want whose record was there before; these are reported.

    Shape: all records of the cycle have been written.
    """
    kept = {}
    for ends, pair in pairs.items():
        if not pair.only_if_made:
            kept[ends] = pair
            continue
        is_kept = [ref is None or _is_made(cycle_state, work, ref, position) for position, ref in _messages_of(pair)]
        if any(is_kept):
            kept[ends] = pair
            continue
        for position, ref in _messages_of(pair):
            field = f"{ref.object if ref is not None else 'record'}.association"
            cycle_state.outcomes.leave_out(position, [LeftOut(field, Reason.RECORD_EXISTS)])
    return kept


def _messages_of(pair: Pair) -> list[tuple[int, RecordRef | None]]:
    """The messages of a pair, each with the record that must be new."""
    return [(position, pair.only_if_made.get(position)) for position in dict.fromkeys(pair.positions)]


def _is_made(cycle_state: CycleState, work: Work, ref: RecordRef, position: int) -> bool:
    """Whether this message made the record, now or in an earlier cycle."""
    desired, known = work.record_of(ref), cycle_state.known_values(ref)
    if desired is None or position not in {maker for _, maker in desired.makers}:
        return True
    if known is not None and any(value.position == position for value in known.properties.values()):
        return True
    # After a crash, HubSpot may have the record from the cycle that did not end.
    is_new = not desired.existed or cycle_state.is_repeated
    return is_new and min(desired.makers)[1] == position
