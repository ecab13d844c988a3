"""Notifications between the processes of one SQLite file. A process that changed data touches a file beside it, and the
others check that file's time. The check needs no statement, so an idle lane sends no query."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from hubwire.lifecycle import OwnThread

log = structlog.get_logger("hubwire")

LOOK_SECONDS = 0.25


class Bell:
    """The touched file. If a process cannot touch it, lanes notice its change later, by their own checks."""

    def __init__(self, database_path: str) -> None:
        self._path = Path(f"{database_path}-news")

    def ring(self) -> None:
        """Tell the other processes that something changed. Call it after the commit."""
        now_ns = time.time_ns()
        try:
            self._path.touch(mode=0o600)
            os.utime(self._path, ns=(now_ns, now_ns))
        except OSError as exc:
            log.warning("news.not-announced", error=str(exc))

    def rung_at_ns(self) -> int:
        """The time of the last ring; 0 if there was none."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0


class BellListener(OwnThread):
    """Calls `heard` from its thread whenever another process, or this one, has rung, from `start()` to `stop()`."""

    def __init__(self, bell: Bell, heard: Callable[[], None], look_seconds: float = LOOK_SECONDS) -> None:
        super().__init__("news")
        self._bell = bell
        self._heard = heard
        self._look_seconds = look_seconds

    def _run(self) -> None:
        known_ns = self._bell.rung_at_ns()
        while not self._ending.wait(self._look_seconds):
            rung_ns = self._bell.rung_at_ns()
            if rung_ns != known_ns:
                known_ns = rung_ns
                self._heard()
