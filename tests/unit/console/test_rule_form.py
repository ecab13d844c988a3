"""A rule as a form and back: nothing is lost, labels become names, and each fault has its field."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hubwire.console.parts.marketing_form import MarketingFields
from hubwire.console.parts.rule_form import FormRow, RuleForm, entered, form_of, place_of, rule_of, transforms_of
from hubwire.errors import BadValue
from hubwire.plan.rules.checks import check_rules
from hubwire.rule import Rule
from hubwire.schema import PropertyDefinition

NO_FORM = MarketingFields(form_id="9")
FORM = MarketingFields(form_id="1b2c3d4e-0000-4000-8000-1234567890ab")
KNOWN = {"plan": PropertyDefinition("plan", label="Plan"), "city": PropertyDefinition("city", label="City")}
CONTACT: dict[str, Any] = {"object": "contact", "properties": {"plan": "$.properties.plan"}}
RULES = [
    CONTACT,
    CONTACT | {"trigger": 'type = "identify"', "mode": "update", "only_if_empty": ["plan"], "enabled": False},
    CONTACT | {"trigger": 'event = "Paid"', "default": False, "fallback": {"plan": "free"}, "max": {"plan": 5}},
    CONTACT | {"trigger": 'type = "track" and properties.total > 5', "key": {"user_id": "$.userId"}},
    CONTACT | {"trigger": 'type="track"', "reading": "segment"},
    {"object": "company", "key": {"domain": "$.properties.site"}, "properties": {"name": {"@template": "{{a}} Ltd"}}},
    {"object": "order", "key": {"shop_id": "$.properties.id"}, "properties": {"hs_tax": 1}, "mode": "update"},
    {"object": "2-7", "mode": "create", "properties": {"name": "x"}, "associate": [{"object": "contact"}]},
    {"object": "deal", "key": {"shop_id": {"@template": "{{a}}"}}, "each": [{"list": "$.a", "object": "line_item"}]},
    {"event": "orders", "properties": "$.properties"},
    CONTACT | {"transform": {"id": {"@template": "{{a}}-{{b}}"}}, "properties": {"plan": "$transform.id"}},
    {"event": "orders", "properties": {"cost": 5, "note": "fixed", "all": {"@json": {"mode": "encode", "value": []}}}},
    {"skip": "own staff"},
    {"drop": ["traits.secret"]},
    {"list": "VIP", "create_list": True, "default": False},
    {"list": "$.context.personas.computation_key", "member": "$.properties.vip", "key": {"user_id": "$.userId"}},
    {"list": "7", "member": False, "on": "company", "key": {"domain": "$.properties.site"}, "flag": "is_vip"},
    {"list": {"@template": "A {{event}}"}, "member": {"@if": {"exists": "$.a", "then": True}}},
    {"subscription": "Newsletter", "status": "$.traits.newsletter", "resubscribe": True},
    {"subscription": "all", "status": "unsubscribed"},
    {"subscription": "9", "legal_basis": "CONSENT_WITH_NOTICE", "legal_basis_explanation": "ticked a box"},
    {"subscription": "9", "status": {"@case": {"operator": "lower", "value": "$.a"}}},
    {
        "form": "1b2c3d4e-0000-4000-8000-1234567890ab",
        "fields": {"firstname": "$.properties.name", "company.name": "Acme", "plan": "$person.plan"},
        "legal_consent": {"consent": {"consentToProcess": True, "text": "yes"}},
        "send_ip": True,
    },
]


@pytest.mark.parametrize("fields", RULES, ids=lambda fields: ",".join(fields))
def test_a_rule_survives_the_form(fields: dict[str, Any]) -> None:
    rule = msgspec.convert({"name": "A", "trigger": 'type = "track" and event = "Paid"'} | fields, Rule)
    assert rule_of(form_of(rule), KNOWN) == rule


def test_a_form_of_a_person_is_the_rule_that_they_mean() -> None:
    form = entered(
        {
            "call": ["track"],
            "event": ["Plan Changed"],
            "action": ["contact"],
            "property": ["Plan", "city", ""],
            "kind": ["field", "text", "field"],
            "value": ["properties.plan", "Bonn", ""],
            "is_enabled": ["1"],
            "is_beside_default": ["1"],
        }
    )
    assert rule_of(form, KNOWN) == Rule(
        name="Plan Changed: contact",
        trigger='type = "track" and event = "Plan Changed"',
        object="contact",
        properties={"plan": "$.properties.plan", "city": "Bonn"},
    )


def test_a_text_that_begins_like_a_path_stays_a_text() -> None:
    form = RuleForm(call="track", rows=[FormRow(property="plan", kind="text", value="$.5")])
    assert rule_of(form, KNOWN).properties == {"plan": {"@literal": "$.5"}}


@pytest.mark.parametrize(
    ("form", "place"),
    [
        (RuleForm(call=""), "call"),
        (RuleForm(), "properties"),
        (RuleForm(action="event"), "target"),
        (RuleForm(rows=[FormRow(property="plan")]), "properties.plan"),
        (RuleForm(rows=[FormRow(property="plan", kind="json", value="{")]), "properties.plan"),
        (RuleForm(rows=[FormRow(property="plan", value="x")], more="[]"), "more"),
        (RuleForm(rows=[FormRow(property="plan", value="x")], more='{"skip": "x"}'), "more"),
        (RuleForm(rows=[FormRow(property="plan", value="x")], more='{"nonsense": 1}'), "more"),
        (RuleForm(trigger='event = "A', rows=[FormRow(property="plan", value="x")]), "trigger"),
        (RuleForm(trigger='type = "Track"', rows=[FormRow(property="plan", value="x")]), "trigger"),
        (RuleForm(rows=[FormRow(property="plan", kind="json", value='{"@nope": 1}')]), "properties.plan"),
        (RuleForm(rows=[FormRow(property="Bad Name", value="x")]), "properties"),
        (RuleForm(rows=[FormRow(property="plan", value="x")], only_if_empty="city"), "only_if_empty"),
        (RuleForm(rows=[FormRow(property="plan", value="x")], more='{"transform": {"a": "$transform.a"}}'), "more"),
        (RuleForm(rows=[FormRow(property="plan", value="x")], more='{"transform": {"a": {"@no": 1}}}'), "more"),
        (RuleForm(action="list"), "list_name"),
        (RuleForm(action="list", marketing=MarketingFields(list_name="VIP", member="field")), "member_from"),
        (RuleForm(action="list", marketing=MarketingFields(list_name="x" * 300)), "list_name"),
        (RuleForm(action="subscription"), "subscription"),
        (RuleForm(action="subscription", marketing=MarketingFields(subscription="all")), "subscription"),
        (RuleForm(action="subscription", marketing=MarketingFields(subscription="9", explanation="x")), "legal_basis"),
        (RuleForm(action="form"), "form_id"),
        (
            RuleForm(action="form", marketing=MarketingFields(form_id="9"), rows=[FormRow(property="a", value="b")]),
            "form_id",
        ),
        (RuleForm(action="form", marketing=FORM), "properties"),
        (RuleForm(action="form", marketing=FORM, rows=[FormRow(property="a b", value="b")]), "properties.a b"),
    ],
)
def test_each_fault_has_its_field(form: RuleForm, place: str) -> None:
    with pytest.raises(BadValue) as refused:
        check_rules([rule_of(form, KNOWN)])
    assert place_of(refused.value).startswith(place)


def test_the_field_lists_offer_what_the_rule_computes_first() -> None:
    assert transforms_of(RuleForm(more='{"transform": {"id": "$.a", "plan": "$.b"}}')) == [
        "$transform.id",
        "$transform.plan",
    ]
    assert transforms_of(RuleForm(more="{")) == []
