"""The waiting messages of a lane, and the times to linger for more messages and to sleep until the next due one.

Durations are measured by the monotonic clock, so a change of the system's time delays nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from hubwire.clock import MonotonicClock
from hubwire.deliver.calls.caller import LONGEST_WAIT_MS
from hubwire.deliver.cycle.selection import Growth, Pending
from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.deliver.limits.daily_budget import Priority
from hubwire.deliver.limits.governor import Governor
from hubwire.destination import Destination
from hubwire.journal.protocol import Journal
from hubwire.record.protocol import Due, LaneState, Record

MIN_IDLE_SECONDS = 0.05


@dataclass(slots=True)
class _Oldest:
    """The oldest message that waits: its receivedAt, and since when it waits by the monotonic clock."""

    received_at_ms: int
    since_ms: int


class Waiting:
    """The messages and deliveries that wait for one lane's next cycle.

    Shape: `pending` and `due` ask the database and block; `Driver` calls them off the event loop.
    """

    def __init__(
        self,
        destination: Destination,
        journal: Journal,
        record: Record,
        governor: Governor,
        clock: MonotonicClock,
        policy: LanePolicy,
    ) -> None:
        self._destination = destination
        self._journal, self._record = journal, record
        self._governor = governor
        self._clock = clock
        self._policy = policy
        self._growth = Growth()
        self._oldest: _Oldest | None = None
        self._cycle_ended_at_ms: int | None = None

    def pending(self, state: LaneState) -> Pending:
        """The waiting messages, and since when they wait."""
        source_ids = self._destination.source_ids
        live, live_since = self._journal.count_after(state.live_cursor, source_ids=source_ids, is_backfill=False)
        backfill, backfill_since = self._journal.count_after(
            state.backfill_cursor, source_ids=source_ids, is_backfill=True
        )
        still_seconds = 0.0
        if backfill_since is not None:
            still_seconds = self._growth.still_seconds(self._journal.extent().last, self._clock.monotonic_ms())
        next_due_at_ms = self._record.next_due_at_ms(self._destination.destination_id)
        pending = Pending(live, live_since, backfill, backfill_since, still_seconds, [], next_due_at_ms)
        return replace(pending, due=self.due()) if pending.is_due_at(self._clock.now_ms()) else pending

    def due(self) -> list[Due]:
        """Deliveries whose time has come."""
        return self._record.due(self._destination.destination_id, self._clock.now_ms(), self._policy.cycle_messages)

    def seconds(self, pending: Pending) -> float | None:
        """The time to linger before a cycle; 0 for now, None without messages. A full cycle never lingers."""
        now_ms = self._clock.now_ms()
        waits: list[float] = []
        if pending.live_since_ms is not None:
            waits.append(self._linger(pending.live_count, pending.live_since_ms, now_ms))
        else:
            self._oldest = None
        if pending.backfill_since_ms is not None and self._governor.may_spend(Priority.BACKFILL, now_ms) > 0:
            is_full = pending.backfill_count >= self._policy.cycle_messages
            waits.append(0.0 if is_full else max(0.0, self._policy.backfill_linger_seconds - pending.still_seconds))
        if pending.due:
            waits.append(0.0)
        return min(waits) if waits else None

    def idle_seconds(self, pending: Pending) -> float:
        """The time until work can appear without a notification: a due delivery, or new calls for imports."""
        now_ms = self._clock.now_ms()
        waits = [math.inf]
        if pending.next_due_at_ms is not None:
            waits.append((pending.next_due_at_ms - now_ms) / 1000)
        if pending.backfill_count:
            waits.append(self._governor.wait_seconds(Priority.BACKFILL, now_ms))
        return max(min(waits), MIN_IDLE_SECONDS)

    def budget_seconds(self) -> float | None:
        """Until the day's budget has a call for anybody, when that is long."""
        wait_seconds = self._governor.wait_seconds(Priority.IDENTIFY, self._clock.now_ms())
        return wait_seconds if wait_seconds * 1000 > LONGEST_WAIT_MS else None

    def note_cycle(self) -> None:
        """A cycle has ended."""
        self._cycle_ended_at_ms = self._clock.monotonic_ms()

    def _linger(self, count: int, since_ms: int, now_ms: int) -> float:
        if count >= self._policy.cycle_messages:
            return 0.0
        here_ms = self._clock.monotonic_ms()
        if self._oldest is None or self._oldest.received_at_ms != since_ms:
            # The system's clock may have been set back since the message came: then it waits from now on.
            self._oldest = _Oldest(since_ms, here_ms - max(0, now_ms - since_ms))
        began_ms = self._oldest.since_ms
        wait_seconds = self._policy.linger_seconds - (here_ms - began_ms) / 1000
        if self._cycle_ended_at_ms is not None:
            # What the budget made wait is old by then: counted from the oldest message it would never linger again.
            began_ms = max(began_ms, self._cycle_ended_at_ms)
        return max(0.0, wait_seconds, self._governor.linger_seconds(now_ms) - (here_ms - began_ms) / 1000)
