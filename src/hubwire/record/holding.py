"""The filters that look into a message: a value at a path (`properties.plan=pro`), and a part of a name. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

_decode = msgspec.json.decode
NAMES = ("messageId", "userId", "anonymousId", "previousId", "groupId", "event", "name")
NAMES_OF_TRAITS = ("email", "name", "company", "website", "domain")


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


def mentions(body: bytes, part: str) -> bool:
    """True if an id, the e-mail, the event, or the company's name or website of a message has this text in it.

    Shape: upper and lower case are the same.
    """
    needle = part.strip().casefold()
    if needle.isascii() and b"\\" not in body and needle.encode() not in body.lower():
        return False  # much faster than decoding it
    message = _decode(body)
    return isinstance(message, dict) and any(needle in text.casefold() for text in _names(message))


def _names(message: dict[str, Any]) -> Iterator[str]:
    context = message.get("context")
    of_context = context.get("traits") if isinstance(context, dict) else None
    places: list[tuple[dict[str, Any], tuple[str, ...]]] = [(message, NAMES)]
    for fields in (message.get("traits"), message.get("properties"), of_context):
        if isinstance(fields, dict):
            places.append((fields, NAMES_OF_TRAITS))
    for fields, names in places:
        for name in names:
            value = fields.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool):
                yield str(value)


def _as_text(value: Any) -> str | None:
    """A value in the notation of a filter; None if it has none."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return None
