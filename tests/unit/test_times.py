"""Times in the forms that SDKs, exports and warehouses write: each is understood exactly or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from hubwire.times import ABSENT, NoTime, TimeFault, iso_text, read_time

EST = timezone(timedelta(hours=-5))


Form = Callable[[datetime], object]
"""Writes an aware moment, in whichever zone it has."""


def in_utc(pattern: str) -> Form:
    return lambda at: at.astimezone(UTC).strftime(pattern)


def local(pattern: str) -> Form:
    return lambda at: at.strftime(pattern)


def offset(at: datetime, colon: str = ":") -> str:
    text = at.strftime("%z")
    return f"{text[:3]}{colon}{text[3:5]}"


def ms(at: datetime) -> str:
    return f"{at.microsecond // 1000:03d}"


def epoch(at: datetime, unit: int) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * unit // 1_000_000


def twelve_hours(at: datetime, date_pattern: str, before: str = " ") -> str:
    utc = at.astimezone(UTC)
    return utc.strftime(date_pattern) + before + utc.strftime("%I:%M:%S %p")


MILLISECOND, SECOND, MINUTE, HOUR, DAY = 1, 1000, 60_000, 3_600_000, 86_400_000


FORMS: dict[str, tuple[Form, int]] = {
    # name: how it is written, and the finest unit that the form keeps, in ms
    "RFC 3339, Z": (lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"), MILLISECOND),
    "RFC 3339, offset": (lambda at: at.isoformat(), MILLISECOND),
    "JavaScript toISOString": (lambda at: in_utc("%Y-%m-%dT%H:%M:%S.")(at) + ms(at) + "Z", MILLISECOND),  # type: ignore[operator]
    "nanoseconds": (lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{ms(at)}456789Z", MILLISECOND),
    "seconds": (in_utc("%Y-%m-%dT%H:%M:%SZ"), SECOND),
    "week date": (in_utc("%G-W%V-%u"), DAY),
    "ordinal date": (in_utc("%Y-%j"), DAY),
    "minutes": (in_utc("%Y-%m-%dT%H:%MZ"), MINUTE),
    "hour": (in_utc("%Y-%m-%dT%HZ"), HOUR),
    "naive T": (in_utc("%Y-%m-%dT%H:%M:%S"), SECOND),
    "naive with space": (in_utc("%Y-%m-%d %H:%M:%S"), SECOND),
    "naive minutes": (in_utc("%Y-%m-%d %H:%M"), MINUTE),
    "date": (in_utc("%Y-%m-%d"), DAY),
    "small t and z": (in_utc("%Y-%m-%dt%H:%M:%Sz"), SECOND),
    "offset without colon": (local("%Y-%m-%dT%H:%M:%S%z"), SECOND),
    "fraction behind a comma": (lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S},{ms(at)}Z", MILLISECOND),
    "two fractions": (lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{ms(at)}.000Z", MILLISECOND),
    "true minus sign": (lambda at: minus(at), SECOND),
    "java.time with zone name": (lambda at: at.strftime("%Y-%m-%dT%H:%M:%S") + offset(at) + "[Europe/Rome]", SECOND),
    "java.time UTC": (in_utc("%Y-%m-%dT%H:%M:%SZ[UTC]"), SECOND),
    "Postgres +00": (in_utc("%Y-%m-%d %H:%M:%S+00"), SECOND),
    "Postgres with fraction": (lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00", MILLISECOND),
    "Postgres with offset": (lambda at: at.strftime("%Y-%m-%d %H:%M:%S") + offset(at), SECOND),
    "BigQuery extract": (lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{ms(at)} UTC", MILLISECOND),
    "BigQuery without fraction": (in_utc("%Y-%m-%d %H:%M:%S UTC"), SECOND),
    "Snowflake TZHTZM": (lambda at: at.strftime("%Y-%m-%d %H:%M:%S.") + ms(at) + " " + offset(at, ""), MILLISECOND),
    "Snowflake Z": (lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{ms(at)} Z", MILLISECOND),
    "GMT behind a space": (in_utc("%Y-%m-%d %H:%M:%S GMT"), SECOND),
    "offset with colon behind a space": (lambda at: at.strftime("%Y-%m-%d %H:%M:%S ") + offset(at), SECOND),
    "Go": (lambda at: at.strftime("%Y-%m-%d %H:%M:%S.") + ms(at) + " " + offset(at, "") + " CET", MILLISECOND),
    "Go UTC": (in_utc("%Y-%m-%d %H:%M:%S +0000 UTC"), SECOND),
    "Go with monotonic clock": (in_utc("%Y-%m-%d %H:%M:%S +0000 UTC m=+0.004213"), SECOND),
    "slashes, year first": (in_utc("%Y/%m/%d %H:%M:%S"), SECOND),
    "slashes, date": (in_utc("%Y/%m/%d"), DAY),
    "dots, year first": (in_utc("%Y.%m.%d %H:%M"), MINUTE),
    "not padded": (lambda at: unpadded(at.astimezone(UTC)), MINUTE),
    "twelve hours, year first": (lambda at: twelve_hours(at, "%Y-%m-%d"), SECOND),
    "basic date": (in_utc("%Y%m%d"), DAY),
    "basic": (in_utc("%Y%m%dT%H%M%SZ"), SECOND),
    "basic with offset": (local("%Y%m%dT%H%M%S%z"), SECOND),
    "fourteen digits": (in_utc("%Y%m%d%H%M%S"), SECOND),
    "date with Z": (in_utc("%Y-%m-%dZ"), DAY),
    "epoch seconds": (lambda at: epoch(at, 1), SECOND),
    "epoch seconds, text": (lambda at: str(epoch(at, 1)), SECOND),
    "epoch seconds, float": (lambda at: epoch(at, 1000) / 1000, MILLISECOND),
    "epoch seconds, float text": (lambda at: f"{epoch(at, 1)}.{ms(at)}", MILLISECOND),
    "epoch ms": (lambda at: epoch(at, 1000), MILLISECOND),
    "epoch ms, text": (lambda at: str(epoch(at, 1000)), MILLISECOND),
    "epoch ms, float": (lambda at: float(epoch(at, 1000)), MILLISECOND),
    "epoch us": (lambda at: epoch(at, 1_000_000), MILLISECOND),
    "epoch us, text": (lambda at: str(epoch(at, 1_000_000)), MILLISECOND),
    "epoch ns": (lambda at: epoch(at, 1_000_000) * 1000, MILLISECOND),
    "epoch ns, text": (lambda at: str(epoch(at, 1_000_000) * 1000), MILLISECOND),
    "Microsoft JSON": (lambda at: f"/Date({epoch(at, 1000)})/", MILLISECOND),
    "Microsoft JSON, escaped, with offset": (lambda at: f"\\/Date({epoch(at, 1000)}+0100)\\/", MILLISECOND),
    "RFC 2822": (format_datetime, SECOND),
    "RFC 2822, GMT": (lambda at: format_datetime(at.astimezone(UTC), usegmt=True), SECOND),
    "RFC 2822 without weekday": (local("%d %b %Y %H:%M:%S %z"), SECOND),
    "RFC 2822, EST": (lambda at: f"{at.astimezone(EST):%a, %d %b %Y %H:%M:%S} EST", SECOND),
    "C": (in_utc("%a %b %d %H:%M:%S %Y"), SECOND),
    "date command": (in_utc("%a %b %d %H:%M:%S UTC %Y"), SECOND),
    "JavaScript toString": (
        lambda at: at.strftime("%a %b %d %Y %H:%M:%S GMT%z") + " (Central European Standard Time)",
        SECOND,
    ),
    "JavaScript toUTCString": (in_utc("%a, %d %b %Y %H:%M:%S GMT"), SECOND),
    "American in words": (lambda at: twelve_hours(at, "%b %d, %Y", ", "), SECOND),
    "American in long words": (in_utc("%B %d, %Y at %H:%M"), MINUTE),
    "day, month, year": (in_utc("%d %b %Y"), DAY),
    "day-month-year": (in_utc("%d-%b-%Y %H:%M:%S"), SECOND),
    "year-month-day in words": (in_utc("%Y-%b-%d %H:%M:%S"), SECOND),
    "aware datetime": (lambda at: at, MILLISECOND),
    "naive datetime": (lambda at: at.astimezone(UTC).replace(tzinfo=None), MILLISECOND),
    "date object": (lambda at: at.astimezone(UTC).date(), DAY),
    "with spaces around": (in_utc("  %Y-%m-%d  %H:%M:%S  "), SECOND),
}


def minus(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S") + offset(at).replace("-", "\u2212")


def unpadded(at: datetime) -> str:
    return f"{at.year}-{at.month}-{at.day} {at.hour}:{at.minute:02d}"


NAIVE = datetime


def test_there_are_sixty_forms() -> None:
    assert len(FORMS) >= 60


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("3/5/2024 10:00", TimeFault.AMBIGUOUS),
        ("05-03-2024", TimeFault.AMBIGUOUS),
        ("05-Mar-24", TimeFault.UNKNOWN_FORM),
        ("13/5/24", TimeFault.UNKNOWN_FORM),
        ("202403051000", TimeFault.UNKNOWN_FORM),
        ("0001-01-01T00:00:00Z", TimeFault.ZERO),
        ("0001-01-01T00:00:00", TimeFault.ZERO),
        ("0000-00-00 00:00:00", TimeFault.ZERO),
        ("1970-01-01T00:00:00.000Z", TimeFault.ZERO),
        ("0001-01-01 00:00:00 +0000 UTC", TimeFault.ZERO),
        ("/Date(-62135596800000)/", TimeFault.ZERO),
        (NAIVE(1, 1, 1), TimeFault.ZERO),
        (date(1, 1, 1), TimeFault.ZERO),
        (0, TimeFault.ZERO),
        ("0", TimeFault.ZERO),
        (-62135596800, TimeFault.ZERO),
        ("9999-12-31T23:59:59Z", TimeFault.OUT_OF_RANGE),
        ("9999-12-31 24:00", TimeFault.OUT_OF_RANGE),
        (45356.41, TimeFault.OUT_OF_RANGE),
        (10**30, TimeFault.OUT_OF_RANGE),
        (10**400, TimeFault.OUT_OF_RANGE),
        (20240305, TimeFault.OUT_OF_RANGE),
        (float("nan"), TimeFault.UNKNOWN_FORM),
        (True, TimeFault.UNKNOWN_FORM),
        ({}, TimeFault.UNKNOWN_FORM),
        ("1.70963E+12", TimeFault.UNKNOWN_FORM),
        ("2024-02-30", TimeFault.UNKNOWN_FORM),
        ("2023-366", TimeFault.UNKNOWN_FORM),
        ("2024-W54-1", TimeFault.UNKNOWN_FORM),
        ({"$date": {}}, TimeFault.UNKNOWN_FORM),
        ("2024-03-05 25:00", TimeFault.UNKNOWN_FORM),
        ("2024-03-05 13:00 PM", TimeFault.UNKNOWN_FORM),
        ("2024-03-05 10:00:00 IST", TimeFault.UNKNOWN_FORM),
        ("2024-03-05-10", TimeFault.UNKNOWN_FORM),
        ("2024-03-05 10:00 +99:00", TimeFault.UNKNOWN_FORM),
        ("2024-03", TimeFault.UNKNOWN_FORM),
        ("2024-03-05T10:00:00[Europe/Berlin]", TimeFault.UNKNOWN_FORM),
        ("2024-03-05 10:00:00 (CET)", TimeFault.UNKNOWN_FORM),
        ("2024-03-05[Europe/Berlin]", TimeFault.UNKNOWN_FORM),
        ("yesterday", TimeFault.UNKNOWN_FORM),
        ("5 Brumaire 2024", TimeFault.UNKNOWN_FORM),
        ("x" * 1000, TimeFault.UNKNOWN_FORM),
        ("  ", TimeFault.ABSENT),
        (None, TimeFault.ABSENT),
    ],
)
def test_what_names_no_moment_says_why(value: object, fault: TimeFault) -> None:
    answer = read_time(value)
    assert isinstance(answer, NoTime)
    assert answer.fault is fault
    assert len(answer.reason) < 140


@pytest.mark.parametrize("inner", ["2024-03-05T10:00:00Z", 1709632800000, {"$numberLong": "1709632800000"}])
def test_mongodbs_dates_are_understood(inner: object) -> None:
    assert read_time({"$date": inner}) == 1709632800000


def test_the_reason_of_an_ambiguous_date_names_both_readings() -> None:
    assert read_time("3/5/2024 10:00") == NoTime(TimeFault.AMBIGUOUS, "'3/5/2024 10:00' can be 3 May or 5 March")
    assert read_time("") is ABSENT


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ("2024-03-05T24:00:00Z", "2024-03-06T00:00:00.000Z"),
        ("2024-03-05 12:00 AM", "2024-03-05T00:00:00.000Z"),
        ("Mar 5, 2024 12:30 p.m.", "2024-03-05T12:30:00.000Z"),
        ("2024-03-05+01:00", "2024-03-04T23:00:00.000Z"),
        ("Tuesday, 5th March 2024 10:00 UTC", "2024-03-05T10:00:00.000Z"),
    ],
)
def test_corners_of_the_calendar(text: str, moment: str) -> None:
    answer = read_time(text)
    assert isinstance(answer, int)
    assert iso_text(answer) == moment
