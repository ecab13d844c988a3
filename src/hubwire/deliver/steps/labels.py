"""Labels of associations of any two object types: the portal's by their text, and the calls that set them.

A label that the portal does not have, or that HubSpot refuses for the pair, is reported; the association itself stays.
Source: HubSpot's associations guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from hubwire.deliver.calls.batch_sender import Input, send
from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import Pair
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.verdicts.dependants import is_delivered
from hubwire.delivery import Dead, Delivered
from hubwire.hubspot.call import ASSOCIATIONS_PER_CALL, Call, pair_key, split
from hubwire.hubspot.wire import AssociationLabel, associate_labelled, association_labels
from hubwire.operation import LeftOut
from hubwire.reasons import Reason

CATEGORIES = ("HUBSPOT_DEFINED", "USER_DEFINED")
UNLABELLED = ""
UNLABELLED_TYPES = {("contact", "company"): AssociationLabel("HUBSPOT_DEFINED", 279)}
"""Types that need no call to be known. Source: HubSpot's associations guide, type ids."""
ObjectTypes = tuple[str, str]
Labels = Mapping[str, AssociationLabel]


class LabelledPair(NamedTuple):
    """Two record ids, the types to set on their association, and the messages that want it."""

    source_id: str
    target_id: str
    types: Sequence[AssociationLabel]
    positions: Sequence[int]

    @property
    def key(self) -> str:
        return pair_key(self.source_id, self.target_id)


async def label_types(cycle_state: CycleState, ends: ObjectTypes, desired: Pair) -> dict[str, AssociationLabel]:
    """The association types of a pair's labels. A label that the portal does not have is reported."""
    types: dict[str, AssociationLabel] = {}
    for label, position in desired.labels.items():
        known = await _labels(cycle_state, ends)
        found = known.get(label.strip().casefold()) if known else _by_id(label)
        if found is None:
            report_label(cycle_state, [position] if position else [], label)
        else:
            types[label] = found
    return types


def _by_id(label: str) -> AssociationLabel | None:
    """A label that is given as `CATEGORY:id`, if HubSpot does not say which ones the portal has."""
    category, _, number = label.partition(":")
    return AssociationLabel(category, int(number)) if category in CATEGORIES and number.isdecimal() else None


def report_label(cycle_state: CycleState, positions: Iterable[int], detail: str) -> None:
    """Say on messages that a label is not set."""
    for position in positions:
        cycle_state.outcomes.leave_out(position, [LeftOut("association", Reason.UNKNOWN_LABEL, detail)])


async def _labels(cycle_state: CycleState, ends: ObjectTypes) -> Labels:
    """The portal's labels of two object types, read with the schema's first use of one."""
    known = cycle_state.portal.labels
    if ends not in known:
        path = cycle_state.association_path(ends, "labels")
        verdict, answer = await cycle_state.caller.ask(Call("read labels", "GET", path), is_optional=True)
        if not isinstance(verdict, Delivered):
            return {}
        known[ends] = association_labels(answer.body)
    return known[ends]


async def set_labels(cycle_state: CycleState, ends: ObjectTypes, pairs: Sequence[LabelledPair]) -> set[str]:
    """Set the types of associations that exist. Returns the keys of the pairs that HubSpot confirmed.

    Shape: the unlabelled type goes along, because HubSpot replaces the labels of a pair by those of the call.
    """
    unlabelled = UNLABELLED_TYPES.get(ends) or (await _labels(cycle_state, ends)).get(UNLABELLED)
    by_key = {pair.key: pair for pair in pairs}
    inputs = [Input(str(number), pair.key, {}, pair.positions) for number, pair in enumerate(by_key.values())]
    path = cycle_state.association_path(ends, "batch/create")
    make = partial(_call, path, by_key, unlabelled)
    judged = await together(*(send(cycle_state.caller, make, batch) for batch in split(inputs, ASSOCIATIONS_PER_CALL)))
    confirmed: set[str] = set()
    for outcome in (outcome for batch in judged for outcome in batch):
        if is_delivered(outcome.verdict):
            confirmed.add(outcome.input.key)
        elif isinstance(outcome.verdict, Dead) and not outcome.is_gone:
            report_label(cycle_state, outcome.input.positions, outcome.verdict.detail)
        else:
            cycle_state.outcomes.judge(outcome.input.positions, outcome.verdict)
    return confirmed


def _call(
    path: str, pairs: Mapping[str, LabelledPair], unlabelled: AssociationLabel | None, group: Sequence[Input]
) -> Call:
    labelled = [pairs[input_.key] for input_ in group]
    body = associate_labelled([(pair.source_id, pair.target_id, pair.types) for pair in labelled], unlabelled)
    return Call("label associations", "POST", path, body, kind="associations")
