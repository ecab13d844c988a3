"""Orders and their line items: rules that write them, messages about them in any order and more than once, and what
HubSpot must hold in the end."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from hubwire.hubspot.wire import iso_utc
from hubwire.rule import Rule

START_MS = 1_760_000_000_000
STAGES = {
    "Order Completed": "Processed",
    "Order Updated": "Processed",
    "Order Cancelled": "Cancelled",
    "Order Refunded": None,
}
RULES_TABLE = """
[[destination.rule]]
name = "Orders"
trigger = 'match(event, "Order *") and event != "Order Made"' # other traffic: no orders
object = "order"
key = { hubwire_order_id = "$.properties.order_id" }
[destination.rule.properties]
hs_order_name = { "@template" = "Order {{properties.order_id}}" }
hs_total_price = "$.properties.total"
hs_payment_status = "$.properties.payment"
hs_pipeline_stage = "$.properties.stage"
[[destination.rule.associate]]
object = "contact"
[[destination.rule.each]]
list = "$.properties.products"
object = "line_item"
key = { hubwire_line_id = { "@template" = "{{$parent.properties.order_id}}:{{sku}}" } }
properties = { name = "$.name", price = "$.price", quantity = "$.quantity", hs_sku = "$.sku" }
removed = "archive"
"""
"""The rules, as `hubwire apply` reads them in the table of a destination."""
RULES = msgspec.convert(tomllib.loads(f"[[destination]]\n{RULES_TABLE}")["destination"][0]["rule"], tuple[Rule, ...])


PIPELINES = "/crm/pipelines/2026-09/orders"


class Orders(NamedTuple):
    """Orders and line items by their keys, and the pairs of an order with a line item or an e-mail."""

    orders: dict[str, dict[str, str]]
    lines: dict[str, dict[str, str]]
    links: set[tuple[str, str]]


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


def stages_of(pipelines: Mapping[str, Any]) -> dict[str, str]:
    """The ids of stages by their labels. Shape: HubSpot's answer to `GET PIPELINES`."""
    return {stage["label"]: stage["id"] for pipeline in pipelines["results"] for stage in pipeline["stages"]}


def expected_orders(messages: Sequence[Mapping[str, Any]], stages: Mapping[str, str]) -> Orders:
    """The end of a sequential oracle: each message in the order of its time, one after another.

    Shape: `stages` as `stages_of` gives them; messages without an order change nothing.
    """
    end = Orders({}, {}, set())
    emails = {
        message["userId"]: message["traits"]["email"] for message in messages if "email" in message.get("traits", {})
    }
    for message in sorted(messages, key=lambda message: str(message["timestamp"])):
        fields = message.get("properties", {})
        if "order_id" in fields:
            _apply(end, fields, emails[message["userId"]], stages)
    return end


def _apply(end: Orders, fields: Mapping[str, Any], email: str, stages: Mapping[str, str]) -> None:
    order_id = fields["order_id"]
    order = end.orders.setdefault(order_id, {"hs_order_name": f"Order {order_id}"})
    order["hs_total_price"] = str(fields["total"])
    if "stage" in fields:
        order["hs_pipeline_stage"] = stages[fields["stage"]]
    if "payment" in fields:
        order["hs_payment_status"] = fields["payment"]
    end.links.add((order_id, email))
    if "products" in fields:
        kept = {f"{order_id}:{product['sku']}" for product in fields["products"]}
        for line in [line for line in end.lines if line.startswith(f"{order_id}:") and line not in kept]:
            del end.lines[line]
            end.links.discard((order_id, line))
    names = {"name": "name", "price": "price", "quantity": "quantity", "sku": "hs_sku"}
    for product in fields.get("products", ()):
        line = f"{order_id}:{product['sku']}"
        end.lines.setdefault(line, {}).update({names[key]: str(value) for key, value in product.items()})
        end.links.add((order_id, line))


class Holding(Protocol):
    """What can say what HubSpot holds: an emulator in this process, or in one of its own."""

    def records(self, object_type: str) -> list[dict[str, Any]]:
        """The live records of a type."""

    def associations(self) -> list[dict[str, Any]]:
        """Every association, with the type and id of both ends."""


def orders_in(hubspot: Holding) -> Orders:
    """What HubSpot holds; no key is there twice."""
    names: dict[tuple[str, str], str] = {}
    found: dict[str, dict[str, dict[str, str]]] = {}
    kinds = {
        "orders": ("hubwire_order_id", ("hs_order_name", "hs_total_price", "hs_pipeline_stage", "hs_payment_status")),
        "line_items": ("hubwire_line_id", ("name", "price", "quantity", "hs_sku")),
        "contacts": ("email", ()),
    }
    for plural, (key, properties) in kinds.items():
        for record in hubspot.records(plural):
            name = record["properties"][key]
            assert name not in found.setdefault(plural, {}), f"{plural} {name} is there twice"
            names[plural, record["id"]] = name
            found[plural][name] = {
                field: record["properties"][field] for field in properties if record["properties"].get(field)
            }
    links = set()
    for association in hubspot.associations():
        ends = {association[side]["type"]: association[side]["id"] for side in ("from", "to")}
        if "orders" in ends:
            other = next(kind for kind in ends if kind != "orders")
            links.add((names["orders", ends["orders"]], names[other, ends[other]]))
    return Orders(found.get("orders", {}), found.get("line_items", {}), links)
