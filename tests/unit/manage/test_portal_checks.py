"""Rules are compared with the portal on save: what it lacks is named with its place and with what helps."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hubwire.destination import Destination, Mapping
from hubwire.manage.rules.portal_checks import portal_fault
from hubwire.manage.schema.report import PortalContents
from hubwire.object_types import ObjectType, standard_type
from hubwire.plan.default_portal import default_portal
from hubwire.rule import Rule
from hubwire.schema import ObjectSchema, Pipeline, PropertyDefinition

RULE: dict[str, Any] = {
    "name": "Orders",
    "trigger": 'event = "Order Completed"',
    "object": "order",
    "key": {"shop_order_id": "$.properties.order_id"},
    "properties": {"hs_order_name": "$.properties.name", "hs_pipeline_stage": "Processed"},
}


def contents() -> PortalContents:
    schema = default_portal("1")
    order = standard_type("order")
    assert order is not None
    names = ("hs_order_name", "hs_pipeline", "hs_pipeline_stage", "hs_tags")
    schema.objects["order"] = ObjectSchema(
        order,
        {name: PropertyDefinition(name) for name in names},
        {"p1": Pipeline("p1", "Order Pipeline", {"s1": "Open", "s2": "Processed"})},
    )
    schema.objects["order"].properties["hs_exchange_rate"] = PropertyDefinition("hs_exchange_rate", is_read_only=True)
    schema.objects["boat"] = ObjectSchema(ObjectType("boat", "", "boat"), unavailable="no such object", is_absent=True)
    cart = standard_type("cart")
    assert cart is not None
    schema.objects["cart"] = ObjectSchema(cart, unavailable="the token lacks a scope")
    return PortalContents(schema=schema, archived={"order": {"hs_old": "string"}})


def fault(**changes: Any) -> str:
    rule = msgspec.convert({**RULE, **changes}, Rule)
    found = portal_fault(rule, Destination(destination_id=1, name="hubspot"), contents())
    return "" if found is None else f"{found.field}: {found} {found.hint}"


def test_a_rule_that_the_portal_can_take_has_no_fault() -> None:
    assert fault() == ""
    assert fault(object="cart", properties={"anything": 1}) == "", "what the token may not see is not judged"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"object": "boat"}, "object: rule 'Orders': HubSpot has no object boat: no such object Correct the name"),
        ({"associate": [{"object": "boat", "key": {"n": "1"}}]}, "HubSpot has no object boat"),
        ({"key": {"hs_tags": "$.a"}}, "key.hs_tags: rule 'Orders': the values of hs_tags are not unique in HubSpot"),
        ({"properties": {"hs_order_nam": 1}}, "HubSpot has no order property hs_order_nam Did you mean hs_order_name?"),
        ({"properties": {"x": 1}}, "or create this one on the page Properties & events."),
        ({"properties": {"hs_old": 1}}, "the order property hs_old is archived in HubSpot Restore it there."),
        ({"properties": {"hs_exchange_rate": 1}}, "HubSpot sets hs_exchange_rate itself"),
        (
            {"properties": {"hs_pipeline_stage": "Lost"}},
            "properties.hs_pipeline_stage: rule 'Orders': no stage of HubSpot is 'Lost' It has Order Pipeline: Open",
        ),
        (
            {"properties": {"hs_pipeline": "Sales"}},
            "no pipeline of HubSpot is 'Sales' It has pipelines",
        ),
        (
            {"each": [{"list": "$.a", "object": "order", "key": {"n": "$.n"}, "properties": {"x": 1}}]},
            "each order: HubSpot has no order property x",
        ),
    ],
)
def test_what_the_portal_lacks_is_named(changes: dict[str, Any], expected: str) -> None:
    assert expected in fault(**changes)


@pytest.mark.parametrize("stage", ["$.properties.stage", "processed", "s2", {"@template": "{{event}}"}])
def test_a_stage_of_the_message_or_of_the_pipeline_is_taken(stage: object) -> None:
    assert fault(properties={"hs_pipeline_stage": stage}) == ""


def test_an_event_of_another_account_is_refused_with_the_own_number() -> None:
    event: dict[str, Any] = {
        "name": "E",
        "trigger": 'type = "track"',
        "event": "pe77_orders",
        "properties": "$.properties",
    }
    rule = msgspec.convert(event, Rule)
    found = portal_fault(rule, Destination(destination_id=1, name="hubspot"), contents())
    assert found is not None
    assert str(found) == "rule 'E': pe77_orders is an event of the account 77"
    assert "pe1_" in found.hint
    own = msgspec.structs.replace(rule, event="pe1_orders")
    makes_events = Destination(destination_id=1, name="hubspot", mapping=Mapping(create_event_definitions=True))
    assert portal_fault(own, makes_events, contents()) is None
