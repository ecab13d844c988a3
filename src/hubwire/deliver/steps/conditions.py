"""Values that depend on what HubSpot has: `only_if_empty`, and the modes `update` and `create` of rules.

If the memory has no answer, `contact_state.py` and `company_state.py` read it together with the late messages'
histories; this module makes no calls.
"""

from __future__ import annotations

from hubwire.deliver.cycle.coalesce import DesiredRecord, When, is_fresh
from hubwire.deliver.cycle.state import CycleState
from hubwire.hubspot.reading import HeldRecord
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import UNSURE, Company, KnownValues, Person


def unanswered(cycle_state: CycleState, desired: DesiredRecord, known: KnownValues | None) -> set[str] | None:
    """The properties to read before a record is written; None if nothing has to be read.

    Shape: an empty set asks only if the record is there. Values that memory has are left out here.
    """
    names = desired.conditional()
    if not names and desired.may_make:
        return None
    now_ms, suppress_ms = cycle_state.now_ms, cycle_state.suppress_ms
    fresh = known if known is not None and is_fresh(known.confirmed_at_ms, now_ms, suppress_ms) else None
    for name in list(names):
        remembered = fresh.properties.get(name) if fresh is not None else None
        if desired.values[name].when is When.IF_NEW:
            names.discard(name)
        elif remembered is not None and remembered.value and remembered.value[:1] != UNSURE:
            _leave_out(cycle_state, desired, name, Reason.NOT_EMPTY)
            names.discard(name)
    if names or (desired.needs_existence and record_id_of(known) is None):
        return names
    return None


def settle(
    cycle_state: CycleState,
    desired: DesiredRecord,
    record_id: str | None,
    record: HeldRecord | None,
    *,
    is_known: bool = True,
) -> bool:
    """Leave out the values whose condition is false. Returns whether the record may be written.

    Shape: `record` is the record as it was read, or None. `is_known` is False if HubSpot could not say what it has.
    """
    for name in desired.conditional():
        value = desired.values[name]
        if not is_known or (record is None and record_id is not None and value.when is When.IF_EMPTY):
            _leave_out(cycle_state, desired, name, Reason.NOT_EMPTY, "HubSpot's value could not be read")
        elif value.when is When.IF_NEW and record_id is not None:
            desired.existed = True
            _leave_out(cycle_state, desired, name, Reason.RECORD_EXISTS)
        elif value.when is When.IF_EMPTY and record is not None and _value_of(record, name):
            _leave_out(cycle_state, desired, name, Reason.NOT_EMPTY)
        else:
            desired.values[name] = value._replace(when=When.ALWAYS)
    if desired.may_make or record_id is not None:
        return True
    names = list(desired.values)
    for name in names:
        _leave_out(cycle_state, desired, name, Reason.NO_SUCH_RECORD)
    if not names and desired.positions[0] not in desired.silent:
        cycle_state.outcomes.leave_out(
            desired.positions[0], [LeftOut(desired.field_of("record"), Reason.NO_SUCH_RECORD)]
        )
    return False


def record_id_of(known: KnownValues | None) -> str | None:
    """The remembered id of the record."""
    if isinstance(known, Person):
        return known.contact_id
    return known.company_id if isinstance(known, Company) else known.record_id if known is not None else None


def _value_of(record: HeldRecord, name: str) -> str:
    versions = record.history.get(name)
    return versions[0].value if versions else record.properties.get(name, "")


def _leave_out(cycle_state: CycleState, desired: DesiredRecord, name: str, reason: Reason, detail: str = "") -> None:
    for position in desired.drop(name):
        if reason is Reason.NO_SUCH_RECORD and position in desired.silent:
            continue
        cycle_state.outcomes.leave_out(position, [LeftOut(desired.field_of(name), reason, detail)])
