"""What a 429 asks for."""

from __future__ import annotations

import pytest

from hubwire.hubspot.call import Answer, CallKind
from hubwire.hubspot.throttle import LimitName, Throttle, throttle_of


@pytest.mark.parametrize(
    ("body", "kind", "policy", "seconds"),
    [
        (b'{"policyName":"TEN_SECONDLY_ROLLING"}', "general", LimitName.TEN_SECONDLY, 10.0),
        (b'{"message":"You have reached your ten_secondly_rolling limit."}', "general", LimitName.TEN_SECONDLY, 10.0),
        (b'{"policyName":"SECONDLY"}', "search", LimitName.SECONDLY, 1.0),
        (b'{"message":"You have reached your secondly limit."}', "search", LimitName.SECONDLY, 1.0),
        (b'{"policyName":"DAILY"}', "search", LimitName.DAILY, 900.0),
        (b'{"message":"You have reached your daily limit."}', "general", LimitName.DAILY, 900.0),
        (b'{"category":"RATE_LIMITS","message":"slow down"}', "search", LimitName.SECONDLY, 1.0),
        (b"<html>", "general", LimitName.TEN_SECONDLY, 10.0),
    ],
)
def test_the_limit_is_read_from_policy_or_words_or_guessed_by_kind(
    body: bytes, kind: CallKind, policy: LimitName, seconds: float
) -> None:
    assert throttle_of(Answer(429, {}, body), kind) == Throttle(policy, seconds, is_named=False)


def test_hubspots_own_word_is_taken_without_jitter() -> None:
    answer = Answer(429, {"retry-after": "4"}, b"{}")
    assert throttle_of(answer, jitter=0.9) == Throttle(LimitName.TEN_SECONDLY, 4.0, is_named=True)


def test_a_wait_of_nothing_is_a_second() -> None:
    assert throttle_of(Answer(429, {"retry-after": "0"}, b"{}")).wait_seconds == 1.0


@pytest.mark.parametrize(
    ("named", "seconds"),
    [
        ("-5", 1.0),
        ("315360000", 60.0),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 1.0),
        ("Fri, 01 Jan 2038 00:00:00 GMT", 60.0),
        ("nan", 10.0),
        ("inf", 10.0),
        ("soon", 10.0),
        ("120, 30", 10.0),
        ("Mon, 01 Jan 99999 00:00:00 GMT", 10.0),
        ("Mon, 01 Jan 2027 00:00:00 +99999999999999", 10.0),
    ],
)
def test_a_wait_that_makes_no_sense_is_bounded_or_passed_over(named: str, seconds: float) -> None:
    answer = Answer(429, {"retry-after": named}, b"{}", started_at_ms=1_768_473_000_000)
    assert throttle_of(answer).wait_seconds == seconds
