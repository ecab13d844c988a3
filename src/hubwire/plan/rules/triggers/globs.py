"""Glob patterns of the documented `match`: `*`, `?`, `[abc]`, `[a-z]`, and `\\x` for the sign x itself.

Matching takes time in proportion to text times pattern, whatever both hold.
Source: Segment, "Destination Filter Query Language" (https://segment.com/docs/api/public-api/fql/, read 2026-11-30).
"""

from __future__ import annotations

import re
from functools import lru_cache

_PART = re.compile(r"\\(.)|\[((?:\\.|[^\]\\])+)\]|(\*)|(\?)|(.)", re.DOTALL)
_CLASS_SIGN = re.compile(r"\\(.)|(.)", re.DOTALL)
_MAX_REMEMBERED = 256


def glob_fault(pattern: str) -> str | None:
    """The fault of a pattern, or None."""
    for found in _PART.finditer(pattern):
        if found[5] == "[":
            return "`]` that closes `[` of the pattern"
        if found[5] == "\\":
            return "a sign behind the backslash of the pattern"
        if found[2] is not None and _class(found[2]) is None:
            return "a range whose first sign comes before its last, as [a-z]"
    return None


@lru_cache(maxsize=_MAX_REMEMBERED)
def _segments(pattern: str) -> tuple[re.Pattern[str], ...] | None:
    """The parts of a pattern between its stars, each of a fixed length; None for a pattern with a fault."""
    if glob_fault(pattern) is not None:
        return None
    segments = [""]
    for found in _PART.finditer(pattern):
        if found[3]:
            segments.append("")
        elif found[4]:
            segments[-1] += "."
        elif found[2] is not None:
            segments[-1] += _class(found[2]) or ""
        else:
            segments[-1] += re.escape(found[1] or found[5])
    return tuple([re.compile(segment, re.DOTALL) for segment in segments])


def _class(signs: str) -> str | None:
    """The signs of `[…]` as a regular expression, or None for a range that ends before it begins."""
    escaped = [(found[1] or found[2], found[1] is None) for found in _CLASS_SIGN.finditer(signs)]
    parts, index = [], 0
    while index < len(escaped):
        sign = escaped[index][0]
        is_range = index + 2 < len(escaped) and escaped[index + 1] == ("-", True)
        if not is_range:
            parts.append(re.escape(sign))
            index += 1
            continue
        end = escaped[index + 2][0]
        if end < sign:
            return None
        parts.append(f"{re.escape(sign)}-{re.escape(end)}")
        index += 3
    return f"[{''.join(parts)}]"


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern matches the whole text. A faulty pattern matches nothing."""
    segments = _segments(pattern)
    if segments is None:
        return False
    if len(segments) == 1:
        return segments[0].fullmatch(text) is not None
    first = segments[0].match(text)
    if first is None:
        return False
    at = first.end()
    for segment in segments[1:-1]:
        found = segment.search(text, at)
        if found is None:
            return False
        at = found.end()
    return _ends_with(text, at, segments[-1])


def _ends_with(text: str, at: int, segment: re.Pattern[str]) -> bool:
    """Whether the last part matches the end of the text. Its length is fixed, so only one place is tried."""
    size = _length(segment.pattern)
    return len(text) - size >= at and segment.fullmatch(text, len(text) - size) is not None


@lru_cache(maxsize=_MAX_REMEMBERED)
def _length(segment: str) -> int:
    return len(re.findall(r"\[(?:\\.|[^\]\\])+\]|\\.|.", segment, re.DOTALL))
