"""Segment's destination filters as rules: dropped messages as `skip`, dropped or allowed fields as `drop` or `keep`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hubwire.manage.takeover.drafts import NotTaken
from hubwire.manage.takeover.findings import FoundFilter
from hubwire.rule import Rule

PARTS = ("properties", "traits", "context")
ALL = 'type != ""'
"""The trigger for every message, which a filter writes as `all`."""


def rules_of_filter(found: FoundFilter, name: str, warnings: list[str]) -> Iterator[Rule]:
    """The rules of a filter; fields that no rule can take away become warnings. Errors: NotTaken."""
    trigger = ALL if found.condition.strip() == "all" else found.condition
    for number, action in enumerate(found.actions, 1):
        suffix = f" {number}" if len(found.actions) > 1 else ""
        match str(action.get("type", "")).upper():
            case "DROP":
                yield Rule(name=f"{name}{suffix}", trigger=trigger, skip=found.name[:200])
            case "DROP_PROPERTIES":
                fields = _fields(action)
                drop = [f"{part}.{field}" for part, listed in fields.items() if part in PARTS for field in listed]
                _not_carried(fields, PARTS, "dropped", warnings)
                if not drop:
                    raise NotTaken(f"a rule takes away fields of {', '.join(PARTS)} only")
                yield Rule(name=f"{name}{suffix}", trigger=trigger, drop=tuple(drop))
            case "ALLOW_PROPERTIES":
                fields = _fields(action)
                keep = {part: tuple(listed) for part, listed in fields.items() if part in ("properties", "traits")}
                _not_carried(fields, ("properties", "traits"), "kept alone", warnings)
                if not keep:
                    raise NotTaken("a rule keeps fields of properties and traits only")
                yield Rule(name=f"{name}{suffix}", trigger=trigger, keep=keep)
            case "SAMPLE":
                raise NotTaken("Hubwire has no samples: it sends every message or none")
            case kind:
                raise NotTaken(f"Hubwire does not know the filter action {kind!r}")


def _fields(action: dict[str, Any]) -> dict[str, list[str]]:
    given = action.get("fields")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            given = None
    if not isinstance(given, dict):
        raise NotTaken("the file does not hold its fields")
    return {str(part): [str(name) for name in listed] for part, listed in given.items() if isinstance(listed, list)}


def _not_carried(fields: dict[str, list[str]], parts: tuple[str, ...], verb: str, warnings: list[str]) -> None:
    for part, listed in fields.items():
        if part not in parts:
            names = ", ".join(f"{part}.{name}".lstrip(".") for name in listed)
            warnings.append(f"{names} cannot be {verb} by a rule and stays")
