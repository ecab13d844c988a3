"""Payloads for the role `view`: their structure and impersonal values, without personal data."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

PHONE = re.compile(r"(?<![\w-])(?!\d{4}-\d\d-\d\d\b)\+?\(?\d[\d ()./-]{6,18}\d(?![\w-])")
"""Eight digits or more in a row, also in groups, unless they are part of a word, such as a UUID, or a date."""
PROPERTY_AT_FAULT = re.compile(r"([a-z][a-z0-9_]{0,99}): ")
"""The start of HubSpot's message about a property: `hs_lead_status: A value must be provided`."""
EMAIL = re.compile(r"([A-Za-z0-9._%+'-]{1,64})@([A-Za-z0-9][A-Za-z0-9.-]{0,252})")
SHOWN = frozenset(
    {
        "type",
        "event",
        "messageId",
        "timestamp",
        "originalTimestamp",
        "sentAt",
        "receivedAt",
        "library",
        "version",
        "integrations",
        "_metadata",
        "eventName",
        "occurredAt",
        "uuid",
        "status",
        "category",
        "subCategory",
        "correlationId",
        "objectWriteTraceId",
        "idProperty",
        "createdAt",
        "updatedAt",
        "archived",
        "field",
        "reason",
        "rule",
        "kind",
        "method",
        "path",
    }
)
"""Names whose values are about the message, not about a person."""
FREE_TEXTS = frozenset({"event", "eventName", "path"})
"""Names in `SHOWN` whose values senders choose freely, so that phone numbers are masked too."""
HIDDEN = "…"


def mask_email(text: str) -> str:
    """Every e-mail address in a text as `a…@d…`."""
    return EMAIL.sub(lambda found: f"{found[1][0]}…@{found[2][0]}…", text)


def mask_person(text: str) -> str:
    """A text with every e-mail address and phone number by its first letters."""
    return PHONE.sub(lambda found: f"{found[0][0]}{HIDDEN}", mask_email(text))


def mask_answer(text: str) -> str:
    """HubSpot's words without anything but the property that they begin with: they may repeat any value."""
    named = PROPERTY_AT_FAULT.match(text)
    return f"{named[1]}: {HIDDEN}" if named else HIDDEN if text else ""


def mask_text(text: str) -> str:
    """A text of a person: e-mails as above, anything else by its first letter."""
    if EMAIL.fullmatch(text.strip()):
        return mask_email(text)
    return f"{text[:1]}{HIDDEN}" if text else text


def mask_payload(value: Any, name: str = "") -> Any:
    """A payload with the same keys and masked values, except under the names in `SHOWN`."""
    if name in SHOWN:
        return mask_everywhere(value, mask_person if name in FREE_TEXTS else mask_email)
    if isinstance(value, dict):
        return {mask_person(key): mask_payload(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask_payload(inner, name) for inner in value]
    if isinstance(value, str):
        return mask_text(value)
    return value if value is None or isinstance(value, bool) else HIDDEN


def mask_everywhere(value: Any, mask: Callable[[str], str]) -> Any:
    """A value whose texts and names are masked by a function."""
    if isinstance(value, dict):
        return {mask(key): mask_everywhere(inner, mask) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask_everywhere(inner, mask) for inner in value]
    return mask(value) if isinstance(value, str) else value
