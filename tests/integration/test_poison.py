"""A record that HubSpot answers with 500 whatever is tried, for the three days that retries go on: what it costs, and
that nobody beside it waits."""

from __future__ import annotations

from pathlib import Path

import httpx2
from tests.support.world import World

from hubwire.deliver.lanes.driver import Driver

POISON = "poison@example.com"
HOUR_SECONDS = 3600
RETRY_HOURS = 72
MAX_CALLS = 300
"""For three days, with nothing else to do: each try is the call, whether HubSpot works, and the schema, old by then. It
was 1,400 while each try was three calls and half an hour the longest wait."""


def identify(email: str, number: int) -> dict[str, object]:
    traits = {"email": email, "firstname": f"First {number}"}
    ids = {"userId": email, "messageId": f"{email}-{number}", "timestamp": "2026-01-15T10:00:00Z"}
    return {**ids, "type": "identify", "traits": traits}


def fails_for_poison(request: httpx2.Request) -> httpx2.Response | None:
    body = {"status": "error", "message": "Internal server error", "correlationId": "c-1"}
    return httpx2.Response(500, json=body) if POISON.encode() in request.content else None


async def go_on(world: World, driver: Driver, seconds: float) -> None:
    """Turn after turn for so long."""
    end_ms = world.clock.now_ms() + round(1000 * seconds)
    while world.clock.now_ms() < end_ms:
        world.clock.advance(max((await driver.turn()).seconds, 0.05))


async def test_alone_it_costs_a_few_dozen_calls_until_it_is_dead(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        refused = 0

        def instead(request: httpx2.Request) -> httpx2.Response | None:
            nonlocal refused
            answer = fails_for_poison(request)
            refused += answer is not None
            return answer

        world.transport.instead = instead
        world.append([identify(POISON, 1), identify("good@example.com", 1)])
        began_at_ms = world.clock.now_ms()
        await world.drain(world.driver(), through_stops=True)
        assert world.states() == {"dead": 1}
        assert abs((world.clock.now_ms() - began_at_ms) / 1000 / HOUR_SECONDS - RETRY_HOURS) < 1
        assert world.calls() + refused <= MAX_CALLS
        assert [contact["properties"]["email"] for contact in world.emulator.contacts()] == ["good@example.com"]


async def test_beside_live_traffic_it_spoils_no_batch_but_its_first(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        batches: list[tuple[int, bool]] = []

        def instead(request: httpx2.Request) -> httpx2.Response | None:
            if not request.url.path.endswith("upsert"):
                return None
            if b"inputs" in request.content:
                batches.append((request.content.count(b'"id"'), POISON.encode() in request.content))
            return fails_for_poison(request)

        world.transport.instead = instead
        driver = world.driver()
        people = [f"p{number}@example.com" for number in range(60)]
        for round_number in range(30):
            world.append([identify(email, round_number) for email in people])
            if round_number == 0:
                world.append([identify(POISON, 0)])
            await go_on(world, driver, 60)
        first, *later = [size for size, is_poisoned in batches if is_poisoned and size > 1]
        assert first == 61
        assert len(later) < 8, "halves of the first batch, in which it was looked for"
        good = [contact for contact in world.emulator.contacts() if contact["properties"]["email"] != POISON]
        assert {item["properties"]["firstname"] for item in good} == {"First 29"}
