"""The visitor's `hubspotutk` cookie in a message: it names the person for HubSpot when no e-mail does.

Our browser plugin puts it into `context.hubspot.utk`; other senders put it into the properties.
Source: HubSpot, "Send custom event completions" (an event takes `utk` beside or instead of `email`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeGuard

from hubwire.message import Message

MAX_UTK = 64
KEYS = ("hubspotutk", "utk")
"""The properties that carry the cookie. They name the visitor, as `email` names the person."""


def utk_of(message: Message) -> str | None:
    """The cookie of a message's visitor: of its context, else of its properties."""
    hubspot = message.context.get("hubspot")
    utk = hubspot.get("utk") if isinstance(hubspot, dict) else None
    if is_utk(utk):
        return utk
    for key in KEYS:
        if key in message.properties and is_utk(message.properties[key]):
            return str(message.properties[key])
    return None


def without_utk(properties: dict[str, Any], defined: Collection[str]) -> dict[str, Any]:
    """The properties without the cookie, except under a name that the event's definition has (`defined`)."""
    if not any(key in properties for key in KEYS):
        return properties
    return {key: value for key, value in properties.items() if key not in KEYS or key in defined or not is_utk(value)}


def is_utk(value: object) -> TypeGuard[str]:
    """True if a value can be the cookie's."""
    return isinstance(value, str) and 0 < len(value) <= MAX_UTK and value.isascii() and value.isalnum()
