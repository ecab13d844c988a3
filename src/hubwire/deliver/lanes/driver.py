"""Drives one lane turn by turn: lease it, look whether anything waits, linger, run one cycle.

A turn never sleeps: it says how long to wait before the next one. Whatever goes wrong in a turn that is not HubSpot's
or the messages' fault gives the lease up, so that what was leased is pending again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import NamedTuple

import structlog

from hubwire.deliver.lanes.lane import Lane, LaneParts
from hubwire.deliver.lanes.lane_lease import LaneLease
from hubwire.deliver.lanes.quota import LaneQuota
from hubwire.errors import BackendError, LeaseLost
from hubwire.reasons import Reason
from hubwire.record.protocol import LaneState

log = structlog.get_logger("hubwire.deliver")

IDLE_SECONDS = 1.0
LINGER_STEP_SECONDS = 0.25
BACKEND_RETRY_SECONDS = 2.0
BUG_RETRY_SECONDS = 5.0
GRACE_SECONDS = 20.0
MENDABLE = (Reason.UNAUTHORISED, Reason.MISSING_SCOPE, Reason.KEY_NOT_UNIQUE)
"""What a new token, or whatever made the lane start anew, may have mended: tried at once."""


class Wait(NamedTuple):
    """How long until the next turn, and whether news may shorten it."""

    seconds: float
    is_wakeable: bool = True


NOW = Wait(0.0)


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
    ) -> None:
        """Shape: `make_lane` makes the lane anew from what the record says of it, when another worker may have driven
        it in between."""
        self.lane = lane
        self.lane_lease: LaneLease | None = None
        self._quota = quota or LaneQuota()
        self._make_lane = make_lane or (lambda: self.lane)
        self._owner = owner
        self._parts = parts
        self._ending = ending or asyncio.Event()
        """Set to let a cycle that is under way end soon."""
        self._is_new = True
        self.is_in_cycle = False

    @property
    def _name(self) -> str:
        return self.lane.destination.name

    async def turn(self) -> Wait:
        """Do what is to be done now. Never raises for what a database, HubSpot, or a bug of ours does."""
        try:
            return await self._turn()
        except LeaseLost:
            log.warning("lane.lost", destination=self._name)
            self._quota.give(self.lane.destination.destination_id)
            self.lane_lease = None
            return NOW
        except BackendError as exc:
            log.error("backend.failed", destination=self._name, error=str(exc))
            self.end()
            return Wait(BACKEND_RETRY_SECONDS, is_wakeable=False)
        except Exception:
            log.exception("lane.failed", destination=self._name)
            self.end()
            return Wait(BUG_RETRY_SECONDS, is_wakeable=False)

    def end(self) -> None:
        """Give the lane up; what was leased in it is pending again."""
        lane_lease, self.lane_lease = self.lane_lease, None
        self._quota.give(self.lane.destination.destination_id)
        if lane_lease is not None:
            try:
                lane_lease.end()
            except BackendError as exc:
                log.error("backend.failed", destination=self._name, error=str(exc))

    async def _turn(self) -> Wait:
        parts, destination_id = self._parts, self.lane.destination.destination_id
        seconds = parts.policy.lease_seconds
        if self.lane_lease is None:
            # A lane whose worker fell silent is anybody's, also of one that has its part: whoever it belongs to by then
            # may have just begun to live, and be slow to take it.
            is_full = not self._quota.may_take
            self.lane_lease = LaneLease.begin(
                parts.record, destination_id, self._owner, parts.clock, seconds, only_silent=is_full
            )
            if self.lane_lease is None:
                return Wait(seconds / 4 if is_full else min(IDLE_SECONDS, seconds / 4), is_wakeable=False)
            self._quota.take(destination_id)
            self.lane = self._make_lane()
            log.info("lane.taken", destination=self._name, quiet_seconds=round(self.lane_lease.quiet_seconds, 1))
        elif self._quota.has_too_many and self.lane_lease.quiet_seconds <= 0:
            # Not while HubSpot still counts the calls of who fell silent: the next worker would know nothing of it.
            self.end()
            log.info("lane.given", destination=self._name)
            return Wait(IDLE_SECONDS, is_wakeable=False)
        else:
            self.lane_lease.renew_if_due()
        if self.lane_lease.quiet_seconds > 0:
            return Wait(min(self.lane_lease.quiet_seconds, seconds / 4), is_wakeable=False)
        state = parts.record.lane(destination_id)
        if self._is_new:
            state = self._begin(state)
        if self._is_stopped(state):
            return Wait(min(IDLE_SECONDS, seconds / 4))
        if state.stopped_reason == Reason.BUDGET_SPENT:
            # A new day needs no proof; other reasons stay until a cycle went through.
            self._resume(state)
            return NOW
        pending = self.lane.pending(state)
        wait_seconds = self.lane.wait_seconds(pending)
        if wait_seconds is None:
            return Wait(min(IDLE_SECONDS, seconds / 4))
        if wait_seconds > 0:
            return Wait(min(wait_seconds, LINGER_STEP_SECONDS), is_wakeable=False)
        budget_seconds = self.lane.budget_wait_seconds()
        if budget_seconds is not None:
            self.lane.stop_for_budget(budget_seconds)
            return Wait(min(IDLE_SECONDS, seconds / 4))
        done = await self._with_lease(self.lane_lease, self.lane.run_cycle(self.lane_lease, pending))
        if done and state.stopped_reason:
            self._resume(state)
        return NOW

    def _begin(self, state: LaneState) -> LaneState:
        """The first turn: what stopped the line before may be mended by whatever started this lane."""
        self._is_new = False
        if state.stopped_reason not in MENDABLE:
            return state
        destination_id, now_ms = self.lane.destination.destination_id, self._parts.clock.now_ms()
        self._parts.record.stop_lane(destination_id, state.stopped_reason, state.stopped_detail, now_ms)
        return self._parts.record.lane(destination_id)

    def _is_stopped(self, state: LaneState) -> bool:
        if state.stopped_reason is None:
            return False
        return state.resume_at_ms is None or state.resume_at_ms > self._parts.clock.now_ms()

    def _resume(self, before: LaneState) -> None:
        """A cycle went through: the line runs again, unless this very cycle stopped it for another reason."""
        destination_id = self.lane.destination.destination_id
        now = self._parts.record.lane(destination_id)
        if (now.stopped_reason, now.resume_at_ms) == (before.stopped_reason, before.resume_at_ms):
            self._parts.record.stop_lane(destination_id, None, "", None)
            log.info("lane.resumed", destination=self._name)

    async def _with_lease(self, lane_lease: LaneLease, cycle: Coroutine[object, object, bool]) -> bool:
        """Run a cycle while its lease is renewed. A lost lease ends it at once, a shutdown after some grace."""
        self.is_in_cycle = True
        running = asyncio.ensure_future(cycle)
        renewing = asyncio.ensure_future(self._renew(lane_lease))
        try:
            await asyncio.wait({running, renewing}, return_when=asyncio.FIRST_COMPLETED)
            return running.result() if running.done() else renewing.result()
        finally:
            self.is_in_cycle = False
            for one in (running, renewing):
                one.cancel()
            await asyncio.gather(running, renewing, return_exceptions=True)

    async def _renew(self, lane_lease: LaneLease) -> bool:
        """Renew until the worker is to end and its grace is over: False. Raises LeaseLost."""
        grace_seconds = GRACE_SECONDS
        while grace_seconds > 0:
            await self._parts.sleep(lane_lease.renew_seconds)
            if self._ending.is_set():
                grace_seconds -= lane_lease.renew_seconds
            lane_lease.renew_if_due()
        return False
