"""Rules as text: read from TOML or JSON files, and written as tables of an apply file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from hubwire.errors import SettingsError
from hubwire.rule import Rule
from hubwire.rule_shape import explained, rule_place

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
NULL = {"@json": {"mode": "decode", "value": "null"}}
"""TOML has no null; this directive of the mapping language gives it."""
FIRST = ("name", "enabled", "trigger", "reading", "skip", "object", "event", "key", "mode", "default")
"""The fields that come first in a table, in the order in which people read a rule."""


def read_rules(path: Path) -> list[Rule]:
    """The rules of a file: `[[rule]]` or `[[destination.rule]]` tables of TOML; a rule or a list of rules as JSON.

    Errors: SettingsError naming the file and the place.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content: Any = json.loads(text) if path.suffix == ".json" else _tables(tomllib.loads(text))
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise SettingsError(f"{path}: cannot be read as rules: {exc}") from exc
    try:
        rules = msgspec.convert(content if isinstance(content, list) else [content], list[Rule])
    except msgspec.ValidationError as exc:
        place = rule_place(str(exc))
        raise SettingsError(f"{path}: rule {(place or 0) + 1}: {explained(str(exc))}") from exc
    if not rules:
        raise SettingsError(f"{path}: it has no [[rule]] and no [[destination.rule]]")
    return rules


def _tables(content: dict[str, Any]) -> list[Any]:
    destinations = content.get("destination", [])
    if not isinstance(destinations, list) or not isinstance(content.get("rule", []), list):
        raise ValueError("write [[rule]] in double brackets: there can be several")
    return [*content.get("rule", []), *(rule for destination in destinations for rule in destination.get("rule", []))]


def rules_text(rules: Iterable[Rule], comments: dict[str, list[str]] | None = None) -> str:
    """The rules as `[[destination.rule]]` tables; `comments` are lines above the table of a rule, by its name."""
    parts = []
    for rule in rules:
        lines = [f"# {line}" for line in (comments or {}).get(rule.name, [])]
        fields: dict[str, Any] = msgspec.to_builtins(rule)
        names = [*(name for name in FIRST if name in fields), *(name for name in fields if name not in FIRST)]
        lines += ["[[destination.rule]]", *(f"{name} = {toml_value(fields[name])}" for name in names)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def toml_value(value: Any) -> str:
    """A value of JSON as TOML, in one line."""
    match value:
        case None:
            return toml_value(NULL)
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case dict():
            pairs = ", ".join(f"{_key(name)} = {toml_value(inner)}" for name, inner in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list() | tuple():
            return f"[{', '.join(toml_value(item) for item in value)}]"
    return repr(value)


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    """A basic string; JSON's escapes are TOML's, which also wants DEL escaped. Quoted triggers stay readable."""
    if '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
