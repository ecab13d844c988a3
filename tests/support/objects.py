"""A lane that sends operations as they are, without messages and rules: what holds for a record holds for any rule that
writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tests.support.world import World

from hubwire.deliver.calls.caller import CallContext, Caller
from hubwire.deliver.calls.retry import RetryPolicy
from hubwire.deliver.cycle.coalesce import Work
from hubwire.deliver.cycle.outcomes import HoldPolicy, Outcomes
from hubwire.deliver.cycle.portal_schema import Portal
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.lanes.backlog import Selection
from hubwire.deliver.lanes.cycle import Patience, outcome_of, send_work
from hubwire.deliver.limits.governor import Governor
from hubwire.hubspot.call import Call
from hubwire.hubspot.client import FixedToken, HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.operation import (
    AssociateRecords,
    Mode,
    Operation,
    PropertyValue,
    RecordRef,
    UpsertContact,
    UpsertRecord,
    record_key,
)
from hubwire.record.protocol import Due, Span
from hubwire.schema import PortalSchema
from hubwire.secret import Secret

HOLD_MS = 72 * 3_600_000


class ObjectLane:
    """The lane of a destination whose rules name these object types."""

    def __init__(self, world: World, *object_types: str) -> None:
        self.world = world
        self.paths = Paths(world.destination.api_version)
        self.portal = Portal(self.paths, frozenset(object_types))
        self.suppress_ms = 86_400_000
        self._position = 0
        self._is_repeated = False

    def caller(self) -> Caller:
        """A caller, as each cycle has one."""
        world = self.world
        client = HubSpotClient(
            "http://hubspot.test",
            FixedToken(Secret(world.token)),
            self.paths,
            clock=world.clock,
            transport=world.transport,
        )
        probe = Call("read account", "GET", self.paths.account)
        context = CallContext(world.clock, lambda: 0.5, world.clock.sleep, probe=probe)
        return Caller(client, Governor.of(world.destination, world.clock.now_ms()), context)

    async def load(self) -> PortalSchema:
        """The portal's schema at the beginning of a cycle."""
        self.portal.caller = self.caller()
        return await self.portal.load(self.world.clock.now_ms())

    async def look_again(self, object_type: str) -> bool:
        """What a cycle does whose messages need an object type that was not available."""
        self.portal.caller = self.caller()
        return await self.portal.look_for_unavailable({object_type}, self.world.clock.now_ms())

    async def deliver(self, *operations: Operation, is_import: bool = False, lose: bool = False) -> CycleState:
        """One cycle that sends these operations and records its outcome; with `lose`, the process ends before that,
        and the next cycle knows that it did.

        Shape: the operations' positions are messages that have just arrived, or that are due.
        """
        world, record = self.world, self.world.record
        await self.load()
        now_ms = world.clock.now_ms()
        lease = record.lease_lane(1, "a", now_ms, 1000)
        assert lease is not None
        lane = record.lane(1)
        due = {row.position: row for row in record.due(1, now_ms, 1000)}
        through = max([lane.live_cursor, *(operation.position for operation in operations)])
        span = Span(
            live_after=lane.live_cursor, live_through=through, backfill_after=0, backfill_through=0, due=tuple(due)
        )
        cycle_id = record.begin_cycle(lease, now_ms, span)
        state = self._state(due, now_ms, operations, is_import)
        state.is_repeated, self._is_repeated = self._is_repeated, lose
        work = Work()
        work.add(operations)
        try:
            await send_work(state, work)
            if not lose:
                selection = Selection([], due, [], [], span, is_backfill=is_import)
                patience = Patience(HoldPolicy(HOLD_MS, HOLD_MS), RetryPolicy(), lambda: 0.5)
                ended_at_ms = world.clock.now_ms()
                record.commit_cycle(lease, outcome_of(cycle_id, selection, state, patience, ended_at_ms))
        finally:
            record.release(lease)
        return state

    def _state(
        self, due: Mapping[int, Due], now_ms: int, operations: Sequence[Operation], is_import: bool
    ) -> CycleState:
        positions = frozenset(operation.position for operation in operations)
        caller = self.portal.calls
        state = CycleState(self.world.destination, self.world.record, self.portal, caller, now_ms, self.suppress_ms)
        state.outcomes = Outcomes(due=due, planned_count=len(positions))
        state.imported = positions if is_import else frozenset()
        return state

    def calls(self, word: str = "") -> int:
        """The number of calls whose method and path contain a word."""
        counts: dict[str, Any] = self.world.emulator.stats()["calls"]
        return sum(count for call, count in counts.items() if word in call)

    # -- operations

    def next_position(self) -> int:
        """The position of another message, a millisecond later."""
        self._position += 1
        self.world.clock.advance(0.001)
        return self._position

    def again(self, operations: Sequence[Operation]) -> list[Operation]:
        """The operations of another message with the same content and time."""
        position = self.next_position()
        return [msgspec.structs.replace(operation, position=position) for operation in operations]

    def upsert(self, ref: RecordRef, mode: Mode = "upsert", at_ms: int | None = None, **values: str) -> UpsertRecord:
        """The record of a message that has just arrived, or that happened at `at_ms`."""
        position = self.next_position()
        moment = self.world.clock.now_ms() if at_ms is None else at_ms
        properties = {name: PropertyValue(value, "rule") for name, value in values.items()}
        return UpsertRecord(ref.object, ref.key, properties, moment, position, mode)

    def associate(self, source: RecordRef, target: RecordRef, **how: Any) -> AssociateRecords:
        """An association by the last message."""
        at_ms = how.pop("at_ms", self.world.clock.now_ms())
        return AssociateRecords(source, target, self._position, at_ms, **how)

    def contact(self, email: str) -> UpsertContact:
        """The person of the last message."""
        return UpsertContact(email, {}, self.world.clock.now_ms(), self._position)

    # -- what can be seen

    def records(self, object_type: str) -> list[dict[str, Any]]:
        """What HubSpot holds."""
        return [record["properties"] for record in self.world.emulator.records(object_type)]

    def left_out(self) -> list[tuple[str, str]]:
        """(field, reason) of everything that was left out."""
        rows = self.world.database.execute("SELECT left_out FROM delivery WHERE left_out IS NOT NULL ORDER BY position")
        items = [item for (packed,) in rows for item in msgspec.json.decode(packed)]
        return [(item["field"], item["reason"]) for item in items]


def ref(object_type: str, value: str, name: str = "ext_id") -> RecordRef:
    """A record by the value of its key property."""
    return RecordRef(object_type, record_key(name, value))
