"""A lane that nobody drove for a while: the service was down, or its database is a restored backup. Pure.

After a restore, the record lacks what Hubwire wrote to HubSpot since the backup. Messages that waited in this time are
therefore compared with HubSpot's history before they are written, and no earlier value counts as confirmed. A service
that was merely down looks the same, and somebody else may have written to HubSpot in the meantime.
"""

from __future__ import annotations

import msgspec

STOOD_STILL_SECONDS = 60.0
"""A lane stood still if nobody drove it for longer than this after its last lease ended."""
STORED_NAME = "check_before_ms"


class _StoredStatus(msgspec.Struct):
    """The part of a lane's stored status that matters here."""

    check_before_ms: int = 0


def check_before_of(status: bytes) -> int:
    """When the lane was driven again after it stood still, from its stored status; 0 if it never stood still.

    Units: epoch milliseconds. Messages that arrived before this time are compared with HubSpot's history.
    """
    try:
        return msgspec.json.decode(status, type=_StoredStatus).check_before_ms
    except msgspec.MsgspecError:
        return 0
