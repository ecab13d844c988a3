"""The presets: what Segment's ecommerce events become, in portals with and without orders and carts."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.unit.plan.conftest import message

from hubwire.destination import Destination, Source
from hubwire.errors import BadValue
from hubwire.manage.rules.testing import firings
from hubwire.message import JournalRow
from hubwire.object_types import standard_type
from hubwire.operation import AssociateRecords, Plan, UpsertRecord
from hubwire.plan import Identity, plan
from hubwire.plan.default_portal import default_portal
from hubwire.plan.presets import PRESETS, preset_rules, preset_text, rules_of
from hubwire.plan.rules.checks import check_destination
from hubwire.rule import Rule
from hubwire.schema import ObjectSchema, Pipeline, PortalSchema, PropertyDefinition

NUMBERS = ("hs_total_price", "hs_subtotal_price", "hs_tax", "hs_shipping_cost", "hs_order_discount", "price", "amount")
STAGES = {
    "order": Pipeline("p", "Order Pipeline", {"s1": "Open", "s2": "Processed", "s5": "Cancelled"}),
    "deal": Pipeline(
        "default", "Sales", {"appointmentscheduled": "A", "closedwon": "Closed won", "closedlost": "Closed lost"}
    ),
}
PRODUCTS = [{"product_id": "p1", "sku": "A", "name": "Pen", "price": 2, "quantity": 3}, {"sku": "B", "name": "Ink"}]


def portal(absent: Sequence[str] = ()) -> PortalSchema:
    """A portal with the properties that the presets name."""
    schema = default_portal("123")
    written = {name for preset in PRESETS for rule in preset_rules(preset) for name in names_of(rule)}
    for name in ("order", "cart", "deal", "line_item"):
        known = standard_type(name)
        assert known is not None
        properties = {found: PropertyDefinition(found, "number" if found in NUMBERS else "string") for found in written}
        schema.objects[name] = ObjectSchema(known, properties)
        if name in STAGES:
            schema.objects[name].pipelines = {STAGES[name].pipeline_id: STAGES[name]}
        if name in absent:
            schema.objects[name] = ObjectSchema(known, unavailable="no such object", is_absent=True)
    return schema


def names_of(rule: Rule) -> set[str]:
    return {*rule.properties, *(name for each in rule.each for name in each.properties)}


def planned(event: str, preset: str = "orders", absent: Sequence[str] = (), **properties: Any) -> Plan:
    destination = Destination(destination_id=1, name="hubspot", presets=(preset,), defaults=())
    sent = message("track", event=event, userId="7", properties={"email": "ada@example.com", **properties})
    return plan(sent, Source(source_id=1, name="server"), destination, portal(absent), Identity(), 0)


def records(found: Plan) -> dict[str, dict[str, str]]:
    assert found.left_out == []
    return {
        f"{operation.object} {operation.key}": {name: value.value for name, value in operation.properties.items()}
        for operation in found.operations
        if isinstance(operation, UpsertRecord)
    }


def pairs(found: Plan) -> list[str]:
    return [
        f"{operation.source.object} {operation.target.object}"
        for operation in found.operations
        if isinstance(operation, AssociateRecords)
    ]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_passes_the_checks_and_its_text_has_its_rules(preset: str) -> None:
    check_destination(Destination(destination_id=1, name="x", presets=(preset,)))

    shown = msgspec.convert(tomllib.loads(preset_text(preset))["rule"], list[Rule])
    assert shown == list(preset_rules(preset))[: len(shown)]
    assert all(rule.name.startswith(f"{preset}: ") for rule in shown)


def test_a_preset_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadValue, match="presets: 'oders' is none of orders, deals"):
        check_destination(Destination(destination_id=1, name="x", presets=("oders",)))


def test_a_rule_of_the_destination_takes_the_place_of_the_rule_of_the_same_name() -> None:
    own = Rule(name="orders: Order Refunded", trigger='event = "Order Refunded"', enabled=False, skip="not yet")
    destination = Destination(destination_id=1, name="x", presets=("orders",), rules=(own,))

    found = rules_of(destination)
    assert [rule for rule in found if rule.name == own.name] == [own]
    assert rules_of(destination) is found


def test_a_completed_order_has_its_lines_and_closes_its_cart() -> None:
    found = planned("Order Completed", order_id="o1", cart_id="c1", total=9.5, coupon="X", products=PRODUCTS)

    assert records(found) == {
        "order hubwire_order_id:o1": {
            "hs_order_name": "Order o1",
            "hs_external_order_id": "o1",
            "hs_external_cart_id": "c1",
            "hs_total_price": "9.5",
            "hs_discount_codes": "X",
            "hs_pipeline_stage": "s2",
            "hs_external_created_date": "2026-01-15T10:00:00.000Z",
        },
        "line_item hubwire_line_id:order:o1:p1": {"name": "Pen", "price": "2", "quantity": "3", "hs_sku": "A"},
        "line_item hubwire_line_id:order:o1:B": {"name": "Ink", "quantity": "1", "hs_sku": "B"},
        "cart hubwire_cart_id:cart:c1": {"hs_external_status": "completed"},
        "cart hubwire_cart_id:order:o1": {"hs_external_status": "completed"},
    }
    assert pairs(found) == ["order contact", "order line_item", "order line_item"]
    closing = [
        operation
        for operation in found.operations
        if isinstance(operation, UpsertRecord) and operation.object == "cart"
    ]
    assert {(tag.mode, tag.reports_missing) for tag in closing} == {("update", False)}


@pytest.mark.parametrize(
    ("properties", "key"),
    [
        ({"cart_id": "c1", "order_id": "o1"}, "cart:c1"),
        ({"checkout_id": "k1", "order_id": "o1"}, "checkout:k1"),
        ({"order_id": "o1"}, "order:o1"),
    ],
)
def test_a_checkout_is_a_cart_that_its_order_can_find(properties: dict[str, str], key: str) -> None:
    begun = records(planned("Checkout Started", **properties, value=9, products=PRODUCTS[:1]))
    closing = records(planned("Order Completed", **properties))

    assert begun[f"cart hubwire_cart_id:{key}"]["hs_external_status"] == "open"
    assert begun[f"cart hubwire_cart_id:{key}"]["hs_total_price"] == "9"
    assert len([name for name in begun if name.startswith("line_item")]) == 1
    assert not any(name.startswith("order ") for name in begun)
    assert closing[f"cart hubwire_cart_id:{key}"] == {"hs_external_status": "completed"}


def test_the_lines_of_a_checkout_are_not_those_of_its_order() -> None:
    begun = records(planned("Checkout Started", order_id="o1", products=PRODUCTS))
    completed = records(planned("Order Completed", order_id="o1", products=PRODUCTS))

    lines = [{name for name in found if name.startswith("line_item")} for found in (begun, completed)]
    assert lines[0].isdisjoint(lines[1])


def test_a_refund_changes_neither_stage_nor_lines() -> None:
    found = records(planned("Order Refunded", order_id="o1", total=3, products=PRODUCTS[:1]))

    assert found == {"order hubwire_order_id:o1": {"hs_order_name": "Order o1", "hs_payment_status": "refunded"}}
    assert records(planned("Order Refunded", "deals", order_id="o1", products=PRODUCTS)) == {}


def test_an_update_leaves_the_stage_alone_and_a_cancellation_sets_it() -> None:
    updated = records(planned("Order Updated", order_id="o1", total=3, products=PRODUCTS))
    cancelled = records(planned("Order Cancelled", order_id="o1", products=PRODUCTS))

    assert "hs_pipeline_stage" not in updated["order hubwire_order_id:o1"]
    assert len(updated) == 3
    assert cancelled == {"order hubwire_order_id:o1": {"hs_order_name": "Order o1", "hs_pipeline_stage": "s5"}}


def test_a_portal_without_orders_gets_deals_and_one_without_carts_none() -> None:
    found = records(planned("Order Completed", absent=["order", "cart"], order_id="o1", total=9, products=PRODUCTS[:1]))

    assert found == {
        "deal hubwire_order_id:o1": {
            "dealname": "Order o1",
            "amount": "9",
            "dealstage": "closedwon",
            "closedate": "2026-01-15T10:00:00.000Z",
        },
        "line_item hubwire_line_id:deal:o1:p1": {"name": "Pen", "price": "2", "quantity": "3", "hs_sku": "A"},
    }
    assert records(planned("Cart Viewed", absent=["cart"], cart_id="c1")) == {}


def test_a_test_says_which_rules_are_not_for_the_portal() -> None:
    destination = Destination(destination_id=1, name="hubspot", presets=("orders",))
    body = {"type": "track", "event": "Order Completed", "userId": "7", "properties": {"order_id": "o1"}}
    row = JournalRow(1, 1, "m1", 1_768_473_000_000, json.dumps(body).encode(), None, False, None)

    fired = {found.name for found in firings(destination, row, portal()) if found.fires}
    assert fired == {"orders: Orders", "orders: Order Completed", "orders: Checkout without an id of its own"}
    fired = {found.name for found in firings(destination, row, portal(["order", "cart"])) if found.fires}
    assert fired == {"deals: Deals", "deals: Order Completed"}


def test_a_deal_moves_with_its_order() -> None:
    stages = {
        event: records(planned(event, "deals", order_id="o1", value=4))["deal hubwire_order_id:o1"].get("dealstage")
        for event in ("Checkout Started", "Order Updated", "Order Completed", "Order Cancelled")
    }
    assert stages == {
        "Checkout Started": "appointmentscheduled",
        "Order Updated": None,
        "Order Completed": "closedwon",
        "Order Cancelled": "closedlost",
    }
