"""The funnel's numbers equal what a count over every message says, whatever its fate, at every moment of a load."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.backends import Backend, FreshBackend

from hubwire.backends.sql.registry import SqlRegistry
from hubwire.backends.sql.statistics import SqlStatistics
from hubwire.clock import FakeClock
from hubwire.delivery import State
from hubwire.destination import Destination, Source
from hubwire.message import Entry
from hubwire.record.protocol import CycleOutcome, LaneState, Settled, Span, Tally
from hubwire.record.statistics import Funnel
from hubwire.registry.vault import Vault

START_MS = 1_700_000_000_000
STAGES = ("rejected", "not_connected", "backlog", "pending", "retrying", "held", "discarded", "dead", "delivered")
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
        self.statistics = SqlStatistics(self.database, self.registry)
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
        last = self._last()
        live = self.random.randint(state.live_cursor, max(last, state.live_cursor))
        backfill = self.random.randint(state.backfill_cursor, max(last, state.backfill_cursor))
        span = Span(
            live_after=state.live_cursor,
            live_through=live,
            backfill_after=state.backfill_cursor,
            backfill_through=backfill,
        )
        positions = self._taken(span)
        cycle_id = self.record.begin_cycle(lease, self.clock.now_ms(), span)
        settled = [self._settled(position) for position in positions if self.random.random() < 0.3]
        counts = Counter(one.state for one in settled)
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
        last = self._last()
        with self.database.transaction() as db:
            db.execute("DELETE FROM journal WHERE position <= ?", (self.random.randint(0, last // 3),))
            forgotten = [(self.random.randint(1, last),) for _ in range(5)]
            db.executemany("DELETE FROM journal WHERE position = ?", forgotten)
            db.executemany("DELETE FROM delivery WHERE position = ?", forgotten)

    def counted(self, since_ms: int | None, until_ms: int | None) -> dict[str, int]:
        """The funnel, by looking at every message."""
        db, stages = self.database.connection, Counter[str]()
        lane_id, state = self.lane.destination_id, self.record.lane(self.lane.destination_id)
        fates = dict(db.execute("SELECT position, state FROM delivery WHERE destination_id = ?", (lane_id,)).fetchall())
        for position, source_id, is_backfill, at_ms, rejected in db.execute(
            "SELECT position, source_id, is_backfill, received_at_ms, rejected FROM journal"
        ):
            if (since_ms is not None and at_ms < since_ms) or (until_ms is not None and at_ms >= until_ms):
                continue
            cursor = state.backfill_cursor if is_backfill else state.live_cursor
            if rejected is not None:
                stages["rejected"] += 1
            elif position in fates:
                stages["pending" if fates[position] == "leased" else fates[position]] += 1
            elif not self.lane.takes(source_id):
                stages["not_connected"] += 1
            else:
                stages["delivered" if position <= cursor else "backlog"] += 1
        return {stage: stages[stage] for stage in STAGES}

    def _last(self) -> int:
        return int(self.database.connection.execute("SELECT coalesce(max(position), 1) FROM journal").fetchone()[0])

    def _taken(self, span: Span) -> list[int]:
        rows = self.database.connection.execute(
            "SELECT position, source_id FROM journal WHERE rejected IS NULL AND CASE is_backfill"
            " WHEN FALSE THEN position > ? AND position <= ? ELSE position > ? AND position <= ? END",
            (span.live_after, span.live_through, span.backfill_after, span.backfill_through),
        )
        return [position for position, source_id in rows if self.lane.takes(source_id)]

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


def test_activity_adds_up_to_what_came_and_what_was_taken(backend: Backend) -> None:
    load = Load(backend, 7)
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


def test_intake_counts_by_source_and_reason(backend: Backend) -> None:
    load = Load(backend, 3)
    load.receive(2100)
    db = load.database.connection
    for one in load.statistics.intake():
        received, rejected, last_at_ms = db.execute(
            "SELECT count(*), count(rejected), max(received_at_ms) FROM journal WHERE source_id = ?", (one.source_id,)
        ).fetchone()
        assert (one.received, sum(one.rejected.values()), one.last_received_at_ms) == (received, rejected, last_at_ms)


def test_an_empty_database_has_zeros(backend: Backend) -> None:
    load = Load(backend, 1)
    assert load.statistics.funnel(load.lane.destination_id).received == 0
    assert load.statistics.activity(load.lane.destination_id, START_MS, START_MS + 60_000, 6)[-1].backlog == 0
    assert load.statistics.intake() == []
    assert load.statistics.left_out(load.lane.destination_id, 10) == []
    storage = load.statistics.storage()
    assert (storage.messages, storage.first_position, storage.oldest_received_at_ms) == (0, 0, None)


def test_left_out_fields_are_counted_with_a_sample(backend: Backend) -> None:
    load = Load(backend, 5)
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
