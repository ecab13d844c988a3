"""The number of members at HubSpot for the page of a list: few calls, no waiting, and a reason if it is not read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.world import TOKEN, EmulatorTransport, World

from hubwire.destination import Destination
from hubwire.hubspot.client import FixedToken, HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.manage import list_sizes
from hubwire.manage.list_sizes import READS_PER_MINUTE, ListSizes
from hubwire.secret import Secret


class Clients:
    """Makes clients that call the emulator of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.transport: httpx2.AsyncBaseTransport = EmulatorTransport(world.emulator, world.clock)

    def make(self, destination: Destination) -> HubSpotClient:
        token = FixedToken(Secret(TOKEN))
        return HubSpotClient("http://hubspot.test", token, Paths(), clock=self.world.clock, transport=self.transport)


def make_list(world: World, name: str) -> str:
    body = {"name": name, "objectTypeId": "0-1", "processingType": "MANUAL"}
    list_id: str = world.emulator.call("POST", "/crm/lists/2026-09", body).body["list"]["listId"]
    return list_id


def reader(world: World) -> tuple[ListSizes, Clients]:
    world.register()
    clients: Any = Clients(world)
    return ListSizes(world.store.registry, world.record, clients, world.clock), clients


async def test_tabs_and_reloads_within_a_minute_make_one_call(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        sizes, _ = reader(world)
        list_id = make_list(world, "VIP")
        before = world.calls()
        found = await asyncio.gather(*(sizes.read(1, list_id) for _ in range(5)))
        assert {result.size for result in found} == {0}
        world.clock.advance(59)
        await sizes.read(1, list_id)
        assert world.calls() == before + 1
        world.clock.advance(2)
        await sizes.read(1, list_id)
        assert world.calls() == before + 2


async def test_who_looks_at_many_lists_reads_a_bounded_number(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        sizes, _ = reader(world)
        ids = [make_list(world, f"list {number}") for number in range(READS_PER_MINUTE + 1)]
        found = [await sizes.read(1, list_id) for list_id in ids]
        assert [result.size for result in found[:-1]] == [0] * READS_PER_MINUTE
        assert (found[-1].size, found[-1].reason) == (None, "many lists were read in the last minute")


async def test_each_failure_has_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_sizes, "TIMEOUT_SECONDS", 0.01)
    async with World(tmp_path, scopes="crm.objects.contacts.read", tier="professional") as world:
        sizes, clients = reader(world)
        assert "crm.lists.read" in (await sizes.read(1, "1")).reason
        world.emulator.set_portal(scopes=None)
        assert (await sizes.read(1, "99999")).reason == "HubSpot has no such list"
        assert (await sizes.read(2, "1")).reason == "the destination has no access token"

        class Silent(httpx2.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
                await asyncio.Event().wait()
                raise AssertionError

        clients.transport = Silent()
        assert (await sizes.read(1, "5")).reason == "HubSpot did not answer within 0.01 seconds"


async def test_a_day_with_few_calls_left_keeps_them_for_deliveries(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await world.receive([{"type": "identify", "traits": {"email": "a@acme.com"}, "messageId": "1"}])
        await world.drain(world.driver())
        sizes, _ = reader(world)
        list_id = make_list(world, "VIP")
        status = b'{"limit": 1000, "remaining": 49}'
        world.database.execute("UPDATE lane SET status = ?", (status,))
        before = world.calls()
        assert (await sizes.read(1, list_id)).reason == "the day has few calls left, and deliveries need them"
        assert world.calls() == before
