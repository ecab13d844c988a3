"""Turns cells into values, and undoes what spreadsheets and data frames did to ids and phone numbers. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from hubwire.decoding import text_id
from hubwire.times import NoTime, iso_text, read_time

_WHOLE: Final = re.compile(r"-?\d+\.0+")
_SCIENTIFIC: Final = re.compile(r"-?\d(\.\d+)?[eE]\+\d+")
_MARKED: Final = re.compile(r"'(?=[-+\d=@])")
"""The apostrophe that keeps a spreadsheet from reading a cell as a number or a formula."""
PHONES: Final = re.compile(r"phone|mobile|fax|telephone|whatsapp", re.IGNORECASE)


EXACT_FLOATS: Final = 2**53
"""Whole numbers below this are exact as floats."""


class BadCell(ValueError):
    """A cell whose value cannot be used."""


class LostDigits(BadCell):
    """A cell that a spreadsheet has rounded: `1.23457E+11`."""


def plain(value: Any) -> Any:
    """A cell as a JSON value; None if it is empty or has no JSON form (bytes)."""
    if value is None or isinstance(value, (str, bool, int)):
        return value if value != "" else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime):
        moment = read_time(value)
        return None if isinstance(moment, NoTime) else iso_text(moment)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): inner for key, item in value.items() if (inner := plain(item)) is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, UUID) else None


def _number(value: Decimal) -> Any:
    if not value.is_finite():
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def id_of(value: Any) -> str | None:
    """An id as text: `1234.0` is 1234, `'0042` is 0042. Raises LostDigits."""
    if isinstance(value, str):
        return _untouched(value.strip()) or None
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float) and abs(value) >= EXACT_FLOATS:
        raise LostDigits(f"{value:.0f} is a number that has lost digits: a spreadsheet or data frame keeps 15")
    return text_id(_number(value) if isinstance(value, Decimal) else value)


def phone_of(value: Any) -> Any:
    """A phone number as it was before a spreadsheet. Raises LostDigits."""
    if isinstance(value, str):
        return _untouched(value)
    return id_of(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value


def object_of(value: Any) -> dict[str, Any]:
    """A cell that is an object, or JSON of one. Raises BadCell."""
    try:
        fields = msgspec.json.decode(value) if isinstance(value, str | bytes) else plain(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise BadCell("not a JSON object")
    return fields


def _untouched(text: str) -> str:
    # A spreadsheet's marks have one of these signs; nearly all ids and numbers have none.
    if "." not in text and "+" not in text and not text.startswith("'"):
        return text
    text = _MARKED.sub("", text, count=1) if text.startswith("'") else text
    if _SCIENTIFIC.fullmatch(text):
        raise LostDigits(f"{text!r} is a number that a spreadsheet has rounded")
    return text.partition(".")[0] if _WHOLE.fullmatch(text) else text


def compressed(name: str) -> str:
    """A column's name for comparison: only its letters and digits, in lower case."""
    return "".join([sign for sign in name.lower() if sign.isalnum()])
