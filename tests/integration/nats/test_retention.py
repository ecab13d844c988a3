"""Retention where groups go whole: what is old goes, totals stay, what a lane has not taken stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubwire.backends.store import Store, open_store
from hubwire.clock import FakeClock
from hubwire.destination import Destination, Source
from hubwire.installation.retention import Removed, Retention
from hubwire.message import Entry
from hubwire.record.protocol import CycleOutcome, LaneState, Span, Tally
from hubwire.settings import Settings

NOW = 1_790_000_000_000
DAY_MS = 86_400_000
LANE = 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock, postgres_url: str, nats_url: str) -> Iterator[Store]:
    settings = Settings(data=str(tmp_path), database_url=postgres_url, journal_url=nats_url)
    opened = open_store(settings, clock, appends=True)
    opened.registry.save_source(Source(source_id=0, name="server"))
    opened.registry.save_destination(Destination(destination_id=0, name="hubspot"))
    yield opened
    opened.close()


def append(store: Store, groups: int, at_ms: int) -> list[int]:
    """Groups of three messages each; their positions."""
    found: list[int | None] = []
    for group in range(groups):
        found += store.journal.append([Entry(1, f"{at_ms}-{group}-{number}", at_ms, b"{}") for number in range(3)])
    return [position for position in found if position is not None]


def take(store: Store, through: int, count: int) -> None:
    """The lane passes so many messages."""
    lease = store.record.lease_lane(LANE, "a", NOW, 10)
    assert lease is not None
    before = store.record.lane(LANE).live_cursor
    span = Span(live_after=before, live_through=through, backfill_after=0, backfill_through=0)
    cycle_id = store.record.begin_cycle(lease, NOW, span)
    outcome = CycleOutcome(cycle_id=cycle_id, lane=LaneState(live_cursor=through), tally=Tally(taken=count))
    store.record.commit_cycle(lease, outcome)
    store.record.release(lease)


def keep(store: Store, clock: FakeClock) -> Removed:
    return Retention(store, Settings(retention_days=30), clock).run_once()


def test_old_groups_go_and_new_ones_stay(store: Store, clock: FakeClock) -> None:
    append(store, 10, NOW - 40 * DAY_MS)
    fresh = append(store, 2, NOW - DAY_MS)
    take(store, fresh[-1], 36)
    assert keep(store, clock).messages == 30
    assert [row.position for row in store.journal.read(0, 99, source_ids=None, is_backfill=False)] == fresh
    [status] = store.queries.lanes(NOW)
    assert (status.taken, status.delivered, status.backlog_count) == (36, 36, 0)
    assert store.statistics.funnel(LANE).delivered == 6


def test_a_group_that_a_lane_has_not_taken_stays_however_old_it_is(store: Store, clock: FakeClock) -> None:
    old = append(store, 4, NOW - 40 * DAY_MS)
    take(store, old[7], 8)
    assert keep(store, clock).messages == 6
    assert store.queries.lanes(NOW)[0].backlog_count == 4


def test_many_small_groups_go_in_one_run(store: Store, clock: FakeClock) -> None:
    old = append(store, 300, NOW - 40 * DAY_MS)
    take(store, old[-1], 900)
    append(store, 1, NOW)
    assert keep(store, clock).messages == 900
