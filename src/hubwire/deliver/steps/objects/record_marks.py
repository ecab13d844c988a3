"""Labels and primary associations of any two records, in addition to the default association, and their end.

The memory keeps what was confirmed of each pair: the marks and the time of the newest message. So a mark costs one
call, and an older message that arrives late changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import PairOfRecords
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.labels import LabelledPair, label_types, report_label, set_labels
from hubwire.delivery import Delivered
from hubwire.hubspot.call import ASSOCIATIONS_PER_CALL, Call, split
from hubwire.hubspot.wire import (
    PRIMARY_TYPES,
    AssociationLabel,
    archive_associations,
)
from hubwire.operation import RecordPair
from hubwire.record.protocol import RecordAssociation

PRIMARY = "primary"
REPLACES = "replaces"
LABEL = "label "
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
    by_types: dict[tuple[str, str], dict[RecordPair, dict[str, AssociationLabel]]] = {}
    for pair, association in desired.items():
        before = set(known[pair].marks.split("\n")) if pair in known and not known[pair].is_away else set()
        if not _to_set(association) <= before:
            types = await _types_of(cycle_state, pair, association)
            if types:
                by_types.setdefault((pair[0].object, pair[1].object), {})[pair] = types
    await together(*(_mark(cycle_state, ends, types, desired) for ends, types in by_types.items()))


async def _types_of(cycle_state: CycleState, pair: RecordPair, desired: PairOfRecords) -> dict[str, AssociationLabel]:
    """The association types of a pair by the marks that they set; a mark that the portal does not have is reported."""
    ends = (pair[0].object, pair[1].object)
    types: dict[str, AssociationLabel] = {}
    if desired.is_primary and ends in PRIMARY_TYPES:
        types[PRIMARY] = AssociationLabel("HUBSPOT_DEFINED", PRIMARY_TYPES[ends])
    elif desired.is_primary:
        report_label(cycle_state, desired.positions, f"{ends[0]} and {ends[1]} have no primary association")
    labels = await label_types(cycle_state, ends, desired)
    return types | {LABEL + label: known for label, known in labels.items()}


async def _mark(
    cycle_state: CycleState,
    ends: tuple[str, str],
    types: Mapping[RecordPair, Mapping[str, AssociationLabel]],
    desired: Desired,
) -> None:
    """Set the marks of pairs of two object types, and remember those that HubSpot confirmed."""
    labelled = {
        pair: LabelledPair(
            cycle_state.record_id(pair[0]) or "",
            cycle_state.record_id(pair[1]) or "",
            list(marks.values()),
            desired[pair].positions,
        )
        for pair, marks in types.items()
    }
    confirmed = await set_labels(cycle_state, ends, list(labelled.values()))
    for pair, of_pair in labelled.items():
        if of_pair.key in confirmed:
            _confirm(cycle_state, pair, desired[pair], types[pair])


def _confirm(cycle_state: CycleState, pair: RecordPair, desired: PairOfRecords, new_marks: Iterable[str]) -> None:
    before = cycle_state.objects.associations.get(pair)
    marks = {*(before.marks.split("\n") if before is not None else ()), *new_marks}
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
