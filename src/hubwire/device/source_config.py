"""The configuration of a source, which RudderStack's browser SDKs load before they send.

Shape: RudderStack's control plane, `GET /sourceConfig/?writeKey=…`. The source is enabled and has no destinations, so
the page loads no integration and sends every event to the data plane, which is this server. Error reports and metrics,
which would go to RudderStack, are off. Source: @rudderstack/analytics-js 3.34.1, rudder-sdk-js 2.52.21.
"""

from __future__ import annotations

import json


def source_config(write_key: str) -> bytes:
    """The configuration for any write key. An unknown key gets one too: its events are then refused with a reason."""
    off = {"enabled": False}
    source = {
        "id": "hubwire",
        "name": "Hubwire",
        "writeKey": write_key,
        "workspaceId": "hubwire",
        "enabled": True,
        "config": {"statsCollection": {"errors": off, "metrics": off}},
        "destinations": [],
        "connections": [],
        "dataplanes": {},
    }
    return json.dumps({"source": source}, separators=(",", ":")).encode()
