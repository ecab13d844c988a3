"""Puts contacts and companies on static lists and takes them off, in batches, after the records exist.

A membership that HubSpot confirmed is remembered: a repeat costs no call, and an older message changes nothing. Records
that HubSpot calls missing are looked up once, because they may have been merged; then that is reported. A list that was
deleted and created again gets its remembered members back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import Older, is_fresh
from hubwire.deliver.cycle.marketing_portal import Feature, Unusable
from hubwire.deliver.cycle.marketing_work import DesiredMembership, Rank
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.marketing.change_members import Change, ListWriter
from hubwire.deliver.steps.marketing.find_lists import ListPlace, find_list, find_lists
from hubwire.deliver.verdicts import without_answer
from hubwire.delivery import Dead, Verdict
from hubwire.hubspot.reading import when
from hubwire.operation import LeftOut, RecordRef
from hubwire.reasons import Reason
from hubwire.record.marketing import KnownList, Membership
from hubwire.record.protocol import ConfirmedValue

Desired = Mapping[tuple[str, str, str], DesiredMembership]


@dataclass(slots=True)
class _Changes:
    """The changes of one list, by record id."""

    by_id: dict[str, Change] = field(default_factory=dict)
    may_make: bool = False

    def add(self, record_id: str, desired: DesiredMembership, known: Membership | None) -> None:
        change = self.by_id.setdefault(record_id, Change(record_id, [], known))
        change.desired.append(desired)


async def set_memberships(cycle_state: CycleState, desired: Desired) -> None:
    """Bring the lists to what the cycle's messages want. Contacts and companies are confirmed."""
    portal = cycle_state.portal.marketing
    is_replay = any(due.is_replay for due in cycle_state.outcomes.due.values())
    if portal.is_refused(Feature.LISTS, cycle_state.now_ms, is_replay=is_replay):
        for membership in desired.values():
            portal.hold(cycle_state.outcomes, Feature.LISTS, membership.positions)
        return
    pairs = [(list_key, key) for list_key, _, key in desired]
    known = await cycle_state.load(cycle_state.record.marketing.memberships, pairs)
    changes = _changes(cycle_state, desired, known)
    if not changes:
        return
    found = await find_lists(cycle_state, {place: change.may_make for place, change in changes.items()})
    await together(*(_change_list(cycle_state, place, found[place], changes[place]) for place in changes))


def _changes(
    cycle_state: CycleState, desired: Desired, known: Mapping[tuple[str, str], Membership]
) -> dict[ListPlace, _Changes]:
    """What is not so yet, by list. The messages of other memberships are judged or reported."""
    changes: dict[ListPlace, _Changes] = {}
    for (list_key, object_type, key), membership in desired.items():
        record = RecordRef(object_type, key)
        record_id, confirmed = cycle_state.record_id(record), known.get((list_key, key))
        if record_id is None:
            cycle_state.settle(membership.positions, cycle_state.missing_record(record))
        elif confirmed is not None and not membership.rank.beats(confirmed):
            _report_older(cycle_state, membership, confirmed)
        elif confirmed is not None and _is_so(cycle_state, membership, confirmed, record_id):
            _remember(cycle_state, membership, confirmed)
        else:
            place = (object_type, list_key)
            of_list = changes.setdefault(place, _Changes())
            of_list.may_make |= membership.may_make
            of_list.add(record_id, membership, confirmed)
    return changes


def _report_older(cycle_state: CycleState, membership: DesiredMembership, confirmed: Membership) -> None:
    if confirmed.is_member == membership.operation.is_member:
        return
    name = f"list:{membership.operation.list_key}"
    if confirmed.trust and membership.rank.trust and confirmed.trust > membership.rank.trust:
        left_out = LeftOut(name, Reason.LOWER_TRUST, f"a server source wrote it, {when(confirmed.at_ms)}")
        for position in membership.positions:
            cycle_state.outcomes.leave_out(position, [left_out])
        return
    newer = ConfirmedValue("", confirmed.at_ms, confirmed.position)
    cycle_state.older += [Older(name, position, newer) for position in membership.positions]


def _is_so(cycle_state: CycleState, membership: DesiredMembership, confirmed: Membership, record_id: str) -> bool:
    """Whether HubSpot confirmed the same, for the same record and list, a short while ago."""
    place = (membership.operation.object, membership.operation.list_key)
    known_list = cycle_state.portal.marketing.lists.get(place)
    return (
        confirmed.is_member == membership.operation.is_member
        and confirmed.record_id == record_id
        and (known_list is None or known_list.list_id == confirmed.list_id)
        and is_fresh(confirmed.confirmed_at_ms, cycle_state.now_ms, cycle_state.suppress_ms)
    )


def _remember(cycle_state: CycleState, membership: DesiredMembership, confirmed: Membership) -> None:
    """Note the newer message, so that messages between the two change nothing."""
    rank = membership.rank
    if rank > Rank.of(confirmed):
        cycle_state.memberships.append(
            msgspec.structs.replace(confirmed, at_ms=rank.at_ms, position=rank.position, trust=rank.trust)
        )


# -- one list


async def _change_list(
    cycle_state: CycleState, place: ListPlace, found: KnownList | Unusable | Verdict, changes: _Changes
) -> None:
    if isinstance(found, KnownList):
        gone = await ListWriter(cycle_state, found).send(list(changes.by_id.values()))
        if not gone:
            return
        # The list is gone: somebody deleted it, or created it again under another id.
        found = await find_list(cycle_state, place, changes.may_make)
        if isinstance(found, KnownList):
            again = [*gone, *await _former_members(cycle_state, found, changes)]
            for change in await ListWriter(cycle_state, found).send(again):
                cycle_state.outcomes.judge(change.positions, without_answer.record_missing())
            return
        changes = _Changes({change.record_id: change for change in gone})
    positions = [position for change in changes.by_id.values() for position in change.positions]
    portal = cycle_state.portal.marketing
    if isinstance(found, Unusable):
        for position in positions:
            cycle_state.outcomes.leave_out(position, [found.left_out(place[1])])
    elif portal.is_refused(Feature.LISTS, cycle_state.now_ms):
        portal.hold(cycle_state.outcomes, Feature.LISTS, positions)
    elif isinstance(found, Dead):
        refused = LeftOut(f"list:{place[1]}", Reason.LIST_UNUSABLE, found.detail)
        for position in positions:
            cycle_state.outcomes.leave_out(position, [refused])
    else:
        cycle_state.outcomes.judge(positions, found)


async def _former_members(cycle_state: CycleState, found: KnownList, changes: _Changes) -> list[Change]:
    """The remembered members of a list that has another id now."""
    memory = cycle_state.record.marketing
    members = await cycle_state.off_loop(
        memory.members_of_another, cycle_state.destination_id, found.key, found.list_id
    )
    return [Change(member.record_id, [], member) for member in members if member.record_id not in changes.by_id]
