"""Payloads for the role `view`: their structure and impersonal values, without personal data."""

from __future__ import annotations

import re
from typing import Any

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
HIDDEN = "…"


def mask_email(text: str) -> str:
    """Every e-mail address in a text as `a…@d…`."""
    return EMAIL.sub(lambda found: f"{found[1][0]}…@{found[2][0]}…", text)


def mask_text(text: str) -> str:
    """A text of a person: e-mails as above, anything else by its first letter."""
    if EMAIL.fullmatch(text.strip()):
        return mask_email(text)
    return f"{text[:1]}{HIDDEN}" if text else text


def mask_payload(value: Any, name: str = "") -> Any:
    """A payload with the same keys and masked values, except under the names in `SHOWN`."""
    if name in SHOWN:
        return mask_email_everywhere(value)
    if isinstance(value, dict):
        return {mask_email(key): mask_payload(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask_payload(inner, name) for inner in value]
    if isinstance(value, str):
        return mask_text(value)
    return value if value is None or isinstance(value, bool) else HIDDEN


def mask_email_everywhere(value: Any) -> Any:
    """A value with only its e-mail addresses masked."""
    if isinstance(value, dict):
        return {mask_email(key): mask_email_everywhere(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask_email_everywhere(inner) for inner in value]
    return mask_email(value) if isinstance(value, str) else value
