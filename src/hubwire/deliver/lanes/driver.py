"""Drives one lane turn by turn: lease it, check for work, linger, run one cycle.

A turn never sleeps; it returns the wait before the next one. An idle lane waits until its next due time or a
notification, so it sends no queries. If a turn fails for a reason outside HubSpot and the messages, the driver gives
the lease up, and the leased deliveries are pending again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import NamedTuple

import structlog

from hubwire.deliver.lanes.backlog import Pending
from hubwire.deliver.lanes.lane import Lane
from hubwire.deliver.lanes.leases import LaneLease, LaneQuota
from hubwire.deliver.lanes.policy import LaneParts
from hubwire.deliver.lanes.stood_still import STOOD_STILL_SECONDS
from hubwire.deliver.verdicts.call_rules import DAY_SECONDS, PROBE_SECONDS
from hubwire.errors import BackendError, LeaseLost
from hubwire.reasons import Reason
from hubwire.record.protocol import LaneState

log = structlog.get_logger("hubwire.deliver")

SAFETY_SECONDS = 30.0
"""A lane that waits for a notification also checks this often, in case the notification was lost."""
FREE_LANE_SECONDS = 1.0
"""How often a worker tries to lease a lane that another worker holds."""
IDLE_STEP_SECONDS = 0.1
"""Under load every commit notifies all lanes. An idle lane checks for work at most this often."""
LOOK_STEP_SECONDS = 0.25
"""The same for a lane that lingers, whose cycle may now be full, and for a stopped lane."""
BACKEND_RETRY_SECONDS = 2.0
BUG_RETRY_SECONDS = 5.0
GRACE_SECONDS = 20.0
CLOCK_STEP_MS = 2_000
"""If the clock goes back further than this between two checks, somebody set it."""
MENDABLE = (Reason.UNAUTHORISED, Reason.MISSING_SCOPE, Reason.KEY_NOT_UNIQUE, Reason.BUDGET_SPENT)
"""A new token, a clock that was set right, or whatever restarted the lane, may have fixed these: the lane tries at
once."""

DAY_LONG = (Reason.BUDGET_SPENT, Reason.RATE_LIMITED, Reason.MIGRATING)
"""Stops for which HubSpot may name a wait of a day. Other stops end after at most `PROBE_SECONDS`."""


class Wait(NamedTuple):
    """The wait before the next turn; a notification shortens it to `min_seconds`."""

    seconds: float
    min_seconds: float = 0.0

    @classmethod
    def at_least(cls, seconds: float) -> Wait:
        """A wait that no notification shortens."""
        return cls(seconds, seconds)


NOW = Wait(0.0)


class _Lingering(NamedTuple):
    """The result of a check that found work for later. `until_ms` is monotonic."""

    state: LaneState
    pending: Pending
    until_ms: int


class _Stop(NamedTuple):
    """A stopped lane's resume time, also by the monotonic clock, because the system's clock may be set back."""

    resume_at_ms: int
    until_ms: int


class Driver:
    """Repeats turns of one lane. `end()` gives the lease back."""

    def __init__(
        self,
        lane: Lane,
        owner: str,
        parts: LaneParts,
        ending: asyncio.Event | None = None,
        *,
        quota: LaneQuota | None = None,
        make_lane: Callable[[], Lane] | None = None,
        hears_of_free_lanes: bool = False,
    ) -> None:
        """Shape: `make_lane` makes the lane anew from what the record says of it, when another worker may have driven
        it in between. `hears_of_free_lanes`: whether notifications also say that the lane is free."""
        self.lane = lane
        self.lane_lease: LaneLease | None = None
        self._quota = quota or LaneQuota()
        self._make_lane = make_lane or (lambda: self.lane)
        self._owner = owner
        self._parts = parts
        self._off_loop = parts.off_loop
        self._ending = ending or asyncio.Event()
        """Set to end a running cycle soon."""
        free_lane_seconds = min(FREE_LANE_SECONDS, parts.policy.lease_seconds / 4)
        self._free_lane_seconds = SAFETY_SECONDS if hears_of_free_lanes else free_lane_seconds
        self._is_new = True
        self._lingering: _Lingering | None = None
        self._stop: _Stop | None = None
        self._ahead_ms: int | None = None
        """How far the system's clock was ahead of the monotonic one at the last check."""
        self.is_in_cycle = False

    @property
    def _name(self) -> str:
        return self.lane.destination.name

    @property
    def _destination_id(self) -> int:
        return self.lane.destination.destination_id

    async def turn(self) -> Wait:
        """Run one turn. Never raises for a failure of the database or of HubSpot, or for a bug of ours."""
        try:
            return await self._turn()
        except LeaseLost:
            log.warning("lane.lost", destination=self._name)
            self._quota.give(self._destination_id)
            self.lane_lease = self._lingering = None
            return NOW
        except BackendError as exc:
            log.error("backend.failed", destination=self._name, error=str(exc))
            await self.end()
            return Wait.at_least(BACKEND_RETRY_SECONDS)
        except Exception:
            log.exception("lane.failed", destination=self._name)
            await self.end()
            return Wait.at_least(BUG_RETRY_SECONDS)

    async def end(self) -> None:
        """Give the lane up. Its leased deliveries are pending again."""
        lane_lease, self.lane_lease, self._lingering = self.lane_lease, None, None
        self._quota.give(self._destination_id)
        if lane_lease is not None:
            try:
                await self._off_loop(lane_lease.end)
            except BackendError as exc:
                log.error("backend.failed", destination=self._name, error=str(exc))

    async def _turn(self) -> Wait:
        lane_lease = self.lane_lease or await self._take()
        if lane_lease is None:
            return Wait(self._free_lane_seconds)
        if self._quota.has_too_many and lane_lease.quiet_seconds <= 0:
            # Keep the lane while HubSpot counts the silent worker's calls: the next worker would not know about them.
            await self.end()
            log.info("lane.given", destination=self._name)
            return Wait.at_least(FREE_LANE_SECONDS)
        if lane_lease.is_due:
            await self._off_loop(lane_lease.renew)
        if lane_lease.quiet_seconds > 0:
            return Wait.at_least(lane_lease.quiet_seconds)
        lingering, self._lingering = self._lingering, None
        if lingering is not None and self._parts.clock.monotonic_ms() >= lingering.until_ms:
            # Without a notification, only the work that the last check found becomes due.
            is_due = lingering.pending.is_due_at(self._parts.clock.now_ms())
            due = await self._off_loop(self.lane.waiting.due) if is_due else []
            return await self._cycle(lane_lease, lingering.state, replace(lingering.pending, due=due))
        return await self._look(lane_lease)

    async def _take(self) -> LaneLease | None:
        """The lane's lease, if the lane is free."""
        # Any worker takes the lane of a silent worker, even above its quota: the worker that should have it may
        # have just started, and be slow to take it.
        is_full = not self._quota.may_take
        parts, destination_id = self._parts, self._destination_id
        seconds = parts.policy.lease_seconds

        def begin() -> tuple[LaneLease, Lane] | None:
            lane_lease = LaneLease.begin(
                parts.record, destination_id, self._owner, parts.clock, seconds, only_silent=is_full
            )
            return None if lane_lease is None else (lane_lease, self._make_lane())

        taken = await self._off_loop(begin)
        if taken is None:
            return None
        before = self.lane
        self.lane_lease, self.lane = taken
        if self.lane is not before:
            before.close()
        self._quota.take(destination_id)
        log.info("lane.taken", destination=self._name, quiet_seconds=round(self.lane_lease.quiet_seconds, 1))
        # Another worker's clock may have been ahead, or this clock was set back while nobody drove the lane.
        await self._correct_future()
        if self.lane_lease.stood_still_seconds > STOOD_STILL_SECONDS:
            seconds = round(self.lane_lease.stood_still_seconds)
            log.warning("lane.stood-still", destination=self._name, seconds=seconds)
            self.lane.check_all_before(parts.clock.now_ms())
        return self.lane_lease

    async def _look(self, lane_lease: LaneLease) -> Wait:
        """Check for work: run a cycle, or return the time to wait."""
        if await self._follow_clock():
            self._is_new = True
        state = await self._off_loop(self._parts.record.lane, self._destination_id)
        if self._is_new:
            state = await self._begin(state)
        stopped_seconds = self._stopped_seconds(state)
        if stopped_seconds > 0:
            seconds = min(stopped_seconds, SAFETY_SECONDS)
            return Wait(seconds, min(seconds, LOOK_STEP_SECONDS))
        if state.stopped_reason == Reason.BUDGET_SPENT:
            # A new day needs no proof; other reasons stay until a cycle succeeds.
            await self._resume(state)
            return NOW
        pending = await self._off_loop(self.lane.waiting.pending, state)
        wait_seconds = self.lane.waiting.seconds(pending)
        if wait_seconds is None:
            seconds = min(self.lane.waiting.idle_seconds(pending), SAFETY_SECONDS)
            return Wait(seconds, min(seconds, IDLE_STEP_SECONDS))
        if wait_seconds > 0:
            until_ms = self._parts.clock.monotonic_ms() + round(wait_seconds * 1000)
            self._lingering = _Lingering(state, pending, until_ms)
            return Wait(wait_seconds, min(wait_seconds, LOOK_STEP_SECONDS))
        return await self._cycle(lane_lease, state, pending)

    async def _follow_clock(self) -> bool:
        """If the system's clock was set back, move times of the old clock back as well. Returns whether it was."""
        clock = self._parts.clock
        ahead_ms = clock.now_ms() - clock.monotonic_ms()
        set_back_ms = (self._ahead_ms or ahead_ms) - ahead_ms
        if set_back_ms >= CLOCK_STEP_MS:
            log.warning("clock.set-back", destination=self._name, seconds=set_back_ms // 1000)
            await self._off_loop(self._parts.record.bring_forward, self._destination_id, set_back_ms)
            await self._correct_future()
        self._ahead_ms = ahead_ms
        return set_back_ms >= CLOCK_STEP_MS

    async def _correct_future(self) -> None:
        """Correct the times that a clock ahead of this one wrote."""
        now_ms = self._parts.clock.now_ms()
        self.lane.follow_clock()
        record, destination_id = self._parts.record, self._destination_id
        if corrected := await self._off_loop(record.correct_future, destination_id, now_ms + CLOCK_STEP_MS):
            log.warning("lane.times-corrected", destination=self._name, rows=corrected)

    async def _cycle(self, lane_lease: LaneLease, state: LaneState, pending: Pending) -> Wait:
        budget_seconds = self.lane.waiting.budget_seconds()
        if budget_seconds is not None:
            await self._off_loop(self.lane.stop_for_budget, budget_seconds)
            return NOW
        is_done = await self._with_lease(lane_lease, self.lane.run_cycle(lane_lease, state, pending))
        if is_done and state.stopped_reason:
            await self._resume(state)
        return Wait.at_least(self.lane.pause_seconds)

    async def _begin(self, state: LaneState) -> LaneState:
        """The first turn, or the first after the clock was set back: the cause of a stop may be gone."""
        self._is_new = False
        if state.stopped_reason not in MENDABLE:
            return state
        record, now_ms = self._parts.record, self._parts.clock.now_ms()
        await self._off_loop(record.stop_lane, self._destination_id, state.stopped_reason, state.stopped_detail, now_ms)
        return await self._off_loop(record.lane, self._destination_id)

    def _stopped_seconds(self, state: LaneState) -> float:
        """The remaining time of a stop; 0 if the lane runs or may be tried again."""
        if state.stopped_reason is None:
            self._stop = None
            return 0.0
        if state.resume_at_ms is None:
            return SAFETY_SECONDS
        clock = self._parts.clock
        left_ms = state.resume_at_ms - clock.now_ms()
        if self._stop is None or self._stop.resume_at_ms != state.resume_at_ms:
            longest_seconds = DAY_SECONDS if state.stopped_reason in DAY_LONG else PROBE_SECONDS
            if left_ms > 1000 * longest_seconds + CLOCK_STEP_MS:
                # No stop is that long: a clock that was ahead of this one wrote it.
                return 0.0
            self._stop = _Stop(state.resume_at_ms, clock.monotonic_ms() + left_ms)
        return max(0, min(left_ms, self._stop.until_ms - clock.monotonic_ms())) / 1000

    async def _resume(self, before: LaneState) -> None:
        """Note that a cycle succeeded: the lane runs again, unless this cycle stopped it for another reason."""
        record = self._parts.record
        now = await self._off_loop(record.lane, self._destination_id)
        if (now.stopped_reason, now.resume_at_ms) == (before.stopped_reason, before.resume_at_ms):
            await self._off_loop(record.stop_lane, self._destination_id, None, "", None)
            log.info("lane.resumed", destination=self._name)

    async def _with_lease(self, lane_lease: LaneLease, cycle: Coroutine[object, object, bool]) -> bool:
        """Run a cycle while its lease is renewed. A lost lease cancels it at once, a shutdown after a grace period."""
        self.is_in_cycle = lane_lease.is_busy = True
        running = asyncio.ensure_future(cycle)
        renewing = asyncio.ensure_future(self._renew(lane_lease))
        try:
            await asyncio.wait({running, renewing}, return_when=asyncio.FIRST_COMPLETED)
            return running.result() if running.done() else renewing.result()
        finally:
            self.is_in_cycle = lane_lease.is_busy = False
            for task in (running, renewing):
                task.cancel()
            await asyncio.gather(running, renewing, return_exceptions=True)

    async def _renew(self, lane_lease: LaneLease) -> bool:
        """Renew until the worker must end and its grace period is over, then return False. Raises LeaseLost."""
        grace_seconds = GRACE_SECONDS
        while grace_seconds > 0:
            if lane_lease.is_due:
                await self._off_loop(lane_lease.renew)
            await self._parts.sleep(lane_lease.renew_seconds)
            if self._ending.is_set():
                grace_seconds -= lane_lease.renew_seconds
        return False
