"""Treats values as LiquidJS does: text, truth, equality, order, and properties.

Source: LiquidJS 10.27.2 (https://liquidjs.com).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from liquid.exceptions import LiquidError

from hubwire.plan.rules.templates import MAX_TEXT
from hubwire.plan.rules.values import BLANKS, MISSING, is_number, length, number, step_into, text

Filter = Callable[..., Any]
"""A function of the root, the value and the arguments. A named argument is a list of name and value."""


class LiquidFailed(LiquidError):
    """A filter or tag cannot be used here, or not with this value."""

    def __init__(self, message: str) -> None:
        super().__init__(message, token=None)


class Drop(Enum):
    """The words `nil`, `empty` and `blank`, which are equal to every value of their kind and never less or greater."""

    NIL = "nil"
    EMPTY = "empty"
    BLANK = "blank"


NIL: Final = Drop.NIL
EMPTY: Final = Drop.EMPTY
BLANK: Final = Drop.BLANK

TOO_LARGE = "memory alloc limit exceeded"
_ONLY_BLANKS = re.compile(f"[{BLANKS}]*")


def stringify(value: Any) -> str:
    """The printed form of a value: empty for null and missing values; lists are joined without a separator."""
    if isinstance(value, str):
        return value
    if value is None or value is MISSING or isinstance(value, Drop):
        return ""
    if isinstance(value, list):
        return "".join([stringify(item) for item in value])
    return text(value)


def bounded(characters: str) -> str:
    """The text. Raises LiquidFailed if it is too long."""
    if len(characters) > MAX_TEXT:
        raise LiquidFailed(TOO_LARGE)
    return characters


def is_liquid_true(value: Any) -> bool:
    """Every value is true except false, null and a missing value."""
    return not (value is None or value is False or value is MISSING or value is NIL)


def equals(left: Any, right: Any) -> bool:
    """`==`: same type and value; lists item by item; objects never, as JavaScript compares them by identity."""
    if isinstance(left, Drop):
        return _is_of(left, right)
    if isinstance(right, Drop):
        return _is_of(right, left)
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(equals(a, b) for a, b in zip(left, right, strict=True))
        )
    if isinstance(left, dict):
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if is_number(left):
        return is_number(right) and bool(left == right)
    return isinstance(right, str) and left == right if isinstance(left, str) else left is right


def _is_of(drop: Drop, value: Any) -> bool:
    if drop is NIL:
        return value is None or value is MISSING or value is NIL
    if isinstance(value, Drop):
        return value is NIL and drop is BLANK
    if drop is BLANK and (value is False or value is None or value is MISSING):
        return True
    if isinstance(value, str):
        return value == "" or (drop is BLANK and _ONLY_BLANKS.fullmatch(value) is not None)
    return isinstance(value, list | dict) and not value


def compare(left: Any, right: Any, operator: str) -> bool:
    """`<`, `>`, `<=`, `>=` of JavaScript: two texts by their characters, other values as numbers; `nil` gives false."""
    if isinstance(left, Drop) or isinstance(right, Drop):
        return False
    if isinstance(left, list | dict):
        left = text(left)
    if isinstance(right, list | dict):
        right = text(right)
    if isinstance(left, str) and isinstance(right, str):
        a, b = left.encode("utf-16-be", "surrogatepass"), right.encode("utf-16-be", "surrogatepass")
        return {"<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}[operator]
    x, y = _as_number(left), _as_number(right)
    return {"<": x < y, ">": x > y, "<=": x <= y, ">=": x >= y}[operator]


def _as_number(value: Any) -> float:
    return math.nan if value is MISSING else number(value)


def contains(left: Any, right: Any) -> bool:
    """Whether a list contains an equal item, or a text contains this part."""
    if isinstance(left, list):
        return any(equals(item, right) for item in left)
    if isinstance(left, Drop):
        left = ""
    part = "null" if right is NIL else "" if isinstance(right, Drop) else text(right)
    return isinstance(left, str) and part in left


def read_property(value: Any, key: Any) -> Any:
    """A field, an item (negative indexes count from the end), or `size`, `first`, `last`."""
    if value is None or value is MISSING or isinstance(value, Drop):
        return value
    if isinstance(value, list) and is_number(key):
        index = int(key) if key == int(key) else None
        if index is not None and -len(value) <= index < len(value):
            return value[index]
        return MISSING
    name = "" if isinstance(key, Drop) else text(key)
    found = value.get(name, MISSING) if isinstance(value, dict) else _own(value, name)
    if found is not MISSING:
        return found
    if name == "size" and isinstance(value, list | dict | str):
        return length(value) if isinstance(value, str) else len(value)
    if name in ("first", "last") and isinstance(value, list) and value:
        return value[0 if name == "first" else -1]
    return MISSING


def _own(value: Any, name: str) -> Any:
    return step_into(value, name) if isinstance(value, list) or (isinstance(value, str) and value) else MISSING
