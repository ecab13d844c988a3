"""One clock for a whole fleet, the database's: a lease ends for everybody at the same moment, whatever the clocks of
its machines say."""

from __future__ import annotations

from hubwire.backends.postgres.pool import Db
from hubwire.clock import Clock


def ahead_ms(db: Db, machine: Clock) -> int:
    """How far the database's clock is ahead of this machine's (behind: negative), as far as one question tells.

    Shape: 0 where the database's time lies between the question and its answer; a difference that is given is real, and
    too small by no more than the answer took.
    """
    sent_ms = machine.now_ms()
    row = db.execute("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchone()
    answered_ms = machine.now_ms()
    assert row is not None
    there_ms = int(row[0])
    return max(there_ms - answered_ms, 0) + min(there_ms - sent_ms, 0)
