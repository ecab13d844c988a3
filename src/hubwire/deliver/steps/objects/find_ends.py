"""Finds the ends of associations that no operation of the cycle writes: in the memory, or else in HubSpot."""

from __future__ import annotations

from collections.abc import Mapping

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import PairOfRecords
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.look_up import Held, read_by_key, read_contacts
from hubwire.deliver.steps.objects.record_holds import is_unavailable
from hubwire.deliver.steps.objects.record_state import is_only_ours
from hubwire.operation import RecordPair, RecordRef, unique_property
from hubwire.record.protocol import Company, Person

CONTACT, COMPANY = "contact", "company"
Desired = Mapping[RecordPair, PairOfRecords]


async def load_ends(cycle_state: CycleState, desired: Desired) -> None:
    """Load what the memory knows of the ends that this cycle has not loaded."""
    ends = {end for pair in desired for end in pair}
    record, objects = cycle_state.record, cycle_state.objects
    emails = {end.key for end in ends if end.object == CONTACT} - cycle_state.people.keys()
    domains = {end.key for end in ends if end.object == COMPANY} - cycle_state.companies.keys()
    others = {end for end in ends if end.object not in (CONTACT, COMPANY)} - objects.known.keys()
    if emails:
        cycle_state.people |= await cycle_state.load(record.people, emails)
    if domains:
        cycle_state.companies |= await cycle_state.load(record.companies, domains)
    if others:
        objects.known |= await cycle_state.load(record.objects.records, sorted(others))


async def find_ends(cycle_state: CycleState, desired: Desired) -> None:
    """Look for the ends that may not be made and that the memory does not know. Ends by domain are not looked for."""
    positions: dict[RecordRef, list[int]] = {}
    for pair, association in desired.items():
        for end in pair:
            if not (association.may_make or association.is_away) and cycle_state.record_id(end) is None:
                positions.setdefault(end, []).extend(association.positions)
    groups: dict[tuple[str, str | None], dict[str, RecordRef]] = {}
    for end in positions:
        unique = unique_property(end.key)
        if end in cycle_state.objects.refused or (unique is None and end.object != CONTACT):
            continue
        if end.object not in (CONTACT, COMPANY) and is_unavailable(cycle_state, end.object):
            continue
        place = (end.object, unique[0] if unique else None)
        groups.setdefault(place, {})[unique[1] if unique else end.key] = end
    await together(*(_find(cycle_state, *place, ends, positions) for place, ends in groups.items()))


async def _find(
    cycle_state: CycleState,
    object_type: str,
    name: str | None,
    ends: Mapping[str, RecordRef],
    positions: Mapping[RecordRef, list[int]],
) -> None:
    """Look for records of one type by one property. `ends`: by the values of the property."""
    schema = cycle_state.schema.objects.get(object_type)
    if schema is not None and name is not None and await is_only_ours(cycle_state, schema, name):
        return
    read_for = {value: positions[end] for value, end in ends.items()}
    caller, paths, path = cycle_state.caller, cycle_state.paths, cycle_state.path_of(object_type)
    held: Held
    if name is None:
        held = await read_contacts(caller, paths, read_for)
    else:
        held = await read_by_key(caller, paths, path, name, read_for)
    for value, end in ends.items():
        found = held.records.get(value)
        if found is None:
            continue
        if object_type == CONTACT:
            cycle_state.contact_is(cycle_state.people.get(end.key) or Person(end.key), found.record_id)
        elif object_type == COMPANY:
            cycle_state.company_is(cycle_state.companies.get(end.key) or Company(end.key), found.record_id)
        else:
            cycle_state.objects.record_is(end, found.record_id, cycle_state.now_ms)
    for value, verdict in held.unread.items():
        cycle_state.outcomes.judge(positions[ends[value]], verdict)
