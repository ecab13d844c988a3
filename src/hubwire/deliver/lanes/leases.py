"""The lanes that a worker holds: each one's lease, the thread that renews the leases, and how many lanes it may hold.

Two workers never drive one portal: a worker that could not renew its lease stops calling before the lease ends, and
whatever it would still record is refused by the record (fencing). Here the end of a lease is measured by the monotonic
clock, so that a change of the system's time neither ends nor prolongs it.

Nobody assigns lanes: a worker takes free lanes up to its quota, and gives up the surplus when another worker joins.
Without a fleet, a worker may hold all lanes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import structlog

from hubwire.clock import MonotonicClock
from hubwire.errors import BackendError, LeaseLost
from hubwire.lifecycle import OwnThread
from hubwire.record.protocol import Lease, Record

RATE_WINDOW_SECONDS = 10.0
"""HubSpot's rolling window."""
BUSY_SHARE = 1 / 3
"""A lease is renewed after this part of its time while the lane makes calls, and later while the lane waits."""
IDLE_SHARE = 0.6


class LaneLease:
    """One worker's hold on one lane. The driver and the renewer's thread may renew it at the same time."""

    def __init__(self, record: Record, lease: Lease, clock: MonotonicClock, seconds: float, begun_at_ms: int) -> None:
        """Units: `begun_at_ms` is monotonic, read before the call to the record."""
        self.lease = lease
        self.is_busy = False
        """Whether a cycle is running. If this worker dies in it, at most a third of the lease is over."""
        self._is_lost = False
        self._record = record
        self._clock = clock
        self._seconds = seconds
        self._begun_at_ms = begun_at_ms
        self._quiet_until_ms = begun_at_ms + self._quiet_ms()

    @classmethod
    def begin(
        cls,
        record: Record,
        destination_id: int,
        owner: str,
        clock: MonotonicClock,
        seconds: float,
        *,
        only_silent: bool = False,
    ) -> LaneLease | None:
        """The lease of the lane, or None while another worker has it.

        Shape: `only_silent` takes only a lane whose worker stopped responding, never a released one.
        """
        begun_at_ms = clock.monotonic_ms()
        lease = record.lease_lane(destination_id, owner, clock.now_ms(), seconds, only_silent=only_silent)
        return cls(record, lease, clock, seconds, begun_at_ms) if lease is not None else None

    @property
    def stood_still_seconds(self) -> float:
        """How long nobody drove the lane; 0 for a lane that was never driven."""
        until_ms = self.lease.driven_until_ms
        return 0.0 if until_ms is None else max(0, self._clock.now_ms() - until_ms) / 1000

    @property
    def renew_seconds(self) -> float:
        """The interval of renewals during a cycle."""
        return self._seconds * BUSY_SHARE

    @property
    def quiet_seconds(self) -> float:
        """The time without calls after taking a lane over from a worker that stopped responding."""
        return max(0, self._quiet_until_ms - self._clock.monotonic_ms()) / 1000

    def _quiet_ms(self) -> int:
        """A worker renews after a third of the time, so a dead worker's lease had about two thirds left. One rate
        window later, HubSpot no longer counts its calls."""
        if self.lease.taken_over_ms is None:
            return 0
        window_ms = round(1000 * (RATE_WINDOW_SECONDS - self._seconds * (1 - BUSY_SHARE)))
        silent_ms = max(0, self._clock.now_ms() - self.lease.taken_over_ms)
        return max(0, window_ms - silent_ms)

    @property
    def _gone_ms(self) -> int:
        return self._clock.monotonic_ms() - self._begun_at_ms

    def renew(self) -> None:
        """Raises LeaseLost."""
        begun_at_ms = self._clock.monotonic_ms()
        renewed = self._record.renew([self.lease], self._clock.now_ms(), self._seconds)
        if not self.renewed(renewed, begun_at_ms):
            raise LeaseLost(f"lane {self.lease.destination_id}: another worker holds the lease")

    @property
    def is_due(self) -> bool:
        """`is_due_at` the current time."""
        return self.is_due_at(self._clock.now_ms(), self._clock.monotonic_ms())

    def is_due_at(self, now_ms: int, monotonic_ms: int) -> bool:
        """Whether it must be renewed, or is lost.

        Shape: True also if more time is left than its whole length, because the system's clock was set back: the record
        gives such a lane to the first caller.
        """
        lease_ms = 1000 * self._seconds
        if self._is_lost or self.lease.expires_at_ms - now_ms > round(lease_ms):
            return True
        return monotonic_ms - self._begun_at_ms >= round(lease_ms * (BUSY_SHARE if self.is_busy else IDLE_SHARE))

    def renewed(self, leases: Mapping[int, Lease], begun_at_ms: int) -> bool:
        """Note a renewal that began then (monotonic). Returns whether this worker still has the lane."""
        lease = leases.get(self.lease.destination_id)
        if lease is None:
            self._is_lost = True
            return False
        self.lease, self._begun_at_ms = lease, begun_at_ms
        return True

    def check(self) -> None:
        """Raises LeaseLost if the lease has run out, because another worker may have started."""
        if self._is_lost or self._gone_ms >= round(1000 * self._seconds):
            raise LeaseLost(f"lane {self.lease.destination_id}: the lease ran out and was not renewed")

    def end(self) -> None:
        """Give the lane up."""
        self._record.release(self.lease)


def renew_due(lane_leases: Iterable[LaneLease], record: Record, clock: MonotonicClock, seconds: float) -> list[int]:
    """Renew the leases that are due, all in one call to the record. Returns the destinations of those that are lost.

    Shape: the leases are of this record, clock and length.
    """
    now_ms, begun_at_ms = clock.now_ms(), clock.monotonic_ms()
    due = [lane_lease for lane_lease in lane_leases if lane_lease.is_due_at(now_ms, begun_at_ms)]
    if not due:
        return []
    renewed = record.renew([lane_lease.lease for lane_lease in due], now_ms, seconds)
    return [lane_lease.lease.destination_id for lane_lease in due if not lane_lease.renewed(renewed, begun_at_ms)]


log = structlog.get_logger("hubwire.deliver")

STUCK_SECONDS = 60.0


class LeaseRenewer(OwnThread):
    """Every `seconds` calls `beat` and `renew`, from `start()` to `stop()`.

    Its thread is apart from all others, so that slow queries cannot cost a lane its lease. A stuck event loop stops
    renewing, so that another worker takes over.

    Shape: `renew` renews the leases that are due, and returns the destinations of those that another worker has taken;
    then `on_lost` is called. `call_soon` runs a function on the worker's event loop, which proves that the loop is not
    stuck.
    """

    def __init__(
        self,
        renew: Callable[[], Iterable[int]],
        beat: Callable[[], None],
        call_soon: Callable[[Callable[[], object]], None],
        on_lost: Callable[[], None],
        seconds: float,
    ) -> None:
        super().__init__("leases")
        self._renew = renew
        self._beat = beat
        self._call_soon = call_soon
        self._on_lost = on_lost
        self._seconds = seconds
        self._turned_at = time.monotonic()

    def _turned(self) -> None:
        self._turned_at = time.monotonic()

    def _run(self) -> None:
        self._turned()
        while not self._ending.wait(self._seconds):
            self._call_soon(self._turned)
            if time.monotonic() - self._turned_at > STUCK_SECONDS:
                continue
            for task in (self._beat, self._renew_all):
                try:
                    task()
                except BackendError as exc:
                    log.warning("lease.not-renewed", error=str(exc))
                except Exception:
                    # Our own bug. Without this thread, the process would hold no lane until somebody restarts it.
                    log.exception("lease.failed")

    def _renew_all(self) -> None:
        for destination_id in self._renew():
            log.warning("lease.lost", destination_id=destination_id)
            self._on_lost()


class LaneQuota:
    """The maximum number of lanes of a worker, so that all workers of a fleet hold about the same number."""

    def __init__(self) -> None:
        self._max_lanes: int | None = None
        self._held: set[int] = set()

    def divide(self, lane_count: int, worker_count: int) -> bool:
        """Divide the lanes among all workers, this one included. Returns whether its quota changed; quotas differ by
        at most one lane."""
        before, self._max_lanes = self._max_lanes, -(-lane_count // max(worker_count, 1))
        return before != self._max_lanes

    @property
    def may_take(self) -> bool:
        """Whether this worker may hold another lane."""
        return self._max_lanes is None or len(self._held) < self._max_lanes

    @property
    def has_too_many(self) -> bool:
        """Whether this worker must give one of its lanes to another."""
        return self._max_lanes is not None and len(self._held) > self._max_lanes

    def take(self, destination_id: int) -> None:
        self._held.add(destination_id)

    def give(self, destination_id: int) -> None:
        self._held.discard(destination_id)
