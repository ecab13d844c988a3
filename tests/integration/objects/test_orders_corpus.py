"""Thousands of messages about orders, in any order and more than once: the end state is that of a sequential oracle,
and the calls are few."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.support.world import DESTINATION, World

from hubwire.destination import Mapping as Settings
from hubwire.hubspot.wire import iso_utc
from hubwire.rule import Rule

START_MS = 1_760_000_000_000
STAGES = {
    "Order Completed": "Processed",
    "Order Updated": "Processed",
    "Order Cancelled": "Cancelled",
    "Order Refunded": None,
}
RULES = msgspec.convert(
    [
        {
            "name": "Orders",
            "trigger": 'event match "Order *"',
            "object": "order",
            "key": {"hubwire_order_id": "$.properties.order_id"},
            "properties": {
                "hs_order_name": {"@template": "Order {{properties.order_id}}"},
                "hs_total_price": "$.properties.total",
                "hs_payment_status": "$.properties.payment",
                "hs_pipeline_stage": "$.properties.stage",
            },
            "associate": [{"object": "contact"}],
            "each": [
                {
                    "list": "$.properties.products",
                    "object": "line_item",
                    "key": {"hubwire_line_id": {"@template": "{{$parent.properties.order_id}}:{{sku}}"}},
                    "properties": {"name": "$.name", "price": "$.price", "quantity": "$.quantity", "hs_sku": "$.sku"},
                    "removed": "archive",
                }
            ],
        }
    ],
    tuple[Rule, ...],
)


def corpus(seed: int, people: int, orders: int, others: int) -> list[dict[str, Any]]:
    """Messages in the order in which they happened; an event of an order has the whole order of that moment."""
    rng = random.Random(seed)
    messages: list[dict[str, Any]] = []

    def add(kind: str, at_ms: int, **fields: Any) -> None:
        number = len(messages)
        messages.append({"type": kind, "messageId": f"m{number}", "timestamp": iso_utc(at_ms), **fields})

    for person in range(people):
        traits = {"email": f"p{person}@example.com", "firstName": f"P{person}"}
        add("identify", START_MS + person, userId=f"u{person}", traits=traits)
    for order in range(orders):
        at_ms, user = START_MS + 1_000_000 + order * 1_000, f"u{rng.randrange(people)}"
        products = [
            {"sku": f"s{rng.randrange(50)}", "name": f"Thing {line}", "price": rng.randrange(1, 90), "quantity": 1}
            for line in range(rng.randint(1, 6))
        ]
        products = list({product["sku"]: product for product in products}.values())
        names = ["Order Completed", *rng.choices(list(STAGES)[1:], k=rng.randrange(3))]
        for step, name in enumerate(names):
            if name == "Order Updated":
                kept = [product for product in products if rng.random() < 0.9] or products[:1]
                products = [{**product, "quantity": rng.randint(1, 4)} for product in kept]
            properties: dict[str, Any] = {
                "order_id": f"o{order}",
                "total": rng.randrange(10, 900),
                "products": products,
            }
            if STAGES[name] is not None:
                properties["stage"] = STAGES[name]
            if name == "Order Refunded":
                properties["payment"] = "refunded"
                del properties["products"]
            add("track", at_ms + step * 60_000, userId=user, event=name, properties=properties)
    for number in range(others):
        user = f"u{rng.randrange(people)}"
        add("track", START_MS + 2_000_000 + number, userId=user, event="Page Seen", properties={"page": number % 7})
    return messages


def shuffled(messages: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The messages in any order, with a tenth of them twice."""
    rng = random.Random(seed)
    twice = [{**message, "messageId": f"{message['messageId']}-again"} for message in messages if rng.random() < 0.1]
    mixed = [*messages, *twice]
    rng.shuffle(mixed)
    return mixed


class Oracle:
    """What HubSpot holds in the end: each message in the order of its time, one after another."""

    def __init__(self, messages: list[dict[str, Any]], stages: Mapping[str, str]) -> None:
        self.orders: dict[str, dict[str, str]] = {}
        self.lines: dict[str, dict[str, str]] = {}
        self.links: set[tuple[str, str]] = set()
        emails = {one["userId"]: one["traits"]["email"] for one in messages if one["type"] == "identify"}
        for message in sorted(messages, key=lambda one: str(one["timestamp"])):
            fields = message.get("properties", {})
            if "order_id" not in fields:
                continue
            order_id = fields["order_id"]
            order = self.orders.setdefault(order_id, {"hs_order_name": f"Order {order_id}"})
            order["hs_total_price"] = str(fields["total"])
            if "stage" in fields:
                order["hs_pipeline_stage"] = stages[fields["stage"]]
            if "payment" in fields:
                order["hs_payment_status"] = fields["payment"]
            self.links.add((order_id, emails[message["userId"]]))
            if "products" in fields:
                kept = {f"{order_id}:{product['sku']}" for product in fields["products"]}
                removed = {line for line in self.lines if line.startswith(f"{order_id}:")} - kept
                self.lines = {line: values for line, values in self.lines.items() if line not in removed}
                self.links -= {(order_id, line) for line in removed}
            for product in fields.get("products", ()):
                line = f"{order_id}:{product['sku']}"
                names = {"name": "name", "price": "price", "quantity": "quantity", "sku": "hs_sku"}
                self.lines.setdefault(line, {}).update({names[key]: str(value) for key, value in product.items()})
                self.links.add((order_id, line))


def held(world: World) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]], set[tuple[str, str]]]:
    """The orders, line items and associations in HubSpot."""
    names: dict[tuple[str, str], str] = {}
    found: dict[str, dict[str, dict[str, str]]] = {}
    wanted = {
        "orders": ("hubwire_order_id", ("hs_order_name", "hs_total_price", "hs_pipeline_stage", "hs_payment_status")),
        "line_items": ("hubwire_line_id", ("name", "price", "quantity", "hs_sku")),
        "contacts": ("email", ()),
    }
    for plural, (key, properties) in wanted.items():
        for record in world.emulator.records(plural):
            name = record["properties"][key]
            assert name not in found.setdefault(plural, {}), f"{plural} {name} is there twice"
            names[plural, record["id"]] = name
            found[plural][name] = {
                field: record["properties"][field] for field in properties if record["properties"].get(field)
            }
    links = set()
    for association in world.emulator.associations():
        ends = {association[side]["type"]: association[side]["id"] for side in ("from", "to")}
        other = next(kind for kind in ends if kind != "orders")
        links.add((names["orders", ends["orders"]], names[other, ends[other]]))
    return found.get("orders", {}), found.get("line_items", {}), links


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
        oracle = Oracle(messages, stages_of(world))
        orders, lines, links = held(world)
        assert orders == oracle.orders
        assert lines == oracle.lines
        assert links == oracle.links
        assert set(world.states()) <= {"delivered"}, world.reasons()
        allowed = 60 if size[1] == 1_000 else 30
        assert calls - price <= allowed, world.emulator.stats()["calls"]
        again = [{**message, "messageId": f"second-{message['messageId']}"} for message in mixed]
        world.append(again, is_backfill=True)
        before = world.calls()
        await world.drain(world.driver())
        events = sum(message["type"] == "track" for message in again)
        assert world.calls() - before <= 20 + -(-events // 500)
        assert held(world) == (orders, lines, links)
    finally:
        await world.close()


def stages_of(world: World) -> dict[str, str]:
    """The id of each stage by its label."""
    pipelines = world.emulator.call("GET", "/crm/pipelines/2026-09/orders").body["results"]
    return {stage["label"]: stage["id"] for pipeline in pipelines for stage in pipeline["stages"]}
