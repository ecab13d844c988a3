"""Renews a worker's leases, and tells the fleet that it lives, from a thread of its own: a pool of threads that is busy
with slow queries must not cost a lane its lease.

A stuck event loop stops renewing, so that another worker takes over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from hubwire.deliver.lanes.lane_lease import LaneLease
from hubwire.errors import BackendError, LeaseLost

log = structlog.get_logger("hubwire.deliver")

STUCK_SECONDS = 60.0


class LeaseRenewer:
    """Every `seconds` calls `beat` and renews those of `lane_leases` that are due, from `start()` to `stop()`.

    Shape: `call_soon` runs a function on the worker's event loop, which proves that the loop is not stuck; `on_lost` is
    called when another worker has taken a lane.
    """

    def __init__(
        self,
        lane_leases: Callable[[], Iterable[LaneLease]],
        beat: Callable[[], None],
        call_soon: Callable[[Callable[[], object]], None],
        on_lost: Callable[[], None],
        seconds: float,
    ) -> None:
        self._lane_leases = lane_leases
        self._beat = beat
        self._call_soon = call_soon
        self._on_lost = on_lost
        self._seconds = seconds
        self._ending = threading.Event()
        self._turned_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        self._turned_at = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _turned(self) -> None:
        self._turned_at = time.monotonic()

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            self._call_soon(self._turned)
            if time.monotonic() - self._turned_at > STUCK_SECONDS:
                continue
            for step in (self._beat, *(lane_lease.renew_if_due for lane_lease in self._lane_leases())):
                try:
                    step()
                except LeaseLost as exc:
                    log.warning("lease.lost", error=str(exc))
                    self._on_lost()
                except BackendError as exc:
                    log.warning("lease.not-renewed", error=str(exc))
