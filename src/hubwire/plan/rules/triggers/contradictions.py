"""Finds conditions of a trigger that cannot all be true, so that the trigger never fires.

Only what is sure counts: an empty name or id, two values for one field, a range without numbers, a text and a number
for one field, `null` and a value, and a comparison of two literals that is false. Used on save.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice
from typing import Any

from hubwire.plan.rules.triggers.syntax import Call, Comparison, Field, Joined, Literal, Node, written
from hubwire.plan.rules.values import is_number

MAX_PAIRS = 10_000
NEVER_EMPTY = frozenset({"event", "name", "userId", "anonymousId", "groupId", "previousId", "messageId"})
"""The fields at the top of a message that count as absent if they are empty."""
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def contradiction(node: Node) -> str | None:
    """Why no message fulfils a condition, in words; None if that is not sure."""
    match node:
        case Joined("or", conditions):
            faults = [contradiction(condition) for condition in conditions]
            return faults[0] if faults and all(fault is not None for fault in faults) else None
        case Joined("and", conditions):
            parts = list(_parts(conditions))
            for part in parts:
                fault = contradiction(part)
                if fault is not None:
                    return fault
            for first, second in islice(combinations(parts, 2), MAX_PAIRS):
                if _exclude(first, second) or _exclude(second, first):
                    return f"{written(first)} and {written(second)} are never true together; join them with `or`"
        case Comparison("=", Field((root,)), Literal("")) if root in NEVER_EMPTY:
            return f"{root} is never empty; a message without one does not have the field"
        case Comparison("=", Literal(left), Literal(right)) if _differ(left, right):
            return f"{written(node)} is never true"
    return None


def _parts(conditions: Sequence[Node]) -> Iterator[Node]:
    for condition in conditions:
        if isinstance(condition, Joined) and condition.operator == "and":
            yield from _parts(condition.conditions)
        else:
            yield condition


def _exclude(condition: Node, other: Node) -> bool:
    """Whether the first condition, which gives its field a value or a bound, excludes the second."""
    match condition, other:
        case Comparison("=", Field(steps), Literal(value)), Comparison("=", Field(others), Literal(another)):
            return steps == others and _differ(value, another)
        case Comparison("=", Field(steps), Literal(value)), Comparison("!=", Field(others), Literal(another)):
            return steps == others and not _differ(value, another)
        case Comparison("=", Field(steps), Literal(value)), Comparison(sign, Field(others), Literal(bound)):
            return steps == others and sign in _ORDER and not (is_number(value) and _holds(sign, value, bound))
        case Comparison("=", Field(steps), Literal(value)), Call("contains" | "match", (Field(others), _)):
            return steps == others and not isinstance(value, str | list)
        case Comparison(low, Field(steps), Literal(first)), Comparison(high, Field(others), Literal(second)):
            return steps == others and _is_empty_range(low, first, high, second)
    return False


def _is_empty_range(low: str, first: Any, high: str, second: Any) -> bool:
    """Whether no number is above the first bound and below the second one."""
    if low not in (">", ">=") or high not in ("<", "<=") or not (is_number(first) and is_number(second)):
        return False
    return bool(first > second or (first == second and (low == ">" or high == "<")))


def _holds(sign: str, value: Any, bound: Any) -> bool:
    return not is_number(bound) or _ORDER[sign](value, bound)


def _differ(value: Any, other: Any) -> bool:
    """Whether two literals are different values: type and value count, as `=` compares them."""
    kinds = [(is_number(literal), isinstance(literal, bool)) for literal in (value, other)]
    return kinds[0] != kinds[1] or bool(value != other)
