"""The registry's version as a number at hand: asked by a thread of its own, so that who receives never waits for a
database that is slow or gone, and goes on with what it knew."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from hubwire.errors import BackendError
from hubwire.lifecycle import OwnThread

log = structlog.get_logger("hubwire")

LOOK_SECONDS = 1.0


class VersionWatch(OwnThread):
    """A drop-in for `Registry.version` that answers at once. It reads the version from `start()` to `stop()`.

    Errors: BackendError from the constructor, which reads it once; later failures are only logged.
    """

    def __init__(self, version: Callable[[], int], seconds: float = LOOK_SECONDS) -> None:
        super().__init__("registry")
        self._ask = version
        self._seconds = seconds
        self._known = version()

    def __call__(self) -> int:
        return self._known

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            try:
                self._known = self._ask()
            except BackendError as exc:
                log.warning("registry.unreachable", error=str(exc))
