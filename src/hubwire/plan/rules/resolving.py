"""The values of a rule as functions of a message.

A value is a literal, a directive of the mapping language, or a text that begins with `$.`: a path, in which `{{…}}` may
stand (`$.traits.{{context.personas.computation_key}}`). In a rule's list, a text that begins with `$parent.` is a path
into the message, and `$index` is the place of the element, counted from 0. A text that begins with `$person.` is a path
into what is remembered of the message's person, and one that begins with `$transform.` a path into the values of the
rule's `transform`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hubwire.plan.rules.directives import compiled, without_missing
from hubwire.plan.rules.paths import Resolver, from_root
from hubwire.plan.rules.templates import template
from hubwire.plan.rules.values import MISSING
from hubwire.rule import Each, Rule

PARENT = "$parent"
INDEX = "$index"
PERSON = "$person"
TRANSFORM = "$transform"
_LAST_STEP = re.compile(r"(\$\.[^{}\[\]]+)\.(\{\{[^{}]+\}\})")
"""A path whose last step, and no other part, is a placeholder."""
_OWN_PATH = re.compile(r"""(?:^|\{\{\s*)(?:\$\.)?(\$person|\$transform)\b(?:\.([^.\[\]{}\s"']+))?""")


def root_of(element: Any, message: dict[str, Any], index: int) -> dict[str, Any]:
    """What the values of a rule's list see: the fields of the element, the message, and the place in the list."""
    fields = element if isinstance(element, dict) else {"value": element}
    shared = {name: message[name] for name in (PERSON, TRANSFORM) if name in message}
    return {**fields, PARENT: message, INDEX: index, **shared}


def key_of(key: Mapping[str, Any], is_of_list: bool = False) -> Resolver | None:
    """The value of a key; None where a rule gives none."""
    return next((resolver(value, is_of_list) for value in key.values()), None)


def field_of(record: Rule | Each, name: str, value: Any) -> Resolver:
    """The value of a property, with what `fallback`, `empty` and `max` say of it."""
    is_of_list = isinstance(record, Each)
    resolve = resolver(value, is_of_list)
    if name in record.fallback:
        resolve = _with_fallback(resolve, resolver(record.fallback[name], is_of_list))
    if record.empty == "leave":
        resolve = _without_empty(resolve)
    return _cut(resolve, record.max[name]) if name in record.max else resolve


def _with_fallback(resolve: Resolver, fallback: Resolver) -> Resolver:
    def value_or_fallback(root: Any) -> Any:
        value = resolve(root)
        return fallback(root) if value is MISSING or value is None or value == "" else value

    return value_or_fallback


def _without_empty(resolve: Resolver) -> Resolver:
    def value_unless_empty(root: Any) -> Any:
        value = resolve(root)
        return MISSING if value == "" else value

    return value_unless_empty


def _cut(resolve: Resolver, length: int) -> Resolver:
    def cut(root: Any) -> Any:
        value = resolve(root)
        return value[:length] if isinstance(value, str) else value

    return cut


def as_mapping(value: Any, is_of_list: bool = False) -> Any:
    """A value of a rule as the mapping language has it."""
    if not isinstance(value, str) or not (is_path(value) or (is_of_list and is_list_path(value))):
        return value
    return {"@path": {"@template": value} if "{{" in value else value}


def traits_named(value: Any) -> set[str]:
    """The traits that a value of a rule takes from what is remembered of the person; "" where it names none."""
    return _named(PERSON, value)


def transforms_named(value: Any) -> set[str]:
    """The values of `transform` that a value of a rule takes; "" where it names none."""
    return _named(TRANSFORM, value)


def _named(root: str, value: Any) -> set[str]:
    paths = [path for text in texts_of(value) for path in _OWN_PATH.finditer(text)]
    return {path[2] or "" for path in paths if path[1] == root}


def texts_of(value: Any) -> Iterator[str]:
    """The texts in a value, wherever they stand."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_of(part)


def paths_within(value: Any) -> Any:
    """A value of a rule whose paths may stand anywhere in it, as the mapping language has it."""
    if isinstance(value, list):
        return [paths_within(part) for part in value]
    if not isinstance(value, dict) or any(name.startswith("@") for name in value):
        return as_mapping(value)
    return {name: paths_within(part) for name, part in value.items()}


def _by_name(path: str, placeholder: str, otherwise: Resolver) -> Resolver:
    """A path whose last step is a placeholder: its text is the name of a key, also with a dot or a bracket in it."""
    holder, name_of = from_root(path), template(placeholder)

    def value_of_name(root: Any) -> Any:
        found, name = holder(root), name_of(root)
        return found[name] if isinstance(found, dict) and name in found else otherwise(root)

    return value_of_name


def is_path(value: str) -> bool:
    """Whether a text is a path into the message, what is remembered of its person, or the rule's `transform`."""
    return value.startswith(("$.", f"{PERSON}.", f"{TRANSFORM}."))


def is_filled_in(value: Any) -> bool:
    """Whether a message fills a value in: a path or a directive."""
    if isinstance(value, dict):
        return any(name.startswith("@") for name in value)
    return isinstance(value, str) and is_path(value)


def is_list_path(value: str) -> bool:
    """Whether a text is one of the paths that only the elements of a list have."""
    return value == INDEX or value.startswith(f"{PARENT}.")


def resolver(value: Any, is_of_list: bool = False) -> Resolver:
    """The function of a value of a rule. It raises MappingFailed when a directive cannot take what a message holds."""
    match as_mapping(value, is_of_list):
        case {"@path": str() as path}:
            return from_root(path)
        case dict() | list() as mapping:
            resolve = compiled(mapping)
            last_step = _LAST_STEP.fullmatch(value) if isinstance(value, str) else None
            if last_step is not None:
                return _by_name(last_step[1], last_step[2], lambda root: without_missing(resolve(root)))
            return lambda root: without_missing(resolve(root))
        case literal:
            return lambda root: literal
