"""Compiles the expressions of templates as LiquidJS reads them: values, comparisons and filters.

LiquidJS is more lenient than other implementations: an output may hold comparisons and a condition filters, `and` and
`or` are read from right to left, an unknown filter passes its value through, and of several values the first is used.
Source: LiquidJS 10.27.2, tokenizer and expression (https://liquidjs.com).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from liquid import RenderContext
from liquid.exceptions import LiquidSyntaxError

from hubwire.plan.rules.liquid.filters import DISABLED_FILTERS, FILTERS
from hubwire.plan.rules.liquid.values import (
    BLANK,
    EMPTY,
    NIL,
    TOO_LARGE,
    Filter,
    LiquidFailed,
    compare,
    contains,
    equals,
    is_liquid_true,
    read_property,
)
from hubwire.plan.rules.values import MISSING, number, text

Evaluate = Callable[[RenderContext], Any]

_BLANKS = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z0-9_\-?\u0080-\U0010ffff]+")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.(?!\.)[0-9]*)?(?![A-Za-z0-9_\-?\u0080-\U0010ffff])")
_LITERAL = re.compile(r"(?:true|false|nil|null|empty|blank)(?![A-Za-z0-9_\-?\u0080-\U0010ffff])")
_OPERATOR = re.compile(r"==|!=|>=|<=|>|<|(?:contains|not|and|or)(?![A-Za-z0-9_\-?\u0080-\U0010ffff])")
_QUOTED = re.compile(r"""(["'])((?:\\.|(?!\1|\\).)*)(?:\1|\\?$)""", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{0,4})|([0-7]{1,3})|(.))", re.DOTALL)

_LITERALS: dict[str, Any] = {"true": True, "false": False, "nil": NIL, "null": NIL, "empty": EMPTY, "blank": BLANK}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PRECEDENCES = {"not": 1, "and": 0, "or": 0}
_MAX_RANGE = 100_000


def filtered_value(source: str) -> Evaluate:
    """The function of a value with its filters, from an output, an `assign` or a condition.

    Errors: LiquidSyntaxError, with the place in `source`.
    """
    return Reader(source).filtered_value()


class Reader:
    """Reads one expression from left to right."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def filtered_value(self) -> Evaluate:
        """The expression and its filters, to the end of the source."""
        value = self._expression()
        while not self.is_at_end():
            if self._next() != "|":
                self._refuse('"|" before a filter')
            self.at += 1
            value = self._filter(value)
        return value

    def is_at_end(self) -> bool:
        """Whether only blanks are left."""
        self._skip(_BLANKS)
        return self.at >= len(self.source)

    def word(self) -> str:
        """The word at this place, or an empty text."""
        self._skip(_BLANKS)
        return self._skip(_WORD)

    def take(self, sign: str) -> bool:
        """Whether this character comes next; if so, moves past it."""
        if self.is_at_end() or self._next() != sign:
            return False
        self.at += 1
        return True

    def value(self) -> Evaluate | None:
        """The literal, text, range, number or path at this place, or None."""
        self._skip(_BLANKS)
        start = self._literal() or self._quoted() or self._range() or self._number()
        steps = self._steps(start is None)
        if not steps:
            return start
        return _path(start, steps)

    def past(self, sign: str) -> bool:
        """Move past the next such character. Returns False and moves to the end if there is none."""
        found = self.source.find(sign, self.at)
        self.at = found + 1 if found >= 0 else len(self.source)
        return found >= 0

    def _next(self) -> str:
        return self.source[self.at : self.at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.source, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _refuse(self, expected: str) -> None:
        found = repr(self._next()) if self._next() else "the end"
        raise LiquidSyntaxError(f"at {self.at + 1} of {self.source!r}: expected {expected}, found {found}", token=None)

    def _expression(self) -> Evaluate:
        """Operands and operators in the order in which they are evaluated."""
        postfix: list[str | Evaluate] = []
        waiting: list[str] = []
        while True:
            self._skip(_BLANKS)
            operator = self._skip(_OPERATOR)
            if operator:
                while waiting and _PRECEDENCES.get(waiting[-1], 2) > _PRECEDENCES.get(operator, 2):
                    postfix.append(waiting.pop())
                waiting.append(operator)
                continue
            value = self.value()
            if value is None:
                break
            postfix.append(value)
        postfix += reversed(waiting)
        if not postfix:
            self._refuse("a value")
        return _evaluation(postfix)

    def _filter(self, value: Evaluate) -> Evaluate:
        name = self.word()
        if not name:
            if not self.is_at_end():
                self._refuse("the name of a filter")
            return value
        arguments: list[tuple[str | None, Evaluate]] = []
        if self.take(":"):
            while True:
                argument = self._argument()
                if argument is not None:
                    arguments.append(argument)
                if not self.is_at_end() and self._next() not in ",|":
                    self._refuse('"," or "|"')
                if not self.take(","):
                    break
        elif not self.is_at_end() and self._next() != "|":
            self._refuse('":" after the name of a filter')
        return _filtered(name, value, arguments)

    def _argument(self) -> tuple[str | None, Evaluate] | None:
        self._skip(_BLANKS)
        begin = self.at
        value = self.value()
        if value is None:
            return None
        key = self.source[begin : self.at]
        if not self.take(":"):
            return None, value
        return key, self.value() or _nothing

    def _literal(self) -> Evaluate | None:
        name = self._skip(_LITERAL)
        return _constant(_LITERALS[name]) if name else None

    def _quoted(self) -> Evaluate | None:
        found = _QUOTED.match(self.source, self.at)
        if found is None:
            return None
        self.at = found.end()
        return _constant(_ESCAPE.sub(_unescaped, found[2]))

    def _number(self) -> Evaluate | None:
        digits = self._skip(_NUMBER)
        return _constant(number(digits)) if digits else None

    def _range(self) -> Evaluate | None:
        if self._next() != "(":
            return None
        self.at += 1
        low = self._needed_value()
        self._skip(_BLANKS)
        if self.source[self.at : self.at + 2] != "..":
            self._refuse('".." of a range')
        self.at += 2
        high = self._needed_value()
        if not self.take(")"):
            self._refuse('")" of a range')
        return lambda context: _numbers(number(low(context)), number(high(context)))

    def _needed_value(self) -> Evaluate:
        value = self.value()
        if value is None:
            self._refuse("a value")
        return value or _nothing

    def _steps(self, is_begin: bool) -> list[Evaluate]:
        steps: list[Evaluate] = []
        while True:
            if self._next() == "[":
                self.at += 1
                step = self.value() or _constant("")
                if not self.past("]"):
                    self._refuse('"]"')
                steps.append(step)
                continue
            is_dot = self._next() == "." and self.source[self.at + 1 : self.at + 2] != "."
            if is_dot:
                self.at += 1
            elif not is_begin or steps:
                return steps
            name = self.word()
            if not name:
                return steps
            steps.append(_constant(name))


def _constant(value: Any) -> Evaluate:
    return lambda context: value


def _nothing(context: RenderContext) -> Any:
    return MISSING


def _numbers(low: float, high: float) -> list[float]:
    if not high - low < _MAX_RANGE:
        raise LiquidFailed(TOO_LARGE)
    numbers = []
    while low < high + 1:
        numbers.append(low)
        low += 1
    return numbers


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is not None:
        return chr(int(found[1] or "0", 16))
    if found[2] is not None:
        return chr(int(found[2], 8))
    return _ESCAPES.get(found[3], found[3])


def _path(start: Evaluate | None, steps: list[Evaluate]) -> Evaluate:
    def evaluate(context: RenderContext) -> Any:
        keys = [step(context) for step in steps]
        value = _variable(context, keys.pop(0)) if start is None else start(context)
        for key in keys:
            value = read_property(value, key)
        return value

    return evaluate


def _variable(context: RenderContext, key: Any) -> Any:
    """A variable: first those of `assign` and `capture`, then the counters, then the message."""
    name = text(key)
    if name in context.locals:
        return context.locals[name]
    if name in context.counters:
        return context.counters[name]
    root = context.globals["root"]
    if isinstance(root, dict):
        return root.get(name, MISSING)
    return (
        read_property(root, name) if isinstance(root, list | str) and name not in ("size", "first", "last") else MISSING
    )


_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": equals,
    "!=": lambda left, right: not equals(left, right),
    ">": lambda left, right: compare(left, right, ">"),
    "<": lambda left, right: compare(left, right, "<"),
    ">=": lambda left, right: compare(left, right, ">="),
    "<=": lambda left, right: compare(left, right, "<="),
    "contains": contains,
    "and": lambda left, right: is_liquid_true(left) and is_liquid_true(right),
    "or": lambda left, right: is_liquid_true(left) or is_liquid_true(right),
}


def _evaluation(postfix: list[str | Evaluate]) -> Evaluate:
    if len(postfix) == 1 and not isinstance(postfix[0], str):
        return postfix[0]

    def evaluate(context: RenderContext) -> Any:
        operands: list[Any] = []
        for part in postfix:
            if not isinstance(part, str):
                operands.append(part(context))
                continue
            right = operands.pop() if operands else MISSING
            if part == "not":
                operands.append(not is_liquid_true(right))
                continue
            left = operands.pop() if operands else MISSING
            operands.append(_OPERATIONS[part](left, right))
        return operands[0]

    return evaluate


def _filtered(name: str, value: Evaluate, arguments: list[tuple[str | None, Evaluate]]) -> Evaluate:
    run: Filter | None = FILTERS.get(name)
    if run is None and name not in DISABLED_FILTERS:
        return value

    def evaluate(context: RenderContext) -> Any:
        given = value(context)
        if run is None:
            raise LiquidFailed(f'filter "{name}" is disabled')
        values = [argument(context) if key is None else [key, argument(context)] for key, argument in arguments]
        return run(context.globals["root"], given, *values)

    return evaluate
