"""Thousands of messages about orders, in any order and more than once: the end state is that of a sequential oracle,
and the calls are few."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.orders import PIPELINES, RULES, corpus, expected_orders, orders_in, shuffled, stages_of
from tests.support.world import DESTINATION, World

from hubwire.destination import Mapping as Settings


async def imported(folder: Path, messages: list[dict[str, Any]], *, with_rules: bool) -> tuple[World, int]:
    """A world that has imported the messages, and the calls that this took."""
    mapping = Settings(create_properties=True)
    destination = structs.replace(DESTINATION, rules=RULES if with_rules else (), mapping=mapping)
    world = World(folder, destination=destination, limits_enabled=False)
    world.append(messages, is_backfill=True)
    await world.drain(world.driver())
    return world, world.calls()


SIZES = [(60, 100, 300), pytest.param((1_000, 1_000, 6_500), marks=pytest.mark.slow)]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_end_is_that_of_the_oracle_and_the_price_is_small(tmp_path: Path, size: tuple[int, int, int]) -> None:
    messages = corpus(7, *size)
    mixed = shuffled(messages, 8)
    for name in ("plain", "rules"):
        (tmp_path / name).mkdir()
    plain, price = await imported(tmp_path / "plain", mixed, with_rules=False)
    await plain.close()
    world, calls = await imported(tmp_path / "rules", mixed, with_rules=True)
    try:
        found = orders_in(world.emulator)
        assert found == expected_orders(messages, stages_of(world.emulator.call("GET", PIPELINES).body))
        assert set(world.states()) <= {"delivered"}, world.reasons()
        allowed = 60 if size[1] == 1_000 else 30
        assert calls - price <= allowed, world.emulator.stats()["calls"]
        again = [{**message, "messageId": f"second-{message['messageId']}"} for message in mixed]
        world.append(again, is_backfill=True)
        before = world.calls()
        await world.drain(world.driver())
        events = sum(message["type"] == "track" for message in again)
        assert world.calls() - before <= 20 + -(-events // 500)
        assert orders_in(world.emulator) == found
    finally:
        await world.close()
