"""A thread that listens to the database's notifications, so that nothing has to poll."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from hubwire.backends.postgres.connection import RETRYABLE, PostgresDatabase
from hubwire.backends.postgres.pool import Db
from hubwire.errors import BackendUnavailable
from hubwire.lifecycle import OwnThread

log = structlog.get_logger("hubwire.postgres")

CHANNEL = "hubwire"
JOURNAL = "journal"
"""The payload of an append's notification (`sql/0001_journal.sql`)."""
CHANGE = "change"
STEP_SECONDS = 0.1
"""The shortest time between two callbacks, because under load every append notifies. A callback always follows the last
notification."""
QUIET_SECONDS = 1.0
"""How long a stop can take to be noticed."""
RETRY_SECONDS = 1.0


def announce(database: PostgresDatabase) -> None:
    """Tell every listener that something changed which was not appended."""
    database.execute("SELECT pg_notify(%s, %s)", (CHANNEL, CHANGE))


class Listener(OwnThread):
    """Calls back from its thread, from `start()` to `stop()`, whenever a process has appended or changed something.

    Shape: `changed` is also called after every reconnect, because notifications may have been missed.
    """

    def __init__(self, database: PostgresDatabase, appended: Callable[[], None], changed: Callable[[], None]) -> None:
        super().__init__("listen")
        self._database = database
        self._appended = appended
        self._changed = changed

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
        self._changed()
        while not self._ending.is_set():
            heard = {notification.payload for notification in db.notifies(timeout=QUIET_SECONDS, stop_after=1)}
            if heard:
                heard |= {notification.payload for notification in db.notifies(timeout=0)}
                call = self._appended if heard == {JOURNAL} else self._changed
                call()
                self._ending.wait(STEP_SECONDS)
