"""The lease of a lane while this worker has it: renewed in time, and asked before every call.

Two workers never drive one portal: a worker that could not renew its lease stops calling before the lease ends, and
whatever it would still record is refused by the record (fencing).
"""

from __future__ import annotations

from hubwire.clock import Clock
from hubwire.errors import LeaseLost
from hubwire.record.protocol import Lease, Record

RATE_WINDOW_SECONDS = 10.0
"""HubSpot's rolling window."""


class LaneLease:
    """One worker's hold on one lane."""

    def __init__(self, record: Record, lease: Lease, clock: Clock, seconds: float) -> None:
        self.lease = lease
        self._record = record
        self._clock = clock
        self._seconds = seconds

    @classmethod
    def begin(
        cls,
        record: Record,
        destination_id: int,
        owner: str,
        clock: Clock,
        seconds: float,
        *,
        only_silent: bool = False,
    ) -> LaneLease | None:
        """The lane, or None while another worker has it; `only_silent`: or nobody took it before and fell silent."""
        lease = record.lease_lane(destination_id, owner, clock.now_ms(), seconds, only_silent=only_silent)
        return cls(record, lease, clock, seconds) if lease is not None else None

    @property
    def renew_seconds(self) -> float:
        """How often it is renewed."""
        return self._seconds / 3

    @property
    def quiet_seconds(self) -> float:
        """How long to make no call yet, after a lane was taken over from a worker that fell silent.

        A worker renews when a third of the time is gone: when it died, its lease had about two thirds left. A rate
        window later HubSpot counts none of its calls any more.
        """
        if self.lease.taken_over_ms is None:
            return 0.0
        free_at_ms = self.lease.taken_over_ms + round(1000 * (RATE_WINDOW_SECONDS - self._seconds * 2 / 3))
        return max(0.0, (free_at_ms - self._clock.now_ms()) / 1000)

    @property
    def _left_ms(self) -> int:
        return self.lease.expires_at_ms - self._clock.now_ms()

    def renew(self) -> None:
        """Raises LeaseLost."""
        self.lease = self._record.renew(self.lease, self._clock.now_ms(), self._seconds)

    def renew_if_due(self) -> None:
        """Renew when a third of its time is gone. Raises LeaseLost.

        More time left than there ever was: the machine's clock was set back. The database goes on counting.
        """
        if not 1000 * (self._seconds - self.renew_seconds) <= self._left_ms <= round(1000 * self._seconds):
            self.renew()

    def check(self) -> None:
        """Raises LeaseLost when the lease has run out: another worker may have begun."""
        if self._left_ms <= 0:
            raise LeaseLost(f"lane {self.lease.destination_id}: the lease ran out and was not renewed")

    def end(self) -> None:
        """Give the lane up."""
        self._record.release(self.lease)
