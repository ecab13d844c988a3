"""A shop's events with the preset `orders`, through a lane to HubSpot: orders, lines, carts and people as they end."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.support.world import DESTINATION, World

from hubwire.hubspot.wire import iso_utc
from hubwire.rule import Rule

START_MS = 1_768_400_000_000
PEN = {"product_id": "p1", "sku": "PEN", "name": "Pen", "price": 2, "quantity": 3}
INK = {"product_id": "p2", "sku": "INK", "name": "Ink", "price": 7.5}
PEOPLE = [{"type": "identify", "userId": "7", "traits": {"email": "ada@example.com"}}]


def event(name: str, minute: int, /, **properties: Any) -> dict[str, Any]:
    at = iso_utc(START_MS + minute * 60_000)
    return {"type": "track", "userId": "7", "event": name, "timestamp": at, "properties": properties}


STORY = [
    event("Cart Viewed", 1, cart_id="c1", products=[PEN]),
    event("Checkout Started", 2, order_id="o1", cart_id="c1", value=13.5, products=[PEN, INK]),
    event("Order Completed", 3, order_id="o1", cart_id="c1", total=13.5, currency="EUR", products=[PEN, INK]),
    event("Order Updated", 5, order_id="o1", total=6, products=[PEN]),
    event("Order Refunded", 9, order_id="o1", total=6, products=[PEN]),
    event("Order Completed", 4, order_id="o2", total=2, products=[INK]),
    event("Order Cancelled", 8, order_id="o2"),
]


async def delivered(folder: Path, messages: list[dict[str, Any]], one_by_one: bool, **how: Any) -> World:
    destination = structs.replace(DESTINATION, **{"presets": ("orders",), **how})
    world = World(folder, destination=destination, limits_enabled=False)
    driver = world.driver()
    for number, message in enumerate(messages):
        world.append([{"messageId": f"m{number}", **message}])
        if one_by_one:
            await world.drain(driver)
    await world.drain(driver)
    return world


def records(world: World, plural: str, *names: str) -> dict[str, dict[str, str]]:
    return {
        record["properties"][names[0]]: {name: record["properties"].get(name) or "" for name in names[1:]}
        for record in world.emulator.records(plural)
    }


@pytest.mark.parametrize("one_by_one", [False, True], ids=["together", "one by one"])
@pytest.mark.parametrize("order", ["in order", "backwards", "people last"])
async def test_the_end_is_the_same_in_any_order_of_arrival(tmp_path: Path, order: str, one_by_one: bool) -> None:
    messages = [*PEOPLE, *STORY]
    if order == "backwards":
        messages = messages[::-1]
    elif order == "people last":
        messages = [*STORY, *STORY, *PEOPLE]
    world = await delivered(tmp_path, messages, one_by_one)
    try:
        stages = world.emulator.call("GET", "/crm/pipelines/2026-09/orders").body["results"][0]["stages"]
        labels = {stage["id"]: stage["label"] for stage in stages}
        orders = records(
            world, "orders", "hubwire_order_id", "hs_total_price", "hs_payment_status", "hs_pipeline_stage"
        )
        assert {
            key: {**found, "hs_pipeline_stage": labels[found["hs_pipeline_stage"]]} for key, found in orders.items()
        } == {
            "o1": {"hs_total_price": "6", "hs_payment_status": "refunded", "hs_pipeline_stage": "Processed"},
            "o2": {"hs_total_price": "2", "hs_payment_status": "", "hs_pipeline_stage": "Cancelled"},
        }
        assert records(world, "line_items", "hubwire_line_id", "quantity") == {
            "order:o1:p1": {"quantity": "3"},
            "order:o2:p2": {"quantity": "1"},
            "cart:c1:p1": {"quantity": "3"},
            "cart:c1:p2": {"quantity": "1"},
        }
        assert records(world, "carts", "hubwire_cart_id", "hs_external_status") == {
            "cart:c1": {"hs_external_status": "completed"}
        }
        kinds = sorted(
            "-".join(sorted({association["from"]["type"], association["to"]["type"]}))
            for association in world.emulator.associations()
        )
        assert kinds == [
            "carts-contacts",
            "carts-line_items",
            "carts-line_items",
            "contacts-orders",
            "contacts-orders",
            "line_items-orders",
            "line_items-orders",
        ]
        assert set(world.states()) <= {"delivered"}, world.reasons()
    finally:
        await world.close()


async def test_a_guests_order_is_there_before_anybody_knows_the_guest(tmp_path: Path) -> None:
    world = await delivered(tmp_path, STORY[2:3], one_by_one=True)
    try:
        assert list(records(world, "orders", "hubwire_order_id")) == ["o1"]
        assert world.states() == {"held": 1}
        world.append([{"messageId": "late", **PEOPLE[0]}])
        driver = world.driver()
        await world.drain(driver)
        assert len(records(world, "orders", "hubwire_order_id")) == 1
        assert "contacts" in {
            end["type"]
            for association in world.emulator.associations()
            for end in (association["from"], association["to"])
        }
    finally:
        await world.close()


async def test_an_older_cart_that_comes_after_its_order_is_closed(tmp_path: Path) -> None:
    messages = [*PEOPLE, STORY[2], STORY[0], event("Cart Viewed", 4, cart_id="c2", products=[PEN])]
    world = await delivered(tmp_path, messages, one_by_one=True)
    try:
        assert records(world, "carts", "hubwire_cart_id", "hs_external_status") == {
            "cart:c1": {"hs_external_status": "completed"},
            "cart:c2": {"hs_external_status": "open"},
        }
    finally:
        await world.close()


async def test_a_product_without_an_id_is_reported_and_the_others_are_lines(tmp_path: Path) -> None:
    odd = [None, "x", 5, {}, {"price": 3}, {"product_id": "", "sku": "INK", "name": "Ink"}, {"name": "Cap"}]
    messages = [*PEOPLE, event("Order Completed", 1, order_id="o1", products=[*odd, PEN])]
    world = await delivered(tmp_path, messages, one_by_one=True)
    try:
        assert set(records(world, "line_items", "hubwire_line_id")) == {"order:o1:INK", "order:o1:Cap", "order:o1:p1"}
        [(left_out,)] = world.database.execute("SELECT left_out FROM delivery WHERE left_out IS NOT NULL").fetchall()
        assert b"rule-without-key" in left_out
    finally:
        await world.close()


VIEWS = [
    event("Product Viewed", 2, product_id="p1", sku="PEN", name="Pen", price=3),
    event("Product Viewed", 1, product_id="p1", sku="PEN", name="Pencil", price=2),
    event("Product Added", 3, product_id="p1", sku="PEN", name="Pen", price=3, quantity=1, cart_id="c1"),
]


async def test_a_viewed_product_is_an_event_and_no_record(tmp_path: Path) -> None:
    world = await delivered(tmp_path, [*PEOPLE, *VIEWS], one_by_one=False)
    try:
        assert [world.emulator.records(plural) for plural in ("products", "line_items", "carts", "orders")] == [[]] * 4
        assert sorted(str(event["eventName"]).partition("_")[2] for event in world.emulator.events()) == [
            "product_added",
            "product_viewed",
            "product_viewed",
        ]
    finally:
        await world.close()


async def test_the_documented_rule_for_the_catalogue_keeps_one_product_by_its_newest_message(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/concepts/rules.md").read_text(encoding="utf-8")
    example = next(block for block in page.split("```toml\n") if 'name = "Catalogue"' in block).partition("```")[0]
    [rule] = msgspec.convert(tomllib.loads(example)["destination"]["rule"], list[Rule])
    world = await delivered(tmp_path, [*PEOPLE, *VIEWS], one_by_one=True, presets=(), rules=(rule,))
    try:
        assert records(world, "products", "shop_product_id", "name", "price") == {"p1": {"name": "Pen", "price": "3"}}
    finally:
        await world.close()


async def test_events_of_companies_and_deals_are_sent_for_their_records(tmp_path: Path) -> None:
    rules = [
        {
            "name": "Seats",
            "trigger": 'event = "Seats Changed"',
            "event": "company_seats",
            "on": "company",
            "key": {"domain": "$.properties.site"},
            "properties": {"seats": "$.properties.seats"},
            "default": False,
        },
        {
            "name": "Moved",
            "trigger": 'event = "Deal Moved"',
            "event": "deal_moved",
            "on": "deal",
            "key": {"shop_id": "$.properties.id"},
            "default": False,
        },
        {
            "name": "Deals",
            "trigger": 'event = "Deal Moved"',
            "object": "deal",
            "key": {"shop_id": "$.properties.id"},
            "properties": {"dealname": "D", "dealstage": "closedwon"},
        },
    ]
    destination = structs.replace(DESTINATION, rules=msgspec.convert(rules, tuple[Rule, ...]))
    world = World(tmp_path, destination=destination, limits_enabled=False)
    try:
        sent = [event("Seats Changed", 1, site="acme.test", seats=5), event("Deal Moved", 2, id="d1")]
        world.append([{"messageId": f"m{number}", **message} for number, message in enumerate(sent)])
        await world.drain(world.driver())
        company, deal = world.emulator.records("companies")[0]["id"], world.emulator.records("deals")[0]["id"]
        found = {event["eventName"]: (event["objectType"], event["objectId"]) for event in world.emulator.events()}
        assert found == {
            "pe1234567_company_seats": ("COMPANY", company),
            "pe1234567_deal_moved": ("DEAL", deal),
        }, world.reasons()
    finally:
        await world.close()
