"""The deliverers of one installation: each one reports that it is alive, and learns how many are."""

from __future__ import annotations

from hubwire.backends.postgres.clocks import ahead_ms
from hubwire.backends.postgres.connection import PostgresDatabase
from hubwire.clock import Clock, SystemClock

MAX_LENGTH_RATIO = 3
"""How many times as long another worker's entry may be: its settings may differ for a while."""


class PostgresFleet:
    """A `Fleet` in one PostgreSQL database, by the database's clock. `machine` is this machine's clock."""

    def __init__(self, database: PostgresDatabase, machine: Clock | None = None) -> None:
        self._database = database
        self._machine = machine or SystemClock()

    def join(self, owner: str, now_ms: int, seconds: float) -> int:
        # An entry that ends later than an entry can was written before the clock was set back. If it counted, a dead
        # worker's part of the lanes would have no driver until then.
        latest_ms = round(MAX_LENGTH_RATIO * seconds * 1000)
        with self._database.transaction() as db:
            now_ms += ahead_ms(db, self._machine)
            db.execute(
                "INSERT INTO worker (owner, expires_at_ms) VALUES (%s, %s)"
                " ON CONFLICT (owner) DO UPDATE SET expires_at_ms = excluded.expires_at_ms",
                (owner, now_ms + round(seconds * 1000)),
            )
            row = db.execute(
                "SELECT count(*) FROM worker WHERE expires_at_ms > %s AND expires_at_ms <= %s",
                (now_ms, now_ms + latest_ms),
            ).fetchone()
        assert row is not None
        return int(row[0])

    def leave(self, owner: str, now_ms: int) -> None:
        """Remove this deliverer, and every one that fell silent."""
        with self._database.checkout() as db:
            now_ms += ahead_ms(db, self._machine)
            db.execute("DELETE FROM worker WHERE owner = %s OR expires_at_ms <= %s", (owner, now_ms))
