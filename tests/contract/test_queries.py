"""What people ask, on each backend, where a long backlog is in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from tests.backends import Backend
from tests.support.world import SECRET_KEY

from hubwire.backends.sql.reading import queries
from hubwire.backends.sql.reading.queries import SqlQueries
from hubwire.backends.sql.reading.statistics import SqlStatistics
from hubwire.backends.sql.registry import SqlRegistry
from hubwire.clock import FakeClock
from hubwire.delivery import State
from hubwire.destination import Destination, Source
from hubwire.journal.protocol import Journal
from hubwire.message import Entry
from hubwire.record.message_filter import MessageFilter
from hubwire.record.protocol import CycleOutcome, LaneState, Settled, Span, Tally
from hubwire.record.statistics import ImportFates
from hubwire.registry.vault import load_vault

NOW = 1_790_000_000_000


def append(backend: Backend, name: str, *, is_backfill: bool = False) -> int:
    [position] = backend.journal.append([Entry(1, name, NOW, b'{"type":"track"}', is_backfill=is_backfill)])
    assert position is not None
    return position


def test_what_was_delivered_is_found_behind_a_long_backlog(
    backend_with_journal: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, clock = backend_with_journal, FakeClock(NOW)
    registry = SqlRegistry(backend.database, load_vault(SECRET_KEY, Path("nowhere")), clock)
    registry.save_source(Source(source_id=0, name="server"))
    lane = registry.save_destination(Destination(destination_id=0, name="hubspot")).destination_id
    places = [append(backend, f"delivered-{number}", is_backfill=number == 1) for number in range(3)]
    lease = backend.record.lease_lane(lane, "a", NOW, 60)
    assert lease is not None
    span = Span(live_after=0, live_through=places[2], backfill_after=0, backfill_through=places[1])
    cycle_id = backend.record.begin_cycle(lease, NOW, span)
    cursors = LaneState(live_cursor=places[2], backfill_cursor=places[1])
    backend.record.commit_cycle(lease, CycleOutcome(cycle_id=cycle_id, lane=cursors, tally=Tally(taken=3)))
    for number in range(12):
        append(backend, f"waits-{number}")
    monkeypatch.setattr(queries, "SCAN_MESSAGES", 4)
    monkeypatch.setattr(queries, "PAGE_ROWS", 2)
    given_queries = SqlQueries(backend.database, backend.journal, registry)
    for expected in (MessageFilter(state=State.DELIVERED), MessageFilter(state=State.DELIVERED, destination_id=lane)):
        assert [message.message_id for message in given_queries.messages(expected)] == [
            "delivered-2",
            "delivered-1",
            "delivered-0",
        ]
    assert len(given_queries.messages(MessageFilter(state=State.PENDING))) == 4
    older = MessageFilter(state=State.DELIVERED, before=places[1])
    assert [message.message_id for message in given_queries.messages(older)] == ["delivered-0"]
    assert given_queries.messages(MessageFilter(state=State.DELIVERED, destination_id=lane + 1)) == []


def test_the_fates_of_an_import_are_those_of_its_own_messages(backend_with_journal: Backend) -> None:
    backend, clock = backend_with_journal, FakeClock(NOW)
    registry = SqlRegistry(backend.database, load_vault(SECRET_KEY, Path("nowhere")), clock)
    registry.save_source(Source(source_id=0, name="server"))
    lane = registry.save_destination(Destination(destination_id=0, name="hubspot")).destination_id
    places = [append(backend, f"m{number}", is_backfill=number != 1) for number in range(4)]
    lost = b'[{"field":"city","reason":"newer-in-hubspot"},{"field":"phone","reason":"newer-in-hubspot"}]'
    settled = [
        Settled(position=places[0], state=State.DELIVERED, left_out=lost),
        Settled(position=places[1], state=State.DELIVERED, left_out=lost),
        Settled(position=places[2], state=State.DEAD, reason="invalid-input", left_out=b'[{"field":"x","reason":"y"}]'),
    ]
    statistics = SqlStatistics(backend.database, registry, backend.index_of)
    assert not statistics.import_fates(lane, 1, places[0], places[3]).is_delivered
    lease = backend.record.lease_lane(lane, "a", NOW, 60)
    assert lease is not None
    span = Span(live_after=0, live_through=places[1], backfill_after=0, backfill_through=places[3])
    cycle_id = backend.record.begin_cycle(lease, NOW, span)
    cursors = LaneState(live_cursor=places[1], backfill_cursor=places[3])
    outcome = CycleOutcome(cycle_id=cycle_id, lane=cursors, settled=settled, tally=Tally(taken=4))
    backend.record.commit_cycle(lease, outcome)
    fates = statistics.import_fates(lane, 1, places[0], places[3])
    assert fates == ImportFates(is_delivered=True, dead=1, newer_values=2, newer_messages=1)
    assert statistics.import_fates(lane, 2, places[0], places[3]) == ImportFates(is_delivered=True), "another source"


def test_the_status_of_idle_lanes_looks_once_at_the_journal(backend_with_journal: Backend) -> None:
    backend, clock = backend_with_journal, FakeClock(NOW)
    registry = SqlRegistry(backend.database, load_vault(SECRET_KEY, Path("nowhere")), clock)
    registry.save_source(Source(source_id=0, name="server"))
    for number in range(30):
        registry.save_destination(Destination(destination_id=0, name=f"hubspot {number}"))
    append(backend, "waits")
    counted = CountedJournal(backend.journal)
    statuses = SqlQueries(backend.database, cast(Journal, counted), registry).lanes(NOW + 2_000)
    assert counted.counts == 2, "once for live messages, once for imported ones"
    assert [(status.backlog_count, status.lag_seconds, status.state) for status in statuses] == [
        (1, 2.0, "delivering")
    ] * 30


class CountedJournal:
    """A journal that counts how often somebody asks it for a backlog."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.counts = 0

    def count_after(self, after: int, **stream: Any) -> tuple[int, int | None]:
        self.counts += 1
        return self._journal.count_after(after, **stream)


def test_failures_are_counted_by_hour_and_lost_messages_by_reason(backend_with_journal: Backend) -> None:
    backend, clock = backend_with_journal, FakeClock(NOW)
    registry = SqlRegistry(backend.database, load_vault(SECRET_KEY, Path("nowhere")), clock)
    registry.save_source(Source(source_id=0, name="server"))
    lane = registry.save_destination(Destination(destination_id=0, name="hubspot")).destination_id
    places = [append(backend, f"m{number}") for number in range(4)]
    settled = [
        Settled(position=places[0], state=State.DEAD, reason="invalid-input"),
        Settled(position=places[1], state=State.DEAD, reason="invalid-input"),
        Settled(position=places[2], state=State.DISCARDED, reason="never-identified"),
        Settled(position=places[3], state=State.DISCARDED, reason="page-is-device-only"),
    ]
    lease = backend.record.lease_lane(lane, "a", NOW, 60)
    assert lease is not None
    span = Span(live_after=0, live_through=places[3], backfill_after=0, backfill_through=0)
    cycle_id = backend.record.begin_cycle(lease, NOW, span)
    lane_state = LaneState(live_cursor=places[3])
    backend.record.commit_cycle(
        lease, CycleOutcome(cycle_id=cycle_id, lane=lane_state, settled=settled, ended_at_ms=NOW, tally=Tally(taken=4))
    )
    queries = SqlQueries(backend.database, backend.journal, registry)
    [[(updated_at_ms,)]] = [
        backend.database.connection.execute("SELECT DISTINCT updated_at_ms FROM delivery").fetchall()
    ]
    trend = queries.failure_trend(updated_at_ms - 1000, 600, 3)
    assert trend == {(lane, "dead", "invalid-input"): [0, 2, 0]}
    [lost] = queries.lost()
    assert (lost.reason, lost.count, lost.state) == ("never-identified", 1, State.DISCARDED)
    assert [summary.message_id for summary in queries.summaries(places[:2])] == ["m0", "m1"]
