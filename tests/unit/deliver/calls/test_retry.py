"""When a message is tried again, and when it was enough."""

from __future__ import annotations

from itertools import accumulate

import pytest

from hubwire.deliver.calls.retry import (
    DEFAULT_SCHEDULE,
    SCHEDULES,
    RetryPolicy,
    Schedule,
    backoff_seconds,
    next_attempt_at,
)
from hubwire.delivery import Retry
from hubwire.reasons import Reason

NOW_MS = 1_790_000_000_000


HOUR_MS = 3_600_000


POLICY = RetryPolicy()


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (9, 1_280), (10, 1_800), (5_000, 1_800)])
def test_waits_double_up_to_the_longest(attempts: int, seconds: float) -> None:
    assert backoff_seconds(Schedule(5.0, 1_800.0), attempts, jitter=1.0) == seconds


def test_a_short_outage_is_over_soon_and_a_long_one_costs_few_tries() -> None:
    waits = [backoff_seconds(SCHEDULES[Reason.HUBSPOT_FAILED], attempts, jitter=0.5) for attempts in range(1, 40)]
    tries = list(accumulate(waits))
    assert len([at for at in tries if at < 600]) >= 7, "in the first ten minutes"
    assert len([at for at in tries if at < 3600]) >= 10
    assert len([at for at in tries if at < 72 * 3600]) <= 60
    assert max(waits) == 1.5 * 3600


def test_of_a_long_wait_at_least_half_is_waited() -> None:
    schedule = SCHEDULES[Reason.HUBSPOT_FAILED]
    assert backoff_seconds(schedule, 9, jitter=0.0) == 0.0
    assert [backoff_seconds(schedule, 30, jitter) / 3600 for jitter in (0.0, 0.5, 1.0)] == [1.0, 1.5, 2.0]


@pytest.mark.parametrize("reason", Reason)
def test_no_reason_is_tried_without_an_end_in_sight(reason: Reason) -> None:
    at_ms, attempts = NOW_MS, 0
    verdict = Retry(1.0, reason)
    while (next_ms := next_attempt_at(verdict, attempts + 1, NOW_MS, at_ms, 0.5, POLICY)) is not None:
        at_ms, attempts = next_ms, attempts + 1
        assert attempts < 70 or reason is Reason.RATE_LIMITED, "a try too fast costs nobody's budget"


def test_jitter_takes_any_part_of_the_wait() -> None:
    waits = [backoff_seconds(Schedule(5.0, 1_800.0), 3, jitter) for jitter in (0.0, 0.25, 1.0)]
    assert waits == [0.0, 5.0, 20.0]


def test_the_wait_that_the_verdict_names_is_kept_at_least() -> None:
    verdict = Retry(90.0, Reason.HUBSPOT_FAILED)
    assert next_attempt_at(verdict, 1, NOW_MS, NOW_MS, 1.0, POLICY) == NOW_MS + 90_000


def test_a_growing_wait_comes_after_a_shorter_named_one() -> None:
    verdict = Retry(1.0, Reason.HUBSPOT_FAILED)
    assert next_attempt_at(verdict, 4, NOW_MS, NOW_MS, 1.0, POLICY) == NOW_MS + 40_000


def test_retries_end_after_the_total_time() -> None:
    verdict = Retry(1.0, Reason.HUBSPOT_FAILED)
    assert next_attempt_at(verdict, 50, NOW_MS - 72 * HOUR_MS, NOW_MS, 0.5, POLICY) is None
    assert next_attempt_at(verdict, 50, NOW_MS - 72 * HOUR_MS, NOW_MS, 0.5, RetryPolicy(80 * 3600.0)) is not None


def test_the_last_try_falls_on_the_end_and_not_beyond() -> None:
    verdict = Retry(1.0, Reason.HUBSPOT_FAILED)
    first_at_ms = NOW_MS - 72 * HOUR_MS + 10_000
    assert next_attempt_at(verdict, 50, first_at_ms, NOW_MS, 1.0, POLICY) == NOW_MS + 10_000


def test_a_reason_may_have_a_most_number_of_attempts() -> None:
    verdict = Retry(0.0, Reason.NOT_FOUND)
    max_count = SCHEDULES[Reason.NOT_FOUND].max_attempts
    assert max_count is not None
    assert next_attempt_at(verdict, max_count - 1, NOW_MS, NOW_MS, 0.0, POLICY) is not None
    assert next_attempt_at(verdict, max_count, NOW_MS, NOW_MS, 0.0, POLICY) is None


def test_what_is_not_the_messages_fault_never_ends() -> None:
    verdict = Retry(7.0, Reason.HUBSPOT_UNREACHABLE, counts=False)
    assert next_attempt_at(verdict, 10_000, NOW_MS - 1_000 * HOUR_MS, NOW_MS, 1.0, POLICY) == NOW_MS + 7_000


def test_a_first_attempt_is_counted_from_now() -> None:
    assert next_attempt_at(Retry(0.0, Reason.RECORD_MISSING), 1, None, NOW_MS, 1.0, POLICY) == NOW_MS + 2_000


def test_reasons_without_a_schedule_of_their_own_have_the_default() -> None:
    assert Reason.MIGRATING not in SCHEDULES
    verdict = Retry(0.0, Reason.MIGRATING)
    at_ms = next_attempt_at(verdict, 1, NOW_MS, NOW_MS, 1.0, POLICY)
    assert at_ms == NOW_MS + DEFAULT_SCHEDULE.first_seconds * 1000
