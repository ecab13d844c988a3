"""Compiles paths: `$.properties.items[0].sku` becomes a function from a message to its value.

There are no wildcards, filters or negative indexes, and a key that holds a dot cannot be reached.
Source: @segment/actions-core 3.170.0, `get` and `@path`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from hubwire.plan.rules.values import MISSING, step_into

Resolver = Callable[[Any], Any]
"""From the root (the message, or an element of a list) to a value; MISSING where there is none."""

MAX_REMEMBERED = 1024

_SPLIT = re.compile(r"""\[(?=["'0-9])|\.|(?<=["'0-9])\]+""")
_QUOTES = str.maketrans("", "", "\"'")


def whole(root: Any) -> Any:
    """The root itself."""
    return root


def from_root(path: str) -> Resolver:
    """The path of a `@path` or `@arrayPath`: the first `$.` in it is taken out."""
    return from_steps(path.replace("$.", "", 1))


@lru_cache(maxsize=MAX_REMEMBERED)
def from_steps(path: str) -> Resolver:
    """The path as written, for placeholders of a template.

    Shape: the path stops at a falsy value (`""`, `0`, `false`, null) and has that value, never MISSING.
    """
    if path in ("", "."):
        return whole
    steps = [part.translate(_QUOTES) for part in _SPLIT.split(path) if part]
    if not steps:
        return whole
    if len(steps) == 1:
        return _one_step(steps[0])
    if len(steps) == 3:
        return _three_steps(*steps)
    return _two_steps(*steps) if len(steps) == 2 else _many_steps(tuple(steps))


def _one_step(step: str) -> Resolver:
    def walk(root: Any) -> Any:
        return root.get(step, MISSING) if type(root) is dict else step_into(root, step)

    return walk


def _two_steps(first: str, second: str) -> Resolver:
    """The most frequent paths (`$.properties.plan`), without a loop."""

    def walk(root: Any) -> Any:
        value = root.get(first, MISSING) if type(root) is dict else step_into(root, first)
        return value.get(second, MISSING) if type(value) is dict else step_into(value, second)

    return walk


def _three_steps(first: str, second: str, third: str) -> Resolver:
    def walk(root: Any) -> Any:
        value = root.get(first, MISSING) if type(root) is dict else step_into(root, first)
        value = value.get(second, MISSING) if type(value) is dict else step_into(value, second)
        return value.get(third, MISSING) if type(value) is dict else step_into(value, third)

    return walk


def _many_steps(steps: tuple[str, ...]) -> Resolver:
    def walk(root: Any) -> Any:
        value = root
        for step in steps:
            value = value.get(step, MISSING) if type(value) is dict else step_into(value, step)
        return value

    return walk
