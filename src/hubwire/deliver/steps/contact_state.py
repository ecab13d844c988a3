"""Reads the contacts that HubSpot has before Hubwire writes to them: deleted, merged, or changed by somebody else.

It reads in batches: contacts that get values of late messages, with the history of those properties; contacts whose
record is another one now, with all remembered properties; and contacts that no answer has shown for a while, if an
event or an association relies on them or if their messages have nothing newer to write. In a quiet portal, which has
reads to spare, "a while" is two seconds. Messages that change nothing are no proof that the contact is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from itertools import islice

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, difference
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.conditions import settle, unanswered
from hubwire.deliver.steps.look_up import (
    MODIFIED,
    WORTH_ASKING,
    Held,
    changed_contacts,
    read_contacts,
    read_records,
    to_read_again,
    unseen,
)
from hubwire.deliver.steps.record_values import foreign_versions, late_names, leave_out_newer
from hubwire.deliver.verdicts import without_answer
from hubwire.delivery import Verdict
from hubwire.hubspot.reading import RECORDS_PER_HISTORY_READ, HeldRecord, Version, moment_ms
from hubwire.operation import unique_property
from hubwire.record.protocol import Person

OBJECT = "contacts"
ASK_AGAIN_MS = 10 * 60_000
"""How long Hubwire does not search for changed contacts after it found too many of them."""


async def look_up_contacts(
    cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], relied: Set[str]
) -> None:
    """Update the memory and the desired values to what HubSpot has. Contacts that cannot be read now wait.

    Shape: `relied` are the contacts that events and associations of this cycle need.
    """
    late = {email: names for email, desired in desired_by_email.items() if (names := _late_names(cycle_state, desired))}
    unread = _not_read(cycle_state, desired_by_email, late)
    _put_off(cycle_state, desired_by_email, unread)
    open_questions = _conditional(cycle_state, desired_by_email)
    made_anew = [email for email in desired_by_email if _is_gone(cycle_state, email) and email not in late]
    read_anyway = {*unread, *made_anew}
    others = {email: desired for email, desired in desired_by_email.items() if email not in read_anyway}
    to_confirm = _unseen(cycle_state, others, relied - late.keys() - set(made_anew))
    known = late.keys() - unread.keys() - cycle_state.unread_contacts
    again = to_read_again(cycle_state, OBJECT, sorted(known), len(unread))
    to_read = {email: late[email] for email in again}
    to_read.update(await _worth_reading(cycle_state, desired_by_email, unread))
    for email, names in open_questions.items():
        if names:
            to_read[email] = to_read.get(email, set()) | names
        elif email not in to_read and email not in to_confirm:
            to_confirm.append(email)
    await together(
        _compare(cycle_state, desired_by_email, to_read),
        compare_whole(cycle_state, desired_by_email, made_anew),
        _confirm(cycle_state, desired_by_email, to_confirm),
    )
    for email, desired in desired_by_email.items():
        if desired.is_plain or email in cycle_state.unread_contacts:
            continue
        if not settle(cycle_state, desired, cycle_state.contact_id(email), None):
            cycle_state.leave_contact(email)
    looked_up = {*late, *to_confirm} & cycle_state.other_contacts
    still_there = [email for email in looked_up if not _is_gone(cycle_state, email)]
    await compare_whole(cycle_state, desired_by_email, still_there)


async def compare_whole(
    cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], emails: Collection[str]
) -> dict[str, dict[str, Version]]:
    """Compare contacts with all their remembered properties. Returns the foreign versions of existing contacts."""
    names = {
        email: {
            *desired_by_email[email].values,
            *(person.properties if (person := cycle_state.people.get(email)) else ()),
        }
        for email in emails
    }
    records = await _compare(cycle_state, desired_by_email, names)
    reads = cycle_state.portal.histories.reads
    return {email: reads[OBJECT, email].foreign for email in records}


def _late_names(cycle_state: CycleState, desired: DesiredRecord) -> set[str]:
    """The properties that late messages would write and for which the memory has no newer value."""
    if not desired.values:
        return set()
    known = cycle_state.people.get(desired.key)
    send = difference(desired, known, cycle_state.now_ms, cycle_state.suppress_ms).send
    return late_names(cycle_state, desired, send)


def _conditional(cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord]) -> dict[str, set[str]]:
    """The contacts that must be read because a value depends on HubSpot's; an empty set: only if they are there."""
    found = {}
    for email, desired in desired_by_email.items():
        if desired.is_plain:
            continue
        names = unanswered(cycle_state, desired, cycle_state.people.get(email))
        if names is not None:
            found[email] = names
    return found


def _is_gone(cycle_state: CycleState, email: str) -> bool:
    """Whether a contact that was confirmed once has no known record now."""
    person = cycle_state.people.get(email)
    return person is not None and person.contact_id is None and bool(person.properties)


def _unseen(cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], relied: Set[str]) -> list[str]:
    people = [person for email in desired_by_email if (person := cycle_state.people.get(email)) and person.contact_id]
    unchanged = {
        person.email
        for person in people
        if not difference(desired_by_email[person.email], person, cycle_state.now_ms, cycle_state.suppress_ms).send
    }
    seen_at_ms = {person.email: person.seen_at_ms for person in people}
    return unseen(cycle_state, OBJECT, desired_by_email, seen_at_ms, relied, unchanged)


def _not_read(
    cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], late: Mapping[str, set[str]]
) -> dict[str, set[str]]:
    """The late contacts that were not read recently. Leaves out the older values of the other late contacts."""
    histories, now_ms = cycle_state.portal.histories, cycle_state.now_ms
    unread: dict[str, set[str]] = {}
    for email, of_contact in late.items():
        foreign = histories.known(OBJECT, email, frozenset(of_contact), now_ms, cycle_state.late_ms)
        if foreign is None:
            unread[email] = of_contact
        else:
            _leave_out(cycle_state, desired_by_email[email], foreign)
    return unread


def _put_off(
    cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], unread: dict[str, set[str]]
) -> None:
    """Leave contacts of a read that is not full to the import's next cycle, which follows at once.

    Shape: only contacts that have nothing but imported messages. All reads of an import but the last are then full.
    """
    rest = len(unread) % RECORDS_PER_HISTORY_READ
    if not rest or not cycle_state.import_goes_on:
        return
    patient = [email for email in unread if cycle_state.imported.issuperset(desired_by_email[email].positions)]
    if len(patient) < rest:
        return
    for email in patient[-rest:]:
        del unread[email]
        _wait(cycle_state, desired_by_email, email, without_answer.read_with_next())


async def _worth_reading(
    cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], unread: dict[str, set[str]]
) -> dict[str, set[str]]:
    """The contacts that must be read, because they may have changed since their messages happened.

    Shape: if there are many, this reads a first batch. Unless most of it changed, it searches for the changed others.
    """
    portal, now_ms = cycle_state.portal, cycle_state.now_ms
    if len(unread) <= WORTH_ASKING or now_ms - portal.too_many_changed_at_ms < ASK_AGAIN_MS:
        return unread
    names = frozenset(name for of_contact in unread.values() for name in of_contact)
    oldest_ms = min(
        desired_by_email[email].values[name].at_ms for email, of_contact in unread.items() for name in of_contact
    )
    first = dict(islice(unread.items(), RECORDS_PER_HISTORY_READ))
    records = await _compare(cycle_state, desired_by_email, first)
    others = {email: of_contact for email, of_contact in unread.items() if email not in first}
    changed_count = sum((moment_ms(record.properties.get(MODIFIED)) or 0) >= oldest_ms for record in records.values())
    changed = None
    if changed_count * 2 <= len(first):
        changed = await changed_contacts(cycle_state.caller, cycle_state.paths, len(others), oldest_ms)
    if changed is None:
        portal.too_many_changed_at_ms = now_ms
        return others
    for email in others.keys() - changed:
        portal.histories.remember(OBJECT, email, names, {}, now_ms)
    return {email: of_contact for email, of_contact in others.items() if email in changed}


async def _compare(
    cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], names: Mapping[str, Collection[str]]
) -> dict[str, HeldRecord]:
    """Read contacts with the history of properties, and leave out older values. Returns the existing contacts."""
    if not names:
        return {}
    every = sorted({name for of_contact in names.values() for name in of_contact})
    held = await _read(cycle_state, desired_by_email, names, every)
    for email, record in _noted(cycle_state, desired_by_email, names, held).items():
        if not desired_by_email[email].is_plain:
            settle(cycle_state, desired_by_email[email], record.record_id, record)
        desired, person = desired_by_email[email], cycle_state.people.get(email)
        foreign = foreign_versions(cycle_state, desired, record, person, cycle_state.schema.contact)
        cycle_state.portal.histories.remember(OBJECT, email, frozenset(every), foreign, cycle_state.now_ms)
        _leave_out(cycle_state, desired_by_email[email], foreign)
    if held.is_refused:
        for email in names.keys() - held.records.keys():
            settle(cycle_state, desired_by_email[email], cycle_state.contact_id(email), None, is_known=False)
    return held.records


async def _confirm(
    cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], emails: Collection[str]
) -> None:
    """Check that contacts still exist."""
    if emails:
        held = await _read(cycle_state, desired_by_email, emails)
        _noted(cycle_state, desired_by_email, emails, held)


async def _read(
    cycle_state: CycleState,
    desired_by_email: Mapping[str, DesiredRecord],
    keys: Collection[str],
    history: Sequence[str] = (),
) -> Held:
    """The contacts of these keys: by e-mail, and those that are known by another property by their record ids."""
    ids = {record_id: key for key in keys if unique_property(key) and (record_id := cycle_state.contact_id(key))}
    emails = [key for key in keys if unique_property(key) is None]
    by_id = {record_id: desired_by_email[key].positions for record_id, key in ids.items()}
    caller, paths = cycle_state.caller, cycle_state.paths
    held = await read_contacts(caller, paths, _positions(desired_by_email, emails), history) if emails else Held()
    if by_id:
        keyed = await read_records(caller, paths, OBJECT, by_id, history)
        held.records.update({ids[record_id]: record for record_id, record in keyed.records.items()})
        held.unread.update({ids[record_id]: verdict for record_id, verdict in keyed.unread.items()})
        held.is_refused |= keyed.is_refused
    return held


def _positions(desired_by_email: Mapping[str, DesiredRecord], emails: Collection[str]) -> dict[str, list[int]]:
    return {email: desired_by_email[email].positions for email in emails}


def _noted(
    cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], emails: Collection[str], held: Held
) -> dict[str, HeldRecord]:
    """The existing records. Notes the contacts that are gone or could not be read now."""
    for email, verdict in held.unread.items():
        _wait(cycle_state, desired_by_email, email, verdict)
    for email in emails:
        record = held.records.get(email)
        person = cycle_state.people.get(email)
        if record is not None:
            made_at_ms = moment_ms(record.properties.get("createdate"))
            cycle_state.portal.recent_contacts.note(email, record.record_id, made_at_ms, cycle_state.now_ms)
        if person is None and record is not None and not desired_by_email[email].is_plain:
            person = Person(email)
        if person is not None and email not in held.unread and (record is not None or not held.is_refused):
            cycle_state.contact_is(person, record.record_id if record is not None else None)
    return held.records


def _wait(cycle_state: CycleState, desired_by_email: Mapping[str, DesiredRecord], email: str, verdict: Verdict) -> None:
    """Note that this cycle writes nothing to this contact."""
    cycle_state.refuse_contact(email, desired_by_email[email].positions, verdict)
    cycle_state.unread_contacts.add(email)


def _leave_out(cycle_state: CycleState, desired: DesiredRecord, foreign: Mapping[str, Version]) -> None:
    person = cycle_state.people.get(desired.key)
    leave_out_newer(cycle_state, desired, person, foreign, cycle_state.schema.contact)
