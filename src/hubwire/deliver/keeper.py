"""Renews a worker's leases from a thread of its own: planning many messages keeps the worker's loop busy for seconds,
and a lane whose worker lives must not be taken over meanwhile.

A loop that does not turn any more is no life: then nothing is renewed, and another worker takes the lanes over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from hubwire.deliver.tenure import Tenure
from hubwire.errors import BackendError

log = structlog.get_logger("hubwire.deliver")

STUCK_SECONDS = 60.0


class LeaseKeeper:
    """Renews what `tenures` gives, as often as it needs, until `stop()`."""

    def __init__(self, tenures: Callable[[], Iterable[Tenure]], seconds: float) -> None:
        self._tenures = tenures
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
            for tenure in self._tenures():
                try:
                    tenure.renew_if_due()
                except BackendError as exc:
                    # Its driver finds the same, and gives the lane up.
                    log.warning("lease.not-renewed", error=str(exc))
