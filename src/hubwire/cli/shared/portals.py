"""A portal's schema, read for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hubwire.clock import SystemClock
from hubwire.destination import Destination
from hubwire.errors import HubSpotError
from hubwire.registry.protocol import Registry
from hubwire.settings import Settings

if TYPE_CHECKING:
    from hubwire.manage.history.preview import KnownSchema


async def portal_schema(registry: Registry, settings: Settings, destination: Destination) -> KnownSchema:
    """The portal's schema, or HubSpot's default one after a message if it cannot be read."""
    from hubwire.installation.clients import ClientFactory
    from hubwire.manage.dryrun import read_schema
    from hubwire.manage.history.preview import KnownSchema
    from hubwire.plan.default_portal import default_portal

    client = ClientFactory(registry, SystemClock(), settings).make(destination)
    if client is not None:
        async with client:
            try:
                return KnownSchema(await read_schema(client, destination, SystemClock()), is_default=False)
            except HubSpotError as exc:
                typer.secho(f"{destination.name}: {exc}", fg="yellow", err=True)
    return KnownSchema(default_portal(destination.hub_id or "0"), is_default=True)


def duration(seconds: float) -> str:
    """A duration for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
