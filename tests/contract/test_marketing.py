"""What every memory of lists, subscriptions and submissions does, on each backend."""

from __future__ import annotations

import pytest
from tests.backends import Backend

from hubwire.backends.sql.privacy import SqlPrivacy
from hubwire.record.marketing import (
    KnownList,
    Membership,
    PersonMarketing,
    Preference,
    Submission,
    SubmissionState,
    SubscriptionState,
)
from hubwire.record.privacy import Trail
from hubwire.record.protocol import CycleOutcome, LaneState, Record, Span

NOW = 1_790_000_000_000
DAY = 86_400_000
LANE = 1
ANN, BEN = "ann@example.com", "ben@example.com"
VIP = KnownList(key="vip", object="contact", list_id="7", name="VIP", is_own=True, size=2, read_at_ms=NOW)
ANN_IN = Membership(list_key="vip", record_key=ANN, is_member=True, at_ms=5, list_id="7", record_id="51", trust=2)
BEN_OUT = Membership(list_key="vip", record_key=BEN, is_member=False, at_ms=6, list_id="7", record_id="52")
NEWS = Preference(email=ANN, subscription_id="101", state=SubscriptionState.UNSUBSCRIBED, at_ms=5, confirmed_at_ms=NOW)


def sent(number: int, state: SubmissionState = SubmissionState.SENT, at_ms: int = NOW, email: str = ANN) -> Submission:
    return Submission(
        submission_id=f"s{number}", content="c1", form="f1", email=email, state=state, at_ms=at_ms, sent_at_ms=at_ms
    )


@pytest.fixture
def record(backend: Backend) -> Record:
    return backend.record


def commit(record: Record, now_ms: int = NOW, **outcome: object) -> None:
    lease = record.lease_lane(LANE, "a", now_ms, 10)
    assert lease is not None
    span = Span(live_after=0, live_through=0, backfill_after=0, backfill_through=0)
    cycle_id = record.begin_cycle(lease, now_ms, span)
    record.commit_cycle(lease, CycleOutcome(cycle_id=cycle_id, lane=LaneState(), ended_at_ms=now_ms, **outcome))  # type: ignore[arg-type]
    record.release(lease)


def test_what_a_cycle_learnt_is_there_and_a_newer_row_takes_its_place(record: Record) -> None:
    memory = record.marketing
    commit(record, lists=[VIP], memberships=[ANN_IN, BEN_OUT], preferences=[NEWS], submissions=[sent(1)])
    assert memory.lists(LANE, ["vip", "other"]) == {"vip": VIP}
    assert memory.memberships(LANE, [("vip", ANN), ("vip", BEN), ("other", ANN)]) == {
        ("vip", ANN): ANN_IN,
        ("vip", BEN): BEN_OUT,
    }
    assert memory.preferences(LANE, [ANN, BEN]) == {(ANN, "101"): NEWS}
    assert memory.submissions(LANE, ["s1", "s2"]) == {"s1": sent(1)}
    ben_in = Membership(list_key="vip", record_key=BEN, is_member=True, at_ms=9, list_id="8", record_id="52")
    commit(record, memberships=[ben_in], submissions=[sent(1, SubmissionState.SEEN)])
    assert memory.memberships(LANE, [("vip", BEN)]) == {("vip", BEN): ben_in}
    assert memory.submissions(LANE, ["s1"]) == {"s1": sent(1, SubmissionState.SEEN)}
    assert memory.memberships(LANE + 1, [("vip", BEN)]) == {}


def test_members_of_a_list_that_was_made_again_are_found(record: Record) -> None:
    commit(record, memberships=[ANN_IN, BEN_OUT])
    assert record.marketing.members_of_another(LANE, "vip", "8") == [ANN_IN]
    assert record.marketing.members_of_another(LANE, "vip", "7") == []


def test_a_submission_is_stored_before_its_call_and_forgotten_when_hubspot_takes_no_older_one(record: Record) -> None:
    memory = record.marketing
    memory.begin_submissions(LANE, [sent(1, SubmissionState.BEGUN), sent(2, SubmissionState.BEGUN, NOW + DAY)])
    assert [submission.submission_id for submission in memory.alike(LANE, ["c1", "c2"])] == ["s1", "s2"]
    commit(record, now_ms=NOW + 62 * DAY + 1, submissions=[sent(3, at_ms=NOW + 62 * DAY)])
    assert memory.submissions(LANE, ["s1", "s2", "s3"]).keys() == {"s2", "s3"}


def test_submissions_that_a_lane_waits_for_are_found_by_the_next_process(record: Record) -> None:
    states = (SubmissionState.WAITING, SubmissionState.BEGUN, SubmissionState.SENT, SubmissionState.SEEN)
    fresh = [sent(number, state) for number, state in enumerate(states)]
    commit(record, submissions=[*fresh, sent(9, at_ms=NOW - DAY)])
    assert record.marketing.open_submissions(LANE, NOW - 1) == fresh[:3]
    assert record.marketing.open_submissions(LANE + 1, 0) == []


def test_people_see_sizes_changes_and_what_is_known_of_a_person(record: Record) -> None:
    commit(record, lists=[VIP], memberships=[ANN_IN, BEN_OUT], preferences=[NEWS], submissions=[sent(1)])
    [size] = record.marketing.list_sizes(10)
    assert (size.known, size.member_count, size.changed_at_ms) == (VIP, 1, 6)
    assert record.marketing.list_size(LANE, "vip") == size
    assert record.marketing.list_size(LANE, "other") is None
    [form] = record.marketing.form_counts(10)
    assert (form.form, form.counts, form.sent_at_ms) == ("f1", {"sent": 1}, NOW)
    assert record.marketing.changes_of(LANE, "vip", 10) == [BEN_OUT, ANN_IN]
    assert record.marketing.of_person([ANN]) == [
        PersonMarketing(destination_id=LANE, memberships=[ANN_IN], preferences=[NEWS], submissions=[sent(1)])
    ]
    assert record.marketing.of_person(["nobody@example.com"]) == []


def test_deleting_a_person_deletes_their_lists_subscriptions_and_submissions(backend: Backend) -> None:
    record = backend.record
    commit(record, memberships=[ANN_IN, BEN_OUT], preferences=[NEWS], submissions=[sent(1), sent(2, email=BEN)])
    erased = SqlPrivacy(backend.database).erase(Trail(emails={ANN}), [], NOW)
    assert erased.marketing == 3
    assert record.marketing.of_person([ANN]) == []
    assert len(record.marketing.of_person([BEN])) == 1
