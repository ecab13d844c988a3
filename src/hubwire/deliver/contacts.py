"""People: one batch upsert per hundred contacts that differ from what HubSpot confirmed.

Rules: e-mail is the key, lower-cased; every input carries its own objectWriteTraceId (HubSpot then answers 207 per
input instead of refusing the batch); the lifecycle stage does not move backwards by itself, so a stage that came back
other than asked for is cleared first and set again in a later call (HubSpot docs, "lifecycle stages").
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from hubwire.deliver.batch import OBJECTS_PER_CALL, split
from hubwire.deliver.coalesce import Wanted, confirm, difference
from hubwire.deliver.exchange import Input, Judged, is_delivered
from hubwire.deliver.task import Task
from hubwire.hubspot.exchange import Call
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import update_objects, upsert_objects
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import Person

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
        if known is None or known.contact_id is None or differs.send:
            inputs.append(Input(str(len(inputs)), email, differs.send, one.positions))
        elif confirm(known, one):
            task.changed_people.append(known)
    batches = split(inputs, OBJECTS_PER_CALL)
    judged = await asyncio.gather(*(task.exchange.send(partial(upsert_call, task.paths), batch) for batch in batches))
    backwards: list[tuple[Input, str]] = []
    for outcome in (one for batch in judged for one in batch):
        _settle(task, wanted[outcome.input.key], outcome, backwards)
    await _move_stages_back(task, backwards)


def upsert_call(paths: Paths, group: Sequence[Input]) -> Call:
    """Create or update contacts by e-mail."""
    path = paths.objects("contacts", "batch/upsert")
    body = upsert_objects(group, id_property="email")
    return Call("upsert contacts", "POST", path, body, id_property="email")


def _settle(task: Task, one: Wanted, outcome: Judged, backwards: list[tuple[Input, str]]) -> None:
    sent = outcome.input
    if sent.refused:
        _leave_out(task, one, sent)
    if not is_delivered(outcome.verdict):
        task.refuse_contact(sent.key, sent.positions, outcome.verdict)
        return
    returned = outcome.returned
    person = task.people.get(sent.key)
    if person is None:
        person = task.people[sent.key] = Person(sent.key)
    person.contact_id = returned.record_id if returned else person.contact_id
    if person.properties.keys() <= sent.properties.keys():
        person.confirmed_at_ms = task.now_ms
    confirm(person, one, (item.field for item in sent.refused))
    task.changed_people.append(person)
    stage = sent.properties.get(STAGE)
    if stage and returned and returned.properties.get(STAGE, stage) != stage and person.contact_id:
        backwards.append((sent, person.contact_id))


def _leave_out(task: Task, one: Wanted, sent: Input) -> None:
    for item in sent.refused:
        value = one.values.get(item.field)
        if value is not None:
            task.ledger.leave_out(value.position, [item])


async def _move_stages_back(task: Task, backwards: Sequence[tuple[Input, str]]) -> None:
    """Clear the stage, then set it: two calls, because one batch may not hold a record twice."""
    for step in ("clear", "set"):
        inputs = [
            Input(str(index), contact_id, {STAGE: "" if step == "clear" else sent.properties[STAGE]}, sent.positions)
            for index, (sent, contact_id) in enumerate(backwards)
        ]
        for batch in split(inputs, OBJECTS_PER_CALL):
            for outcome in await task.exchange.send(partial(stage_call, task.paths), batch):
                if not is_delivered(outcome.verdict):
                    task.ledger.judge(outcome.input.positions, outcome.verdict)


def stage_call(paths: Paths, group: Sequence[Input]) -> Call:
    """Set properties of contacts by record id."""
    path = paths.objects("contacts", "batch/update")
    return Call("set lifecycle stage", "POST", path, update_objects(group))
