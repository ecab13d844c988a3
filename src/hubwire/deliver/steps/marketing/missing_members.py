"""Looks up the records that HubSpot calls missing when they join or leave a list, because they may have been merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.look_up import read_by_key, read_companies, read_contacts
from hubwire.operation import RecordRef, unique_property
from hubwire.record.protocol import Company, Person

CONTACT, COMPANY = "contact", "company"
Positions = Mapping[RecordRef, Sequence[int]]


async def look_up_missing(cycle_state: CycleState, missing: Positions) -> dict[RecordRef, str]:
    """The record id that HubSpot has now for each record; none for a record that is gone or cannot be read now.

    Shape: one read for each hundred records of a type and key property. A company that is known by its domain is read
    by its id, so a merged one is not found here: the step of the companies follows its merge at the next try.
    """
    groups: dict[tuple[str, str | None], dict[str, RecordRef]] = {}
    for ref in missing:
        unique = unique_property(ref.key)
        if unique is not None:
            groups.setdefault((ref.object, unique[0]), {})[unique[1]] = ref
        elif ref.object == COMPANY:
            groups.setdefault((COMPANY, None), {})[cycle_state.record_id(ref) or ""] = ref
        else:
            groups.setdefault((ref.object, None), {})[ref.key] = ref
    found = await together(*(_read(cycle_state, *place, refs, missing) for place, refs in groups.items()))
    ids = {ref: record_id for records in found for ref, record_id in records.items()}
    for ref, record_id in ids.items():
        if record_id != cycle_state.record_id(ref):
            _note(cycle_state, ref, record_id)
    return ids


async def _read(
    cycle_state: CycleState, object_type: str, name: str | None, refs: Mapping[str, RecordRef], missing: Positions
) -> dict[RecordRef, str]:
    """Read records of one type by a unique property; without one, contacts by e-mail and companies by id."""
    caller, paths = cycle_state.caller, cycle_state.paths
    positions = {value: missing[ref] for value, ref in refs.items()}
    if name is not None:
        held = await read_by_key(caller, paths, cycle_state.path_of(object_type), name, positions)
    elif object_type == COMPANY:
        held = await read_companies(caller, paths, positions)
    else:
        held = await read_contacts(caller, paths, positions)
    return {ref: held.records[value].record_id for value, ref in refs.items() if value in held.records}


def _note(cycle_state: CycleState, ref: RecordRef, record_id: str) -> None:
    """Remember the record that a merge left."""
    if ref.object == CONTACT:
        cycle_state.contact_is(cycle_state.people.get(ref.key) or Person(ref.key), record_id)
    elif ref.object == COMPANY:
        cycle_state.company_is(cycle_state.companies.get(ref.key) or Company(ref.key), record_id)
    else:
        cycle_state.objects.record_is(ref, record_id, cycle_state.now_ms)
