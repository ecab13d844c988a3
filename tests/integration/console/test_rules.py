"""The rules of a destination by the admin API: listed, added, replaced, moved, switched, removed, tested, audited."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.console.harness import FORM_ID, Console

from hubwire.registry.access import Role
from hubwire.rule import Rule

PATH = "/destinations/HubSpot/rules"
STAGE = {
    "name": "Stage",
    "trigger": 'event = "Plan Changed"',
    "object": "contact",
    "properties": {"lifecyclestage": "$.properties.stage"},
}
STAFF = {"name": "Staff", "trigger": 'traits.email = "boss@example.com"', "skip": "own staff"}
BOUGHT = {"name": "Bought", "trigger": 'event = "Order Completed"', "event": "bought_item"}


@pytest.fixture
def lane_id(console: Console) -> int:
    return console.fill()


def names(console: Console) -> list[str]:
    return [rule["name"] for rule in console.call("GET", PATH).json()["rules"]]


def test_rules_live_from_begin_to_end_and_each_change_is_audited(console: Console, lane_id: int) -> None:
    for body in (STAGE, STAFF):
        assert console.call("POST", PATH, json=body).status_code == 201
    assert console.call("POST", PATH, json={**BOUGHT, "position": 1}).status_code == 201
    assert names(console) == ["Bought", "Stage", "Staff"]
    assert console.call("PATCH", f"{PATH}/Staff", json={"position": 1, "enabled": False}).status_code == 200
    assert names(console) == ["Staff", "Bought", "Stage"]
    renamed = console.call("PUT", f"{PATH}/Bought", json={**BOUGHT, "name": "Orders: all/new", "default": False})
    assert renamed.json()["rules"][1]["default"] is False
    assert console.call("DELETE", f"{PATH}/Orders%3A%20all%2Fnew").status_code == 204
    assert names(console) == ["Staff", "Stage"]
    assert console.call("PUT", PATH, json={"rules": [BOUGHT]}).status_code == 200
    assert names(console) == ["Bought"]
    entries = [entry.detail for entry in console.store.registry.audit(20)]
    assert any('rule Stage null -> {"name":"Stage"' in entry for entry in entries)
    assert any('order of rules ["Bought","Stage","Staff"] -> ["Staff","Bought","Stage"]' in entry for entry in entries)


LIST = {"name": "VIP", "trigger": 'event = "Paid"', "list": "VIP"}
NEWS = {"name": "News", "trigger": 'type = "identify"', "subscription": "newsletter"}
SUBMIT = {
    "name": "Form",
    "trigger": 'event = "Signed Up"',
    "form": FORM_ID,
    "fields": {"firstname": "$.properties.name"},
}


@pytest.mark.parametrize(
    ("rule", "field", "words"),
    [
        (LIST | {"list": "VIPs"}, "list", "Did you mean VIP?"),
        (LIST | {"list": "12", "create_list": True}, "list", "HubSpot has no list '12'"),
        (LIST | {"list": "Everybody"}, "list", "Choose a static list."),
        (LIST | {"list": "Accounts"}, "list", "a list of other records, not of contacts"),
        (NEWS | {"subscription": "Offers"}, "subscription", "It has Newsletter."),
        (SUBMIT | {"form": FORM_ID.replace("1b", "1c")}, "form", "HubSpot has no form"),
        (SUBMIT | {"fields": {"first_name": "x"}}, "properties.first_name", "Did you mean firstname?"),
    ],
)
def test_lists_subscriptions_and_forms_that_hubspot_lacks_are_refused(
    console: Console, lane_id: int, rule: dict[str, Any], field: str, words: str
) -> None:
    answer = console.call("POST", PATH, json=rule)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert words in answer.json()["message"] + answer.json()["hint"]


def test_lists_subscriptions_and_forms_of_the_portal_are_taken(console: Console, lane_id: int) -> None:
    new = LIST | {"name": "New", "list": "Not there yet", "create_list": True}
    for rule in (LIST, new, NEWS, SUBMIT):
        assert console.call("POST", PATH, json=rule).status_code == 201


def test_the_editor_offers_lists_subscriptions_and_the_fields_of_a_form(console: Console, lane_id: int) -> None:
    console.sign_in()

    def page(**values: Any) -> str:
        fields = {"do": "test", "call": "track", "event": "Signed Up", "is_enabled": "1", "is_beside_default": "1"}
        return str(console.post(f"/rules/{lane_id}/edit", **(fields | values)).text)

    assert '<option value="VIP">contacts, id 7</option>' in page(action="list", list_name="VIP")
    assert "Everybody" not in page(action="list", list_name="VIP")
    assert '<option value="Newsletter">1</option>' in page(action="subscription")
    of_form = page(action="form", form_id=FORM_ID)
    assert f'<option value="{FORM_ID}">Sign-up</option>' in of_form
    assert '<option value="company.name">Company</option>' in of_form


def test_the_default_behaviour_is_listed_as_rules(console: Console, lane_id: int) -> None:
    console.call(
        "PATCH", "/destinations/HubSpot", json={"mapping": {"pages_as_events": True, "events": {"Noise": None}}}
    )
    defaults = {rule["name"]: rule for rule in console.call("GET", PATH).json()["defaults"]}
    assert defaults["pages"]["is_enabled"]
    assert not defaults["screens"]["is_enabled"]
    assert "Discarded: Noise." in defaults["events"]["notes"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"properties": {"lifecyclestages": "x"}}, "properties.lifecyclestages", "Did you mean lifecyclestage?"),
        ({"properties": {"createdate": "x"}}, "properties.createdate", "HubSpot sets createdate itself"),
        ({"properties": {"old_plan": "x"}}, "properties.old_plan", "archived"),
        ({"properties": {"lifecyclestage": "Boss"}}, "properties.lifecyclestage", "customer, lead"),
        ({"trigger": 'event = "Plan'}, "rules", "trigger"),
        ({"trigger": 'userId = "a" and userId = "b"'}, "rules", "never true together"),
        ({"mode": "replace"}, "mode", "none of upsert, update, create"),
        ({"propertys": {}}, "propertys", "did you mean `properties`?"),
    ],
)
def test_a_bad_rule_is_refused_with_its_place_and_what_helps(
    console: Console, lane_id: int, change: dict[str, Any], field: str, words: str
) -> None:
    answer = console.call("POST", PATH, json=STAGE | change)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert words in answer.json()["message"] + answer.json()["hint"]
    assert names(console) == []
    assert console.call("POST", PATH, json=STAGE | {"properties": {"x": "y"}, "enabled": False}).status_code == 201


def test_a_second_rule_of_a_name_and_a_rule_that_is_not_there_are_said(console: Console, lane_id: int) -> None:
    assert console.call("POST", PATH, json=STAGE).status_code == 201
    taken = console.call("POST", PATH, json=STAGE).json()
    assert (taken["code"], taken["hint"]) == ("taken", "Enter another name, or change that rule.")
    missing = console.call("PUT", f"{PATH}/Nobody", json=BOUGHT)
    assert (missing.status_code, missing.json()["hint"]) == (404, "Rules: Stage.")


def test_an_unreadable_portal_refuses_no_rule(console: Console, lane_id: int) -> None:
    console.bench.schema_problem = "HubSpot does not answer"
    assert console.call("POST", PATH, json=STAGE | {"properties": {"unknown": "x"}}).status_code == 201


def test_viewers_read_rules_without_addresses_and_only_admins_change_them(console: Console, lane_id: int) -> None:
    console.call("POST", PATH, json=STAFF)
    viewer, operator = console.member("viewer", Role.VIEW), console.member("operator", Role.OPERATE)
    for path in (PATH, "/destinations/HubSpot"):
        seen = console.call("GET", path, token=viewer).text
        assert "b…@e…" in seen
        assert "boss@example.com" not in seen
    assert "boss@example.com" in console.call("GET", PATH, token=operator).text
    for method, path, body in (("POST", PATH, STAGE), ("PUT", PATH, {"rules": []}), ("DELETE", f"{PATH}/Staff", None)):
        assert console.call(method, path, token=operator, json=body).status_code == 403
    assert console.call("POST", f"{PATH}/test", token=viewer, json={"message": {}}).status_code == 403


def test_a_test_shows_which_rules_fire_and_the_origin_of_each_value(console: Console, lane_id: int) -> None:
    console.call("POST", PATH, json=BOUGHT)
    message = {"type": "track", "event": "Plan Changed", "userId": "u1", "properties": {"stage": "Lead"}}
    answer = console.call("POST", f"{PATH}/test", json={"message": message, "rule": STAGE})
    assert answer.status_code == 200, answer.text
    bought, stage = answer.json()["rules"]
    assert (bought["fires"], stage["fires"]) == (False, True)
    assert stage["fields"] == [
        {"name": "lifecyclestage", "origin": "$.properties.stage", "value": "Lead", "problem": ""}
    ]
    assert names(console) == ["Bought"], "a test stores nothing"


def test_a_test_takes_a_stored_message(console: Console, lane_id: int) -> None:
    console.call("POST", PATH, json=STAGE)
    assert console.call("POST", f"{PATH}/test", json={"message_id": "nobody"}).status_code == 404
    assert console.call("POST", f"{PATH}/test", json={}).json()["field"] == "message"
    assert console.store.registry.destinations()[lane_id].rules == (
        Rule(
            name="Stage",
            trigger='event = "Plan Changed"',
            object="contact",
            properties={"lifecyclestage": "$.properties.stage"},
        ),
    )


# -- the pages

FORM = {
    "call": "track",
    "event": "Plan Changed",
    "action": "contact",
    "property": "lifecyclestage",
    "kind": "field",
    "value": "properties.stage",
    "is_enabled": "1",
    "is_beside_default": "1",
    "do": "save",
}


@pytest.fixture
def signed_in(console: Console, lane_id: int) -> Console:
    console.sign_in()
    return console


def test_the_editor_saves_and_shows_the_error_at_its_field(signed_in: Console) -> None:
    wrong = signed_in.post("/rules/1/edit", **{**FORM, "property": "createdate"})
    assert wrong.status_code == 422
    assert 'value="createdate" autocomplete="off" spellcheck="false" aria-invalid="true"' in wrong.text
    assert "HubSpot sets createdate itself" in wrong.text
    assert signed_in.post("/rules/1/edit", **FORM).headers["location"] == "/rules/1?done=saved"
    assert names(signed_in) == ["Plan Changed: contact"]
    renamed = signed_in.post("/rules/1/edit", **{**FORM, "replaces": "Plan Changed: contact", "name": "<b>x</b>"})
    assert renamed.status_code == 303
    page = signed_in.get("/rules/1").text
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page


def test_the_editor_makes_a_rule_of_another_object(signed_in: Console) -> None:
    record = {"action": "record", "event": "Order Completed", "property": "hs_tax", "value": "properties.tax"}
    nameless = signed_in.post("/rules/1/edit", **{**FORM, **record})
    assert (nameless.status_code, "Choose the object type" in nameless.text) == (422, True)
    keyed = {**record, "object": "orders", "key_property": "shop_order_id", "record_key": "properties.order_id"}
    assert signed_in.post("/rules/1/edit", **{**FORM, **keyed}).status_code == 303
    [stored] = signed_in.store.registry.destinations()[1].rules
    assert (stored.object, stored.key) == ("order", {"shop_order_id": "$.properties.order_id"})
    page = signed_in.get("/rules/1/edit", rule=stored.name).text
    assert 'name="key_property" list="properties" value="shop_order_id"' in page


def test_a_preset_is_switched_on_the_page_and_in_the_api(signed_in: Console) -> None:
    assert signed_in.post("/rules/1/preset", name="orders", enabled="yes").status_code == 303
    assert signed_in.store.registry.destinations()[1].presets == ("orders",)
    shown = signed_in.get("/rules/1").text
    assert "orders: Order Refunded" in shown
    assert "<summary>Orders: 12 rules</summary>" in shown
    listed = signed_in.call("GET", PATH).json()
    assert (listed["rules"], listed["preset_rules"][0]["name"]) == ([], "orders: Orders")
    changed = signed_in.call("PATCH", "/destinations/HubSpot", json={"presets": ["deals"]})
    assert changed.json()["destination"]["presets"] == ["deals"]
    assert signed_in.call("PATCH", "/destinations/HubSpot", json={"presets": ["x"]}).status_code == 400
    signed_in.post("/rules/1/preset", name="deals", enabled="no")
    assert signed_in.store.registry.destinations()[1].presets == ()


def test_the_api_sets_the_keys_of_contacts_and_companies(console: Console, lane_id: int) -> None:
    body = {"contact_key": {"user_id": "$.userId"}, "company_key": {"account_id": "$.groupId"}, "defaults": ["events"]}
    changed = console.call("PATCH", "/destinations/HubSpot", json=body).json()["destination"]
    assert {name: changed[name] for name in body} == body
    refused = console.call("PATCH", "/destinations/HubSpot", json={"contact_key": {"a": 1, "b": 2}})
    assert (refused.status_code, refused.json()["field"]) == (400, "contact_key")


def test_a_test_in_the_editor_stores_nothing_and_shows_the_value(signed_in: Console) -> None:
    sample = '{"type": "track", "event": "Plan Changed", "userId": "u1", "properties": {"stage": "Lead"}}'
    shown = signed_in.post("/rules/1/edit", **{**FORM, "do": "test", "sample": sample, "source": "1"})
    assert shown.status_code == 200
    assert ">fires<" in shown.text
    assert "$.properties.stage" in shown.text
    broken = signed_in.post("/rules/1/edit", **{**FORM, "do": "test", "sample": "{", "source": "1"})
    assert (broken.status_code, "This is not JSON" in broken.text) == (200, True)
    assert names(signed_in) == []


def test_rules_are_moved_switched_and_removed_on_the_page(signed_in: Console) -> None:
    for body in (STAGE, STAFF):
        signed_in.call("POST", PATH, json=body)
    signed_in.post("/rules/1/move", name="Staff", position="1")
    assert names(signed_in) == ["Staff", "Stage"]
    signed_in.post("/rules/1/switch", name="Stage", enabled="no")
    assert [rule.enabled for rule in signed_in.store.registry.destinations()[1].rules] == [True, False]
    signed_in.post("/rules/1/remove", name="Staff")
    assert names(signed_in) == ["Stage"]
    assert signed_in.post("/rules/1/remove", name="Staff").status_code == 422


def test_viewers_see_rules_without_addresses_and_no_editor(console: Console, lane_id: int) -> None:
    console.call("POST", PATH, json=STAFF)
    console.sign_in(Role.VIEW)
    page = console.get("/rules").text
    assert "b…@e…" in page
    assert "boss@example.com" not in page + console.get("/rules?format=json").text
    assert console.get("/rules/1/edit").status_code == 403
    console.sign_in(Role.OPERATE)
    assert console.post("/rules/1/edit", **FORM).status_code == 403
