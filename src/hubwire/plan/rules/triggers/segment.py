"""Parses a trigger as Segment's package does, surprises included, for triggers that were made in Segment.

Only a text on which the package fails is refused. There is no precedence: the last `and` or `or` of a level joins all
of it; a bracket ends at the first `)`; unknown words are ignored. docs/reference/rule-languages.md has examples.
Source: @segment/destination-subscriptions 3.37.0, `parseFql` and `validate`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hubwire.plan.rules.triggers.conditions import ANYTHING, Fires, Message, Reach
from hubwire.plan.rules.triggers.segment_tokens import Token, Unreadable, tokens_of
from hubwire.plan.rules.values import MISSING, is_number, number, step_into, text

MAX_CONDITIONS = 2_000

ROOTS = frozenset({"type", "event", "name", "userId", "context", "properties", "traits"})
"""The fields of a message that triggers can read."""
_OBJECTS = ("properties", "traits", "context")
_FUNCTIONS = ("contains", "match")
_INHERITED = frozenset(
    [
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString"),
        *("valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "__proto__"),
    ]
)
"""Names that every JavaScript object has: the package reads such a word as a field and then drops the condition."""
_STEPS = re.compile(r"[^\[.\]]+")

Value = str | bool | int | float


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of the field `root`, or of `path` inside of it (None for `type`, `event`, `name`, `userId`)."""

    root: str
    path: str | None
    operator: str
    value: Value = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of one level, all joined by the same word; None is a pair of brackets with nothing in it."""

    operator: str
    children: tuple[Condition | Group | None, ...]


def parse(trigger: str) -> Group:
    """The package's reading of a trigger.

    Errors: Unreadable where the package gives an error.
    """
    parsed = _parse(_joined(tokens_of(trigger)))
    if parsed is None:
        raise Unreadable("no condition on a field that the package knows")
    return parsed if isinstance(parsed, Group) else Group("and", (parsed,))


def _joined(tokens: list[Token]) -> list[Token]:
    """Words joined by dots are one path."""
    joined: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        follows = tokens[index + 1] if index + 1 < len(tokens) else token
        if joined and joined[-1].kind == "ident" and token.kind == "dot" and follows.kind == "ident":
            joined[-1] = Token("ident", f"{joined[-1].value}.{follows.value}")
            index += 2
        else:
            joined.append(token)
            index += 1
    return joined


def _parse(tokens: list[Token]) -> Condition | Group | None:
    nodes: list[Condition | Group | None] = []
    operator = "and"
    waiting = list(reversed(tokens))
    while waiting:
        token = waiting.pop()
        if token.kind == "eos":
            break
        if token.kind == "ident":
            nodes += _comparison(token, waiting)
        elif token == Token("operator", "!"):
            if _is_function(_needed(waiting[-1:], "a condition behind '!'")):
                nodes += _function(waiting.pop().value, waiting, True)
        elif token.kind == "parenleft":
            nodes.append(_group(waiting))
        elif token.kind == "conditional":
            operator = token.value
        if len(nodes) > MAX_CONDITIONS:
            raise Unreadable(f"more than {MAX_CONDITIONS:,} conditions")
    if len(nodes) > 1:
        return Group(operator, tuple(nodes))
    return nodes[0] if nodes else None


def _needed(tokens: list[Token], missing: str) -> Token:
    if not tokens:
        raise Unreadable(f"{missing} is missing")
    return tokens[-1]


def _take(waiting: list[Token], missing: str) -> Token:
    _needed(waiting, missing)
    return waiting.pop()


def _group(waiting: list[Token]) -> Condition | Group | None:
    inside: list[Token] = []
    while True:
        token = _take(waiting, "the closing bracket")
        if token.kind == "parenright":
            return _parse([*inside, Token("eos", "eos")])
        inside.append(token)


def _comparison(token: Token, waiting: list[Token]) -> list[Condition]:
    if _is_function(token):
        return _function(token.value, waiting, False)
    root = token.value.partition(".")[0]
    if root not in ROOTS and root not in _INHERITED:
        return []
    operator = _take(waiting, "the operator").value
    value = _take(waiting, "the value")
    if root in _INHERITED:
        return []
    if root not in _OBJECTS:
        return [_top_level(root, operator, value)]
    return [_in_object(root, token.value, operator, value)]


def _top_level(root: str, operator: str, value: Token) -> Condition:
    if root in ("name", "userId") and value.value == "null" and operator in ("=", "!="):
        return Condition(root, None, "exists" if operator == "!=" else "not_exists")
    if root == "userId" and operator == "=" and value.value in ("true", "false"):
        return Condition(root, None, f"is_{value.value}")
    return Condition(root, None, operator, text(_value(value)))


def _in_object(root: str, name: str, operator: str, value: Token) -> Condition:
    path = name.removeprefix(f"{root}.")
    if operator == "=" and value.value in ("true", "false"):
        return Condition(root, path, f"is_{value.value}")
    if operator in ("=", "!=") and value.value == "null":
        return Condition(root, path, "exists" if operator == "!=" else "not_exists")
    if operator in ("=", "!=") and value.kind == "number":
        return Condition(root, path, "number_equals" if operator == "=" else "number_not_equals", _value(value))
    return Condition(root, path, operator, _value(value))


def _value(token: Token) -> Value:
    if token.kind == "string":
        return token.value.removeprefix('"').removesuffix('"')
    if token.kind == "number":
        return number(token.value)
    if token.kind == "ident" and token.value in ("true", "false"):
        return token.value == "true"
    return token.value


def _is_function(token: Token) -> bool:
    return token.kind == "ident" and token.value in _FUNCTIONS


def _function(name: str, waiting: list[Token], is_negated: bool) -> list[Condition]:
    """The condition of `contains(…)` or `match(…)`. It takes five tokens, whatever they are."""
    taken = [waiting.pop() if waiting else None for _ in range(5)]
    field, value = taken[1], taken[3]
    if field is None or value is None:
        raise Unreadable(f"{name}() is missing a {'1st' if field is None else '2nd'} argument")
    part = text(_value(value))
    if name == "contains":
        operator = "contains"
    elif value.value.endswith('*"'):
        operator, part = "starts_with", part[:-1]
    else:
        operator, part = "ends_with", part[1:]
    operator = f"not_{operator}" if is_negated else operator
    if field.value in ("event", "name", "userId"):
        return [Condition(field.value, None, operator, part)]
    for root in _OBJECTS:
        if field.value.startswith(root):
            return [Condition(root, field.value.removeprefix(f"{root}."), operator, part)]
    return []


def compile_group(group: Group) -> Fires:
    """The function of the conditions. If the package fails on a message, the trigger does not fire for it."""
    run = strictly(group)

    def fires(message: Message) -> bool:
        try:
            return run(message)
        except Unreadable:
            return False

    return fires


def strictly(node: Condition | Group | None) -> Fires:
    """The function of the conditions. It raises Unreadable where the package fails on a message."""
    if node is None:
        return _unreadable
    if isinstance(node, Condition):
        return _compile_condition(node)
    children = [strictly(child) for child in node.children]
    if node.operator == "and":
        return lambda message: all(child(message) for child in children)
    return lambda message: any(child(message) for child in children)


def _unreadable(message: Message) -> bool:
    raise Unreadable("brackets with nothing in them")


def _compile_condition(condition: Condition) -> Fires:
    root, test = condition.root, _test(condition.operator, condition.value)
    if condition.path is None:
        return lambda message: test(message.get(root, MISSING))
    if not condition.path:
        return lambda message: test(MISSING)
    steps = _STEPS.findall(condition.path)
    if not steps:
        return _unreadable

    def holds(message: Message) -> bool:
        value: Any = message.get(root, MISSING)
        for step in steps:
            value = value.get(step, MISSING) if type(value) is dict else step_into(value, step)
        return test(value)

    return holds


def steps_of(condition: Condition) -> tuple[str, ...]:
    """The field of a condition by its steps; empty when the package reads none."""
    if condition.path is None:
        return (condition.root,)
    steps = _STEPS.findall(condition.path)
    return (condition.root, *steps) if steps else ()


def _test(operator: str, value: Value) -> Callable[[Any], bool]:
    """The test of a field's value."""
    part = text(value)
    limit = number(value) if operator in ("<", "<=", ">", ">=", "number_equals", "number_not_equals") else math.nan
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda actual: isinstance(actual, str) and actual == part,
        "!=": lambda actual: not (isinstance(actual, str) and actual == part),
        "number_equals": lambda actual: is_number(actual) and actual == limit,
        "number_not_equals": lambda actual: is_number(actual) and actual != limit,
        "<": lambda actual: is_number(actual) and actual < limit,
        "<=": lambda actual: is_number(actual) and actual <= limit,
        ">": lambda actual: is_number(actual) and actual > limit,
        ">=": lambda actual: is_number(actual) and actual >= limit,
        "contains": lambda actual: isinstance(actual, str) and part in actual,
        "not_contains": lambda actual: isinstance(actual, str) and part not in actual,
        "starts_with": lambda actual: isinstance(actual, str) and actual.startswith(part),
        "not_starts_with": lambda actual: isinstance(actual, str) and not actual.startswith(part),
        "ends_with": lambda actual: isinstance(actual, str) and actual.endswith(part),
        "not_ends_with": lambda actual: isinstance(actual, str) and not actual.endswith(part),
        "exists": lambda actual: actual is not None and actual is not MISSING,
        "not_exists": lambda actual: actual is None or actual is MISSING,
        "is_true": lambda actual: actual is True,
        "is_false": lambda actual: actual is False,
    }
    return tests.get(operator, lambda actual: False)


def reach_of(node: Condition | Group | None) -> Reach:
    """The message types and event names for which the conditions can be true."""
    if node is None:
        return ANYTHING
    if isinstance(node, Condition):
        if node.operator == "=" and node.root in ("type", "event"):
            values = frozenset([text(node.value)])
            return Reach(types=values) if node.root == "type" else Reach(events=values)
        return ANYTHING
    reaches = [reach_of(child) for child in node.children]
    reach = reaches[0]
    for other in reaches[1:]:
        reach = reach.both(other) if node.operator == "and" else reach.either(other)
    return reach
