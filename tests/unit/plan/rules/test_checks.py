"""Rules that cannot do what they say are refused on save, with the rule, the place and what helps."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from hubwire.destination import Destination
from hubwire.errors import BadValue
from hubwire.plan.rules.checks import check_destination, check_rules
from hubwire.rule import Association, Rule

PLAN: dict[str, Any] = {
    "name": "Plan",
    "trigger": 'event = "Plan Changed"',
    "object": "contact",
    "properties": {"plan": "$.properties.plan"},
}


def rule(**changes: Any) -> Rule:
    fields = {name: value for name, value in {**PLAN, **changes}.items() if value is not None}
    return msgspec.convert(fields, Rule)


def refusal(*rules: Rule) -> str:
    with pytest.raises(BadValue) as refused:
        check_rules(rules)
    assert refused.value.field == "rules"
    return str(refused.value)


def test_rules_that_do_what_they_say_are_taken() -> None:
    check_rules(
        [
            rule(),
            rule(name="Group", trigger='type = "group"', object="company", properties={"seats": 5}),
            rule(name="Site", object="company", key={"domain": "$.properties.site"}, properties={"seats": 5}),
            rule(name="Event", object=None, event="orders_v2", properties="$.properties"),
            rule(name="Staff", object=None, properties=None, skip="staff", trigger='traits.email match "*@own.com"'),
            rule(name="Less", object=None, properties=None, drop=["traits.ssn"], keep={"properties": ["plan"]}),
            rule(name="Cookie", object=None, event="x", person={"utk": "$.context.utk", "id": "$.properties.id"}),
            rule(
                name="By id",
                key={"user_id": "$.userId"},
                properties={"email": "$.traits.email", "plan": "$.properties.plan"},
                mode="update",
                only_if_empty=["plan"],
                fallback={"plan": "free"},
                max={"plan": 20},
                add_options=True,
                associate=[{"object": "company", "key": {"domain": "$.properties.site"}, "primary": True}],
            ),
            rule(name="Off", trigger='event = "Plan Changed"', enabled=False),
            rule(
                name="Found",
                key={"user_id": "$.userId"},
                find=[{"phone": "$.properties.phone"}],
                properties={"city": "x"},
            ),
            rule(name="Deal", object="deal", find=[{"dealname": "$.properties.deal"}], properties={"amount": 5}),
            rule(name="Matched", object=None, event="x", properties={}, person={"match": {"user_id": "$.userId"}}),
        ]
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"trigger": 'event = "A'}, "rule 'Plan': trigger: line 1, column 9: expected the \" that closes the text"),
        ({"trigger": "event = 'A'"}, 'For the documented meaning write `event = "A"`.'),
        ({"trigger": 'type = "Track"'}, "can never fire"),
        ({"trigger": 'type = "identify" and event = "A"'}, "can never fire"),
        ({"trigger": 'userId = "a" and userId = "b"'}, 'userId = "a" and userId = "b" are never true together'),
        ({"trigger": "properties.a > 5 and properties.a < 5"}, "never true together; join them with `or`"),
        ({"trigger": 'properties.a = null and properties.a = "x"'}, "can never fire"),
        ({"trigger": 'properties.a = "5" and properties.a > 3'}, "can never fire"),
        ({"trigger": 'type = "Track"'}, "types are identify, track, page"),
        ({"properties": {"plan": {"@liquid": "x" * 1001}}}, "properties/plan: @liquid: a template has at most 1,000"),
        ({"key": {"user_id": ""}}, "key user_id: no record has this value; give a path"),
        ({"key": {"user_id": True}}, "no record has this value"),
        ({"find": [{"phone": "$.a"}]}, "a contact known by its email needs no search"),
        ({"key": {"user_id": "$.a"}, "find": [{"phone": "$.a", "city": "$.b"}]}, "each with its value"),
        ({"key": {"user_id": "$.a"}, "find": [{"user_id": "$.b"}]}, "user_id is the key"),
        ({"key": {"user_id": "$.a"}, "find": [{"phone": "$.a"}, {"phone": "$.b"}]}, "phone stands there twice"),
        ({"key": {"user_id": "$.a"}, "find": [{"phone": {"@pth": 1}}]}, "/find.phone has an invalid directive: @pth."),
        ({"object": None, "event": "x", "find": [{"a": 1}]}, "an event has no find"),
        ({"object": None, "event": "x", "person": {"match": "$.userId"}}, "person.match is one property"),
        (
            {"object": None, "event": "x", "person": {"match": {"User Id": 1}}},
            "person.match 'User Id': not the internal",
        ),
        ({"properties": {"plan": "$person"}}, "name the trait that Hubwire is to remember, such as $person.plan"),
        ({"object": None}, "give one of skip, drop or keep, object, event, list, subscription, and form, not none"),
        ({"event": "x"}, "subscription, and form, not object and event"),
        ({"properties": {}}, "writes no property"),
        ({"properties": "$.properties"}, "only an event takes a path"),
        ({"properties": {"Plan Name": 1}}, "a property is named by its internal name"),
        ({"properties": {"email": "$.traits.email"}}, "the key says which record it is"),
        ({"properties": {"plan": {"@pth": "$.a"}}}, "/plan has an invalid directive: @pth."),
        ({"properties": {"plan": {"@liquid": "{{ a | }} {% if"}}}, "@liquid: "),
        ({"key": {"user_id": "$.userId", "email": "$.traits.email"}}, "by one property, not by user_id and email"),
        ({"key": {"User Id": "$.userId"}}, "key 'User Id': not the internal name of a property"),
        ({"key": {"user_id": "$.userId"}, "properties": {"user_id": 1}}, "the key says which record it is"),
        ({"mode": "create", "only_if_empty": ["plan"]}, 'only_if_empty has no use with mode = "create"'),
        ({"only_if_empty": ["first_plan"]}, "only_if_empty: 'first_plan' is none of its properties"),
        ({"fallback": {"tier": "free"}}, "fallback: 'tier' is none of its properties"),
        ({"fallback": {"plan": {"@pth": "$.a"}}}, "/fallback.plan has an invalid directive: @pth."),
        ({"max": {"plan": 0}}, "max: plan must be from 1 to 65,536"),
        ({"person": {"email": "$.traits.email"}}, "only an event has a person"),
        ({"associate": [{"object": "contact"}]}, "associate: key: name the property that the contact is known by"),
        ({"associate": [{"object": "company"}]}, "associate: only group calls name a company"),
        ({"associate": [{"object": "company", "key": {"domain": "a.co"}, "label": " "}]}, "a label has 1 to 100"),
        ({"object": "an order"}, "object: 'an order' names no object type; give one such as contact, company, order"),
        ({"object": "0-99"}, "object: '0-99' names no object type"),
        ({"object": "order"}, "key: name the property that the order is known by"),
        ({"object": "order", "mode": "update"}, "key: name the property that the order is known by"),
        ({"associate": [{"object": "order"}]}, "associate: key: name the property that the order is known by"),
        ({"associate": [{"object": "product", "key": {"hs_sku": "1"}}]}, "does not associate a product with anything"),
        ({"associate": [{"object": "order", "key": {"n": "1"}, "primary": True}]}, "primary is for a company"),
        (
            {"associate": [{"object": "order", "key": {"n": "1"}, "part": True, "replace": True}]},
            "part takes the assoc",
        ),
        (
            {"each": [{"list": "products", "object": "line_item", "mode": "create"}]},
            "list is the path of a list in the",
        ),
        ({"associate": [{"object": "company", "key": {"domain": "$.d"}, "part": True}]}, "part is not for a contact"),
        ({"each": [{"list": "$.a", "object": "contact", "key": {"email": "$.e"}, "removed": "archive"}]}, "removed ="),
        ({"each": [{"list": "$.a", "object": "line_item"}]}, "each line_item: key: name the property that"),
        ({"each": [{"list": "$.a", "object": "product", "mode": "create"}]}, "does not associate a product"),
        ({"each": [{"list": "$.a", "object": "cart", "key": {"n": {"@pth": "$.b"}}}]}, "/each.cart.key.n has an"),
        (
            {"object": None, "event": "x", "on": "order", "key": {"n": "1"}},
            "on: HubSpot has events of contact",
        ),
        ({"object": None, "event": "x", "on": "deal"}, "key: name the property that the deal is known by"),
        ({"object": None, "event": "x", "on": "company", "person": {"id": "1"}}, "an event of a company has a key"),
        ({"object": None, "event": "x", "mode": "update"}, "an event has no mode"),
        ({"object": None, "event": "x", "key": {"user_id": "$.userId"}}, "is named by email, or by person"),
        ({"object": None, "event": "x", "person": {"phone": "1"}}, "person: 'phone' is none of email, utk, id"),
        ({"object": None, "properties": None, "drop": ["secret"]}, "'secret' is not a field of properties, traits"),
        ({"object": None, "properties": None, "keep": {"context": ["ip"]}}, "'context' is neither properties nor"),
        ({"object": None, "drop": ["traits.ssn"]}, "a rule that takes fields away has no properties"),
        ({"object": "company"}, "only group calls name a company"),
        ({"object": None, "properties": {"a": 1}, "skip": "x"}, "a rule that skips has no properties"),
        ({"object": None, "properties": None, "skip": " "}, "skip says why"),
        ({"name": " "}, "a rule's name has 1 to 100 characters"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_what_helps(changes: dict[str, Any], expected: str) -> None:
    assert expected in refusal(rule(**changes))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"defaults": ("contacts", "tracks")}, "'tracks' is none of contacts, context-traits, companies"),
        ({"contact_key": {"user_id": "$.userId", "b": 1}}, "contact_key is one property with its value"),
        ({"company_key": {"Account": "$.groupId"}}, "company_key is one property with its value"),
        ({"company_key": {"account_id": {"@pth": "$.groupId"}}}, "company_key: /account_id has an invalid directive"),
    ],
)
def test_defaults_and_keys_of_a_destination_are_checked(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadValue) as refused:
        check_destination(Destination(destination_id=1, name="hubspot", **fields))
    assert expected in str(refused.value)


def test_two_rules_of_one_name_are_refused() -> None:
    assert "another rule has this name" in refusal(rule(), rule(trigger='event = "Other"'))


def test_two_rules_that_write_one_property_of_one_message_are_refused_with_that_message() -> None:
    message = refusal(rule(), rule(name="Other", trigger='type = "track" and properties.plan != null'))

    assert "rule 'Other': rule 'Plan' writes the contact property plan, too" in message
    assert re.search(r'both fire for track with event "Plan Changed", properties.plan ', message)


@pytest.mark.parametrize(
    "other",
    [
        {"trigger": 'event = "Another"'},
        {"trigger": 'type = "identify"'},
        {"properties": {"city": "$.properties.city"}},
        {"object": "company", "key": {"domain": "x.test"}},
        {"enabled": False},
        {"trigger": 'event = "Plan Changed" and properties.plan = null', "key": {"email": "$.properties.email"}},
    ],
)
def test_rules_that_never_write_one_property_together_are_taken(other: dict[str, Any]) -> None:
    check_rules([rule(), rule(name="Other", **other)])


def test_too_many_rules_are_refused() -> None:
    rules = [rule(name=f"r{number}", trigger=f'event = "E{number}"') for number in range(201)]

    assert "at most 200 rules, these are 201" in refusal(*rules)


def test_a_field_that_no_rule_has_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="`onlyif`"):
        rule(onlyif=1)


@pytest.mark.parametrize(("given", "name"), [("orders", "order"), ("0-123", "order"), ("Contacts", "contact")])
def test_an_object_type_is_known_by_each_of_its_names(given: str, name: str) -> None:
    assert Rule(name="r", trigger="", object=given).object == name
    assert Association(object=given).object == name


def test_two_rules_that_write_one_property_of_the_same_record_are_refused_for_any_object() -> None:
    order = {"object": "order", "key": {"order_id": "$.properties.order_id"}}
    first = rule(name="First", **order, properties={"hs_tax": "$.properties.tax"})
    second = rule(name="Second", **order, properties={"hs_tax": 0})
    other = rule(name="Other", object="order", key={"order_id": "$.properties.first_id"}, properties={"hs_tax": 0})

    assert "rule 'First' writes the order property hs_tax, too" in refusal(first, second)
    check_rules([first, other])


def test_two_lists_that_write_one_property_of_the_same_records_are_refused() -> None:
    lines = {
        "list": "$.properties.products",
        "object": "line_item",
        "key": {"line": "$.id"},
        "properties": {"price": 1},
    }
    order = {"object": "order", "key": {"order_id": "$.properties.order_id"}, "properties": None}
    first, second = (rule(name=name, **order, each=[lines]) for name in ("First", "Second"))

    assert "rule 'First' writes the line_item property price, too" in refusal(first, second)


GUID = "1b2c3d4e-0000-4000-8000-1234567890ab"
CITY = {"object": "contact", "properties": {"city": "x"}}
DEAL: dict[str, Any] = {"object": "deal", "key": {"deal_id": "$.id"}, "properties": {"dealname": "x"}}
LINES: dict[str, Any] = {
    "list": "$.l",
    "object": "line_item",
    "key": {"line_id": "$.id"},
    "properties": {"name": "$.n"},
}
LIST: dict[str, Any] = {"list": "VIP"}
TYPE: dict[str, Any] = {"subscription": "9"}


@pytest.mark.parametrize("empty", ["", "  ", "\u200b"])
@pytest.mark.parametrize(
    ("place", "with_name"),
    [
        ("name", lambda empty: CITY | {"name": empty}),
        ("trigger", lambda empty: CITY | {"trigger": empty}),
        ("event", lambda empty: {"event": empty}),
        ("object", lambda empty: CITY | {"object": empty}),
        ("property", lambda empty: CITY | {"properties": {empty: "x"}}),
        ("property", lambda empty: {"event": "e", "properties": {empty: "$.x"}}),
        ("key", lambda empty: CITY | {"key": {empty: "$.x"}}),
        ("key email", lambda empty: CITY | {"key": {"email": empty}}),
        ("find", lambda empty: DEAL | {"find": [{empty: "$.x"}]}),
        ("find name", lambda empty: DEAL | {"find": [{"name": empty}]}),
        ("person", lambda empty: {"event": "e", "person": {empty: "$.x"}}),
        ("person.utk", lambda empty: {"event": "e", "person": {"utk": empty}}),
        ("person.match", lambda empty: {"event": "e", "person": {"match": {empty: "$.x"}}}),
        ("on", lambda empty: {"event": "e", "on": empty}),
        ("on", lambda empty: LIST | {"on": empty}),
        ("associate: object", lambda empty: DEAL | {"associate": [{"object": empty}]}),
        ("associate: a label", lambda empty: DEAL | {"associate": [{"object": "contact", "label": empty}]}),
        ("associate: key", lambda empty: DEAL | {"associate": [{"object": "contact", "key": {empty: "x"}}]}),
        ("each line_item: list", lambda empty: DEAL | {"each": [LINES | {"list": empty}]}),
        ("each line_item: property", lambda empty: DEAL | {"each": [LINES | {"properties": {empty: "x"}}]}),
        ("each line_item: a label", lambda empty: DEAL | {"each": [LINES | {"label": empty}]}),
        ("list", lambda empty: {"list": empty}),
        ("flag", lambda empty: LIST | {"flag": empty}),
        ("member", lambda empty: LIST | {"member": empty}),
        ("subscription", lambda empty: {"subscription": empty}),
        ("status", lambda empty: TYPE | {"status": empty}),
        ("legal_basis", lambda empty: TYPE | {"legal_basis": empty, "legal_basis_explanation": "x"}),
        ("legal_basis", lambda empty: TYPE | {"legal_basis": "NON_GDPR", "legal_basis_explanation": empty}),
        ("form", lambda empty: {"form": empty, "fields": {"a": "x"}}),
        ("fields", lambda empty: {"form": GUID, "fields": {empty: "x"}}),
        ("legal_consent", lambda empty: {"form": GUID, "fields": {"a": "x"}, "legal_consent": {empty: {"a": 1}}}),
        ("skip", lambda empty: {"skip": empty}),
        ("drop", lambda empty: {"drop": [empty or "traits."]}),
        ("keep", lambda empty: {"keep": {"properties": [empty]}}),
        ("only_if_empty", lambda empty: CITY | {"only_if_empty": [empty]}),
        ("max", lambda empty: CITY | {"max": {empty: 5}}),
        ("fallback", lambda empty: CITY | {"fallback": {empty: 5}}),
        ("if_portal_has", lambda empty: CITY | {"if_portal_has": [empty]}),
        ("transform", lambda empty: CITY | {"transform": {empty: "$.x"}}),
    ],
)
def test_an_empty_name_is_refused_with_its_place(
    place: str, with_name: Callable[[str], dict[str, Any]], empty: str
) -> None:
    fields = {"name": "R", "trigger": 'type = "group"'} | with_name(empty)
    with pytest.raises(BadValue) as refused:
        check_rules([msgspec.convert(fields, Rule)])
    assert place in str(refused.value).removeprefix("rule 'R': ")[: len(place) + 8]


@pytest.mark.parametrize("field", ["event", "userId", "name"])
def test_a_trigger_for_an_empty_field_never_fires(field: str) -> None:
    trigger = f'{field} = ""'
    with pytest.raises(BadValue, match=f"never fire: {field} is never empty"):
        check_rules([msgspec.convert(CITY | {"name": "R", "trigger": trigger}, Rule)])
