"""The funnel equals what plain SQL counts, at every moment of a load that goes on meanwhile: messages come, cycles
settle them, people replay and discard, a person is forgotten, retention cuts off, sums are kept up."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.backends import Backend, FreshBackend

from hubwire.backends.sql.database import Database, Session
from hubwire.backends.sql.decisions.replays import SqlReplays
from hubwire.backends.sql.privacy import SqlPrivacy
from hubwire.backends.sql.reading.queries import SqlQueries
from hubwire.backends.sql.reading.statistics import SqlStatistics
from hubwire.backends.sql.registry import SqlRegistry
from hubwire.clock import FakeClock
from hubwire.delivery import IllegalMove, State
from hubwire.destination import Destination, Source
from hubwire.errors import BackendUnavailable
from hubwire.message import Entry
from hubwire.record.message_filter import MessageFilter
from hubwire.record.privacy import Trail
from hubwire.record.protocol import CycleOutcome, LaneState, Lease, Settled, Span, Tally
from hubwire.registry.vault import Vault

START_MS = 1_700_000_000_000
ENDS = (State.DISCARDED, State.HELD, State.RETRYING, State.DEAD, State.DELIVERED)
MIN_LOOKS, MIN_UPLOADS, MAX_UPLOADS = 25, 100, 5000
"""The load goes on until it was looked at so often."""
COUNT = """
    SELECT CASE
        WHEN rejected = 'suppressed' THEN 'erased'
        WHEN rejected IS NOT NULL THEN 'rejected'
        WHEN state = 'leased' THEN 'pending'
        WHEN state IS NOT NULL THEN state
        WHEN source_id NOT IN ({sources}) THEN 'not_connected'
        WHEN journal.position <= CASE WHEN is_backfill THEN backfill_cursor ELSE live_cursor END THEN 'delivered'
        ELSE 'backlog' END AS stage, count(*)
    FROM journal CROSS JOIN lane LEFT JOIN delivery
        ON delivery.position = journal.position AND delivery.destination_id = lane.destination_id
    WHERE lane.destination_id = ? AND received_at_ms >= ? AND received_at_ms < ? GROUP BY 1"""


class OneMoment:
    """A database of which all is read in one snapshot that is open already."""

    def __init__(self, session: Session) -> None:
        self.connection = session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        yield self.connection


class AsItStands(SqlStatistics):
    """The numbers from the sums that there are: others keep them up meanwhile."""

    def catch_up(self, limit: int | None = None) -> int:
        return 0


class Load:
    """What works on one installation at the same time, each in a thread of its own."""

    def __init__(self, backend: Backend, seed: int) -> None:
        self.seed = seed
        self.clock = FakeClock(START_MS)
        self.database: Database = backend.database
        self.journal, self.record = backend.journal, backend.record
        self.registry = SqlRegistry(self.database, Vault((bytes(32),)), self.clock)
        self.statistics = SqlStatistics(self.database, self.registry, backend.index_of)
        queries = SqlQueries(self.database, self.journal, self.registry)
        self.replays = SqlReplays(self.database, queries.targets)
        self.privacy = SqlPrivacy(self.database)
        self.sources = [self.registry.save_source(Source(source_id=0, name=name)).source_id for name in "abc"]
        fed = random.Random(seed).choice([None, tuple(self.sources[:2])])
        self.connected = self.sources if fed is None else fed
        destination = Destination(destination_id=0, name="HubSpot", source_ids=fed)
        self.lane_id = self.registry.save_destination(destination).destination_id
        self.record.release(self._lease())
        self.has_all_come = threading.Event()
        self.looks = 0
        self.failures: list[BaseException] = []

    # -- the work

    def receive(self, dice: random.Random) -> None:
        for upload in range(MAX_UPLOADS):
            if self.has_all_come.is_set() or (upload >= MIN_UPLOADS and self.looks >= MIN_LOOKS):
                break
            entries = [
                Entry(
                    dice.choice(self.sources),
                    f"m{upload}-{number}",
                    self.clock.now_ms() - dice.choice([0, 0, 4000]),
                    b'{"type":"track"}',
                    None,
                    dice.random() < 0.2,
                    "no-ids" if dice.random() < 0.05 else None,
                )
                for number in range(dice.choice([1, 20, 200]))
            ]
            self.journal.append(entries)
            self.clock.advance(dice.choice([0, 0.5, 3]))
        self.has_all_come.set()

    def settle(self, dice: random.Random) -> None:
        while not self.has_all_come.is_set():
            self._run_cycle(dice)
        self._run_cycle(dice)

    def decide(self, dice: random.Random) -> None:
        """Replays and discards of a person, a few deliveries at a time."""
        while not self.has_all_come.is_set():
            state = dice.choice([State.DEAD, State.HELD, State.DISCARDED])
            rows = self.database.connection.execute(
                "SELECT position FROM delivery WHERE destination_id = ? AND state = ? LIMIT 40", (self.lane_id, state)
            ).fetchall()
            targets = [(self.lane_id, position) for (position,) in rows if dice.random() < 0.5]
            if dice.random() < 0.5 and state is not State.DISCARDED:
                self.replays.discard(MessageFilter(state=state), self.clock.now_ms(), targets)
            else:
                self.replays.begin(MessageFilter(state=state), "ana", self.clock.now_ms(), targets)
                self.replays.step(self.clock.now_ms(), 100)

    def forget(self, dice: random.Random) -> None:
        """In the order of `erase.py`: the message first, then its deliveries."""
        while not self.has_all_come.is_set():
            rows = self.journal.newest(None, 500)
            positions = [row.position for row in rows if dice.random() < 0.01]
            self.journal.redact(positions)
            self.privacy.erase(Trail(), positions, self.clock.now_ms())

    def cut_off(self, dice: random.Random) -> None:
        while not self.has_all_come.is_set():
            extent = self.journal.extent()
            self.journal.remove_through(extent.first + dice.randint(0, (extent.last - extent.first) // 4), 500)

    def sum_up(self, dice: random.Random) -> None:
        while not self.has_all_come.is_set():
            self.statistics.catch_up(dice.choice([0, 1, 4]))

    # -- looking

    def looks_right(self, dice: random.Random) -> None:
        """Compare funnel and SQL, both of the same moment."""
        now_ms = self.clock.now_ms()
        middle_ms = dice.randint(START_MS, now_ms)
        windows = ((None, None), (middle_ms, None), (START_MS - 5000, middle_ms), (now_ms - 2000, now_ms))
        sql = COUNT.format(sources=", ".join(str(connection) for connection in self.connected))
        with self.database.snapshot() as db:
            statistics = AsItStands(OneMoment(db), self.registry)  # type: ignore[arg-type]
            for since_ms, until_ms in windows:
                funnel = statistics.funnel(self.lane_id, since_ms, until_ms)
                bounds = (since_ms if since_ms is not None else 0, until_ms if until_ms is not None else 1 << 62)
                counted = dict(db.execute(sql, (self.lane_id, *bounds)).fetchall())
                shown = {stage: getattr(funnel, stage) for stage in counted}
                assert shown == counted
                assert funnel.received == funnel.accounted == sum(counted.values())
        self.looks += 1

    # -- parts

    def _lease(self) -> Lease:
        lease = self.record.lease_lane(self.lane_id, "worker", self.clock.now_ms(), 600)
        assert lease is not None
        return lease

    def _run_cycle(self, dice: random.Random) -> None:
        lease = self._lease()
        try:
            with suppress(IllegalMove):  # a decision came between selection and cycle: a lane selects again
                self._run_leased_cycle(lease, dice)
        finally:
            self.record.release(lease)

    def _run_leased_cycle(self, lease: Lease, dice: random.Random) -> None:
        before = self.record.lane(self.lane_id)
        due = tuple(row.position for row in self.record.due(self.lane_id, self.clock.now_ms(), 50))
        taken, ends = [], []
        for cursor, is_backfill in ((before.live_cursor, False), (before.backfill_cursor, True)):
            rows = self.journal.read(
                cursor, dice.choice([0, 10, 300]), source_ids=tuple(self.connected), is_backfill=is_backfill
            )
            taken += [row.position for row in rows]
            ends.append(rows[-1].position if rows else cursor)
        span = Span(
            live_after=before.live_cursor,
            live_through=ends[0],
            backfill_after=before.backfill_cursor,
            backfill_through=ends[1],
            due=due,
        )
        cycle_id = self.record.begin_cycle(lease, self.clock.now_ms(), span)
        settled = [self._settled(dice, position) for position in (*taken, *due) if dice.random() < 0.3]
        known = {row.position for row in settled}
        counts = Counter(row.state for row in settled)
        outcome = CycleOutcome(
            cycle_id=cycle_id,
            lane=LaneState(live_cursor=ends[0], backfill_cursor=ends[1]),
            settled=settled,
            finished=[position for position in due if position not in known],
            tally=Tally(taken=len(taken), dead=counts[State.DEAD]),
            ended_at_ms=self.clock.now_ms(),
        )
        self.record.commit_cycle(lease, outcome)

    def _settled(self, dice: random.Random, position: int) -> Settled:
        state = dice.choice(ENDS)
        waits = state in (State.HELD, State.RETRYING)
        return Settled(
            position=position,
            state=state,
            reason=None if state is State.DELIVERED else "invalid-input",
            due_at_ms=self.clock.now_ms() + 1000 if waits else None,
            hold_keys=("server|u:1",) if state is State.HELD else (),
        )


@contextmanager
def going_on(load: Load, work: Callable[[random.Random], None]) -> Iterator[None]:
    """Do one kind of work in a thread until the block ends; what it raises is kept. Who meets somebody begins again."""

    def run() -> None:
        dice = random.Random(f"{load.seed} {work.__name__}")
        try:
            while True:
                try:
                    return work(dice)
                except BackendUnavailable as exc:
                    if "deadlock" not in str(exc):
                        raise
        except BaseException as exc:
            load.failures.append(exc)
            load.has_all_come.set()

    thread = threading.Thread(target=run, name=work.__name__)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize("fresh_backend", ["postgres", "sqlite"], indirect=True)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32))
def test_the_funnel_equals_sql_at_every_moment_of_a_load(fresh_backend: FreshBackend, seed: int) -> None:
    dice = random.Random(seed)
    with fresh_backend() as backend:
        load = Load(backend, seed)
        with ExitStack() as stack:
            for work in (load.receive, load.settle, load.decide, load.forget, load.cut_off, load.sum_up):
                stack.enter_context(going_on(load, work))
            while not load.has_all_come.is_set():
                try:
                    load.looks_right(dice)
                except BaseException:
                    load.has_all_come.set()
                    raise
        if load.failures:
            raise load.failures[0]
        load.looks_right(dice)
        load.statistics.catch_up()
        load.looks_right(dice)
    assert load.looks > MIN_LOOKS, "the load went on while it was looked at"
