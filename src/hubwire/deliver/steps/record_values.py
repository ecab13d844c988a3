"""What holds for a record of any type that is written: which values are sent, and what an answer means for the memory.

Contacts, companies and other objects differ in how a record is found and which call writes it; these rules they share.
"""

from __future__ import annotations

from hubwire.deliver.calls.batch_sender import Input, Judged
from hubwire.deliver.cycle.coalesce import DesiredRecord, confirm_sent, difference, remembered_values
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.newer import without_newer
from hubwire.deliver.verdicts.dependants import was_sent
from hubwire.operation import LeftOut, RecordRef
from hubwire.reasons import Reason
from hubwire.record.protocol import KnownValues


def values_to_send(
    cycle_state: CycleState, path: str, desired: DesiredRecord, known: KnownValues | None
) -> dict[str, str]:
    """The values that HubSpot does not have yet. Those that lost to a newer one are noted in `cycle_state.older`.

    Shape: `path` is the object type in paths. Properties that HubSpot refused to create are left out.
    """
    differs = difference(desired, known, cycle_state.now_ms, cycle_state.suppress_ms)
    cycle_state.older += differs.older
    if cycle_state.portal.refused:
        _leave_out_refused(cycle_state, path, desired, differs.send)
    return differs.send


def values_to_restore(cycle_state: CycleState, place: str, key: str, known: KnownValues | None) -> dict[str, str]:
    """The remembered values that a record which is made anew gets again: those that nobody overwrote since.

    Shape: `place` is the name of the object type in the histories.
    """
    if known is None:
        return {}
    read = cycle_state.portal.histories.reads.get((place, key))
    return without_newer(remembered_values(known), known, read.foreign if read is not None else {})


def _leave_out_refused(cycle_state: CycleState, path: str, desired: DesiredRecord, send: dict[str, str]) -> None:
    for name in [name for name in send if (path, name) in cycle_state.portal.refused]:
        del send[name]
        why = cycle_state.portal.refused[path, name]
        for position in desired.drop(name)[:1]:
            left_out = LeftOut(desired.field_of(name), Reason.UNKNOWN_PROPERTY, why.detail)
            cycle_state.outcomes.leave_out(position, [left_out])


# -- what HubSpot said


def report_refused(cycle_state: CycleState, desired: DesiredRecord, sent: Input) -> None:
    """Report the properties that HubSpot refused on the messages that brought them, or else on the first message."""
    for item in sent.refused:
        value = desired.values.get(item.field)
        positions = [value.position] if value else desired.positions[:1]
        named = LeftOut(desired.field_of(item.field), item.reason, item.detail)
        for position in positions:
            cycle_state.outcomes.leave_out(position, [named])


def note_unwritten(cycle_state: CycleState, ref: RecordRef, outcome: Judged) -> None:
    """Correct the memory after a call that did not deliver a record, but may have written to it."""
    if was_sent(outcome.verdict):
        cycle_state.unconfirm_record(ref, outcome.input.properties)
    if outcome.is_gone:
        cycle_state.suspect_record(ref)


def note_written(
    cycle_state: CycleState, place: str, desired: DesiredRecord, known: KnownValues, outcome: Judged
) -> None:
    """Remember what HubSpot confirmed of a record. `known` has its record id already."""
    returned, sent = outcome.returned, outcome.input
    if returned is not None and returned.is_new:
        cycle_state.portal.own_source.learn(returned.properties)
        cycle_state.portal.histories.remember(place, desired.key, None, {}, cycle_state.now_ms)
    refused = {item.field for item in sent.refused}
    now_ms, fresh_ms = cycle_state.now_ms, cycle_state.suppress_ms
    confirm_sent(known, desired, sent.properties.keys(), refused, now_ms, fresh_ms)
