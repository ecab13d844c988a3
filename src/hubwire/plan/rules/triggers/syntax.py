"""The syntax tree of the documented trigger language, which `documented.py` builds and `meaning.py` runs.

Source: Segment, "Destination Filter Query Language" (https://segment.com/docs/api/public-api/fql/, read 2026-11-30).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hubwire.plan.rules.values import is_number, number_text


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number, boolean, null, or a list of these."""

    value: Any


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the message by its steps."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function of values; `contains` and `match` are conditions."""

    name: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values and one of `= != < <= > >= in`."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: Node


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions joined by `and` or by `or`. Without conditions, `and` is true and `or` is false."""

    operator: str
    conditions: tuple[Node, ...]


Operand = Literal | Field | Call
Node = Comparison | Not | Joined | Call | Field | Literal
ALWAYS = Joined("and", ())
NEVER = Joined("or", ())


def roots_of(node: Node) -> frozenset[str]:
    """The fields at the top of a message that a trigger reads."""
    match node:
        case Literal():
            return frozenset()
        case Field(steps):
            return frozenset(steps[:1])
        case Not(condition):
            return roots_of(condition)
        case Comparison(_, left, right):
            return roots_of(left) | roots_of(right)
        case Call(_, parts) | Joined(_, parts):
            return frozenset().union(*map(roots_of, parts))


def written(node: Node, is_inside: bool = False) -> str:
    """The tree as text, with the brackets that its meaning needs, and with texts in double quotes if possible."""
    match node:
        case Literal(value):
            return _written_value(value)
        case Field(steps):
            return ".".join([_escaped(step) for step in steps])
        case Call(name, arguments):
            return f"{name}({', '.join([written(argument) for argument in arguments])})"
        case Comparison(operator, left, right):
            return f"{written(left)} {operator} {written(right)}"
        case Not(Call() | Field() as condition):
            return f"!{written(condition)}"
        case Not(condition):
            return f"!({written(condition)})"
        case Joined(operator, ()):
            return "all" if operator == "and" else "!(all)"
        case Joined(operator, conditions):
            joined = f" {operator} ".join([written(condition, True) for condition in conditions])
            return f"({joined})" if is_inside else joined


def _written_value(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}'" if '"' in value else f'"{value}"'
    if is_number(value):
        return number_text(value)
    if isinstance(value, list):
        return f"[{', '.join([_written_value(item) for item in value])}]"
    return json.dumps(value)


def _escaped(step: str) -> str:
    escaped = "".join([c if c.isascii() and (c.isalnum() or c in "_-") else f"\\{c}" for c in step])
    return f"\\{escaped}" if escaped[:1].isdigit() or escaped.startswith("-") else escaped
