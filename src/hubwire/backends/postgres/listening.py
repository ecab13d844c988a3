"""Waiting for news instead of asking for it: a thread that listens to the database's notifications."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from hubwire.backends.postgres.connection import RETRYABLE, PostgresDatabase
from hubwire.backends.postgres.pool import Db
from hubwire.errors import BackendUnavailable

log = structlog.get_logger("hubwire.postgres")

CHANNEL = "hubwire"
STEP_SECONDS = 0.1
"""Under load every append notifies: the callback runs at most so often, and after the last one."""
QUIET_SECONDS = 1.0
"""How soon a stop is noticed."""
RETRY_SECONDS = 1.0


class Listener:
    """Calls `callback` from its thread whenever a process has appended or changed the registry.

    Shape: also after every new connection, since news may have been missed without one. `close()` ends it.
    """

    def __init__(self, database: PostgresDatabase, callback: Callable[[], None]) -> None:
        self._database = database
        self._callback = callback
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listen", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                with self._database.connect() as db:
                    self._follow(db)
            except (BackendUnavailable, *RETRYABLE) as exc:
                log.warning("listen.broken", error=str(exc))
                self._ending.wait(RETRY_SECONDS)

    def _follow(self, db: Db) -> None:
        db.execute(f"LISTEN {CHANNEL}")
        self._callback()
        while not self._ending.is_set():
            if any(db.notifies(timeout=QUIET_SECONDS, stop_after=1)):
                self._callback()
                self._ending.wait(STEP_SECONDS)
