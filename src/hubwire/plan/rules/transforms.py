"""The `transform` of a rule: named values that are computed first, for its other values to take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from hubwire.errors import BadValue
from hubwire.plan.rules.directives import MappingFailed
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.record_checks import refuse
from hubwire.plan.rules.resolving import TRANSFORM, transforms_named
from hubwire.plan.rules.values import MISSING
from hubwire.rule import Rule

MAX_VALUES = 50
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


def in_order(transform: Mapping[str, Any]) -> list[str]:
    """The names of the values, each after those that it takes. Errors: BadValue, for values that take each other."""
    ordered: list[str] = []

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise BadValue("transform", f"transform {name}: these values take each other: {circle}", value=name)
        if name not in ordered:
            for other in sorted(transforms_named(transform[name]) & transform.keys()):
                add(other, (*path, name))
            ordered.append(name)

    for name in transform:
        add(name, ())
    return ordered


def with_transform(
    transform: Sequence[tuple[str, Resolver]], fields: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The message as the rule's other values see it, and what is wrong with each value that cannot be computed.

    Shape: `transform` is in the order of `in_order`; a value that cannot be computed, or is missing, is left out.
    """
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    seen = {**fields, TRANSFORM: values}
    for name, resolve in transform:
        try:
            value = resolve(seen)
        except (MappingFailed, RecursionError) as exc:
            faults[name] = str(exc)
            continue
        if value is not MISSING:
            values[name] = value
    return seen, faults


def check_transform(rule: Rule) -> None:
    """Refuse names that no path can have, unknown ones, and values that take each other. Errors: BadValue."""
    if len(rule.transform) > MAX_VALUES:
        refuse(rule, f"transform: at most {MAX_VALUES} values, it has {len(rule.transform):,}")
    for name in rule.transform:
        if not _NAME.fullmatch(name):
            refuse(
                rule, f"transform {name!r}: a name has letters, digits and underscores, and begins with no digit", name
            )
    if "" in transforms_named(msgspec.to_builtins(rule)):
        refuse(rule, f"{TRANSFORM}: name one of its values, such as {TRANSFORM}.total", TRANSFORM)
    for name in sorted(transforms_named(msgspec.to_builtins(rule)) - rule.transform.keys()):
        if not rule.transform:
            refuse(rule, f"{TRANSFORM}.{name}: the rule has no transform; define {name} in it", name)
        close = get_close_matches(name, rule.transform, 1, 0.6)
        hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(rule.transform)}"
        refuse(rule, f"{TRANSFORM}.{name}: transform has no such value; {hint}", name)
    try:
        in_order(rule.transform)
    except BadValue as exc:
        refuse(rule, str(exc), exc.value)
