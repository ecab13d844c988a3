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
    Wanted,
    confirm,
    confirm_sent,
    difference,
)
from hubwire.deliver.cycle.state import Task
from hubwire.deliver.verdicts.dependants import is_delivered, was_sent
from hubwire.hubspot.call import Call
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import update_objects, upsert_objects
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import Person

OBJECT = "contacts"
STAGE = "lifecyclestage"


async def upsert_contacts(task: Task, wanted: Mapping[str, Wanted]) -> None:
    """Bring the contacts to what is wanted; people confirmed by the answers are in `task.people` afterwards."""
    task.people = task.record.people(task.destination_id, wanted.keys())
    inputs: list[Input] = []
    for email, one in wanted.items():
        known = task.people.get(email)
        differs = difference(one, known, task.now_ms, task.suppress_ms)
        for name, position in differs.older:
            task.ledger.leave_out(position, [LeftOut(name, Reason.OLDER_THAN_KNOWN)])
        if task.portal.refused:
            leave_out_refused(task, OBJECT, one, differs.send)
        if known is None or known.contact_id is None or differs.send:
            inputs.append(Input(str(len(inputs)), email, differs.send, one.positions))
        elif confirm(known, one):
            task.changed_people[email] = known
    upsert, update = partial(upsert_call, task.paths), partial(update_call, task.paths)
    batches = split(inputs, OBJECTS_PER_CALL)
    judged = await together(*(send(task.exchange, upsert, batch, update) for batch in batches))
    backwards: dict[str, Input] = {}
    for outcome in (one for batch in judged for one in batch):
        _settle(task, wanted[outcome.input.key], outcome, backwards)
    await _move_stages_back(task, backwards)


def upsert_call(paths: Paths, group: Sequence[Input]) -> Call:
    """Create or update contacts by e-mail."""
    path = paths.objects(OBJECT, "batch/upsert")
    body = upsert_objects(group, id_property="email")
    return Call("upsert contacts", "POST", path, body, id_property="email")


def update_call(paths: Paths, group: Sequence[Input]) -> Call:
    """Set properties of contacts by record id."""
    return Call("update contacts", "POST", paths.objects(OBJECT, "batch/update"), update_objects(group))


def leave_out_refused(task: Task, object_type: str, one: Wanted, send: dict[str, str]) -> None:
    """Take out the properties that HubSpot would not let us create."""
    for name in [name for name in send if (object_type, name) in task.portal.refused]:
        del send[name]
        value, why = one.values.pop(name), task.portal.refused[object_type, name]
        task.ledger.leave_out(value.position, [LeftOut(name, Reason.UNKNOWN_PROPERTY, why.detail)])


def report_refused(task: Task, one: Wanted, sent: Input) -> None:
    """Say on the messages what HubSpot refused of them."""
    for item in sent.refused:
        value = one.values.get(item.field)
        task.ledger.leave_out(value.position if value else one.positions[0], [item])


def _settle(task: Task, one: Wanted, outcome: Judged, backwards: dict[str, Input]) -> None:
    sent = outcome.input
    report_refused(task, one, sent)
    if not is_delivered(outcome.verdict):
        if was_sent(outcome.verdict):
            task.doubt_contact(sent.key, sent.properties)
        task.refuse_contact(sent.key, sent.positions, outcome.verdict)
        return
    returned = outcome.returned
    person = task.people.get(sent.key)
    if person is None:
        person = task.people[sent.key] = Person(sent.key)
    person.contact_id = returned.record_id if returned else person.contact_id
    refused = {item.field for item in sent.refused}
    confirm_sent(person, one, sent.properties.keys(), refused, task.now_ms, task.suppress_ms)
    task.changed_people[sent.key] = person
    stage = sent.properties.get(STAGE)
    if stage and returned and returned.properties.get(STAGE, stage) != stage:
        backwards[returned.record_id] = sent


async def _move_stages_back(task: Task, backwards: Mapping[str, Input]) -> None:
    """Clear the stage, then set it: two calls, because one batch may not hold a record twice."""
    update = partial(update_call, task.paths)
    for step in ("clear", "set"):
        inputs = [
            Input(str(index), contact_id, {STAGE: "" if step == "clear" else sent.properties[STAGE]}, sent.positions)
            for index, (contact_id, sent) in enumerate(backwards.items())
        ]
        for batch in split(inputs, OBJECTS_PER_CALL):
            for outcome in await send(task.exchange, update, batch):
                if not is_delivered(outcome.verdict):
                    task.doubt_contact(backwards[outcome.input.key].key, [STAGE])
                    task.ledger.judge(outcome.input.positions, outcome.verdict)
