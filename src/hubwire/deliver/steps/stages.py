"""Moves lifecycle stages backwards. HubSpot ignores an earlier stage, so it is cleared first, and set in a later call.

A stage that somebody else wrote later stays. A web or mobile source never moves a stage back, because its write key is
public. Source: HubSpot docs, "lifecycle stages".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from hubwire.deliver.calls.batch_sender import Input, send
from hubwire.deliver.cycle.coalesce import DesiredRecord
from hubwire.deliver.cycle.newest import STAGE
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.look_up import Held, read_companies, read_contacts
from hubwire.deliver.steps.record_values import foreign_versions, leave_out_newer
from hubwire.deliver.verdicts.dependants import is_delivered
from hubwire.hubspot.call import OBJECTS_PER_CALL, Call, split
from hubwire.operation import LeftOut, RecordRef
from hubwire.reasons import Reason
from hubwire.record.protocol import ConfirmedValue, Person

MakeCall = Callable[[Sequence[Input]], Call]
KINDS = {"contacts": "contact", "companies": "company"}


class Backward(NamedTuple):
    """A stage that HubSpot ignored. `remembered`: the stage that was confirmed before, and the time of its message."""

    sent: Input
    remembered: ConfirmedValue | None


async def move_stages_back(
    cycle_state: CycleState,
    object_type: str,
    records: Mapping[str, DesiredRecord],
    backwards: Mapping[str, Backward],
    update: MakeCall,
) -> None:
    """Clear the stage, then set it: two calls, because one batch cannot contain a record twice.

    Shape: `backwards` has, by record id, the inputs whose record came back with a later stage. An input's key is that
    of its desired record.
    """
    kept = await _ours(cycle_state, object_type, records, backwards)
    for step in ("clear", "set"):
        inputs = [
            Input(str(index), record_id, {STAGE: "" if step == "clear" else sent.properties[STAGE]}, sent.positions)
            for index, (record_id, sent) in enumerate(kept.items())
        ]
        for batch in split(inputs, OBJECTS_PER_CALL):
            for outcome in await send(cycle_state.caller, update, batch):
                if not is_delivered(outcome.verdict):
                    cycle_state.unconfirm_record(RecordRef(KINDS[object_type], kept[outcome.input.key].key), [STAGE])
                    cycle_state.outcomes.judge(outcome.input.positions, outcome.verdict)


async def _ours(
    cycle_state: CycleState, object_type: str, records: Mapping[str, DesiredRecord], backwards: Mapping[str, Backward]
) -> dict[str, Input]:
    """The stages that may move back. The others count as known, so an identify call that repeats one costs no call."""
    ours: dict[str, Input] = {}
    for record_id, (sent, _) in backwards.items():
        value = records[sent.key].values.get(STAGE)
        if value is None:
            continue
        if value.position in cycle_state.public:
            _keep(cycle_state, records[sent.key], LeftOut(STAGE, Reason.STAGE_NOT_MOVED_BACK))
        else:
            ours[record_id] = sent
    if not ours:
        return {}
    ids = {sent.key: record_id for record_id, sent in ours.items()}
    held = await _read(cycle_state, object_type, ours)
    definitions = cycle_state.schema.contact if object_type == "contacts" else cycle_state.schema.company
    for key, record in held.records.items():
        desired, remembered = records[key], backwards[ids[key]].remembered
        before = Person(key, properties={STAGE: remembered} if remembered is not None else {})
        foreign = foreign_versions(cycle_state, desired, record, before, definitions)
        leave_out_newer(cycle_state, desired, None, foreign, definitions)
        if STAGE not in desired.values:
            del ours[ids[key]]
    for key, verdict in held.unread.items():
        sent = ours.pop(ids[key])
        cycle_state.unconfirm_record(RecordRef(KINDS[object_type], key), [STAGE])
        cycle_state.outcomes.judge(sent.positions, verdict)
    return ours


async def _read(cycle_state: CycleState, object_type: str, ours: Mapping[str, Input]) -> Held:
    """The records with the history of their stages, by the keys of the inputs."""
    caller, paths = cycle_state.caller, cycle_state.paths
    if object_type == "contacts":
        return await read_contacts(caller, paths, {sent.key: sent.positions for sent in ours.values()}, [STAGE])
    held = await read_companies(caller, paths, {record_id: sent.positions for record_id, sent in ours.items()}, [STAGE])
    held.records = {ours[record_id].key: record for record_id, record in held.records.items()}
    held.unread = {ours[record_id].key: verdict for record_id, verdict in held.unread.items()}
    return held


def _keep(cycle_state: CycleState, desired: DesiredRecord, left_out: LeftOut) -> None:
    for position in desired.drop(STAGE):
        cycle_state.outcomes.leave_out(position, [left_out])
