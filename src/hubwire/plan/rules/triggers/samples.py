"""Makes messages that tell two triggers apart: for each field the values at which an answer can change, and their
combinations.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hubwire.plan.rules.values import MISSING, is_number, number_text

MAX_SAMPLES = 20_000
TYPES = ("identify", "track", "page", "screen", "group", "alias")

Path = tuple[str, ...]
Answers = Callable[[dict[str, Any]], tuple[bool | None, ...]]
"""The answer of each comparison of both triggers for a message."""

_KINDS: tuple[Any, ...] = (MISSING, None, "", "other", 0.25, True, False, [], ["other"], {"other": 1})


@dataclass(slots=True)
class ComparedValues:
    """The fields in triggers, with the values in their comparisons."""

    values: dict[Path, list[Any]] = field(default_factory=dict)

    def add(self, path: Path, *values: Any) -> None:
        """Note a field and the values in its comparisons."""
        self.values.setdefault(path, []).extend(values)


def samples(compared: ComparedValues, answers: Answers, max_samples: int = MAX_SAMPLES) -> list[dict[str, Any]] | None:
    """Messages of which at least one tells the triggers apart, if any message does; None when they were too many.

    Shape: `type`, `event` and `name` go together as receive lets them in: only a track has an event, and only a page
    or screen a name. Of values for which all comparisons answer alike one stays.
    """
    calls = _distinct([{**call} for call in _calls(compared)], answers)
    others = [path for path in compared.values if path[0] not in ("type", "event", "name")]
    per_field = [
        _distinct([_set({}, path, value) for value in _around(compared.values[path])], answers) for path in others
    ]
    count = len(calls)
    for choices in per_field:
        count *= len(choices)
        if count > max_samples:
            return None
    return [_merged(parts) for parts in itertools.product(calls, *per_field)]


def _calls(compared: ComparedValues) -> Iterator[dict[str, Any]]:
    events = [value for value in _around(compared.values.get(("event",), [])) if isinstance(value, str)]
    names = [value for value in _around(compared.values.get(("name",), [])) if isinstance(value, str)]
    for type_ in TYPES:
        if type_ == "track":
            yield from ({"type": type_, "event": event} for event in events)
        elif type_ in ("page", "screen"):
            yield {"type": type_}
            yield from ({"type": type_, "name": name} for name in names)
        else:
            yield {"type": type_}


def _around(values: Iterable[Any]) -> list[Any]:
    """Values of every type, and values close to those in the comparisons."""
    around = list(_KINDS)
    for value in values:
        if is_number(value):
            around += [value, value - 1, value + 1, value + 0.5, number_text(value)]
        elif isinstance(value, str):
            plain = value.replace("*", "").replace("?", "x")
            around += [
                value,
                f"x{value}",
                f"{value}x",
                value[1:],
                value[:-1],
                value.swapcase(),
                value.replace("*", "xy"),
            ]
            around += [plain, f"x{plain}", f"{plain}x", f"x{plain}x", "x"]
            around += [float(value)] if _is_numeric(value) else []
        elif isinstance(value, list):
            around += [value, *value]
        else:
            around += [value, "true" if value is True else "false" if value is False else "null"]
    return around


def _is_numeric(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return value.isascii()


def _distinct(messages: list[dict[str, Any]], answers: Answers) -> list[dict[str, Any]]:
    kept: dict[tuple[bool | None, ...], dict[str, Any]] = {}
    for message in messages:
        kept.setdefault(answers(message), message)
    return list(kept.values())


def _set(message: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    if value is MISSING:
        return message
    inside = message
    for step in path[:-1]:
        inside = inside.setdefault(step, {})
    inside[path[-1]] = value
    return message


def _merged(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        _merge_into(merged, part)
    return merged


def _merge_into(merged: dict[str, Any], part: dict[str, Any]) -> None:
    for key, value in part.items():
        inside = merged.get(key)
        if isinstance(value, dict) and isinstance(inside, dict):
            _merge_into(inside, value)
        elif isinstance(value, dict):
            merged[key] = {**value}
            if value:
                merged[key] = {}
                _merge_into(merged[key], value)
        elif not isinstance(inside, dict):
            merged[key] = value
