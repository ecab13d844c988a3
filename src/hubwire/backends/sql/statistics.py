"""The numbers of `record/statistics.py`. Each answer comes from one snapshot of the database."""

from __future__ import annotations

import msgspec

from hubwire.backends.sql import intake
from hubwire.backends.sql.activity import count_activity
from hubwire.backends.sql.database import Database, Session
from hubwire.backends.sql.funnel import Lane, count_stages
from hubwire.backends.sql.identity import read_identity
from hubwire.record.left_out import sum_left_out
from hubwire.record.statistics import ActivityPoint, Funnel, Identity, Intake, LeftOutCount, Storage
from hubwire.registry.protocol import Registry

LEFT_OUT_DELIVERIES = 50_000
"""How many of the newest deliveries with something left out are summed up."""


class SqlStatistics:
    """`Statistics` over one database."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database = database
        self._registry = registry

    def funnel(self, destination_id: int, since_ms: int | None = None, until_ms: int | None = None) -> Funnel:
        intake.catch_up(self._database)
        with self._database.snapshot() as db:
            stages = count_stages(db, self._lane(db, destination_id), since_ms, until_ms)
        return Funnel(
            destination_id=destination_id,
            since_ms=since_ms,
            until_ms=until_ms,
            received=sum(stages.values()),
            **stages,
        )

    def activity(self, destination_id: int, since_ms: int, until_ms: int, steps: int) -> list[ActivityPoint]:
        intake.catch_up(self._database)
        step_ms = max(1, -(-(until_ms - since_ms) // steps))
        points = [ActivityPoint(at_ms=since_ms + index * step_ms) for index in range(steps)]
        with self._database.snapshot() as db:
            count_activity(db, self._lane(db, destination_id), points, step_ms)
        return points

    def intake(self, since_ms: int | None = None, until_ms: int | None = None) -> list[Intake]:
        intake.catch_up(self._database)
        found: dict[int, Intake] = {}
        with self._database.snapshot() as db:
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
        with self._database.snapshot() as db:
            rows = db.execute(
                "SELECT position, left_out FROM delivery WHERE destination_id = ? AND left_out IS NOT NULL"
                " ORDER BY position DESC LIMIT ?",
                (destination_id, LEFT_OUT_DELIVERIES),
            ).fetchall()
            counts = sum_left_out(rows)[:limit]
            ids = dict(
                db.execute(
                    "SELECT position, message_id FROM journal"
                    " WHERE position IN (SELECT CAST(value AS bigint) FROM json_each(?))",
                    (str([one.sample_position for one in counts]),),
                ).fetchall()
            )
        return [msgspec.structs.replace(one, sample_message_id=ids.get(one.sample_position, "")) for one in counts]

    def identity(self, wanted: str) -> Identity:
        spaces = [source.identity_space for source in self._registry.sources().values()]
        with self._database.snapshot() as db:
            return read_identity(db, wanted, spaces)

    def storage(self) -> Storage:
        intake.catch_up(self._database)
        with self._database.snapshot() as db:
            first, last = db.execute("SELECT min(position), max(position) FROM journal").fetchone()
            counts = [
                db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("delivery", "attempt", "cycle", "person", "company")
            ]
            return Storage(
                bytes_used=self._database.bytes_used(),
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
                schema_version=self._database.schema_version(),
            )

    def catch_up(self, limit: int) -> int:
        return intake.catch_up(self._database, limit)

    def _lane(self, db: Session, destination_id: int) -> Lane:
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


def _last_received(db: Session, source_id: int, stretch: intake.Stretch, until_ms: int | None) -> int | None:
    row = db.execute(
        "SELECT max(received_at_ms) FROM journal WHERE position BETWEEN ? AND ? AND source_id = ?"
        " AND received_at_ms < ?",
        (stretch.first, stretch.last, source_id, intake.bounds(None, until_ms)[1]),
    ).fetchone()
    return int(row[0]) if row[0] is not None else None


def _received_at(db: Session, position: int | None) -> int | None:
    if position is None:
        return None
    row = db.execute("SELECT received_at_ms FROM journal WHERE position = ?", (position,)).fetchone()
    return int(row[0]) if row else None
