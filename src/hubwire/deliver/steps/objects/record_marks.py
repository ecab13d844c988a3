"""Labels and primary associations of any two records, in addition to the default association, and their end.

The memory keeps what was confirmed of each pair: the marks and the time of the newest message. So a mark costs one
call, and an older message that arrives late changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import PairOfRecords
from hubwire.deliver.cycle.state import CycleState
from hubwire.delivery import Delivered, Retry
from hubwire.hubspot.call import ASSOCIATIONS_PER_CALL, Call, split
from hubwire.hubspot.wire import (
    PRIMARY_TYPES,
    AssociationLabel,
    archive_associations,
    associate_labelled,
    association_labels,
)
from hubwire.operation import LeftOut, RecordPair
from hubwire.reasons import Reason
from hubwire.record.protocol import RecordAssociation

PRIMARY = "primary"
REPLACES = "replaces"
LABEL = "label "
CATEGORIES = ("HUBSPOT_DEFINED", "USER_DEFINED")
UNLABELLED = ""
Desired = Mapping[RecordPair, PairOfRecords]
Known = Mapping[RecordPair, RecordAssociation]


def marks_of(desired: PairOfRecords, before: Collection[str]) -> str:
    """The marks of a pair, each on its line: those from before, and the desired ones that no call has to set."""
    return "\n".join(sorted({*before, *([REPLACES] if desired.replaces else [])} - {""}))


def pair_of(association: RecordAssociation) -> PairOfRecords:
    """A remembered association as a desired one, for a record that is another one now."""
    marks = association.marks.split("\n")
    labels = {mark.removeprefix(LABEL): 0 for mark in marks if mark.startswith(LABEL)}
    return PairOfRecords(
        at_ms=association.at_ms,
        labels=labels,
        is_primary=PRIMARY in marks,
        replaces=REPLACES in marks,
        is_away=association.is_away,
        may_make=True,
    )


def _to_set(desired: PairOfRecords) -> set[str]:
    """The marks that a call sets."""
    return {*([PRIMARY] if desired.is_primary else []), *(LABEL + label for label in desired.labels)}


async def mark_pairs(cycle_state: CycleState, desired: Desired, known: Known) -> None:
    """Set the labels and primary associations that were not confirmed before."""
    types: dict[RecordPair, list[AssociationLabel]] = {}
    for pair, association in desired.items():
        before = set(known[pair].marks.split("\n")) if pair in known and not known[pair].is_away else set()
        if not _to_set(association) <= before:
            types[pair] = await _types_of(cycle_state, pair, association)
    by_types: dict[tuple[str, str], list[RecordPair]] = {}
    for pair, labels in types.items():
        if labels:
            by_types.setdefault((pair[0].object, pair[1].object), []).append(pair)
    await together(
        *(
            _label(cycle_state, ends, batch, desired, types)
            for ends, pairs in by_types.items()
            for batch in split(pairs, ASSOCIATIONS_PER_CALL)
        )
    )


async def _types_of(cycle_state: CycleState, pair: RecordPair, desired: PairOfRecords) -> list[AssociationLabel]:
    """The association types of a pair's marks; a mark that the portal does not have is reported."""
    ends = (pair[0].object, pair[1].object)
    types: list[AssociationLabel] = []
    if desired.is_primary and ends in PRIMARY_TYPES:
        types.append(AssociationLabel("HUBSPOT_DEFINED", PRIMARY_TYPES[ends]))
    elif desired.is_primary:
        _report(cycle_state, desired.positions, f"{ends[0]} and {ends[1]} have no primary association")
    for label, position in desired.labels.items():
        category, colon, number = label.partition(":")
        if colon and number.isdecimal() and category in CATEGORIES:
            types.append(AssociationLabel(category, int(number)))
            continue
        found = (await _labels(cycle_state, ends)).get(label.strip().casefold())
        if found is None:
            _report(cycle_state, [position] if position else [], label)
        else:
            types.append(found)
    return types


def _report(cycle_state: CycleState, positions: Sequence[int], detail: str) -> None:
    for position in positions:
        cycle_state.outcomes.leave_out(position, [LeftOut("association", Reason.UNKNOWN_LABEL, detail)])


async def _labels(cycle_state: CycleState, ends: tuple[str, str]) -> Mapping[str, AssociationLabel]:
    """The portal's labels of two object types, read with the schema's first use of one."""
    known = cycle_state.portal.record_labels
    if ends not in known:
        path = cycle_state.association_path(ends, "labels")
        verdict, answer = await cycle_state.caller.ask(Call("read labels", "GET", path), is_optional=True)
        if not isinstance(verdict, Delivered):
            return {}
        known[ends] = association_labels(answer.body)
    return known[ends]


async def _label(
    cycle_state: CycleState,
    ends: tuple[str, str],
    batch: Sequence[RecordPair],
    desired: Desired,
    types: Mapping[RecordPair, Sequence[AssociationLabel]],
) -> None:
    path = cycle_state.association_path(ends, "batch/create")
    unlabelled = (await _labels(cycle_state, ends)).get(UNLABELLED)
    labelled = [
        (cycle_state.record_id(source) or "", cycle_state.record_id(target) or "", types[source, target])
        for source, target in batch
    ]
    body = associate_labelled(labelled, unlabelled)
    positions = [position for pair in batch for position in desired[pair].positions]
    call = Call("label associations", "POST", path, body, kind="associations")
    verdict, _ = await cycle_state.caller.ask(call, positions, is_optional=True)
    if isinstance(verdict, Delivered):
        for pair in batch:
            _confirm(cycle_state, pair, desired[pair])
    elif len(batch) > 1 and not isinstance(verdict, Retry):
        # A pair that HubSpot refuses must not block the labels of others.
        for half in split(batch, -(-len(batch) // 2)):
            await _label(cycle_state, ends, half, desired, types)
    else:
        cycle_state.outcomes.judge(positions, verdict)


def _confirm(cycle_state: CycleState, pair: RecordPair, desired: PairOfRecords) -> None:
    before = cycle_state.objects.associations.get(pair)
    marks = {*(before.marks.split("\n") if before is not None else ()), *_to_set(desired)}
    at_ms = max(desired.at_ms, before.at_ms if before is not None else 0)
    cycle_state.objects.remember({pair: RecordAssociation(*pair, at_ms, marks_of(desired, marks))})


def remember(cycle_state: CycleState, desired: Desired, known: Known) -> None:
    """Note the newest message about confirmed pairs, and all their marks."""
    for pair, association in desired.items():
        before, now = known.get(pair), cycle_state.objects.associations.get(pair)
        if any(position in cycle_state.outcomes.verdicts for position in association.positions):
            continue
        known_marks = before.marks if before is not None and not before.is_away else ""
        marks = {*known_marks.split("\n"), *(now.marks.split("\n") if now is not None else ())}
        at_ms = max(association.at_ms, before.at_ms if before is not None else 0)
        confirmed = RecordAssociation(*pair, at_ms, marks_of(association, marks))
        if confirmed != before:
            cycle_state.objects.remember({pair: confirmed})


async def take_away(cycle_state: CycleState, ends: tuple[str, str], away: Desired) -> None:
    """Remove associations with all their labels, and remember their end."""
    for batch in split(list(away), ASSOCIATIONS_PER_CALL):
        ids = [(cycle_state.record_id(source), cycle_state.record_id(target)) for source, target in batch]
        known_ids = [(source_id, target_id) for source_id, target_id in ids if source_id and target_id]
        positions = [position for pair in batch for position in away[pair].positions]
        if known_ids:
            path = cycle_state.association_path(ends, "batch/archive")
            body = archive_associations(known_ids)
            call = Call("archive associations", "POST", path, body, kind="associations")
            verdict, _ = await cycle_state.caller.ask(call, positions, is_optional=True)
            if not isinstance(verdict, Delivered):
                cycle_state.outcomes.judge(positions, verdict)
                continue
        cycle_state.objects.remember({pair: RecordAssociation(*pair, away[pair].at_ms, "", True) for pair in batch})
