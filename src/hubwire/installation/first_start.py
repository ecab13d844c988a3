"""The first source and destination of an installation, from the settings; without a token, a sandbox."""

from __future__ import annotations

import secrets

import msgspec

from hubwire.destination import Destination, Source, SourceKind
from hubwire.errors import SettingsError
from hubwire.registry.protocol import Registry
from hubwire.registry.sandboxes import SANDBOX_HUB_ID, SANDBOX_TOKEN, START_ANEW, is_sandbox_only
from hubwire.secret import Secret
from hubwire.settings import Settings

FIRST_SOURCE = Source(source_id=0, name="server")
DEMO_SOURCE = Source(
    source_id=0, name="website", kind=SourceKind.WEB, identity_space="source:website", device_mode=True
)
FIRST_DESTINATION = "hubspot"
TRIES = 5


class FirstStart(msgspec.Struct, frozen=True):
    """The secrets of the first start, to be shown once."""

    write_key: str | None = None


def begin_installation(registry: Registry, settings: Settings, *, is_shared: bool) -> FirstStart:
    """Create the missing parts of an installation.

    Shape: processes that share a database may start at the same time. If one of them creates a source first, the other
    uses it.
    Errors: SettingsError if the settings have a token and the installation is a sandbox.
    """
    for _ in range(TRIES):
        try:
            return _create_missing(registry, settings)
        except SettingsError:
            if not is_shared:
                raise
    return _create_missing(registry, settings)


def _create_missing(registry: Registry, settings: Settings) -> FirstStart:
    write_key = _create_sources(registry, settings)
    destinations = registry.destinations()
    if is_sandbox_only(registry) and not settings.is_sandbox:
        raise SettingsError(
            f"HUBSPOT_ACCESS_TOKEN is set, but {settings.data} holds a sandbox, so nothing would reach HubSpot",
            hint=f"{START_ANEW}. Or start the sandbox without the token.",
        )
    if not destinations:
        destination = registry.save_destination(_first_destination(settings))
        registry.set_token(destination.destination_id, settings.hubspot_access_token or Secret(SANDBOX_TOKEN))
    return FirstStart(write_key)


def _create_sources(registry: Registry, settings: Settings) -> str | None:
    """The write key of the first source, if it was created now."""
    write_key = settings.write_key
    sources = registry.sources()
    if sources:
        if write_key and registry.source_of_key(write_key) is None:
            registry.add_write_key(next(iter(sources)), Secret(write_key))
        return None
    source = registry.save_source(FIRST_SOURCE)
    write_key = write_key or _new_write_key()
    registry.add_write_key(source.source_id, Secret(write_key))
    if settings.is_sandbox:
        website = registry.save_source(DEMO_SOURCE)
        registry.add_write_key(website.source_id, Secret(_new_write_key()))
    return write_key


def _first_destination(settings: Settings) -> Destination:
    return Destination(
        destination_id=0,
        name=FIRST_DESTINATION if not settings.is_sandbox else "sandbox",
        hub_id=settings.hubspot_hub_id or (SANDBOX_HUB_ID if settings.is_sandbox else None),
        base_url=settings.hubspot_base_url,
        api_version=settings.hubspot_api_version,
        is_sandbox=settings.is_sandbox,
        load_forms_sdk=settings.is_sandbox,
    )


def _new_write_key() -> str:
    return f"wk_{secrets.token_urlsafe(18)}"
