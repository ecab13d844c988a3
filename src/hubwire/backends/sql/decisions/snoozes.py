"""Snoozed groups of failures, in one table. A snooze whose time is over has no effect."""

from __future__ import annotations

from hubwire.backends.sql.database import Database
from hubwire.delivery import State
from hubwire.record.snoozes import GroupCount, Snooze


class SqlSnoozes:
    """`Snoozes` over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def snooze(self, snooze: Snooze) -> None:
        with self._database.transaction() as db:
            db.execute("DELETE FROM snooze WHERE until_ms <= ?", (snooze.since_ms,))
            db.execute(
                "INSERT INTO snooze (destination_id, state, reason, until_ms, since_ms, actor)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (destination_id, state, reason) DO UPDATE"
                " SET until_ms = excluded.until_ms, since_ms = excluded.since_ms, actor = excluded.actor",
                (*snooze.group, snooze.until_ms, snooze.since_ms, snooze.actor),
            )

    def wake(self, destination_id: int, state: State, reason: str, now_ms: int) -> bool:
        with self._database.transaction() as db:
            gone = db.execute(
                "DELETE FROM snooze WHERE destination_id = ? AND state = ? AND reason = ? RETURNING until_ms",
                (destination_id, state, reason),
            ).fetchone()
        return gone is not None and gone[0] > now_ms

    def snoozed(self, now_ms: int) -> list[Snooze]:
        rows = self._database.connection.execute(
            "SELECT destination_id, state, reason, until_ms, since_ms, actor FROM snooze WHERE until_ms > ?"
            " ORDER BY until_ms, destination_id, state, reason",
            (now_ms,),
        )
        return [
            Snooze(
                destination_id=row[0],
                state=State(row[1]),
                reason=row[2],
                until_ms=row[3],
                since_ms=row[4],
                actor=row[5],
            )
            for row in rows
        ]

    def groups(self, now_ms: int) -> list[GroupCount]:
        snoozed = {snooze.group for snooze in self.snoozed(now_ms)}
        rows = self._database.connection.execute(
            "SELECT destination_id, state, reason, count(*) FROM delivery WHERE state IN (?, ?)"
            " GROUP BY destination_id, state, reason ORDER BY destination_id, state, reason",
            (State.DEAD, State.RETRYING),
        )
        return [
            GroupCount(
                destination_id=destination_id,
                state=State(state),
                reason=reason,
                count=count,
                is_snoozed=(destination_id, state, reason) in snoozed,
            )
            for destination_id, state, reason, count in rows
        ]
