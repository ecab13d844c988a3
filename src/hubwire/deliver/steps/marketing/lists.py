"""Puts contacts and companies on static lists and takes them off, in batches, after the records exist.

A membership that HubSpot confirmed is remembered: a repeat costs no call, and an older message changes nothing. Records
that HubSpot calls missing are looked up once, because they may have been merged; then that is reported. A list that was
deleted and created again gets its remembered members back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from hubwire.deliver.calls.caller import TRIES_IN_CYCLE, together
from hubwire.deliver.cycle.coalesce import Older
from hubwire.deliver.cycle.marketing_portal import Feature, Unusable
from hubwire.deliver.cycle.marketing_work import DesiredMembership, Rank
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.marketing.find_lists import ListPlace, find_list, find_lists
from hubwire.deliver.steps.marketing.missing_members import look_up_missing
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.dependants import was_sent
from hubwire.delivery import Dead, Delivered, Verdict
from hubwire.hubspot.call import Call, split
from hubwire.hubspot.lists import MEMBERS_PER_CALL, change_members, changed_members
from hubwire.hubspot.reading import when
from hubwire.operation import LeftOut, RecordRef
from hubwire.reasons import Reason
from hubwire.record.marketing import KnownList, Membership
from hubwire.record.protocol import ConfirmedValue

NOT_FOUND = 404
BAD_REQUEST = 400
Desired = Mapping[tuple[str, str, str], DesiredMembership]


@dataclass(slots=True)
class Change:
    """A record that joins or leaves a list. `positions` are empty for a remembered member of a new list."""

    record_id: str
    desired: list[DesiredMembership]
    known: Membership | None = None
    was_looked_up: bool = False

    @property
    def winner(self) -> DesiredMembership:
        """The newest of the memberships that turned out to be of one record."""
        return max(self.desired, key=lambda desired: desired.rank)

    @property
    def record(self) -> RecordRef:
        operation = self.winner.operation
        return RecordRef(operation.object, operation.key)

    @property
    def is_member(self) -> bool:
        return self.winner.operation.is_member if self.desired else True

    @property
    def positions(self) -> list[int]:
        return [position for desired in self.desired for position in desired.positions]


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
        and cycle_state.now_ms - confirmed.confirmed_at_ms < cycle_state.suppress_ms
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
        gone = await _send_all(cycle_state, found, list(changes.by_id.values()))
        if not gone:
            return
        # The list is gone: somebody deleted it, or created it again under another id.
        found = await find_list(cycle_state, place, changes.may_make)
        if isinstance(found, KnownList):
            again = [*gone, *await _former_members(cycle_state, found, changes)]
            for change in await _send_all(cycle_state, found, again):
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


async def _send_all(cycle_state: CycleState, known_list: KnownList, changes: Sequence[Change]) -> list[Change]:
    """Send the changes of one list. Returns those that could not be made because HubSpot has no such list."""
    results = await together(
        *(_send(cycle_state, known_list, batch) for batch in split(changes, MEMBERS_PER_CALL) if batch)
    )
    return [change for gone in results for change in gone]


async def _send(
    cycle_state: CycleState, known_list: KnownList, batch: Sequence[Change], max_tries: int = TRIES_IN_CYCLE
) -> list[Change]:
    """Send one batch, in halves if HubSpot refuses it. Returns the batch if the list is gone."""
    call = members_call(
        cycle_state.paths.members(known_list.list_id),
        [change.record_id for change in batch if change.is_member],
        [change.record_id for change in batch if not change.is_member],
    )
    positions = [position for change in batch for position in change.positions]
    verdict, answer = await cycle_state.caller.ask(call, positions, is_optional=True, max_tries=max_tries)
    if answer.status == NOT_FOUND:
        return list(batch)
    if isinstance(verdict, Delivered):
        changed = changed_members(answer.body)
        if changed is None:
            _fail(cycle_state, known_list, batch, without_answer.record_missing())
            return []
        cycle_state.portal.marketing.accept(Feature.LISTS)
        _note_size(cycle_state, known_list, len(changed.added) - len(changed.removed))
        _confirm(cycle_state, known_list, [change for change in batch if change.record_id not in changed.missing])
        missing = [change for change in batch if change.record_id in changed.missing]
        return await _look_up(cycle_state, known_list, missing) if missing else []
    if isinstance(verdict, Dead) and verdict.reason is Reason.MISSING_SCOPE:
        portal = cycle_state.portal.marketing
        portal.refuse(Feature.LISTS, verdict.detail, cycle_state.now_ms)
        portal.hold(cycle_state.outcomes, Feature.LISTS, positions)
        return []
    if answer.status == BAD_REQUEST:
        return await _refused(cycle_state, known_list, batch, verdict)
    _fail(cycle_state, known_list, batch, verdict)
    return []


def _note_size(cycle_state: CycleState, known_list: KnownList, growth: int) -> None:
    """Note the number of members at HubSpot after a change."""
    place = (known_list.object, known_list.key)
    lists = cycle_state.portal.marketing.lists
    known = lists.get(place, known_list)
    if growth and known.size is not None:
        lists[place] = msgspec.structs.replace(known, size=max(0, known.size + growth), read_at_ms=cycle_state.now_ms)
        cycle_state.known_lists[place] = lists[place]


async def _refused(
    cycle_state: CycleState, known_list: KnownList, batch: Sequence[Change], verdict: Verdict
) -> list[Change]:
    """HubSpot refuses a batch: because of the list, which is then read again, or because of one record."""
    if len(batch) > 1:
        place = (known_list.object, known_list.key)
        found = await find_list(cycle_state, place, may_make=False)
        if not isinstance(found, KnownList):
            return list(batch)
        halves = split(batch, -(-len(batch) // 2))
        return [change for half in halves for change in await _send(cycle_state, found, half, 1)]
    words = verdict.detail if isinstance(verdict, Dead) else ""
    _report(cycle_state, known_list, batch, LeftOut(f"list:{known_list.key}", Reason.REFUSED_BY_HUBSPOT, words))
    return []


def _fail(cycle_state: CycleState, known_list: KnownList, batch: Sequence[Change], verdict: Verdict) -> None:
    """The call may have had its effect all the same: nothing of it counts as unchanged."""
    for change in batch:
        cycle_state.outcomes.judge(change.positions, verdict)
        if change.known is not None and was_sent(verdict):
            cycle_state.memberships.append(msgspec.structs.replace(change.known, confirmed_at_ms=0))


def _confirm(cycle_state: CycleState, known_list: KnownList, batch: Sequence[Change]) -> None:
    for change in batch:
        if not change.desired and change.known is not None:
            confirmed = msgspec.structs.replace(
                change.known, list_id=known_list.list_id, confirmed_at_ms=cycle_state.now_ms
            )
            cycle_state.memberships.append(confirmed)
        for desired in change.desired:
            cycle_state.memberships.append(
                Membership(
                    list_key=known_list.key,
                    record_key=desired.operation.key,
                    is_member=change.is_member,
                    at_ms=desired.rank.at_ms,
                    position=desired.rank.position,
                    trust=desired.rank.trust,
                    list_id=known_list.list_id,
                    record_id=change.record_id,
                    confirmed_at_ms=cycle_state.now_ms,
                )
            )


# -- records that HubSpot calls missing


async def _look_up(cycle_state: CycleState, known_list: KnownList, missing: Sequence[Change]) -> list[Change]:
    """Look up the records that HubSpot calls missing, and send those that are another record now."""
    open_changes = {change.record: change for change in missing if change.desired and not change.was_looked_up}
    positions = {record: change.positions for record, change in open_changes.items()}
    ids = await look_up_missing(cycle_state, positions)
    again: list[Change] = []
    for record, change in open_changes.items():
        record_id = ids.get(record)
        if record_id is None:
            # The record is gone, or cannot be read now: the next try makes or finds it first.
            cycle_state.suspect_record(record)
            cycle_state.outcomes.judge(change.positions, without_answer.record_missing())
        elif record_id != change.record_id:
            again.append(Change(record_id, change.desired, change.known, was_looked_up=True))
    looked_up = [change for change in missing if change.was_looked_up]
    refused = [change for record, change in open_changes.items() if ids.get(record) == change.record_id]
    detail = f"HubSpot has no {known_list.object} of this id that can be on the list"
    _report(
        cycle_state, known_list, [*looked_up, *refused], LeftOut(f"list:{known_list.key}", Reason.NOT_LISTED, detail)
    )
    return await _send(cycle_state, known_list, again) if again else []


def _report(cycle_state: CycleState, known_list: KnownList, batch: Sequence[Change], left_out: LeftOut) -> None:
    for change in batch:
        for position in change.positions:
            cycle_state.outcomes.leave_out(position, [left_out])


def members_call(path: str, add: Sequence[str], remove: Sequence[str]) -> Call:
    """Put records on a list, and take others off."""
    return Call("change members", "PUT", path, change_members(add, remove))
