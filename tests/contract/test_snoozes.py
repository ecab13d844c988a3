"""Groups of failures that are snoozed: the same on every database."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.backends import Backend

from hubwire.backends.sql.decisions.snoozes import SqlSnoozes
from hubwire.delivery import State
from hubwire.record.protocol import CycleOutcome, LaneState, Settled, Span
from hubwire.record.snoozes import GroupCount, Snooze

NOW = 1_790_000_000_000
LANE = 7


def group(
    reason: str = "conflict", until_ms: int = NOW + 1000, state: State = State.DEAD, actor: str = "ana"
) -> Snooze:
    return Snooze(destination_id=LANE, state=state, reason=reason, until_ms=until_ms, since_ms=NOW, actor=actor)


@pytest.fixture
def snoozes(backend: Backend) -> SqlSnoozes:
    return SqlSnoozes(backend.database)


def test_a_group_is_snoozed_until_its_time_is_over(snoozes: SqlSnoozes) -> None:
    later = group("invalid-input", NOW + 2000)
    snoozes.snooze(later)
    snoozes.snooze(group())
    assert snoozes.snoozed(NOW) == [group(), later], "the first to wake first"
    assert snoozes.snoozed(NOW + 1000) == [later]
    assert snoozes.snoozed(NOW + 2000) == []


def test_one_that_is_snoozed_again_has_the_new_time_and_person(snoozes: SqlSnoozes) -> None:
    snoozes.snooze(group())
    again = group(until_ms=NOW + 9000, actor="bo")
    snoozes.snooze(again)
    assert snoozes.snoozed(NOW) == [again]


def test_waking_shows_one_group_again(snoozes: SqlSnoozes) -> None:
    held = group(state=State.HELD)
    snoozes.snooze(group())
    snoozes.snooze(held)
    assert snoozes.wake(LANE, State.DEAD, "conflict", NOW)
    assert not snoozes.wake(LANE, State.DEAD, "conflict", NOW)
    assert snoozes.snoozed(NOW) == [held]
    assert not snoozes.wake(LANE, State.HELD, "conflict", NOW + 1000), "it had woken by itself"


def test_groups_are_counted_snoozed_or_not(
    snoozes: SqlSnoozes, backend: Backend, settle: Callable[[dict[int, tuple[State, str]]], None]
) -> None:
    dead, retrying = (State.DEAD, "conflict"), (State.RETRYING, "hubspot-failed")
    settle({1: dead, 2: dead, 3: (State.DEAD, "invalid-input"), 4: retrying, 5: (State.DISCARDED, "no-consent")})
    snoozes.snooze(group())

    def found(now_ms: int) -> dict[tuple[str, str], tuple[int, bool]]:
        return {(group.state, group.reason): (group.count, group.is_snoozed) for group in snoozes.groups(now_ms)}

    others = {("dead", "invalid-input"): (1, False), ("retrying", "hubspot-failed"): (1, False)}
    assert found(NOW) == {("dead", "conflict"): (2, True), **others}
    assert found(NOW + 1000) == {("dead", "conflict"): (2, False), **others}
    assert {type(group) for group in snoozes.groups(NOW)} == {GroupCount}


@pytest.fixture
def settle(backend: Backend) -> Callable[[dict[int, tuple[State, str]]], None]:
    """Settles messages as they are given: position -> state and reason."""

    def settled(fates: dict[int, tuple[State, str]]) -> None:
        lease = backend.record.lease_lane(LANE, "worker", NOW, 60)
        assert lease is not None
        span = Span(live_after=0, live_through=len(fates), backfill_after=0, backfill_through=0)
        rows = [
            Settled(
                position=position,
                state=state,
                reason=reason,
                due_at_ms=NOW + 60_000 if state is State.RETRYING else None,
            )
            for position, (state, reason) in fates.items()
        ]
        cycle_id = backend.record.begin_cycle(lease, NOW, span)
        lane = LaneState(live_cursor=len(fates))
        backend.record.commit_cycle(lease, CycleOutcome(cycle_id=cycle_id, lane=lane, settled=rows, ended_at_ms=NOW))
        backend.record.release(lease)

    return settled
