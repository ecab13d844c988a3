"""Times in the forms that SDKs, exports and warehouses write: each is understood exactly or refused with the reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.test_times import (
    FORMS,
    NAIVE,
    epoch,
)

from hubwire.times import DateOrder, NoTime, TimeFault, iso_text, read_time

MOMENTS = st.builds(
    lambda at, quarters: at.replace(tzinfo=UTC, microsecond=at.microsecond // 1000 * 1000).astimezone(
        timezone(timedelta(minutes=15 * quarters))
    ),
    st.datetimes(NAIVE(1980, 1, 2), NAIVE(2199, 12, 30)),
    st.integers(-48, 56),
)


def expected(at: datetime, unit_ms: int) -> int:
    return epoch(at, 1000) // unit_ms * unit_ms


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=20)
@given(at=MOMENTS)
@example(at=datetime(2024, 3, 5, 10, 0, 2, 500_000, tzinfo=UTC))
def test_each_form_is_understood_exactly(name: str, at: datetime) -> None:
    form, unit_ms = FORMS[name]
    assert read_time(form(at)) == expected(at, unit_ms)


@given(at=MOMENTS, separator=st.sampled_from("/-."), is_day_first=st.booleans())
def test_a_date_of_numbers_is_understood_where_one_order_is_possible(
    at: datetime, separator: str, is_day_first: bool
) -> None:
    day, month = f"{at.day:02d}", str(at.month)
    numbers = (day, month) if is_day_first else (month, day)
    text = separator.join([*numbers, str(at.year)]) + " 10:00"
    answer = read_time(text)
    expected = epoch(datetime(at.year, at.month, at.day, 10, tzinfo=UTC), 1000)
    if at.day > 12 or at.day == at.month:
        assert answer == expected
    else:
        assert isinstance(answer, NoTime)
        assert answer.fault is TimeFault.AMBIGUOUS
        assert read_time(text, DateOrder.DAY_FIRST if is_day_first else DateOrder.MONTH_FIRST) == expected


@given(
    st.one_of(
        st.text(max_size=60),
        st.text("0123456789-/:. tzTZ+UTCGMapm,", max_size=40),
        st.integers(),
        st.floats(),
        st.datetimes(),
        st.dates(),
    )
)
def test_every_value_is_a_moment_of_the_calendar_or_a_reason(value: object) -> None:
    answer = read_time(value)
    if isinstance(answer, NoTime):
        assert answer.reason
    else:
        assert read_time(iso_text(answer)) == answer
