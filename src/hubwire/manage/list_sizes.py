"""Reads the number of members that HubSpot has of a list, for the page of that list.

Bounded: one call a minute for each list, some lists a minute for each destination, none while the day's calls are
short, and none that takes longer than some seconds. A page shows what Hubwire remembers until the answer is there.
"""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

from hubwire.clock import Clock
from hubwire.errors import HubSpotError, Refused, SettingsError
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.client import HubSpotClient
from hubwire.installation.clients import ClientFactory
from hubwire.record.protocol import Record
from hubwire.registry.protocol import Registry

FRESH_MS = 60_000
READS_PER_MINUTE = 20
"""Lists of one destination that are read in a minute. Chosen: 20 of about 1,000 calls that HubSpot allows then."""
SPARE_SHARE = 0.05
"""The share of the day's calls below which nothing is read for a page. Chosen."""
TIMEOUT_SECONDS = 5.0
FORBIDDEN = 403
NOT_FOUND = 404


class LiveSize(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a list at HubSpot, or the reason why they are not known."""

    size: int | None
    read_at_ms: int
    name: str = ""
    """The name that the list has there now."""
    reason: str = ""


class _Budget(msgspec.Struct):
    """The part of a lane's status that tells how many calls the day has left."""

    limit: int = 0
    remaining: int | None = None


class ListSizes:
    """Reads sizes for the pages of one process."""

    def __init__(self, registry: Registry, record: Record, clients: ClientFactory, clock: Clock) -> None:
        self._registry = registry
        self._record = record
        self._clients = clients
        self._clock = clock
        self._known: dict[tuple[int, str], LiveSize] = {}
        self._reads: dict[int, deque[int]] = {}
        self._open: dict[tuple[int, str], asyncio.Task[LiveSize]] = {}

    async def read(self, destination_id: int, list_id: str) -> LiveSize:
        """The size of a list, not older than a minute; several tabs make one call. Errors: none; the value has the
        reason."""
        now_ms, place = self._clock.now_ms(), (destination_id, list_id)
        self._known = {place: size for place, size in self._known.items() if now_ms - size.read_at_ms < FRESH_MS}
        if place in self._known:
            return self._known[place]
        if place not in self._open:
            self._open[place] = asyncio.create_task(self._read(destination_id, list_id, now_ms))
            self._open[place].add_done_callback(lambda task: self._open.pop(place, None))
        self._known[place] = await asyncio.shield(self._open[place])
        return self._known[place]

    async def _read(self, destination_id: int, list_id: str, now_ms: int) -> LiveSize:
        client = await asyncio.to_thread(self._client_of, destination_id, now_ms)
        if isinstance(client, str):
            return LiveSize(size=None, read_at_ms=now_ms, reason=client)
        found, reason = None, "HubSpot's answer has no size"
        try:
            async with client, asyncio.timeout(TIMEOUT_SECONDS):
                found = await HubSpotAccount(client).list_of(list_id)
        except TimeoutError:
            reason = f"HubSpot did not answer within {TIMEOUT_SECONDS:g} seconds"
        except Refused as exc:
            known = {
                NOT_FOUND: "HubSpot has no such list",
                FORBIDDEN: "the access token lacks the scope crm.lists.read",
            }
            reason = known.get(exc.status, str(exc))
        except (HubSpotError, SettingsError) as exc:
            reason = str(exc)
        if found is None or found.size is None:
            return LiveSize(size=None, read_at_ms=now_ms, reason=reason)
        return LiveSize(size=found.size, read_at_ms=now_ms, name=found.name)

    def _client_of(self, destination_id: int, now_ms: int) -> HubSpotClient | str:
        """The client for a read, which counts; or why HubSpot is not asked now. Blocks."""
        destination = self._registry.destinations().get(destination_id)
        client = self._clients.make(destination) if destination is not None else None
        if client is None:
            return "the destination has no access token"
        try:
            budget = msgspec.json.decode(self._record.lane(destination_id).status, type=_Budget)
        except msgspec.MsgspecError:
            budget = _Budget()
        if budget.remaining is not None and budget.remaining < budget.limit * SPARE_SHARE:
            return "the day has few calls left, and deliveries need them"
        reads = self._reads.setdefault(destination_id, deque())
        while reads and now_ms - reads[0] >= FRESH_MS:
            reads.popleft()
        if len(reads) >= READS_PER_MINUTE:
            return "many lists were read in the last minute"
        reads.append(now_ms)
        return client
