"""Splits a trigger into tokens as Segment's package does, its mistakes included.

`and`, `or`, `null`, `<=`, `>=` and `!=` count only before a blank, `,`, `]`, `)` or the end; a closing quote, too: else
it opens the next text. A few letters at the very end are lost (`event = an` reads `a`).
Source: @segment/fql-ts 1.10.1, lexer.
"""

from __future__ import annotations

import re
from typing import NamedTuple

END = ""

_BLANKS = " \t\n"
_TERMINATORS = frozenset([*_BLANKS, ",", "]", ")", END])
_SIGNS = {".": "dot", "[": "brackleft", "]": "brackright", ",": "comma", "(": "parenleft", ")": "parenright"}
_WORD = re.compile(r"[A-Za-z0-9_\-\\]")
_MAX_LENGTH = 100_000


class Token(NamedTuple):
    """One token. The `value` of a text includes its quotes."""

    kind: str
    value: str


class Unreadable(Exception):
    """The package gives an error, so the trigger never fires. The text says what it cannot read."""


def tokens_of(trigger: str) -> list[Token]:
    """The tokens of a trigger, the last of kind `eos`.

    Errors: Unreadable at a sign that the package does not know.
    """
    reader = _Reader(trigger)
    tokens = []
    while True:
        token = reader.token()
        if token is not None:
            tokens.append(token)
            if token.kind == "eos":
                return tokens


class _Reader:
    def __init__(self, source: str) -> None:
        if len(source) > _MAX_LENGTH:
            raise Unreadable(f"longer than {_MAX_LENGTH:,} characters")
        self._source = source
        self._at = 0

    def token(self) -> Token | None:
        """The next token, or None for a blank."""
        character = self._next()
        if character == END:
            return Token("eos", "eos")
        if character in _BLANKS:
            return None
        if character == "!" and (_is_letter(self._peek()) or self._peek() == "("):
            return Token("operator", "!")
        if _is_letter(character) or character in "!=><\\_":
            return self._word(character)
        if character in "0123456789-+":
            return self._number(character)
        if character in "\"'":
            return self._text(character)
        kind = _SIGNS.get(character)
        if kind is None:
            raise Unreadable(f"character {self._at}: {character!r} is not known")
        return Token(kind, character)

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._peek()
        self._at += len(character)
        return character

    def _accepts(self, expected: str) -> bool:
        """Whether this text comes next and ends there. At the end of the source, the tested text is lost."""
        start = self._at
        for _ in expected:
            character = self._next()
            if character == END:
                return False
            if character in _TERMINATORS:
                break
        if self._source[start : self._at] == expected and self._peek() in _TERMINATORS:
            return True
        self._at = start
        return False

    def _word(self, first: str) -> Token:
        if first == "=":
            return Token("operator", "=")
        if first == "!":
            if self._accepts("="):
                return Token("operator", "!=")
            raise Unreadable(f"character {self._at}: '!' without '=' and a blank behind it")
        if first in "<>":
            return Token("operator", f"{first}=" if self._accepts("=") else first)
        for rest, kind in (("nd", "conditional"), ("r", "conditional"), ("ull", "null")):
            word = {"nd": "and", "r": "or", "ull": "null"}[rest]
            if first == word[0] and self._accepts(rest):
                return Token(kind, word)
        return self._identifier(first)

    def _identifier(self, character: str) -> Token:
        characters = []
        while True:
            if character == "\\":
                character = self._next()
                if character == END or ord(character) > 0xFFFF:
                    raise Unreadable("nothing that it can read behind a backslash")
            characters.append(character)
            if self._peek() == END or not _WORD.match(self._peek()):
                break
            character = self._next()
        if self._peek() not in _TERMINATORS and self._peek() not in ".(=!":
            raise Unreadable(f"character {self._at + 1}: {self._peek()!r} directly behind a word")
        return Token("ident", "".join(characters))

    def _number(self, first: str) -> Token:
        digits = first
        has_point = False
        while self._peek() != END and self._peek() in "0123456789.":
            character = self._next()
            digits += character
            if character == ".":
                if self._peek() in _TERMINATORS or has_point:
                    raise Unreadable(f"character {self._at}: a point that is none of a number")
                has_point = True
        return Token("number", digits)

    def _text(self, quote: str) -> Token:
        end = self._source.find(quote, self._at)
        if end < 0:
            raise Unreadable(f"character {self._at}: a text without its closing quote")
        characters = self._source[self._at : end]
        self._at = end
        self._accepts(quote)
        return Token("string", f"{quote}{characters}{quote}")


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()
