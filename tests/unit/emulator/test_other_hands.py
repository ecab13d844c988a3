"""What people and HubSpot itself do to records: edits with their times, merges, deletions, automatic companies."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.testing import Emulator

CONTACTS = "/crm/objects/2026-09/contacts"
COMPANIES = "/crm/objects/2026-09/companies"
EVENTS = "/events/custom/2026-09"


def create(emulator: Emulator, path: str = CONTACTS, **properties: str) -> str:
    answer = emulator.call("POST", path, {"properties": properties})
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


def history(emulator: Emulator, path: str, record: str, name: str) -> list[tuple[str, str, str]]:
    body = emulator.call("GET", f"{path}/{record}?propertiesWithHistory={name}").body
    versions = body["propertiesWithHistory"][name]
    return [(version["value"], version["timestamp"], version["sourceType"]) for version in versions]


def contact(emulator: Emulator, number: int = 0) -> dict[str, Any]:
    properties: dict[str, Any] = emulator.contacts()[number]["properties"]
    return properties


def test_history_names_who_wrote_each_value_newest_first(emulator: Emulator) -> None:
    rep = create(emulator, email="rep@ex.org", city="Oldtown")
    emulator.advance(60)
    emulator.edit("contacts", rep, {"city": "Newtown"})
    assert history(emulator, CONTACTS, rep, "city") == [
        ("Newtown", "2026-09-23T12:01:00.000Z", "CRM_UI"),
        ("Oldtown", "2026-09-23T12:00:00.000Z", "INTEGRATION"),
    ]


def test_seeded_values_keep_their_source_and_time(emulator: Emulator) -> None:
    emulator.seed(
        contacts=[
            {
                "properties": {"email": "rep@ex.org", "phone": "+1 202 555 0111"},
                "at": "2026-09-20T08:00:00Z",
                "source": {"sourceType": "CRM_UI", "updatedByUserId": 7},
                "propertiesWithHistory": {
                    "city": [
                        {"value": "Newtown", "timestamp": "2026-09-22T08:00:00Z"},
                        {"value": "Oldtown", "timestamp": "2025-01-01T00:00:00Z", "sourceType": "IMPORT"},
                    ]
                },
            }
        ]
    )
    body = {
        "inputs": [{"id": "rep@ex.org"}],
        "idProperty": "email",
        "properties": ["city"],
        "propertiesWithHistory": ["phone", "city", "fax"],
    }
    record = emulator.call("POST", f"{CONTACTS}/batch/read", body).body["results"][0]
    versions = record["propertiesWithHistory"]
    assert record["properties"]["city"] == "Newtown"
    assert versions["phone"] == [
        {
            "value": "+1 202 555 0111",
            "timestamp": "2026-09-20T08:00:00.000Z",
            "sourceType": "CRM_UI",
            "sourceId": "userId:7",
            "updatedByUserId": 7,
        }
    ]
    assert [version["sourceType"] for version in versions["city"]] == ["CRM_UI", "IMPORT"]
    assert versions["fax"] == []


def test_an_edit_cannot_be_older_than_the_value_it_replaces(emulator: Emulator) -> None:
    rep = create(emulator, email="rep@ex.org", city="Oldtown")
    edit = {"type": "contacts", "id": rep, "properties": {"city": "X"}, "at": "2026-09-23T11:00:00Z"}
    assert emulator.call("POST", "/_emulator/edit", edit).body["message"].startswith("at: city has a version")
    emulator.edit("contacts", rep, {"phone": "1"}, at="2026-09-23T11:00:00Z")
    assert history(emulator, CONTACTS, rep, "phone") == [("1", "2026-09-23T11:00:00.000Z", "CRM_UI")]


def test_a_person_moves_a_lifecycle_stage_backwards_and_changes_the_email(emulator: Emulator) -> None:
    rep = create(emulator, email="rep@ex.org", lifecyclestage="customer")
    edited = emulator.edit("contacts", rep, {"lifecyclestage": "lead", "email": "New@ex.org"})
    assert (edited["properties"]["lifecyclestage"], edited["properties"]["email"]) == ("lead", "new@ex.org")
    assert emulator.call("GET", f"{CONTACTS}/rep@ex.org?idProperty=email").status == 404


def test_what_people_do_is_no_api_call(emulator: Emulator) -> None:
    rep = create(emulator, email="rep@ex.org")
    for act, body in (
        ("edit", {"type": "contacts", "id": rep, "properties": {"city": "Newtown"}}),
        ("archive", {"type": "contacts", "id": rep}),
        ("restore", {"type": "contacts", "id": rep}),
    ):
        assert emulator.call("POST", f"/_emulator/{act}", body, token=None).status in (200, 204)
    assert emulator.stats()["total"] == 1
    assert contact(emulator)["city"] == "Newtown"


def test_a_merge_leads_every_address_and_both_ids_to_the_new_record(emulator: Emulator) -> None:
    first, second = create(emulator, email="a@ex.org", city="Rome"), create(emulator, email="b@ex.org", phone="1")
    emulator.advance(10)
    merged = emulator.merge("contacts", first, second)["id"]
    inputs = [{"id": "b@ex.org", "idProperty": "email", "properties": {"fax": "2"}}]
    upserted = emulator.call("POST", f"{CONTACTS}/batch/upsert", {"inputs": inputs}).body["results"][0]
    assert (upserted["id"], upserted["new"]) == (merged, False)
    assert emulator.call("GET", f"{CONTACTS}/{second}").body["id"] == merged
    update = {"inputs": [{"id": first, "properties": {"fax": "3"}}]}
    assert emulator.call("POST", f"{CONTACTS}/batch/update", update).body["errors"][0]["context"] == {"ids": [first]}
    assert history(emulator, CONTACTS, merged, "phone") == [("1", "2026-09-23T12:00:00.000Z", "INTEGRATION")]
    assert contact(emulator)["hs_merged_object_ids"] == f"{first};{second}"


def test_a_merged_company_keeps_both_domains(emulator: Emulator) -> None:
    first = create(emulator, COMPANIES, name="Acme", domain="acme.test")
    second = create(emulator, COMPANIES, name="Acme Ltd", domain="Acme.example")
    emulator.merge("companies", first, second)
    (company,) = emulator.companies()
    assert company["properties"]["domain"] == "acme.test"
    assert company["properties"]["hs_additional_domains"] == "acme.example"
    create(emulator, email="eve@acme.example")
    assert contact(emulator)["associatedcompanyid"] == company["id"]


def test_a_person_deleted_for_privacy_is_gone_and_refused(emulator: Emulator) -> None:
    rep, other = create(emulator, email="rep@ex.org"), create(emulator, email="other@ex.org")
    emulator.seed(event_definitions=[{"name": "x", "label": "x"}])
    emulator.delete_for_privacy(rep)
    read = emulator.call("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": rep}], "properties": []})
    assert (read.status, read.body["errors"][0]["category"]) == (207, "OBJECT_NOT_FOUND")
    inputs: list[dict[str, Any]] = [
        {"id": email, "idProperty": "email", "objectWriteTraceId": email, "properties": {}}
        for email in ("rep@ex.org", "c@ex.org")
    ]
    answer = emulator.call("POST", f"{CONTACTS}/batch/upsert", {"inputs": inputs})
    assert [error["context"]["objectWriteTraceId"] for error in answer.body["errors"]] == [["rep@ex.org"]]
    rename = emulator.call("PATCH", f"{CONTACTS}/{other}", {"properties": {"email": "rep@ex.org"}})
    assert (rename.status, "privacy" in rename.body["message"]) == (400, True)
    event = {"eventName": "pe1234567_x", "email": "rep@ex.org", "properties": {}}
    assert emulator.call("POST", f"{EVENTS}/send", event).status == 204
    assert [lost["lostReason"] for lost in emulator.lost_events()] == ["no contact with this email"]


def test_the_company_of_an_email_domain_is_made_once_and_is_the_primary_one(emulator: Emulator) -> None:
    inputs = [
        {"id": email, "idProperty": "email", "properties": {"city": "Rome"}} for email in ("a@ex.org", "b@ex.org")
    ]
    emulator.call("POST", f"{CONTACTS}/batch/upsert", {"inputs": inputs})
    (company,) = emulator.companies()
    assert (company["properties"]["domain"], company["properties"]["hs_object_source"]) == ("ex.org", "CRM_SETTING")
    assert {link["from"]["id"] for link in emulator.associations()} == {"101", "102"}
    assert all(link["types"] == [1, 279] for link in emulator.associations())
    assert contact(emulator, 1)["associatedcompanyid"] == company["id"]
    assert history(emulator, CONTACTS, "101", "associatedcompanyid")[0][2] == "ASSOCIATIONS"


def test_the_automatic_company_is_behind_in_search(emulator: Emulator) -> None:
    create(emulator, email="a@ex.org")
    by_domain = {"filterGroups": [{"filters": [{"propertyName": "domain", "operator": "EQ", "value": "ex.org"}]}]}
    assert emulator.call("POST", f"{COMPANIES}/search", by_domain).body["total"] == 0
    emulator.advance(2)
    assert emulator.call("POST", f"{COMPANIES}/search", by_domain).body["total"] == 1


@pytest.mark.parametrize("email", ["ada@gmail.com", "ada@web.de"])
def test_free_mail_addresses_make_no_company(emulator: Emulator, email: str) -> None:
    create(emulator, email=email)
    assert emulator.companies() == []


def test_automatic_companies_can_be_switched_off(emulator: Emulator) -> None:
    emulator.set_portal(creates_companies_from_emails=False)
    create(emulator, email="a@ex.org")
    assert (emulator.companies(), emulator.associations()) == ([], [])


def test_a_changed_email_brings_its_company_only_to_a_contact_without_one(emulator: Emulator) -> None:
    free, bound = create(emulator, email="a@gmail.com"), create(emulator, email="b@ex.org")
    for record, email in ((free, "a@new.test"), (bound, "b@new.test")):
        emulator.call("PATCH", f"{CONTACTS}/{record}", {"properties": {"email": email}})
    domains = {company["id"]: company["properties"]["domain"] for company in emulator.companies()}
    assert [domains[contact(emulator, number)["associatedcompanyid"]] for number in (0, 1)] == ["new.test", "ex.org"]


def test_associatedcompanyid_sets_and_follows_the_primary_company(emulator: Emulator) -> None:
    first, second = create(emulator, COMPANIES, name="A"), create(emulator, COMPANIES, name="B")
    ada = create(emulator, firstname="Ada", associatedcompanyid=first)
    assert [link["types"] for link in emulator.associations()] == [[1, 279]]
    primary = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    emulator.call("PUT", f"{CONTACTS}/{ada}/associations/companies/{second}", primary)
    assert contact(emulator)["associatedcompanyid"] == second
    emulator.call("PATCH", f"{CONTACTS}/{ada}", {"properties": {"associatedcompanyid": ""}})
    assert [link["types"] for link in emulator.associations()] == [[279], [279]]
    emulator.call("PATCH", f"{CONTACTS}/{ada}", {"properties": {"associatedcompanyid": first}})
    emulator.call("DELETE", f"{COMPANIES}/{first}")
    assert "associatedcompanyid" not in contact(emulator)
    refused = emulator.call("PATCH", f"{CONTACTS}/{ada}", {"properties": {"associatedcompanyid": "9"}})
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")


def test_a_value_of_another_record_is_refused_in_the_recorded_words(emulator: Emulator) -> None:
    emulator.seed(properties={"contacts": [{"name": "customer_id", "hasUniqueValue": True}]})
    owner = create(emulator, email="a@ex.org", customer_id="c1")
    other = create(emulator, email="b@ex.org")
    renamed = emulator.call("PATCH", f"{CONTACTS}/{other}", {"properties": {"email": "a@ex.org"}})
    assert (renamed.status, renamed.body["message"]) == (
        400,
        "Cannot set PropertyValueCoordinates{portalId=1234567, objectTypeId=ObjectTypeId{legacyObjectType=CONTACT}, "
        f"propertyName=email, value=a@ex.org}} on {other}. {owner} already has that value.",
    )
    assert "errors" not in renamed.body
    new = {"email": "c@ex.org", "customer_id": "c1"}
    inputs = [{"id": "c@ex.org", "idProperty": "email", "objectWriteTraceId": "0", "properties": new}]
    (error,) = emulator.call("POST", f"{CONTACTS}/batch/upsert", {"inputs": inputs}).body["errors"]
    ghost = error["message"].partition(" on ")[2].partition(".")[0]
    assert ("errors" in error, error["message"].endswith(f" on {ghost}. {owner} already has that value.")) == (
        False,
        True,
    )
    assert emulator.call("GET", f"{CONTACTS}/{ghost}").status == 404
    created = emulator.call("POST", CONTACTS, {"properties": {"email": "a@ex.org"}})
    assert (created.status, created.body["message"]) == (409, f"Contact already exists. Existing ID: {owner}")
