"""Values: what HubSpot takes by type, and why the others are left out."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hubwire.plan.conversion.choices import converter
from hubwire.plan.conversion.values import BY_TYPE, MAX_TEXT, Partial, Refusal, date_in, inferred
from hubwire.plan.default_portal import choice
from hubwire.reasons import Reason
from hubwire.schema import PropertyDefinition

LIFECYCLE = choice("stage", {"lead": "Lead", "mql": "Marketing Qualified Lead"}, "radio")


ROLES = choice("roles", {"CHAMPION": "Champion", "END_USER": "End user"}, "checkbox")


def convert(kind: str, value: object) -> Any:
    return converter(PropertyDefinition("p", kind))(value)


def reason(kind: str, value: object) -> Reason | None:
    converted = convert(kind, value)
    return converted.reason if isinstance(converted, Refusal) else None


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("string", " a ", "a"),
        ("string", 15551234567, "15551234567"),
        ("string", "+15551234567", "+15551234567"),
        ("string", True, "true"),
        ("string", 19.0, "19"),
        ("string", 0.1, "0.1"),
        ("string", ["a", " b ", 1], "a;b;1"),
        ("string", {"a": [1]}, '{"a":[1]}'),
        ("string", "", ""),
        ("string", [], ""),
        ("phone_number", "+1 512", "+1 512"),
        ("number", 13.5, "13.5"),
        ("number", 20.0, "20"),
        ("number", "007", "7"),
        ("number", " -1.50 ", "-1.50"),
        ("number", "1e3", "1000"),
        ("number", 1e-7, "0.0000001"),
        ("number", "", ""),
        ("bool", True, "true"),
        ("bool", "No", "false"),
        ("bool", 1, "true"),
        ("date", "2026-01-31", "2026-01-31"),
        ("date", "2026-01-31T23:30:00-05:00", "2026-01-31"),
        ("date", 1769817600000, "1769817600000"),
        ("date", "1769817600000", "1769817600000"),
        ("datetime", "2026-01-31T10:00:00.123456+01:00", "2026-01-31T09:00:00.123Z"),
        ("datetime", "2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("datetime", 1769817600123, "1769817600123"),
        ("date", "", ""),
        ("datetime", "", ""),
        ("a_type_of_tomorrow", 5, "5"),
    ],
)
def test_values_that_fit(kind: str, value: object, text: str) -> None:
    assert convert(kind, value) == text


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("string", None, Reason.EMPTY_VALUE),
        ("string", "  ", Reason.EMPTY_VALUE),
        ("string", "x" * (MAX_TEXT + 1), Reason.TOO_LONG),
        ("number", "1,234", Reason.WRONG_TYPE),
        ("number", "1_000", Reason.WRONG_TYPE),
        ("number", "$5", Reason.WRONG_TYPE),
        ("number", "nan", Reason.WRONG_TYPE),
        ("number", "1e999999", Reason.WRONG_TYPE),
        ("number", "١٢", Reason.WRONG_TYPE),
        ("number", True, Reason.WRONG_TYPE),
        ("number", [1], Reason.WRONG_TYPE),
        ("number", 10**30, Reason.WRONG_TYPE),
        ("bool", "perhaps", Reason.WRONG_TYPE),
        ("bool", 2, Reason.WRONG_TYPE),
        ("date", " ", Reason.EMPTY_VALUE),
        ("datetime", None, Reason.EMPTY_VALUE),
        ("date", "next week", Reason.BAD_DATE),
        ("date", "2026-02-30", Reason.BAD_DATE),
        ("date", 1769817600123, Reason.BAD_DATE),
        ("date", 1769817600, Reason.BAD_DATE),
        ("datetime", "0001-01-01T00:00:00+23:00", Reason.BAD_DATE),
        ("datetime", "0001-01-01T00:00:00Z", Reason.BAD_DATE),
        ("date", "0001-01-01T00:00:00Z", Reason.BAD_DATE),
        ("date", "0001-01-01", Reason.BAD_DATE),
        ("date", "0001-01-01T00:00:00-05:00", Reason.BAD_DATE),
        ("datetime", True, Reason.BAD_DATE),
        ("datetime", {"a": 1}, Reason.BAD_DATE),
    ],
)
def test_values_that_hubspot_would_refuse(kind: str, value: object, why: Reason) -> None:
    assert reason(kind, value) is why


def test_details_never_repeat_the_value() -> None:
    for kind in ("number", "bool", "date", "datetime"):
        refused = convert(kind, "peter@initech.com")
        assert isinstance(refused, Refusal)
        assert "peter" not in refused.detail


def test_nesting_beyond_reason_is_refused_without_a_crash() -> None:
    value: object = 1
    for _ in range(900):
        value = [value]
    assert reason("string", value) is Reason.WRONG_TYPE
    assert reason("string", {"a": value}) is Reason.WRONG_TYPE


@pytest.mark.parametrize(
    ("value", "option"),
    [
        ("lead", "lead"),
        ("LEAD", "lead"),
        ("marketing qualified lead", "mql"),
        ("Marketing-Qualified Lead", "mql"),
        ("", ""),
    ],
)
def test_options_match_by_value_label_and_loosely(value: str, option: str) -> None:
    assert converter(LIFECYCLE)(value) == option


def test_the_good_options_of_a_list_go() -> None:
    converted = converter(ROLES)(["champion", "Hero", "End user", "champion"])
    assert isinstance(converted, Partial)
    assert converted.text == "CHAMPION;END_USER"
    assert converted.refusal == Refusal(Reason.NOT_AN_OPTION, "'Hero': none of the 2 options")
    assert converter(ROLES)(["Hero"]) == converted.refusal
    many = converter(ROLES)("champion;a;b;c;d;e")
    assert isinstance(many, Partial)
    assert many.refusal.detail == "'a', 'b', 'c' and 2 more: none of the 2 options"
    repeated = converter(ROLES)(["champion", "a", "a", "a", "a", "x" * 100])
    assert isinstance(repeated, Partial)
    assert repeated.refusal.detail == f"'a', '{'x' * 60}'...: none of the 2 options"
    assert converter(ROLES)(";champion") == ";CHAMPION"
    assert converter(ROLES)([]) == ""


def test_free_options_take_any_text() -> None:
    assert converter(choice("owner", None))(123) == "123"


def test_inferred_types() -> None:
    found = [
        inferred(value)[0] for value in (True, 1, 1.5, "x", "2026-01-31", "2026-01-31T10:00:00Z", "1234-56-78", [1])
    ]
    assert found == ["bool", "number", "number", "string", "date", "datetime", "string", "string"]


def test_infinity_of_a_python_caller_is_refused() -> None:
    assert reason("number", math.inf) is Reason.WRONG_TYPE
    assert reason("datetime", math.inf) is Reason.BAD_DATE
    assert datetime.now(tz=UTC).tzinfo is UTC


@pytest.mark.parametrize("kind", BY_TYPE)
@pytest.mark.parametrize("number", [10**400, -(10**400)])
def test_an_integer_that_no_float_holds_is_refused(kind: str, number: int) -> None:
    assert isinstance(BY_TYPE[kind](number), Refusal | str)
    assert kind not in ("date", "datetime") or reason(kind, number) is Reason.BAD_DATE


@pytest.mark.parametrize(
    ("value", "zone", "day"),
    [
        ("2026-03-01T23:30:00-05:00", "UTC", "2026-03-01"),
        ("2026-03-01T23:30:00-05:00", "Europe/Berlin", "2026-03-01"),
        ("2026-03-02T00:30:00+05:30", "UTC", "2026-03-02"),
        ("2026-03-01T23:30:00+00:00", "Europe/Berlin", "2026-03-01"),
        ("1990-05-16T22:00:00.000Z", "Europe/Berlin", "1990-05-17"),
        ("1990-05-16T22:00:00.000Z", "UTC", "1990-05-16"),
        ("1990-05-16T22:00:00", "Europe/Berlin", "1990-05-17"),
        ("1990-05-17T03:00:00Z", "America/New_York", "1990-05-16"),
        ("1990-05-16", "Europe/Berlin", "1990-05-16"),
        ("1990-05-16", "America/New_York", "1990-05-16"),
        (" 1990-05-16 ", "America/New_York", "1990-05-16"),
        (1738281600000, "Europe/Berlin", "1738281600000"),
        ("", "Europe/Berlin", ""),
    ],
)
def test_a_day_is_the_texts_own_or_that_of_the_destinations_zone(value: object, zone: str, day: str) -> None:
    assert date_in(ZoneInfo(zone))(value) == day


@pytest.mark.parametrize("value", ["2026-13-01T00:00:00+01:00", "tomorrow", 12, "20260301T233000-0500x"])
def test_what_is_no_date_is_refused_in_every_zone(value: object) -> None:
    assert isinstance(date_in(ZoneInfo("Europe/Berlin"))(value), Refusal)
