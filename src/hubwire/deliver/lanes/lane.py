"""One lane drives one portal: take on messages, plan, send, record, move on.

A cycle reads messages behind the lane's cursors and the rows whose time has come, gathers their work, sends it, and
writes everything that it learnt in one transaction with the cursors: record before settle. A crash anywhere repeats
calls, which have no second effect, and loses nothing. When the line itself is at fault (no permission, no budget, no
HubSpot) the cycle is abandoned and no cursor moves.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec
import structlog

from hubwire.clock import MonotonicClock
from hubwire.deliver.calls.caller import (
    LONGEST_WAIT_MS,
    CallContext,
    Caller,
    LineStopped,
    Sleep,
)
from hubwire.deliver.calls.retry import RetryPolicy
from hubwire.deliver.cycle.off_loop import OffLoop, inline
from hubwire.deliver.cycle.outcomes import HoldPolicy, Outcomes
from hubwire.deliver.cycle.portal_schema import Portal, unreadable
from hubwire.deliver.cycle.selection import (
    Growth,
    Pending,
    Selection,
    Selector,
)
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.cycle.unconfirmed import STORED_NAME, UnconfirmedWrites
from hubwire.deliver.lanes.commit import Patience, outcome_of
from hubwire.deliver.lanes.cycle import run_cycle
from hubwire.deliver.lanes.lane_lease import LaneLease
from hubwire.deliver.limits.daily_budget import Priority
from hubwire.deliver.limits.governor import Governor
from hubwire.delivery import Dead, StopTheLine
from hubwire.destination import Destination, Source
from hubwire.errors import BackendError, Unreadable
from hubwire.hubspot.call import Call, CallKind
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.journal.protocol import Journal
from hubwire.reasons import Reason
from hubwire.record.protocol import Due, LaneState, Record, Tally

log = structlog.get_logger("hubwire.deliver")

DEAD_RUN = 200
"""So many deaths without a delivery in between stop the line: it is us, not the messages."""
STOPPED_PROBE_SECONDS = 300.0
FAILED = (Reason.HUBSPOT_FAILED, Reason.HUBSPOT_UNREACHABLE, Reason.HUBSPOT_UNREADABLE)
"""Why a delivery was put off: no usable answer to a call that it was part of, while others were answered."""
OUTAGE_SECONDS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
MIN_IDLE_SECONDS = 0.05

Waited = Callable[[str, CallKind, int], None]
"""A destination, the kind of the call that waited, and the milliseconds."""


def unheard(destination: str, kind: CallKind, wait_ms: int) -> None:
    """Nobody asks how long calls wait."""


def nobody() -> None:
    """There are no other lanes to wake."""


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How a lane behaves; the settings of the same names."""

    cycle_messages: int = 10_000
    linger_seconds: float = 1.0
    backfill_linger_seconds: float = 3.0
    lease_seconds: float = 8.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class LaneParts:
    """What lanes work with.

    Shape: `jitter` gives 0 to 1; `waited` hears of each wait for a permit; `off_loop` runs every call of the journal
    and the record; `announce` wakes other lanes, which may have to deliver what this one released.
    """

    journal: Journal
    record: Record
    clock: MonotonicClock
    policy: LanePolicy
    jitter: Callable[[], float]
    sleep: Sleep = asyncio.sleep
    waited: Waited = unheard
    off_loop: OffLoop = inline
    announce: Callable[[], None] = nobody


@dataclass(slots=True)
class _Oldest:
    """The oldest message that waits: its receivedAt, and since when it waits by the monotonic clock."""

    received_at_ms: int
    since_ms: int


class Lane:
    """Drives one destination while its lease is held. `run_cycle` is one cycle; `Driver` repeats it.

    Methods that are not asynchronous and ask the journal or the record block: `Driver` calls them off the event loop.
    """

    def __init__(
        self,
        destination: Destination,
        sources: Callable[[], Mapping[int, Source]],
        client: HubSpotClient,
        governor: Governor,
        parts: LaneParts,
    ) -> None:
        self.destination = destination
        self.governor = governor
        self._sources = sources
        self._client = client
        self._parts = parts
        self._journal, self._record = parts.journal, parts.record
        self._clock, self._policy, self._off_loop = parts.clock, parts.policy, parts.off_loop
        self._selector = Selector(parts.journal, destination, governor, parts.policy.cycle_messages)
        self._portal = Portal(Paths(destination.api_version))
        self._outages = 0
        self._deaths = 0
        self._unconfirmed = UnconfirmedWrites()
        self._growth = Growth()
        self._oldest: _Oldest | None = None
        self._last_cycle_at_ms: int | None = None
        """By the monotonic clock."""
        self._max_messages = parts.policy.cycle_messages
        """Fewer while a message is looked for that Hubwire itself fails over."""

    def forget_schema(self) -> None:
        """Somebody changed something: the next cycle reads the portal's schema anew."""
        self._portal.is_stale = True

    # -- when

    def pending(self, state: LaneState) -> Pending:
        """What waits, and since when."""
        source_ids = self.destination.source_ids
        live, live_since = self._journal.count_after(state.live_cursor, source_ids=source_ids, is_backfill=False)
        backfill, backfill_since = self._journal.count_after(
            state.backfill_cursor, source_ids=source_ids, is_backfill=True
        )
        still_seconds = 0.0
        if backfill_since is not None:
            still_seconds = self._growth.still_seconds(self._journal.extent().last, self._clock.monotonic_ms())
        next_due_at_ms = self._record.next_due_at_ms(self.destination.destination_id)
        is_due = next_due_at_ms is not None and next_due_at_ms <= self._clock.now_ms()
        due = self.due() if is_due else []
        return Pending(live, live_since, backfill, backfill_since, still_seconds, due, next_due_at_ms)

    def due(self) -> list[Due]:
        """Deliveries whose time has come."""
        return self._record.due(self.destination.destination_id, self._clock.now_ms(), self._policy.cycle_messages)

    def wait_seconds(self, pending: Pending) -> float | None:
        """How long to linger before a cycle, 0 for now, None when nothing waits. A full cycle never lingers."""
        now_ms = self._clock.now_ms()
        waits: list[float] = []
        if pending.live_since_ms is not None:
            waits.append(self._linger(pending.live_count, pending.live_since_ms, now_ms))
        else:
            self._oldest = None
        if pending.backfill_since_ms is not None and self.governor.may_spend(Priority.BACKFILL, now_ms) > 0:
            is_full = pending.backfill_count >= self._policy.cycle_messages
            waits.append(0.0 if is_full else max(0.0, self._policy.backfill_linger_seconds - pending.still_seconds))
        if pending.due:
            waits.append(0.0)
        return min(waits) if waits else None

    def idle_seconds(self, pending: Pending) -> float:
        """How long until something may wait without any news: a delivery becomes due, or imports get calls again."""
        now_ms = self._clock.now_ms()
        waits = [math.inf]
        if pending.next_due_at_ms is not None:
            waits.append((pending.next_due_at_ms - now_ms) / 1000)
        if pending.backfill_count:
            waits.append(self.governor.wait_seconds(Priority.BACKFILL, now_ms))
        return max(min(waits), MIN_IDLE_SECONDS)

    def budget_wait_seconds(self) -> float | None:
        """Until the day's budget has a call for anybody, when that is long."""
        wait_seconds = self.governor.wait_seconds(Priority.IDENTIFY, self._clock.now_ms())
        return wait_seconds if wait_seconds * 1000 > LONGEST_WAIT_MS else None

    def _linger(self, count: int, since_ms: int, now_ms: int) -> float:
        if count >= self._policy.cycle_messages:
            return 0.0
        here_ms = self._clock.monotonic_ms()
        if self._oldest is None or self._oldest.received_at_ms != since_ms:
            # The system's clock may have been set back since the message came: then it waits from now on.
            self._oldest = _Oldest(since_ms, here_ms - max(0, now_ms - since_ms))
        began_ms = self._oldest.since_ms
        wait_seconds = self._policy.linger_seconds - (here_ms - began_ms) / 1000
        if self._last_cycle_at_ms is not None:
            # What the budget made wait is old by then: counted from the oldest message it would never linger again.
            began_ms = max(began_ms, self._last_cycle_at_ms)
        return max(0.0, wait_seconds, self.governor.linger_seconds(now_ms) - (here_ms - began_ms) / 1000)

    # -- one cycle

    async def run_cycle(self, lane_lease: LaneLease, state: LaneState, pending: Pending) -> bool:
        """Take on what waits, and record its outcome; False when the cycle was abandoned.

        Errors: LeaseLost (another worker drives the portal now), BackendError; nothing was recorded then.
        """
        now_ms = self._clock.now_ms()
        selection, cycle_id = await self._off_loop(self._begin, lane_lease, state, pending, now_ms)
        caller = Caller(self._client, self.governor, self._context(lane_lease, selection))
        self._portal.caller = caller
        cycle_state = self._cycle_state(caller, now_ms)
        try:
            await self._deliver(cycle_state, selection)
            if caller.failures and not caller.successes and not await caller.is_alive():
                raise LineStopped(caller.trouble)
        except LineStopped as stopped:
            await self._off_loop(self._give_up, lane_lease, cycle_id, selection, caller, stopped.stop)
            return False
        except BackendError:
            raise
        except Exception as exc:
            if len(selection.rows) > 1:
                log.exception("cycle.failed", destination=self.destination.name, messages=len(selection.rows))
                await self._off_loop(self._halve, lane_lease, cycle_id, selection, caller)
                return False
            if not selection.rows:
                raise
            log.exception("cycle.failed", message_id=selection.rows[0].message_id)
            cycle_state = self._cycle_state(caller, now_ms)
            cycle_state.outcomes = _failed(selection, exc)
        self._portal.is_stale |= caller.schema_is_stale
        self._outages = 0
        self._unconfirmed = self._unconfirmed.recorded(selection, pending, self._policy.cycle_messages, now_ms)
        await self._off_loop(self._commit, lane_lease, cycle_id, selection, cycle_state)
        self._max_messages = min(self._policy.cycle_messages, 2 * self._max_messages)
        return True

    def _begin(self, lane_lease: LaneLease, state: LaneState, pending: Pending, now_ms: int) -> tuple[Selection, int]:
        """What the cycle takes on, and its id, once both are recorded."""
        last = self._journal.extent().last if state.open_attempts else 0
        self._unconfirmed = UnconfirmedWrites.of(state, last, now_ms)
        selection = replace(self._selector, most=self._max_messages).take(state, pending, now_ms)
        return selection, self._record.begin_cycle(lane_lease.lease, now_ms, selection.span)

    def _context(self, lane_lease: LaneLease, selection: Selection) -> CallContext:
        parts = self._parts
        probe = Call("read account", "GET", self._portal.paths.account)
        waited = partial(parts.waited, self.destination.name)
        suspects = frozenset(one.position for one in selection.due.values() if one.reason in FAILED and one.attempts)
        return CallContext(
            parts.clock, parts.jitter, parts.sleep, lane_lease.check, probe, selection.is_backfill, suspects, waited
        )

    def _cycle_state(self, caller: Caller, now_ms: int) -> CycleState:
        return CycleState(
            self.destination,
            self._record,
            self._portal,
            caller,
            now_ms,
            self._suppress_ms(),
            off_loop=self._off_loop,
        )

    async def _deliver(self, cycle_state: CycleState, selection: Selection) -> None:
        has_replay = any(one.is_replay for one in selection.due.values())
        schema = await self._portal.load(cycle_state.now_ms, is_replay=has_replay)
        self.governor.move_to(schema.time_zone, cycle_state.now_ms)
        try:
            await run_cycle(cycle_state, self._sources(), selection)
        except Unreadable as exc:
            raise unreadable(exc) from exc

    def _suppress_ms(self) -> int:
        """How long a confirmed value counts as still there."""
        return 0 if self._unconfirmed else round(self.destination.suppress_unchanged_hours * 3_600_000)

    def _commit(self, lane_lease: LaneLease, cycle_id: int, selection: Selection, cycle_state: CycleState) -> None:
        """Record what the cycle learnt and move the cursors, in one transaction."""
        ended_at_ms = self._clock.now_ms()
        self._last_cycle_at_ms = self._clock.monotonic_ms()
        hold = HoldPolicy(round(self.destination.hold_hours * 3_600_000))
        patience = Patience(hold, self._policy.retry, self._parts.jitter)
        outcome = outcome_of(cycle_id, selection, cycle_state, patience, ended_at_ms)
        outcome.lane.status = self._status(ended_at_ms)
        if self._record.commit_cycle(lane_lease.lease, outcome):
            self._parts.announce()
        counts = {name: getattr(outcome.tally, name) for name in outcome.tally.__struct_fields__}
        log.info("cycle.recorded", destination=self.destination.name, **counts)
        self._note_deaths(outcome.tally, cycle_state.outcomes)

    # -- when the line is at fault

    def _note_deaths(self, tally: Tally, outcomes: Outcomes) -> None:
        """A run of deaths stops the line until a person has looked."""
        self._deaths = 0 if tally.delivered else self._deaths + tally.dead
        if self._deaths < DEAD_RUN:
            return
        last = next((one for one in reversed(outcomes.verdicts.values()) if isinstance(one, Dead)), None)
        said = f", the last because: {last.reason} {last.detail}".rstrip() if last else ""
        detail = f"{self._deaths} messages in a row were refused for good{said}"
        self._deaths = 0
        self._stop(StopTheLine(Reason.RUN_OF_DEATHS, detail), None)

    def _give_up(
        self, lane_lease: LaneLease, cycle_id: int, selection: Selection, caller: Caller, stop: StopTheLine
    ) -> None:
        """Abandon the cycle and stop the lane until a person or the clock resumes it."""
        now_ms = self._clock.now_ms()
        if stop.reason is Reason.BUDGET_SPENT:
            wait_seconds = max(self.governor.wait_seconds(Priority.IDENTIFY, now_ms), 1.0)
        elif stop.reason in (Reason.HUBSPOT_FAILED, Reason.HUBSPOT_UNREACHABLE, Reason.RATE_LIMITED):
            grown_seconds = OUTAGE_SECONDS[min(self._outages, len(OUTAGE_SECONDS) - 1)]
            wait_seconds = max(grown_seconds, stop.retry_after_seconds or 0.0)
            self._outages += 1
        elif stop.retry_after_seconds is not None:
            wait_seconds = stop.retry_after_seconds
        else:
            wait_seconds = STOPPED_PROBE_SECONDS
        resume_at_ms = now_ms + round(1000 * wait_seconds)
        self._unconfirmed = self._unconfirmed.given_up(selection.span, resume_at_ms)
        self._record.abandon_cycle(
            lane_lease.lease, cycle_id, now_ms, resume_at_ms, caller.attempts, self._status(now_ms)
        )
        self._stop(stop, resume_at_ms)

    def _halve(self, lane_lease: LaneLease, cycle_id: int, selection: Selection, caller: Caller) -> None:
        """Abandon a cycle that a bug of ours ended, and take on half as many next time: a few cycles later the message
        that it fails over stands alone."""
        now_ms = self._clock.now_ms()
        self._max_messages = max(1, len(selection.rows) // 2)
        self._unconfirmed = self._unconfirmed.given_up(selection.span, now_ms)
        self._record.abandon_cycle(lane_lease.lease, cycle_id, now_ms, now_ms, caller.attempts, self._status(now_ms))

    def _stop(self, stop: StopTheLine, resume_at_ms: int | None) -> None:
        self._record.stop_lane(self.destination.destination_id, stop.reason, stop.detail, resume_at_ms)
        log.error("lane.stopped", destination=self.destination.name, reason=str(stop.reason), detail=stop.detail)

    def stop_for_budget(self, wait_seconds: float) -> None:
        """The day's calls are used up: nothing is taken on before there are more."""
        stop = StopTheLine(Reason.BUDGET_SPENT, "the day's calls are used up")
        self._stop(stop, self._clock.now_ms() + round(1000 * wait_seconds))

    def _status(self, now_ms: int) -> bytes:
        report = self.governor.report(now_ms)
        return msgspec.json.encode({**report, STORED_NAME: self._unconfirmed} if self._unconfirmed else report)


def _failed(selection: Selection, exc: Exception) -> Outcomes:
    """The outcome of a cycle of a single message that Hubwire itself fails over: it alone is dead."""
    outcomes = Outcomes(due=selection.due, planned_count=1)
    outcomes.judge([selection.rows[0].position], Dead(Reason.INTERNAL_ERROR, repr(exc)))
    return outcomes
