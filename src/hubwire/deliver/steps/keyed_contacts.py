"""Contacts that another unique property than the e-mail identifies (`contact_key`, or the `key` of a rule).

A contact that memory does not know is looked for by its key. If HubSpot has none, it is looked for by the `find` of the
rules that write it (`find_records.py`), and the first meeting falls back to the e-mail: a contact with this e-mail and
no key of its own gets the key. A contact with neither is created. Afterwards the record id is remembered, and a new
e-mail changes on the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, Value
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.find_records import find_records
from hubwire.deliver.steps.look_up import Held, read_by_key, read_contacts
from hubwire.hubspot.reading import HeldRecord
from hubwire.operation import LeftOut, unique_property
from hubwire.reasons import Reason
from hubwire.record.protocol import Person

EMAIL = "email"
NAMES = ("firstname", "lastname")


async def meet_contacts(cycle_state: CycleState, records: Mapping[str, DesiredRecord]) -> None:
    """Find the record of each contact that the memory does not know. Contacts that cannot be read now wait."""
    unknown = [key for key in records if cycle_state.contact_id(key) is None]
    by_property: dict[str, dict[str, str]] = {}
    for key in unknown:
        name, value = _parts(key)
        by_property.setdefault(name, {})[value] = key
    found = await together(*(_find(cycle_state, records, name, keys) for name, keys in by_property.items()))
    if any(found):
        _put_off(cycle_state, records, (held for held in found if held is not None))
    await _adopt(cycle_state, records, unknown)
    rest = [key for key in unknown if cycle_state.contact_id(key) is None and key not in cycle_state.unread_contacts]
    await _fall_back(cycle_state, records, rest)


async def _find(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], name: str, keys: Mapping[str, str]
) -> Held | None:
    """Look for contacts by one property. Returns the keys that could not be read, or None. `keys`: value -> key."""
    positions = {value: records[key].positions for value, key in keys.items()}
    held = await read_by_key(cycle_state.caller, cycle_state.paths, "contacts", name, positions)
    for value, record in held.records.items():
        _note(cycle_state, keys[value], record)
    held.unread = {keys[value]: verdict for value, verdict in held.unread.items()}
    return held if held.unread else None


async def _adopt(cycle_state: CycleState, records: Mapping[str, DesiredRecord], unknown: Iterable[str]) -> None:
    """Adopt the contacts that the values of `find` lead to."""
    sought = {
        key: records[key]
        for key in unknown
        if records[key].find and cycle_state.contact_id(key) is None and key not in cycle_state.unread_contacts
    }
    if not sought:
        return
    taken = {contact_id for key in records if (contact_id := cycle_state.contact_id(key)) is not None}
    findings = await find_records(cycle_state, "contacts", sought, taken)
    for key, record in findings.records.items():
        name, value = _parts(key)
        records[key].values[name] = Value(value, cycle_state.now_ms, records[key].positions[-1])
        _note(cycle_state, key, record)
    for key, fate in findings.fates.items():
        cycle_state.hold_contact(key, records[key].positions, fate)
        cycle_state.unread_contacts.add(key)


async def _fall_back(cycle_state: CycleState, records: Mapping[str, DesiredRecord], keys: Iterable[str]) -> None:
    """Look for the others by e-mail, and prepare those that must be created."""
    emails: dict[str, str] = {}
    for key in keys:
        desired = records[key]
        name, value = _parts(key)
        written = desired.values.get(EMAIL)
        email = written.value if written is not None and written.value else desired.known_as
        desired.known_as = None
        desired.values[name] = Value(value, cycle_state.now_ms, desired.positions[-1])
        if email is None:
            _check_names(cycle_state, desired)
        elif email in emails:
            _keep_apart(cycle_state, desired)
        else:
            emails[email] = key
    if not emails:
        return
    shown = tuple({_parts(key)[0] for key in emails.values()})
    positions = {email: records[key].positions for email, key in emails.items()}
    held = await read_contacts(cycle_state.caller, cycle_state.paths, positions, shown=shown)
    held.unread = {emails[email]: verdict for email, verdict in held.unread.items()}
    _put_off(cycle_state, records, [held])
    taken: set[str] = set()
    for email, key in emails.items():
        record, desired = held.records.get(email), records[key]
        if record is None:
            desired.known_as = email
        elif record.properties.get(_parts(key)[0]) or record.record_id in taken:
            _keep_apart(cycle_state, desired)
        else:
            taken.add(record.record_id)
            _note(cycle_state, key, record)


def _keep_apart(cycle_state: CycleState, desired: DesiredRecord) -> None:
    """The e-mail belongs to a contact with another key, so this contact does not get it."""
    for position in desired.drop(EMAIL) or desired.positions[:1]:
        cycle_state.outcomes.leave_out(position, [LeftOut(EMAIL, Reason.TAKEN_BY_ANOTHER_RECORD)])
    _check_names(cycle_state, desired)


def _check_names(cycle_state: CycleState, desired: DesiredRecord) -> None:
    """Hold the messages of a contact without e-mail and name, because HubSpot does not make such a contact.

    Source: HubSpot's object guide, required properties: a contact needs an e-mail, a first name or a last name.
    """
    if any(name in desired.values and desired.values[name].value for name in NAMES) or not desired.may_make:
        return
    cycle_state.leave_contact(desired.key)
    for position in desired.positions:
        fate = desired.unknown.get(position)
        if fate is not None:
            cycle_state.outcomes.discard_or_hold(position, fate)
        else:
            detail = "HubSpot needs an e-mail or a name to make a contact"
            cycle_state.outcomes.leave_out(position, [LeftOut("record", Reason.NO_SUCH_RECORD, detail)])


def _note(cycle_state: CycleState, key: str, record: HeldRecord) -> None:
    cycle_state.contact_is(cycle_state.people.get(key) or Person(key), record.record_id)


def _put_off(cycle_state: CycleState, records: Mapping[str, DesiredRecord], reads: Iterable[Held]) -> None:
    for held in reads:
        for key, verdict in held.unread.items():
            cycle_state.refuse_contact(key, records[key].positions, verdict)
            cycle_state.unread_contacts.add(key)


def _parts(key: str) -> tuple[str, str]:
    parts = unique_property(key)
    assert parts is not None, "contacts with an e-mail as their key are not met here"
    return parts
