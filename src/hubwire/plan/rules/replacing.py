"""Literal replacement as JavaScript's `replace` does it with an escaped pattern: `$&` in the replacement is the match.

Source: ECMA-262 "GetSubstitution" and "Canonicalize" (no unicode flag); @segment/actions-core 3.170.0, `@replace`.
"""

from __future__ import annotations

import re

from hubwire.plan.rules.templates import MAX_TEXT

_REFERENCE = re.compile(r"\$[$&`']")


def replaced(value: str, pattern: str, replacement: str, ignores_case: bool, is_global: bool) -> str | None:
    """The value with the first or each occurrence of `pattern` replaced; None when the result is too long."""
    searched = _folded(value) if ignores_case else value
    pattern = _folded(pattern) if ignores_case else pattern
    parts: list[str] = []
    size, end = 0, 0
    start = searched.find(pattern)
    while start >= 0:
        stop = start + len(pattern)
        parts += (value[end:start], _expanded(replacement, value, start, stop))
        size += len(parts[-1]) + len(parts[-2])
        if size > MAX_TEXT:
            return None
        end = stop
        start = searched.find(pattern, end) if is_global else -1
    return "".join(parts) + value[end:]


def _expanded(replacement: str, value: str, start: int, stop: int) -> str:
    if "$" not in replacement:
        return replacement
    parts = {"$$": "$", "$&": value[start:stop], "$`": value[:start], "$'": value[stop:]}
    return _REFERENCE.sub(lambda found: parts[found[0]], replacement)


def _folded(characters: str) -> str:
    """The text as a pattern that ignores case compares it: each character as its capital, if that is one character.

    A letter beyond ASCII is never equal to one of ASCII (U+017F is no `s`).
    """
    return characters.upper() if characters.isascii() else "".join([_capital(c) for c in characters])


def _capital(character: str) -> str:
    capital = character.upper()
    if len(capital) != 1 or ord(character) > 0xFFFF or (ord(character) > 127 and ord(capital) < 128):
        return character
    return capital
