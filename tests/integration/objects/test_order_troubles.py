"""Orders when things go wrong: a process that dies at any boundary, calls that fail, poison, a stage that goes away."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from tests.support.crashes import BOUNDARIES, Crash, Crashes, CrashingRecord
from tests.support.orders import PIPELINES, RULES, corpus, expected_orders, orders_in, shuffled, stages_of
from tests.support.world import DESTINATION, World

from hubwire.deliver.cycle.portal_schema import UNAVAILABLE_AGE_MS
from hubwire.destination import Mapping as Settings
from hubwire.emulator.store.access import every_scope
from hubwire.rule import Rule

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
        assert orders_in(world.emulator) == expected_orders(
            messages, stages_of(world.emulator.call("GET", PIPELINES).body)
        )
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
        assert orders_in(world.emulator) == expected_orders(
            messages, stages_of(world.emulator.call("GET", PIPELINES).body)
        )
        assert set(world.states()) <= {"delivered"}, world.reasons()


@pytest.mark.parametrize("count", [250, pytest.param(1_000, marks=pytest.mark.slow)])
async def test_one_poison_order_among_many_dies_alone(tmp_path: Path, count: int) -> None:
    messages = corpus(9, 20, count, 0)

    def poisoned(request: httpx2.Request) -> httpx2.Response | None:
        if b'"Order o77"' not in request.content or "upsert" not in str(request.url):
            return None
        body = {"status": "error", "category": "VALIDATION_ERROR", "message": "something is wrong with this record"}
        return httpx2.Response(400, json=body)

    async with world_of(tmp_path) as world:
        world.transport.instead = poisoned
        world.append(shuffled(messages, 1), is_backfill=True)
        await world.drain(world.driver())
        others = [message for message in messages if message.get("properties", {}).get("order_id") != "o77"]
        end = expected_orders(others, stages_of(world.emulator.call("GET", PIPELINES).body))
        assert orders_in(world.emulator) == end, "and no line of the poison order"
        assert set(world.states()) <= {"dead", "delivered"}
        assert world.calls() < 60 + count // 10


async def test_a_scope_that_is_revoked_under_way_and_given_back_loses_and_doubles_nothing(tmp_path: Path) -> None:
    messages = corpus(8, *SIZE)
    mixed = shuffled(messages, 3)
    third = len(mixed) // 3
    taken = {f"crm.{kind}.orders.{access}" for kind in ("objects", "schemas") for access in ("read", "write")}
    async with world_of(tmp_path) as world:
        driver = world.driver()
        world.append(mixed[:third])
        await world.drain(driver)
        world.emulator.set_portal(scopes=sorted(every_scope() - taken))
        world.append(mixed[third : 2 * third])
        await world.drain(driver)
        assert world.states()["held"]
        assert world.record.lane(1).stopped_reason is None
        world.emulator.set_portal(scopes=None)
        world.append(mixed[2 * third :])
        for _ in range(3):
            world.clock.advance(UNAVAILABLE_AGE_MS / 1000 + 1)
            await world.drain(driver)
        assert orders_in(world.emulator) == expected_orders(
            messages, stages_of(world.emulator.call("GET", PIPELINES).body)
        )
        assert set(world.states()) <= {"delivered"}, world.reasons()


async def test_a_stage_that_is_made_anew_under_way_is_followed_to_its_new_id(tmp_path: Path) -> None:
    messages = corpus(4, *SIZE)
    mixed = sorted(messages, key=lambda message: str(message["timestamp"]))
    half = len(mixed) // 2
    async with world_of(tmp_path) as world:
        driver = world.driver()
        world.append(mixed[:half])
        await world.drain(driver)
        path = "/crm/pipelines/2026-09/orders"
        [pipeline] = world.emulator.call("GET", path).body["results"]
        old = next(stage for stage in pipeline["stages"] if stage["label"] == "Processed")
        stages = f"{path}/{pipeline['id']}/stages"
        assert world.emulator.call("DELETE", f"{stages}/{old['id']}").status == 204
        stage = {"label": "Processed", "displayOrder": 9, "metadata": {"state": "CLOSED"}}
        new = world.emulator.call("POST", stages, stage).body["id"]
        world.append(mixed[half:])
        await world.drain(driver)
        assert old["id"] != new
        oracle = expected_orders(messages, stages_of(world.emulator.call("GET", PIPELINES).body))
        known = {
            message["properties"]["order_id"] for message in mixed[:half] if "order_id" in message.get("properties", {})
        }
        orders, lines, links = orders_in(world.emulator)
        assert {key: orders[key] for key in orders.keys() - known} == {
            key: order for key, order in oracle.orders.items() if key not in known
        }
        assert (lines, links) == (oracle.lines, oracle.links)
        rows = world.database.execute("SELECT left_out FROM delivery").fetchall()
        assert not [row for row in rows if b"stage" in row[0]]


async def test_a_ticket_whose_stage_is_made_anew_before_it_is_created_is_not_lost(tmp_path: Path) -> None:
    rule = Rule(
        name="Tickets",
        trigger='event = "Asked"',
        object="ticket",
        key={"ext_id": "$.properties.id"},
        properties={"subject": "$.properties.id", "hs_pipeline_stage": "$.properties.stage"},
    )
    destination = structs.replace(DESTINATION, rules=(rule,), mapping=Settings(create_properties=True))

    def question(number: int) -> dict[str, Any]:
        fields = {"id": f"t{number}", "stage": "Waiting on us"}
        return {"type": "track", "messageId": f"m{number}", "userId": "u1", "event": "Asked", "properties": fields}

    async with World(tmp_path, destination=destination, limits_enabled=False) as world:
        world.append([{"type": "identify", "messageId": "i", "userId": "u1", "traits": {"email": "a@example.com"}}])
        world.append([question(1)])
        driver = world.driver()
        await world.drain(driver)
        stages = "/crm/pipelines/2026-09/tickets/0/stages"
        assert world.emulator.call("DELETE", f"{stages}/3").status == 204
        stage = {"label": "Waiting on us", "displayOrder": 9, "metadata": {"ticketState": "OPEN"}}
        new = world.emulator.call("POST", stages, stage).body["id"]
        world.append([question(2)])
        await world.drain(driver)
        stages_by_id = {
            record["properties"]["ext_id"]: record["properties"] for record in world.emulator.records("tickets")
        }
        assert stages_by_id["t2"]["hs_pipeline_stage"] == new
        assert world.states() == {}


async def test_a_stage_that_somebody_removes_is_left_out_and_the_rest_of_the_order_goes(tmp_path: Path) -> None:
    async with world_of(tmp_path) as world:
        messages = corpus(2, 2, 1, 0)
        orders = [message for message in messages if message.get("event") == "Order Completed"]
        world.append([message for message in messages if message["type"] == "identify"])
        driver = world.driver()
        await world.drain(driver)
        path = "/crm/pipelines/2026-09/orders"
        [pipeline] = world.emulator.call("GET", path).body["results"]
        stage = next(stage["id"] for stage in pipeline["stages"] if stage["label"] == "Processed")
        assert world.emulator.call("DELETE", f"{path}/{pipeline['id']}/stages/{stage}").status == 204
        world.append(orders)
        await world.drain(driver)
        [(_, order)] = orders_in(world.emulator)[0].items()
        assert order["hs_total_price"] == str(orders[0]["properties"]["total"])
        assert order.get("hs_pipeline_stage") != stage
        [(left_out,)] = world.database.execute("SELECT left_out FROM delivery WHERE left_out IS NOT NULL").fetchall()
        assert b"hs_pipeline_stage" in left_out
        assert b"stage-not-in-pipeline" in left_out
