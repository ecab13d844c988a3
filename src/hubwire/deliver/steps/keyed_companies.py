"""Companies that another unique property than the domain identifies (`company_key`, or the `key` of a rule).

A company that memory does not know is looked for by its key. If HubSpot has none, it is looked for by the `find` of the
rules that write it (`find_records.py`), and the first meeting falls back to the domain, where there is one: a company
of that domain with no key of its own gets the key, so that a company that people or HubSpot itself made is not doubled.
Another company is created. Afterwards the record id is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, Value
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.company_state import OBJECT, find_by_domain
from hubwire.deliver.steps.find_records import find_records
from hubwire.deliver.steps.look_up import read_by_key, read_records
from hubwire.delivery import Verdict
from hubwire.operation import Hold, unique_property
from hubwire.record.protocol import Company


async def meet_companies(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    domains: Mapping[str, str],
) -> dict[str, Verdict | Hold]:
    """Find the record of each company that the memory does not know. Returns the fates of those that must wait.

    Shape: `domains` are those of companies that have one, by key.
    """
    unknown = [key for key in records if cycle_state.company_id(key) is None]
    by_property: dict[str, dict[str, str]] = {}
    for key in unknown:
        name, value = _parts(key)
        by_property.setdefault(name, {})[value] = key
        records[key].values[name] = Value(value, cycle_state.now_ms, records[key].positions[-1])
    waiting: dict[str, Verdict | Hold] = {}
    await together(*(_find(cycle_state, records, name, keys, waiting) for name, keys in by_property.items()))
    await _adopt(cycle_state, records, [key for key in unknown if key not in waiting], waiting)
    rest = [key for key in unknown if cycle_state.company_id(key) is None and key not in waiting]
    by_domain = {domains[key]: key for key in rest if key in domains}
    if by_domain:
        await _fall_back(cycle_state, records, by_domain, waiting)
    return waiting


async def _find(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    name: str,
    keys: Mapping[str, str],
    waiting: dict[str, Verdict | Hold],
) -> None:
    """Look for companies by one property. `keys`: value -> key."""
    positions = {value: records[key].positions for value, key in keys.items()}
    held = await read_by_key(cycle_state.caller, cycle_state.paths, OBJECT, name, positions)
    for value, record in held.records.items():
        _note(cycle_state, keys[value], record.record_id)
    waiting.update({keys[value]: verdict for value, verdict in held.unread.items()})


async def _adopt(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    unknown: Iterable[str],
    waiting: dict[str, Verdict | Hold],
) -> None:
    """Adopt the companies that the values of `find` lead to."""
    sought = {key: records[key] for key in unknown if records[key].find and cycle_state.company_id(key) is None}
    if not sought:
        return
    taken = {company_id for key in records if (company_id := cycle_state.company_id(key)) is not None}
    findings = await find_records(cycle_state, OBJECT, sought, taken)
    for key, record in findings.records.items():
        _note(cycle_state, key, record.record_id)
    waiting.update(findings.fates)


async def _fall_back(
    cycle_state: CycleState,
    records: Mapping[str, DesiredRecord],
    by_domain: Mapping[str, str],
    waiting: dict[str, Verdict | Hold],
) -> None:
    """Look for companies by domain, in memory and in HubSpot, and adopt those without a key of their own."""
    remembered = await cycle_state.load(cycle_state.record.companies, by_domain.keys() - cycle_state.companies.keys())
    known = {domain: cycle_state.companies.get(domain) or remembered.get(domain) for domain in by_domain}
    ids = {domain: company.company_id for domain, company in known.items() if company and company.company_id}
    missing = [domain for domain in by_domain if domain not in ids]
    if missing:
        desired = {domain: records[by_domain[domain]] for domain in missing}
        search = await find_by_domain(cycle_state, desired, missing, has_key=False)
        ids |= {domain: match.record_id for domain, match in search.found.items()}
        waiting.update({by_domain[domain]: verdict for domain, verdict in search.refused.items()})
    if not ids:
        return
    positions = {record_id: records[by_domain[domain]].positions for domain, record_id in ids.items()}
    names = tuple({_parts(key)[0] for key in by_domain.values()})
    held = await read_records(cycle_state.caller, cycle_state.paths, OBJECT, positions, shown=names)
    taken: set[str] = set()
    for domain, record_id in ids.items():
        key, record = by_domain[domain], held.records.get(record_id)
        if record is not None and not record.properties.get(_parts(key)[0]) and record_id not in taken:
            taken.add(record_id)
            _note(cycle_state, key, record_id)


def _note(cycle_state: CycleState, key: str, record_id: str) -> None:
    cycle_state.company_is(cycle_state.companies.get(key) or Company(key), record_id)


def _parts(key: str) -> tuple[str, str]:
    parts = unique_property(key)
    assert parts is not None, "companies with a domain as their key are not met here"
    return parts
