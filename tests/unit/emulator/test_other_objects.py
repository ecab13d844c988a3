"""Deals and the other standard types, owners, pipelines, lists, schemas, forms, subscriptions, and older paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubwire.emulator.standard.kinds import STANDARD
from hubwire.testing import Emulator

V3 = "/crm/v3/objects"
LISTS = "/crm/v3/lists"
SCHEMAS = "/crm-object-schemas/2026-09/schemas"
DEAL_CONTACT = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}]
REQUIRED = {
    "hs_timestamp": "2026-11-01T10:00:00Z",
    "hs_expiration_date": "2026-12-01T00:00:00Z",
    "hs_initiated_date": "2026-12-01T00:00:00Z",
    "hs_initial_amount": "5",
}


def create(emulator: Emulator, object_type: str, **properties: str) -> dict[str, Any]:
    body: dict[str, Any] = {"properties": properties}
    if object_type == "leads":
        contact = create(emulator, "contacts", email="lead@ex.org")["id"]
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 578}]
        body["associations"] = [{"to": {"id": contact}, "types": types}]
    answer = emulator.call("POST", f"{V3}/{object_type}", body)
    assert answer.status == 201, answer.body
    return dict(answer.body)


@pytest.mark.parametrize("kind", STANDARD, ids=lambda kind: kind.name)
def test_every_standard_type_answers_to_its_names_and_is_written_and_read(emulator: Emulator, kind: Any) -> None:
    stages = emulator.call("GET", f"/crm/v3/pipelines/{kind.name}").body["results"]
    values = {name: REQUIRED.get(name, "a") for name in kind.required}
    if kind.pipeline and kind.pipeline[1] in values:
        values[kind.pipeline[1]] = stages[0]["stages"][0]["id"]
    values |= {"contacts": {"email": "a@ex.org"}, "companies": {"name": "A"}}.get(kind.name, {})
    number = create(emulator, kind.name, **values)["id"]
    for name in (kind.type_id, kind.word, kind.name.upper()):
        assert emulator.call("GET", f"{V3}/{name}/{number}").body["id"] == number
    names = {item["name"] for item in emulator.call("GET", f"/crm/v3/properties/{kind.name}").body["results"]}
    assert {"hs_object_id", kind.created, kind.modified, *values} <= names
    assert emulator.call("GET", f"{V3}/contacts?associations={kind.name}").status == 200


def test_a_deal_has_a_stage_of_its_pipeline_and_the_default_pipeline(emulator: Emulator) -> None:
    deal = create(emulator, "deals", dealname="Big", dealstage="qualifiedtobuy")
    assert deal["properties"]["pipeline"] == "default"
    refused = emulator.call("PATCH", f"{V3}/deals/{deal['id']}", {"properties": {"dealstage": "nope"}})
    assert (refused.status, refused.body["errors"][0]["code"]) == (400, "INVALID_OPTION")
    nameless = emulator.call("POST", f"{V3}/deals", {"properties": {"amount": "5"}})
    assert (nameless.status, nameless.body["errors"][0]["code"]) == (400, "MISSING_REQUIRED_PROPERTY")


def test_associations_of_standard_types_have_hubspots_ids(emulator: Emulator) -> None:
    contact = create(emulator, "contacts", firstname="Ada")["id"]
    body = {"properties": {"dealname": "Big"}, "associations": [{"to": {"id": contact}, "types": DEAL_CONTACT}]}
    deal = emulator.call("POST", f"{V3}/deals", body).body["id"]
    answer = emulator.call("PUT", f"/crm/v4/objects/deal/{deal}/associations/default/contact/{contact}")
    assert answer.body["results"][0]["associationSpec"]["associationTypeId"] == 3
    read = emulator.call("GET", f"/crm/v3/objects/contacts/{contact}/associations/deals").body
    assert read["results"] == [{"id": deal, "type": "contact_to_deal"}]


def test_an_event_can_be_a_deals(emulator: Emulator) -> None:
    emulator.seed(event_definitions=[{"name": "won", "label": "Won", "primary_object": "DEAL"}])
    deal = create(emulator, "deals", dealname="Big")["id"]
    definition = {"label": "Lost", "primaryObject": "DEAL", "propertyDefinitions": []}
    name = emulator.call("POST", "/events/v3/event-definitions", definition).body["fullyQualifiedName"]
    emulator.call("POST", "/events/v3/send", {"eventName": name, "objectId": deal, "properties": {}})
    assert [event["contactId"] for event in emulator.events()] == [deal]


def test_owners_by_email_id_and_user(emulator: Emulator) -> None:
    emulator.seed(owners=[{"email": "rep@ex.org", "firstName": "Rep"}])
    (owner,) = emulator.call("GET", "/crm/owners/2026-09?email=rep@ex.org").body["results"]
    by_user = emulator.call("GET", f"/crm/v3/owners/{owner['userId']}?idProperty=userId").body
    assert (owner["id"], by_user["id"], owner["firstName"]) == ("2", "2", "Rep")
    assert emulator.call("GET", "/crm/v3/owners/99").status == 404
    assert emulator.call("GET", "/owners/v2/owners").body[1]["ownerId"] == 2


def test_a_pipeline_of_the_accounts_own(emulator: Emulator) -> None:
    path = "/crm/pipelines/2026-09/deals"
    stage = {"label": "In", "displayOrder": 0, "metadata": {"probability": "1.0"}}
    body = emulator.call("POST", path, {"label": "Own", "displayOrder": 1, "stages": [stage]}).body
    assert body["stages"][0]["metadata"]["isClosed"] == "true"
    values = {"dealname": "Big", "pipeline": body["id"], "dealstage": body["stages"][0]["id"]}
    assert create(emulator, "deals", **values)["properties"]["pipeline"] == body["id"]
    again = emulator.call("POST", path, {"label": "Own", "stages": [stage]})
    assert (again.status, again.body["category"]) == (409, "CONFLICT")
    assert emulator.call("DELETE", f"{path}/{body['id']}").status == 204


def test_a_list_with_members(emulator: Emulator) -> None:
    ada = create(emulator, "contacts", firstname="Ada")["id"]
    body = {"name": "VIPs", "objectTypeId": "0-1", "processingType": "MANUAL"}
    number = emulator.call("POST", LISTS, body).body["list"]["listId"]
    again = emulator.call("POST", LISTS, {**body, "objectTypeId": "0-2"})
    assert (again.status, again.body["subCategory"]) == (400, "ILS.DUPLICATE_LIST_NAMES")
    change = {"recordIdsToAdd": [ada, "9"], "recordIdsToRemove": []}
    answer = emulator.call("PUT", f"{LISTS}/{number}/memberships/add-and-remove", change).body
    assert (answer["recordsIdsAdded"], answer["recordIdsMissing"]) == ([ada], ["9"])
    (member,) = emulator.call("GET", f"{LISTS}/{number}/memberships").body["results"]
    assert member["recordId"] == ada
    by_name = emulator.call("GET", f"{LISTS}/object-type-id/0-1/name/VIPs").body["list"]
    assert (by_name["size"], emulator.call("GET", "/_emulator/lists").body["results"][0]["members"]) == (1, [ada])


def test_a_custom_object_made_and_used_through_the_api(emulator: Emulator) -> None:
    body = {
        "name": "machine",
        "labels": {"singular": "Machine", "plural": "Machines"},
        "properties": [{"name": "serial", "label": "Serial", "hasUniqueValue": True}],
        "requiredProperties": ["serial"],
        "associatedObjects": ["CONTACT"],
    }
    new_body = emulator.call("POST", SCHEMAS, body).body
    assert new_body["fullyQualifiedName"] == "p1234567_machine"
    for name in (new_body["objectTypeId"], new_body["fullyQualifiedName"], "machine"):
        inputs = [{"id": "s1", "idProperty": "serial", "properties": {}}]
        answer = emulator.call("POST", f"{V3}/{name}/batch/upsert", {"inputs": inputs})
        assert answer.status == 200, answer.body
    assert len(emulator.records("machine")) == 1
    assert emulator.call("DELETE", f"{SCHEMAS}/machine").status == 400
    assert Emulator(tier="professional").call("POST", SCHEMAS, body).status == 403


def test_a_schema_gives_back_what_it_was_made_with(tmp_path: Path) -> None:
    body = {
        "name": "machine",
        "labels": {"singular": "Machine", "plural": "Machines"},
        "description": "A machine on a site",
        "properties": [{"name": name, "label": name} for name in ("serial", "site", "maker")],
        "requiredProperties": ["serial"],
        "searchableProperties": ["serial", "site"],
        "primaryDisplayProperty": "site",
        "secondaryDisplayProperties": ["maker"],
    }
    given = {name: value for name, value in body.items() if name not in ("properties", "labels")}
    with Emulator(persistence_path=tmp_path / "portal") as emulator:
        new_body = emulator.call("POST", SCHEMAS, body).body
        assert {name: new_body[name] for name in given} == given
        wrong = emulator.call("PATCH", f"{SCHEMAS}/machine", {"primaryDisplayProperty": "nope"})
        assert (wrong.status, wrong.body["message"]) == (400, "primaryDisplayProperty: the type has no property nope")
        changed = {"primaryDisplayProperty": "maker", "searchableProperties": ["maker"], "description": "Ours"}
        emulator.call("PATCH", f"{SCHEMAS}/machine", changed)
    with Emulator(persistence_path=tmp_path / "portal") as emulator:
        read = emulator.call("GET", f"{SCHEMAS}/machine").body
        assert {name: read[name] for name in given} == {**given, **changed}
        emulator.call("PATCH", f"{SCHEMAS}/machine", {"clearDescription": True})
        assert emulator.call("GET", f"{SCHEMAS}/machine").body["description"] == ""
        emulator.call("DELETE", f"{SCHEMAS}/machine")
    with Emulator(persistence_path=tmp_path / "portal") as emulator:
        assert emulator.call("GET", SCHEMAS).body["results"] == []


def test_a_type_that_is_only_named_can_be_written() -> None:
    emulator = Emulator(custom_objects="machines")
    create(emulator, "machines", name="Press")
    assert emulator.records("machines")[0]["properties"]["name"] == "Press"
    assert emulator.call("GET", f"{SCHEMAS}/machines").body["primaryDisplayProperty"] == "name"


def test_contacts_v1_creates_updates_and_reads_by_email(emulator: Emulator) -> None:
    body = {"properties": [{"property": "firstname", "value": "Ada"}]}
    path = "/contacts/v1/contact/createOrUpdate/email/ada@ex.org"
    first, second = (emulator.call("POST", path, body).body for _ in range(2))
    assert (first["isNew"], second["isNew"], first["vid"] == second["vid"]) == (True, False, True)
    profile = emulator.call("GET", "/contacts/v1/contact/email/ada@ex.org/profile").body
    assert profile["properties"]["firstname"]["value"] == "Ada"
    batch = [{"email": "bob@ex.org", "properties": []}, {"email": "nope", "properties": []}]
    refused = emulator.call("POST", "/contacts/v1/contact/batch/", batch)
    assert (refused.status, refused.body["invalidEmails"], len(emulator.contacts())) == (400, ["nope"], 1)
    assert emulator.call("POST", "/contacts/v1/contact/batch/", batch[:1]).status == 202
    assert len(emulator.call("GET", "/contacts/v1/lists/all/contacts/all").body["contacts"]) == 2


def test_contacts_v1_in_batches_and_by_time(emulator: Emulator) -> None:
    first = create(emulator, "contacts", email="ada@ex.org")["id"]
    emulator.advance(60)
    second = create(emulator, "contacts", email="bob@ex.org")["id"]
    found = emulator.call("GET", f"/contacts/v1/contact/vids/batch?vid={first}&vid=9").body
    assert list(found) == [first]
    page = emulator.call("GET", "/contacts/v1/lists/all/contacts/recent?count=1").body
    assert ([contact["vid"] for contact in page["contacts"]], page["has-more"]) == ([int(second)], True)
    rest = emulator.call("GET", f"/contacts/v1/lists/all/contacts/recent?timeOffset={page['time-offset']}").body
    assert [contact["vid"] for contact in rest["contacts"]] == [int(first)]


def test_an_engagement_is_a_record_of_its_type(emulator: Emulator) -> None:
    contact = create(emulator, "contacts", email="ada@ex.org")["id"]
    body = {
        "engagement": {"type": "NOTE", "ownerId": 1, "timestamp": 1_790_000_000_000},
        "associations": {"contactIds": [int(contact)], "companyIds": [], "ownerIds": []},
        "metadata": {"body": "Called back"},
    }
    new_body = emulator.call("POST", "/engagements/v1/engagements", body).body
    assert (new_body["metadata"], new_body["associations"]["contactIds"]) == ({"body": "Called back"}, [int(contact)])
    (note,) = emulator.records("notes")
    assert (note["properties"]["hs_note_body"], note["id"]) == ("Called back", str(new_body["engagement"]["id"]))
    page = emulator.call("GET", "/engagements/v1/engagements/paged").body
    assert (len(page["results"]), page["hasMore"]) == (1, False)


def test_deals_v1(emulator: Emulator) -> None:
    contact = create(emulator, "contacts", email="ada@ex.org")["id"]
    body = {"properties": [{"name": "dealname", "value": "Big"}], "associations": {"associatedVids": [int(contact)]}}
    new_body = emulator.call("POST", "/deals/v1/deal", body).body
    assert new_body["associations"]["associatedVids"] == [int(contact)]
    (listed,) = emulator.call("GET", "/deals/v1/deal/paged").body["deals"]
    assert (listed["dealId"], listed["properties"]["dealname"]["value"]) == (new_body["dealId"], "Big")
    assert emulator.call("DELETE", f"/deals/v1/deal/{new_body['dealId']}").status == 204
    assert emulator.call("GET", f"/deals/v1/deal/{new_body['dealId']}").status == 404


def test_companies_v2_and_the_older_property_lists(emulator: Emulator) -> None:
    body = {"properties": [{"name": "domain", "value": "acme.test"}]}
    company = emulator.call("POST", "/companies/v2/companies", body).body["companyId"]
    emulator.advance(2)
    found = emulator.call("POST", "/companies/v2/domains/acme.test/companies", {"limit": 2}).body["results"]
    assert [item["companyId"] for item in found] == [company]
    for path in ("/properties/v1/contacts/properties", "/properties/v2/company/properties"):
        definitions = {item["name"]: item for item in emulator.call("GET", path).body}
        assert definitions["hs_object_id"]["readOnlyValue"] is True


def test_a_token_tells_its_hub_and_scopes(emulator: Emulator) -> None:
    path = "/oauth/v2/private-apps/get/access-token-info"
    answer = emulator.call("POST", path, {"tokenKey": "t"}).body
    assert (answer["hubId"], "crm.objects.deals.write" in answer["scopes"]) == (1234567, True)


def test_a_form_makes_a_contact_unless_the_address_is_an_example(emulator: Emulator) -> None:
    for email in ("ada@ex.org", "ada@example.com"):
        form = {"fields": [{"name": "email", "value": email}, {"name": "firstname", "value": "Ada"}]}
        path = "/submissions/v3/integration/submit/1234567/form-1"
        assert emulator.call("POST", path, form, token=None).status == 200
    assert [contact["properties"]["email"] for contact in emulator.contacts()] == ["ada@ex.org"]
    assert len(emulator.call("GET", "/_emulator/submissions").body["results"]) == 2
    bad = emulator.call("POST", path, {"fields": [{"name": "email", "value": "nope"}]}, token=None)
    assert (bad.status, bad.body["errors"][0]["errorType"]) == (400, "INVALID_EMAIL")


def test_an_opt_out_is_taken_back_by_v4_only(emulator: Emulator) -> None:
    body = {"emailAddress": "ada@ex.org", "subscriptionId": "101"}
    assert emulator.call("POST", "/communication-preferences/v3/unsubscribe", body).status == 200
    refused = emulator.call("POST", "/communication-preferences/v3/subscribe", body)
    assert (refused.status, "have unsubscribed" in refused.body["message"]) == (400, True)
    status = {"subscriptionId": 101, "statusState": "SUBSCRIBED", "channel": "EMAIL"}
    answer = emulator.call("POST", "/communication-preferences/v4/statuses/ada@ex.org", status).body
    assert answer["results"][0]["setStatusSuccessReason"] == "RESUBSCRIBE_OCCURRED"
    shown = emulator.call("GET", "/_emulator/subscriptions").body["results"]
    assert shown == {"ada@ex.org": {"101": "SUBSCRIBED"}}


def test_scopes_of_standard_types(emulator: Emulator) -> None:
    limited = Emulator(scopes=frozenset({"tickets", "crm.objects.contacts.write"}))
    ticket = {"properties": {"subject": "Help", "hs_pipeline_stage": "1"}}
    assert limited.call("POST", f"{V3}/tickets", ticket).status == 201
    note = {"properties": {"hs_timestamp": "2026-11-01T10:00:00Z"}}
    assert limited.call("POST", f"{V3}/notes", note).status == 201
    refused = limited.call("POST", f"{V3}/deals", {"properties": {"dealname": "Big"}})
    assert refused.body["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.deals.write"]


def test_everything_outlives_the_process(tmp_path: Any) -> None:
    path = tmp_path / "portal.ndjson"
    options: dict[str, Any] = {"persistence_path": path, "start_at_ms": 1_790_164_800_000}
    with Emulator(**options) as before:
        before.call("POST", LISTS, {"name": "VIPs", "objectTypeId": "0-1", "processingType": "MANUAL"})
        before.call(
            "POST", SCHEMAS, {"name": "machine", "labels": {}, "properties": [{"name": "site", "label": "Site"}]}
        )
        before.call("POST", f"{V3}/machine", {"properties": {"site": "Rome"}})
        before.seed(owners=[{"email": "rep@ex.org"}])
        contact = create(before, "contacts", email="ada@ex.org")["id"]
        before.edit("contacts", contact, {"email": "new@ex.org"})
    with Emulator(**options) as after:
        assert after.records("machine")[0]["properties"]["site"] == "Rome"
        assert after.call("GET", LISTS + "/object-type-id/0-1/name/VIPs").status == 200
        assert len(after.call("GET", "/crm/v3/owners").body["results"]) == 2
        read = after.call("GET", f"{V3}/contacts/{contact}?propertiesWithHistory=email").body
        assert [version["sourceType"] for version in read["propertiesWithHistory"]["email"]] == [
            "CRM_UI",
            "INTEGRATION",
        ]


@pytest.mark.parametrize("route", ["", "/batch/create", "/batch/upsert"])
def test_a_lead_is_made_only_together_with_its_contact(route: str) -> None:
    with Emulator(start_at_ms=1_790_000_000_000) as emulator:
        lead = {"properties": {"hs_lead_name": "L"}}
        bodies = {
            "": lead,
            "/batch/create": {"inputs": [lead]},
            "/batch/upsert": {"inputs": [{**lead, "id": "1", "idProperty": "hs_unique_creation_key"}]},
        }
        answer = emulator.call("POST", f"/crm/objects/2026-09/leads{route}", bodies[route])
        assert answer.status == 400
        assert emulator.records("leads") == []
