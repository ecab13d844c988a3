"""People: one batch upsert per hundred contacts that differ from what HubSpot confirmed.

Rules: e-mail is the key, lower-cased; every input carries its own objectWriteTraceId (HubSpot then answers 207 per
input instead of refusing the batch); a contact that is another record than the one that we knew gets all that is
remembered of it, not only what a message changes. What HubSpot holds is looked at first where it can matter
(`contact_state.py`); stages that have to go backwards come last (`stages.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from hubwire.deliver.calls.batch_sender import Input, Judged, MakeCall, send
from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import (
    DesiredRecord,
    confirm,
    remembered_values,
)
from hubwire.deliver.cycle.newest import STAGE
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.contact_state import OBJECT, compare_whole, look_up_contacts
from hubwire.deliver.steps.keyed_contacts import meet_contacts
from hubwire.deliver.steps.record_calls import CONTACT, update_call, upsert_call
from hubwire.deliver.steps.record_values import (
    leave_out_lower_trust,
    note_unwritten,
    note_written,
    report_refused,
    values_to_restore,
    values_to_send,
    without_newer,
)
from hubwire.deliver.steps.stages import Backward, move_stages_back
from hubwire.deliver.verdicts.dependants import is_delivered
from hubwire.delivery import Dead
from hubwire.hubspot.call import OBJECTS_PER_CALL, Call, split
from hubwire.hubspot.reading import moment_ms
from hubwire.operation import RecordRef, unique_property
from hubwire.reasons import Reason
from hubwire.record.protocol import Person


async def upsert_contacts(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], relied: Collection[str]
) -> None:
    """Write the contacts that differ from HubSpot; confirmed people are in `cycle_state.people` afterwards.

    Shape: `relied` are the contacts that events and associations of this cycle need.
    """
    cycle_state.people = await cycle_state.load(cycle_state.record.people, records.keys())
    for person in cycle_state.people.values():
        cycle_state.make_shared_unsure(person)
    _keep_newest(cycle_state, records)
    leave_out_lower_trust(cycle_state, records, cycle_state.people)
    _discard_refused(cycle_state, records)
    backwards: dict[str, Backward] = {}
    keyed = {key: desired for key, desired in records.items() if unique_property(key) is not None}
    await _write(cycle_state, records, records.keys() - keyed.keys() if keyed else records.keys(), relied, backwards)
    if keyed:
        # After the others: a contact that this cycle makes by its e-mail is then found by it.
        open_contacts = {key: desired for key, desired in keyed.items() if not cycle_state.is_refused(key)}
        await meet_contacts(cycle_state, open_contacts)
        await _write(cycle_state, records, keyed.keys(), relied, backwards)
    if backwards:
        await move_stages_back(
            cycle_state, OBJECT, records, backwards, partial(update_call, cycle_state.paths, CONTACT)
        )


def _keep_newest(cycle_state: CycleState, records: Mapping[str, DesiredRecord]) -> None:
    """Keep the newest value of each property where several addresses of the cycle lead to one contact."""
    newest: dict[tuple[str, str], DesiredRecord] = {}
    for email, desired in records.items():
        contact_id = cycle_state.contact_id(email)
        if contact_id is None or not cycle_state.portal.record_keys.is_shared(OBJECT, contact_id):
            continue
        for name, value in list(desired.values.items()):
            other = newest.get((contact_id, name))
            if other is None or value.beats(other.values[name]):
                newest[contact_id, name] = desired
            older = desired if newest[contact_id, name] is not desired else other
            if older is not None:
                del older.values[name]


async def _write(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    keys: Set[str],
    relied: Collection[str],
    backwards: dict[str, Backward],
) -> None:
    """Look up and write the contacts of these keys."""
    open_contacts = {
        key: desired for key, desired in records.items() if key in keys and not cycle_state.is_refused(key)
    }
    await look_up_contacts(cycle_state, open_contacts, frozenset(relied) & open_contacts.keys())
    inputs = [
        input_
        for email, desired in open_contacts.items()
        if email not in cycle_state.unread_contacts
        and not cycle_state.is_refused(email)
        and (input_ := _input_of(cycle_state, desired)) is not None
    ]
    made_anew = await _send(cycle_state, records, inputs, backwards)
    await _write_again(cycle_state, records, made_anew, backwards)


class _Route(NamedTuple):
    """How a contact is written: by a unique property, or else by record id; and its value."""

    id_property: str | None
    value: str


def _route(cycle_state: CycleState, desired: DesiredRecord) -> _Route:
    """By e-mail; a contact with another key, and one that may only be updated, by record id once that is known."""
    contact_id, unique = cycle_state.contact_id(desired.key), unique_property(desired.key)
    if contact_id is not None and (unique is not None or not desired.may_make):
        return _Route(None, contact_id)
    if unique is None:
        return _Route("email", desired.key)
    return _Route(*unique) if desired.known_as is None else _Route("email", desired.known_as)


def _input_of(cycle_state: CycleState, desired: DesiredRecord) -> Input | None:
    """The input for one contact; None if HubSpot has all its values."""
    known = cycle_state.people.get(desired.key)
    send = values_to_send(cycle_state, OBJECT, desired, known)
    properties = {**_to_restore(cycle_state, known), **send}
    if unique_property(desired.key) is not None and _route(cycle_state, desired).id_property == "email":
        properties.pop("email", None)
    if known is None or known.contact_id is None or properties:
        return Input(desired.key, desired.key, properties, desired.positions)
    if confirm(known, desired):
        cycle_state.changed_people[desired.key] = known
    return None


def _to_restore(cycle_state: CycleState, known: Person | None) -> dict[str, str]:
    """The remembered values to write again, if the contact is another record now."""
    if known is None or (known.contact_id is not None and known.email not in cycle_state.other_contacts):
        return {}
    return values_to_restore(cycle_state, OBJECT, known.email, known)


async def _send(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    inputs: Sequence[Input],
    backwards: dict[str, Backward],
) -> list[Input]:
    """Upsert contacts. Returns the inputs whose contact is another record than the remembered one."""
    before, update = set(cycle_state.other_contacts), partial(update_call, cycle_state.paths, CONTACT)
    routes = {input_.key: _route(cycle_state, records[input_.key]) for input_ in inputs}
    groups: dict[str | None, list[Input]] = {}
    for input_ in inputs:
        groups.setdefault(routes[input_.key].id_property, []).append(input_)
    judged = await together(
        *(
            send(cycle_state.caller, _call(cycle_state, id_property, routes), batch, update)
            for id_property, group in groups.items()
            for batch in split([_traced(number, input_) for number, input_ in enumerate(group)], OBJECTS_PER_CALL)
        )
    )
    outcomes = [outcome for batch in judged for outcome in batch]
    for outcome in outcomes:
        _settle(cycle_state, records, outcome, backwards)
    return [outcome.input for outcome in outcomes if outcome.input.key in cycle_state.other_contacts - before]


def _call(cycle_state: CycleState, id_property: str | None, routes: Mapping[str, _Route]) -> MakeCall:
    """The call for contacts of one route; the inputs carry the values of their routes instead of their keys."""

    def make(group: Sequence[Input]) -> Call:
        routed = [
            input_ if routes[input_.key].value == input_.key else replace(input_, key=routes[input_.key].value)
            for input_ in group
        ]
        if id_property is None:
            return update_call(cycle_state.paths, CONTACT, routed)
        return upsert_call(cycle_state.paths, CONTACT, id_property, routed)

    return make


async def _write_again(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    made_anew: Sequence[Input],
    backwards: dict[str, Backward],
) -> None:
    """Write the other remembered values of contacts that an upsert created or found as another record."""
    merged = [sent.key for sent in made_anew if sent.key not in cycle_state.new_contacts]
    foreign = await compare_whole(cycle_state, records, merged)
    again: list[Input] = []
    for sent in made_anew:
        person = cycle_state.people[sent.key]
        rest = without_newer(remembered_values(person), person, foreign.get(sent.key, {}))
        rest = {name: value for name, value in rest.items() if name not in sent.properties}
        if rest and sent.key not in cycle_state.unread_contacts:
            again.append(Input(sent.key, sent.key, rest, sent.positions))
    if again:
        await _send(cycle_state, records, again, backwards)


def _traced(number: int, input_: Input) -> Input:
    input_.trace = str(number)
    return input_


def _settle(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], outcome: Judged, backwards: dict[str, Backward]
) -> None:
    sent, desired = outcome.input, records[outcome.input.key]
    report_refused(cycle_state, desired, sent)
    person = cycle_state.people.get(sent.key) or Person(sent.key)
    if isinstance(outcome.verdict, Dead) and outcome.verdict.reason is Reason.DELETED_FOR_PRIVACY:
        person.refused_at_ms = cycle_state.now_ms
        cycle_state.contact_is(person, None)
        cycle_state.discard_contact(sent.key, sent.positions, _shared(cycle_state, records))
        return
    if not is_delivered(outcome.verdict):
        note_unwritten(cycle_state, RecordRef("contact", sent.key), outcome)
        cycle_state.refuse_contact(sent.key, sent.positions, outcome.verdict)
        return
    returned = outcome.returned
    person.refused_at_ms = None
    cycle_state.contact_is(person, returned.record_id if returned else person.contact_id)
    if returned is not None:
        made_at_ms = cycle_state.now_ms if returned.is_new else moment_ms(returned.properties.get("createdate"))
        email = sent.properties.get("email", "") if unique_property(sent.key) else sent.key
        cycle_state.portal.recent_contacts.note(email, returned.record_id, made_at_ms, cycle_state.now_ms)
    if returned is not None and returned.is_new:
        cycle_state.new_contacts.add(sent.key)
    remembered = person.properties.get(STAGE)
    note_written(cycle_state, OBJECT, desired, person, outcome)
    cycle_state.make_shared_unsure(person)
    stage = sent.properties.get(STAGE)
    if stage and returned and returned.properties.get(STAGE, stage) != stage:
        backwards[returned.record_id] = Backward(sent, remembered)


# -- people who were deleted for privacy


def _discard_refused(cycle_state: CycleState, records: Mapping[str, DesiredRecord]) -> None:
    """Send nothing for people whose address HubSpot refuses, unless somebody replays one of their messages."""
    refused = [email for email, person in cycle_state.people.items() if person.refused_at_ms is not None]
    due = cycle_state.outcomes.due
    for email in refused:
        positions = records[email].positions
        if not any(position in due and due[position].is_replay for position in positions):
            cycle_state.discard_contact(email, positions, _shared(cycle_state, records))


def _shared(cycle_state: CycleState, records: Mapping[str, DesiredRecord]) -> frozenset[int]:
    """Positions of messages about people whose address is not refused."""
    return frozenset(
        position
        for email, desired in records.items()
        if (person := cycle_state.people.get(email)) is None or person.refused_at_ms is None
        for position in desired.positions
    )
