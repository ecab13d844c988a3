"""Reads and formats dates in templates as LiquidJS does, with its `%`-forms. The time zone is UTC.

Source: LiquidJS 10.27.2, `date` (https://liquidjs.com); ECMA-262 "Date Time String Format".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import parser

from hubwire.plan.rules.values import is_number

MAX_WIDTH = 100

_FORM = re.compile(r"%([-_0^#:]+)?(\d+)?([EO])?(.)", re.DOTALL)
_ISO = re.compile(r"[+-]?\d{4,6}(-\d\d(-\d\d)?)?(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_WIDTHS = {"d": 2, "e": 2, "H": 2, "I": 2, "j": 3, "k": 2, "l": 2, "L": 3, "m": 2, "M": 2, "S": 2, "U": 2, "W": 2}
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_WORD = re.compile(r"[^\W\d_]+")
_NUMERIC_DATE = re.compile(r"\d{1,4}[/-]\d{1,2}[/-]\d{1,4}")
_NAMES = frozenset([name[:3].lower() for name in (*_DAYS, *_MONTHS)])
_WORDS = frozenset(["am", "pm", "utc", "gmt", "ut", "z", "t", "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt"])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEFAULT = datetime(2001, 1, 1, tzinfo=UTC)


def read_date(root: Any, value: Any) -> datetime | None:
    """The moment of a value: seconds since 1970, or a text that JavaScript reads as a date."""
    try:
        if is_number(value):
            return _EPOCH + timedelta(seconds=value)
        if not isinstance(value, str):
            return _EPOCH + timedelta(milliseconds=value) if isinstance(value, bool) else None
        if value in ("now", "today"):
            return _received(root)
        if value.isascii() and value.isdigit():
            return _EPOCH + timedelta(seconds=int(value))
        return _read_text(value)
    except (ValueError, OverflowError):
        return None


def _received(root: Any) -> datetime | None:
    for name in ("receivedAt", "timestamp"):
        value = root.get(name) if isinstance(root, dict) else None
        if isinstance(value, str) and value not in ("now", "today"):
            return read_date(root, value)
    return None


def _read_text(value: str) -> datetime | None:
    characters = value.strip()
    if _ISO.fullmatch(characters):
        if len(characters) == 4:
            characters += "-01-01"
        elif re.fullmatch(r"\d{4}-\d\d", characters):
            characters += "-01"
        moment = datetime.fromisoformat(characters)
    elif len(characters) > 60 or not _is_written_date(characters):
        return None
    else:
        moment = parser.parse(characters, default=_DEFAULT)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _is_written_date(characters: str) -> bool:
    """Whether a text is a date in a form other than ISO 8601 that JavaScript reads (`Feb 9, 2026`)."""
    words = _WORD.findall(characters.lower())
    if not all(word in _WORDS or word[:3] in _NAMES for word in words):
        return False
    return bool(_NUMERIC_DATE.search(characters)) or any(word[:3] in _NAMES for word in words)


def format_date(moment: datetime, pattern: str, zone: Any = None) -> str:
    """The moment formatted by a pattern of `%`-forms; an unknown form stays as it is.

    Units: `zone` is minutes west of UTC as a number, or the name of a time zone.
    """
    shown, name = _in_zone(moment, zone)
    return _FORM.sub(lambda found: _form(shown, name, found), pattern)


def _in_zone(moment: datetime, zone: Any) -> tuple[datetime, str]:
    if is_number(zone) and math.isfinite(zone):
        return moment.astimezone(timezone(timedelta(minutes=-zone))), ""
    if isinstance(zone, str):
        try:
            return moment.astimezone(ZoneInfo(zone)), zone
        except (ValueError, OSError):
            return moment, "UTC"
    return moment, "UTC"


def _form(moment: datetime, zone: str, found: re.Match[str]) -> str:
    flags, width, code = found[1] or "", min(int(found[2] or 0), MAX_WIDTH), found[4]
    written = _written(moment, zone, code, ":" in flags, width)
    if written is None:
        return found[0]
    if "^" in flags:
        written = written.upper()
    elif "#" in flags:
        written = written.upper() if any("a" <= c <= "z" for c in written) else written.lower()
    fill = " " if code in "aAbBceklpP" else "0"
    fill = " " if "_" in flags else "0" if "0" in flags else fill
    return written.rjust(0 if "-" in flags else width or _WIDTHS.get(code, 0), fill)


def _written(moment: datetime, zone: str, code: str, with_colon: bool, width: int) -> str | None:
    if code == "N":
        return f"{moment.microsecond // 1000:03d}"[: width or 9].ljust(width or 9, "0")
    if code == "z" or (code == "Z" and not zone):
        return _offset(moment, with_colon)
    if code == "Z":
        return zone
    write = _FORMS.get(code)
    return write(moment) if write is not None else None


def _ordinal(moment: datetime) -> str:
    return "th" if moment.day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(moment.day % 10, "th")


def _weekday(moment: datetime) -> int:
    """0 for Sunday."""
    return (moment.weekday() + 1) % 7


def _date_text(moment: datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment.year}"


def _time_text(moment: datetime) -> str:
    return f"{moment.hour % 12 or 12}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"


def _week(moment: datetime, first_day: int) -> str:
    day = moment.timetuple().tm_yday + first_day - _weekday(moment)
    january = _weekday(moment.replace(month=1, day=1))
    return str((day - (7 - january + first_day)) // 7 + 1)


def _offset(moment: datetime, with_colon: bool) -> str:
    offset = moment.utcoffset() or timedelta()
    minutes = round(abs(offset.total_seconds()) / 60)
    sign = "-" if offset < timedelta() else "+"
    return f"{sign}{minutes // 60:02d}{':' if with_colon else ''}{minutes % 60:02d}"


_FORMS: dict[str, Callable[[datetime], str]] = {
    "a": lambda moment: _DAYS[_weekday(moment)][:3],
    "A": lambda moment: _DAYS[_weekday(moment)],
    "b": lambda moment: _MONTHS[moment.month - 1][:3],
    "h": lambda moment: _MONTHS[moment.month - 1][:3],
    "B": lambda moment: _MONTHS[moment.month - 1],
    "c": lambda moment: f"{_date_text(moment)}, {_time_text(moment)}",
    "C": lambda moment: str(int(str(moment.year)[:2])),
    "d": lambda moment: str(moment.day),
    "e": lambda moment: str(moment.day),
    "H": lambda moment: str(moment.hour),
    "k": lambda moment: str(moment.hour),
    "I": lambda moment: str(moment.hour % 12 or 12),
    "l": lambda moment: str(moment.hour % 12 or 12),
    "j": lambda moment: str(moment.timetuple().tm_yday),
    "L": lambda moment: str(moment.microsecond // 1000),
    "m": lambda moment: str(moment.month),
    "M": lambda moment: str(moment.minute),
    "p": lambda moment: "AM" if moment.hour < 12 else "PM",
    "P": lambda moment: "am" if moment.hour < 12 else "pm",
    "q": _ordinal,
    "s": lambda moment: str(math.floor((moment - _EPOCH).total_seconds() + 0.5)),
    "S": lambda moment: str(moment.second),
    "u": lambda moment: str(_weekday(moment) or 7),
    "w": lambda moment: str(_weekday(moment)),
    "U": lambda moment: _week(moment, 0),
    "W": lambda moment: _week(moment, 1),
    "x": _date_text,
    "X": _time_text,
    "y": lambda moment: str(moment.year)[2:4],
    "Y": lambda moment: str(moment.year),
    "t": lambda moment: "\t",
    "n": lambda moment: "\n",
    "%": lambda moment: "%",
}
