"""Detects a sandbox. A sandbox has test messages, which must never reach HubSpot."""

from __future__ import annotations

from hubwire.errors import SettingsError
from hubwire.registry.protocol import Registry

SANDBOX_HUB_ID = "1234567"
SANDBOX_TOKEN = "pat-sandbox-token"  # noqa: S105 - only the emulator takes it
START_ANEW = "Start a live installation in another folder: HUBWIRE_DATA=live HUBSPOT_ACCESS_TOKEN=… hubwire serve"


def is_sandbox_only(registry: Registry) -> bool:
    """True if there is a destination and every destination uses the bundled emulator."""
    destinations = registry.destinations().values()
    return bool(destinations) and all(destination.is_sandbox for destination in destinations)


def refuse_in_sandbox(registry: Registry) -> None:
    """Refuse a real destination. Errors: SettingsError in a sandbox."""
    if is_sandbox_only(registry):
        raise SettingsError(
            "this installation is a sandbox, and a real destination would also receive its test messages",
            hint=START_ANEW,
        )
