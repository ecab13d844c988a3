"""Retention in the record. Every call is one short transaction."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.backends.sql.privacy import ARCHIVE_ONE
from hubwire.delivery import OPEN

_json = msgspec.json.Encoder().encode
_OPEN = "state IN ('" + "', '".join(OPEN) + "')"
"""No parameters, because a database uses the partial index `delivery_open` only for its own condition."""

_WAITING = "record_id IS NULL AND confirmed_at_ms = 0 AND seen_at_ms > 0 AND seen_at_ms < ?"
"""Records that HubSpot never had. The mark of a removed record has no time at all."""


class SqlArchive:
    """An `Archive` in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def oldest_open(self, destination_ids: Sequence[int]) -> int | None:
        return _oldest_open(self._database.connection, destination_ids)

    def archive_through(self, position: int, destination_ids: Sequence[int]) -> int:
        with self._database.transaction() as db:
            oldest = _oldest_open(db, destination_ids)
            through = position if oldest is None else min(position, oldest - 1)
            rows = db.execute(
                "DELETE FROM delivery WHERE destination_id IN (SELECT DISTINCT destination_id FROM lane)"
                " AND position <= ? RETURNING destination_id, state",
                (through,),
            ).fetchall()
            counts: dict[tuple[int, str], int] = {}
            for destination_id, state in rows:
                counts[destination_id, state] = counts.get((destination_id, state), 0) + 1
            db.executemany(ARCHIVE_ONE, [(*key, count) for key, count in counts.items()])
            db.execute(
                "DELETE FROM hold WHERE destination_id IN (SELECT destination_id FROM lane) AND position <= ?",
                (through,),
            )
            db.execute(
                "DELETE FROM replay_target WHERE position <= ?"
                " AND replay_id IN (SELECT replay_id FROM replay WHERE state <> 'running')",
                (through,),
            )
        return through

    def remove_attempts(self, before_ms: int, limit: int) -> int:
        with self._database.transaction() as db:
            return db.execute(
                "DELETE FROM attempt WHERE attempt_id IN (SELECT attempt_id FROM attempt WHERE started_at_ms < ?"
                " ORDER BY started_at_ms LIMIT ?)",
                (before_ms, limit),
            ).rowcount

    def remove_cycles(self, before_ms: int, limit: int) -> int:
        with self._database.transaction() as db:
            return db.execute(
                "DELETE FROM cycle WHERE cycle_id IN (SELECT cycle_id FROM cycle WHERE ended_at_ms < ?"
                " ORDER BY ended_at_ms LIMIT ?)",
                (before_ms, limit),
            ).rowcount

    def remove_waiting_values(self, before_ms: int, limit: int) -> int:
        with self._database.transaction() as db:
            return db.execute(
                f"DELETE FROM object_record WHERE {_WAITING} AND (destination_id, object_type, record_key) IN"
                f" (SELECT destination_id, object_type, record_key FROM object_record WHERE {_WAITING} LIMIT ?)",
                (before_ms, before_ms, limit),
            ).rowcount

    def oldest_attempt_at_ms(self) -> int | None:
        row = self._database.connection.execute("SELECT min(started_at_ms) FROM attempt").fetchone()
        return None if row[0] is None else int(row[0])

    def bytes_used(self) -> int:
        return self._database.bytes_used()

    def bytes_free(self) -> int:
        return self._database.bytes_free()

    def give_back(self, limit_bytes: int) -> int:
        return self._database.give_back(limit_bytes)


def _oldest_open(db: Session, destination_ids: Sequence[int]) -> int | None:
    row = db.execute(
        f"SELECT position FROM delivery WHERE {_OPEN}"
        " AND destination_id IN (SELECT CAST(value AS bigint) FROM json_each(?)) ORDER BY position LIMIT 1",
        (_json(list(destination_ids)).decode(),),
    ).fetchone()
    return None if row is None else int(row[0])
