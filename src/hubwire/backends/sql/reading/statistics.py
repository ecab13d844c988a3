"""The statistics of `record/statistics.py`. Each answer comes from one snapshot of the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from hubwire.backends.sql.database import Database, Session
from hubwire.backends.sql.identity import read_identity
from hubwire.backends.sql.reading.activity import count_activity, received_by_source
from hubwire.backends.sql.reading.funnel import count_stages
from hubwire.backends.sql.reading.intake import blocks, catch_up
from hubwire.backends.sql.reading.latency import read_waits
from hubwire.backends.sql.reading.message_index import AT_ONCE, SqlMessageIndex
from hubwire.delivery import State
from hubwire.reasons import Reason
from hubwire.record.calls import MAX_CALLS, Call
from hubwire.record.dropped_fields import count_left_out, sum_left_out
from hubwire.record.funnel import Lane
from hubwire.record.intake import Block, Count, MessageIndex, counted, in_window
from hubwire.record.latency import Latency
from hubwire.record.statistics import (
    ActivityPoint,
    Funnel,
    HoldCount,
    Identity,
    ImportFates,
    Intake,
    LeftOutCount,
    Storage,
)
from hubwire.registry.protocol import Registry

LEFT_OUT_DELIVERIES = 50_000
"""The number of newest deliveries with left-out fields that are summed up."""
STEP_CYCLES = 10
"""The number of cycles in the sample of each step of the latency over time."""


class SqlStatistics:
    """`Statistics` over one database."""

    def __init__(
        self, database: Database, registry: Registry, index_of: Callable[[Session], MessageIndex] = SqlMessageIndex
    ) -> None:
        """Shape: `index_of` returns the message index in a session's snapshot; by default it is in the database."""
        self._database = database
        self._registry = registry
        self._index_of = index_of

    def funnel(self, destination_id: int, since_ms: int | None = None, until_ms: int | None = None) -> Funnel:
        self.catch_up()
        with self._database.snapshot() as db:
            tally = count_stages(db, self._index_of(db), self._lane(db, destination_id), since_ms, until_ms)
        stages = tally.counted()
        return Funnel(
            destination_id=destination_id,
            since_ms=since_ms,
            until_ms=until_ms,
            received=sum(stages.values()),
            discards=dict(tally.discards.most_common()),
            **stages,
        )

    def activity(self, destination_id: int, since_ms: int, until_ms: int, steps: int) -> list[ActivityPoint]:
        self.catch_up()
        step_ms = max(1, -(-(until_ms - since_ms) // steps))
        points = [ActivityPoint(at_ms=since_ms + index * step_ms) for index in range(steps)]
        with self._database.snapshot() as db:
            count_activity(db, self._index_of(db), self._lane(db, destination_id), points, step_ms)
        return points

    def intake(self, since_ms: int | None = None, until_ms: int | None = None) -> list[Intake]:
        self.catch_up()
        intakes: dict[int, Intake] = {}
        with self._database.snapshot() as db:
            index = self._index_of(db)
            newest: dict[int, Block] = {}
            for block in blocks(db, index):
                if block.is_outside(since_ms, until_ms):
                    continue
                counts = block.counts
                if not block.is_inside(since_ms, until_ms):
                    counts = counted(in_window(index.messages(block.first, block.last), since_ms, until_ms))
                for count in counts:
                    _add(intakes.setdefault(count.source_id, Intake(source_id=count.source_id)), count)
                    newest[count.source_id] = block
            for source_id, block in newest.items():
                within = in_window(index.messages(block.first, block.last), since_ms, until_ms)
                times = [message.received_at_ms for message in within if message.source_id == source_id]
                intakes[source_id].last_received_at_ms = max(times, default=None)
        return sorted(intakes.values(), key=lambda intake: -intake.received)

    def received_by_source(self, since_ms: int, until_ms: int, steps: int) -> dict[int, list[int]]:
        self.catch_up()
        with self._database.snapshot() as db:
            return received_by_source(db, self._index_of(db), since_ms, until_ms, steps)

    def waits(self, destination_id: int, since_ms: int | None = None, until_ms: int | None = None) -> Latency | None:
        with self._database.snapshot() as db:
            return read_waits(db, self._index_of(db), self._lane(db, destination_id), since_ms, until_ms)

    def positions(self, since_ms: int | None, until_ms: int | None) -> tuple[int, int] | None:
        self.catch_up()
        first = last = None
        with self._database.snapshot() as db:
            index = self._index_of(db)
            if not index.is_near:
                return None
            for block in blocks(db, index):
                if block.is_outside(since_ms, until_ms):
                    continue
                ends = (block.first, block.last)
                if not block.is_whole or not block.is_inside(since_ms, until_ms):
                    within = in_window(index.messages(block.first, block.last), since_ms, until_ms)
                    own = [message.position for message in within]
                    if not own:
                        continue
                    ends = (own[0], own[-1])
                first = ends[0] if first is None else first
                last = ends[1]
        return None if first is None or last is None else (first, last)

    def latency_over_time(self, destination_id: int, since_ms: int, until_ms: int, steps: int) -> list[Latency | None]:
        step_ms = max(1, -(-(until_ms - since_ms) // steps))
        with self._database.snapshot() as db:
            index, lane = self._index_of(db), self._lane(db, destination_id)
            bounds = [(since_ms + step * step_ms, since_ms + (step + 1) * step_ms) for step in range(steps)]
            return [read_waits(db, index, lane, since, until, STEP_CYCLES) for since, until in bounds]

    def calls(self, destination_id: int, since_ms: int | None, until_ms: int) -> list[Call]:
        rows = self._database.connection.execute(
            "SELECT call, started_at_ms, duration_ms, status, outcome FROM attempt WHERE started_at_ms >= ?"
            " AND started_at_ms < ? AND destination_id = ? ORDER BY started_at_ms DESC LIMIT ?",
            (since_ms or 0, until_ms, destination_id, MAX_CALLS + 1),
        )
        return [Call(*row) for row in rows]

    def left_out(self, destination_id: int, limit: int) -> list[LeftOutCount]:
        with self._database.snapshot() as db:
            rows = db.execute(
                "SELECT position, left_out FROM delivery WHERE destination_id = ? AND left_out IS NOT NULL"
                " ORDER BY position DESC LIMIT ?",
                (destination_id, LEFT_OUT_DELIVERIES),
            ).fetchall()
            counts = sum_left_out(rows)[:limit]
            ids = self._index_of(db).message_ids([count.sample_position for count in counts])
        return [
            msgspec.structs.replace(count, sample_message_id=ids.get(count.sample_position, "")) for count in counts
        ]

    def holds(self, now_ms: int, step_ms: int, steps: int) -> list[HoldCount]:
        with self._database.snapshot() as db:
            rows = db.execute(
                "SELECT destination_id, reason, CASE WHEN due_at_ms < ?1 THEN 0"
                " WHEN due_at_ms >= ?1 + ?2 * ?3 THEN ?3 - 1 ELSE (due_at_ms - ?1) / ?2 END AS step,"
                " count(*), min(due_at_ms) FROM delivery WHERE state = ?4 AND due_at_ms IS NOT NULL"
                " GROUP BY destination_id, reason, step ORDER BY destination_id, reason, step",
                (now_ms, step_ms, steps, State.HELD),
            ).fetchall()
        return [HoldCount(*row) for row in rows]

    def import_fates(self, destination_id: int, source_id: int, first: int, last: int) -> ImportFates:
        with self._database.snapshot() as db:
            lane, states = self._lane(db, destination_id), Counter[State]()
            values = messages = 0
            behind = self._index_of(db).messages(max(first, lane.backfill_cursor + 1), last)
            is_waiting = any(
                message.is_backfill and message.source_id == source_id and not message.rejected for message in behind
            )
            for rows in _deliveries(db, destination_id, first, last):
                own = self._index_of(db).messages_at([position for position, _, _ in rows])
                imported = {
                    message.position for message in own if message.is_backfill and message.source_id == source_id
                }
                rows = [row for row in rows if row[0] in imported]
                states.update(State(state) for _, state, _ in rows)
                lost = [count_left_out(left_out, Reason.NEWER_IN_HUBSPOT) for _, _, left_out in rows if left_out]
                values, messages = values + sum(lost), messages + sum(map(bool, lost))
        open_count = states[State.PENDING] + states[State.RETRYING] + states[State.LEASED]
        return ImportFates(
            is_delivered=not is_waiting and not open_count,
            open=open_count,
            held=states[State.HELD],
            discarded=states[State.DISCARDED],
            dead=states[State.DEAD],
            newer_values=values,
            newer_messages=messages,
        )

    def identity(self, name: str) -> Identity:
        spaces = [source.identity_space for source in self._registry.sources().values()]
        key_names = {
            key_name
            for destination in self._registry.destinations().values()
            for key in (destination.contact_key, destination.company_key, *(rule.key for rule in destination.rules))
            for key_name in key
        }
        with self._database.snapshot() as db:
            return read_identity(db, name, spaces, key_names)

    def storage(self) -> Storage:
        self.catch_up()
        with self._database.snapshot() as db:
            index = self._index_of(db)
            first, last = index.ends() or (0, 0)
            counts = [
                db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("delivery", "attempt", "cycle", "person", "company")
            ]
            return Storage(
                bytes_used=self._database.bytes_used(),
                messages=sum(count.total for block in blocks(db, index) for count in block.counts),
                first_position=first,
                last_position=last,
                oldest_received_at_ms=_received_at(index, first),
                newest_received_at_ms=_received_at(index, last),
                deliveries=counts[0],
                attempts=counts[1],
                cycles=counts[2],
                people=counts[3],
                companies=counts[4],
                schema_version=self._database.schema_version(),
            )

    def catch_up(self, limit: int | None = None) -> int:
        return catch_up(self._database, self._index_of, limit)

    def _lane(self, db: Session, destination_id: int) -> Lane:
        row = db.execute(
            "SELECT live_cursor, backfill_cursor FROM lane WHERE destination_id = ?", (destination_id,)
        ).fetchone()
        destination = self._registry.destinations().get(destination_id)
        source_ids = destination.source_ids if destination is not None else ()
        return Lane(destination_id, source_ids, *(row or (0, 0)))


def _deliveries(db: Session, destination_id: int, first: int, last: int) -> Iterator[list[tuple[int, str, bytes]]]:
    """The rows of deliveries between two positions, in pages: position, state and left-out fields."""
    while True:
        rows = db.execute(
            "SELECT position, state, left_out FROM delivery WHERE destination_id = ? AND position BETWEEN ? AND ?"
            " ORDER BY position LIMIT ?",
            (destination_id, first, last, AT_ONCE),
        ).fetchall()
        if rows:
            yield rows
        if len(rows) < AT_ONCE:
            return
        first = rows[-1][0] + 1


def _add(intake: Intake, count: Count) -> None:
    intake.received += count.total
    if count.rejected == Reason.SUPPRESSED:
        intake.erased += count.total
    elif count.rejected is not None:
        intake.rejected[count.rejected] = intake.rejected.get(count.rejected, 0) + count.total


def _received_at(index: MessageIndex, position: int) -> int | None:
    return next((message.received_at_ms for message in index.messages(position, position)), None)
