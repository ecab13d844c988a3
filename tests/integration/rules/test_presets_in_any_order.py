"""A shop's events at random, odd ones among them, in any order of arrival: the portal ends the same each time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.world import DESTINATION, World

from hubwire.hubspot.wire import iso_utc

START_MS = 1_768_400_000_000
EVENTS = (
    *("Order Completed", "Order Updated", "Order Cancelled", "Order Refunded"),
    *("Cart Viewed", "Checkout Started", "Product Viewed"),
)
PRODUCTS: list[Any] = [
    {"product_id": "p0", "sku": "S0", "name": "Pen", "price": 2},
    {"product_id": "", "sku": "S1", "name": "Ink", "price": "3.50"},
    {"name": "Cap", "quantity": -1},
    {"product_id": 7, "price": "a lot", "quantity": 2},
    {"price": 1},
    None,
]
KEYS = {
    "contacts": "email",
    "orders": "hubwire_order_id",
    "deals": "hubwire_order_id",
    "carts": "hubwire_cart_id",
    "line_items": "hubwire_line_id",
}
UNSTABLE = ("createdate", "lastmodifieddate", "hs_createdate", "hs_lastmodifieddate", "hs_all_contact_vids")


def story(rng: random.Random) -> list[dict[str, Any]]:
    """Two people and some events of two orders and two carts, by time."""
    messages: list[dict[str, Any]] = []

    def add(kind: str, minute: int, **fields: Any) -> None:
        number = len(messages)
        at = iso_utc(START_MS + minute * 60_000 + number)
        messages.append({"type": kind, "messageId": f"m{number}", "timestamp": at, **fields})

    for person in ("u0", "u1"):
        add("identify", 0, userId=person, traits={"email": f"{person}@example.com"})
    for _ in range(rng.randrange(4, 10)):
        name = rng.choice(EVENTS)
        properties: dict[str, Any] = {} if name == "Cart Viewed" else {"order_id": rng.choice(["o1", "o2"])}
        if cart := rng.choice([None, "c1", "c2"]):
            properties["cart_id"] = cart
        if name in ("Checkout Started", "Order Completed") and rng.random() < 0.4:
            properties["checkout_id"] = "k1"
        if rng.random() < 0.6:
            properties["products"] = [rng.choice(PRODUCTS) for _ in range(rng.randrange(4))]
        if rng.random() < 0.7:
            properties["total"] = rng.randrange(1, 99)
        add("track", rng.randrange(1, 400), userId=rng.choice(["u0", "u1"]), event=name, properties=properties)
    return sorted(messages, key=lambda message: str(message["timestamp"]))


def end_of(world: World) -> tuple[dict[tuple[str, str], dict[str, str]], set[tuple[str, ...]]]:
    """The records by type and key, and the associations by the keys of both ends."""
    names: dict[tuple[str, str], str] = {}
    records: dict[tuple[str, str], dict[str, str]] = {}
    for plural, key in KEYS.items():
        for record in world.emulator.records(plural):
            value = record["properties"][key]
            assert (plural, value) not in records, f"{plural} {value} is there twice"
            names[plural, record["id"]] = f"{plural} {value}"
            records[plural, value] = {
                name: given
                for name, given in record["properties"].items()
                if given and name not in UNSTABLE and not name.startswith("hs_object")
            }
    ends = [
        [names[association[side]["type"], association[side]["id"]] for side in ("from", "to")]
        for association in world.emulator.associations()
    ]
    return records, {tuple(sorted(pair)) for pair in ends}


async def after(folder: Path, preset: str, messages: list[dict[str, Any]], one_by_one: bool) -> Any:
    """The portal after the messages have arrived in this order."""
    destination = structs.replace(DESTINATION, presets=(preset,), defaults=("contacts",), late_after_minutes=1e6)
    async with World(folder, destination=destination, limits_enabled=False) as world:
        driver = world.driver()
        for part in [[message] for message in messages] if one_by_one else [messages]:
            world.append(part)
            await world.drain(driver)
        open_states = set(world.states()) - {"delivered", "discarded"}
        held = {reason for state, reason in world.reasons().values() if state == "held"}
        assert open_states <= {"held"}
        assert held <= {"record-incomplete"}, "an update of a deal that nothing has made"
        return end_of(world)


@pytest.mark.parametrize("preset", ["orders", "deals"])
@pytest.mark.parametrize("seeds", [range(3), pytest.param(range(3, 60), marks=pytest.mark.slow)], ids=str)
async def test_the_end_does_not_depend_on_the_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory, preset: str, seeds: range
) -> None:
    for seed in seeds:
        rng = random.Random(seed)
        messages = story(rng)
        expected = await after(tmp_path_factory.mktemp("by-time"), preset, messages, one_by_one=True)
        for name, arrival, one_by_one in (
            ("backwards", messages[::-1], True),
            ("shuffled", rng.sample(messages, len(messages)), True),
            ("together", rng.sample(messages, len(messages)), False),
        ):
            end = await after(tmp_path_factory.mktemp(name), preset, arrival, one_by_one)
            assert end == expected, (seed, name)
