"""Renews a worker's leases, and says that it lives, from a thread of its own: planning many messages keeps the worker's
loop busy for seconds, and a lane whose worker lives must not be taken over meanwhile.

A loop that does not turn any more is no life: then nothing is renewed, and another worker takes the lanes over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from hubwire.deliver.lanes.lane_lease import LaneLease
from hubwire.errors import BackendError

log = structlog.get_logger("hubwire.deliver")

STUCK_SECONDS = 60.0


class LeaseRenewer:
    """Every so many seconds calls `beat` and renews those of `lane_leases` that are due, until `stop()`."""

    def __init__(
        self, lane_leases: Callable[[], Iterable[LaneLease]], beat: Callable[[], None], seconds: float
    ) -> None:
        self._lane_leases = lane_leases
        self._beat = beat
        self._seconds = seconds
        self._ending = threading.Event()
        self._turned_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def turned(self) -> None:
        """The worker's loop has turned."""
        self._turned_at = time.monotonic()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            if time.monotonic() - self._turned_at > STUCK_SECONDS:
                continue
            for step in (self._beat, *(lane_lease.renew_if_due for lane_lease in self._lane_leases())):
                try:
                    step()
                except BackendError as exc:
                    # Should it be a lease: its driver finds the same, and gives the lane up.
                    log.warning("lease.not-kept", error=str(exc))
