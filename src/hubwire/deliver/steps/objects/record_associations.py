"""Associations between any two records but a contact and a company: default associations in batches, each confirmed one
remembered and never sent again.

The newest message about a pair wins, whether it associates the records or takes their association away. A line item
belongs to one parent. HubSpot chooses the type ids of default associations. Source: HubSpot's associations guide.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from functools import partial

from hubwire.deliver.calls.batch_sender import Input, send
from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import LINE_ITEM, PairOfRecords
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.objects.find_ends import find_ends, load_ends
from hubwire.deliver.steps.objects.record_holds import refused_hold, wait_for_record
from hubwire.deliver.steps.objects.record_marks import (
    REPLACES,
    mark_pairs,
    marks_of,
    pair_of,
    remember,
    take_away,
)
from hubwire.deliver.verdicts.dependants import is_delivered
from hubwire.delivery import Retry
from hubwire.hubspot.call import ASSOCIATIONS_PER_CALL, Call, pair_key, split
from hubwire.hubspot.wire import associate_default
from hubwire.operation import LeftOut, RecordPair, RecordRef
from hubwire.reasons import Reason
from hubwire.record.protocol import RecordAssociation

Desired = Mapping[RecordPair, PairOfRecords]
Known = Mapping[RecordPair, RecordAssociation]
ASSOCIATION = "association"


async def associate_records(cycle_state: CycleState, desired: Desired) -> None:
    """Bring the associations to what the newest messages want. All records of the cycle have been written.

    Shape: a record that is another one now gets all its remembered associations again.
    """
    known = await _remembered(cycle_state, desired)
    again = {pair: pair_of(association) for pair, association in known.items() if _is_lost(cycle_state, pair)}
    cycle_state.objects.parted.update(pair for pair in again)
    chosen = {pair: association for pair, association in again.items() if not association.is_away} | dict(desired)
    chosen = _without_older(cycle_state, _without_second_parents(cycle_state, chosen, known), known)
    await load_ends(cycle_state, chosen)
    await find_ends(cycle_state, chosen)
    there = {pair: association for pair, association in chosen.items() if _has_ends(cycle_state, pair, association)}
    away = {pair: association for pair, association in there.items() if association.is_away}
    new = {pair: association for pair, association in there.items() if not association.is_away}
    confirmed = {pair for pair, association in known.items() if not association.is_away} - again.keys()
    await together(
        *(
            _associate(cycle_state, types, {pair: new[pair] for pair in pairs})
            for types, pairs in _by_types(pair for pair in new if pair not in confirmed).items()
        )
    )
    # A refusal for a missing scope holds the messages and judges none: only a confirmed pair is associated.
    associated = confirmed | cycle_state.objects.associations.keys()
    open_pairs = {
        pair: association
        for pair, association in new.items()
        if pair in associated and not _is_judged(cycle_state, association)
    }
    await mark_pairs(cycle_state, open_pairs, {pair: known[pair] for pair in known.keys() - again.keys()})
    former = _former(open_pairs, {**known, **cycle_state.objects.associations})
    await load_ends(cycle_state, former)
    for types, pairs in _by_types([*away, *former]).items():
        await take_away(cycle_state, types, {pair: away.get(pair) or former[pair] for pair in pairs})
    remember(cycle_state, open_pairs, known)


async def _remembered(cycle_state: CycleState, desired: Desired) -> dict[RecordPair, RecordAssociation]:
    """What is remembered of the sources of this cycle, and of the records that are another one now."""
    sources = {source for source, _ in desired}
    lost = set(cycle_state.objects.others)
    lost |= {RecordRef("contact", email) for email in cycle_state.other_contacts}
    lost |= {RecordRef("company", domain) for domain in cycle_state.other_companies}
    memory = cycle_state.record.objects
    found = await cycle_state.off_loop(memory.associations_of, cycle_state.destination_id, sorted(sources | lost))
    return {(association.source, association.target): association for association in found}


def _is_lost(cycle_state: CycleState, pair: RecordPair) -> bool:
    """Whether one end is another record than the one that was associated."""
    return any(
        end in cycle_state.objects.others
        or (end.object == "contact" and end.key in cycle_state.other_contacts)
        or (end.object == "company" and end.key in cycle_state.other_companies)
        for end in pair
    )


def _is_judged(cycle_state: CycleState, association: PairOfRecords) -> bool:
    return any(position in cycle_state.outcomes.verdicts for position in association.positions)


def _leave_out(cycle_state: CycleState, association: PairOfRecords, reason: Reason, detail: str) -> None:
    for position in association.positions:
        cycle_state.outcomes.leave_out(position, [LeftOut(ASSOCIATION, reason, detail)])


# -- which associations are chosen


def _without_second_parents(cycle_state: CycleState, desired: Desired, known: Known) -> dict[RecordPair, PairOfRecords]:
    """The pairs, except those that would give a line item a second parent."""
    parents = {
        source: target
        for (source, target), association in known.items()
        if source.object == LINE_ITEM and not association.is_away
    }
    kept = {}
    for (source, target), association in sorted(desired.items(), key=lambda item: (item[1].at_ms, item[1].position)):
        if source.object == LINE_ITEM and not association.is_away:
            parent = parents.setdefault(source, target)
            if parent != target:
                _leave_out(cycle_state, association, Reason.LINE_ITEM_HAS_PARENT, f"{parent.object} {parent.key}")
                continue
        kept[source, target] = association
    return kept


def _without_older(cycle_state: CycleState, desired: Desired, known: Known) -> dict[RecordPair, PairOfRecords]:
    """The pairs about which nothing newer is known, and that no newer message replaces."""
    replaced: dict[tuple[RecordRef, str], tuple[int, RecordRef]] = {}
    for (source, target), association in known.items():
        if REPLACES in association.marks.split("\n") and not association.is_away:
            _keep_newest(replaced, source, target, association.at_ms)
    for (source, target), chosen in desired.items():
        if chosen.replaces and not chosen.is_away:
            _keep_newest(replaced, source, target, chosen.at_ms)
    kept = {}
    for (source, target), chosen in desired.items():
        before = known.get((source, target))
        at_ms, current = replaced.get((source, target.object), (-1, target))
        if current != target and chosen.at_ms <= at_ms and not chosen.is_away:
            _leave_out(cycle_state, chosen, Reason.OLDER_THAN_KNOWN, "a newer message names another record")
        elif before is not None and before.is_away != chosen.is_away and chosen.at_ms < before.at_ms:
            _leave_out(cycle_state, chosen, Reason.OLDER_THAN_KNOWN, "a newer message says otherwise")
        elif not (chosen.is_away and before is not None and before.is_away):
            kept[source, target] = chosen
    return kept


def _keep_newest(
    newest: dict[tuple[RecordRef, str], tuple[int, RecordRef]], source: RecordRef, target: RecordRef, at_ms: int
) -> None:
    place = (source, target.object)
    newest[place] = max(newest.get(place, (-1, target)), (at_ms, target))


def _former(desired: Desired, known: Known) -> dict[RecordPair, PairOfRecords]:
    """The associations that pairs with `replaces` end, each as one that is taken away at their time."""
    newest = {(source, target.object): (target, pair) for (source, target), pair in desired.items() if pair.replaces}
    former = {}
    for (source, target), association in known.items():
        current = newest.get((source, target.object))
        if current is None or current[0] == target or association.is_away or association.at_ms > current[1].at_ms:
            continue
        former[source, target] = PairOfRecords(current[1].positions, current[1].at_ms, is_away=True)
    return former


def _has_ends(cycle_state: CycleState, pair: RecordPair, association: PairOfRecords) -> bool:
    """Whether HubSpot has both records. Otherwise the messages wait, or share the fate of the missing record."""
    missing = [end for end in pair if cycle_state.record_id(end) is None]
    if not missing:
        return True
    if association.is_away:
        return False
    fate = cycle_state.missing_record(missing[0])
    is_refused = missing[0] in cycle_state.objects.refused
    if not association.may_make and not is_refused:
        fate = wait_for_record(
            cycle_state, missing[0], Reason.WAITS_FOR_RECORD, f"{missing[0].object} {missing[0].key}"
        )
    cycle_state.settle(association.positions, fate)
    return False


# -- default associations


def _by_types(pairs: Iterable[RecordPair]) -> dict[tuple[str, str], list[RecordPair]]:
    by_types: dict[tuple[str, str], list[RecordPair]] = {}
    for source, target in pairs:
        by_types.setdefault((source.object, target.object), []).append((source, target))
    return by_types


def associate_call(cycle_state: CycleState, types: tuple[str, str], group: Iterable[Input]) -> Call:
    """Default associations of two object types; the inputs' keys are `pair_key`s."""
    ends = [input_.key.partition(">") for input_ in group]
    path = cycle_state.association_path(types, "batch/associate/default")
    body = associate_default([(source_id, target_id) for source_id, _, target_id in ends])
    lacking = next((name for name in types if name not in ("contact", "company")), None)
    return Call("associate records", "POST", path, body, kind="associations", object_type=lacking)


async def _associate(cycle_state: CycleState, types: tuple[str, str], desired: Desired) -> None:
    pairs: dict[str, list[RecordPair]] = {}
    inputs: dict[str, Input] = {}
    for (source, target), association in desired.items():
        key = pair_key(cycle_state.record_id(source) or "", cycle_state.record_id(target) or "")
        pairs.setdefault(key, []).append((source, target))
        if key in inputs:
            inputs[key].positions = [*inputs[key].positions, *association.positions]
        else:
            inputs[key] = Input(str(len(inputs)), key, {}, association.positions)
    batches = split(list(inputs.values()), ASSOCIATIONS_PER_CALL)
    make = partial(associate_call, cycle_state, types)
    judged = await together(*(send(cycle_state.caller, make, batch) for batch in batches))
    for outcome in itertools.chain.from_iterable(judged):
        of_input, verdict = pairs[outcome.input.key], outcome.verdict
        if is_delivered(verdict):
            cycle_state.objects.remember(
                {pair: RecordAssociation(*pair, desired[pair].at_ms, marks_of(desired[pair], ())) for pair in of_input}
            )
            continue
        if isinstance(verdict, Retry) and verdict.reason is Reason.FEATURE_REFUSED:
            detail = f"association of {types[0]} and {types[1]}: {verdict.detail}"
            cycle_state.settle(outcome.input.positions, refused_hold(cycle_state, detail))
            continue
        cycle_state.outcomes.judge(outcome.input.positions, verdict)
        if outcome.is_gone:
            # HubSpot does not say which end is gone: both are looked up.
            for end in itertools.chain.from_iterable(of_input):
                cycle_state.suspect_record(end)
