"""Labels, primary companies and former companies of associations, in addition to the default association.

Memory keeps what was confirmed of each marked pair with the contact, under `@<company>`: the marks and the time of the
message. So a mark costs one call, and an older message that arrives late does not bring a former company back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import Pair
from hubwire.deliver.cycle.state import CycleState
from hubwire.delivery import Delivered, Retry
from hubwire.hubspot.call import ASSOCIATIONS_PER_CALL, Call, split
from hubwire.hubspot.wire import (
    PRIMARY_COMPANY,
    AssociationLabel,
    archive_associations,
    associate_labelled,
    association_labels,
)
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import ConfirmedValue

MARK = "@"
REPLACES = "replaces"
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
    types: dict[tuple[str, str], list[AssociationLabel]] = {}
    for pair in ends:
        if not _is_known(cycle_state, pair, marked[pair]):
            types[pair] = await _types_of(cycle_state, marked[pair])
    await together(
        *(
            _label(cycle_state, batch, ends, marked, types)
            for batch in split([pair for pair, labels in types.items() if labels], ASSOCIATIONS_PER_CALL)
        )
    )
    await _part(cycle_state, {pair: marked[pair] for pair in ends if marked[pair].replaces})
    for pair in ends:
        _remember(cycle_state, pair, marked[pair])


def _marks(pair: Pair) -> str:
    marks = [*(["primary"] if pair.is_primary else []), *([REPLACES] if pair.replaces else [])]
    return "\n".join([*marks, *sorted(f"label {label}" for label in pair.labels)])


def _is_known(cycle_state: CycleState, pair: tuple[str, str], desired: Pair) -> bool:
    """Whether all marks of a pair were confirmed before, and its records are still the same."""
    email, domain = pair
    if email in cycle_state.other_contacts or domain in cycle_state.other_companies:
        return False
    known = cycle_state.people[email].properties.get(MARK + domain)
    return known is not None and set(_marks(desired).split("\n")) <= set(known.value.split("\n"))


def _remember(cycle_state: CycleState, pair: tuple[str, str], desired: Pair) -> None:
    email, domain = pair
    if any(position in cycle_state.outcomes.verdicts for position in desired.positions):
        return
    person = cycle_state.people[email]
    before, at_ms, *_ = person.properties.get(MARK + domain, NO_MARKS)
    marks = "\n".join(sorted({*before.split("\n"), *_marks(desired).split("\n")} - {""}))
    if (marks, max(at_ms, desired.at_ms)) != (before, at_ms):
        person.properties[MARK + domain] = ConfirmedValue(marks, max(at_ms, desired.at_ms))
        cycle_state.changed_people[email] = person


async def _types_of(cycle_state: CycleState, desired: Pair) -> list[AssociationLabel]:
    """The association types of a pair's marks; a label that the portal does not have is reported."""
    types = [PRIMARY_COMPANY] if desired.is_primary else []
    for label, position in desired.labels.items():
        category, colon, number = label.partition(":")
        if colon and number.isdecimal() and category in ("HUBSPOT_DEFINED", "USER_DEFINED"):
            types.append(AssociationLabel(category, int(number)))
            continue
        known = await _labels(cycle_state)
        found = known.get(label.strip().casefold())
        if found is None:
            unknown = LeftOut("association", Reason.UNKNOWN_LABEL, label)
            cycle_state.outcomes.leave_out(position, [unknown])
        else:
            types.append(found)
    return types


async def _labels(cycle_state: CycleState) -> Mapping[str, AssociationLabel]:
    """The portal's labels of contact and company, read with the schema's first use of one."""
    portal = cycle_state.portal
    if portal.labels is None:
        path = cycle_state.paths.associations("contacts", "companies", "labels")
        call = Call("read labels", "GET", path)
        verdict, answer = await cycle_state.caller.ask(call, is_optional=True)
        if not isinstance(verdict, Delivered):
            return {}
        portal.labels = association_labels(answer.body)
    return portal.labels


async def _label(
    cycle_state: CycleState,
    batch: Sequence[tuple[str, str]],
    ends: Mapping[tuple[str, str], Ends],
    desired: Desired,
    types: Mapping[tuple[str, str], Sequence[AssociationLabel]],
) -> None:
    path = cycle_state.paths.associations("contacts", "companies", "batch/create")
    body = associate_labelled([(*ends[pair], types[pair]) for pair in batch])
    positions = [position for pair in batch for position in desired[pair].positions]
    call = Call("label associations", "POST", path, body, kind="associations")
    verdict, _ = await cycle_state.caller.ask(call, positions, is_optional=True)
    if isinstance(verdict, Delivered):
        return
    if len(batch) > 1 and not isinstance(verdict, Retry):
        # A pair that HubSpot refuses must not block the labels of others.
        for half in split(batch, -(-len(batch) // 2)):
            await _label(cycle_state, half, ends, desired, types)
        return
    cycle_state.outcomes.judge(positions, verdict)


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
