"""Makes the HubSpot client of a destination, with its token, its API version and its base URL."""

from __future__ import annotations

from functools import partial

from hubwire.clock import MonotonicClock
from hubwire.destination import Destination
from hubwire.hubspot.change_journal import SCOPES
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.credentials import app_credentials, token_source
from hubwire.hubspot.forms import forms_host
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.tokens import RenewedToken
from hubwire.installation.local import find_local_server
from hubwire.monitoring.metrics import Telemetry
from hubwire.registry.protocol import Registry
from hubwire.settings import Settings

HUBSPOT = "https://api.hubapi.com"
"""HubSpot itself. At another base URL, such as an emulator's, forms have the same host."""


class ClientFactory:
    """Makes clients. `sandbox_url`: the URL of the bundled emulator; a command gets it from the running server."""

    def __init__(
        self,
        registry: Registry,
        clock: MonotonicClock,
        settings: Settings,
        sandbox_url: str | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._telemetry = telemetry or Telemetry()
        self._registry = registry
        self._clock = clock
        self._settings = settings
        self._sandbox_url = sandbox_url

    def make(self, destination: Destination) -> HubSpotClient | None:
        """The client of a destination; None without a token."""
        token = self._registry.token(destination.destination_id)
        if token is None:
            return None
        base_url = self.base_url(destination)
        return HubSpotClient(
            base_url,
            token_source(token, self._clock, partial(self._registry.set_token, destination.destination_id)),
            Paths(destination.api_version),
            clock=self._clock,
            on_answer=partial(self._telemetry.answered, destination.name),
            forms_url=destination.forms_url or (forms_host(destination.region) if base_url == HUBSPOT else None),
        )

    def make_for_journal(self, destination: Destination) -> HubSpotClient | None:
        """The client for the change journal of a destination; None if the journal is off."""
        app = self._registry.journal_app(destination.destination_id)
        if app is None:
            return None
        # The journal has date-based paths only, so it does not follow the destination's API version.
        return HubSpotClient(
            self.base_url(destination),
            RenewedToken(app_credentials(app, SCOPES), self._clock),
            Paths(),
            clock=self._clock,
        )

    def base_url(self, destination: Destination) -> str:
        """The base URL of this destination's HubSpot."""
        if not destination.is_sandbox:
            return destination.base_url
        if self._sandbox_url is None:
            server = find_local_server(self._settings)
            self._sandbox_url = server.sandbox_url if server else None
        return self._sandbox_url or f"http://127.0.0.1:{self._settings.emulator_port}"
