"""Removes the fields that rules drop from messages, before anything else reads these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from hubwire.message import Message
from hubwire.rule import Rule


def taken_away(message: Message, rules: Iterable[Rule]) -> Message:
    """The message without the fields of `drop`, and with only the keys of `keep` in its properties and traits.

    Shape: a path also leads into the objects of a list: `properties.products.price` is dropped from each product.
    """
    parts: dict[str, dict[str, Any]] = {
        "properties": message.properties,
        "traits": message.traits,
        "context": message.context,
    }
    for rule in rules:
        for part, keys in rule.keep.items():
            parts[part] = {key: value for key, value in parts[part].items() if key in keys}
        for path in rule.drop:
            part, *steps = path.removeprefix("$.").split(".")
            parts[part] = _without(parts[part], steps)
    return replace(message, **parts)


def _without(value: Any, steps: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_without(item, steps) for item in value]
    if not isinstance(value, dict) or steps[0] not in value:
        return value
    step, *rest = steps
    if not rest:
        return {key: field for key, field in value.items() if key != step}
    return {**value, step: _without(value[step], rest)}
