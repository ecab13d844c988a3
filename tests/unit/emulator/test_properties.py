"""Property definitions and groups beyond the checklist."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.testing import Emulator

PROPERTIES = "/crm/properties/2026-09/contacts"
CONTACTS = "/crm/objects/2026-09/contacts"


def definition(name: str, **changes: Any) -> dict[str, Any]:
    kinds = {"type": "string", "fieldType": "text", "groupName": "contactinformation"}
    return {"name": name, "label": name.title(), **kinds, **changes}


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    emulator.set_limits(property_lag_seconds=0)
    return emulator


def test_fresh_portal_knows_the_properties_a_destination_meets(emulator: Emulator) -> None:
    contacts = {known["name"]: known for known in emulator.call("GET", PROPERTIES).body["results"]}
    assert contacts["email"]["hasUniqueValue"] is False
    assert contacts["createdate"]["modificationMetadata"]["readOnlyValue"] is True
    stages = [option["value"] for option in contacts["lifecyclestage"]["options"]]
    assert stages[:3] == ["subscriber", "lead", "marketingqualifiedlead"]
    companies = {known["name"]: known for known in emulator.properties("companies")}
    assert len(companies["industry"]["options"]) == 147
    assert companies["domain"]["hasUniqueValue"] is False


def test_names_are_lower_cased(emulator: Emulator) -> None:
    answer = emulator.call("POST", PROPERTIES, definition("Plan_Name"))
    assert (answer.status, answer.body["name"]) == (201, "plan_name")
    assert answer.headers["location"] == f"{PROPERTIES}/plan_name"


@pytest.mark.parametrize("name", ["1st", "_x", "with space", "naïve", "dash-ed", "x" * 101, ""])
def test_bad_names_are_refused(emulator: Emulator, name: str) -> None:
    assert emulator.call("POST", PROPERTIES, definition(name)).status == 400


@pytest.mark.parametrize(
    ("value_type", "field_type", "status"),
    [
        ("string", "textarea", 201),
        ("string", "number", 400),
        ("number", "number", 201),
        ("number", "text", 400),
        ("date", "date", 201),
        ("datetime", "text", 400),
        ("bool", "booleancheckbox", 201),
        ("phone_number", "phonenumber", 201),
        ("json", "text", 400),
        ("object_coordinates", "text", 400),
    ],
)
def test_type_and_field_type_must_fit(emulator: Emulator, value_type: str, field_type: str, status: int) -> None:
    answer = emulator.call("POST", PROPERTIES, definition("plan", type=value_type, fieldType=field_type))
    assert answer.status == status


def test_enumeration_needs_options(emulator: Emulator) -> None:
    refused = emulator.call("POST", PROPERTIES, definition("plan", type="enumeration", fieldType="select"))
    assert refused.status == 400


def test_group_must_exist(emulator: Emulator) -> None:
    assert emulator.call("POST", PROPERTIES, definition("plan", groupName="nope")).status == 400


def test_patch_replaces_the_options(emulator: Emulator) -> None:
    options = [{"label": "Pro", "value": "pro", "displayOrder": 0, "hidden": False}]
    emulator.call("POST", PROPERTIES, definition("plan", type="enumeration", fieldType="select", options=options))
    other = [{"label": "Free", "value": "free", "displayOrder": 0, "hidden": False}]
    patched = emulator.call("PATCH", f"{PROPERTIES}/plan", {"options": other}).body
    assert [option["value"] for option in patched["options"]] == ["free"]
    refused = emulator.call("POST", CONTACTS, {"properties": {"email": "a@example.com", "plan": "pro"}})
    assert refused.body["errors"][0]["code"] == "INVALID_OPTION"


@pytest.mark.parametrize("change", [{"name": "other"}, {"hasUniqueValue": True}])
def test_name_and_uniqueness_cannot_be_patched(emulator: Emulator, change: dict[str, Any]) -> None:
    emulator.call("POST", PROPERTIES, definition("plan"))
    assert emulator.call("PATCH", f"{PROPERTIES}/plan", change).status == 400


def test_unique_property_becomes_an_upsert_key(emulator: Emulator) -> None:
    emulator.call("POST", PROPERTIES, definition("customer_id", hasUniqueValue=True))
    input_ = {"id": "c1", "idProperty": "customer_id", "properties": {"email": "ada@example.com"}}
    for is_new in (True, False):
        answer = emulator.call("POST", f"{CONTACTS}/batch/upsert", {"inputs": [input_]})
        assert answer.body["results"][0]["new"] is is_new


def test_at_most_ten_unique_properties(emulator: Emulator) -> None:
    statuses = [
        emulator.call("POST", PROPERTIES, definition(f"key_{number}", hasUniqueValue=True)).status
        for number in range(11)
    ]
    assert statuses == [201] * 10 + [400]


def test_custom_property_limit() -> None:
    emulator = Emulator(custom_property_limit=1)
    assert emulator.call("POST", PROPERTIES, definition("one")).status == 201
    assert emulator.call("POST", PROPERTIES, definition("two")).status == 400


def test_batch_create_makes_what_it_can(emulator: Emulator) -> None:
    inputs = [definition("plan"), definition("email"), definition("1st")]
    answer = emulator.call("POST", f"{PROPERTIES}/batch/create", {"inputs": inputs})
    assert answer.status == 207
    assert [result["name"] for result in answer.body["results"]] == ["plan"]
    assert [error["context"]["name"] for error in answer.body["errors"]] == [["email"], ["1st"]]


def test_batch_read_names_the_missing(emulator: Emulator) -> None:
    answer = emulator.call("POST", f"{PROPERTIES}/batch/read", {"inputs": [{"name": "email"}, {"name": "nope"}]})
    assert (answer.status, len(answer.body["results"])) == (207, 1)
    assert answer.body["errors"][0]["category"] == "OBJECT_NOT_FOUND"


def test_archived_properties_are_listed_apart(emulator: Emulator) -> None:
    for name in ("plan", "seats"):
        emulator.call("POST", PROPERTIES, definition(name))
    assert emulator.call("POST", f"{PROPERTIES}/batch/archive", {"inputs": [{"name": "plan"}]}).status == 204
    assert emulator.call("DELETE", f"{PROPERTIES}/seats").status == 204
    archived = emulator.call("GET", f"{PROPERTIES}?archived=true").body["results"]
    assert {known["name"]: known["archived"] for known in archived} == {"plan": True, "seats": True}
    assert emulator.call("GET", f"{PROPERTIES}/plan").status == 404


def test_hubspots_own_properties_stay(emulator: Emulator) -> None:
    assert emulator.call("DELETE", f"{PROPERTIES}/email").status == 400


def test_a_property_in_use_stays(emulator: Emulator) -> None:
    emulator.call("POST", PROPERTIES, definition("plan"))
    emulator.set_portal(validation={"contacts": {"required": ["plan"]}})
    refused = emulator.call("DELETE", f"{PROPERTIES}/plan")
    assert refused.status == 400
    assert refused.body["subCategory"] == "PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE"


def test_groups_are_made_changed_and_deleted_when_empty(emulator: Emulator) -> None:
    groups = f"{PROPERTIES}/groups"
    assert emulator.call("POST", groups, {"name": "own", "label": "Own"}).status == 201
    again = emulator.call("POST", groups, {"name": "own", "label": "Own"})
    assert (again.status, again.body["category"]) == (409, "OBJECT_ALREADY_EXISTS")
    assert emulator.call("PATCH", f"{groups}/own", {"label": "Our own"}).body["label"] == "Our own"
    emulator.call("POST", PROPERTIES, definition("plan", groupName="own"))
    refused = emulator.call("DELETE", f"{groups}/own")
    assert (refused.status, refused.body["subCategory"]) == (400, "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES")
    emulator.call("DELETE", f"{PROPERTIES}/plan")
    assert emulator.call("DELETE", f"{groups}/own").status == 204
    assert emulator.call("GET", f"{groups}/own").status == 404


@pytest.mark.parametrize("prefix", ["/crm/v3/properties", "/crm/properties/2025-09", "/crm/properties/2026-03"])
def test_every_version_serves_properties(emulator: Emulator, prefix: str) -> None:
    assert emulator.call("POST", f"{prefix}/0-1", definition("plan")).status == 201
    assert emulator.call("GET", f"{prefix}/contacts/plan").status == 200


def test_a_bool_has_true_and_false_as_its_options(emulator: Emulator) -> None:
    definition = {"name": "vip", "label": "VIP", "type": "bool", "fieldType": "booleancheckbox"}
    body = emulator.call(
        "POST", "/crm/properties/2026-09/contacts", {**definition, "groupName": "contactinformation"}
    ).body
    assert [option["value"] for option in body["options"]] == ["true", "false"]
