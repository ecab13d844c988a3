"""What retention may take away, on each backend: final deliveries, old attempts and cycles; never what is open."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.backends import Backend

from hubwire.backends.sql.retention import SqlArchive
from hubwire.delivery import State
from hubwire.record.protocol import (
    Archive,
    Attempt,
    CycleOutcome,
    LaneState,
    ObjectRecord,
    Record,
    Settled,
    Span,
    Tally,
)

NOW = 1_790_000_000_000
LANE, OTHER = 1, 2
Stores = tuple[Record, Archive]


@pytest.fixture
def stores(backend: Backend) -> Stores:
    return backend.record, SqlArchive(backend.database)


def settle(
    record: Record, lane: int, *rows: Settled, at_ms: int = NOW, attempts: int = 0, records: Sequence[ObjectRecord] = ()
) -> None:
    """One cycle with these rows."""
    lease = record.lease_lane(lane, "a", at_ms, 10)
    assert lease is not None
    before = record.lane(lane).live_cursor
    through = max([before, *(row.position for row in rows)])
    cycle_id = record.begin_cycle(
        lease, at_ms, Span(live_after=before, live_through=through, backfill_after=0, backfill_through=0)
    )
    new_attempts = [
        Attempt(call="POST /x", started_at_ms=at_ms + number, duration_ms=1, status=200, outcome="success")
        for number in range(attempts)
    ]
    record.commit_cycle(
        lease,
        CycleOutcome(
            cycle_id=cycle_id,
            lane=LaneState(live_cursor=through),
            settled=list(rows),
            attempts=new_attempts,
            records=list(records),
            tally=Tally(taken=through - before),
            ended_at_ms=at_ms,
        ),
    )
    record.release(lease)


def final(position: int, state: State = State.DEAD) -> Settled:
    return Settled(position=position, state=state, reason="invalid-input")


def retrying(position: int) -> Settled:
    return Settled(position=position, state=State.RETRYING, reason="locked", due_at_ms=NOW + 1)


def held(position: int) -> Settled:
    return Settled(
        position=position, state=State.HELD, reason="unknown-person", due_at_ms=NOW + 1, hold_keys=("server|u:1",)
    )


def test_the_oldest_open_delivery_is_the_first_that_is_not_final(stores: Stores) -> None:
    record, archive = stores
    settle(record, LANE, final(1), final(2, State.DISCARDED), held(7), retrying(5))
    assert archive.oldest_open([LANE]) == 5
    assert archive.oldest_open([OTHER]) is None
    assert archive.oldest_open([]) is None


def test_archiving_stops_before_what_is_still_open(stores: Stores) -> None:
    record, archive = stores
    settle(record, LANE, final(1), final(2), retrying(3), final(4))
    assert archive.archive_through(4, [LANE]) == 2
    assert archive.archive_through(1, [LANE]) == 1
    assert archive.oldest_open([LANE]) == 3


def test_archiving_takes_everything_once_nothing_is_open(stores: Stores) -> None:
    record, archive = stores
    settle(record, LANE, final(1), final(9))
    assert archive.archive_through(8, [LANE]) == 8
    assert archive.archive_through(20, [LANE]) == 20


def test_open_deliveries_of_removed_destinations_hold_nothing_up(stores: Stores) -> None:
    record, archive = stores
    settle(record, LANE, retrying(2))
    settle(record, OTHER, final(3))
    assert archive.archive_through(3, [OTHER]) == 3
    assert archive.oldest_open([LANE, OTHER]) is None


def test_an_archived_hold_is_not_released_later(stores: Stores) -> None:
    record, archive = stores
    settle(record, LANE, held(2))
    assert archive.archive_through(2, []) == 2
    assert record.due(LANE, NOW + 10**9, 10) == []


def test_old_attempts_go_oldest_first_and_in_slices(stores: Stores) -> None:
    record, archive = stores
    settle(record, LANE, final(1), attempts=5)
    assert archive.oldest_attempt_at_ms() == NOW
    assert archive.remove_attempts(NOW + 3, 2) == 2
    assert archive.oldest_attempt_at_ms() == NOW + 2
    assert archive.remove_attempts(NOW + 3, 9) == 1
    assert archive.remove_attempts(NOW + 99, 9) == 2
    assert archive.oldest_attempt_at_ms() is None


def test_ended_cycles_go_and_an_open_one_stays(stores: Stores) -> None:
    record, archive = stores
    settle(record, LANE, final(1))
    settle(record, LANE, final(2), at_ms=NOW + 10)
    lease = record.lease_lane(OTHER, "a", NOW, 10)
    assert lease is not None
    record.begin_cycle(lease, NOW, Span(live_after=0, live_through=1, backfill_after=0, backfill_through=0))
    assert archive.remove_cycles(NOW + 10, 99) == 1
    assert archive.remove_cycles(NOW + 99, 99) == 1
    assert record.lane(OTHER).open_attempts == 1


def test_values_that_wait_for_a_record_go_and_what_hubspot_had_stays(stores: Stores) -> None:
    record, archive = stores

    def kept(key: str, record_id: str | None, confirmed_at_ms: int, seen_at_ms: int) -> ObjectRecord:
        return ObjectRecord("order", f"ext_id:{key}", record_id, confirmed_at_ms, {}, seen_at_ms)

    waiting = [kept(str(number), None, 0, NOW + number) for number in range(4)]
    others = [kept("there", "9", NOW, NOW), kept("gone", None, NOW, NOW), kept("removed", None, 0, 0)]
    settle(record, LANE, records=[*waiting, *others])
    assert archive.remove_waiting_values(NOW + 3, 2) == 2
    assert archive.remove_waiting_values(NOW + 3, 9) == 1
    assert archive.remove_waiting_values(NOW + 3, 9) == 0
    left = record.objects.records(LANE, [known.ref for known in (*waiting, *others)])
    assert left.keys() == {known.ref for known in (waiting[3], *others)}


@pytest.fixture
def tells_free_space(backend: Backend) -> None:
    if not backend.tells_free_space:
        pytest.skip("this database reuses its free space by itself and does not tell of it")


@pytest.mark.usefixtures("tells_free_space")
def test_bytes_used_shrink_when_rows_go(stores: Stores) -> None:
    record, archive = stores
    settle(record, LANE, *(final(number) for number in range(1, 5000)))
    before = archive.bytes_used()
    archive.archive_through(4999, [LANE])
    assert archive.bytes_used() < before


@pytest.mark.usefixtures("tells_free_space")
def test_free_space_goes_back_to_the_file_system_up_to_the_limit(stores: Stores) -> None:
    record, archive = stores
    settle(record, LANE, *(final(number) for number in range(1, 5000)))
    archive.archive_through(4999, [LANE])
    free = archive.bytes_free()
    assert free > 128 * 1024
    assert archive.give_back(64 * 1024) == 64 * 1024
    assert archive.bytes_free() == free - 64 * 1024
    assert archive.give_back(0) == 0
