"""The filter for a value at a path, such as `properties.plan=pro`. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

_decode = msgspec.json.decode


def holds(body: bytes, where: str) -> bool:
    """Whether the message has this value at this path.

    Shape: `where` is a path with dots, `=`, and a JSON value, with texts unquoted. A list matches if one of its
    entries does.
    """
    path, _, wanted = where.partition("=")
    found: Any = _decode(body)
    for name in path.strip().split("."):
        found = found.get(name) if isinstance(found, dict) else None
    entries = found if isinstance(found, list) else [found]
    return any(_as_text(entry) == wanted.strip() for entry in entries)


def _as_text(value: Any) -> str | None:
    """A value as it is written in a filter; None for what has no such form."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return None
