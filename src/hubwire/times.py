"""The moment that a value of unknown origin means, or the reason why it means none. Pure.

SDKs, exports and warehouses write times in dozens of forms. A form with exactly one reading is understood; any other
form gives a `NoTime`, and the caller decides what follows. This module never answers "now".

A time without a zone is UTC, as the seed has it. A number is epoch seconds, milliseconds, microseconds or nanoseconds:
between 1973 and 2200 its size tells which.
Sources: ISO 8601, RFC 3339, RFC 2822 (its zones: 4.3), ECMA-262 `Date.prototype.toString`, Go's `Time.String`,
BigQuery's and Snowflake's text forms, Microsoft's JSON dates, MongoDB's extended JSON.
"""

from __future__ import annotations

import calendar
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

MIN_YEAR: Final = 1900
MAX_YEAR: Final = 2200
MAX_LENGTH: Final = 100
MAX_SHOWN: Final = 40


class TimeFault(StrEnum):
    """The reason why a value is no time."""

    ABSENT = "absent"
    ZERO = "zero"
    """The zero value of a language, a database or the epoch, which a program wrote because it had no time."""
    AMBIGUOUS = "ambiguous"
    """The order of day and month is open; a `DateOrder` decides it."""
    OUT_OF_RANGE = "out-of-range"
    UNKNOWN_FORM = "unknown-form"


@dataclass(frozen=True, slots=True)
class NoTime:
    """A value that names no moment. `reason` is one clause that quotes the value."""

    fault: TimeFault
    reason: str


class DateOrder(StrEnum):
    """The chosen reading of dates such as `3/5/2024`."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


ABSENT: Final = NoTime(TimeFault.ABSENT, "no time is given")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_UNITS: Final = (1, 1_000, 1_000_000, 1_000_000_000)
"""The units of an epoch number, as fractions of a second."""
_MIN_EPOCH_SECONDS: Final = 100_000_000
"""1973. Smaller numbers are counters, days of a spreadsheet, or dates written as digits."""
_MAX_EPOCH_SECONDS: Final = 7_258_118_400
"""2200."""
_ZERO_SECONDS: Final = (0, -62_135_596_800)
"""The epoch, and January 1 of the year 1, where Go and .NET begin."""

_MONTHS: Final = {
    name.lower(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
} | {"sept": 9}
_ZONE_HOURS: Final = {"z": 0, "ut": 0, "utc": 0, "gmt": 0, "est": -5, "edt": -4} | {
    "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7
}  # fmt: skip
_WEEKDAY: Final = r"(?:(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun|(?:mon|tues|wednes|thurs|fri|satur|sun)day),? )?"
_MONTH: Final = r"(?P<month>[a-z]{3,9})\.?"
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR: Final = r"(?P<year>\d{4}|\d\d)(?!\d)"
_NAMED_MONTH: Final = (
    re.compile(rf"{_WEEKDAY}{_DAY}[ -]{_MONTH},?[ -]{_YEAR}"),
    re.compile(rf"{_WEEKDAY}{_MONTH} {_DAY},? {_YEAR}(?!:)"),
    re.compile(rf"(?P<year>\d{{4}})[ -]{_MONTH}[ -]{_DAY}(?!\d)"),
)
_YEAR_FIRST: Final = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d\d)(?!\d)")
_BASIC: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[t ]?(\d\d)(\d\d)(\d\d(?:[.,]\d+)?)?(z|[-+]\d.*)?)?")
_YEAR_BEHIND_CLOCK: Final = re.compile(rf"{_WEEKDAY}([a-z]{{3,9}} \d{{1,2}}) (\d{{1,2}}:\d.*) (\d{{4}})")
_WEEK_DATE: Final = re.compile(r"(\d{4})-w(\d\d)-([1-7])(?![\d-])")
_ORDINAL_DATE: Final = re.compile(r"(\d{4})-(\d{3})(?![\d-])")
_EPOCH_NUMBER: Final = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?")
_MICROSOFT: Final = re.compile(r"\\?/date\((-?\d{1,20})(?:[-+]\d{4})?\)\\?/")
_CLOCK: Final = re.compile(
    r"(?:t|,? (?:at )?)(?P<hour>\d{1,2}):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+)(?:\.\d+)?)?)?(?: ?(?P<half>[ap])\.?m\.?(?![a-z]))?"
)
_HOUR_ONLY: Final = re.compile(r"t(?P<hour>\d\d)(?![:\d])")
_ZONE: Final = re.compile(
    r" ?(?P<name>[a-z]{1,3})?(?: ?(?P<sign>[-+])(?P<hours>\d\d?)(?::?(?P<minutes>\d\d))?)?"
    r"(?P<again> (?:[a-z]{1,5}|[-+]\d\d(?:\d\d)?))?"
)
"""An offset, a zone, or both; after an offset the zone's name adds nothing, as in Go's `+0100 CET`."""
_GO_MONOTONIC: Final = re.compile(r" m=[-+]\d+\.\d+$")
_ENDS_WITH_OFFSET: Final = re.compile(r"(?::.*[-+]\d\d:?(?:\d\d)?|\d ?z|utc?|gmt|[ecmp][sd]t)$")
_IN_BRACKETS: Final = re.compile(r" ?(?:\[[\w/+-]+\]|\([^()]*\))$")


class _Fault(Exception):
    """Ends the reading of a value; never leaves this module."""

    def __init__(self, fault: TimeFault, why: str) -> None:
        super().__init__(why)
        self.fault = fault
        self.why = why


def read_time(value: object, order: DateOrder | None = None) -> int | NoTime:
    """The moment that a value means, or the reason why it means none.

    Shape: texts, numbers, dates and datetimes, MongoDB's `{"$date": …}`; everything else is an unknown form. `order`
    settles `3/5/2024`.
    Units: epoch milliseconds; finer fractions are cut off.
    Errors: none.
    """
    if value is None:
        return ABSENT
    if isinstance(value, dict) and len(value) == 1:
        value = _of_mongo(value)
    try:
        if isinstance(value, str):
            return _text_ms(value, order)
        if isinstance(value, datetime):
            return _moment_ms(value)
        if isinstance(value, date):
            return _moment_ms(datetime(value.year, value.month, value.day, tzinfo=UTC))
        if isinstance(value, int) and not isinstance(value, bool):
            return _epoch_ms(value)
        if isinstance(value, float) and math.isfinite(value):
            return _epoch_ms(value)
    except _Fault as fault:
        return ABSENT if fault.fault is TimeFault.ABSENT else NoTime(fault.fault, f"{_shown(value)} {fault.why}")
    return NoTime(TimeFault.UNKNOWN_FORM, f"{_shown(value)} is no time")


def _of_mongo(value: dict[object, object]) -> object:
    """The value in `{"$date": …}`, where a number can be `{"$numberLong": "…"}`; any other object as it is."""
    inner = value.get("$date", value)
    if isinstance(inner, dict) and len(inner) == 1:
        inner = inner.get("$numberLong", value)
    return value if isinstance(inner, dict) else inner


def iso_text(time_ms: int) -> str:
    """The moment as RFC 3339 with milliseconds: `2024-03-05T10:00:02.500Z`. Units: epoch milliseconds."""
    return (EPOCH + time_ms * _MS).isoformat(timespec="milliseconds")[:-6] + "Z"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _unknown() -> _Fault:
    return _Fault(TimeFault.UNKNOWN_FORM, "is no time")


def _text_ms(text: str, order: DateOrder | None) -> int:
    # Nearly all that arrive are RFC 3339, and warehouses write ` UTC`: the standard library reads both much faster
    # than what follows.
    if len(text) > 18 and text[10] in "T " and text[4] == "-":
        try:
            if not text.endswith(" UTC"):
                return _moment_ms(datetime.fromisoformat(text))
            moment = datetime.fromisoformat(text[:-4])
            if moment.tzinfo is None:
                return _moment_ms(moment)
        except ValueError:
            pass
    if len(text) > MAX_LENGTH:
        raise _unknown()
    plain = " ".join(text.replace("\u2212", "-").lower().split())
    if not plain:
        raise _Fault(TimeFault.ABSENT, "")
    if match := _MICROSOFT.fullmatch(plain):
        return _epoch_ms(int(match[1]))
    if (match := _BASIC.fullmatch(plain)) and MIN_YEAR <= int(match[1]) <= MAX_YEAR:
        return _basic_ms(match, order)
    if _EPOCH_NUMBER.fullmatch(plain):
        return _epoch_ms(float(plain) if "." in plain else int(plain))
    plain = _GO_MONOTONIC.sub("", plain)
    bare = _IN_BRACKETS.sub("", plain)
    if bare != plain and not _ENDS_WITH_OFFSET.search(bare):
        raise _Fault(TimeFault.UNKNOWN_FORM, "names a zone without its offset")
    return _calendar_ms(bare, order)


def _epoch_ms(value: int | float) -> int:
    for unit in _UNITS:
        if _MIN_EPOCH_SECONDS * unit <= value < _MAX_EPOCH_SECONDS * unit:
            return value * 1000 // unit if isinstance(value, int) else round(value * 1000 / unit)
        if any(value == seconds * unit for seconds in _ZERO_SECONDS):
            raise _Fault(TimeFault.ZERO, "is a zero value, written where there was no time")
    raise _Fault(TimeFault.OUT_OF_RANGE, "is no epoch time between 1973 and 2200 (in seconds, ms, us or ns)")


def _basic_ms(match: re.Match[str], order: DateOrder | None) -> int:
    """Dates written as digits only: `20240305`, `20240305T100002Z`."""
    year, month, day, hour, minute, second, zone = match.groups()
    if match[0].isdigit() and len(match[0]) == 12:
        raise _Fault(TimeFault.UNKNOWN_FORM, "can be a date in digits or milliseconds of 1976")
    clock = f" {hour}:{minute}:{second or '00'}" if hour else ""
    return _calendar_ms(f"{year}-{month}-{day}{clock}{zone or ''}", order)


def _calendar_ms(plain: str, order: DateOrder | None) -> int:
    """A date, and perhaps a clock and a zone behind it."""
    plain = _YEAR_BEHIND_CLOCK.sub(r"\1 \3 \2", plain)
    (year, month, day), rest = _date_and_rest(plain, order)
    if year <= 1 or month == day == 0:
        raise _Fault(TimeFault.ZERO, "is a zero value, written where there was no time")
    clock = _CLOCK.match(rest) or _HOUR_ONLY.match(rest)
    zone = _ZONE.fullmatch(rest, clock.end() if clock else 0)
    if zone is None:
        raise _unknown()
    try:
        moment = datetime(year, month, day, tzinfo=UTC)
    except ValueError as exc:
        raise _Fault(TimeFault.UNKNOWN_FORM, "is no day of the calendar") from exc
    try:
        return _moment_ms(moment + _since_midnight(clock) - _offset(zone, clock is not None))
    except OverflowError as exc:
        raise _Fault(TimeFault.OUT_OF_RANGE, f"is not between {MIN_YEAR} and {MAX_YEAR}") from exc


def _date_and_rest(plain: str, order: DateOrder | None) -> tuple[tuple[int, int, int], str]:
    if match := _WEEK_DATE.match(plain) or _ORDINAL_DATE.match(plain):
        day = _counted_day(*(int(part) for part in match.groups()))
        return (day.year, day.month, day.day), plain[match.end() :]
    if match := _YEAR_FIRST.match(plain):
        return (int(match[1]), int(match[3]), int(match[4])), plain[match.end() :]
    if match := _YEAR_LAST.match(plain):
        return _ordered(match, order), plain[match.end() :]
    for form in _NAMED_MONTH:
        if (match := form.match(plain)) and match["month"] in _MONTHS:
            return (_full_year(match["year"]), _MONTHS[match["month"]], int(match["day"])), plain[match.end() :]
    raise _unknown()


def _counted_day(year: int, number: int, weekday: int = 0) -> date:
    """A day by its week and weekday, or by its number within the year."""
    try:
        if weekday:
            return date.fromisocalendar(year, number, weekday)
        day = date(year, 1, 1) + timedelta(days=number - 1)
    except (ValueError, OverflowError) as exc:
        raise _Fault(TimeFault.UNKNOWN_FORM, "is no day of the calendar") from exc
    if day.year != year:
        raise _Fault(TimeFault.UNKNOWN_FORM, "is no day of the calendar")
    return day


def _ordered(match: re.Match[str], order: DateOrder | None) -> tuple[int, int, int]:
    first, second, year = int(match[1]), int(match[3]), _full_year(match[4])
    if order is None and first != second and first <= 12 and second <= 12:
        day_first, month_first = (
            f"{day} {calendar.month_name[month]}" for day, month in ((first, second), (second, first)) if month
        )
        raise _Fault(TimeFault.AMBIGUOUS, f"can be {day_first} or {month_first}")
    is_day_first = first > 12 or (second <= 12 and order is DateOrder.DAY_FIRST)
    return (year, second, first) if is_day_first else (year, first, second)


def _full_year(digits: str) -> int:
    if len(digits) == 2:
        raise _Fault(TimeFault.UNKNOWN_FORM, "has a year of two digits")
    return int(digits)


def _since_midnight(clock: re.Match[str] | None) -> timedelta:
    parts = clock.groupdict() if clock else {}
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    if half := parts.get("half"):
        if not 1 <= hour <= 12:
            raise _unknown()
        hour = hour % 12 + (12 if half == "p" else 0)
    # 24:00 ends a day in ISO 8601, and second 60 is a leap second.
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and minute + second > 0):
        raise _unknown()
    ms = int((parts.get("fraction") or "")[:3].ljust(3, "0"))
    return timedelta(hours=hour, minutes=minute, seconds=second, milliseconds=ms)


def _offset(zone: re.Match[str], has_clock: bool) -> timedelta:
    name, sign = zone["name"], zone["sign"]
    if name is not None and name not in _ZONE_HOURS:
        raise _Fault(TimeFault.UNKNOWN_FORM, f"has the zone {name.upper()}, which is not known")
    if sign is None:
        if zone["again"]:
            raise _unknown()
        return timedelta(hours=_ZONE_HOURS[name] if name else 0)
    if (name and _ZONE_HOURS[name]) or not (has_clock or zone["minutes"]):
        raise _unknown()
    hours, minutes = int(zone["hours"]), int(zone["minutes"] or 0)
    if hours > 18 or minutes > 59:
        raise _Fault(TimeFault.UNKNOWN_FORM, "has an offset that no zone has")
    offset = timedelta(hours=hours, minutes=minutes)
    return offset if sign == "+" else -offset


def _moment_ms(moment: datetime) -> int:
    if moment.year <= 1:
        raise _Fault(TimeFault.ZERO, "is a zero value, written where there was no time")
    if not MIN_YEAR <= moment.year <= MAX_YEAR:
        raise _Fault(TimeFault.OUT_OF_RANGE, f"is not between {MIN_YEAR} and {MAX_YEAR}")
    time_ms = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // _MS
    if time_ms == 0:
        raise _Fault(TimeFault.ZERO, "is a zero value, written where there was no time")
    return time_ms
