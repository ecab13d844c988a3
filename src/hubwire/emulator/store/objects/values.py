"""Checks property values by type, and converts them to HubSpot's stored form.

Source: HubSpot docs, properties guide ("property type inputs") and the 2026-09 validation changelog; the codes
PROPERTY_DOESNT_EXIST, INVALID_OPTION, INVALID_EMAIL, INVALID_LONG and INVALID_INTEGER were observed live by third
parties; INVALID_DATE, INVALID_BOOLEAN, READ_ONLY_VALUE and VALUE_TOO_LONG are unsure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hubwire.emulator.moments import EPOCH_MS, is_representable, iso

MAX_TEXT = 65_536


class ValueRefused(Exception):
    """One value is not acceptable: HubSpot's code and message, and the older message where it had another one."""

    def __init__(self, code: str, message: str, older_message: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.older_message = older_message or message


@dataclass(frozen=True, slots=True)
class ValueRule:
    """The check of one property's values.

    Shape: `is_plain` marks text that needs no more than a length check (the fast path); otherwise `check(value,
    current, is_lenient)` gives the stored text. `is_unique`-ness lives in the schema, not here.
    """

    name: str
    is_plain: bool
    check: Callable[[str, str | None, bool], str]
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class PropertyFault:
    """One property of one input that HubSpot refuses."""

    name: str
    code: str
    message: str
    older_message: str = ""

    def embedded(self, *, is_older: bool = False) -> dict[str, Any]:
        """The entry of the JSON array that HubSpot nests in `message`; older bodies say it twice."""
        message = self.text(is_older=is_older)
        entry = {"isValid": False, "message": message, "error": self.code, "name": self.name}
        return {**entry, "localizedErrorMessage": message} if is_older else entry

    def detail(self, *, is_older: bool = False) -> dict[str, Any]:
        """The entry of `errors`."""
        message = self.text(is_older=is_older)
        return {"message": message, "code": self.code, "context": {"propertyName": [self.name]}}

    def text(self, *, is_older: bool) -> str:
        """The message, in its older form where it had one."""
        return (self.older_message or self.message) if is_older else self.message


def as_text(value: Any) -> str:
    """A JSON scalar as HubSpot's JSON parsing would take it for a string property."""
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)


def rule_for(
    *,
    name: str,
    value_type: str,
    field_type: str,
    option_labels: Mapping[str, str],
    has_open_options: bool,
    is_read_only: bool,
) -> ValueRule:
    """The rule for a property definition."""
    if is_read_only:
        return ValueRule(name, False, _refuse_read_only(name), is_read_only=True)
    if name == "email":
        return ValueRule(name, False, check_email)
    if value_type == "enumeration":
        if has_open_options:
            return ValueRule(name, False, _check_owner if name == "hubspot_owner_id" else _open_options)
        return ValueRule(name, False, _option_check(option_labels, is_multiple=field_type == "checkbox"))
    check = _CHECKS.get(value_type)
    return ValueRule(name, check is None, check or check_text)


def check_text(value: str, _current: str | None, _is_lenient: bool) -> str:
    """Text of at most 65,536 characters."""
    if len(value) > MAX_TEXT:
        raise ValueRefused("VALUE_TOO_LONG", f"Property value was too long: {len(value)} of {MAX_TEXT} characters")
    return value


_EMAIL = re.compile(r"[^@\s,;:<>()\[\]\\\"]+@(?:[^\s@.,;:<>()\[\]\\\"]+\.)+[^\s@.,;:<>()\[\]\\\"]{2,}\Z")


def check_email(value: str, _current: str | None, _is_lenient: bool) -> str:
    """An e-mail address, lower-cased."""
    address = value.strip().lower()
    if not _EMAIL.match(address) or ".." in address or len(address) > 254:
        raise ValueRefused("INVALID_EMAIL", f"Email address {value} is invalid")
    return address


_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")


def check_number(value: str, _current: str | None, _is_lenient: bool) -> str:
    """A number without thousands separators; scientific notation is accepted."""
    if not _NUMBER.match(value):
        raise ValueRefused("INVALID_LONG", f"{value} was not a valid long.")
    return value


def check_boolean(value: str, _current: str | None, _is_lenient: bool) -> str:
    """`true` or `false`."""
    if value not in ("true", "false"):
        raise ValueRefused("INVALID_BOOLEAN", f"{value} was not a valid boolean.")
    return value


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MS_PER_DAY = 86_400_000
_LOOSE_FORMATS = (
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%m/%d/%Y",
    "%Y%m%d",
    "%d %B %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%Y-%m-%d %H:%M",
)


def check_date(value: str, _current: str | None, is_lenient: bool) -> str:
    """A day as `YYYY-MM-DD`; epoch milliseconds must stand at midnight UTC. Lenient: any readable moment's day."""
    if _DAY.match(value) and _moment(value) is not None:
        return value
    if EPOCH_MS.match(value):
        epoch_ms = int(value)
        if is_representable(epoch_ms) and (epoch_ms % _MS_PER_DAY == 0 or is_lenient):
            return iso(epoch_ms)[:10]
        raise ValueRefused("INVALID_DATE", f"{value} is at {_clock_time(epoch_ms)} UTC, not midnight!")
    epoch_ms_or_none = _moment(value) if is_lenient else None
    if epoch_ms_or_none is None:
        raise ValueRefused("INVALID_DATE", f"{value} was not a valid date.")
    return iso(epoch_ms_or_none)[:10]


def check_datetime(value: str, _current: str | None, is_lenient: bool) -> str:
    """A moment as `…T…Z`; ISO-8601 in UTC, a plain day, or epoch milliseconds. Lenient: any readable moment."""
    if EPOCH_MS.match(value) and is_representable(int(value)):
        return iso(int(value))
    is_canonical = bool(_DAY.match(value)) or ("T" in value and value.endswith(("Z", "+00:00")))
    epoch_ms = _moment(value) if is_canonical or is_lenient else None
    if epoch_ms is None:
        raise ValueRefused("INVALID_DATE", f"{value} was not a valid date time.")
    return iso(epoch_ms)


def is_canonical_moment(rule: ValueRule, raw: str, stored: str) -> bool:
    """True when 2026-09 would not warn that it normalised `raw`."""
    if rule.check is check_date:
        return raw == stored or bool(EPOCH_MS.match(raw) and int(raw) % _MS_PER_DAY == 0)
    return bool(EPOCH_MS.match(raw) or _DAY.match(raw)) or ("T" in raw and raw.endswith(("Z", "+00:00")))


def is_moment(rule: ValueRule) -> bool:
    """True for date and datetime properties."""
    return rule.check is check_date or rule.check is check_datetime


def _moment(text: str) -> int | None:
    candidates: list[Callable[[], datetime]] = [lambda: datetime.fromisoformat(text.strip())]
    candidates += [
        (lambda pattern=pattern: datetime.strptime(text.strip(), pattern))  # type: ignore[misc] # noqa: DTZ007
        for pattern in _LOOSE_FORMATS
    ]
    for candidate in candidates:
        try:
            moment = candidate()
        except ValueError:
            continue
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    return None


def _clock_time(epoch_ms: int) -> str:
    return iso(epoch_ms)[11:19] if is_representable(epoch_ms) else str(epoch_ms)


def _option_check(option_labels: Mapping[str, str], *, is_multiple: bool) -> Callable[[str, str | None, bool], str]:
    def refuse(value: str) -> ValueRefused:
        labelled = ", ".join(f'label: "{label}"\nvalue: "{known}"' for known, label in option_labels.items())
        start = f"{value} was not one of the allowed options: "
        return ValueRefused("INVALID_OPTION", f"{start}[{', '.join(option_labels)}]", f"{start}[{labelled}]")

    def check_one(value: str, _current: str | None, _is_lenient: bool) -> str:
        if value not in option_labels:
            raise refuse(value)
        return value

    def check_many(value: str, current: str | None, _is_lenient: bool) -> str:
        chosen = [part for part in value.split(";") if part]
        for part in chosen:
            if part not in option_labels:
                raise refuse(part)
        return _joined(value, chosen, current)

    return check_many if is_multiple else check_one


def _joined(value: str, chosen: list[str], current: str | None) -> str:
    before = [part for part in (current or "").split(";") if part] if value.startswith(";") else []
    return ";".join(dict.fromkeys([*before, *chosen]))


def _open_options(value: str, current: str | None, _is_lenient: bool) -> str:
    if ";" not in value:
        return value
    return _joined(value, [part for part in value.split(";") if part], current)


def _check_owner(value: str, _current: str | None, _is_lenient: bool) -> str:
    if not value.isdigit():
        raise ValueRefused("INVALID_OWNER_ID", f"{value} is not a valid owner id.")
    return value


def _refuse_read_only(name: str) -> Callable[[str, str | None, bool], str]:
    def refuse(_value: str, _current: str | None, _is_lenient: bool) -> str:
        raise ValueRefused("READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')

    return refuse


_CHECKS: dict[str, Callable[[str, str | None, bool], str]] = {
    "number": check_number,
    "bool": check_boolean,
    "date": check_date,
    "datetime": check_datetime,
}
