"""An exported message as history: fields that only made sense when it was sent are left out. Pure.

Sources: Segment docs, "Historical import" (sentAt would move the past to today); S3 and warehouse exports, which have
`receivedAt`, `projectId` and a `timestamp` that is corrected already.
"""

from __future__ import annotations

from typing import Any

from hubwire.message import time_ms

OF_THE_EXPORT = ("sentAt", "receivedAt", "projectId", "writeKey")


def as_history(fields: dict[str, Any]) -> None:
    """Change a decoded message in place."""
    for name in OF_THE_EXPORT:
        fields.pop(name, None)
    # `timestamp` is corrected for the sender's clock; `originalTimestamp` is not, and would win over it.
    if "originalTimestamp" in fields and time_ms(fields.get("timestamp")) is not None:
        del fields["originalTimestamp"]
