"""Compiles placeholders: `Order {{properties.order_id}}` becomes a function from the root to a text.

Source: @segment/actions-core 3.170.0, `render` of mapping-kit's placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hubwire.plan.rules.paths import Resolver, from_steps
from hubwire.plan.rules.values import BLANKS, MISSING, text

MAX_TEXT = 1_000_000
"""Maximum number of characters of a template's or a replacement's result. This is Hubwire's own limit."""

_TRIPLE = re.compile(r"\{\{\{([^}]+)\}\}\}")
_DOUBLE = re.compile(r"\{\{([^}]+)\}\}")


def template(characters: str) -> Callable[[Any], str | None]:
    """The text with its placeholders filled; null and missing values become empty. None if it is too long.

    Shape: `{{{path}}}` is filled first, and `{{path}}` then in the result, so placeholders in an inserted value are
    filled, too.
    """
    if _TRIPLE.search(characters):
        return _two_passes(characters)
    parts = _DOUBLE.split(characters)
    resolvers = [(parts[index], _placeholder(parts[index + 1])) for index in range(0, len(parts) - 1, 2)]
    end = parts[-1]

    def fill(root: Any) -> str | None:
        filled = "".join([before + resolve(root) for before, resolve in resolvers]) + end
        return filled if len(filled) <= MAX_TEXT else None

    return fill


def _two_passes(characters: str) -> Callable[[Any], str | None]:
    def fill(root: Any) -> str | None:
        filled = _TRIPLE.sub(lambda found: _placeholder(found[1])(root), characters)
        if len(filled) > MAX_TEXT:
            return None
        filled = _DOUBLE.sub(lambda found: _placeholder(found[1])(root), filled)
        return filled if len(filled) <= MAX_TEXT else None

    return fill


def _placeholder(path: str) -> Resolver:
    resolve = from_steps(path.strip(BLANKS))

    def fill(root: Any) -> str:
        value = resolve(root)
        return "" if value is None or value is MISSING else text(value)

    return fill
