"""Treats JSON values as JavaScript does: truth, text, order of keys, and the missing value.

Packages written in JavaScript define Segment's rule languages; these functions have the behaviour that the languages
inherit from it. Deliberate differences: an integer beyond 2**53 keeps all its digits, as HubSpot ids need it, and the
properties that every JavaScript object inherits (`constructor`, `toString`) are not there.
Source: ECMA-262 "Abstract Operations"; @segment/actions-core 3.170.0.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec

SAFE_INTEGER = 2**53
MAX_INDEX = 2**32 - 1
BLANKS = (
    " \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""The characters that JavaScript's `trim` removes."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_OTHER_BASE = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")


class Missing(Enum):
    """JavaScript's `undefined`: not the same as null."""

    MISSING = "missing"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing.MISSING


def is_number(value: object) -> bool:
    """Whether this is a number; a boolean is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def type_name(value: object) -> str:
    """The JavaScript name of a value's type, with `null` and `array` told apart from `object`."""
    if value is MISSING:
        return "undefined"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def is_truthy(value: object) -> bool:
    """Whether the value is truthy in JavaScript; lists and objects always are, even empty ones."""
    if isinstance(value, dict | list):
        return True
    return bool(value) and not (isinstance(value, float) and math.isnan(value))


def is_blank(value: object) -> bool:
    """Whether a value is missing, null, or loosely equal to the empty text (`0`, `false`, `[]`, `[null]`)."""
    if value is MISSING or value is None:
        return True
    if isinstance(value, list):
        return text(value) == ""
    return not isinstance(value, dict) and not is_truthy(value)


def number_text(number: int | float) -> str:
    """A number as JavaScript writes it: `1.0` is `1`, `1e21` is `1e+21`. Integers beyond 2**53 keep their digits."""
    if isinstance(number, int):
        return str(number)
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    sign, decimals, exponent = Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    minus, digits = "-" if sign and number else "", "".join(map(str, decimals))
    point = len(digits) + exponent
    if len(digits) <= point <= 21:
        return minus + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{minus}{digits[0]}{fraction}e{point - 1:+d}"


def text(value: object) -> str:
    """The value as `String(value)` writes it: lists joined with commas, objects as `[object Object]`."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if value is MISSING:
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list):
        return ",".join(["" if item is None or item is MISSING else text(item) for item in value])
    return "[object Object]"


def number(value: object) -> int | float:
    """The value as `Number(value)` reads it: NaN for a text that is no number."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return _read_number(value.strip(BLANKS))
    if value is None:
        return 0
    return _read_number(text(value).strip(BLANKS)) if isinstance(value, list) else math.nan


def _read_number(digits: str) -> int | float:
    if not digits:
        return 0
    if _NUMBER.fullmatch(digits):
        return int(digits) if digits.isdigit() and len(digits) < 16 else float(digits)
    if _OTHER_BASE.fullmatch(digits):
        return int(digits, 0)
    sign = -1 if digits[0] == "-" else 1
    return sign * math.inf if digits.lstrip("+-") == "Infinity" and len(digits) <= 9 else math.nan


def entries(fields: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """Keys and values in JavaScript's order: indexes first and ascending, then the other keys as they came."""
    if not any(key[:1].isdigit() for key in fields):
        return fields.items()
    indexes = sorted([int(key) for key in fields if is_index(key)])
    return [(str(i), fields[str(i)]) for i in indexes] + [item for item in fields.items() if not is_index(item[0])]


def is_index(key: str) -> bool:
    """Whether a key is an index of a list as JavaScript writes it: `0`, `12`, not `01`."""
    if not key.isascii() or not key.isdigit() or len(key) > 10:
        return False
    return (key[0] != "0" or key == "0") and int(key) < MAX_INDEX


def length(characters: str) -> int:
    """The length of a text in UTF-16 units, which JavaScript counts."""
    return len(characters) if characters.isascii() else len(characters.encode("utf-16-le", "surrogatepass")) // 2


def unit(characters: str, index: int) -> str:
    """The UTF-16 unit at an index; half of a pair becomes U+FFFD, as it does when JavaScript writes UTF-8."""
    if characters.isascii():
        return characters[index]
    halves = characters.encode("utf-16-le", "surrogatepass")[2 * index : 2 * index + 2]
    return halves.decode("utf-16-le", "replace")


def step_into(value: object, step: str) -> Any:
    """`value && value[step]`: a field, an item by index, `length`; a falsy value gives itself."""
    if isinstance(value, dict):
        return value.get(step, MISSING)
    if not is_truthy(value):
        return value
    if isinstance(value, list):
        if is_index(step):
            index = int(step)
            return value[index] if index < len(value) else MISSING
        return len(value) if step == "length" else MISSING
    if isinstance(value, str):
        if is_index(step):
            return unit(value, int(step)) if int(step) < length(value) else MISSING
        return length(value) if step == "length" else MISSING
    return MISSING


def json_text(value: object) -> str | Missing:
    """`JSON.stringify(value)`: no blanks, keys in JavaScript's order, missing keys left out, holes in lists null."""
    if value is MISSING:
        return MISSING
    if isinstance(value, dict):
        fields = [(key, json_text(field)) for key, field in entries(value)]
        return "{" + ",".join([f"{_quoted(key)}:{field}" for key, field in fields if field is not MISSING]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([str(json_text(item) or "null") for item in value]) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return text(value)


def _quoted(characters: str) -> str:
    return json.dumps(characters, ensure_ascii=False)


def json_value(characters: str) -> Any:
    """What `JSON.parse` reads, or MISSING when the text is not JSON."""
    try:
        return msgspec.json.decode(characters)
    except (ValueError, RecursionError):
        return MISSING
