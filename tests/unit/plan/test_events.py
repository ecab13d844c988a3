"""Events: ids, amounts, limits."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from hubwire.operation import SendEvent
from hubwire.plan.calls.events import event_key, money
from hubwire.plan.calls.track import NAMESPACE, event_uuid
from hubwire.schema import EventDefinition


def event_of(plan: Any) -> SendEvent:
    [event] = [operation for operation in plan.operations if isinstance(operation, SendEvent)]
    return event


def test_the_uuid_is_version_5_of_source_and_message_id() -> None:
    for message_id in ("m1", "ajs-next-1768471200000-e0a1", "é", "x" * 100):
        assert event_uuid(7, message_id) == str(uuid.uuid5(NAMESPACE, f"7:{message_id}"))
    assert event_uuid(1, "m1") != event_uuid(2, "m1")


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("$13.50", 13.5),
        ("1,299.00", 1299.0),
        ("€ 5", 5.0),
        (13, 13),
        ("abc", "abc"),
        ("1,5", "1,5"),
        (None, None),
        ("", ""),
    ],
)
def test_amounts(value: object, amount: object) -> None:
    assert money(value) == amount


def test_an_event_has_at_most_fifty_properties(planner: Any) -> None:
    plan = planner.plan(
        "track", userId="1", event="A", properties={"email": "a@b.co", **{f"p{n}": n for n in range(60)}}
    )
    assert len(event_of(plan).properties) == 50
    planner.schema.add_event(EventDefinition("pe123_b", "b", "B", {f"p{n}": "number" for n in range(60)}))
    plan = planner.plan(
        "track", userId="1", event="B", properties={"email": "a@b.co", **{f"p{n}": n for n in range(60)}}
    )
    assert len(event_of(plan).properties) == 50
    assert {field.reason.value for field in plan.left_out} == {"too-many-properties"}


def test_two_keys_of_one_name_are_reported(planner: Any) -> None:
    plan = planner.plan(
        "track", userId="1", event="A", properties={"email": "a@b.co", "Order ID": "1", "order_id": "2"}
    )
    assert event_of(plan).properties["order_id"].value == "1"
    assert [(field.field, field.reason.value) for field in plan.left_out] == [("properties.order_id", "bad-name")]


def test_types_are_those_of_the_definition_or_of_the_value(planner: Any) -> None:
    planner.schema.add_event(EventDefinition("pe123_a", "a", "A", {"sku": "string"}))
    plan = planner.plan(
        "track", userId="1", event="A", properties={"email": "a@b.co", "sku": 12, "is_new": True, "n": 1}
    )
    assert event_of(plan).types == {"sku": "string", "is_new": "bool", "n": "number"}
    assert event_of(plan).event == "pe123_a"


def test_properties_that_a_definition_lacks_are_left_out_when_none_may_be_created(new_planner: Any) -> None:
    from hubwire.destination import Mapping

    planner = new_planner(mapping=Mapping(create_event_definitions=False))
    planner.schema.add_event(EventDefinition("pe123_a", "a", "A", {"sku": "string"}))
    plan = planner.plan(
        "track", userId="1", event="A", properties={"email": "a@b.co", "sku": "x", "n": 1, "revenue": 1}
    )
    assert event_of(plan).properties.keys() == {"sku"}
    assert [field.field for field in plan.left_out] == ["properties.n", "properties.revenue"]


def test_email_is_never_an_event_property(planner: Any) -> None:
    planner.schema.add_event(EventDefinition("pe123_a", "a", "A", {"email": "string"}))
    plan = planner.plan("track", userId="1", event="A", properties={"Email": "a@b.co"})
    assert event_of(plan).properties == {}


def test_long_values_are_allowed_for_addresses() -> None:
    limits = {key: known.limit for key in ("url", "page_referrer", "title") if (known := event_key(key)) is not None}
    assert limits == {"url": 1024, "page_referrer": 1024, "title": 256}


def test_an_invalid_email_of_a_track_is_reported_and_the_memory_used(planner: Any) -> None:
    planner.plan("identify", userId="1", traits={"email": "a@b.co"})
    plan = planner.plan("track", userId="1", event="A", properties={"email": "a at b"})
    assert event_of(plan).email == "a@b.co"
    assert [(field.field, field.reason.value) for field in plan.left_out] == [("properties.email", "invalid-email")]
