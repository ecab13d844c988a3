"""The command that sends a message once more, as something new, for a shell."""

from __future__ import annotations

import json
import shlex
from typing import Any

from hubwire.message import MessageType

OF_THE_FIRST_TIME = frozenset({"messageId", "sentAt", "receivedAt", "writeKey"})
"""With its messageId it would be a duplicate; the times belong to the upload; the write key is a secret."""


def curl(url: str, body: Any) -> str:
    """A curl command that sends `body` to the tracking API at `url`; empty when there is nothing that could be sent.

    Shape: the shell puts in `$WRITE_KEY`; everything else is quoted, and only ASCII.
    """
    if not isinstance(body, dict) or body.get("type") not in list(MessageType):
        return ""
    again = {name: value for name, value in body.items() if name not in OF_THE_FIRST_TIME}
    to = shlex.quote(f"{url}/v1/{body['type']}")
    return f"curl -u \"$WRITE_KEY:\" {to} -H 'Content-Type: application/json' \\\n  -d {shlex.quote(json.dumps(again))}"
