"""Companies: known by their registrable domain, which HubSpot does not take as an upsert key.

A hidden unique property of ours (`hubwire_domain`) is the key. A domain seen for the first time is looked for in three
ways to adopt a company that exists (`company_state.py`); what is not found is created by an upsert on our key, which a
repeat cannot double although the search lags by seconds. Afterwards the record id is remembered. `domain` itself is
only written on creation: an adopted, merged or renamed company keeps the primary domain that it has.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from hubwire.deliver.calls.batch_sender import Input, Judged, send
from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import (
    DesiredRecord,
    Value,
    confirm,
)
from hubwire.deliver.cycle.newest import STAGE
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.company_search import CompanyMatch
from hubwire.deliver.steps.company_state import OBJECT, look_up_companies
from hubwire.deliver.steps.conditions import settle
from hubwire.deliver.steps.keyed_companies import meet_companies
from hubwire.deliver.steps.record_calls import COMPANY, update_call, upsert_call
from hubwire.deliver.steps.record_values import (
    leave_out_lower_trust,
    note_unwritten,
    note_written,
    report_refused,
    values_to_restore,
    values_to_send,
)
from hubwire.deliver.steps.stages import Backward, move_stages_back
from hubwire.deliver.verdicts.dependants import is_delivered
from hubwire.hubspot.call import OBJECTS_PER_CALL, Call, split
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import KEY_PROPERTY
from hubwire.operation import RecordRef, unique_property
from hubwire.record.protocol import Company

DOMAIN = "domain"


@dataclass(slots=True)
class _Inputs:
    """The inputs to send: creations by key, updates by record id (two domains may be one company)."""

    creations: dict[str, list[Input]] = field(default_factory=dict)
    """By the unique property of the key."""
    updates: dict[str, Input] = field(default_factory=dict)
    wanted: dict[str, list[DesiredRecord]] = field(default_factory=dict)
    """The desired records of each input, by the input's key."""

    def create(self, desired: DesiredRecord, properties: dict[str, str], domain: str | None) -> None:
        unique = unique_property(desired.key)
        if unique is None:
            properties = with_key(properties, desired.key)
        elif domain is not None:
            properties = {**properties, DOMAIN: domain}
        group = self.creations.setdefault(KEY_PROPERTY if unique is None else unique[0], [])
        group.append(Input(str(len(group)), desired.key, properties, desired.positions))
        self.wanted[desired.key] = [desired]

    def update(self, record_id: str, desired: DesiredRecord, properties: dict[str, str]) -> None:
        known = self.updates.get(record_id)
        if known is None:
            self.updates[record_id] = Input(str(len(self.updates)), record_id, properties, desired.positions)
        else:
            others = _joined(self.wanted[record_id]).values
            newer = {name: value for name, value in properties.items() if _is_newer(desired.values, others, name)}
            known.properties = {**properties, **known.properties, **newer}
            known.positions = [*known.positions, *desired.positions]
        self.wanted.setdefault(record_id, []).append(desired)


async def upsert_companies(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], contacts: Mapping[str, Collection[str]]
) -> None:
    """Write the companies that differ from HubSpot; confirmed ones are in `cycle_state.companies` afterwards.

    Shape: `contacts` are the e-mails to be associated, by domain; these contacts have been written.
    """
    cycle_state.companies = await cycle_state.load(cycle_state.record.companies, records.keys())
    for company in cycle_state.companies.values():
        cycle_state.make_shared_unsure(company)
    leave_out_lower_trust(cycle_state, records, cycle_state.companies)
    domains: dict[str, str] = {}
    for key, desired in records.items():
        written = desired.values.get(DOMAIN)
        desired.drop(DOMAIN)
        if written is not None and written.value:
            domains[key] = written.value
    keyed = {key: desired for key, desired in records.items() if unique_property(key) is not None}
    if len(keyed) < len(records):
        by_domain = {domain: desired for domain, desired in records.items() if domain not in keyed}
        await _write(cycle_state, by_domain, contacts, domains)
    if keyed:
        # After the others: a company that this cycle makes by its domain is then found by it.
        waiting = await meet_companies(cycle_state, keyed, domains)
        for key, fate in waiting.items():
            cycle_state.hold_company(key, keyed[key].positions, fate)
        met = {key: desired for key, desired in keyed.items() if key not in waiting}
        await _write(cycle_state, met, contacts, domains)


async def _write(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    contacts: Mapping[str, Collection[str]],
    domains: Mapping[str, str],
) -> None:
    """Look up and write these companies."""
    search = await look_up_companies(cycle_state, records, contacts)
    open_companies = {}
    for key, desired in records.items():
        match = search.found.get(key)
        record_id = cycle_state.company_id(key) or (match.record_id if match is not None else None)
        if key in search.refused:
            continue
        if desired.is_plain or settle(cycle_state, desired, record_id, None):
            open_companies[key] = desired
        else:
            cycle_state.leave_company(key)
    inputs = _inputs_of(cycle_state, open_companies, search.found, domains)
    update = partial(update_call, cycle_state.paths, COMPANY)
    batches = [
        send(cycle_state.caller, update, batch) for batch in split(list(inputs.updates.values()), OBJECTS_PER_CALL)
    ]
    batches += [
        send(cycle_state.caller, partial(_create_call, cycle_state.paths, id_property), batch, update)
        for id_property, group in inputs.creations.items()
        for batch in split(group, OBJECTS_PER_CALL)
    ]
    backwards: dict[str, Backward] = {}
    for outcome in itertools.chain.from_iterable(await together(*batches)):
        _note_backward(cycle_state, inputs.wanted[outcome.input.key], outcome, backwards)
        _settle(cycle_state, inputs.wanted[outcome.input.key], outcome)
    if backwards:
        await move_stages_back(cycle_state, OBJECT, open_companies, backwards, update)


def _inputs_of(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    found: Mapping[str, CompanyMatch],
    domains: Mapping[str, str],
) -> _Inputs:
    inputs = _Inputs()
    for domain, desired in records.items():
        known = cycle_state.companies.get(domain)
        send = values_to_send(cycle_state, OBJECT, desired, known)
        properties = {**_to_restore(cycle_state, known), **send}
        if known is not None and known.company_id is not None:
            if properties:
                inputs.update(known.company_id, desired, properties)
            elif confirm(known, desired):
                cycle_state.changed_companies[domain] = known
        elif (adopted := found.get(domain)) is None:
            inputs.create(desired, properties, domains.get(domain))
        elif adopted.is_primary:
            inputs.update(adopted.record_id, desired, {**properties, KEY_PROPERTY: domain})
        elif properties:
            inputs.update(adopted.record_id, desired, properties)
        else:
            cycle_state.company_is(known or Company(domain, None, cycle_state.now_ms), adopted.record_id)
    return inputs


def _to_restore(cycle_state: CycleState, known: Company | None) -> dict[str, str]:
    """The remembered values to write again, if the company is another record now."""
    if known is None or (known.company_id is not None and known.domain not in cycle_state.other_companies):
        return {}
    return values_to_restore(cycle_state, OBJECT, known.domain, known)


def with_key(properties: Mapping[str, str], domain: str) -> dict[str, str]:
    """The properties of a company that is created."""
    return {**properties, DOMAIN: domain, KEY_PROPERTY: domain}


def _create_call(paths: Paths, id_property: str, group: Sequence[Input]) -> Call:
    """The call for inputs by their keys, which carry a property's name where it is not ours."""
    values = [(input_, unique_property(input_.key)) for input_ in group]
    routed = [input_ if unique is None else replace(input_, key=unique[1]) for input_, unique in values]
    return upsert_call(paths, COMPANY, id_property, routed)


def _note_backward(
    cycle_state: CycleState, records: Sequence[DesiredRecord], outcome: Judged, backwards: dict[str, Backward]
) -> None:
    """Note a stage that HubSpot ignored because the company has a later one."""
    sent, returned = outcome.input, outcome.returned
    stage = sent.properties.get(STAGE)
    if not stage or returned is None or returned.properties.get(STAGE, stage) == stage:
        return
    for desired in records:
        value, known = desired.values.get(STAGE), cycle_state.companies.get(desired.key)
        if value is not None and value.value == stage:
            remembered = known.properties.get(STAGE) if known is not None else None
            backwards[returned.record_id] = Backward(replace(sent, key=desired.key), remembered)


def _settle(cycle_state: CycleState, records: Sequence[DesiredRecord], outcome: Judged) -> None:
    """Note the outcome of one record for each domain that leads to it."""
    sent = outcome.input
    report_refused(cycle_state, _joined(records), sent)
    for desired in records:
        if not is_delivered(outcome.verdict):
            note_unwritten(cycle_state, RecordRef("company", desired.key), outcome)
            if outcome.is_gone:
                cycle_state.portal.recent_deletions.note(OBJECT, [sent.key], cycle_state.now_ms)
            cycle_state.refuse_company(desired.key, desired.positions, outcome.verdict)
            continue
        company = cycle_state.companies.get(desired.key) or Company(desired.key)
        cycle_state.company_is(company, outcome.returned.record_id if outcome.returned else company.company_id)
        note_written(cycle_state, OBJECT, desired, company, outcome)
        cycle_state.make_shared_unsure(company)


def _joined(records: Sequence[DesiredRecord]) -> DesiredRecord:
    """The desired values of several domains of one company: the newest of each property."""
    if len(records) == 1:
        return records[0]
    values: dict[str, Value] = {}
    for desired in records:
        values |= {name: value for name, value in desired.values.items() if _is_newer(desired.values, values, name)}
    return DesiredRecord(records[0].key, values, [position for desired in records for position in desired.positions])


def _is_newer(mine: Mapping[str, Value], others: Mapping[str, Value], name: str) -> bool:
    value, other = mine.get(name), others.get(name)
    return value is not None and (other is None or (value.at_ms, value.position) > (other.at_ms, other.position))
