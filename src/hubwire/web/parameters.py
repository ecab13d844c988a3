"""The parameters of a URL or a form, read with limits: filters, periods, numbers, choices.

A page depends on its URL alone, so that it can be bookmarked and sent to a colleague.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, assert_never
from urllib.parse import parse_qsl, urlencode

import msgspec

from hubwire.delivery import State
from hubwire.errors import BadValue, Missing
from hubwire.manage.snoozing import LENGTHS, until_ms_of
from hubwire.record.message_filter import FIELDS, MAX_TEXT, FilterField, MessageFilter, Reads
from hubwire.record.replay import MAX_SHARE_PERCENT, MIN_SHARE_PERCENT
from hubwire.registry.named import numbered
from hubwire.registry.protocol import Registry

MAX_FIELDS = 500
PAGE_MESSAGES = 50
MAX_PAGE_MESSAGES = 500
MINUTE_MS = 60_000


class WindowName(StrEnum):
    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    ALL = "all"


WINDOWS: dict[str, tuple[int | None, str]] = {
    WindowName.HOUR: (60 * MINUTE_MS, "last hour"),
    WindowName.DAY: (24 * 60 * MINUTE_MS, "last 24 hours"),
    WindowName.WEEK: (7 * 24 * 60 * MINUTE_MS, "last 7 days"),
    WindowName.MONTH: (30 * 24 * 60 * MINUTE_MS, "last 30 days"),
    WindowName.ALL: (None, "all stored messages"),
}

Fields = Mapping[str, str]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A period that a page shows. `name` is one of `WINDOWS`, or `custom`."""

    name: str
    since_ms: int | None
    until_ms: int | None

    @property
    def words(self) -> str:
        """The window in words."""
        return WINDOWS[self.name][1] if self.name in WINDOWS else "custom range"

    @property
    def during(self) -> str:
        """The window as the end of a sentence: `in the last 24 hours`."""
        if self.name == WindowName.ALL:
            return "in total"
        return f"in the {self.words}" if self.name in WINDOWS else "in this period"


def read_form(body: bytes) -> dict[str, list[str]]:
    """The fields of a URL-encoded form. Errors: BadValue if it cannot be read or has too many fields."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, encoding="utf-8", errors="strict"
        )
    except ValueError as exc:
        raise BadValue("form", f"the form cannot be read, or has more than {MAX_FIELDS} fields") from exc
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def single_values(form: Mapping[str, list[str]]) -> dict[str, str]:
    """The fields of a form with one value each; the last value of a repeated field."""
    return {name: values[-1] for name, values in form.items()}


def text(fields: Fields, name: str, max_characters: int = MAX_TEXT) -> str | None:
    """A trimmed text, or None when it is absent or empty."""
    value = fields.get(name, "").strip()
    if len(value) > max_characters:
        raise BadValue(name, f"{name} has {len(value)} characters; at most {max_characters}", limit=max_characters)
    return value or None


def number(fields: Fields, name: str, minimum: int, maximum: int) -> int | None:
    """A whole number within bounds, or None when it is absent."""
    value = text(fields, name, 32)
    if value is None:
        return None
    if not value.isascii() or not value.removeprefix("-").isdecimal() or not minimum <= int(value) <= maximum:
        raise BadValue(
            name, f"{name} must be a whole number from {minimum} to {maximum}", value=value, limit=[minimum, maximum]
        )
    return int(value)


def decimal(fields: Fields, name: str, minimum: float, maximum: float) -> float | None:
    """A number within bounds, or None when it is absent."""
    value = text(fields, name, 32)
    if value is None:
        return None
    try:
        found = float(value)
    except ValueError:
        found = float("nan")
    if not minimum <= found <= maximum:
        raise BadValue(
            name, f"{name} must be a number from {minimum:g} to {maximum:g}", value=value, limit=[minimum, maximum]
        )
    return found


def choice(fields: Fields, name: str, choices: Iterable[str]) -> str | None:
    """One of some words, or None when it is absent."""
    value = text(fields, name)
    words = list(choices)
    if value is not None and value not in words:
        raise BadValue(name, f"{name} must be one of {', '.join(words)}", value=value, limit=words)
    return value


def moment_ms(fields: Fields, name: str) -> int | None:
    """A time as ISO-8601 (without a zone it is UTC) or epoch milliseconds, or None when it is absent."""
    value = text(fields, name, 64)
    if value is None:
        return None
    if value.isascii() and value.isdecimal() and len(value) <= 15:
        return int(value)
    try:
        moment = datetime.fromisoformat(value)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as exc:
        raise BadValue(name, f"{name} must be a time such as 2026-11-23T18:00", value=value) from exc


def window(fields: Fields, now_ms: int, default: str = "24h") -> Window:
    """The window that `window`, or `since` and `until`, ask for."""
    since_ms, until_ms = moment_ms(fields, "since"), moment_ms(fields, "until")
    if since_ms is not None or until_ms is not None:
        if since_ms is not None and until_ms is not None and until_ms <= since_ms:
            raise BadValue("until", "until must be later than since", value=fields.get("until"))
        return Window(name="custom", since_ms=since_ms, until_ms=until_ms)
    name = choice(fields, "window", WINDOWS) or default
    length_ms = WINDOWS[name][0]
    return Window(name=name, since_ms=None if length_ms is None else now_ms - length_ms, until_ms=None)


def message_filter(fields: Fields, registry: Registry) -> MessageFilter:
    """The filter of a list of messages, from its parameters (`record/message_filter.py`). Errors: BadValue, Missing."""
    values = {field.name: _filter_value(field, fields, registry) for field in FIELDS}
    found = MessageFilter(
        **values,
        before=number(fields, "before", 1, 1 << 62),
        limit=number(fields, "limit", 1, MAX_PAGE_MESSAGES) or PAGE_MESSAGES,
    )
    if found.replay_part is not None and found.replay_id is None:
        raise BadValue("replay_part", "replay_part needs a replay, such as replay=3", value=found.replay_part)
    _check_where(found.where)
    return found


def _filter_value(field: FilterField, fields: Fields, registry: Registry) -> Any:
    name = field.parameter
    match field.reads:
        case Reads.WORD:
            word = choice(fields, name, list(field.choices or ()))
            return word if word is None or field.choices is None else field.choices(word)
        case Reads.TEXT:
            return text(fields, name, field.max_length)
        case Reads.SOURCE:
            return _number_of(fields, name, {source.name: number for number, source in registry.sources().items()})
        case Reads.DESTINATION:
            destinations = registry.destinations()
            return _number_of(fields, name, {known.name: number for number, known in destinations.items()})
        case Reads.FLAG:
            flag = choice(fields, name, ("1", "0", "true", "false"))
            return None if flag is None else flag in ("1", "true")
        case Reads.NUMBER:
            return number(fields, name, 1, 1 << 62)
        case Reads.MOMENT:
            return moment_ms(fields, name)
        case _:
            assert_never(field.reads)


def snooze_until(fields: Fields, now_ms: int) -> int:
    """The end of a snooze: `until`, a time, or `for`, a duration."""
    return until_ms_of(choice(fields, "for", LENGTHS), moment_ms(fields, "until"), now_ms)


def share_percent(fields: Fields) -> int | None:
    """A replay's share of its destination's calls, or None without the parameter."""
    return number(fields, "share_percent", MIN_SHARE_PERCENT, MAX_SHARE_PERCENT)


def _check_where(where: str | None) -> None:
    if where is not None and not where.partition("=")[0].strip(" ."):
        raise BadValue("where", "where must be a path and a value, such as properties.plan=pro", value=where)
    if where is not None and "=" not in where:
        raise BadValue("where", "where needs a value after the path, such as properties.plan=pro", value=where)


def _number_of(fields: Fields, name: str, known: Mapping[str, int]) -> int | None:
    value = text(fields, name)
    if value is None:
        return None
    found = known.get(value, numbered(known.values(), value))
    if found is None:
        raise Missing(name, f"there is no {name} {value!r}", value=value)
    return found


def filter_query(chosen: MessageFilter, **changes: Any) -> str:
    """A filter as a query string. `changes` replace parameters; None removes one."""
    values = {field.parameter: _plain(getattr(chosen, field.name)) for field in FIELDS} | changes
    return urlencode({name: str(value) for name, value in values.items() if value is not None})


def command_of(command: str, chosen: MessageFilter, registry: Registry, state: State | None = None) -> str:
    """The terminal command that selects the same messages. `state` is used if the filter has none."""
    words = command.split()
    for field in FIELDS:
        value = getattr(chosen, field.name)
        if field.name == "state":
            value = value or state
        if field.reads is Reads.SOURCE and value is not None:
            value = getattr(registry.sources().get(value), "name", None)
        elif field.reads is Reads.DESTINATION and value is not None:
            value = getattr(registry.destinations().get(value), "name", None)
        if field.reads is Reads.FLAG and value is not None:
            words.append(f"--{field.option}" if value else f"--not-{field.option}")
        elif value is not None:
            words += [f"--{field.option}", str(value)]
    return shlex.join(word if word.isprintable() else "…" for word in words)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def lines_of(given: str) -> list[str]:
    """The lines of a text field that are not empty."""
    return [line.strip() for line in given.splitlines() if line.strip()]
