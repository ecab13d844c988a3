"""The funnel's numbers equal what a count over every message says, whatever its fate, at every moment of a load."""

from __future__ import annotations

import random
import threading
from collections import Counter

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.backends import Backend, FreshBackend

from hubwire.backends.sql.reading.message_index import SqlMessageIndex
from hubwire.backends.sql.reading.statistics import SqlStatistics
from hubwire.backends.sql.registry import SqlRegistry
from hubwire.clock import FakeClock
from hubwire.delivery import State
from hubwire.destination import Destination, Source
from hubwire.message import Entry, JournalRow
from hubwire.record.intake import Block
from hubwire.record.protocol import CycleOutcome, LaneState, Settled, Span, Tally
from hubwire.record.statistics import Funnel
from hubwire.registry.vault import Vault

START_MS = 1_700_000_000_000
STAGES = (
    "rejected",
    "erased",
    "not_connected",
    "backlog",
    "pending",
    "retrying",
    "held",
    "discarded",
    "dead",
    "delivered",
)
ENDS = (State.DISCARDED, State.HELD, State.RETRYING, State.DEAD, State.DELIVERED)


class Load:
    """One lane under a random load: messages come, cycles give some of them a fate, some are removed."""

    def __init__(self, backend: Backend, seed: int) -> None:
        self.random = random.Random(seed)
        self.clock = FakeClock(START_MS)
        self.database = backend.database
        self.journal = backend.journal
        self.registry = SqlRegistry(self.database, Vault((bytes(32),)), self.clock)
        self.record = backend.record
        self.statistics = SqlStatistics(self.database, self.registry, backend.index_of)
        self._has_table = backend.index_of is SqlMessageIndex
        self._received = 0
        self.sources = [self.registry.save_source(Source(source_id=0, name=name)).source_id for name in "abc"]
        self.lane = self.registry.save_destination(
            Destination(
                destination_id=0, name="HubSpot", source_ids=self.random.choice([None, tuple(self.sources[:2])])
            )
        )

    def receive(self, count: int) -> None:
        entries = []
        for _ in range(count):
            self.clock.advance(self.random.choice([0, 0, 0.5, 3]))
            late_ms = self.random.choice([0, 0, 0, 4000])
            rejected = "no-ids" if self.random.random() < 0.05 else None
            source_id, is_backfill = self.random.choice(self.sources), self.random.random() < 0.2
            self._received += 1
            message_id, at_ms = f"m{self._received}", self.clock.now_ms() - late_ms
            entries.append(Entry(source_id, message_id, at_ms, b"{}", None, is_backfill, rejected))
        self.journal.append(entries)

    def run_cycle(self) -> None:
        lane_id = self.lane.destination_id
        lease = self.record.lease_lane(lane_id, "worker", self.clock.now_ms(), 60)
        assert lease is not None
        state = self.record.lane(lane_id)
        live, backfill = self._later(state.live_cursor), self._later(state.backfill_cursor)
        span = Span(
            live_after=state.live_cursor,
            live_through=live,
            backfill_after=state.backfill_cursor,
            backfill_through=backfill,
        )
        positions = self._taken(span)
        cycle_id = self.record.begin_cycle(lease, self.clock.now_ms(), span)
        settled = [self._settled(position) for position in positions if self.random.random() < 0.3]
        counts = Counter(row.state for row in settled)
        delivered = len(positions) - len(settled) + counts[State.DELIVERED]
        self.record.commit_cycle(
            lease,
            CycleOutcome(
                cycle_id=cycle_id,
                lane=LaneState(live_cursor=live, backfill_cursor=backfill),
                settled=settled,
                tally=Tally(taken=len(positions), delivered=delivered, dead=counts[State.DEAD]),
                ended_at_ms=self.clock.now_ms(),
            ),
        )
        self.record.release(lease)

    def remove(self) -> None:
        """Retention takes the oldest messages, and a deletion request takes single ones with their rows."""
        rows = self._rows()
        self.journal.remove_through(rows[self.random.randint(0, len(rows) // 3)].position, len(rows))
        if self._has_table:
            forgotten = [(self.random.choice(rows).position,) for _ in range(5)]
            with self.database.transaction() as db:
                db.executemany("DELETE FROM journal WHERE position = ?", forgotten)
                db.executemany("DELETE FROM delivery WHERE position = ?", forgotten)

    def counted(self, since_ms: int | None, until_ms: int | None) -> dict[str, int]:
        """The funnel, by looking at every message."""
        db, stages = self.database.connection, Counter[str]()
        lane_id, state = self.lane.destination_id, self.record.lane(self.lane.destination_id)
        fates = dict(db.execute("SELECT position, state FROM delivery WHERE destination_id = ?", (lane_id,)).fetchall())
        for row in self._rows():
            at_ms = row.received_at_ms
            if (since_ms is not None and at_ms < since_ms) or (until_ms is not None and at_ms >= until_ms):
                continue
            cursor = state.backfill_cursor if row.is_backfill else state.live_cursor
            if row.rejected is not None:
                stages["erased" if row.rejected == "suppressed" else "rejected"] += 1
            elif row.position in fates:
                stages["pending" if fates[row.position] == "leased" else fates[row.position]] += 1
            elif not self.lane.takes(row.source_id):
                stages["not_connected"] += 1
            else:
                stages["delivered" if row.position <= cursor else "backlog"] += 1
        return {stage: stages[stage] for stage in STAGES}

    def _later(self, cursor: int) -> int:
        """A cursor that has gone on, or not."""
        return self.random.choice([cursor, *(row.position for row in self._rows() if row.position > cursor)])

    def _rows(self) -> list[JournalRow]:
        """Every message, oldest first."""
        return self.journal.newest(None, 1 << 20)[::-1]

    def _taken(self, span: Span) -> list[int]:
        def is_taken(row: JournalRow) -> bool:
            if row.is_backfill:
                return span.backfill_after < row.position <= span.backfill_through
            return span.live_after < row.position <= span.live_through

        rows = [row for row in self._rows() if row.rejected is None and self.lane.takes(row.source_id)]
        return [row.position for row in rows if is_taken(row)]

    def _settled(self, position: int) -> Settled:
        state = self.random.choice(ENDS)
        waits = state in (State.HELD, State.RETRYING)
        left_out = [{"field": "traits.plan", "reason": "not-an-option", "detail": "Gold"}]
        return Settled(
            position=position,
            state=state,
            reason=None if state is State.DELIVERED else "invalid-input",
            left_out=msgspec.json.encode(left_out) if state is State.DELIVERED else None,
            due_at_ms=self.clock.now_ms() + 1000 if waits else None,
            hold_keys=("server|u:1",) if state is State.HELD else (),
        )


def stages_of(funnel: Funnel) -> dict[str, int]:
    return {stage: getattr(funnel, stage) for stage in STAGES}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), sizes=st.lists(st.sampled_from([1, 40, 700, 1024, 1500]), min_size=1, max_size=4))
def test_the_funnel_equals_a_count_over_every_message(fresh_backend: FreshBackend, seed: int, sizes: list[int]) -> None:
    with fresh_backend() as backend:
        load = Load(backend, seed)
        for size in sizes:
            load.receive(size)
            if load.random.random() < 0.7:
                load.run_cycle()
            if load.random.random() < 0.3:
                load.remove()
            now_ms = load.clock.now_ms()
            middle_ms = load.random.randint(START_MS, now_ms)
            for since_ms, until_ms in ((None, None), (middle_ms, None), (START_MS - 5000, middle_ms), (now_ms, None)):
                funnel = load.statistics.funnel(load.lane.destination_id, since_ms, until_ms)
                assert stages_of(funnel) == load.counted(since_ms, until_ms)
                assert funnel.received == funnel.accounted


def test_a_message_that_is_redacted_while_it_is_counted_is_counted_as_it_is_then(backend: Backend) -> None:
    load = Load(backend, 11)
    load.receive(2100)
    first = load.journal.extent().first
    redacting = threading.Thread(target=lambda: load.journal.redact(range(first, first + 2000)))

    class Interrupted(SqlMessageIndex):
        def sums(self, number: int) -> Block | None:
            counted = super().sums(number)
            if redacting.ident is None:
                redacting.start()
                redacting.join(0.2)
            return counted

    SqlStatistics(load.database, load.registry, Interrupted).catch_up()
    redacting.join()
    assert stages_of(load.statistics.funnel(load.lane.destination_id)) == load.counted(None, None)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_message_that_is_being_forgotten_is_counted_once(backend_with_journal: Backend, seed: int) -> None:
    """Between being made empty and losing its rows it is one that failed on ingest, and in no other stage."""
    load = Load(backend_with_journal, seed)
    load.receive(3000)
    for _ in range(3):
        load.run_cycle()
    rows = load.database.connection.execute("SELECT position FROM delivery ORDER BY position").fetchall()
    load.journal.redact([position for (position,) in rows])
    assert rows
    for source_ids in (None, load.lane.source_ids or tuple(load.registry.sources())[:1]):
        load.lane = load.registry.save_destination(msgspec.structs.replace(load.lane, source_ids=source_ids))
        assert stages_of(load.statistics.funnel(load.lane.destination_id)) == load.counted(None, None)


def test_activity_adds_up_to_what_came_and_what_was_taken(backend_with_journal: Backend) -> None:
    load = Load(backend_with_journal, 7)
    for size in (900, 1400, 300):
        load.receive(size)
        load.run_cycle()
    now_ms = load.clock.now_ms()
    points = load.statistics.activity(load.lane.destination_id, START_MS - 5000, now_ms + 1, 24)
    counted = load.counted(None, None)
    routed = sum(counted.values()) - counted["rejected"] - counted["not_connected"]
    assert sum(point.received for point in points) == routed
    assert points[-1].backlog == counted["backlog"]
    assert sum(point.received - point.taken for point in points) == counted["backlog"]
    half = load.statistics.activity(load.lane.destination_id, START_MS - 5000, points[12].at_ms, 12)
    assert half == points[:12]


def test_erased_messages_leave_no_backlog_in_the_past(backend_with_journal: Backend) -> None:
    load = Load(backend_with_journal, 7)
    load.receive(1300)
    load.run_cycle()
    taken = [row.position for row in load.journal.newest(None, 9999) if not row.is_backfill and row.rejected is None]
    since_ms, until_ms = START_MS - 5000, load.clock.now_ms() + 1
    before = load.statistics.activity(load.lane.destination_id, since_ms, until_ms, 24)
    load.journal.redact([position for position in taken if position <= load.record.lane(1).live_cursor][:200])
    after = load.statistics.activity(load.lane.destination_id, since_ms, until_ms, 24)
    assert [point.backlog for point in after] == [point.backlog for point in before]
    assert load.statistics.funnel(load.lane.destination_id).erased == 200


def test_holds_are_counted_by_their_end_and_discards_by_their_reason(backend: Backend) -> None:
    load = Load(backend, 7)
    load.receive(1300)
    load.run_cycle()
    due = [
        at_ms for (at_ms,) in load.database.connection.execute("SELECT due_at_ms FROM delivery WHERE state = 'held'")
    ]
    holds = load.statistics.holds(min(due) - 100, 50, 3)
    assert due
    assert sum(hold.count for hold in holds) == len(due)
    assert min(hold.first_at_ms for hold in holds) == min(due)
    assert {hold.step for hold in holds} <= {0, 1, 2}
    funnel = load.statistics.funnel(load.lane.destination_id)
    assert sum(funnel.discards.values()) == funnel.discarded > 0


def test_calls_positions_and_latency_of_a_period(backend: Backend) -> None:
    load = Load(backend, 5)
    lane_id = load.lane.destination_id
    assert load.statistics.positions(None, None) is None
    load.receive(1500)
    load.run_cycle()
    rows = sorted(load.journal.newest(None, 9999), key=lambda row: row.position)
    assert load.statistics.positions(None, None) == (rows[0].position, rows[-1].position)
    middle = rows[700].received_at_ms
    later = [row.position for row in rows if row.received_at_ms >= middle]
    assert load.statistics.positions(middle, None) == (later[0], later[-1])
    steps = load.statistics.latency_over_time(lane_id, START_MS, load.clock.now_ms() + 1, 4)
    assert len(steps) == 4
    assert any(step is not None for step in steps)
    load.database.connection.execute(
        "INSERT INTO attempt (destination_id, cycle_id, call, started_at_ms, duration_ms, status, outcome, request,"
        " response, positions) VALUES (?, 1, 'GET /x', ?, 5, 200, 'success', ?, ?, ?)",
        (lane_id, START_MS, b"", b"", b""),
    )
    [call] = load.statistics.calls(lane_id, START_MS, START_MS + 1)
    assert (call.call, call.status, call.duration_ms) == ("GET /x", 200, 5)
    assert load.statistics.calls(lane_id, START_MS + 1, START_MS + 2) == []


def test_messages_by_source_and_step_add_up_to_the_intake(backend: Backend) -> None:
    load = Load(backend, 5)
    load.receive(2500)
    since_ms, until_ms = START_MS - 1000, load.clock.now_ms() + 1
    steps = load.statistics.received_by_source(since_ms, until_ms, 7)
    assert {number: sum(counts) for number, counts in steps.items()} == {
        intake.source_id: intake.received for intake in load.statistics.intake(since_ms, until_ms)
    }


def test_waits_are_those_of_the_messages_that_cycles_took(backend: Backend) -> None:
    load = Load(backend, 21)
    lane_id = load.lane.destination_id
    assert load.statistics.waits(lane_id) is None
    exact: list[int] = []
    for size in (15, 1, 20, 8):
        load.receive(size)
        load.clock.advance(7)
        before = load.record.lane(lane_id).live_cursor
        load.run_cycle()
        after = load.record.lane(lane_id).live_cursor
        rows = [row for row in load._rows() if before < row.position <= after and not row.is_backfill]
        routed = [row for row in rows if row.rejected is None and load.lane.takes(row.source_id)]
        exact += [load.clock.now_ms() - row.received_at_ms for row in routed]
    found = load.statistics.waits(lane_id)
    assert found is not None
    exact.sort()
    assert found.sample_count == len(exact)
    assert exact[0] <= found.p50_ms <= found.p95_ms <= exact[-1]
    assert load.statistics.waits(lane_id, load.clock.now_ms() + 1) is None


def test_intake_counts_by_source_and_reason(backend_with_journal: Backend) -> None:
    load = Load(backend_with_journal, 3)
    load.receive(2100)
    found = {minute.source_id: minute for minute in load.statistics.intake()}
    for source_id in load.sources:
        rows = [row for row in load.journal.newest(None, 9999) if row.source_id == source_id]
        counts = found[source_id]
        rejected = sum(row.rejected is not None for row in rows)
        assert (counts.received, sum(counts.rejected.values())) == (len(rows), rejected)
        assert counts.last_received_at_ms == max(row.received_at_ms for row in rows)


def test_an_empty_database_has_zeros(backend_with_journal: Backend) -> None:
    load = Load(backend_with_journal, 1)
    assert load.statistics.funnel(load.lane.destination_id).received == 0
    assert load.statistics.activity(load.lane.destination_id, START_MS, START_MS + 60_000, 6)[-1].backlog == 0
    assert load.statistics.intake() == []
    assert load.statistics.left_out(load.lane.destination_id, 10) == []
    storage = load.statistics.storage()
    assert (storage.messages, storage.first_position, storage.oldest_received_at_ms) == (0, 0, None)


def test_left_out_fields_are_counted_with_a_sample(backend_with_journal: Backend) -> None:
    load = Load(backend_with_journal, 5)
    load.receive(200)
    load.run_cycle()
    (only,) = load.statistics.left_out(load.lane.destination_id, 10)
    delivered = load.database.connection.execute("SELECT count(*) FROM delivery WHERE left_out IS NOT NULL").fetchone()[
        0
    ]
    assert (only.field, only.reason, only.count, only.sample_detail) == (
        "traits.plan",
        "not-an-option",
        delivered,
        "Gold",
    )
    assert only.sample_message_id.startswith("m")
