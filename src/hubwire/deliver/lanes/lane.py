"""One lane drives one portal: take on messages, plan, send, record, move on.

A cycle reads messages behind the lane's cursors and the rows whose time has come, gathers their work, sends it, and
writes everything that it learnt in one transaction with the cursors: record before settle. A crash anywhere repeats
calls, which have no second effect, and loses nothing. When the line itself is at fault (no permission, no budget, no
HubSpot) the cycle is abandoned and no cursor moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import msgspec
import structlog

from hubwire.clock import Clock
from hubwire.deliver.calls.caller import (
    LONGEST_WAIT_MS,
    CallContext,
    Caller,
    LineStopped,
    Sleep,
)
from hubwire.deliver.calls.retry import RetryPolicy
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
from hubwire.record.protocol import LaneState, Record, Tally

log = structlog.get_logger("hubwire.deliver")

DEAD_RUN = 200
"""So many deaths without a delivery in between stop the line: it is us, not the messages."""
STOPPED_PROBE_SECONDS = 300.0
FAILED = (Reason.HUBSPOT_FAILED, Reason.HUBSPOT_UNREACHABLE, Reason.HUBSPOT_UNREADABLE)
"""Why a delivery was put off: no usable answer to a call that it was part of, while others were answered."""
OUTAGE_SECONDS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)

Waited = Callable[[str, CallKind, int], None]
"""A destination, the kind of the call that waited, and the milliseconds."""


def unheard(destination: str, kind: CallKind, wait_ms: int) -> None:
    """Nobody asks how long calls wait."""


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
    """What lanes work with. `jitter` gives 0 to 1; `waited` hears of each wait for a permit."""

    journal: Journal
    record: Record
    clock: Clock
    policy: LanePolicy
    jitter: Callable[[], float]
    sleep: Sleep = asyncio.sleep
    waited: Waited = unheard


class Lane:
    """Drives one destination while its lease is held. `run_cycle` is one turn; `Driver` repeats it."""

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
        self._clock, self._policy = parts.clock, parts.policy
        self._selector = Selector(parts.journal, destination, governor, parts.policy.cycle_messages)
        self._portal = Portal(Paths(destination.api_version))
        self._outages = 0
        self._deaths = 0
        self._unconfirmed = UnconfirmedWrites()
        self._growth = Growth()
        self._last_cycle_at_ms = 0

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
        due = self._record.due(self.destination.destination_id, self._clock.now_ms(), self._policy.cycle_messages)
        still_seconds = self._growth.still_seconds(self._journal.extent().last, self._clock.now_ms())
        return Pending(live, live_since, backfill, backfill_since, still_seconds, due)

    def wait_seconds(self, pending: Pending) -> float | None:
        """How long to linger before a cycle, 0 for now, None when nothing waits. A full cycle never lingers."""
        now_ms = self._clock.now_ms()
        waits: list[float] = []
        if pending.live_since_ms is not None:
            waits.append(self._linger(pending.live_count, pending.live_since_ms, now_ms))
        if pending.backfill_since_ms is not None and self.governor.may_spend(Priority.BACKFILL, now_ms) > 0:
            is_full = pending.backfill_count >= self._policy.cycle_messages
            waits.append(0.0 if is_full else max(0.0, self._policy.backfill_linger_seconds - pending.still_seconds))
        if pending.due:
            waits.append(0.0)
        return min(waits) if waits else None

    def budget_wait_seconds(self) -> float | None:
        """Until the day's budget has a call for anybody, when that is long."""
        wait_seconds = self.governor.wait_seconds(Priority.IDENTIFY, self._clock.now_ms())
        return wait_seconds if wait_seconds * 1000 > LONGEST_WAIT_MS else None

    def _linger(self, count: int, since_ms: int, now_ms: int) -> float:
        if count >= self._policy.cycle_messages:
            return 0.0
        wait_seconds = self._policy.linger_seconds - (now_ms - since_ms) / 1000
        # What the budget made wait is old by then: counted from the oldest message it would never linger again.
        since_ms = max(since_ms, self._last_cycle_at_ms)
        return max(0.0, wait_seconds, self.governor.linger_seconds(now_ms) - (now_ms - since_ms) / 1000)

    # -- one cycle

    async def run_cycle(self, lane_lease: LaneLease, pending: Pending) -> bool:
        """Take on what waits, and record what came of it; False when the cycle was abandoned.

        Errors: LeaseLost (another worker drives the portal now), BackendError; nothing was recorded then.
        """
        now_ms = self._clock.now_ms()
        state = self._record.lane(self.destination.destination_id)
        self._unconfirmed = UnconfirmedWrites.of(state, self._journal.extent().last, now_ms)
        selection = self._selector.take(state, pending, now_ms)
        cycle_id = self._record.begin_cycle(lane_lease.lease, now_ms, selection.span)
        caller = Caller(self._client, self.governor, self._context(lane_lease, selection))
        self._portal.caller = caller
        cycle_state = self._cycle_state(caller, now_ms)
        try:
            await self._deliver(cycle_state, selection)
            if caller.failures and not caller.successes and not await caller.is_alive():
                raise LineStopped(caller.trouble)
        except LineStopped as stopped:
            self._give_up(lane_lease, cycle_id, selection, caller, stopped.stop)
            return False
        except BackendError:
            raise
        except Exception as exc:
            if len(selection.rows) != 1:
                raise
            log.exception("cycle.failed", message_id=selection.rows[0].message_id)
            cycle_state = self._cycle_state(caller, now_ms)
            cycle_state.outcomes = _failed(selection, exc)
        self._portal.is_stale |= caller.schema_is_stale
        self._outages = 0
        self._unconfirmed = self._unconfirmed.recorded(selection, pending, self._policy.cycle_messages, now_ms)
        self._commit(lane_lease, cycle_id, selection, cycle_state)
        return True

    def _context(self, lane_lease: LaneLease, selection: Selection) -> CallContext:
        parts = self._parts
        probe = Call("read account", "GET", self._portal.paths.account)
        waited = partial(parts.waited, self.destination.name)
        suspects = frozenset(one.position for one in selection.due.values() if one.reason in FAILED and one.attempts)
        return CallContext(
            parts.clock, parts.jitter, parts.sleep, lane_lease.check, probe, selection.is_backfill, suspects, waited
        )

    def _cycle_state(self, caller: Caller, now_ms: int) -> CycleState:
        return CycleState(self.destination, self._record, self._portal, caller, now_ms, self._suppress_ms())

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
        ended_at_ms = self._last_cycle_at_ms = self._clock.now_ms()
        hold = HoldPolicy(round(self.destination.hold_hours * 3_600_000))
        patience = Patience(hold, self._policy.retry, self._parts.jitter)
        outcome = outcome_of(cycle_id, selection, cycle_state, patience, ended_at_ms)
        outcome.lane.status = self._status(ended_at_ms)
        self._record.commit_cycle(lane_lease.lease, outcome)
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
