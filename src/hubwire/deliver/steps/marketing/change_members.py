"""Sends the changes of one list in batches, and settles their messages.

If HubSpot refuses a batch, the list is read again, and the batch is sent in parts, so that one record does not stop the
others. A list that takes no more records would refuse every part: after `MAX_REFUSED` refusals the rest is reported,
and for some minutes nothing more joins that list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from hubwire.deliver.calls.caller import TRIES_IN_CYCLE, together
from hubwire.deliver.cycle.marketing_portal import Feature, Unusable
from hubwire.deliver.cycle.marketing_work import DesiredMembership
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.marketing.find_lists import find_list
from hubwire.deliver.steps.marketing.missing_members import look_up_missing
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.dependants import was_sent
from hubwire.delivery import Dead, Delivered, Verdict
from hubwire.hubspot.call import Call, split
from hubwire.hubspot.lists import MEMBERS_PER_CALL, change_members, changed_members
from hubwire.operation import LeftOut, RecordRef
from hubwire.reasons import Reason
from hubwire.record.marketing import KnownList, Membership

NOT_FOUND = 404
BAD_REQUEST = 400
MAX_REFUSED = 40
"""Refused calls of one list and cycle. A single bad record among 500 costs about ten."""


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
class ListWriter:
    """Changes the members of one list in one cycle."""

    cycle_state: CycleState
    known_list: KnownList
    _refused_count: int = field(default=0, init=False)

    async def send(self, changes: Sequence[Change]) -> list[Change]:
        """Send all changes. Returns those that could not be made because HubSpot has no such list."""
        full = self.cycle_state.portal.marketing.full_lists.get(self._place)
        if full is not None and full.is_recent(self.cycle_state.now_ms):
            joining = [change for change in changes if change.is_member]
            self._leave_out(joining, full.left_out(self.known_list.key))
            changes = [change for change in changes if not change.is_member]
        batches = [batch for batch in split(changes, MEMBERS_PER_CALL) if batch]
        results = await together(*(self._send(batch) for batch in batches))
        return [change for gone in results for change in gone]

    @property
    def _place(self) -> tuple[str, str]:
        return self.known_list.object, self.known_list.key

    @property
    def _field(self) -> str:
        return f"list:{self.known_list.key}"

    async def _send(self, batch: Sequence[Change], max_tries: int = TRIES_IN_CYCLE) -> list[Change]:
        """Send one batch, in parts if HubSpot refuses it. Returns the batch if the list is gone."""
        cycle_state = self.cycle_state
        call = members_call(
            cycle_state.paths.members(self.known_list.list_id),
            [change.record_id for change in batch if change.is_member],
            [change.record_id for change in batch if not change.is_member],
        )
        positions = [position for change in batch for position in change.positions]
        verdict, answer = await cycle_state.caller.ask(call, positions, is_optional=True, max_tries=max_tries)
        if answer.status == NOT_FOUND:
            return list(batch)
        if isinstance(verdict, Delivered):
            return await self._take(batch, answer.body)
        if isinstance(verdict, Dead) and verdict.reason is Reason.MISSING_SCOPE:
            portal = cycle_state.portal.marketing
            portal.refuse(Feature.LISTS, verdict.detail, cycle_state.now_ms)
            portal.hold(cycle_state.outcomes, Feature.LISTS, positions)
            return []
        if answer.status == BAD_REQUEST:
            return await self._send_parts(batch, verdict.detail if isinstance(verdict, Dead) else "")
        self._fail(batch, verdict)
        return []

    # -- what HubSpot said

    async def _take(self, batch: Sequence[Change], body: bytes) -> list[Change]:
        """Confirm the changes that the answer names, or that were so already, and look the missing records up."""
        changed = changed_members(body)
        if changed is None:
            self._fail(batch, without_answer.record_missing())
            return []
        self.cycle_state.portal.marketing.accept(Feature.LISTS)
        self._note_size(len(changed.added) - len(changed.removed))
        self._confirm([change for change in batch if change.record_id not in changed.missing])
        missing = [change for change in batch if change.record_id in changed.missing]
        return await self._look_up(missing) if missing else []

    def _note_size(self, growth: int) -> None:
        """Note the number of members at HubSpot after a change."""
        cycle_state, lists = self.cycle_state, self.cycle_state.portal.marketing.lists
        known = lists.get(self._place, self.known_list)
        if growth and known.size is not None:
            size = max(0, known.size + growth)
            lists[self._place] = msgspec.structs.replace(known, size=size, read_at_ms=cycle_state.now_ms)
            cycle_state.known_lists[self._place] = lists[self._place]

    async def _send_parts(self, batch: Sequence[Change], words: str) -> list[Change]:
        """HubSpot refuses a batch: because of the list, which is then read again, or because of one record."""
        cycle_state = self.cycle_state
        if self._refused_count == 0 and len(batch) > 1:
            found = await find_list(cycle_state, self._place, may_make=False)
            if not isinstance(found, KnownList):
                return list(batch)
        self._refused_count += 1
        joining = [change for change in batch if change.is_member]
        leaving = [change for change in batch if not change.is_member]
        if len(batch) == 1 or (self._refused_count >= MAX_REFUSED and not (joining and leaving)):
            if len(batch) > 1 and joining:
                full = Unusable(Reason.LIST_UNUSABLE, words, cycle_state.now_ms)
                cycle_state.portal.marketing.full_lists[self._place] = full
            self._leave_out(batch, LeftOut(self._field, Reason.REFUSED_BY_HUBSPOT, words))
            return []
        parts = [leaving, joining] if joining and leaving else split(batch, -(-len(batch) // 2))
        return [change for part in parts for change in await self._send(part, 1)]

    def _fail(self, batch: Sequence[Change], verdict: Verdict) -> None:
        """The call may have had its effect all the same: nothing of it counts as unchanged."""
        for change in batch:
            self.cycle_state.outcomes.judge(change.positions, verdict)
            if change.known is not None and was_sent(verdict):
                self.cycle_state.memberships.append(msgspec.structs.replace(change.known, confirmed_at_ms=0))

    def _confirm(self, batch: Sequence[Change]) -> None:
        list_id, now_ms, memberships = self.known_list.list_id, self.cycle_state.now_ms, self.cycle_state.memberships
        for change in batch:
            if not change.desired and change.known is not None:
                memberships.append(msgspec.structs.replace(change.known, list_id=list_id, confirmed_at_ms=now_ms))
            memberships += [
                Membership(
                    list_key=self.known_list.key,
                    record_key=desired.operation.key,
                    is_member=change.is_member,
                    at_ms=desired.rank.at_ms,
                    position=desired.rank.position,
                    trust=desired.rank.trust,
                    list_id=list_id,
                    record_id=change.record_id,
                    confirmed_at_ms=now_ms,
                )
                for desired in change.desired
            ]

    # -- records that HubSpot calls missing

    async def _look_up(self, missing: Sequence[Change]) -> list[Change]:
        """Look up the records that HubSpot calls missing, and send those that are another record now."""
        cycle_state = self.cycle_state
        open_changes = {change.record: change for change in missing if change.desired and not change.was_looked_up}
        positions = {record: change.positions for record, change in open_changes.items()}
        ids = await look_up_missing(cycle_state, positions)
        again: list[Change] = []
        refused = [change for change in missing if change.was_looked_up]
        for record, change in open_changes.items():
            record_id = ids.get(record)
            if record_id is None:
                # The record is gone, or cannot be read now: the next try makes or finds it first.
                cycle_state.suspect_record(record)
                cycle_state.outcomes.judge(change.positions, without_answer.record_missing())
            elif record_id == change.record_id:
                refused.append(change)
            else:
                again.append(Change(record_id, change.desired, change.known, was_looked_up=True))
        detail = f"HubSpot has no {self.known_list.object} of this id that can be on the list"
        self._leave_out(refused, LeftOut(self._field, Reason.NOT_LISTED, detail))
        return await self._send(again) if again else []

    def _leave_out(self, batch: Sequence[Change], left_out: LeftOut) -> None:
        for change in batch:
            for position in change.positions:
                self.cycle_state.outcomes.leave_out(position, [left_out])


def members_call(path: str, add: Sequence[str], remove: Sequence[str]) -> Call:
    """Put records on a list, and take others off."""
    return Call("change members", "PUT", path, change_members(add, remove))
