"""The ledger: the worst verdict counts, and only messages with something to say cost a row."""

from __future__ import annotations

import msgspec
import pytest

from hubwire.deliver.cycle.outcomes import HoldPolicy, Outcomes, Settlement
from hubwire.delivery import Dead, Delivered, Retry, State, StopTheLine, Verdict
from hubwire.operation import Discard, Hold, LeftOut
from hubwire.reasons import Reason
from hubwire.record.protocol import Due, Settled

NOW = 1_790_000_000_000
HOLD = HoldPolicy(hold_ms=1000, cookie_ms=400)


def settle(outcomes: Outcomes, **retries: int | None) -> Settlement:
    return outcomes.settle(NOW, HOLD, {int(position[1:]): at for position, at in retries.items()})


def only(settlement: Settlement) -> Settled:
    [row] = settlement.rows
    return row


def test_a_delivered_message_with_nothing_to_say_costs_no_row() -> None:
    outcomes = Outcomes(planned_count=2)
    outcomes.judge([1, 2], Delivered("51"))
    assert (settle(outcomes).rows, settle(outcomes).delivered_count) == ([], 2)


@pytest.mark.parametrize("first", [0, 1])
def test_the_worst_verdict_of_a_message_counts(first: int) -> None:
    verdicts: list[Verdict] = [Retry(5, Reason.LOCKED), Dead(Reason.INVALID_INPUT)]
    outcomes = Outcomes(planned_count=1)
    outcomes.judge([1], verdicts[first])
    outcomes.judge([1], verdicts[1 - first])
    row = only(settle(outcomes, p1=NOW + 5000))
    assert (row.state, row.reason, row.due_at_ms) == (State.RETRYING, Reason.LOCKED, NOW + 5000)


def test_a_retry_whose_time_is_over_is_dead_and_says_the_last_reason() -> None:
    outcomes = Outcomes(planned_count=1)
    outcomes.judge([1], Retry(5, Reason.HUBSPOT_FAILED))
    row = only(settle(outcomes, p1=None))
    assert (row.state, row.reason) == (State.DEAD, Reason.RETRIES_EXHAUSTED)
    assert Reason.HUBSPOT_FAILED in row.detail


def test_a_retry_that_is_not_the_messages_fault_uses_up_no_attempt() -> None:
    outcomes = Outcomes(planned_count=1, due={1: Due(1, 2, NOW, False)})
    outcomes.judge([1], Retry(5, Reason.HUBSPOT_FAILED, counts=False))
    assert only(settle(outcomes, p1=NOW + 1)).attempts == 2


def test_a_failed_part_of_a_held_message_is_tried_again_before_the_hold_ends() -> None:
    outcomes = Outcomes(planned_count=1, fates={1: Hold(Reason.UNKNOWN_PERSON, ("server|u:7",))})
    outcomes.judge([1], Retry(5, Reason.LOCKED))
    row = only(settle(outcomes, p1=NOW + 5000))
    assert (row.state, row.due_at_ms) == (State.RETRYING, NOW + 5000)


def test_dropped_properties_make_a_row_of_a_delivered_message() -> None:
    outcomes = Outcomes(planned_count=1)
    item = LeftOut("traits.plan", Reason.UNKNOWN_PROPERTY)
    outcomes.leave_out(1, [item, item])
    row = only(settle(outcomes))
    assert row.state is State.DELIVERED
    assert row.left_out is not None
    assert msgspec.json.decode(row.left_out) == [{"field": "traits.plan", "reason": "unknown-property", "detail": ""}]


def test_a_hold_keeps_its_first_time_and_ends_as_never_identified() -> None:
    hold = Hold(Reason.UNKNOWN_PERSON, ("server|u:1",))
    fresh = Outcomes(planned_count=1)
    fresh.discard_or_hold(1, hold)
    row = only(settle(fresh))
    assert (row.state, row.due_at_ms, row.hold_keys) == (State.HELD, NOW + 1000, ("server|u:1",))
    old = Outcomes(planned_count=1, due={1: Due(1, 0, NOW - 1000, False)})
    old.discard_or_hold(1, hold)
    assert (only(settle(old)).state, only(settle(old)).reason) == (State.DISCARDED, Reason.NEVER_IDENTIFIED)


def test_a_hold_with_a_cookie_ends_early_and_is_never_discarded_for_its_time() -> None:
    hold = Hold(Reason.UNKNOWN_PERSON, ("server|u:1",), has_cookie=True)
    fresh = Outcomes(planned_count=1)
    fresh.discard_or_hold(1, hold)
    assert only(settle(fresh)).due_at_ms == NOW + 400
    old = Outcomes(planned_count=1, due={1: Due(1, 0, NOW - 1000, False)})
    old.discard_or_hold(1, hold)
    assert (only(settle(old)).state, only(settle(old)).due_at_ms) == (State.HELD, NOW - 600)


def test_a_hold_that_waited_for_a_company_ends_as_its_own_reason() -> None:
    old = Outcomes(planned_count=1, due={1: Due(1, 0, NOW - 1000, False)})
    old.discard_or_hold(1, Hold(Reason.UNKNOWN_COMPANY, ("server|g:1",), "website: 'x'", Reason.INVALID_WEBSITE))
    row = only(settle(old))
    assert (row.state, row.reason, row.detail) == (State.DISCARDED, Reason.INVALID_WEBSITE, "website: 'x'")


def test_a_stopped_line_gives_its_messages_back_uncounted() -> None:
    outcomes = Outcomes(planned_count=1)
    outcomes.judge([1], StopTheLine(Reason.UNAUTHORISED))
    row = only(settle(outcomes))
    assert (row.state, row.attempts, row.due_at_ms) == (State.PENDING, 0, NOW)


def test_counts_add_up_to_the_planned_messages() -> None:
    outcomes = Outcomes(planned_count=6)
    outcomes.discard_or_hold(1, Discard(Reason.PAGE_IS_DEVICE_ONLY))
    outcomes.discard_or_hold(2, Hold(Reason.UNKNOWN_PERSON, ("k",)))
    outcomes.judge([3], Retry(1, Reason.LOCKED))
    outcomes.judge([4], Dead(Reason.INVALID_INPUT))
    outcomes.leave_out(5, [LeftOut("traits.x", Reason.UNKNOWN_PROPERTY)])
    tally = settle(outcomes, p3=NOW).tally(taken=6, calls=0, replayed=0)
    assert (tally.discarded, tally.held, tally.retrying, tally.dead, tally.delivered) == (1, 1, 1, 1, 2)


def test_a_due_message_that_was_delivered_is_finished() -> None:
    outcomes = Outcomes(planned_count=2, due={7: Due(7, 1, NOW, False)})
    assert settle(outcomes).finished == [7]
