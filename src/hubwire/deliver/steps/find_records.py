"""Looks for records by the values of a rule's `find`, where HubSpot has none with their key.

One search for each property and up to a hundred values. A record is adopted if it is the only one that all values lead
to and it has no other key; of several, none is written, and the messages are held. A record that is made gets the
values, so that it is found by them later. The search lags by seconds, so each
record is read before it is adopted. Hubwire looks for a record once: it remembers the ids of those that it adopts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, Value
from hubwire.deliver.cycle.portal_schema import UNAVAILABLE_AGE_MS
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.look_up import read_records
from hubwire.deliver.verdicts import without_answer
from hubwire.delivery import Delivered, Verdict
from hubwire.hubspot.call import Call, split_by_size
from hubwire.hubspot.reading import HeldRecord, held_records
from hubwire.hubspot.wire import SEARCH_PAGE, search_by_values
from hubwire.operation import Hold, unique_property
from hubwire.reasons import Reason

VALUES_PER_SEARCH = 100
VALUES_BYTES = 2_400
"""The values of one search: HubSpot refuses bodies over 3,000 characters."""
BAD_REQUEST = 400


@dataclass(slots=True)
class Findings:
    """`records`: those to adopt, by key. `fates`: of what cannot be written now, by key."""

    records: dict[str, HeldRecord] = field(default_factory=dict)
    fates: dict[str, Verdict | Hold] = field(default_factory=dict)


async def find_records(
    cycle_state: CycleState, path: str, desired_by_key: Mapping[str, DesiredRecord], taken: set[str]
) -> Findings:
    """Look for records of one object type. `taken` are the ids of records that this cycle writes anyway."""
    findings = Findings()
    hits: dict[str, dict[str, HeldRecord]] = {key: {} for key in desired_by_key}
    keys_of: dict[str, dict[str, list[str]]] = {}
    for key, desired in desired_by_key.items():
        for name, value in desired.find:
            keys_of.setdefault(name, {}).setdefault(value.lower(), []).append(key)
    shown = tuple(sorted({unique[0] for key in desired_by_key if (unique := unique_property(key)) is not None}))
    await together(
        *(_Search(cycle_state, path, name, shown, keys, hits, findings).run() for name, keys in keys_of.items())
    )
    found: dict[str, str] = {}
    for key, of_key in hits.items():
        ids = [record_id for record_id, record in of_key.items() if not _has_other_key(record, key)]
        if key in findings.fates:
            continue
        if len(ids) > 1:
            findings.fates[key] = _several(cycle_state, desired_by_key[key], len(ids))
        elif ids and ids[0] in taken:
            findings.fates[key] = without_answer.written_already(ids[0])
        elif ids:
            taken.add(ids[0])
            found[key] = ids[0]
    if found:
        await _read(cycle_state, path, desired_by_key, found, shown, findings)
    for key, desired in desired_by_key.items():
        if key not in findings.records and key not in findings.fates and desired.may_make:
            for name, value in desired.find:
                desired.values.setdefault(name, Value(value, cycle_state.now_ms, desired.positions[-1]))
    return findings


async def _read(
    cycle_state: CycleState,
    path: str,
    desired_by_key: Mapping[str, DesiredRecord],
    found: Mapping[str, str],
    shown: Sequence[str],
    findings: Findings,
) -> None:
    """Read the records that the search found, with what their writing depends on."""
    conditional = {name for key in found for name in desired_by_key[key].conditional()}
    positions = {record_id: desired_by_key[key].positions for key, record_id in found.items()}
    names = sorted({*shown, *conditional})
    held = await read_records(cycle_state.caller, cycle_state.paths, path, positions, shown=names)
    for key, record_id in found.items():
        record, verdict = held.records.get(record_id), held.unread.get(record_id)
        if verdict is not None:
            findings.fates[key] = verdict
        elif record is not None and not _has_other_key(record, key):
            findings.records[key] = record


def _has_other_key(record: HeldRecord, key: str) -> bool:
    unique = unique_property(key)
    return unique is not None and record.properties.get(unique[0], "") not in ("", unique[1])


def _several(cycle_state: CycleState, desired: DesiredRecord, count: int) -> Hold:
    """The hold of messages whose values lead to several records: a person has to merge these."""
    words = ", ".join([f"{name} {value}" for name, value in desired.find])
    until_ms = cycle_state.now_ms + UNAVAILABLE_AGE_MS
    return Hold(
        Reason.SEVERAL_RECORDS,
        detail=f"{count} records with {words}",
        ends_as=Reason.RECORD_NEVER_THERE,
        until_ms=until_ms,
    )


@dataclass(slots=True)
class _Search:
    """The searches by one property. `keys`: the keys of records, by the values that they are looked for by."""

    cycle_state: CycleState
    path: str
    name: str
    shown: Sequence[str]
    keys: Mapping[str, Sequence[str]]
    hits: Mapping[str, dict[str, HeldRecord]]
    findings: Findings

    async def run(self) -> None:
        """Search, a hundred values at a time; a refused or overfull search is repeated in halves."""
        groups = split_by_size(list(self.keys), VALUES_BYTES, VALUES_PER_SEARCH)
        while groups:
            group = groups.pop()
            body = search_by_values(self.name, group, self.shown)
            address = self.cycle_state.paths.objects(self.path, "search")
            call = Call(f"search {self.path}", "POST", address, body, "search")
            verdict, answer = await self.cycle_state.caller.ask(call, is_optional=True)
            is_answered = isinstance(verdict, Delivered)
            records = held_records(answer.body) if is_answered else []
            is_too_much = len(records) >= SEARCH_PAGE if is_answered else answer.status == BAD_REQUEST
            if is_too_much and len(group) > 1:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
            elif not is_answered:
                self.findings.fates.update((key, verdict) for value in group for key in self.keys[value])
            for record in records:
                for key in self.keys.get(record.properties.get(self.name, "").lower(), ()):
                    self.hits[key][record.record_id] = record
