"""Retention on a real store: totals stay, what is open stays, the rest goes in slices while deliveries go on."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.backends.store import Store, open_store
from hubwire.clock import FakeClock
from hubwire.delivery import State
from hubwire.destination import Destination, Source
from hubwire.installation import retention
from hubwire.installation.retention import Retention
from hubwire.message import Entry
from hubwire.record.protocol import Archive, Attempt, CycleOutcome, LaneState, Settled, Span, Tally
from hubwire.settings import Settings

NOW = 1_790_000_000_000
DAY_MS = 86_400_000
STATES = (State.DEAD, State.DISCARDED, State.DELIVERED)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    opened = open_store(Settings(data=str(tmp_path), database_url=url), clock, appends=True)
    opened.registry.save_source(Source(source_id=0, name="server"))
    opened.registry.save_destination(Destination(destination_id=0, name="hubspot"))
    yield opened
    opened.journal.close()
    opened.close()


@pytest.fixture
def tells_its_size(store: Store) -> None:
    if not isinstance(store.journal, SqliteJournal):
        pytest.skip("this database does not look smaller when rows are gone")


def append(store: Store, count: int, at_ms: int, *, is_backfill: bool = False, size: int = 50) -> list[int]:
    tag = f"{at_ms}-{is_backfill}-{store.journal.extent().last}"
    body = b'{"type":"track","event":"%s","userId":"1"}' % (b"x" * size)
    positions = store.journal.append(
        [Entry(1, f"{tag}-{number}", at_ms, body, is_backfill=is_backfill) for number in range(count)]
    )
    return [position for position in positions if position is not None]


def deliver(store: Store, lane: int, through: int, at_ms: int, *rows: Settled, attempt_bytes: int = 0) -> None:
    """One live cycle that takes everything up to a position."""
    record = store.record
    lease = record.lease_lane(lane, "a", at_ms, 10)
    assert lease is not None
    before = record.lane(lane)
    taken = len(store.journal.read(before.live_cursor, 10**6, source_ids=None, is_backfill=False))
    span = Span(live_after=before.live_cursor, live_through=through, backfill_after=0, backfill_through=0)
    cycle_id = record.begin_cycle(lease, at_ms, span)
    attempt = Attempt(
        call="POST /x",
        started_at_ms=at_ms,
        duration_ms=1,
        status=200,
        outcome="success",
        request=random.Random(at_ms).randbytes(attempt_bytes),
    )
    outcome = CycleOutcome(
        cycle_id=cycle_id,
        lane=LaneState(live_cursor=through, backfill_cursor=before.backfill_cursor),
        settled=list(rows),
        attempts=[attempt],
        tally=Tally(taken=taken),
        ended_at_ms=at_ms,
    )
    record.commit_cycle(lease, outcome)
    record.release(lease)


def final(position: int, state: State = State.DEAD) -> Settled:
    return Settled(position=position, state=state, reason="invalid-input")


def retrying(position: int) -> Settled:
    return Settled(position=position, state=State.RETRYING, reason="locked", due_at_ms=NOW)


def totals(store: Store) -> dict[str, int]:
    [lane] = store.queries.lanes(NOW)
    return {name: getattr(lane, name) for name in ("taken", "delivered", "discarded", "dead", "retrying", "held")}


def keep(store: Store, clock: FakeClock, **limits: float | None) -> retention.Removed:
    settings = Settings(**{"retention_days": None, **limits})  # type: ignore[arg-type]
    return Retention(store, settings, clock).run_once()


def test_old_messages_their_attempts_and_cycles_go_and_totals_stay(store: Store, clock: FakeClock) -> None:
    old = append(store, 10, NOW - 40 * DAY_MS)
    deliver(store, 1, old[-1], NOW - 40 * DAY_MS, final(2), final(5, State.DISCARDED), final(7, State.DELIVERED))
    new = append(store, 5, NOW - DAY_MS)
    deliver(store, 1, new[-1], NOW - DAY_MS, final(12))
    before = totals(store)
    assert before == {"taken": 15, "delivered": 12, "discarded": 1, "dead": 2, "retrying": 0, "held": 0}
    removed = keep(store, clock, retention_days=30)
    assert (removed.messages, removed.attempts, removed.cycles, removed.has_more) == (10, 1, 1, False)
    assert totals(store) == before
    assert store.journal.extent().first == 11
    assert keep(store, clock, retention_days=30) == retention.Removed()


def test_a_few_messages_a_day_go_on_their_day(store: Store, clock: FakeClock) -> None:
    for age_days in range(40, 0, -1):
        append(store, 3, NOW - age_days * DAY_MS)
    deliver(store, 1, 120, NOW)
    assert keep(store, clock, retention_days=30).messages == 30
    clock.advance(5 * 86_400)
    assert keep(store, clock, retention_days=30).messages == 15


def test_what_a_lane_has_not_taken_stays_however_old_it_is(store: Store, clock: FakeClock) -> None:
    append(store, 10, NOW - 90 * DAY_MS)
    deliver(store, 1, 4, NOW)
    assert keep(store, clock, retention_days=30).messages == 4
    assert store.journal.extent().first == 5


def test_history_that_is_not_taken_yet_stays(store: Store, clock: FakeClock) -> None:
    append(store, 5, NOW - 90 * DAY_MS)
    append(store, 5, NOW - 90 * DAY_MS, is_backfill=True)
    deliver(store, 1, 5, NOW)
    assert keep(store, clock, retention_days=30).messages == 5
    assert len(store.journal.read(0, 99, source_ids=None, is_backfill=True)) == 5


def test_an_open_delivery_keeps_itself_and_what_came_after(store: Store, clock: FakeClock) -> None:
    append(store, 10, NOW - 90 * DAY_MS)
    deliver(store, 1, 10, NOW, final(2), retrying(6), final(8))
    assert keep(store, clock, retention_days=30).messages == 5
    assert set(store.journal.read_at(range(1, 11))) == {6, 7, 8, 9, 10}


def test_every_destination_must_have_passed_a_message(store: Store, clock: FakeClock) -> None:
    store.registry.save_destination(Destination(destination_id=0, name="second", is_paused=True))
    append(store, 10, NOW - 90 * DAY_MS)
    deliver(store, 1, 10, NOW)
    assert keep(store, clock, retention_days=30).messages == 0
    store.registry.remove_destination(2)
    assert keep(store, clock, retention_days=30).messages == 10


def test_a_destination_is_not_held_up_by_sources_that_do_not_feed_it(store: Store, clock: FakeClock) -> None:
    quiet = Destination(destination_id=1, name="hubspot", source_ids=(99,))
    store.registry.save_destination(quiet)
    append(store, 10, NOW - 90 * DAY_MS)
    assert keep(store, clock, retention_days=30).messages == 10


@pytest.mark.usefixtures("tells_its_size")
def test_too_much_goes_oldest_first_until_the_rest_fits(store: Store, clock: FakeClock) -> None:
    for age_days in range(10, 0, -1):
        last = append(store, 1000, NOW - age_days * DAY_MS, size=900)[-1]
        deliver(store, 1, last, NOW - age_days * DAY_MS, attempt_bytes=200_000)
    used = store.archive.bytes_used()
    removed = keep(store, clock, retention_bytes=used // 2)
    assert removed.messages > 0
    assert removed.attempts > 0
    assert not removed.is_blocked
    assert store.archive.bytes_used() <= used // 2
    assert used // 4 < store.archive.bytes_used()
    assert totals(store)["taken"] == 10_000


def test_what_may_not_go_is_said_and_kept(store: Store, clock: FakeClock) -> None:
    append(store, 3000, NOW, size=900)
    removed = keep(store, clock, retention_bytes=1 << 20)
    assert removed.is_blocked
    assert removed.messages == 0


def test_a_long_run_ends_and_goes_on_next_time(store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICES_PER_RUN", 6)
    monkeypatch.setattr(retention, "SLICE_MESSAGES", 10)
    append(store, 45, NOW - 90 * DAY_MS)
    deliver(store, 1, 45, NOW)
    runs = [keep(store, clock, retention_days=30) for _ in range(3)]
    assert [run.messages for run in runs] == [30, 15, 0]
    assert [run.has_more for run in runs] == [True, False, False]


class Opaque:
    """An archive whose database looks as large as it ever was."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.size = 10 << 20

    def __getattr__(self, name: str) -> Any:
        return getattr(self._archive, name)

    def bytes_used(self) -> int:
        return self.size

    def bytes_free(self) -> int:
        return 0


@pytest.mark.usefixtures("tells_its_size")
def test_a_database_that_never_looks_smaller_is_not_emptied(store: Store, clock: FakeClock) -> None:
    opaque = Opaque(store.archive)
    settings = Settings(retention_days=None, retention_bytes=1 << 20)
    keeper = Retention(dataclasses.replace(store, archive=opaque), settings, clock)
    append(store, 150_000, NOW - DAY_MS, size=1)
    deliver(store, 1, 150_000, NOW - DAY_MS)
    assert keeper.run_once().messages == 98_000
    assert [keeper.run_once().messages for _ in range(3)] == [0, 0, 0]
    opaque.size = round(opaque.size * 1.03)
    assert keeper.run_once().messages > 0


def test_a_crash_between_counting_and_cutting_is_mended(store: Store, clock: FakeClock) -> None:
    append(store, 10, NOW - 90 * DAY_MS)
    deliver(store, 1, 10, NOW, final(2))
    store.archive.archive_through(10, [1])
    assert keep(store, clock, retention_days=30).messages == 10
    assert totals(store) == {"taken": 10, "delivered": 9, "discarded": 0, "dead": 1, "retrying": 0, "held": 0}


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happened_totals_stay_and_nothing_open_goes(store: Store, clock: FakeClock, seed: int) -> None:
    rng = random.Random(seed)
    for age_days in range(rng.randint(5, 60), 0, -1):
        positions = append(store, rng.randint(1, 40), NOW - age_days * DAY_MS)
        if rng.random() < 0.7:
            rows = [final(position, rng.choice(STATES)) for position in positions if rng.random() < 0.3]
            if rng.random() < 0.1:
                rows.append(retrying(positions[0]))
            deliver(store, 1, positions[-1], NOW - age_days * DAY_MS, *{row.position: row for row in rows}.values())
    before, open_before = totals(store), store.record.due(1, NOW * 2, 10**6)
    untaken = store.journal.read(store.record.lane(1).live_cursor, 10**6, source_ids=None, is_backfill=False)
    keep(store, clock, retention_days=rng.choice([1, 7, 30]), retention_bytes=rng.choice([None, 1 << 20]))
    assert totals(store) == before
    assert store.record.due(1, NOW * 2, 10**6) == open_before
    kept = store.journal.read_at([row.position for row in open_before] + [row.position for row in untaken])
    assert len(kept) == len({row.position for row in open_before} | {row.position for row in untaken})
