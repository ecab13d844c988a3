"""Contact to company: default associations in batches, each confirmed pair remembered and never sent again."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from hubwire.deliver.calls.batch_sender import Input, send
from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import Pair
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.association_marks import mark_associations, without_former
from hubwire.deliver.verdicts.dependants import is_delivered
from hubwire.hubspot.call import ASSOCIATIONS_PER_CALL, Call, pair_key, split
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import associate_default
from hubwire.operation import RecordRef


async def associate(cycle_state: CycleState, desired: Mapping[tuple[str, str], Pair]) -> None:
    """Associate the pairs whose two records exist; the messages of other pairs get the verdict of the missing record.

    Shape: `desired` is by (e-mail, domain). A contact or company that is another
    record now gets all its remembered associations again.
    """
    again = await _associated_before(cycle_state)
    desired = without_former(cycle_state, {**{pair: Pair() for pair in again}, **desired})
    if not desired:
        return
    await _associate(cycle_state, desired, again)
    if not all(pair.is_plain for pair in desired.values()):
        await mark_associations(cycle_state, desired)


async def _associate(
    cycle_state: CycleState, desired: Mapping[tuple[str, str], Pair], again: AbstractSet[tuple[str, str]]
) -> None:
    confirmed = await cycle_state.load(cycle_state.record.associated, desired.keys()) - again
    pairs: dict[str, list[tuple[str, str]]] = {}
    inputs: dict[str, Input] = {}
    for (email, domain), pair in desired.items():
        if (email, domain) in confirmed:
            continue
        contact_id, company_id = cycle_state.contact_id(email), cycle_state.company_id(domain)
        if contact_id is None or company_id is None:
            cycle_state.outcomes.judge(pair.positions, cycle_state.missing_verdict(email, domain))
            continue
        key = pair_key(contact_id, company_id)
        pairs.setdefault(key, []).append((email, domain))
        if key in inputs:
            inputs[key].positions = [*inputs[key].positions, *pair.positions]
        else:
            inputs[key] = Input(str(len(inputs)), key, {}, pair.positions)
    batches = split(list(inputs.values()), ASSOCIATIONS_PER_CALL)
    judged = await together(*(send(cycle_state.caller, partial(_call, cycle_state.paths), batch) for batch in batches))
    for outcome in itertools.chain.from_iterable(judged):
        if is_delivered(outcome.verdict):
            cycle_state.associations += pairs[outcome.input.key]
            continue
        cycle_state.outcomes.judge(outcome.input.positions, outcome.verdict)
        if outcome.is_gone:
            # HubSpot does not say which end is gone: both are looked up.
            for email, domain in pairs[outcome.input.key]:
                cycle_state.suspect_record(RecordRef("contact", email))
                cycle_state.suspect_record(RecordRef("company", domain))


async def _associated_before(cycle_state: CycleState) -> set[tuple[str, str]]:
    """The remembered associations of contacts and companies that are another record now. Loads both ends."""
    emails, domains = sorted(cycle_state.other_contacts), sorted(cycle_state.other_companies)
    if not emails and not domains:
        return set()
    record = cycle_state.record
    pairs = await cycle_state.off_loop(record.associations_of, cycle_state.destination_id, emails, domains)
    cycle_state.unlinked += sorted(pairs)
    people = {email for email, _ in pairs} - cycle_state.people.keys()
    companies = {domain for _, domain in pairs} - cycle_state.companies.keys()
    cycle_state.people |= await cycle_state.load(record.people, people)
    cycle_state.companies |= await cycle_state.load(record.companies, companies)
    return pairs


def associate_call(paths: Paths, pairs: Sequence[tuple[str, str]]) -> Call:
    """Default associations: (contact id, company id)."""
    return Call(
        "associate", "POST", paths.associations("contacts", "companies"), associate_default(pairs), kind="associations"
    )


def _call(paths: Paths, group: Sequence[Input]) -> Call:
    ends = [input_.key.partition(">") for input_ in group]
    return associate_call(paths, [(contact_id, company_id) for contact_id, _, company_id in ends])
