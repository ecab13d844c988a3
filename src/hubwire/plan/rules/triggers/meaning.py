"""Runs a documented trigger: true, false, or unknown if a value has the wrong type for a comparison.

Unknown is neither a condition nor its opposite: `contains(properties.seats, "2")` for a number is unknown, `!contains`
is unknown as well, and a trigger that is unknown in the end does not fire. Null is of every kind: `contains`, `match`
and a bare field are false for it, `length` is 0. A field's path is walked as Segment's package walks it.
Source: Segment, "Destination Filter Query Language" (https://segment.com/docs/api/public-api/fql/, read 2026-11-30);
what `bool`, `string` and `number` make of other kinds than their own is not said there and is our choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hubwire.plan.rules.triggers.conditions import ANYTHING, NOTHING, Fires, Message, Reach
from hubwire.plan.rules.triggers.globs import matches
from hubwire.plan.rules.triggers.syntax import ALWAYS, Call, Comparison, Field, Joined, Literal, Node, Not, Operand
from hubwire.plan.rules.values import MISSING, is_number, json_text, number, number_text, step_into

Truth = Callable[[Message], bool | None]
Read = Callable[[Message], Any]

WRONG_KIND = MISSING
"""The result of a function with an argument of the wrong type. No value in a message equals it."""


def compile_documented(node: Node) -> Fires:
    """The function of a trigger, from a message to whether the trigger fires.

    Shape: for `and` and `or` it is enough to know which conditions are true; only below a `!` does unknown count.
    """
    match node:
        case Joined("and", ()):
            return lambda message: True
        case Joined(_, (condition,)):
            return compile_documented(condition)
        case Joined("and", (one, other)):
            first, second = compile_documented(one), compile_documented(other)
            return lambda message: first(message) and second(message)
        case Joined("or", (one, other)):
            first, second = compile_documented(one), compile_documented(other)
            return lambda message: first(message) or second(message)
        case Joined(operator, conditions):
            return _joined(operator == "and", [compile_documented(condition) for condition in conditions])
        case Comparison("=", Field((root,)), Literal(str() as value)):
            return lambda message: message.get(root) == value
        case Comparison("=", Field((root, second, third)), Literal(str() as value)):

            def equals_third(message: Message) -> bool:
                """The most frequent long paths (`context.library.name`), in one call."""
                part: Any = message.get(root, MISSING)
                part = part.get(second, MISSING) if type(part) is dict else step_into(part, second)
                found = part.get(third) if type(part) is dict else step_into(part, third)
                return found == value

            return equals_third
        case Comparison("=", Field() as field, Literal(str() as value)):
            read = _field_reader(field.steps)
            return lambda message: read(message) == value
        case _:
            truth = truth_of(node)
            return lambda message: truth(message) is True


def _joined(is_all: bool, conditions: list[Fires]) -> Fires:
    def fires(message: Message) -> bool:
        for condition in conditions:
            if condition(message) is not is_all:
                return not is_all
        return is_all

    return fires


def truth_of(node: Node) -> Truth:
    """The function of a condition; None means unknown."""
    match node:
        case Not(condition):
            return _opposite(truth_of(condition))
        case Joined(operator, conditions):
            truths = [truth_of(condition) for condition in conditions]
            return _all(truths) if operator == "and" else _any(truths)
        case Comparison(operator, left, right):
            return _comparison(operator, left, right)
        case _:
            read = _reader(node)
            return lambda message: _as_truth(read(message))


def _as_truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else False if value is None else None


def _opposite(truth: Truth) -> Truth:
    def opposite(message: Message) -> bool | None:
        value = truth(message)
        return None if value is None else not value

    return opposite


def _all(truths: list[Truth]) -> Truth:
    def all_(message: Message) -> bool | None:
        whole: bool | None = True
        for truth in truths:
            value = truth(message)
            if value is False:
                return False
            if value is None:
                whole = None
        return whole

    return all_


def _any(truths: list[Truth]) -> Truth:
    def any_(message: Message) -> bool | None:
        whole: bool | None = False
        for truth in truths:
            value = truth(message)
            if value is True:
                return True
            if value is None:
                whole = None
        return whole

    return any_


def _comparison(operator: str, left: Operand, right: Operand) -> Truth:
    read_left, read_right = _reader(left), _reader(right)
    compare = _COMPARISONS[operator]

    def truth(message: Message) -> bool | None:
        left_value, right_value = read_left(message), read_right(message)
        return None if left_value is WRONG_KIND or right_value is WRONG_KIND else compare(left_value, right_value)

    return truth


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[Any, Any], bool | None]:
    return lambda left, right: compare(left, right) if is_number(left) and is_number(right) else None


def equal(left: Any, right: Any) -> bool:
    """Same type and same value; numbers by their value, lists item by item."""
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))
    return type(left) is type(right) and bool(left == right)


def _is_in(left: Any, right: Any) -> bool | None:
    if not isinstance(right, list):
        return False if right is None else None
    return any(equal(left, item) for item in right)


_COMPARISONS: dict[str, Callable[[Any, Any], bool | None]] = {
    "=": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "in": _is_in,
}


def _reader(operand: Node) -> Read:
    """The value of a field, literal or function for a message; a missing value is null."""
    match operand:
        case Literal(value):
            return lambda message: value
        case Field(steps):
            return _field_reader(steps)
        case Call(name, arguments):
            readers = [_reader(argument) for argument in arguments]
            run = _FUNCTIONS[name]
            return lambda message: _called(run, [read(message) for read in readers])
        case _:
            truth = truth_of(operand)
            return lambda message: truth(message)


def within(node: Node) -> Node:
    """The trigger for messages of a type and event name that it can fire for: what an index has decided is left out."""
    if isinstance(node, Joined) and node.operator == "and":
        return Joined("and", tuple([condition for condition in node.conditions if within(condition) is not ALWAYS]))
    match node:
        case Comparison("=", Field(("type" | "event",)), Literal(str())):
            return ALWAYS
        case _:
            return node


def _field_reader(steps: tuple[str, ...]) -> Read:
    root, rest = steps[0], steps[1:]
    if not rest:
        return lambda message: message.get(root)

    def read(message: Message) -> Any:
        value: Any = message.get(root, MISSING)
        for step in rest:
            value = value.get(step, MISSING) if type(value) is dict else step_into(value, step)
        return None if value is MISSING else value

    return read


def _called(run: Callable[..., Any], values: list[Any]) -> Any:
    return WRONG_KIND if any(value is WRONG_KIND for value in values) else run(*values)


def _contains(value: Any, part: Any) -> Any:
    if value is None:
        return False
    return part in value if isinstance(value, str) and isinstance(part, str) else WRONG_KIND


def _match(value: Any, pattern: Any) -> Any:
    if value is None:
        return False
    return matches(value, pattern) if isinstance(value, str) and isinstance(pattern, str) else WRONG_KIND


def _length(value: Any) -> Any:
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    return len(value) if isinstance(value, list) else WRONG_KIND


def _of_text(change: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda value: value if value is None else change(value) if isinstance(value, str) else WRONG_KIND


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if is_number(value):
        return "number"
    return "string" if isinstance(value, str) else "list" if isinstance(value, list) else "object"


def _bool(value: Any) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, WRONG_KIND)
    return WRONG_KIND if isinstance(value, dict) else bool(value)


def _string(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return number_text(value) if is_number(value) else json_text(value)


def _number(value: Any) -> Any:
    read = number(value) if isinstance(value, str) and value else value
    return read if is_number(read) and not math.isnan(read) else WRONG_KIND


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "match": _match,
    "length": _length,
    "lowercase": _of_text(str.lower),
    "uppercase": _of_text(str.upper),
    "snakecase": _of_text(lambda value: value.replace(" ", "_")),
    "kebabcase": _of_text(lambda value: value.replace(" ", "-")),
    "titlecase": _of_text(lambda value: " ".join([word[:1].upper() + word[1:] for word in value.split(" ")])),
    "typeof": _type_of,
    "bool": _bool,
    "string": _string,
    "number": _number,
}


def reach_of(node: Node) -> Reach:
    """The message types and event names for which the trigger can fire."""
    match node:
        case Joined("and", conditions):
            reach = ANYTHING
            for condition in conditions:
                reach = reach.both(reach_of(condition))
            return reach
        case Joined(_, conditions):
            reach = NOTHING
            for condition in conditions:
                reach = reach.either(reach_of(condition))
            return reach
        case Comparison("=" | "in", Field(("type" | "event" as root,)), Literal(value)):
            return _fixed(root, value)
        case Comparison("=", Literal(value), Field(("type" | "event" as root,))):
            return _fixed(root, value)
        case _:
            return ANYTHING


def _fixed(root: str, value: Any) -> Reach:
    values = frozenset([item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)])
    if None in (value if isinstance(value, list) else [value]):
        return ANYTHING
    return Reach(types=values) if root == "type" else Reach(events=values)
