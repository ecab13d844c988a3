"""Parses a trigger as Segment documents its query language: strictly, with the place of each error.

`and` binds tighter than `or`. Beyond the documentation there are `field contains "part"` and `field match "glob"`,
which mean the functions of these names.
Source: Segment, "Destination Filter Query Language" (https://segment.com/docs/api/public-api/fql/, read 2026-11-30).
"""

from __future__ import annotations

import difflib
import re
from typing import Any, NamedTuple, NoReturn

from hubwire.errors import BadValue
from hubwire.plan.rules.triggers.globs import glob_fault
from hubwire.plan.rules.triggers.syntax import (
    ALWAYS,
    NEVER,
    Call,
    Comparison,
    Field,
    Joined,
    Literal,
    Node,
    Not,
    Operand,
    written,
)
from hubwire.plan.rules.values import is_number, number

MAX_TRIGGER = 10_000
MAX_LEVELS = 40

FUNCTIONS = {
    **dict.fromkeys(("length", "lowercase", "uppercase", "snakecase", "kebabcase", "titlecase"), 1),
    **dict.fromkeys(("typeof", "bool", "string", "number"), 1),
    "contains": 2,
    "match": 2,
}
"""Each function and how many values it takes."""
CONDITIONS = ("contains", "match", "bool")

OBJECTS = ("properties", "traits", "context", "integrations", "_metadata")
FIELDS = (
    *("type", "event", "name", "userId", "anonymousId", "groupId", "previousId", "messageId", "category"),
    *("timestamp", "originalTimestamp", "sentAt", "receivedAt", "channel", "version", "projectId", "writeKey"),
)
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_.\\]))
    |(?P<word>(?:\\.|[A-Za-z_])(?:\\.|[A-Za-z0-9_-])*(?:\.(?:\\.|[A-Za-z_-])(?:\\.|[A-Za-z0-9_-])*)*)
    |(?P<sign>==|!=|<=|>=|&&|\|\||[=<>!(),\[\]])""",
    re.VERBOSE | re.DOTALL,
)
_STEP = re.compile(r"(?:\\.|[^.\\])+", re.DOTALL)
_ORDER = ("<", "<=", ">", ">=")
_WORDS = {"true": True, "false": False, "null": None}
_OTHER_WORDS = {
    "==": "`=`",
    "&&": "`and`",
    "||": "`or`",
    "AND": "`and` in lower-case letters",
    "OR": "`or` in lower-case letters",
    "not": "`!( … )`",
}


class TriggerRefused(BadValue):
    """A trigger that cannot be used. The text has the place, what was found, and what was expected or helps."""

    code = "bad-trigger"

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__("trigger", message, value=value)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(trigger: str) -> Node:
    """The tree of a trigger.

    Errors: TriggerRefused with line and column.
    """
    if len(trigger) > MAX_TRIGGER:
        raise TriggerRefused(f"a trigger has at most {MAX_TRIGGER:,} characters, this one has {len(trigger):,}")
    return _Parser(trigger).trigger()


def place(trigger: str, at: int) -> str:
    """A place in a trigger, counted from 1."""
    before = trigger[:at]
    return f"line {before.count(chr(10)) + 1}, column {at - (before.rfind(chr(10)) + 1) + 1}"


class _Parser:
    def __init__(self, trigger: str) -> None:
        self._trigger = trigger
        self._tokens = list(self._read())
        self._index = 0
        self._levels = 0

    def _read(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self._trigger):
            found = _TOKEN.match(self._trigger, at)
            if found is None:
                self._refuse_sign(at)
            if found.lastgroup != "blank":
                tokens.append(_Token(str(found.lastgroup), found[0], at))
            at = found.end()
        return [*tokens, _Token("end", "", at)]

    def _refuse_sign(self, at: int) -> NoReturn:
        sign = self._trigger[at]
        if sign in "\"'":
            self._refuse_at(at, sign, f"the {sign} that closes the text")
        rest = self._trigger[at:]
        if sign == ".":
            step = "a step of a field: letters, digits, _ and -; any other sign, and a digit at its begin, behind a \\"
            self._refuse_at(at, sign, step)
        if sign.isdigit() or sign in "+-":
            self._refuse_at(at, re.split(r"[\s,)\]]", rest, maxsplit=1)[0][:20], "a number, as 2 or 2.5")
        if sign in "/#":
            self._refuse_at(at, sign, "a condition; a trigger has no comments")
        self._refuse_at(at, sign, "a field, a value, an operator or a bracket")

    def _refuse_at(self, at: int, found: str, expected: str) -> NoReturn:
        shown = f"{found!r}" if found else "the end of the trigger"
        raise TriggerRefused(f"{place(self._trigger, at)}: expected {expected}, found {shown}", value=self._trigger)

    def _refuse(self, expected: str) -> NoReturn:
        token = self._peek
        self._refuse_at(token.at, token.text, _OTHER_WORDS.get(token.text, expected))

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._index]

    def _takes(self, text: str) -> bool:
        if self._peek.text != text or self._peek.kind in ("text", "end"):
            return False
        self._index += 1
        return True

    def _expect(self, text: str, expected: str) -> None:
        if not self._takes(text):
            self._refuse(expected)

    def trigger(self) -> Node:
        if self._peek.kind == "end":
            self._refuse('a condition, as type = "track", or `all`')
        node = self._any()
        if self._peek.kind != "end":
            self._refuse("`and`, `or` or the end")
        return node

    def _any(self) -> Node:
        return self._joined("or", self._all)

    def _all(self) -> Node:
        return self._joined("and", self._condition)

    def _joined(self, word: str, read: Any) -> Node:
        nodes = [read()]
        while self._takes(word):
            nodes.append(read())
        return nodes[0] if len(nodes) == 1 else Joined(word, tuple(nodes))

    def _condition(self) -> Node:
        self._levels += 1
        if self._levels > MAX_LEVELS:
            self._refuse(f"at most {MAX_LEVELS} levels of brackets")
        node = self._negation()
        self._levels -= 1
        return node

    def _negation(self) -> Node:
        if self._takes("!"):
            return Not(self._condition())
        if self._takes("("):
            node = self._any()
            self._expect(")", "`and`, `or` or `)`")
            return node
        if self._peek.text == "all" and self._peek.kind == "word":
            self._index += 1
            return ALWAYS
        return self._comparison()

    def _comparison(self) -> Node:
        start = self._peek
        left = self._operand()
        token = self._peek
        if token.text in ("=", "!=", *_ORDER) and token.kind == "sign":
            self._index += 1
            right_at = self._peek
            right = self._operand()
            if token.text in _ORDER:
                self._check_number(left, start)
                self._check_number(right, right_at)
            return Comparison(token.text, left, right)
        if token.kind == "word" and token.text == "in":
            self._index += 1
            return Comparison("in", left, self._list_operand())
        if token.kind == "word" and token.text in ("contains", "match"):
            self._index += 1
            return self._checked(Call(token.text, (left, self._operand())), token)
        return self._as_condition(left, start)

    def _as_condition(self, operand: Operand, start: _Token) -> Node:
        """A value that stands alone: a boolean, a field that holds one, or a function that gives one."""
        if isinstance(operand, Field) or (isinstance(operand, Call) and operand.name in CONDITIONS):
            return operand
        if isinstance(operand, Literal) and operand.value in (True, False) and not is_number(operand.value):
            return ALWAYS if operand.value else NEVER
        if self._peek.kind == "end" or self._peek.text in ("and", "or", ")"):
            self._refuse_at(start.at, start.text, 'a condition, as event = "Signed Up"')
        return self._refuse("`=`, `!=`, `<`, `<=`, `>`, `>=` or `in`")

    def _check_number(self, operand: Operand, token: _Token) -> None:
        is_other = isinstance(operand, Call) and operand.name not in ("length", "number")
        if is_other or (isinstance(operand, Literal) and not is_number(operand.value)):
            self._refuse_at(token.at, token.text, "a number")

    def _list_operand(self) -> Operand:
        token = self._peek
        operand = self._operand()
        if isinstance(operand, Call) or (isinstance(operand, Literal) and not isinstance(operand.value, list)):
            self._refuse_at(token.at, token.text, 'a list, as ["a", "b"], or a field that holds one')
        return operand

    def _operand(self) -> Operand:
        token = self._peek
        if token.kind == "text":
            self._index += 1
            return Literal(token.text[1:-1])
        if token.kind == "number":
            self._index += 1
            return Literal(number(token.text))
        if token.kind == "sign" and token.text == "[":
            self._index += 1
            return Literal(self._items())
        if token.kind != "word" or token.text in ("and", "or", "in"):
            self._refuse("a field or a value")
        self._index += 1
        if token.text in _WORDS:
            return Literal(_WORDS[token.text])
        if self._takes("("):
            return self._call(token)
        return self._field(token)

    def _items(self) -> list[Any]:
        items: list[Any] = []
        while not self._takes("]"):
            if items:
                self._expect(",", "`,` or `]`")
            token = self._peek
            operand = self._operand()
            if not isinstance(operand, Literal) or isinstance(operand.value, list):
                self._refuse_at(token.at, token.text, "a text, a number, true, false or null")
            items.append(operand.value)
        return items

    def _call(self, token: _Token) -> Call:
        name = token.text
        if name not in FUNCTIONS:
            close = difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            self._refuse_at(token.at, name, f"one of the functions {', '.join(sorted(FUNCTIONS))}{hint}")
        arguments = [self._operand()]
        while len(arguments) < FUNCTIONS[name]:
            self._expect(",", f"`,`: {name} takes {FUNCTIONS[name]} values")
            arguments.append(self._operand())
        self._expect(")", f"`)`: {name} takes {FUNCTIONS[name]} value{'s' if FUNCTIONS[name] > 1 else ''}")
        return self._checked(Call(name, tuple(arguments)), token)

    def _checked(self, call: Call, token: _Token) -> Call:
        for argument in call.arguments[1:] if call.name in ("contains", "match") else ():
            if isinstance(argument, Literal) and not isinstance(argument.value, str):
                self._refuse_at(token.at, written(argument), f"a text as the second value of {call.name}")
        if call.name == "match" and isinstance(call.arguments[1], Literal):
            fault = glob_fault(call.arguments[1].value)
            if fault is not None:
                self._refuse_at(token.at, call.arguments[1].value, fault)
        return call

    def _field(self, token: _Token) -> Field:
        steps = tuple([re.sub(r"\\(.)", r"\1", step, flags=re.DOTALL) for step in _STEP.findall(token.text)])
        if steps[0] in OBJECTS or (steps[0] in FIELDS and len(steps) == 1):
            return Field(steps)
        if steps[0] in FIELDS:
            self._refuse_at(token.at, token.text, f"{steps[0]} alone, which has no fields of its own")
        if token.text in _OTHER_WORDS:
            self._refuse_at(token.at, token.text, _OTHER_WORDS[token.text])
        close = difflib.get_close_matches(steps[0], (*OBJECTS, *FIELDS), 1)
        hint = f"; did you mean {close[0]}?" if close else "; a text is written in quotes"
        return self._refuse_at(token.at, token.text, f"a field of the message (type, properties.…){hint}")
