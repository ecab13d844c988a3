"""A message from the journal: when it happened, whatever its sender said of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest
from tests.unit.test_times import EST, FORMS

from hubwire.decoding import read_message
from hubwire.message import FUTURE_GRACE_MS, JournalRow, Message
from hubwire.reasons import Reason
from hubwire.times import iso_text

RECEIVED = 1_795_456_800_000
"""2026-11-23T18:00:00Z"""
TRACK = {"type": "track", "userId": "u", "event": "e"}


def message_of(fields: dict[str, Any], envelope: dict[str, Any] | None = None) -> Message:
    body = msgspec.json.encode({**TRACK, **fields})
    around = None if envelope is None else msgspec.json.encode(envelope)
    return read_message(JournalRow(1, 1, "m", RECEIVED, body, around, False, None))


def noted(message: Message) -> list[tuple[str, Reason]]:
    return [(note.field, note.reason) for note in message.notes]


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000Z"),
        ("2026-03-01T10:00:01.939.000Z", "2026-03-01T10:00:01.939Z"),
        (1641038400000, "2022-01-01T12:00:00.000Z"),
        (1641038400, "2022-01-01T12:00:00.000Z"),
        ("1641038400", "2022-01-01T12:00:00.000Z"),
        ("1641038400000", "2022-01-01T12:00:00.000Z"),
        ("Sat, 01 Jan 2022 12:00:00 GMT", "2022-01-01T12:00:00.000Z"),
        ("/Date(1641038400000)/", "2022-01-01T12:00:00.000Z"),
        ("2022-01-01 12:00:00 UTC", "2022-01-01T12:00:00.000Z"),
        ("3/5/2024 10:00", None),
        ("2022-01-01x12:00:00Z", None),
        ("yesterday", None),
        (True, None),
        ({"at": 1}, None),
        (1e300, None),
        (-1, None),
    ],
)
@pytest.mark.parametrize("name", ["timestamp", "originalTimestamp"])
def test_a_time_is_understood_or_reported_and_never_silently_now(name: str, value: object, at: str | None) -> None:
    message = message_of({name: value})
    if at is None:
        assert noted(message) == [(name, Reason.TIME_NOT_UNDERSTOOD)]
        assert message.timestamp_ms == RECEIVED
    else:
        assert (iso_text(message.timestamp_ms), noted(message)) == (at, [])


@pytest.mark.parametrize("name", ["traits", "properties", "context", "integrations"])
@pytest.mark.parametrize("value", ["text", '{"email": "a@b.co"}', [1], 5, True])
def test_what_is_no_object_counts_as_none_and_is_reported(name: str, value: object) -> None:
    message = message_of({name: value})
    assert (getattr(message, name), noted(message)) == ({}, [(name, Reason.WRONG_TYPE)])


@pytest.mark.parametrize("value", [None, [], "", {}])
def test_what_is_empty_is_no_object_either_and_not_worth_a_word(value: object) -> None:
    message = message_of({"traits": value, "properties": value})
    assert (message.traits, message.properties, noted(message)) == ({}, {}, [])


@pytest.mark.parametrize("name", list(FORMS))
def test_every_form_of_a_time_is_read_on_a_message(name: str) -> None:
    write, unit_ms = FORMS[name]
    at = datetime(2024, 3, 5, 23, 47, 31, 939_000, tzinfo=EST)
    message = message_of({"timestamp": write(at)})
    at_ms = round(at.timestamp() * 1000)
    assert (message.timestamp_ms, noted(message)) == (at_ms - at_ms % unit_ms, [])


@pytest.mark.parametrize("absent", [{}, {"timestamp": None}, {"timestamp": ""}])
def test_a_message_without_a_time_happened_when_it_arrived(absent: dict[str, Any]) -> None:
    message = message_of(absent)
    assert (message.timestamp_ms, noted(message)) == (RECEIVED, [])


@pytest.mark.parametrize("zero", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "1970-01-01T00:00:00Z", 0])
def test_a_zero_time_is_no_time_and_reported(zero: object) -> None:
    message = message_of({"timestamp": zero})
    assert (message.timestamp_ms, noted(message)) == (RECEIVED, [("timestamp", Reason.TIME_NOT_UNDERSTOOD)])


@pytest.mark.parametrize("future", ["2036-11-30T07:00:00Z", "2026-11-23T18:05:01Z", "2199-12-31T23:59:59Z"])
def test_a_message_cannot_happen_after_its_arrival(future: str) -> None:
    message = message_of({"timestamp": future})
    assert (message.timestamp_ms, noted(message)) == (RECEIVED, [("timestamp", Reason.TIME_IN_FUTURE)])
    assert future[:10] in message.notes[0].detail


def test_clocks_may_differ_by_the_grace() -> None:
    assert iso_text(message_of({"timestamp": "2026-11-23T18:04:59Z"}).timestamp_ms) == "2026-11-23T18:04:59.000Z"


@pytest.mark.parametrize(
    ("original", "sent"),
    [
        ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("2026-11-23T10:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("1900-01-01T00:00:00Z", "2199-12-31T23:59:59Z"),
        ("2199-12-31T23:59:59Z", "1900-01-01T00:00:00Z"),
    ],
)
def test_times_at_the_ends_of_the_calendar_are_bounded_and_reported(original: str, sent: str) -> None:
    message = message_of({"originalTimestamp": original}, {"sentAt": sent})
    assert 0 < message.timestamp_ms <= RECEIVED + FUTURE_GRACE_MS
    assert noted(message)


def test_the_clock_is_corrected_by_the_time_of_sending() -> None:
    message = message_of({"timestamp": "2019-01-01T00:00:10Z"}, {"sentAt": "2019-01-01T00:00:20Z"})
    assert (message.timestamp_ms, noted(message)) == (RECEIVED - 10_000, [])
