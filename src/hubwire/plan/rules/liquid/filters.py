"""The filters of LiquidJS in Segment's mapping language.

Each takes the root (the message), the value, and its arguments; a named argument is a list of name and value. Two
differ, because planning reads no clock and uses no random numbers: `now` and `today` are the time at which the message
was received, and `sample` takes the first items.
Source: LiquidJS 10.27.2 (https://liquidjs.com); @segment/actions-core 3.170.0, `@liquid` (the list of what is off).
"""

from __future__ import annotations

import math
from typing import Any

from hubwire.plan.rules.liquid.dates import format_date, read_date
from hubwire.plan.rules.liquid.numbers import NUMBER_FILTERS, numeric
from hubwire.plan.rules.liquid.texts import TEXT_FILTERS
from hubwire.plan.rules.liquid.values import (
    NIL,
    TOO_LARGE,
    Drop,
    Filter,
    LiquidFailed,
    equals,
    is_liquid_true,
    read_property,
    stringify,
)
from hubwire.plan.rules.templates import MAX_TEXT
from hubwire.plan.rules.values import MISSING, json_text, length, number, text

DISABLED_FILTERS = frozenset(
    [
        *("array_to_sentence_string", "concat", "find", "find_exp", "find_index", "find_index_exp", "group_by"),
        *("group_by_exp", "has", "has_exp", "map", "newline_to_br", "reject", "reject_exp", "reverse", "sort"),
        *("sort_natural", "uniq", "where_exp", "type"),
    ]
)
DEFAULT_DATE = "%A, %B %-e, %Y at %-l:%M %P %z"


def _items(value: Any) -> list[Any]:
    if value is None or value is MISSING or value is NIL:
        return []
    return value if isinstance(value, list) else ["" if isinstance(value, Drop) else value]


def _join(root: Any, value: Any, separator: Any = MISSING, *rest: Any) -> str:
    sign = " " if separator is None or separator is MISSING or separator is NIL else stringify(separator)
    parts = ["" if item is None or item is MISSING else text(item) for item in _items(value)]
    if len(sign) * len(parts) > MAX_TEXT:
        raise LiquidFailed(TOO_LARGE)
    return sign.join(parts)


def _end(index: int) -> Filter:
    def filter_(root: Any, value: Any, *rest: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("length"), int | float):
            return MISSING
        if not isinstance(value, list | str) or value == "":
            return ""
        return value[index] if value else MISSING

    return filter_


def _size(root: Any, value: Any, *rest: Any) -> Any:
    if isinstance(value, str):
        return length(value)
    if isinstance(value, dict):
        return value.get("length") or 0
    return len(value) if isinstance(value, list) else 0


def _sum(root: Any, value: Any, name: Any = MISSING, *rest: Any) -> float:
    total = 0.0
    for item in _items(value):
        part = item if not name or name is MISSING else _at(item, stringify(name))
        amount = math.nan if part is MISSING else number(part)
        total += 0 if math.isnan(amount) else amount
    return total


def _at(item: Any, path: str) -> Any:
    for step in path.split("."):
        item = read_property(item, step)
    return item


def _slice(root: Any, value: Any, begin: Any = MISSING, size: Any = 1, *rest: Any) -> Any:
    if value is None or value is MISSING or value is NIL:
        return []
    whole = value if isinstance(value, list) else stringify(value)
    start, count = numeric(begin), numeric(size)
    start = len(whole) + start if start < 0 else start
    if start < 0 or count < 0:
        return [] if isinstance(whole, list) else ""
    return whole[int(min(start, len(whole))) : int(min(start + count, len(whole)))]


def _where(root: Any, value: Any, name: Any = MISSING, expected: Any = MISSING, *rest: Any) -> list[Any]:
    path = stringify(name)
    found = [(item, _at(item, path) if isinstance(item, dict) else MISSING) for item in _items(value)]
    if expected is MISSING:
        return [item for item, part in found if is_liquid_true(part)]
    return [item for item, part in found if equals(part, expected)]


def _sample(root: Any, value: Any, count: Any = 1, *rest: Any) -> Any:
    if value is None or value is MISSING or value is NIL:
        return []
    items = value if isinstance(value, list) else list(stringify(value))
    return (items[0] if items else MISSING) if count == 1 else items[: int(numeric(count))]


def _default(root: Any, value: Any, default: Any = MISSING, *arguments: Any) -> Any:
    if isinstance(value, list | str):
        return value or default
    options = dict([pair for pair in arguments if isinstance(pair, list)])
    if value is False and is_liquid_true(options.get("allow_false", MISSING)) and options["allow_false"] not in (0, ""):
        return False
    return value if is_liquid_true(value) and not isinstance(value, Drop) else default


def _json(root: Any, value: Any, *rest: Any) -> Any:
    return json_text({} if isinstance(value, Drop) else value)


def _date(root: Any, value: Any, format_: Any = None, zone: Any = None, *rest: Any) -> Any:
    moment = read_date(root, value)
    if moment is None:
        return value
    pattern = DEFAULT_DATE if format_ is None or format_ is MISSING or format_ is NIL else stringify(format_)
    return format_date(moment, pattern, zone)


def _formatted(pattern: str) -> Filter:
    return lambda root, value, *rest: _date(root, value, pattern)


def _written_date(month: str) -> Filter:
    def filter_(root: Any, value: Any, kind: Any = None, style: Any = None, *rest: Any) -> Any:
        if kind != "ordinal":
            return _date(root, value, f"%d {month} %Y")
        return _date(root, value, f"{month} %-d%q, %Y" if style == "US" else f"%-d%q {month} %Y")

    return filter_


FILTERS: dict[str, Filter] = {
    **NUMBER_FILTERS,
    **TEXT_FILTERS,
    "default": _default,
    "raw": lambda root, value, *rest: value,
    "json": _json,
    "jsonify": _json,
    "inspect": _json,
    "join": _join,
    "first": _end(0),
    "last": _end(-1),
    "size": _size,
    "sum": _sum,
    "compact": lambda root, value, *rest: [i for i in _items(value) if i is not None and i is not MISSING],
    "push": lambda root, value, item=MISSING, *rest: [*_items(value), item],
    "unshift": lambda root, value, item=MISSING, *rest: [item, *_items(value)],
    "pop": lambda root, value, *rest: _items(value)[:-1],
    "shift": lambda root, value, *rest: _items(value)[1:],
    "slice": _slice,
    "where": _where,
    "sample": _sample,
    "date": _date,
    "date_to_xmlschema": _formatted("%Y-%m-%dT%H:%M:%S%:z"),
    "date_to_rfc822": _formatted("%a, %d %b %Y %H:%M:%S %z"),
    "date_to_string": _written_date("%b"),
    "date_to_long_string": _written_date("%B"),
}
