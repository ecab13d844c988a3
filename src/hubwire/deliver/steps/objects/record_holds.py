"""Holds messages whose record HubSpot does not have yet, or whose object type the portal or the token does not have."""

from __future__ import annotations

from collections.abc import Iterable

from hubwire.deliver.cycle.portal_schema import UNAVAILABLE_AGE_MS
from hubwire.deliver.cycle.state import CycleState
from hubwire.operation import Hold, RecordRef, record_hold_key
from hubwire.reasons import Reason


def wait_for_record(cycle_state: CycleState, ref: RecordRef, reason: Reason, detail: str) -> Hold:
    """The hold of a message until another one makes this record."""
    keys = (record_hold_key(cycle_state.destination_id, ref),)
    return Hold(reason, keys, detail, ends_as=Reason.RECORD_NEVER_THERE)


def is_unavailable(cycle_state: CycleState, object_type: str) -> bool:
    """Whether the portal or the token does not have this object type, as it was last read."""
    known = cycle_state.schema.objects.get(object_type)
    return known is None or known.unavailable is not None


def hold_unavailable(cycle_state: CycleState, ref: RecordRef, positions: Iterable[int], words: str = "") -> None:
    """Hold the messages of a record whose object type is not available. `words`: HubSpot's refusal just now."""
    known = cycle_state.schema.objects.get(ref.object)
    if known is not None and words:
        known.unavailable = words
    why = known.unavailable if known is not None else None
    detail = f"{ref.object}: {why or 'the portal has no such object'}"
    cycle_state.refuse_record(ref, positions, refused_hold(cycle_state, detail))


def refused_hold(cycle_state: CycleState, detail: str) -> Hold:
    """The hold of a message until HubSpot may be asked again."""
    until_ms = cycle_state.now_ms + UNAVAILABLE_AGE_MS
    return Hold(Reason.FEATURE_REFUSED, detail=detail, ends_as=Reason.FEATURE_NEVER_ALLOWED, until_ms=until_ms)
