"""The lease of a lane while this worker has it: renewed in time, and checked before every call.

Two workers never drive one portal: a worker that could not renew its lease stops calling before the lease ends, and
whatever it would still record is refused by the record (fencing). Here the end of a lease is measured by the monotonic
clock, so that a change of the system's time neither ends nor prolongs it.
"""

from __future__ import annotations

from hubwire.clock import MonotonicClock
from hubwire.errors import LeaseLost
from hubwire.record.protocol import Lease, Record

RATE_WINDOW_SECONDS = 10.0
"""HubSpot's rolling window."""
BUSY_SHARE = 1 / 3
"""A lease is renewed when this part of it is gone while its lane makes calls, and later while the lane waits."""
IDLE_SHARE = 0.6


class LaneLease:
    """One worker's hold on one lane. The driver and the renewer's thread may renew it at the same time."""

    def __init__(self, record: Record, lease: Lease, clock: MonotonicClock, seconds: float, begun_at_ms: int) -> None:
        """Units: `begun_at_ms` is monotonic, read before the call to the record."""
        self.lease = lease
        self.is_busy = False
        """Whether a cycle is under way. When this worker dies in it, a third of the lease is gone at most."""
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
        """The lane, or None while another worker has it.

        Shape: `only_silent` takes only a lane whose worker stopped responding, never a released one.
        """
        begun_at_ms = clock.monotonic_ms()
        lease = record.lease_lane(destination_id, owner, clock.now_ms(), seconds, only_silent=only_silent)
        return cls(record, lease, clock, seconds, begun_at_ms) if lease is not None else None

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
        try:
            self.lease = self._record.renew(self.lease, self._clock.now_ms(), self._seconds)
        except LeaseLost:
            self._is_lost = True
            raise
        self._begun_at_ms = begun_at_ms

    @property
    def is_due(self) -> bool:
        """Whether it must be renewed, or is lost.

        Shape: True also if more time is left than its whole length, because the system's clock was set back: the record
        gives such a lane to the first caller.
        """
        share = BUSY_SHARE if self.is_busy else IDLE_SHARE
        has_too_much = self.lease.expires_at_ms - self._clock.now_ms() > round(1000 * self._seconds)
        return self._is_lost or has_too_much or self._gone_ms >= round(1000 * self._seconds * share)

    def renew_if_due(self) -> None:
        """Raises LeaseLost."""
        if self.is_due:
            self.renew()

    def check(self) -> None:
        """Raises LeaseLost when the lease has run out: another worker may have begun."""
        if self._is_lost or self._gone_ms >= round(1000 * self._seconds):
            raise LeaseLost(f"lane {self.lease.destination_id}: the lease ran out and was not renewed")

    def end(self) -> None:
        """Give the lane up."""
        self._record.release(self.lease)
