"""The filter for a value at a path, such as `properties.plan=pro`. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

_decode = msgspec.json.decode


def holds(body: bytes, where: str) -> bool:
    """True if the message has this value at this path.

    Shape: `where` is a path with dots, `=`, and a JSON value, with texts unquoted. A list matches if one of its
    entries does.
    """
    path, _, expected = where.partition("=")
    value: Any = _decode(body)
    for name in path.strip().split("."):
        value = value.get(name) if isinstance(value, dict) else None
    entries = value if isinstance(value, list) else [value]
    return any(_as_text(entry) == expected.strip() for entry in entries)


def _as_text(value: Any) -> str | None:
    """A value in the notation of a filter; None if it has none."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return None
