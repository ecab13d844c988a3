"""Labels, primary companies and former companies of associations, in addition to the default association.

Memory keeps what was confirmed of each marked pair with the contact, under `@<company>`: the marks and the time of the
message. So a mark costs one call, and an older message that arrives late does not bring a former company back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import Pair
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.labels import LabelledPair, label_types, set_labels
from hubwire.delivery import Delivered
from hubwire.hubspot.call import ASSOCIATIONS_PER_CALL, Call, split
from hubwire.hubspot.wire import PRIMARY_COMPANY, AssociationLabel, archive_associations
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import ConfirmedValue

MARK = "@"
REPLACES = "replaces"
PRIMARY = "primary"
LABEL = "label "
TYPES = ("contact", "company")
NO_MARKS = ConfirmedValue("", 0)
Ends = tuple[str, str]
Desired = Mapping[tuple[str, str], Pair]


def without_former(cycle_state: CycleState, desired: Desired) -> dict[tuple[str, str], Pair]:
    """The pairs, except those that a newer pair of the same contact ends with `replaces`."""
    newest: dict[str, tuple[int, str]] = {}
    for (email, domain), pair in desired.items():
        if pair.replaces:
            newest[email] = max(newest.get(email, (-1, "")), (pair.at_ms, domain))
    for email in {email for email, _ in desired}:
        person = cycle_state.people.get(email)
        for name, marks in person.properties.items() if person is not None else ():
            if name[:1] == MARK and REPLACES in marks.value.split("\n"):
                newest[email] = max(newest.get(email, (-1, "")), (marks.at_ms, name[1:]))
    kept = {}
    for (email, domain), pair in desired.items():
        at_ms, current = newest.get(email, (-1, domain))
        if domain == current or pair.at_ms > at_ms:
            kept[email, domain] = pair
            continue
        detail = "a newer message names another company"
        for position in pair.positions:
            cycle_state.outcomes.leave_out(position, [LeftOut("association", Reason.OLDER_THAN_KNOWN, detail)])
    return kept


async def mark_associations(cycle_state: CycleState, desired: Desired) -> None:
    """Set the labels and primary companies of pairs that are associated, and part contacts from former companies."""
    marked = {ends_: pair for ends_, pair in desired.items() if not pair.is_plain}
    ends = {
        (email, domain): (contact_id, company_id)
        for email, domain in marked
        if (contact_id := cycle_state.contact_id(email)) and (company_id := cycle_state.company_id(domain))
    }
    types: dict[tuple[str, str], dict[str, AssociationLabel]] = {}
    for pair in ends:
        if not _is_known(cycle_state, pair, marked[pair]):
            types[pair] = await _types_of(cycle_state, marked[pair])
    labelled = {
        pair: LabelledPair(*ends[pair], list(marks.values()), marked[pair].positions)
        for pair, marks in types.items()
        if marks
    }
    confirmed = await set_labels(cycle_state, TYPES, list(labelled.values())) if labelled else set()
    await _part(cycle_state, {pair: marked[pair] for pair in ends if marked[pair].replaces})
    for pair in ends:
        is_set = pair in labelled and labelled[pair].key in confirmed
        _remember(cycle_state, pair, marked[pair], types[pair] if is_set else ())


def _marks(pair: Pair) -> set[str]:
    """The marks that a pair is to have."""
    marks = {LABEL + label for label in pair.labels}
    return marks | ({PRIMARY} if pair.is_primary else set()) | ({REPLACES} if pair.replaces else set())


def _is_known(cycle_state: CycleState, pair: tuple[str, str], desired: Pair) -> bool:
    """Whether all marks of a pair were confirmed before, and its records are still the same."""
    email, domain = pair
    if email in cycle_state.other_contacts or domain in cycle_state.other_companies:
        return False
    known = cycle_state.people[email].properties.get(MARK + domain)
    return known is not None and _marks(desired) <= set(known.value.split("\n"))


def _remember(cycle_state: CycleState, pair: tuple[str, str], desired: Pair, new_marks: Iterable[str]) -> None:
    email, domain = pair
    if any(position in cycle_state.outcomes.verdicts for position in desired.positions):
        return
    person = cycle_state.people[email]
    before, at_ms, *_ = person.properties.get(MARK + domain, NO_MARKS)
    replaces = [REPLACES] if desired.replaces else []
    marks = "\n".join(sorted({*before.split("\n"), *new_marks, *replaces} - {""}))
    if (marks, max(at_ms, desired.at_ms)) != (before, at_ms):
        person.properties[MARK + domain] = ConfirmedValue(marks, max(at_ms, desired.at_ms))
        cycle_state.changed_people[email] = person


async def _types_of(cycle_state: CycleState, desired: Pair) -> dict[str, AssociationLabel]:
    """The association types by the marks that they set; a label that the portal does not have is reported."""
    types = {PRIMARY: PRIMARY_COMPANY} if desired.is_primary else {}
    labels = await label_types(cycle_state, TYPES, desired)
    return types | {LABEL + label: known for label, known in labels.items()}


async def _part(cycle_state: CycleState, replacing: Desired) -> None:
    """Archive the remembered associations of contacts with companies other than the current one."""
    if not replacing:
        return
    record, current = cycle_state.record, dict(replacing.keys())
    emails = sorted(current)
    remembered = await cycle_state.off_loop(record.associations_of, cycle_state.destination_id, emails, [])
    former = [(email, domain) for email, domain in sorted(remembered) if domain != current[email]]
    former += [pair for pair in cycle_state.associations if pair[0] in current and pair[1] != current[pair[0]]]
    missing = {domain for _, domain in former} - cycle_state.companies.keys()
    cycle_state.companies |= await cycle_state.load(record.companies, missing)
    await together(
        *(_archive(cycle_state, batch, replacing, current) for batch in split(former, ASSOCIATIONS_PER_CALL))
    )


async def _archive(
    cycle_state: CycleState, former: Sequence[tuple[str, str]], replacing: Desired, current: Mapping[str, str]
) -> None:
    pairs = _distinct(cycle_state, former, current)
    if pairs:
        path = cycle_state.paths.associations("contacts", "companies", "batch/archive")
        positions = [p for email, _ in former for p in replacing[email, current[email]].positions]
        call = Call("archive associations", "POST", path, archive_associations(pairs), kind="associations")
        verdict, _ = await cycle_state.caller.ask(call, positions, is_optional=True)
        if not isinstance(verdict, Delivered):
            cycle_state.outcomes.judge(positions, verdict)
            return
    cycle_state.unlinked += former
    cycle_state.associations = [pair for pair in cycle_state.associations if pair not in set(former)]
    for email, domain in former:
        if cycle_state.people[email].properties.pop(MARK + domain, None) is not None:
            cycle_state.changed_people[email] = cycle_state.people[email]


def _distinct(cycle_state: CycleState, former: Iterable[tuple[str, str]], current: Mapping[str, str]) -> list[Ends]:
    """The record ids of pairs whose company is another record than the current one."""
    pairs = []
    for email, domain in former:
        contact_id, company_id = cycle_state.contact_id(email), cycle_state.company_id(domain)
        if contact_id and company_id and company_id != cycle_state.company_id(current[email]):
            pairs.append((contact_id, company_id))
    return pairs
