"""What every record does, on each backend: leases with fencing, cycles, fates, holds, memory."""

from __future__ import annotations

import pytest
from tests.backends import Backend

from hubwire.clock import FakeClock
from hubwire.deliver.lanes.leases import LaneLease, renew_due
from hubwire.delivery import IllegalMove, State
from hubwire.errors import LeaseLost
from hubwire.operation import Link, hold_key
from hubwire.record.protocol import (
    Attempt,
    Company,
    ConfirmedValue,
    CycleOutcome,
    LaneState,
    Lease,
    Person,
    Record,
    Settled,
    Span,
    Tally,
)

NOW = 1_790_000_000_000
LANE = 1


@pytest.fixture
def record(backend: Backend) -> Record:
    return backend.record


def lease_of(record: Record, owner: str = "a", now_ms: int = NOW) -> Lease:
    lease = record.lease_lane(LANE, owner, now_ms, 10)
    assert lease is not None
    return lease


def run_cycle(record: Record, lease: Lease, now_ms: int = NOW, due: tuple[int, ...] = (), **outcome: object) -> None:
    before = record.lane(LANE)
    through = outcome.pop("through", before.live_cursor)
    assert isinstance(through, int)
    span = Span(live_after=before.live_cursor, live_through=through, backfill_after=0, backfill_through=0, due=due)
    cycle_id = record.begin_cycle(lease, now_ms, span)
    values = {"lane": LaneState(live_cursor=through), "ended_at_ms": now_ms, **outcome}
    record.commit_cycle(lease, CycleOutcome(cycle_id=cycle_id, **values))  # type: ignore[arg-type]


def held(position: int, *keys: str) -> Settled:
    return Settled(
        position=position,
        state=State.HELD,
        reason="unknown-person",
        due_at_ms=NOW + 1000,
        hold_keys=keys,
        first_attempt_at_ms=NOW,
    )


def retrying(position: int, due_at_ms: int) -> Settled:
    return Settled(position=position, state=State.RETRYING, reason="locked", due_at_ms=due_at_ms, attempts=1)


def test_a_lane_has_one_driver_at_a_time(record: Record) -> None:
    lease = lease_of(record, "a")
    assert record.lease_lane(LANE, "b", NOW + 9_999, 10) is None
    record.release(lease)
    assert lease_of(record, "b", NOW + 9_999).token > lease.token


def test_an_expired_lease_is_taken_over_and_the_old_driver_is_fenced_off(record: Record) -> None:
    old = lease_of(record, "a")
    lease_of(record, "b", NOW + 10_000)
    assert record.renew([old], NOW + 10_001, 10) == {}
    with pytest.raises(LeaseLost):
        record.begin_cycle(old, NOW, Span(live_after=0, live_through=1, backfill_after=0, backfill_through=0))
    with pytest.raises(LeaseLost):
        record.commit_cycle(old, CycleOutcome(cycle_id=1, lane=LaneState(live_cursor=99)))
    assert record.lane(LANE).live_cursor == 0


def test_a_lease_tells_whether_its_driver_fell_silent(record: Record) -> None:
    first = lease_of(record, "a")
    assert first.taken_over_ms is None
    assert lease_of(record, "b", NOW + 12_000).taken_over_ms == first.expires_at_ms
    record.release(lease_of(record, "c", NOW + 30_000))
    assert lease_of(record, "d", NOW + 30_001).taken_over_ms is None


def test_a_lease_is_renewed_when_the_clock_of_its_machine_was_set_back(record: Record) -> None:
    clock = FakeClock(NOW)
    lane_lease = LaneLease.begin(record, LANE, "a", clock, 10)
    assert lane_lease is not None
    assert renew_due([lane_lease], record, clock, 10) == []
    assert lane_lease.lease.expires_at_ms == NOW + 10_000
    clock.set_back(60)
    assert renew_due([lane_lease], record, clock, 10) == []
    assert lane_lease.lease.expires_at_ms == NOW - 50_000


def test_many_leases_are_renewed_in_one_call_and_only_the_lost_one_is_lost(record: Record) -> None:
    clock = FakeClock(NOW)
    begun = [LaneLease.begin(record, number, "a", clock, 10) for number in range(1, 2_001)]
    lane_leases = [lane_lease for lane_lease in begun if lane_lease is not None]
    clock.advance(12)
    assert record.lease_lane(7, "b", clock.now_ms(), 10) is not None
    assert renew_due(lane_leases, record, clock, 10) == [7]
    assert {lane_lease.lease.expires_at_ms for lane_lease in lane_leases if lane_lease.lease.destination_id != 7} == {
        NOW + 22_000
    }
    with pytest.raises(LeaseLost):
        lane_leases[6].check()
    lane_leases[7].check()


def test_lanes_that_were_given_back_or_fell_silent_are_free(record: Record) -> None:
    assert record.free_lanes(NOW) == set()
    lease = lease_of(record, "a")
    assert record.free_lanes(NOW + 9_999) == set()
    assert record.free_lanes(NOW + 10_000) == {LANE}
    record.release(lease)
    assert record.free_lanes(NOW) == {LANE}


def test_a_lease_that_ends_later_than_a_lease_can_is_over(record: Record) -> None:
    lease_of(record, "a")
    set_back = NOW - 7_200_000
    taken = lease_of(record, "b", set_back)
    assert taken.taken_over_ms == set_back
    assert record.lease_lane(LANE, "c", set_back, 300) is None, "how long others would take it for does not matter"


def test_a_lane_may_be_taken_from_a_silent_worker_only(record: Record) -> None:
    assert record.lease_lane(LANE, "a", NOW, 10, only_silent=True) is None
    lease = lease_of(record, "a")
    assert record.lease_lane(LANE, "b", NOW + 9_999, 10, only_silent=True) is None
    record.release(lease)
    assert record.lease_lane(LANE, "b", NOW + 9_999, 10, only_silent=True) is None
    lease_of(record, "a", NOW + 9_999)
    taken = record.lease_lane(LANE, "b", NOW + 19_999, 10, only_silent=True)
    assert taken is not None
    assert taken.taken_over_ms == NOW + 19_999


def test_a_renewed_lease_keeps_its_token(record: Record) -> None:
    lease = lease_of(record)
    assert record.renew([lease], NOW + 5_000, 10) == {LANE: Lease(LANE, "a", lease.token, NOW + 15_000)}
    assert record.lease_lane(LANE, "b", NOW + 14_999, 10) is None


def test_a_commit_moves_the_cursor_with_the_outcome(record: Record) -> None:
    lease = lease_of(record)
    run_cycle(record, lease, through=7, tally=Tally(taken=7, delivered=7))
    assert record.lane(LANE).live_cursor == 7
    assert record.due(LANE, NOW + 10**9, 10) == []


def test_a_retry_is_due_at_its_time_and_its_attempt_counts_before_the_call(record: Record) -> None:
    lease = lease_of(record)
    run_cycle(record, lease, through=3, settled=[retrying(2, NOW + 500)])
    assert record.due(LANE, NOW + 499, 10) == []
    assert record.next_due_at_ms(LANE) == NOW + 500
    [due] = record.due(LANE, NOW + 500, 10)
    assert (due.position, due.attempts) == (2, 1)
    record.begin_cycle(
        lease, NOW + 500, Span(live_after=3, live_through=3, backfill_after=0, backfill_through=0, due=[2])
    )
    record.release(lease)
    lease_of(record, "b", NOW + 501)
    [again] = record.due(LANE, NOW + 600, 10)
    assert (again.position, again.attempts) == (2, 2)


def test_a_due_message_that_is_delivered_has_no_row_any_more(record: Record) -> None:
    lease = lease_of(record)
    run_cycle(record, lease, through=3, settled=[retrying(2, NOW)])
    run_cycle(record, lease, due=(2,), finished=[2])
    assert record.due(LANE, NOW + 10**9, 10) == []
    assert record.next_due_at_ms(LANE) is None


def test_an_abandoned_cycle_gives_its_due_rows_back_uncounted_and_moves_no_cursor(record: Record) -> None:
    lease = lease_of(record)
    run_cycle(record, lease, through=3, settled=[retrying(2, NOW)])
    cycle_id = record.begin_cycle(
        lease, NOW, Span(live_after=3, live_through=9, backfill_after=0, backfill_through=0, due=[2])
    )
    record.abandon_cycle(lease, cycle_id, NOW, NOW + 5_000, [], b"{}")
    assert record.lane(LANE).live_cursor == 3
    assert record.due(LANE, NOW + 4_999, 10) == []
    [due] = record.due(LANE, NOW + 5_000, 10)
    assert due.attempts == 1


def test_a_cycle_that_a_crash_left_open_counts_its_attempts(record: Record) -> None:
    span = Span(live_after=0, live_through=5, backfill_after=0, backfill_through=0)
    for attempt in (1, 2, 3):
        lease = lease_of(record, f"worker-{attempt}", NOW + attempt * 20_000)
        record.begin_cycle(lease, NOW, span)
        assert record.lane(LANE).open_attempts == attempt
    run_cycle(record, lease, through=5)
    assert record.lane(LANE).open_attempts == 0


def test_a_link_releases_what_was_held_for_it_and_nothing_else(record: Record) -> None:
    lease = lease_of(record)
    mine, other = hold_key("server", "u:1"), hold_key("server", "u:2")
    run_cycle(record, lease, through=2, settled=[held(1, mine, hold_key("server", "a:x")), held(2, other)])
    run_cycle(record, lease, NOW + 10, links=[Link("server", "u:1", "a@b.co", 3, NOW)])
    assert [due.position for due in record.due(LANE, NOW + 10, 10)] == [1]


def test_a_hold_is_due_when_its_time_is_over(record: Record) -> None:
    lease = lease_of(record)
    run_cycle(record, lease, through=1, settled=[held(1, hold_key("server", "u:1"))])
    [due] = record.due(LANE, NOW + 1000, 10)
    assert (due.position, due.first_attempt_at_ms) == (1, NOW)


def test_a_hold_is_released_when_another_lane_linked_its_key_meanwhile(record: Record) -> None:
    lease = lease_of(record)
    other = record.lease_lane(2, "a", NOW, 10)
    assert other is not None
    cycle_id = record.begin_cycle(lease, NOW, Span(live_after=0, live_through=1, backfill_after=0, backfill_through=0))
    theirs = record.begin_cycle(other, NOW, Span(live_after=0, live_through=1, backfill_after=0, backfill_through=0))
    link = Link("server", "u:1", "a@b.co", 3, NOW)
    record.commit_cycle(
        other, CycleOutcome(cycle_id=theirs, lane=LaneState(live_cursor=1), links=[link], ended_at_ms=NOW + 5)
    )
    record.commit_cycle(
        lease,
        CycleOutcome(
            cycle_id=cycle_id,
            lane=LaneState(live_cursor=1),
            settled=[held(1, hold_key("server", "u:1"))],
            ended_at_ms=NOW + 9,
        ),
    )
    assert [due.position for due in record.due(LANE, NOW + 9, 10)] == [1]


def test_of_two_links_for_one_key_the_greater_stays_in_any_order(record: Record) -> None:
    lease = lease_of(record)
    weak, strong = Link("server", "u:1", "weak@b.co", 1, NOW + 9), Link("server", "u:1", "strong@b.co", 3, NOW)
    run_cycle(record, lease, links=[strong])
    run_cycle(record, lease, links=[weak])
    assert record.links([("server", "u:1"), ("server", "u:2")]) == {("server", "u:1"): strong}


def test_people_and_companies_are_remembered_with_the_time_of_each_value(record: Record) -> None:
    lease = lease_of(record)
    person = Person("a@b.co", "51", NOW, {"firstname": ConfirmedValue("Ada", NOW, 7)})
    company = Company("b.co", "9", NOW, {"name": ConfirmedValue("B", NOW)})
    run_cycle(record, lease, people=[person], companies=[company], associations=[("a@b.co", "b.co")])
    assert record.people(LANE, ["a@b.co", "x@y.z"]) == {"a@b.co": person}
    assert record.companies(LANE, ["b.co"]) == {"b.co": company}
    assert record.associated(LANE, [("a@b.co", "b.co"), ("a@b.co", "c.co")]) == {("a@b.co", "b.co")}
    assert record.people(2, ["a@b.co"]) == {}


def test_a_stopped_lane_says_why_and_when_it_goes_on(record: Record) -> None:
    record.stop_lane(LANE, "unauthorised", "401", NOW + 1)
    state = record.lane(LANE)
    assert (state.stopped_reason, state.stopped_detail, state.resume_at_ms) == ("unauthorised", "401", NOW + 1)
    record.stop_lane(LANE, None, "", None)
    assert record.lane(LANE).stopped_reason is None


def test_attempts_are_kept_with_the_messages_that_they_answered_for(record: Record) -> None:
    lease = lease_of(record)
    attempt = Attempt(
        call="POST /x", started_at_ms=NOW, duration_ms=5, status=200, outcome="200", request=b"{}", positions=[1, 3]
    )
    run_cycle(record, lease, through=3, attempts=[attempt], tally=Tally(taken=3, delivered=3, calls=1))
    assert record.lane(LANE).live_cursor == 3


def test_a_person_keeps_when_they_were_seen_and_when_hubspot_refused_them(record: Record) -> None:
    ada = Person(email="ada@x.co", contact_id="1", confirmed_at_ms=NOW, seen_at_ms=NOW + 1, refused_at_ms=NOW + 2)
    acme = Company(domain="acme.com", company_id="9", confirmed_at_ms=NOW, seen_at_ms=NOW + 3)
    run_cycle(record, lease_of(record), people=[ada], companies=[acme])
    assert record.people(LANE, ["ada@x.co"]) == {"ada@x.co": ada}
    assert record.companies(LANE, ["acme.com"]) == {"acme.com": acme}


def test_associations_are_found_from_both_ends_and_forgotten_one_by_one(record: Record) -> None:
    lease = lease_of(record)
    pairs = [("ada@x.co", "acme.com"), ("bob@x.co", "acme.com"), ("bob@x.co", "other.com")]
    run_cycle(record, lease, associations=pairs)
    assert record.associations_of(LANE, ["ada@x.co"], []) == {pairs[0]}
    assert record.associations_of(LANE, [], ["acme.com"]) == set(pairs[:2])
    run_cycle(record, lease, unlinked=[pairs[0], ("nobody@x.co", "acme.com")])
    assert record.associated(LANE, pairs) == set(pairs[1:])


# -- moves


@pytest.mark.parametrize("state", [State.DISCARDED, State.DEAD, State.DELIVERED])
def test_a_delivery_that_a_person_settled_meanwhile_is_not_leased(record: Record, state: State) -> None:
    lease = lease_of(record)
    reason = None if state is State.DELIVERED else "invalid-input"
    run_cycle(record, lease, through=2, settled=[Settled(position=2, state=state, reason=reason)])
    span = Span(live_after=2, live_through=2, backfill_after=0, backfill_through=0, due=(2,))
    with pytest.raises(IllegalMove, match=f"a delivery that is {state} cannot lease"):
        record.begin_cycle(lease, NOW, span)
    assert record.lane(LANE).open_attempts == 0


def test_an_illegal_move_raises_and_changes_nothing(record: Record) -> None:
    lease = lease_of(record)
    run_cycle(record, lease, through=2, settled=[held(2, "s|k")])
    links = [Link("s", "other", "a@example.com", 3, NOW)]
    settled = [Settled(position=3, state=State.DEAD, reason="invalid-input")]
    with pytest.raises(IllegalMove):
        run_cycle(record, lease, through=3, settled=[*settled, Settled(position=2, state=State.DELIVERED)], links=links)
    assert record.lane(LANE).live_cursor == 2
    assert record.links([("s", "other")]) == {}
    assert record.next_due_at_ms(LANE) == NOW + 1000


def test_a_cycle_tells_how_many_held_deliveries_it_released(record: Record) -> None:
    lease = lease_of(record)
    run_cycle(record, lease, through=2, settled=[held(1, "s|k"), held(2, "s|k", "s|l")])
    cycle_id = record.begin_cycle(lease, NOW, Span(live_after=2, live_through=3, backfill_after=0, backfill_through=0))
    links = [Link("s", "k", "a@example.com", 3, NOW)]
    outcome = CycleOutcome(cycle_id=cycle_id, lane=LaneState(live_cursor=3), links=links, ended_at_ms=NOW + 1)
    assert record.commit_cycle(lease, outcome) == 2


def test_retries_are_brought_forward_and_holds_are_not(record: Record) -> None:
    lease = lease_of(record)
    retrying = Settled(position=1, state=State.RETRYING, reason="locked", due_at_ms=NOW + 7_200_000)
    run_cycle(record, lease, through=2, settled=[retrying, held(2, "s|k")])
    record.bring_forward(LANE, 7_190_000)
    assert [due.position for due in record.due(LANE, NOW + 10_000, 10)] == [2, 1]
    assert record.next_due_at_ms(LANE) == NOW + 1000


def test_a_row_that_a_clock_ahead_wrote_is_due_as_long_after_now(record: Record) -> None:
    lease = lease_of(record)
    retrying = Settled(position=1, state=State.RETRYING, reason="locked", due_at_ms=NOW + 60_000)
    run_cycle(record, lease, through=2, settled=[retrying, held(2, "s|k")])
    assert record.correct_future(LANE, NOW + 7_200_000) == 0
    assert record.correct_future(LANE, NOW - 7_200_000) == 1
    [due] = record.due(LANE, NOW - 7_200_000 + 60_000, 10)
    assert due.position == 1
    assert due.first_attempt_at_ms is None or due.first_attempt_at_ms <= NOW - 7_200_000


def test_what_another_lane_released_is_due_by_any_clock(record: Record) -> None:
    lease = lease_of(record)
    run_cycle(record, lease, through=2, settled=[held(1, "s|k")])
    span = Span(live_after=2, live_through=3, backfill_after=0, backfill_through=0)
    cycle_id = record.begin_cycle(lease, NOW, span)
    ahead_ms = NOW + 5 * 3_600_000
    links = [Link("s", "k", "a@example.com", 3, NOW)]
    outcome = CycleOutcome(cycle_id=cycle_id, lane=LaneState(live_cursor=3), links=links, ended_at_ms=ahead_ms)
    assert record.commit_cycle(lease, outcome) == 1
    assert [due.position for due in record.due(LANE, NOW, 10)] == [1]
