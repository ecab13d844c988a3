"""Segment's configurations as rules: each part has a verdict, each quirk is said, nothing secret comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubwire.errors import SettingsError
from hubwire.manage.rules.files import read_rules, rules_text
from hubwire.manage.takeover import TakeOver, Verdict, VerdictLine, read_findings, take_over
from hubwire.plan.rules.checks import check_rules
from hubwire.plan.rules.compiling import compile_rule
from hubwire.rule import Rule

FILE = Path(__file__).parents[2] / "takeover_files" / "segment.tf"


@pytest.fixture(scope="module")
def result() -> TakeOver:
    return take_over(read_findings([FILE]))


def line_of(result: TakeOver, start: str) -> VerdictLine:
    return next(line for line in result.lines if line.name.startswith(start))


def rule_of(result: TakeOver, name: str) -> Rule:
    return next(rule for rule in result.rules if rule.name == name)


def taken(tmp_path: Path, **subscription: Any) -> TakeOver:
    """One subscription of the Public API taken over."""
    body = {"id": "s1", "name": "S", "actionSlug": "upsertContact", "destinationId": "d1", "enabled": True}
    path = tmp_path / "api.json"
    path.write_text(json.dumps({"data": {"subscriptions": [{**body, "trigger": 'type = "identify"', **subscription}]}}))
    return take_over(read_findings([path]))


CONTACT = {"email": {"@path": "$.traits.email"}, "city": {"@path": "$.traits.city"}}


def test_each_part_of_an_export_has_its_verdict(result: TakeOver) -> None:
    assert {line.name: str(line.verdict) for line in result.lines} == {
        "No staff": Verdict.TAKEN,
        "No secrets": Verdict.TAKEN,
        "People (upsertContact)": Verdict.TAKEN,
        "Places (upsertContact)": Verdict.TAKEN,
        "Companies (upsertCompany)": Verdict.TAKEN_NEVER_SENT,
        "Orders (sendCustomBehavioralEvent)": Verdict.TAKEN,
        "Visits (customEvent)": Verdict.TAKEN,
        "Known users (upsertObject)": Verdict.TAKEN,
        "Order records (upsertObject)": Verdict.TAKEN,
        "Boats (upsertObject)": Verdict.TAKEN,
        "Everything else (sendCustomBehavioralEvent)": Verdict.TAKEN_OFF,
        "Deals (upsertCustomObjectRecord)": Verdict.TAKEN,
        "HubSpot site": Verdict.TAKEN,
        "Mask": Verdict.NOT_TAKEN,
    }
    assert (result.passed_over, result.secrets, result.load_forms_sdk) == (1, ["HubSpot site"], True)
    assert "do-not-print-me" not in repr(result.lines) + rules_text(result.rules)


def test_named_fields_leave_what_an_empty_text_would_clear(result: TakeOver) -> None:
    assert (rule_of(result, "People").empty, rule_of(result, "People (properties)").empty) == ("leave", "clear")
    assert rule_of(result, "People").key == {"email": "$.traits.email"}


def test_records_of_any_object_are_taken_over_with_their_associations(result: TakeOver) -> None:
    order, boat = rule_of(result, "Order records"), rule_of(result, "Boats")
    assert (order.object, order.mode, list(order.key)) == ("order", "upsert", ["order_id"])
    assert [(other.object, other.create, other.label) for other in order.associate] == [
        ("contact", False, "HUBSPOT_DEFINED:507")
    ]
    assert (boat.object, boat.mode, boat.associate[0].object, boat.associate[0].part) == (
        "p123_boat",
        "create",
        "deal",
        True,
    )
    assert "Hubwire creates only the key" in line_of(result, "Boats").warnings[0]


def test_a_company_is_known_by_segments_own_id(result: TakeOver) -> None:
    company = rule_of(result, "Companies")
    assert list(company.key) == ["segment_group_id"]
    assert (company.mode, company.associate[0].object) == ("update", "contact")
    assert line_of(result, "Companies").reason.startswith("it waits for a contact of the same call")
    assert company.find == ({"domain": "$.traits.website"},)


def test_a_custom_record_is_found_by_its_search_fields(tmp_path: Path) -> None:
    settings = {
        "objectType": "boats",
        "customObjectSearchFields": {"serial": {"@path": "$.properties.serial"}, "name": {"@path": "$.properties.n"}},
        "properties": {"color": "red"},
    }
    found = taken(tmp_path, actionSlug="upsertCustomObjectRecord", settings=settings)
    [rule] = found.rules
    assert (rule.object, rule.key, rule.mode, rule.find) == (
        "boats",
        {},
        "upsert",
        ({"serial": "$.properties.serial"}, {"name": "$.properties.n"}),
    )
    never = taken(
        tmp_path, actionSlug="upsertCustomObjectRecord", settings={**settings, "createNewCustomRecord": False}
    )
    assert never.rules[0].mode == "update"
    check_rules(found.rules)


def test_a_record_without_search_fields_is_made_for_each_message(result: TakeOver) -> None:
    deal = rule_of(result, "Deals")
    assert (deal.object, deal.mode, deal.find) == ("deal", "create", ())


def test_a_trigger_that_the_package_reads_otherwise_keeps_its_reading(result: TakeOver) -> None:
    assert rule_of(result, "Known users").reading == "segment"
    assert "keeps Segment's reading" in line_of(result, "Known users").warnings[0]
    assert rule_of(result, "People").reading == "documented"


def test_what_a_person_should_look_at_is_said(result: TakeOver) -> None:
    known = " ".join(line_of(result, "Known users").warnings)
    assert "no message has 'propeties' at the top" in known
    everything = " ".join(line_of(result, "Everything").warnings)
    assert "its `or` lets every track call through" in everything
    assert "$.properties.email is a literal text in Segment" in everything
    assert rule_of(result, "Everything else").person == {"email": {"@literal": "$.properties.email"}}
    people = " ".join(line_of(result, "People").warnings)
    assert "'Bad Name' is left out" in people
    assert "jobtitle is no field of this action" in people
    assert line_of(result, "Places").warnings == [], "paths inside of a list's items are no fault"


def test_filters_become_rules_that_skip_and_drop(result: TakeOver) -> None:
    assert rule_of(result, "No staff").skip == "No staff"
    assert rule_of(result, "No secrets").drop == ("traits.ssn",)
    assert line_of(result, "No secrets").warnings == ["userId cannot be dropped by a rule and stays"]


def test_the_rules_survive_an_apply_file(result: TakeOver, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("[[destination]]\n" + rules_text(result.rules, {"People": ["a note"]}), encoding="utf-8")
    assert read_rules(path) == result.rules


@pytest.mark.parametrize(
    ("subscription", "verdict", "words"),
    [
        ({"settings": CONTACT}, Verdict.TAKEN, ""),
        ({"settings": CONTACT, "enabled": False}, Verdict.TAKEN_OFF, ""),
        ({"settings": {"city": "x"}}, Verdict.TAKEN_NEVER_SENT, "maps no email"),
        ({"settings": CONTACT, "trigger": "type = 'identify'"}, Verdict.NOT_TAKEN, "can never fire"),
        ({"settings": CONTACT, "trigger": "anonymousId = 1;"}, Verdict.NOT_TAKEN, "Segment could not read its trigger"),
        ({"settings": CONTACT, "trigger": 'event = ""'}, Verdict.NOT_TAKEN, "can never fire"),
        ({"settings": CONTACT | {"properties": {"@path": "$.traits"}}}, Verdict.TAKEN, ""),
        (
            {"settings": CONTACT | {"properties": {"@path": "$.traits"}}, "trigger": 'event = "A"'},
            Verdict.NOT_TAKEN,
            "a rule of a record names each property",
        ),
        ({"settings": CONTACT, "actionSlug": "somethingNew"}, Verdict.NOT_TAKEN, ""),
        (
            {"settings": {"eventName": {"@path": "$.event"}, "email": "x"}, "actionSlug": "sendCustomBehavioralEvent",
             "trigger": 'type = "track"'},
            Verdict.TAKEN_NEVER_SENT,
            "do not begin with pe",
        ),
        (
            {"settings": {"object_details": {"object_type": "a deal", "id_field_name": "x", "id_field_value": "y"}},
             "actionSlug": "upsertObject"},
            Verdict.NOT_TAKEN,
            "'a deal' is no object type of HubSpot",
        ),
        (
            {"settings": {"event_name": "x", "record_details": {"object_type": "ticket"}}, "actionSlug": "customEvent"},
            Verdict.NOT_TAKEN,
            "events of contacts",
        ),
        (
            {"settings": {"event_name": {"@template": "{{event}} v2"}, "record_details": {"object_type": "contact"}},
             "actionSlug": "customEvent", "trigger": 'event = "A"'},
            Verdict.NOT_TAKEN,
            "write one rule for each event",
        ),
        ({"settings": CONTACT | {"city": {"@nope": 1}}}, Verdict.NOT_TAKEN, "invalid directive"),
    ],
)  # fmt: skip
def test_a_subscription_has_a_verdict_and_a_reason(
    tmp_path: Path, subscription: dict[str, Any], verdict: Verdict, words: str
) -> None:
    result = taken(tmp_path, **subscription)
    if subscription.get("actionSlug") == "somethingNew":
        assert (result.lines, result.passed_over) == ([], 1), "another vendor's action is passed over"
        return
    [line] = result.lines
    assert (line.verdict, words in line.reason) == (verdict, True), line
    assert [rule.name for rule in result.rules] == line.rules


def test_an_event_that_the_message_names_is_a_path(tmp_path: Path) -> None:
    details = {"object_type": "contact", "email": {"@path": "$.properties.email"}}
    settings = {"event_name": {"@path": "$.properties.step"}, "record_details": details}
    result = taken(tmp_path, settings=settings, actionSlug="customEvent", trigger='event = "Step Done"')
    assert [line.verdict for line in result.lines] == [Verdict.TAKEN]
    assert [rule.event for rule in result.rules] == ["$.properties.step"]


def test_a_whole_object_is_left_to_the_default_behaviour(tmp_path: Path) -> None:
    result = taken(tmp_path, settings=CONTACT | {"properties": {"@path": "$.traits"}})
    assert (result.defaults, [list(rule.properties) for rule in result.rules]) == ({"contacts"}, [["city"]])


def test_two_subscriptions_that_write_one_property_are_not_both_on(tmp_path: Path) -> None:
    body = {"actionSlug": "upsertContact", "destinationId": "d", "trigger": 'type = "identify"', "settings": CONTACT}
    path = tmp_path / "two.json"
    path.write_text(json.dumps([body | {"name": "A"}, body | {"name": "A"}]))
    result = take_over(read_findings([path]))
    assert [(rule.name, rule.enabled) for rule in result.rules] == [("A", True), ("A 2", False)]
    assert result.lines[1].verdict is Verdict.TAKEN_OFF
    assert "writes city for messages of 'A', too" in result.lines[1].warnings[0]


def test_reverse_etl_says_what_is_not_carried(tmp_path: Path) -> None:
    result = taken(tmp_path, settings=CONTACT, modelId="m1", trigger='event = "new" or event = "updated"')
    assert "the model and the schedule of Reverse ETL are not carried over" in " ".join(result.lines[0].warnings)


def test_settings_that_refer_to_a_variable_are_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text(
        'resource "segment_destination_subscription" "s" {\n  action_id = "v3BPw5E3WcwKH4nngqta2i"\n'
        '  destination_id = var.hub\n  name = "S"\n  trigger = "type = \\"identify\\""\n  settings = var.mapping\n}\n'
    )
    [line] = take_over(read_findings([tmp_path])).lines
    assert (line.verdict, line.reason) == (Verdict.NOT_TAKEN, "the file does not hold its settings")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.tf", 'resource "x" "y" {\n  a = \n}', "not Terraform: line"),
        ("a.json", "{", "not JSON"),
        ("a.yaml", "a: [", "not YAML"),
    ],
)
def test_a_broken_file_is_named_with_its_place(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=words):
        read_findings([tmp_path / name])


def test_the_list_of_an_object_subscription_becomes_a_rule(tmp_path: Path) -> None:
    record = {"object_type": "contact", "id_field_name": "email", "id_field_value": {"@path": "$.traits.email"}}
    mode = {"__segment_internal_sync_mode": "upsert", "object_details": record}
    audience = {**mode, "list_details": {"connected_to_engage_audience": True, "should_create_list": True}}
    [rule] = taken(tmp_path, actionSlug="upsertObject", settings=audience).rules
    assert (rule.list, rule.on, rule.create_list) == ("$.context.personas.computation_key", "contact", True)
    filled = compile_rule(rule).marketing
    message = {"type": "identify", "traits": {"vip": False}, "context": {"personas": {"computation_key": "vip"}}}
    assert {name: fill(message) for name, fill in filled.items()} == {"list": "vip", "member": False}
    check_rules([rule])

    named = {**mode, "properties": {"city": "Rome"}, "list_details": {"list_name": "VIP", "list_action": False}}
    _, rule = taken(tmp_path, actionSlug="upsertObject", settings=named).rules
    assert (rule.list, rule.member, rule.create_list) == ("VIP", False, False)
    check_rules([rule])

    idle = {**mode, "properties": {"city": "Rome"}, "list_details": {"list_name": "VIP"}}
    found = taken(tmp_path, actionSlug="upsertObject", settings=idle)
    assert len(found.rules) == 1
    assert "list_action is not set" in found.lines[0].reason
