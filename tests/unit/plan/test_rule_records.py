"""Rules for object types other than contact and company: records, lists, pipelines, associations, and what waits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.plan.conftest import message

from hubwire.destination import Destination, Mapping, Source, SourceKind
from hubwire.message import Message
from hubwire.object_types import ObjectType, standard_type
from hubwire.operation import (
    UNIQUE,
    ArchiveOthers,
    AssociateRecords,
    Hold,
    Link,
    Plan,
    RecordRef,
    SendEvent,
    UpsertCompany,
    UpsertContact,
    UpsertRecord,
)
from hubwire.plan import Identity, links_of, plan
from hubwire.plan.default_portal import default_portal
from hubwire.reasons import Reason
from hubwire.rule import Rule
from hubwire.schema import EventDefinition, ObjectSchema, Pipeline, PortalSchema, PropertyDefinition

HOLD_MS = 72 * 3600 * 1000
ORDERS: dict[str, Any] = {
    "name": "Orders",
    "trigger": 'event = "Order Completed"',
    "default": False,
    "object": "order",
    "key": {"hubwire_order_id": "$.properties.order_id"},
    "properties": {
        "hs_order_name": {"@template": "Order {{properties.order_id}}"},
        "hs_total_price": "$.properties.total",
        "hs_pipeline_stage": "Processed",
    },
    "associate": [{"object": "contact"}],
    "each": [
        {
            "list": "$.properties.products",
            "object": "line_item",
            "key": {"hubwire_line_id": {"@template": "{{$parent.properties.order_id}}:{{sku}}"}},
            "properties": {"name": "$.name", "price": "$.price", "hs_sku": "$.sku"},
            "same_key": "number",
        }
    ],
}
PRODUCTS: list[dict[str, Any]] = [{"sku": "A", "name": "Pen", "price": 2}, {"sku": "B", "name": "Ink", "price": "3.5"}]
SALES = Pipeline("p1", "Order Pipeline", {"s1": "Open", "s2": "Processed", "s3": "Cancelled"})


def portal() -> PortalSchema:
    schema = default_portal("123")
    order, line = standard_type("order"), standard_type("line_item")
    assert order is not None
    assert line is not None
    names = ("hs_order_name", "hs_pipeline", "hs_pipeline_stage")
    orders = ObjectSchema(order, {name: PropertyDefinition(name) for name in names}, {"p1": SALES})
    orders.properties["hs_total_price"] = PropertyDefinition("hs_total_price", "number", "number")
    orders.properties["hubwire_order_id"] = PropertyDefinition("hubwire_order_id", is_unique=True)
    lines = ObjectSchema(line, {name: PropertyDefinition(name) for name in ("name", "hs_sku")})
    lines.properties["price"] = PropertyDefinition("price", "number", "number")
    for name, known in (("order", orders), ("line_item", lines)):
        schema.objects[name] = schema.objects[known.object_type.type_id] = known
    return schema


def planned(
    sent: Message,
    *rules: dict[str, Any],
    schema: PortalSchema | None = None,
    waited_ms: int = 0,
    knows: str | None = None,
    mapping: Mapping | None = None,
    kind: SourceKind = SourceKind.SERVER,
) -> Plan:
    source, identity = Source(source_id=1, name="source", kind=kind), Identity()
    converted = msgspec.convert(rules, tuple[Rule, ...])
    destination = Destination(destination_id=1, name="hubspot", rules=converted, mapping=mapping or Mapping())
    for link in links_of(sent, source, destination):
        identity.learn(link)
    if knows is not None:
        identity.learn(Link("server", "u:7", knows, 3, 1))
    return plan(sent, source, destination, schema or portal(), identity, waited_ms)


def order(**properties: Any) -> Message:
    fields = {"order_id": "o1", "total": 5.5, "products": PRODUCTS, "email": "ada@example.com", **properties}
    return message("track", event="Order Completed", userId="7", properties=fields)


def values(operation: Any) -> dict[str, str]:
    return {name: value.value for name, value in operation.properties.items()}


def records(found: Plan) -> dict[tuple[str, str], dict[str, str]]:
    return {
        (operation.object, operation.key): values(operation)
        for operation in found.operations
        if isinstance(operation, UpsertRecord)
    }


def pairs(found: Plan) -> list[tuple[str, str]]:
    return [
        (operation.source.key, operation.target.key)
        for operation in found.operations
        if isinstance(operation, AssociateRecords)
    ]


def left_out(found: Plan) -> dict[str, Reason]:
    return {field.field: field.reason for field in found.left_out}


def test_an_order_with_its_lines_and_its_person() -> None:
    found = planned(order(), ORDERS)

    assert records(found) == {
        ("order", "hubwire_order_id:o1"): {
            "hs_order_name": "Order o1",
            "hs_total_price": "5.5",
            "hs_pipeline_stage": "s2",
        },
        ("line_item", "hubwire_line_id:o1:A"): {"name": "Pen", "price": "2", "hs_sku": "A"},
        ("line_item", "hubwire_line_id:o1:B"): {"name": "Ink", "price": "3.5", "hs_sku": "B"},
    }
    assert pairs(found) == [
        ("hubwire_order_id:o1", "ada@example.com"),
        ("hubwire_order_id:o1", "hubwire_line_id:o1:A"),
        ("hubwire_order_id:o1", "hubwire_line_id:o1:B"),
    ]
    assert [operation.email for operation in found.operations if isinstance(operation, UpsertContact)] == [
        "ada@example.com"
    ]
    assert found.missing_properties == [("line_item", "hubwire_line_id", UNIQUE)] * 2
    assert found.left_out == []


def test_an_order_is_sent_before_its_person_is_known_and_waits_for_the_association() -> None:
    anonymous = order(email=None)

    first = planned(anonymous, ORDERS)
    assert ("order", "hubwire_order_id:o1") in records(first)
    assert isinstance(first.fate, Hold)
    assert first.fate.keys == ("server|u:7",)

    known = planned(anonymous, ORDERS, knows="ada@example.com")
    assert known.fate is None
    assert ("hubwire_order_id:o1", "ada@example.com") in pairs(known)

    over = planned(anonymous, ORDERS, waited_ms=HOLD_MS)
    assert over.fate is None
    assert ("order", "hubwire_order_id:o1") in records(over)
    assert left_out(over) == {"rule:Orders.associate contact": Reason.UNKNOWN_PERSON}


def test_a_default_event_that_waits_does_not_hold_back_an_order() -> None:
    found = planned(order(email=None), {**ORDERS, "default": True})

    assert ("order", "hubwire_order_id:o1") in records(found)
    assert isinstance(found.fate, Hold)
    over = planned(order(email=None), {**ORDERS, "default": True}, waited_ms=HOLD_MS)
    assert over.fate is None
    assert left_out(over)["event"] is Reason.NEVER_IDENTIFIED


def test_two_lines_with_one_key_are_two_records_or_one_as_the_rule_says() -> None:
    twice = order(products=[PRODUCTS[0], {**PRODUCTS[0], "price": 4}])
    merging = {**ORDERS, "each": [{**ORDERS["each"][0], "same_key": "merge"}]}

    lines = [key for kind, key in records(planned(twice, ORDERS)) if kind == "line_item"]
    assert lines == ["hubwire_line_id:o1:A", "hubwire_line_id:o1:A#2"]
    assert len(pairs(planned(twice, ORDERS))) == 3
    merged = {key: fields for (kind, key), fields in records(planned(twice, merging)).items() if kind == "line_item"}
    assert merged == {"hubwire_line_id:o1:A": {"name": "Pen", "price": "4", "hs_sku": "A"}}


@pytest.mark.parametrize(
    ("products", "count", "expected"),
    [
        (None, 0, {}),
        ({"sku": "A"}, 1, {}),
        ("A", 0, {"rule:Orders.each line_item": Reason.RULE_FAILED}),
        ([{"sku": str(number)} for number in range(260)], 250, {"rule:Orders.each line_item": Reason.TOO_MANY_RECORDS}),
    ],
)
def test_a_list_in_any_form(products: object, count: int, expected: dict[str, Reason]) -> None:
    found = planned(order(products=products), ORDERS)

    assert len([key for kind, key in records(found) if kind == "line_item"]) == count
    assert left_out(found) == expected


def test_the_records_that_a_list_no_longer_has_are_archived_where_the_rule_says_so() -> None:
    rule = {**ORDERS, "each": [{**ORDERS["each"][0], "removed": "archive"}]}

    def archives(products: object) -> list[ArchiveOthers]:
        found = planned(order(products=products), rule).operations
        return [result for result in found if isinstance(result, ArchiveOthers)]

    [archive] = archives(PRODUCTS[:1])
    assert (archive.parent, archive.object) == (RecordRef("order", "hubwire_order_id:o1"), "line_item")
    assert archive.kept == {"hubwire_line_id:o1:A"}
    assert archives([])[0].kept == frozenset()
    assert archives(None) == [], "a message without a list says nothing about lines"
    assert archives([{"sku": str(number)} for number in range(260)]) == [], "the list is cut"


def test_an_element_that_is_no_object_has_a_value_and_every_element_a_place() -> None:
    each = {
        **ORDERS["each"][0],
        "key": {"hubwire_line_id": {"@template": "{{$parent.properties.order_id}}/{{$index}}"}},
        "properties": {"name": "$.value", "hs_sku": "$parent.properties.order_id"},
    }
    found = planned(order(products=["Pen", "Ink"]), {**ORDERS, "each": [each]})

    lines = {key: fields for (kind, key), fields in records(found).items() if kind == "line_item"}
    assert lines == {
        "hubwire_line_id:o1/0": {"name": "Pen", "hs_sku": "o1"},
        "hubwire_line_id:o1/1": {"name": "Ink", "hs_sku": "o1"},
    }


def test_a_stage_that_the_pipeline_lacks_is_left_out_with_its_own_reason() -> None:
    properties = {**ORDERS["properties"], "hs_pipeline_stage": "$.properties.state"}
    found = planned(order(state="Lost"), {**ORDERS, "properties": properties})

    assert "hs_pipeline_stage" not in records(found)["order", "hubwire_order_id:o1"]
    [item] = found.left_out
    assert (item.field, item.reason) == ("rule:Orders.hs_pipeline_stage", Reason.STAGE_NOT_IN_PIPELINE)
    assert item.detail == "Order Pipeline: Open, Processed, Cancelled"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"hs_pipeline_stage": "processed"}, {"hs_pipeline": "p1", "hs_pipeline_stage": "s2"}),
        ({"hs_pipeline_stage": "s9"}, {"hs_pipeline": "p2", "hs_pipeline_stage": "s9"}),
        ({"hs_pipeline": "RETURNS", "hs_pipeline_stage": "Open"}, {"hs_pipeline": "p2", "hs_pipeline_stage": "s8"}),
        ({"hs_pipeline": "Returns", "hs_pipeline_stage": "Processed"}, {"hs_pipeline": "p2"}),
        ({"hs_pipeline": "None", "hs_pipeline_stage": "Open"}, {}),
        ({"hs_pipeline": "Returns", "hs_pipeline_stage": ""}, {"hs_pipeline": "p2"}),
        ({"hs_pipeline": "", "hs_pipeline_stage": "Open"}, {"hs_pipeline": "p1", "hs_pipeline_stage": "s1"}),
    ],
)
def test_a_stage_is_found_in_its_pipeline(given: dict[str, str], expected: dict[str, str]) -> None:
    schema = portal()
    schema.objects["order"].pipelines["p2"] = Pipeline("p2", "Returns", {"s8": "Open", "s9": "Refunded"})

    found = planned(order(), {**ORDERS, "properties": given}, schema=schema)

    assert records(found)["order", "hubwire_order_id:o1"] == expected


def test_a_custom_object_is_known_by_the_name_of_the_rule_and_written_by_its_id() -> None:
    schema = portal()
    boats = ObjectSchema(ObjectType("boat", "2-77", "2-77"), {"name": PropertyDefinition("name")})
    schema.objects["boat"] = schema.objects["2-77"] = boats
    rule = {**ORDERS, "object": "boat", "key": {"hull": "$.properties.order_id"}, "properties": {"name": "$.event"}}
    rule |= {"each": [], "associate": [{"object": "order", "key": {"hubwire_order_id": "o9"}, "create": False}]}

    found = planned(order(), rule, schema=schema)

    assert records(found) == {("2-77", "hull:o1"): {"name": "Order Completed"}}
    [link] = [operation for operation in found.operations if isinstance(operation, AssociateRecords)]
    assert (link.target, link.may_make) == (RecordRef("order", "hubwire_order_id:o9"), False)
    assert found.missing_properties == [("2-77", "hull", UNIQUE)]


def test_an_association_that_is_parted_makes_no_record() -> None:
    rule = {**ORDERS, "each": [], "associate": [{"object": "contact", "part": True, "label": "Buyer"}]}

    found = planned(order(), rule)

    assert not [operation for operation in found.operations if isinstance(operation, UpsertContact)]
    [link] = [operation for operation in found.operations if isinstance(operation, AssociateRecords)]
    assert (link.takes_away, link.label) == (True, "Buyer")


def test_a_record_is_never_associated_with_itself() -> None:
    own = {"object": "order", "key": {"hubwire_order_id": "$.properties.order_id"}}
    found = planned(order(), {**ORDERS, "associate": [own], "each": []})
    assert pairs(found) == []
    assert left_out(found) == {"rule:Orders.associate": Reason.RULE_FAILED}


def test_an_object_that_the_portal_lacks_is_reported_and_one_that_is_not_available_is_left_to_the_lane() -> None:
    schema = portal()
    del schema.objects["order"]
    unknown = planned(order(), ORDERS, schema=schema)
    assert left_out(unknown) == {"rule:Orders": Reason.UNKNOWN_OBJECT}

    schema = portal()
    schema.objects["order"].properties = {}
    schema.objects["order"].unavailable = "the token lacks the scope crm.objects.orders.read"
    found = planned(order(), ORDERS, schema=schema)
    assert records(found)["order", "hubwire_order_id:o1"] == {}
    assert left_out(found) == {}
    assert ("order", "hubwire_order_id", UNIQUE) not in found.missing_properties


def test_a_missing_property_is_made_with_the_type_of_its_value_where_the_destination_may() -> None:
    rule = {**ORDERS, "each": [], "properties": {"weight": "$.properties.total"}}
    assert left_out(planned(order(), rule)) == {"rule:Orders.weight": Reason.UNKNOWN_PROPERTY}

    found = planned(order(), rule, mapping=Mapping(create_properties=True))
    assert records(found)["order", "hubwire_order_id:o1"] == {"weight": "5.5"}
    assert found.missing_properties == [("order", "weight", "number")]
    public = planned(order(), rule, mapping=Mapping(create_properties=True), kind=SourceKind.WEB)
    assert left_out(public)["rule:Orders.weight"] is Reason.UNKNOWN_PROPERTY


def test_an_event_of_a_company_names_its_record_and_no_person() -> None:
    rule = {
        "name": "Seats",
        "trigger": 'event = "Order Completed"',
        "default": False,
        "event": "seats",
        "on": "company",
    }
    rule |= {"key": {"domain": "$.properties.site"}, "properties": {"total": "$.properties.total"}}

    found = planned(order(site="https://acme.test"), rule)

    [company, event] = found.operations
    assert isinstance(company, UpsertCompany)
    assert isinstance(event, SendEvent)
    assert (event.email, event.record, event.object_id) == (None, RecordRef("company", "acme.test"), None)
    schema = portal()
    schema.add_event(EventDefinition("pe123_seats", "seats", "Seats"))
    other = planned(order(site="acme.test"), rule, schema=schema)
    assert left_out(other) == {"rule:Seats": Reason.RULE_FAILED}, "the portal has it as an event of contacts"


def test_a_record_without_a_key_is_made_once_for_each_message() -> None:
    rule = {**ORDERS, "key": {}, "mode": "create", "each": [], "associate": []}

    [first], [again] = records(planned(order(), rule)), records(planned(order(), rule))

    assert first == again
    assert ":" not in first[1]


def test_a_key_without_a_value_leaves_the_other_rules_whole() -> None:
    other = {**ORDERS, "name": "Person", "object": "contact", "key": {}, "properties": {"city": "Graz"}, "each": []}
    found = planned(order(order_id=None), ORDERS, {**other, "associate": []})

    assert records(found) == {}
    assert left_out(found) == {"rule:Orders": Reason.RULE_WITHOUT_KEY}
    assert [values(operation) for operation in found.operations] == [{"city": "Graz"}]


def test_the_own_person_of_a_rule_is_not_the_contact_of_an_earlier_rule() -> None:
    friend = {**ORDERS, "name": "Friend", "object": "contact", "key": {"email": "$.properties.friend"}, "each": []}
    friend |= {"properties": {"city": "Linz"}, "associate": []}
    event = {"name": "Event", "trigger": friend["trigger"], "default": False, "event": "bought", "properties": {}}

    found = planned(order(friend="bob@example.com"), friend, event)

    emails = [getattr(operation, "email", None) for operation in found.operations]
    assert emails == ["bob@example.com", "ada@example.com", "ada@example.com"]
