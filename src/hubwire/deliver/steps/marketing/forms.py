"""Submits forms, before the contacts of their people are written: then a new contact's source is that of the visit.

docs/concepts/rules.md describes what happens to each submission.

A 200 proves nothing. A submission counts as delivered when the contact has been seen; until then, everything else about
a person whom HubSpot does not know yet waits. The record has these people, so that they also wait for a process that
takes the lane over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, Work
from hubwire.deliver.cycle.marketing_portal import Feature
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.look_up import read_contacts
from hubwire.deliver.verdicts import submissions as decisions
from hubwire.delivery import Dead, Delivered, Retry, Verdict
from hubwire.hubspot.call import Answer, Call
from hubwire.hubspot.errors import read_problem
from hubwire.hubspot.forms import OF_CONTEXT, FormFault, form_faults, submit_body, submit_path
from hubwire.hubspot.reading import moment_ms
from hubwire.operation import LeftOut, SubmitForm
from hubwire.reasons import Reason
from hubwire.record.marketing import Submission, SubmissionState

CONVERTED = "recent_conversion_date"
MAX_PER_CYCLE = 300
"""Submissions of one cycle: about half a minute at HubSpot's limit, during which the lane sends nothing else."""
BAD_REQUEST = 400
NOT_FOUND = 404
NOT_TAKEN = frozenset({301, 302, 307, 308, 401, 403})
"""Statuses of a host or token that takes no submissions."""


@dataclass(slots=True)
class _Open:
    """A submission of this cycle, and what is stored of it."""

    operation: SubmitForm
    stored: Submission

    def become(self, cycle_state: CycleState, state: SubmissionState, sent_at_ms: int | None = None) -> None:
        """Store a new state with the cycle."""
        self.stored = msgspec.structs.replace(
            self.stored, state=state, sent_at_ms=self.stored.sent_at_ms if sent_at_ms is None else sent_at_ms
        )
        cycle_state.submissions[self.stored.submission_id] = self.stored


async def submit_forms(cycle_state: CycleState, desired: Sequence[SubmitForm]) -> None:
    """Submit the forms of the cycle's messages."""
    operations = await _without_erased(cycle_state, desired)
    portal = cycle_state.portal.marketing
    is_replay = any(due.is_replay for due in cycle_state.outcomes.due.values())
    if portal.is_refused(Feature.FORMS, cycle_state.now_ms, is_replay=is_replay):
        portal.hold(cycle_state.outcomes, Feature.FORMS, [operation.position for operation in operations])
        return
    memory = cycle_state.record.marketing
    stored = await cycle_state.load(memory.submissions, [operation.submission_id for operation in operations])
    begun = [_Open(operation, known) for operation in operations if (known := _begun(stored, operation)) is not None]
    arrived, unclear = await _arrived(cycle_state, begun)
    for submission in unclear:
        _wait(cycle_state, submission.operation, decisions.unconfirmed())
    unclear_ids = {submission.stored.submission_id for submission in unclear}
    operations = [operation for operation in operations if operation.submission_id not in unclear_ids]
    to_send, to_confirm = await _sort(cycle_state, operations, {**stored, **arrived})
    to_send, too_many = to_send[:MAX_PER_CYCLE], to_send[MAX_PER_CYCLE:]
    for submission in too_many:
        submission.become(cycle_state, SubmissionState.WAITING)
        _wait(cycle_state, submission.operation, decisions.in_line())
    if to_send:
        await _begin(cycle_state, to_send)
    if to_send and Feature.FORMS not in portal.works:
        # Alone, so that a portal which refuses submissions does so once.
        to_confirm += await _submit_all(cycle_state, to_send[:1])
        to_send = to_send[1:]
    if portal.is_refused(Feature.FORMS, cycle_state.now_ms, is_replay=is_replay):
        for submission in to_send:
            submission.become(cycle_state, SubmissionState.REFUSED)
        portal.hold(cycle_state.outcomes, Feature.FORMS, [submission.operation.position for submission in to_send])
    else:
        to_confirm += await _submit_all(cycle_state, to_send)
    await _confirm(cycle_state, to_confirm)


async def _without_erased(cycle_state: CycleState, operations: Sequence[SubmitForm]) -> list[SubmitForm]:
    """Without people whom HubSpot deleted for privacy; the step of the contacts discards their messages."""
    people = await cycle_state.load(cycle_state.record.people, {operation.key for operation in operations})
    erased = {key for key, person in people.items() if person.refused_at_ms is not None}
    return [operation for operation in operations if operation.key not in erased]


def _begun(stored: Mapping[str, Submission], operation: SubmitForm) -> Submission | None:
    known = stored.get(operation.submission_id)
    return known if known is not None and known.state is SubmissionState.BEGUN else None


async def _arrived(cycle_state: CycleState, begun: Sequence[_Open]) -> tuple[dict[str, Submission], list[_Open]]:
    """The submissions without a recorded answer that reached HubSpot all the same, and those of which it is not clear
    yet: HubSpot needs some seconds for a contact, or does not show it now."""
    if not begun:
        return {}, []
    positions = {submission.operation.email: [submission.operation.position] for submission in begun}
    held = await read_contacts(cycle_state.caller, cycle_state.paths, positions, shown=(CONVERTED,))
    found: dict[str, Submission] = {}
    unclear = []
    for submission in begun:
        record = held.records.get(submission.operation.email)
        converted_at_ms = moment_ms(record.properties.get(CONVERTED)) if record is not None else None
        if decisions.has_arrived(submission.stored, converted_at_ms):
            submission.become(cycle_state, SubmissionState.SENT)
            found[submission.stored.submission_id] = submission.stored
        elif submission.operation.email in held.unread or decisions.may_arrive(submission.stored, cycle_state.now_ms):
            unclear.append(submission)
    return found, unclear


async def _sort(
    cycle_state: CycleState, operations: Sequence[SubmitForm], stored: Mapping[str, Submission]
) -> tuple[list[_Open], list[_Open]]:
    """The submissions to make, and those to confirm. Other messages are reported."""
    contents = {operation.submission_id: decisions.content_of(operation) for operation in operations}
    alike = await cycle_state.load(cycle_state.record.marketing.alike, set(contents.values()))
    to_send: list[_Open] = []
    to_confirm: list[_Open] = []
    taken: set[str] = set()
    for operation in sorted(operations, key=lambda operation: (operation.at_ms, operation.position)):
        known = stored.get(operation.submission_id)
        state = known.state if known is not None else None
        content, now_ms = contents[operation.submission_id], cycle_state.now_ms
        if operation.submission_id in taken:
            continue
        taken.add(operation.submission_id)
        if known is not None and state is SubmissionState.SENT:
            to_confirm.append(_Open(operation, known))
        elif state is SubmissionState.FRUITLESS:
            _leave_out(cycle_state, operation, LeftOut(decisions.field_of(operation), Reason.FORM_MADE_NOTHING))
        elif state is not SubmissionState.SEEN:
            is_import = operation.position in cycle_state.imported
            why = decisions.reason_not_to_submit(operation, content, alike, now_ms, is_import=is_import)
            if why is not None:
                _leave_out(cycle_state, operation, why)
                continue
            begun = Submission(
                submission_id=operation.submission_id,
                content=content,
                form=operation.form,
                email=operation.email,
                state=SubmissionState.BEGUN,
                at_ms=operation.at_ms,
                sent_at_ms=now_ms,
                position=operation.position,
            )
            alike.append(begun)
            to_send.append(_Open(operation, begun))
    return to_send, to_confirm


async def _begin(cycle_state: CycleState, to_send: Sequence[_Open]) -> None:
    """Store the submissions before their calls, so that a crash is noticed."""
    begun = [submission.stored for submission in to_send]
    memory = cycle_state.record.marketing
    await cycle_state.off_loop(memory.begin_submissions, cycle_state.destination_id, begun)


# -- calls


async def _submit_all(cycle_state: CycleState, submissions: Sequence[_Open]) -> list[_Open]:
    """Submit forms. Returns those that HubSpot answered with 200."""
    await together(*(_submit(cycle_state, submission) for submission in submissions))
    return [submission for submission in submissions if submission.stored.state is SubmissionState.SENT]


async def _submit(cycle_state: CycleState, submission: _Open) -> None:
    """Submit one form, without a part of the visit that HubSpot refuses."""
    operation, context = submission.operation, dict(submission.operation.context)
    while True:
        call = submit_call(cycle_state.schema.hub_id, operation, context)
        verdict, answer = await cycle_state.caller.ask(call, [operation.position], is_optional=True, max_tries=1)
        faults = form_faults(answer.body) if answer.status == BAD_REQUEST else []
        parts = [part for fault in faults if (part := OF_CONTEXT.get(fault.error_type)) in context]
        if not parts:
            break
        for part in parts:
            del context[part]
        left_out = LeftOut(f"{decisions.field_of(operation)}.{parts[0]}", Reason.REFUSED_BY_HUBSPOT, faults[0].message)
        _leave_out(cycle_state, operation, left_out)
    if isinstance(verdict, Delivered):
        cycle_state.portal.marketing.accept(Feature.FORMS)
        submission.become(cycle_state, SubmissionState.SENT)
    elif answer.status in NOT_TAKEN | {BAD_REQUEST, NOT_FOUND}:
        _refuse(cycle_state, submission, verdict, answer, faults)
    else:
        _put_off(cycle_state, submission, verdict, answer)


def _refuse(
    cycle_state: CycleState, submission: _Open, verdict: Verdict, answer: Answer, faults: Sequence[FormFault]
) -> None:
    """HubSpot takes this submission, or every one, in no case."""
    operation, portal = submission.operation, cycle_state.portal.marketing
    submission.become(cycle_state, SubmissionState.REFUSED)
    if answer.status in NOT_TAKEN:
        words = verdict.detail if isinstance(verdict, Dead | Retry) else ""
        portal.refuse(Feature.FORMS, words or f"HubSpot answered {answer.status}", cycle_state.now_ms)
        portal.hold(cycle_state.outcomes, Feature.FORMS, [operation.position])
    else:
        _leave_out(cycle_state, operation, decisions.refused(operation, faults, read_problem(answer.body).text))


def _put_off(cycle_state: CycleState, submission: _Open, verdict: Verdict, answer: Answer) -> None:
    """Try again later. For some minutes, everything else about the person waits, so that the form makes the contact."""
    operation = submission.operation
    if answer.status is not None and answer.status < 500:
        submission.become(cycle_state, SubmissionState.WAITING)
    due = cycle_state.outcomes.due.get(operation.position)
    since_ms = due.first_attempt_at_ms if due is not None and due.first_attempt_at_ms else cycle_state.now_ms
    if not isinstance(verdict, Retry):
        cycle_state.outcomes.judge([operation.position], verdict)
    elif cycle_state.now_ms - since_ms < decisions.GIVE_UP_MS:
        _wait(cycle_state, operation, decisions.unknown_answer(verdict, counts=False))
    else:
        cycle_state.outcomes.judge([operation.position], decisions.unknown_answer(verdict))


# -- confirmation


async def _confirm(cycle_state: CycleState, submissions: Sequence[_Open]) -> None:
    """Look for the contacts of answered submissions. Everything about a new person waits until the contact is there."""
    keys = {submission.operation.key for submission in submissions}
    people = await cycle_state.load(cycle_state.record.people, keys) if keys else {}
    known = {key for key, person in people.items() if person.contact_id is not None}
    positions: dict[str, list[int]] = {}
    for submission in submissions:
        if submission.operation.key not in known:
            positions.setdefault(submission.operation.email, []).append(submission.operation.position)
    held = await read_contacts(cycle_state.caller, cycle_state.paths, positions) if positions else None
    for submission in submissions:
        operation = submission.operation
        for name in (operation.key, operation.email):
            cycle_state.portal.marketing.people_of_forms.pop(name, None)
        if operation.key in known or (held is not None and operation.email in held.records):
            submission.become(cycle_state, SubmissionState.SEEN)
        elif cycle_state.now_ms - submission.stored.sent_at_ms >= decisions.GIVE_UP_MS:
            submission.become(cycle_state, SubmissionState.FRUITLESS)
            _leave_out(cycle_state, operation, LeftOut(decisions.field_of(operation), Reason.FORM_MADE_NOTHING))
        else:
            _wait(cycle_state, operation, decisions.unconfirmed())


def _wait(cycle_state: CycleState, operation: SubmitForm, verdict: Verdict) -> None:
    """Put off a submission, and everything else about its person."""
    until_ms = cycle_state.now_ms + decisions.GIVE_UP_MS
    cycle_state.portal.marketing.people_of_forms.update({operation.key: until_ms, operation.email: until_ms})
    cycle_state.outcomes.judge([operation.position], verdict)


async def recall_people(cycle_state: CycleState) -> None:
    """Recall the people for whose forms the lane waited when it was driven last. A lane does it once."""
    portal = cycle_state.portal.marketing
    since_ms = cycle_state.now_ms - decisions.GIVE_UP_MS
    memory = cycle_state.record.marketing
    waiting = await cycle_state.off_loop(memory.open_submissions, cycle_state.destination_id, since_ms)
    for submission in waiting:
        portal.people_of_forms[submission.email] = submission.sent_at_ms + decisions.GIVE_UP_MS
    portal.recalls_people = True


async def put_off_people(cycle_state: CycleState, work: Work) -> None:
    """Put off all messages about new people whose form has not made its contact yet, so that none makes it first."""
    people = cycle_state.portal.marketing.people_of_forms
    for key in [key for key, until_ms in people.items() if until_ms <= cycle_state.now_ms]:
        del people[key]
    if not people:
        return
    keys = {key for key, desired in work.contacts.items() if key in people or _email_of(desired) in people}
    known = await cycle_state.load(cycle_state.record.people, keys) if keys else {}
    for key in keys:
        if not cycle_state.is_refused(key) and (key not in known or known[key].contact_id is None):
            cycle_state.refuse_contact(key, work.contacts[key].positions, decisions.unconfirmed())


def _email_of(desired: DesiredRecord) -> str | None:
    """The e-mail of a contact that is known by another key."""
    written = desired.values.get("email")
    return written.value if written is not None and written.value else desired.known_as


def _leave_out(cycle_state: CycleState, operation: SubmitForm, left_out: LeftOut) -> None:
    cycle_state.outcomes.leave_out(operation.position, [left_out])


def submit_call(hub_id: str, operation: SubmitForm, context: Mapping[str, str]) -> Call:
    """Submit one form, at the host of forms."""
    path = submit_path(hub_id, operation.form)
    return Call("submit form", "POST", path, submit_body(operation, context), kind="forms")
