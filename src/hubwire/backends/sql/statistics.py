"""The numbers of `record/statistics.py` on SQLite. Each answer comes from one snapshot of the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from hubwire.backends.sql import intake
from hubwire.backends.sql.activity import count_activity
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sql.funnel import Lane, count_stages
from hubwire.backends.sql.identity import read_identity
from hubwire.record.statistics import ActivityPoint, Funnel, Identity, Intake, LeftOutCount, Storage
from hubwire.registry.protocol import Registry

LEFT_OUT_DELIVERIES = 50_000
"""How many of the newest deliveries with something left out are summed up."""


class SqlStatistics:
    """`Statistics` over one SQLite file."""

    def __init__(self, file: SqliteFile, registry: Registry) -> None:
        self._file = file
        self._registry = registry

    def funnel(self, destination_id: int, since_ms: int | None = None, until_ms: int | None = None) -> Funnel:
        intake.catch_up(self._file)
        with self._snapshot() as db:
            stages = count_stages(db, self._lane(db, destination_id), since_ms, until_ms)
        return Funnel(
            destination_id=destination_id,
            since_ms=since_ms,
            until_ms=until_ms,
            received=sum(stages.values()),
            **stages,
        )

    def activity(self, destination_id: int, since_ms: int, until_ms: int, steps: int) -> list[ActivityPoint]:
        intake.catch_up(self._file)
        step_ms = max(1, -(-(until_ms - since_ms) // steps))
        points = [ActivityPoint(at_ms=since_ms + index * step_ms) for index in range(steps)]
        with self._snapshot() as db:
            count_activity(db, self._lane(db, destination_id), points, step_ms)
        return points

    def intake(self, since_ms: int | None = None, until_ms: int | None = None) -> list[Intake]:
        intake.catch_up(self._file)
        found: dict[int, Intake] = {}
        with self._snapshot() as db:
            newest: dict[int, intake.Stretch] = {}
            for stretch in intake.stretches(db):
                if intake.is_outside(stretch, since_ms, until_ms):
                    continue
                is_whole = intake.is_inside(stretch, since_ms, until_ms)
                for count in stretch.counts if is_whole else intake.cut(db, stretch, since_ms, until_ms):
                    _add(found.setdefault(count.source_id, Intake(source_id=count.source_id)), count)
                    newest[count.source_id] = stretch
            for source_id, stretch in newest.items():
                found[source_id].last_received_at_ms = _last_received(db, source_id, stretch, until_ms)
        return sorted(found.values(), key=lambda one: -one.received)

    def left_out(self, destination_id: int, limit: int) -> list[LeftOutCount]:
        with self._snapshot() as db:
            rows = db.execute(
                "SELECT value ->> 'field', value ->> 'reason', count(*), max(value ->> 'detail'), max(position)"
                " FROM (SELECT position, left_out FROM delivery WHERE destination_id = ?1 AND left_out IS NOT NULL"
                " ORDER BY position DESC LIMIT ?2), json_each(left_out) GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT ?3",
                (destination_id, LEFT_OUT_DELIVERIES, limit),
            ).fetchall()
            ids = dict(
                db.execute(
                    "SELECT position, message_id FROM journal WHERE position IN (SELECT value FROM json_each(?))",
                    (str([row[4] for row in rows]),),
                ).fetchall()
            )
        return [
            LeftOutCount(
                field=row[0],
                reason=row[1],
                count=row[2],
                sample_detail=row[3] or "",
                sample_position=row[4],
                sample_message_id=ids.get(row[4], ""),
            )
            for row in rows
        ]

    def identity(self, wanted: str) -> Identity:
        spaces = [source.identity_space for source in self._registry.sources().values()]
        with self._snapshot() as db:
            return read_identity(db, wanted, spaces)

    def storage(self) -> Storage:
        intake.catch_up(self._file)
        with self._snapshot() as db:
            pages, page_bytes = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
            first, last = db.execute("SELECT min(position), max(position) FROM journal").fetchone()
            counts = [
                db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - a constant list of tables
                for table in ("delivery", "attempt", "cycle", "person", "company")
            ]
            return Storage(
                bytes_used=pages * page_bytes,
                messages=sum(count.total for stretch in intake.stretches(db) for count in stretch.counts),
                first_position=first or 0,
                last_position=last or 0,
                oldest_received_at_ms=_received_at(db, first),
                newest_received_at_ms=_received_at(db, last),
                deliveries=counts[0],
                attempts=counts[1],
                cycles=counts[2],
                people=counts[3],
                companies=counts[4],
                schema_version=db.execute("PRAGMA user_version").fetchone()[0],
            )

    def catch_up(self, limit: int) -> int:
        return intake.catch_up(self._file, limit)

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """A read transaction: everything read in it is of one moment."""
        db = self._file.connection
        db.execute("BEGIN")
        try:
            yield db
        finally:
            db.rollback()

    def _lane(self, db: sqlite3.Connection, destination_id: int) -> Lane:
        row = db.execute(
            "SELECT live_cursor, backfill_cursor FROM lane WHERE destination_id = ?", (destination_id,)
        ).fetchone()
        destination = self._registry.destinations().get(destination_id)
        source_ids = destination.source_ids if destination is not None else ()
        return Lane(destination_id, source_ids, *(row or (0, 0)))


def _add(one: Intake, count: intake.Count) -> None:
    one.received += count.total
    if count.rejected is not None:
        one.rejected[count.rejected] = one.rejected.get(count.rejected, 0) + count.total


def _last_received(db: sqlite3.Connection, source_id: int, stretch: intake.Stretch, until_ms: int | None) -> int | None:
    row = db.execute(
        "SELECT max(received_at_ms) FROM journal WHERE position BETWEEN ? AND ? AND source_id = ?"
        " AND received_at_ms < ?",
        (stretch.first, stretch.last, source_id, intake.bounds(None, until_ms)[1]),
    ).fetchone()
    return int(row[0]) if row[0] is not None else None


def _received_at(db: sqlite3.Connection, position: int | None) -> int | None:
    if position is None:
        return None
    row = db.execute("SELECT received_at_ms FROM journal WHERE position = ?", (position,)).fetchone()
    return int(row[0]) if row else None
