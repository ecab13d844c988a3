"""Converts JSON values to HubSpot property values, and checks them by the property's type before anything is sent.

One converter per property, made once: a value in, its text out, or a `Refusal` with the reason. A value that HubSpot
would refuse is left out and reported; the person's other values are still sent. Our decisions: null is left out; ""
clears (HubSpot's own meaning); a text of blanks only is left out; the valid options of a checkbox list are sent.
Sources: HubSpot properties guide ("property type and fieldType values", "clear a property value"); classic destination
(`date` at UTC midnight, numbers are not times); Segment Actions tests (lists `a;b`, `+1…` stays text).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import NamedTuple

import msgspec

from hubwire.reasons import Reason

MAX_TEXT = 65_536
MAX_LEVELS = 20
DAY_MS = 86_400_000
_LARGEST = 10**21
_SMALLEST_TIME_MS = 10**10
_LARGEST_TIME_MS = 4_102_444_800_000 * 2


class Refusal(NamedTuple):
    """The reason why a value cannot be sent. `detail` says what would fit; it names a value only to tell it from the
    others of its list."""

    reason: Reason
    detail: str = ""


class Partial(NamedTuple):
    """A list with some valid options: the text to send, and the reason why the others are left out."""

    text: str
    refusal: Refusal


Converted = str | Refusal | Partial
Converter = Callable[[object], Converted]

NULL = Refusal(Reason.EMPTY_VALUE, 'null changes nothing; send "" to clear')
BLANK = Refusal(Reason.EMPTY_VALUE, 'only blanks; send "" to clear')
_TOO_LONG = Refusal(Reason.TOO_LONG, f"more than {MAX_TEXT:,} characters")
_TOO_DEEP = Refusal(Reason.WRONG_TYPE, f"nested more than {MAX_LEVELS} levels deep")
_NOT_NUMBER = Refusal(Reason.WRONG_TYPE, "a number is expected")
_NOT_BOOL = Refusal(Reason.WRONG_TYPE, "true or false is expected")
MIN_TEXT_WITH_OFFSET = len("2026-01-31+01")
_NOT_DATE = Refusal(Reason.BAD_DATE, "an ISO-8601 date is expected")
_ZERO = Refusal(Reason.BAD_DATE, "a zero value, written where there was no date")
_SECONDS = Refusal(Reason.BAD_DATE, "looks like seconds; send an ISO-8601 date")
_NOT_MIDNIGHT = Refusal(Reason.BAD_DATE, "a date property takes midnight UTC only; send an ISO-8601 date")

_TRUE = frozenset({"true", "yes", "1", "on"})
_FALSE = frozenset({"false", "no", "0", "off"})


def text(value: object) -> Converted:
    """Any value as text: trimmed, numbers written out, lists joined with `;`, objects as JSON."""
    if type(value) is str:
        trimmed = value.strip()
        if len(trimmed) > MAX_TEXT:
            return _TOO_LONG
        return trimmed if trimmed or not value else BLANK
    if value is None:
        return NULL
    if type(value) is list:
        return _joined(value)
    if type(value) is dict:
        return json_text(value)
    return _scalar(value)


def _scalar(value: object) -> Converted:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _plain_number(value) or repr(value)
    return Refusal(Reason.WRONG_TYPE)


def _joined(values: list[object]) -> Converted:
    parts = []
    for value in values:
        part = json_text(value) if isinstance(value, list) else text(value)
        if part is BLANK or part is NULL:
            continue
        if type(part) is not str:
            return part
        parts.append(part)
    joined = ";".join(parts)
    return joined if len(joined) <= MAX_TEXT else _TOO_LONG


def json_text(value: object) -> Converted:
    """An object or a list as JSON text, as the classic destination sends nested traits."""
    if _is_deeper(value, MAX_LEVELS):
        return _TOO_DEEP
    encoded = msgspec.json.encode(value).decode()
    return encoded if len(encoded) <= MAX_TEXT else _TOO_LONG


def _is_deeper(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        return levels == 0 or any(_is_deeper(x, levels - 1) for x in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_is_deeper(x, levels - 1) for x in value)
    return False


def _plain_number(value: int | float) -> str | None:
    """Digits with at most one point and no exponent; None outside any reasonable range."""
    if isinstance(value, int):
        return str(value) if -_LARGEST < value < _LARGEST else None
    if not math.isfinite(value) or abs(value) >= _LARGEST:
        return None
    if value.is_integer():
        return str(int(value))
    written = repr(value)
    return written if "e" not in written else _written_out(written)


def _written_out(digits: str) -> str | None:
    """A decimal text (exponent allowed) without exponent, or None when it is no reasonable number."""
    try:
        exact = Decimal(digits)
    except InvalidOperation:
        return None
    if not exact.is_finite() or not -20 <= exact.adjusted() <= 20:
        return "0" if exact.is_finite() and exact == 0 else None
    plain = format(exact, "f")
    return plain if len(plain) <= 64 else None


def number(value: object) -> Converted:
    """A number. HubSpot accepts digits and at most one point, and refuses thousands separators and units."""
    if type(value) is int or type(value) is float:
        return _plain_number(value) or _NOT_NUMBER
    if type(value) is not str:
        return NULL if value is None else _NOT_NUMBER
    digits = value.strip()
    if not digits:
        return BLANK if value else ""
    if len(digits) > 64 or not digits.isascii() or "_" in digits:
        return _NOT_NUMBER
    if digits.isdigit():
        return digits.lstrip("0") or "0"
    return _written_out(digits) or _NOT_NUMBER


def boolean(value: object) -> Converted:
    """`true` or `false`; the words yes/no, on/off and 1/0 are understood."""
    if value is True or value is False:
        return "true" if value else "false"
    if value is None:
        return NULL
    if value == "":
        return ""
    word = str(value).strip().lower() if type(value) is str or type(value) is int else ""
    if word in _TRUE:
        return "true"
    return "false" if word in _FALSE else _NOT_BOOL


def moment(value: str) -> datetime | None:
    """The UTC time of an ISO-8601 text (naive means UTC), or None."""
    if len(value) < 10 or not value[0].isdigit():
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _epoch_ms(value: object) -> int | Refusal | None:
    """Epoch ms of a number or of digits; None for other texts. A number's unit is never guessed."""
    if type(value) is str:
        digits = value.strip()
        if not digits.removeprefix("-").isdecimal() or not digits.isascii() or len(digits) > 15:
            return None
        value = int(digits)
    if isinstance(value, float):
        if not value.is_integer():
            return _SECONDS if abs(value) < _SMALLEST_TIME_MS else _NOT_DATE
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return _NOT_DATE
    if abs(value) < _SMALLEST_TIME_MS:
        return _SECONDS
    return value if abs(value) < _LARGEST_TIME_MS else _NOT_DATE


def date(value: object) -> Converted:
    """A date as `YYYY-MM-DD`: `date_in` for days that begin at midnight UTC."""
    return _date(value, UTC)


def date_in(day_zone: tzinfo) -> Converter:
    """The converter of dates for a zone, which determines the day of a moment.

    Shape: a text with an offset means its own day; one with `Z` or without an offset the day that it is in the zone; a
    text without a clock is that day. Epoch milliseconds at midnight UTC stay as they are.
    """
    return partial(_date, day_zone=day_zone)


def _date(value: object, day_zone: tzinfo) -> Converted:
    if type(value) is str and len(value) > MIN_TEXT_WITH_OFFSET and (moment := _with_offset(value.strip())) is not None:
        return moment.date().isoformat() if moment.year > 1 else _ZERO
    known = _time_of(value)
    if isinstance(known, datetime):
        is_day = type(value) is str and len(value.strip()) == len("2026-01-31")
        return (known if is_day else known.astimezone(day_zone)).date().isoformat()
    if isinstance(known, int):
        return str(known) if known % DAY_MS == 0 else _NOT_MIDNIGHT
    return known


def _with_offset(value: str) -> datetime | None:
    """The moment of an ISO-8601 text that has an offset other than `Z`, in that offset."""
    if value[-1:] in "zZ" or "-" not in value[1:]:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else None


def date_time(value: object) -> Converted:
    """A time: an ISO-8601 text in UTC with milliseconds and `Z`, or epoch ms as they are."""
    known = _time_of(value)
    if isinstance(known, datetime):
        return iso_ms(known)
    return str(known) if isinstance(known, int) else known


def iso_ms(at: datetime) -> str:
    """An aware UTC time in HubSpot's format: `2026-01-15T08:00:00.000Z`."""
    return f"{at.isoformat(timespec='milliseconds')[:-6]}Z"


def _time_of(value: object) -> datetime | int | str | Refusal:
    if value is None:
        return NULL
    if type(value) is str:
        if not value.strip():
            return BLANK if value else ""
        at = moment(value.strip()) if "-" in value[1:] else None
        if at is not None:
            return at if at.year > 1 else _ZERO
    ms = _epoch_ms(value)
    return _NOT_DATE if ms is None else ms


BY_TYPE: dict[str, Converter] = {
    "string": text,
    "phone_number": text,
    "number": number,
    "bool": boolean,
    "date": date,
    "datetime": date_time,
}


NARROW_TYPES = frozenset({"number", "bool", "date", "datetime"})
"""The types of a property created from its first value that refuse some later values."""


def inferred(value: object) -> tuple[str, Converted]:
    """The HubSpot type that fits a value best, and the converted value, for a new property or definition.

    Source: Segment Actions, custom event definitions (bool, number, ISO text -> datetime, else string).
    """
    if isinstance(value, bool):
        return "bool", boolean(value)
    if isinstance(value, int | float):
        return "number", number(value)
    if type(value) is str and 10 <= len(value) <= 35 and value[4] == "-" and value[7] == "-":
        at = moment(value)
        if at is not None:
            return ("date", at.date().isoformat()) if len(value) == 10 else ("datetime", iso_ms(at))
    return "string", text(value)
