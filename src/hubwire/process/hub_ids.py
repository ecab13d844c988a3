"""The Hub IDs of destinations that were created from a token alone, and what a start says about a refused token.

Device mode needs the Hub ID. Until a destination has one, HubSpot has not yet accepted its token: only then may the
token of the settings replace the stored one, and only after HubSpot accepted it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from hubwire.clock import Clock
from hubwire.destination import Destination
from hubwire.errors import HubSpotError, SettingsError
from hubwire.reasons import Reason
from hubwire.record.protocol import Record
from hubwire.registry.protocol import Registry
from hubwire.secret import Secret

log = structlog.get_logger("hubwire")

SECONDS = 60.0
STOPPED_MS = 300_000

WithToken = Callable[[Destination, str], Awaitable[Destination]]
"""`Workbench.with_token`: the destination with its Hub ID, or SettingsError for a token that HubSpot refuses."""


class HubIds:
    """Learns missing Hub IDs; stops a destination whose token HubSpot refuses, and says so once for each token."""

    def __init__(
        self,
        registry: Registry,
        record: Record,
        clock: Clock,
        with_token: WithToken,
        *,
        settings_token: Secret | None = None,
        changed: Callable[[], None],
        announce: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._record = record
        self._clock = clock
        self._with_token = with_token
        self._settings_token = settings_token
        self._changed = changed
        self._announce = announce
        self._refused: dict[int, Secret] = {}

    async def run(self) -> None:
        """Ask once a minute, for ever."""
        while True:
            await self.ask()
            await asyncio.sleep(SECONDS)

    async def ask(self) -> None:
        """Ask HubSpot about each destination that has a token and no Hub ID. Without an answer, ask again later."""
        for destination, token in await asyncio.to_thread(self._without_hub_id):
            try:
                hub_id = (await self._with_token(destination, token.reveal())).hub_id
            except HubSpotError:
                continue
            except SettingsError as exc:
                await self._is_refused(destination, token, exc)
            else:
                await asyncio.to_thread(self._save, destination, hub_id, None)

    def _without_hub_id(self) -> list[tuple[Destination, Secret]]:
        return [
            (destination, token)
            for destination_id, destination in self._registry.destinations().items()
            if destination.hub_id is None and (token := self._registry.token(destination_id)) is not None
        ]

    async def _is_refused(self, destination: Destination, token: Secret, refusal: SettingsError) -> None:
        if await self._replaced(destination, token):
            return
        await asyncio.to_thread(self._stop, destination, str(refusal.__cause__ or refusal))
        if self._refused.get(destination.destination_id) == token:
            return
        self._refused[destination.destination_id] = token
        command = f"hubwire destination token {destination.name}"
        log.error("token.refused", destination=destination.name, problem=str(refusal), fix=command)
        self._announce(refusal_lines(destination.name, command))

    async def _replaced(self, destination: Destination, token: Secret) -> bool:
        """True if HubSpot accepts the token of the settings, which then replaces the refused one."""
        other = self._settings_token
        if other is None or other == token or len(self._registry.destinations()) > 1:
            return False
        try:
            hub_id = (await self._with_token(destination, other.reveal())).hub_id
        except (HubSpotError, SettingsError):
            return False
        await asyncio.to_thread(self._save, destination, hub_id, other)
        self._announce(f"HubSpot accepts HUBSPOT_ACCESS_TOKEN: it replaces the refused token of `{destination.name}`.")
        return True

    def _save(self, former: Destination, hub_id: str | None, token: Secret | None) -> None:
        """Save the Hub ID and the accepted token, unless somebody has set a Hub ID or removed the destination."""
        destination = self._registry.destinations().get(former.destination_id)
        if destination is None or destination.hub_id is not None:
            return
        if token is not None:
            self._registry.set_token(destination.destination_id, token)
        self._registry.save_destination(msgspec.structs.replace(destination, hub_id=hub_id))
        if self._record.lane(destination.destination_id).stopped_reason == Reason.UNAUTHORISED:
            self._record.stop_lane(destination.destination_id, None, "", None)
        self._changed()

    def _stop(self, destination: Destination, detail: str) -> None:
        if self._record.lane(destination.destination_id).stopped_reason is None:
            resume_at_ms = self._clock.now_ms() + STOPPED_MS
            self._record.stop_lane(destination.destination_id, Reason.UNAUTHORISED, detail, resume_at_ms)


def refusal_lines(name: str, command: str) -> str:
    """What a start says about a token that HubSpot refuses."""
    return "\n".join(
        [
            "",
            f"HubSpot refuses the access token of the destination `{name}` (401).",
            "  Until you change the token, Hubwire stores messages and delivers nothing.",
            "  Make a service key in HubSpot (Development > Keys > Service keys). Then store it in one of these ways:",
            "    the console: Destinations, New access token",
            f"    a terminal:  {command}",
        ]
    )
