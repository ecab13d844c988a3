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
from hubwire.deliver.steps.look_up import read_contacts
from hubwire.deliver.steps.newer import foreign_versions, leave_out_newer
from hubwire.deliver.verdicts.dependants import is_delivered
from hubwire.hubspot.call import OBJECTS_PER_CALL, Call, split
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import ConfirmedValue, Person

MakeCall = Callable[[Sequence[Input]], Call]


class Backward(NamedTuple):
    """A stage that HubSpot ignored. `remembered`: the stage that was confirmed before, and the time of its message."""

    sent: Input
    remembered: ConfirmedValue | None


async def move_stages_back(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    backwards: Mapping[str, Backward],
    update: MakeCall,
) -> None:
    """Clear the stage, then set it: two calls, because one batch cannot contain a record twice.

    Shape: `backwards` has, by record id, the inputs whose record came back with a later stage.
    """
    kept = await _ours(cycle_state, records, backwards)
    for step in ("clear", "set"):
        inputs = [
            Input(str(index), contact_id, {STAGE: "" if step == "clear" else sent.properties[STAGE]}, sent.positions)
            for index, (contact_id, sent) in enumerate(kept.items())
        ]
        for batch in split(inputs, OBJECTS_PER_CALL):
            for outcome in await send(cycle_state.caller, update, batch):
                if not is_delivered(outcome.verdict):
                    cycle_state.unconfirm_contact(kept[outcome.input.key].key, [STAGE])
                    cycle_state.outcomes.judge(outcome.input.positions, outcome.verdict)


async def _ours(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], backwards: Mapping[str, Backward]
) -> dict[str, Input]:
    """The stages that may move back. The others count as known, so an identify call that repeats one costs no call."""
    ours: dict[str, Input] = {}
    for contact_id, (sent, _) in backwards.items():
        value = records[sent.key].values.get(STAGE)
        if value is None:
            continue
        if value.position in cycle_state.public:
            _keep(cycle_state, records[sent.key], LeftOut(STAGE, Reason.STAGE_NOT_MOVED_BACK))
        else:
            ours[contact_id] = sent
    if not ours:
        return {}
    emails = {sent.key: contact_id for contact_id, sent in ours.items()}
    positions = {sent.key: sent.positions for sent in ours.values()}
    held = await read_contacts(cycle_state.caller, cycle_state.paths, positions, [STAGE])
    for email, record in held.records.items():
        desired, remembered = records[email], backwards[emails[email]].remembered
        before = Person(email, properties={STAGE: remembered} if remembered is not None else {})
        foreign = foreign_versions(record, before, cycle_state.schema.contact)
        leave_out_newer(cycle_state, desired, None, foreign, cycle_state.schema.contact)
        if STAGE not in desired.values:
            del ours[emails[email]]
    for email, verdict in held.unread.items():
        sent = ours.pop(emails[email])
        cycle_state.unconfirm_contact(email, [STAGE])
        cycle_state.outcomes.judge(sent.positions, verdict)
    return ours


def _keep(cycle_state: CycleState, desired: DesiredRecord, left_out: LeftOut) -> None:
    for position in desired.drop(STAGE):
        cycle_state.outcomes.leave_out(position, [left_out])
