"""People: one batch upsert per hundred contacts that differ from what HubSpot confirmed.

Rules: e-mail is the key, lower-cased; every input carries its own objectWriteTraceId (HubSpot then answers 207 per
input instead of refusing the batch); the lifecycle stage does not move backwards by itself, so a stage that came back
other than asked for is cleared first and set again in a later call (HubSpot docs, "lifecycle stages").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from hubwire.deliver.calls.batch import OBJECTS_PER_CALL, split
from hubwire.deliver.calls.batch_sender import Input, Judged, send
from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import (
    DesiredRecord,
    confirm,
    confirm_sent,
    difference,
)
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.verdicts.dependants import is_delivered, was_sent
from hubwire.hubspot.call import Call
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import update_objects, upsert_objects
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import Person

OBJECT = "contacts"
STAGE = "lifecyclestage"


async def upsert_contacts(cycle_state: CycleState, wanted: Mapping[str, DesiredRecord]) -> None:
    """Bring the contacts to what is wanted; people confirmed by the answers are in `cycle_state.people` afterwards."""
    cycle_state.people = await cycle_state.load(cycle_state.record.people, wanted.keys())
    inputs: list[Input] = []
    for email, one in wanted.items():
        known = cycle_state.people.get(email)
        differs = difference(one, known, cycle_state.now_ms, cycle_state.suppress_ms)
        for name, position in differs.older:
            cycle_state.outcomes.leave_out(position, [LeftOut(name, Reason.OLDER_THAN_KNOWN)])
        if cycle_state.portal.refused:
            leave_out_refused(cycle_state, OBJECT, one, differs.send)
        if known is None or known.contact_id is None or differs.send:
            inputs.append(Input(str(len(inputs)), email, differs.send, one.positions))
        elif confirm(known, one):
            cycle_state.changed_people[email] = known
    upsert, update = partial(upsert_call, cycle_state.paths), partial(update_call, cycle_state.paths)
    batches = split(inputs, OBJECTS_PER_CALL)
    judged = await together(*(send(cycle_state.caller, upsert, batch, update) for batch in batches))
    backwards: dict[str, Input] = {}
    for outcome in (one for batch in judged for one in batch):
        _settle(cycle_state, wanted[outcome.input.key], outcome, backwards)
    await _move_stages_back(cycle_state, backwards)


def upsert_call(paths: Paths, group: Sequence[Input]) -> Call:
    """Create or update contacts by e-mail."""
    path = paths.objects(OBJECT, "batch/upsert")
    body = upsert_objects(group, id_property="email")
    return Call("upsert contacts", "POST", path, body, id_property="email")


def update_call(paths: Paths, group: Sequence[Input]) -> Call:
    """Set properties of contacts by record id."""
    return Call("update contacts", "POST", paths.objects(OBJECT, "batch/update"), update_objects(group))


def leave_out_refused(cycle_state: CycleState, object_type: str, one: DesiredRecord, send: dict[str, str]) -> None:
    """Take out the properties that HubSpot would not let us create."""
    for name in [name for name in send if (object_type, name) in cycle_state.portal.refused]:
        del send[name]
        value, why = one.values.pop(name), cycle_state.portal.refused[object_type, name]
        cycle_state.outcomes.leave_out(value.position, [LeftOut(name, Reason.UNKNOWN_PROPERTY, why.detail)])


def report_refused(cycle_state: CycleState, one: DesiredRecord, sent: Input) -> None:
    """Say on the messages what HubSpot refused of them."""
    for item in sent.refused:
        value = one.values.get(item.field)
        cycle_state.outcomes.leave_out(value.position if value else one.positions[0], [item])


def _settle(cycle_state: CycleState, one: DesiredRecord, outcome: Judged, backwards: dict[str, Input]) -> None:
    sent = outcome.input
    report_refused(cycle_state, one, sent)
    if not is_delivered(outcome.verdict):
        if was_sent(outcome.verdict):
            cycle_state.unconfirm_contact(sent.key, sent.properties)
        cycle_state.refuse_contact(sent.key, sent.positions, outcome.verdict)
        return
    returned = outcome.returned
    person = cycle_state.people.get(sent.key)
    if person is None:
        person = cycle_state.people[sent.key] = Person(sent.key)
    person.contact_id = returned.record_id if returned else person.contact_id
    refused = {item.field for item in sent.refused}
    confirm_sent(person, one, sent.properties.keys(), refused, cycle_state.now_ms, cycle_state.suppress_ms)
    cycle_state.changed_people[sent.key] = person
    stage = sent.properties.get(STAGE)
    if stage and returned and returned.properties.get(STAGE, stage) != stage:
        backwards[returned.record_id] = sent


async def _move_stages_back(cycle_state: CycleState, backwards: Mapping[str, Input]) -> None:
    """Clear the stage, then set it: two calls, because one batch may not hold a record twice."""
    update = partial(update_call, cycle_state.paths)
    for step in ("clear", "set"):
        inputs = [
            Input(str(index), contact_id, {STAGE: "" if step == "clear" else sent.properties[STAGE]}, sent.positions)
            for index, (contact_id, sent) in enumerate(backwards.items())
        ]
        for batch in split(inputs, OBJECTS_PER_CALL):
            for outcome in await send(cycle_state.caller, update, batch):
                if not is_delivered(outcome.verdict):
                    cycle_state.unconfirm_contact(backwards[outcome.input.key].key, [STAGE])
                    cycle_state.outcomes.judge(outcome.input.positions, outcome.verdict)
