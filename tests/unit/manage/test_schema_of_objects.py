"""What the portal lacks for rules of other objects: keys with unique values, and properties with the type of their
values."""

from __future__ import annotations

import json

import msgspec

from hubwire.destination import Destination, Source
from hubwire.manage.schema.plan import MissingProperty
from hubwire.manage.schema.report import PortalContents, SchemaState, compare
from hubwire.message import JournalRow
from hubwire.object_types import standard_type
from hubwire.operation import UNIQUE
from hubwire.plan.default_portal import default_portal
from hubwire.rule import Rule
from hubwire.schema import ObjectSchema, PropertyDefinition

RULE = {
    "name": "Orders",
    "trigger": 'event = "Order Completed"',
    "object": "order",
    "key": {"shop_order_id": "$.properties.order_id"},
    "properties": {"hs_order_name": "$.properties.name", "weight": "$.properties.weight"},
}


def rows() -> list[JournalRow]:
    body = {
        "type": "track",
        "event": "Order Completed",
        "userId": "7",
        "properties": {"order_id": "o1", "name": "A", "weight": 2.5},
    }
    return [JournalRow(1, 1, "m1", 1_768_473_000_000, json.dumps(body).encode(), None, False, None)]


def test_the_report_has_what_rules_of_other_objects_need() -> None:
    schema = default_portal("1")
    order = standard_type("order")
    assert order is not None
    schema.objects["order"] = schema.objects["0-123"] = ObjectSchema(
        order, {"hs_order_name": PropertyDefinition("hs_order_name")}
    )
    destination = Destination(destination_id=1, name="x", rules=(msgspec.convert(RULE, Rule),), defaults=())
    source = Source(source_id=1, name="server")

    report = compare(rows(), destination, {1: source}, PortalContents(schema=schema), lambda keys: {})

    states = {entry.name: entry.state for entry in report.entries if entry.object_type == "order"}
    assert states == {
        "hs_order_name": SchemaState.MATCHES,
        "shop_order_id": SchemaState.MISSING,
        "weight": SchemaState.MISSING,
    }
    assert report.properties == [
        MissingProperty(object_type="order", path="orders", name="shop_order_id", type=UNIQUE),
        MissingProperty(object_type="order", path="orders", name="weight", type="number"),
    ]
    definitions = {missing.name: missing.definition() for missing in report.properties}
    assert (definitions["shop_order_id"].is_unique, definitions["shop_order_id"].type, definitions["weight"].group) == (
        True,
        "string",
        "hubwire",
    )
