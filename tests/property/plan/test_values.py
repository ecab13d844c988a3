"""Values: what HubSpot takes by type, and why the others are left out."""

from __future__ import annotations

from datetime import date, datetime

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.plan.test_values import LIFECYCLE, ROLES, convert

from hubwire.plan.conversion.choices import converter
from hubwire.plan.conversion.values import MAX_TEXT, Partial, Refusal, inferred

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_a_number_is_digits_with_at_most_one_point(value: object) -> None:
    converted = convert("number", value)
    if isinstance(converted, str) and converted:
        digits = converted.removeprefix("-")
        assert digits.replace(".", "", 1).isdigit()
        assert digits.isascii()
        assert len(digits) <= 64


@given(json_values)
def test_a_bool_is_true_or_false(value: object) -> None:
    converted = convert("bool", value)
    assert isinstance(converted, Refusal) or converted in ("true", "false", "")


@given(json_values | st.integers(-(10**14), 10**14))
def test_a_date_is_a_day_or_midnight(value: object) -> None:
    converted = convert("date", value)
    if isinstance(converted, str) and converted:
        if converted.removeprefix("-").isdigit():
            assert int(converted) % 86_400_000 == 0
        else:
            assert date.fromisoformat(converted).isoformat() == converted


@given(json_values | st.integers(-(10**14), 10**14))
def test_a_time_is_utc_milliseconds(value: object) -> None:
    converted = convert("datetime", value)
    if isinstance(converted, str) and converted and not converted.removeprefix("-").isdigit():
        assert converted.endswith("Z")
        assert len(converted) == 24
        assert datetime.fromisoformat(converted).tzinfo is not None


@given(json_values)
def test_a_text_is_never_too_long_and_never_blank(value: object) -> None:
    converted = convert("string", value)
    if isinstance(converted, str):
        assert len(converted) <= MAX_TEXT
        assert converted.strip() == converted or not isinstance(value, str)


@given(
    json_values
    | st.sampled_from(["Lead", "MARKETING qualified-lead", ["lead"], ["lead", "mql"], "CHAMPION;End User", ";champion"])
)
def test_a_choice_is_always_an_option(value: object) -> None:
    for definition in (LIFECYCLE, ROLES):
        converted = converter(definition)(value)
        written = converted.text if isinstance(converted, Partial) else converted
        if isinstance(written, str) and written:
            options = definition.options
            assert options is not None
            parts = written.removeprefix(";").split(";") if definition.is_multiple else [written]
            assert set(parts) <= options


@given(json_values)
def test_an_inferred_type_takes_its_own_value(value: object) -> None:
    kind, converted = inferred(value)
    assert kind in ("string", "number", "bool", "date", "datetime")
    if isinstance(converted, str) and kind in ("number", "bool", "date", "datetime"):
        assert convert(kind, converted) == converted
