"""The `transform` of a rule: values that are computed first, for all other values of the rule."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.plan.conftest import message
from tests.unit.plan.test_rule_records import planned

from hubwire.destination import Destination
from hubwire.errors import BadValue
from hubwire.manage.rules.testing import firings
from hubwire.message import JournalRow
from hubwire.operation import SendEvent, UpsertContact, UpsertRecord
from hubwire.plan.rules.checks import check_rules
from hubwire.reasons import Reason
from hubwire.rule import Rule

LINES = [{"sku": "A", "name": "Pen"}, {"sku": "B", "name": "Ink"}]
ORDER = message(
    "track",
    event="Ordered",
    userId="U1",
    properties={"email": "ann@example.test", "shop": "S", "number": 7, "lines": LINES, "plan": "PRO"},
)


def rule(**fields: Any) -> dict[str, Any]:
    return {"name": "R", "trigger": 'event = "Ordered"', "default": False, **fields}


def checked(**fields: Any) -> None:
    check_rules([msgspec.convert(rule(**fields), Rule)])


def test_other_values_take_what_was_computed_first_whatever_its_order() -> None:
    transform = {
        "label": {"@template": "{{$transform.id}} ({{$transform.plan}})"},
        "id": {"@template": "{{properties.shop}}-{{properties.number}}"},
        "plan": {"@case": {"operator": "lower", "value": {"@path": "$.properties.plan"}}},
    }
    values = {"city": "$transform.label", "state": {"@path": "$transform.plan"}, "zip": "$transform.absent_path.deep"}
    [contact] = planned(
        ORDER, rule(object="contact", transform={**transform, "absent_path": "$.nothing"}, properties=values)
    ).operations
    assert isinstance(contact, UpsertContact)
    assert {name: value.value for name, value in contact.properties.items()} == {"city": "S-7 (pro)", "state": "pro"}


def test_keys_lists_and_elements_take_them_too() -> None:
    each = {
        "list": "$transform.lines",
        "object": "line_item",
        "key": {"hubwire_line_id": {"@template": "{{$transform.id}}:{{sku}}"}},
        "properties": {"name": "$.name", "hs_sku": "$transform.id"},
    }
    transform = {"id": {"@template": "{{properties.shop}}{{properties.number}}"}, "lines": "$.properties.lines"}
    plan = planned(
        ORDER,
        rule(
            object="order",
            transform=transform,
            key={"hubwire_order_id": "$transform.id"},
            properties={"hs_order_name": "$transform.id"},
            each=[each],
            max={"hs_order_name": 1},
        ),
    )
    records = [written for written in plan.operations if isinstance(written, UpsertRecord)]
    assert [record.key for record in records] == ["hubwire_order_id:S7", "hubwire_line_id:S7:A", "hubwire_line_id:S7:B"]
    assert [record.properties["hs_sku"].value for record in records[1:]] == ["S7", "S7"]
    assert records[0].properties["hs_order_name"].value == "S"


def test_an_event_takes_an_object_that_was_put_together() -> None:
    together = {"@merge": {"objects": [{"@path": "$.properties"}, {"plan": "free"}], "direction": "right"}}
    plan = planned(ORDER, rule(event="Ordered", transform={"all": together}, properties="$transform.all"))
    event = plan.operations[-1]
    assert isinstance(event, SendEvent)
    assert event.properties["plan"].value == "free"


def test_a_value_that_cannot_be_computed_is_reported_and_leaves_the_rest() -> None:
    transform = {"bad": {"@template": {"@path": "$.properties.number"}}, "good": "$.properties.shop"}
    plan = planned(
        ORDER,
        rule(object="contact", transform=transform, properties={"city": "$transform.bad", "zip": "$transform.good"}),
    )
    assert [(left.field, left.reason) for left in plan.left_out] == [("rule:R.transform.bad", Reason.RULE_FAILED)]
    [contact] = plan.operations
    assert isinstance(contact, UpsertContact)
    assert contact.properties.keys() == {"zip"}


def test_a_rule_does_not_see_the_values_of_another_one() -> None:
    first = rule(object="contact", transform={"x": "$.properties.shop"}, properties={"city": "$transform.x"})
    second = rule(object="contact", properties={"zip": {"@template": "[{{$transform.x}}]"}}) | {"name": "S"}
    [contact] = planned(ORDER, first, second).operations
    assert isinstance(contact, UpsertContact)
    assert (contact.properties["city"].value, contact.properties["zip"].value) == ("S", "[]")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"transform": {"a": "$transform.b", "b": "$transform.a"}}, "take each other: a -> b -> a"),
        ({"transform": {"a": {"@template": "{{$transform.a}}"}}}, "take each other: a -> a"),
        ({"transform": {"total": "$.x"}, "properties": {"city": "$transform.totl"}}, "did you mean total"),
        ({"properties": {"city": "$transform.total"}}, "the rule has no transform; define total in it"),
        ({"transform": {"a": "$.x"}, "properties": {"city": "{{$transform}}"}}, "name one of its values"),
        ({"transform": {"a.b": "$.x"}}, "letters, digits and underscores"),
        ({"transform": {"": "$.x"}}, "letters, digits and underscores"),
        ({"transform": {f"v{number}": "$.x" for number in range(51)}}, "at most 50 values"),
        ({"transform": {"a": {"@foo": 1}}}, "/transform.a has an invalid directive"),
        ({"object": None, "properties": {}, "skip": "staff", "transform": {"a": "$.x"}}, "skips has no transform"),
    ],
    ids=str,
)
def test_faults_of_a_transform_are_refused_when_the_rule_is_saved(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadValue, match=r"^rule 'R': ") as refused:
        checked(**{"object": "contact", "properties": {"city": "x"}, "default": True, **fields})
    assert fault in str(refused.value)


def test_a_test_of_the_rule_shows_what_was_computed() -> None:
    body = b'{"type":"track","event":"Ordered","userId":"U1","properties":{"shop":"S"}}'
    row = JournalRow(1, 1, "m1", 1_768_464_000_000, body, None, False, None)
    transform = {"b": "$transform.a", "a": {"@template": "{{properties.shop}}!"}}
    fields = rule(object="contact", transform=transform, properties={"city": "$transform.b"})
    [firing] = firings(Destination(destination_id=1, name="h", rules=(msgspec.convert(fields, Rule),)), row)
    assert [(field.name, field.value) for field in firing.fields] == [
        ("transform a", "S!"),
        ("transform b", "S!"),
        ("city", "S!"),
    ]
