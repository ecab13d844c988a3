"""A source as the browser side sees it. The service makes these from its sources and destinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

HUBSPOT_TELLS = ("https://*.hubspot.com",)
"""The address to which HubSpot's tracking code sends its data, in the notation of a Content Security Policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSource:
    """A source as a page sees it. All of it is public: it is in a script that any visitor can read."""

    write_key: str
    hub_id: str | None = None
    device_mode: bool = True
    """Off, or without a Hub ID: the page gets analytics.js alone, and everything is delivered by the server."""
    load_forms_sdk: bool = False
    region: str = "na1"
    consent_categories: tuple[str, ...] = ()
    """Categories that must all be true on an event that carries consent (`context.consent`)."""
    events: tuple[str, ...] = ()
    """Tracks that the page leaves to the server, in lower case: those that the destination renames or filters."""
    only_events: bool = False
    """The other way round: the page leaves everything but `events` to the server."""
    email_only: bool = False
    """The page's identify says who it is and no more: the destination has rules for traits, and the server has them."""
    script_host: str | None = None
    """Instead of HubSpot's script host: a host, an address, or a path of this server (the emulator's stand-in)."""
    forms_url: str | None = None
    """Instead of HubSpot's Forms SDK: an address, or a path of this server."""

    @property
    def uses_plugin(self) -> bool:
        return self.device_mode and bool(self.hub_id)

    @property
    def _region(self) -> str:
        """As HubSpot's script hosts have it: nothing for na1, `-eu1` for eu1."""
        return "" if self.region == "na1" else f"-{self.region}"

    def script_base(self, base_url: str) -> str:
        """The base URL of HubSpot's tracking code, without a trailing slash. `base_url`: this server."""
        return address(self.script_host or f"https://js{self._region}.hs-scripts.com", base_url)

    def forms_sdk(self, base_url: str) -> str:
        """The URL of HubSpot's Forms SDK."""
        return address(self.forms_url or f"https://js{self._region}.hsforms.net/forms/v2.js", base_url)

    def script_hosts(self) -> list[str]:
        """HubSpot's hosts that a page loads scripts from, as a Content Security Policy names them."""
        loaded = ["hs-scripts.com", "hs-analytics.net", *(["hsforms.net"] if self.load_forms_sdk else [])]
        return [f"https://js{self._region}.{host}" for host in loaded]


def address(place: str, base_url: str) -> str:
    """A full address from an address, a path of this server, or a host."""
    if "://" in place:
        return place.rstrip("/")
    if place.startswith("/"):
        return base_url + place.rstrip("/")
    return f"https://{place.rstrip('/')}"


class DeviceSources(Protocol):
    def get(self, write_key: str) -> DeviceSource | None:
        """The enabled source with this write key, as it is set now; None for an unknown key.

        Called for every file that a page loads: answers from memory.
        """
        ...
