"""Orders when things go wrong: a process that dies at any boundary, calls that fail, poison, a stage that goes away."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from tests.integration.objects.test_orders_corpus import RULES, Oracle, corpus, held, shuffled, stages_of
from tests.support.crashes import BOUNDARIES, Crash, Crashes, CrashingRecord
from tests.support.world import DESTINATION, World

from hubwire.destination import Mapping as Settings

SIZE = (15, 25, 20)


def world_of(folder: Path, **portal: Any) -> World:
    """A world whose destination writes orders, and compares no message with HubSpot's history for its age alone."""
    destination = structs.replace(
        DESTINATION, rules=RULES, mapping=Settings(create_properties=True), late_after_minutes=1e6
    )
    return World(folder, destination=destination, limits_enabled=False, **portal)


@pytest.mark.parametrize("boundary", BOUNDARIES[:6])
async def test_a_process_that_dies_at_any_boundary_loses_and_doubles_nothing(tmp_path: Path, boundary: str) -> None:
    messages = corpus(3, *SIZE)
    async with world_of(tmp_path) as world:
        crashes = Crashes()
        record: Any = CrashingRecord(world.record, crashes)
        world.transport.trouble = crashes.in_call
        mixed = shuffled(messages, 4)
        half = len(mixed) // 2
        for number, part in enumerate((mixed[:half], mixed[half:])):
            world.append(part)
            crashes.arm(boundary, 9 * number if boundary.startswith("call") else 0)
            with pytest.raises(Crash):
                await world.drain(world.driver(f"dead-{number}", record))
            crashes.disarm()
            await world.drain(world.driver(f"alive-{number}"))
        oracle = Oracle(messages, stages_of(world))
        assert held(world) == (oracle.orders, oracle.lines, oracle.links)
        assert set(world.states()) <= {"delivered"}


async def test_calls_that_fail_before_or_after_their_effect_change_nothing_in_the_end(tmp_path: Path) -> None:
    messages = corpus(5, *SIZE)
    rng = random.Random(6)

    def trouble(request: httpx2.Request) -> BaseException | None:
        if request.method != "POST" or rng.random() > 0.2:
            return None
        failure = httpx2.ReadTimeout("too slow", request=request)
        failure.is_after = rng.random() < 0.5  # type: ignore[attr-defined]
        return failure

    async with world_of(tmp_path) as world:
        mixed = shuffled(messages, 7)
        world.transport.trouble = trouble
        for start in range(0, len(mixed), 40):
            world.append(mixed[start : start + 40])
            await world.drain(world.driver(), through_stops=True)
        oracle = Oracle(messages, stages_of(world))
        assert held(world) == (oracle.orders, oracle.lines, oracle.links)
        assert set(world.states()) <= {"delivered"}, world.reasons()


async def test_one_poison_order_among_many_dies_alone(tmp_path: Path) -> None:
    messages = corpus(9, 20, 250, 0)

    def poisoned(request: httpx2.Request) -> httpx2.Response | None:
        if b'"Order o77"' not in request.content or "upsert" not in str(request.url):
            return None
        body = {"status": "error", "category": "VALIDATION_ERROR", "message": "something is wrong with this record"}
        return httpx2.Response(400, json=body)

    async with world_of(tmp_path) as world:
        world.transport.instead = poisoned
        world.append(shuffled(messages, 1), is_backfill=True)
        await world.drain(world.driver())
        orders, lines, links = held(world)
        oracle = Oracle(
            [one for one in messages if one.get("properties", {}).get("order_id") != "o77"], stages_of(world)
        )
        assert (orders, lines, links) == (oracle.orders, oracle.lines, oracle.links), "and no line of the poison order"
        assert set(world.states()) <= {"dead", "delivered"}
        assert world.calls() < 60


async def test_a_stage_that_somebody_removes_is_left_out_and_the_rest_of_the_order_goes(tmp_path: Path) -> None:
    async with world_of(tmp_path) as world:
        messages = corpus(2, 2, 1, 0)
        orders = [one for one in messages if one.get("event") == "Order Completed"]
        world.append([one for one in messages if one["type"] == "identify"])
        driver = world.driver()
        await world.drain(driver)
        path = "/crm/pipelines/2026-09/orders"
        [pipeline] = world.emulator.call("GET", path).body["results"]
        stage = next(one["id"] for one in pipeline["stages"] if one["label"] == "Processed")
        assert world.emulator.call("DELETE", f"{path}/{pipeline['id']}/stages/{stage}").status == 204
        world.append(orders)
        await world.drain(driver)
        [(_, order)] = held(world)[0].items()
        assert order["hs_total_price"] == str(orders[0]["properties"]["total"])
        assert order.get("hs_pipeline_stage") != stage
        [(left_out,)] = world.database.execute("SELECT left_out FROM delivery WHERE left_out IS NOT NULL").fetchall()
        assert b"order.hs_pipeline_stage" in left_out
        assert b"not-an-option" in left_out
