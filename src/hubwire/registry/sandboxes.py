"""Whether an installation is a sandbox. What it holds was sent to try things and must never reach HubSpot."""

from __future__ import annotations

from hubwire.registry.protocol import Registry

START_ANEW = "Start a live installation in another folder: HUBWIRE_DATA=live HUBSPOT_ACCESS_TOKEN=… hubwire serve"


def is_sandbox_only(registry: Registry) -> bool:
    """True when the bundled emulator plays HubSpot for every destination, and there is one."""
    destinations = registry.destinations().values()
    return bool(destinations) and all(destination.is_sandbox for destination in destinations)
