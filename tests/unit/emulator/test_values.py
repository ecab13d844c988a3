"""Values by property type: what is taken, what is stored, what is refused and with which code."""

from __future__ import annotations

import pytest

from hubwire.emulator.store.objects.values import (
    ValueRefused,
    as_text,
    check_date,
    check_datetime,
    check_number,
    rule_for,
)


def check(value_type: str, value: str, *, is_lenient: bool = False, field_type: str = "text") -> str:
    rule = rule_for(
        name="it",
        value_type=value_type,
        field_type=field_type,
        option_labels={"a": "A", "b": "B"},
        has_open_options=False,
        is_read_only=False,
    )
    return rule.check(value, "b", is_lenient)


@pytest.mark.parametrize("value", ["1", "-1", "1.5", ".5", "1e5", "0"])
def test_numbers(value: str) -> None:
    assert check("number", value) == value


@pytest.mark.parametrize("value", ["1,000", "1.2.3", "ten", "", "1 000", "NaN", "0x10"])
def test_not_numbers(value: str) -> None:
    with pytest.raises(ValueRefused, match="not a valid long") as refused:
        check_number(value, None, False)
    assert refused.value.code == "INVALID_LONG"


@pytest.mark.parametrize("value", ["true", "false"])
def test_booleans(value: str) -> None:
    assert check("bool", value) == value


@pytest.mark.parametrize("value", ["True", "yes", "1"])
def test_not_booleans(value: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        check("bool", value)
    assert refused.value.code == "INVALID_BOOLEAN"


@pytest.mark.parametrize(
    ("value", "stored"), [("2026-11-23", "2026-11-23"), ("1795392000000", "2026-11-23"), ("0", "1970-01-01")]
)
def test_dates(value: str, stored: str) -> None:
    assert check("date", value) == stored


@pytest.mark.parametrize("value", ["23/11/2026", "2026-11-23T10:00:00Z", "1795392000001", "2026-02-30", "soon"])
def test_not_dates(value: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        check_date(value, None, False)
    assert refused.value.code == "INVALID_DATE"


@pytest.mark.parametrize(
    ("value", "stored"),
    [("2026-11-23T10:00:00Z", "2026-11-23"), ("11/23/2026", "2026-11-23"), ("1795392000001", "2026-11-23")],
)
def test_lenient_dates(value: str, stored: str) -> None:
    assert check_date(value, None, True) == stored


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000Z"),
        ("2026-11-23T10:00:00.250Z", "2026-11-23T10:00:00.250Z"),
        ("1795428000000", "2026-11-23T10:00:00.000Z"),
        ("2026-11-23", "2026-11-23T00:00:00.000Z"),
    ],
)
def test_datetimes(value: str, stored: str) -> None:
    assert check("datetime", value) == stored


@pytest.mark.parametrize("value", ["2026-11-23 10:00", "2026-11-23T10:00:00+02:00", "tomorrow", "9" * 20])
def test_not_datetimes(value: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        check_datetime(value, None, False)
    assert refused.value.code == "INVALID_DATE"


def test_lenient_datetime_takes_an_offset() -> None:
    assert check_datetime("2026-11-23T10:00:00+02:00", None, True) == "2026-11-23T08:00:00.000Z"


def test_options_are_case_sensitive() -> None:
    assert check("enumeration", "a", field_type="select") == "a"
    with pytest.raises(ValueRefused, match=r"A was not one of the allowed options: \[a, b\]") as refused:
        check("enumeration", "A", field_type="select")
    assert "label" in refused.value.older_message
    assert refused.value.code == "INVALID_OPTION"


@pytest.mark.parametrize(("value", "stored"), [("a", "a"), ("a;b", "a;b"), (";a", "b;a"), (";b", "b"), ("a;a;", "a")])
def test_several_options(value: str, stored: str) -> None:
    assert check("enumeration", value, field_type="checkbox") == stored


@pytest.mark.parametrize(("value", "text"), [(None, ""), (True, "true"), (False, "false"), (3, "3"), ("x", "x")])
def test_json_scalars_as_text(value: object, text: str) -> None:
    assert as_text(value) == text
