"""The database's clock, which the whole fleet uses, so that a lease ends for everybody at the same moment."""

from __future__ import annotations

from hubwire.backends.postgres.pool import Db
from hubwire.clock import Clock


def ahead_ms(db: Db, machine: Clock) -> int:
    """The lead of the database's clock over this machine's (negative: behind), from one query.

    Shape: 0 if the database's time lies between the query and its answer. Any other difference is real, and too small
    by at most the duration of the query.
    """
    sent_ms = machine.now_ms()
    row = db.execute("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchone()
    answered_ms = machine.now_ms()
    assert row is not None
    there_ms = int(row[0])
    return max(there_ms - answered_ms, 0) + min(there_ms - sent_ms, 0)
