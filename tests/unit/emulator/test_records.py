"""CRM records: single and batch calls beyond the checklist."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from hubwire.testing import CustomObject, Emulator

CONTACTS = "/crm/objects/2026-09/contacts"
COMPANIES = "/crm/objects/2026-09/companies"


def create(emulator: Emulator, path: str = CONTACTS, **properties: str) -> dict[str, Any]:
    answer = emulator.call("POST", path, {"properties": properties})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def codes(answer_body: dict[str, Any]) -> list[str]:
    return [error["code"] for error in answer_body["errors"]]


def test_created_contact_carries_what_hubspot_fills_in(emulator: Emulator) -> None:
    properties = create(emulator, email="ada@example.com")["properties"]
    assert properties["lifecyclestage"] == "lead"
    assert properties["hs_email_domain"] == "example.com"
    assert properties["createdate"] == "2026-09-23T12:00:00.000Z"
    assert properties["hs_object_id"] == "101"
    assert properties["hs_pipeline"] == "contacts-lifecycle-pipeline"


def test_contact_needs_an_email_or_a_name_and_a_company_a_name_or_a_domain(emulator: Emulator) -> None:
    for path, properties in ((CONTACTS, {"city": "Paris"}), (COMPANIES, {"city": "Paris"})):
        refused = emulator.call("POST", path, {"properties": properties})
        assert refused.status == 400
        assert set(codes(refused.body)) == {"MISSING_REQUIRED_PROPERTY"}
    emulator.set_portal(requires_identifying_property=False)
    assert create(emulator, city="Paris")["id"]


def test_company_website_is_filled_from_its_domain(emulator: Emulator) -> None:
    assert create(emulator, COMPANIES, domain="acme.example")["properties"]["website"] == "acme.example"


def test_companies_are_never_matched_by_domain(emulator: Emulator) -> None:
    create(emulator, COMPANIES, domain="acme.example")
    create(emulator, COMPANIES, domain="acme.example")
    assert len(emulator.companies()) == 2


def test_company_upsert_by_an_own_unique_property(emulator: Emulator) -> None:
    emulator.seed(properties={"companies": [{"name": "group_id", "hasUniqueValue": True}]})
    input_ = {"id": "g1", "idProperty": "group_id", "properties": {"name": "Acme"}}
    first = emulator.call("POST", f"{COMPANIES}/batch/upsert", {"inputs": [input_]}).body["results"][0]
    second = emulator.call("POST", f"{COMPANIES}/batch/upsert", {"inputs": [input_]}).body["results"][0]
    assert (first["new"], second["new"], first["id"] == second["id"]) == (True, False, True)
    assert emulator.companies()[0]["properties"]["group_id"] == "g1"


def test_unique_value_of_another_record_is_refused_with_a_code_in_the_older_reading(emulator: Emulator) -> None:
    emulator.set_portal(readings=["unique-conflict-listed"])
    emulator.seed(properties={"companies": [{"name": "group_id", "hasUniqueValue": True}]})
    create(emulator, COMPANIES, name="Acme", group_id="g1")
    other = create(emulator, COMPANIES, name="Globex", group_id="g2")["id"]
    refused = emulator.call("PATCH", f"{COMPANIES}/{other}", {"properties": {"group_id": "g1"}})
    assert codes(refused.body) == ["CONFLICTING_UNIQUE_VALUE"]
    inputs = [{"properties": {"name": name, "group_id": "g3"}, "objectWriteTraceId": name} for name in ("A", "B")]
    answer = emulator.call("POST", f"{COMPANIES}/batch/create", {"inputs": inputs})
    assert [error["context"]["objectWriteTraceId"] for error in answer.body["errors"]] == [["B"]]


def test_a_freed_unique_value_can_be_taken(emulator: Emulator) -> None:
    record = create(emulator, email="ada@example.com")["id"]
    emulator.call("PATCH", f"{CONTACTS}/{record}", {"properties": {"email": "ada@new.example"}})
    assert create(emulator, email="ada@example.com")["id"] != record


def test_two_new_contacts_of_one_address_in_a_batch(emulator: Emulator) -> None:
    inputs = [{"properties": {"email": "ada@example.com"}, "objectWriteTraceId": trace} for trace in ("0", "1")]
    answer = emulator.call("POST", f"{CONTACTS}/batch/create", {"inputs": inputs})
    assert (answer.status, len(answer.body["results"])) == (207, 1)
    assert answer.body["errors"][0]["message"] == "Contact already exists"


def test_batch_update_names_unknown_ids(emulator: Emulator) -> None:
    record = create(emulator, email="ada@example.com")["id"]
    inputs = [{"id": record, "properties": {"city": "Paris"}}, {"id": "9", "properties": {"city": "Oslo"}}]
    answer = emulator.call("POST", f"{CONTACTS}/batch/update", {"inputs": inputs})
    assert (answer.status, answer.body["errors"][0]["category"]) == (207, "OBJECT_NOT_FOUND")
    assert answer.body["errors"][0]["context"] == {"ids": ["9"]}
    assert emulator.contacts()[0]["properties"]["city"] == "Paris"


def test_upsert_by_email_does_not_change_the_email(emulator: Emulator) -> None:
    create(emulator, email="ada@example.com")
    input_ = {"id": "ada@example.com", "idProperty": "email", "properties": {"email": "eve@example.com"}}
    emulator.call("POST", f"{CONTACTS}/batch/upsert", {"inputs": [input_]})
    assert emulator.contacts()[0]["properties"]["email"] == "ada@example.com"


def test_upsert_without_id_property_is_refused(emulator: Emulator) -> None:
    answer = emulator.call("POST", f"{CONTACTS}/batch/upsert", {"inputs": [{"id": "101", "properties": {}}]})
    assert answer.status == 400


def test_numbers_and_booleans_are_taken_as_text(emulator: Emulator) -> None:
    body = {"properties": {"name": "Acme", "annualrevenue": 12.5, "is_public": True, "city": None}}
    emulator.call("POST", COMPANIES, body)
    properties = emulator.companies()[0]["properties"]
    assert (properties["annualrevenue"], properties["is_public"]) == ("12.5", "true")
    assert "city" not in properties


def test_read_gives_null_for_known_properties_without_value_and_leaves_out_unknown_ones(emulator: Emulator) -> None:
    record = create(emulator, email="ada@example.com")["id"]
    read = emulator.call("GET", f"{CONTACTS}/{record}?properties=city,email&properties=nope").body["properties"]
    assert (read["city"], read["email"], "nope" in read) == (None, "ada@example.com", False)
    assert {"createdate", "lastmodifieddate", "hs_object_id"} <= set(read)


def test_history_is_newest_first(emulator: Emulator) -> None:
    record = create(emulator, email="ada@example.com", city="Paris")["id"]
    emulator.advance(60)
    emulator.call("PATCH", f"{CONTACTS}/{record}", {"properties": {"city": "Oslo"}})
    shown = emulator.call("GET", f"{CONTACTS}/{record}?propertiesWithHistory=city,email").body["propertiesWithHistory"]
    assert [entry["value"] for entry in shown["city"]] == ["Oslo", "Paris"]
    assert shown["city"][0]["timestamp"] == "2026-09-23T12:01:00.000Z"
    assert [entry["value"] for entry in shown["email"]] == ["ada@example.com"]


def test_pages_of_records(emulator: Emulator) -> None:
    for number in range(5):
        create(emulator, email=f"p{number}@example.com")
    seen: list[str] = []
    after = ""
    for _ in range(3):
        page = emulator.call("GET", f"{CONTACTS}?limit=2&after={after}").body
        seen += [record["id"] for record in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after", "")
    assert (seen, after) == (["101", "102", "103", "104", "105"], "")
    assert emulator.call("GET", f"{CONTACTS}?limit=101").status == 400


def test_archived_records_are_out_of_sight_but_listed_as_archived(emulator: Emulator) -> None:
    record = create(emulator, email="ada@example.com")["id"]
    assert emulator.call("DELETE", f"{CONTACTS}/{record}").status == 204
    assert emulator.call("GET", f"{CONTACTS}/{record}").status == 404
    archived = emulator.call("GET", f"{CONTACTS}/{record}?archived=true").body
    assert (archived["archived"], "archivedAt" in archived) == (True, True)
    assert emulator.call("GET", f"{CONTACTS}?archived=true").body["results"][0]["id"] == record
    assert emulator.call("DELETE", f"{CONTACTS}/{record}").status == 204
    assert create(emulator, email="ada@example.com")["id"] != record


def test_batch_archive_passes_over_unknown_ids(emulator: Emulator) -> None:
    record = create(emulator, email="ada@example.com")["id"]
    inputs = [{"id": record}, {"id": "9"}]
    assert emulator.call("POST", f"{CONTACTS}/batch/archive", {"inputs": inputs}).status == 204
    assert emulator.contacts() == []


def test_privacy_delete_blocks_the_address(emulator: Emulator) -> None:
    create(emulator, email="ada@example.com")
    body = {"objectId": "ada@example.com", "idProperty": "email"}
    assert emulator.call("POST", f"{CONTACTS}/gdpr-delete", body).status == 204
    assert emulator.contacts() == []
    assert emulator.call("POST", CONTACTS, {"properties": {"email": "ada@example.com"}}).status == 400
    unknown = {"objectId": "eve@example.com", "idProperty": "email"}
    assert emulator.call("POST", f"{CONTACTS}/gdpr-delete", unknown).status == 204
    assert emulator.call("POST", CONTACTS, {"properties": {"email": "eve@example.com"}}).status == 400


def test_a_profile_holds_at_most_250_merges(emulator: Emulator) -> None:
    ada, bob = create(emulator, email="ada@example.com")["id"], create(emulator, email="bob@example.com")["id"]
    emulator.state.store("contacts").merge_counts[ada] = 250
    refused = emulator.call("POST", f"{CONTACTS}/merge", {"primaryObjectId": ada, "objectIdToMerge": bob})
    assert refused.status == 414
    assert refused.body["message"] == "Cannot have more than 250 identities on a profile"


def test_merge_hands_over_associations_and_events(emulator: Emulator) -> None:
    emulator.set_portal(creates_companies_from_emails=False)
    ada, bob = create(emulator, email="ada@example.com")["id"], create(emulator, email="bob@example.com")["id"]
    acme, globex = (create(emulator, COMPANIES, name=name)["id"] for name in ("Acme", "Globex"))
    for person, company in ((ada, acme), (bob, globex)):
        primary = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
        emulator.call("PUT", f"{CONTACTS}/{person}/associations/companies/{company}", primary)
    emulator.seed(event_definitions=[{"name": "x", "label": "x"}], events=[{"eventName": "x", "objectId": bob}])
    body = {"primaryObjectId": ada, "objectIdToMerge": bob}
    merged = emulator.call("POST", f"{CONTACTS}/merge", body).body["id"]
    links = {link["to"]["id"]: link["types"] for link in emulator.associations()}
    assert links == {acme: [1, 279], globex: [279]}
    assert {link["from"]["id"] for link in emulator.associations()} == {merged}
    assert emulator.events()[0]["contactId"] == merged


def test_associations_made_along_with_a_record(emulator: Emulator) -> None:
    company = create(emulator, COMPANIES, name="Acme")["id"]
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}
    body = {"properties": {"email": "ada@example.com"}, "associations": [{"to": {"id": company}, "types": [spec]}]}
    contact = emulator.call("POST", CONTACTS, body).body["id"]
    read = emulator.call("GET", f"{CONTACTS}/{contact}?associations=companies").body
    assert read["associations"]["companies"]["results"][0]["id"] == company
    body["associations"] = [{"to": {"id": "9"}, "types": [spec]}]
    assert emulator.call("POST", CONTACTS, {**body, "properties": {"email": "bob@example.com"}}).status == 400
    assert len(emulator.contacts()) == 1


def test_custom_objects_by_configuration() -> None:
    serial = {"name": "serial", "label": "Serial", "hasUniqueValue": True}
    machine = CustomObject("machines", "2-99", properties=(serial, {"name": "site"}), required=("site",))
    emulator = Emulator(custom_objects=(machine,))
    input_ = {"id": "m1", "idProperty": "serial", "properties": {"site": "Oslo"}}
    for name in ("machines", "2-99", "p1234567_machines"):
        answer = emulator.call("POST", f"/crm/objects/2026-09/{name}/batch/upsert", {"inputs": [input_]})
        assert answer.status == 200, answer.body
    assert [record["properties"]["serial"] for record in emulator.records("machines")] == ["m1"]
    refused = emulator.call("POST", "/crm/v3/objects/machines", {"properties": {"serial": "m2"}})
    assert codes(refused.body) == ["MISSING_REQUIRED_PROPERTY"]


@pytest.mark.parametrize("address", ["a b@example.com", "a@b", "a@@b.co", "a@b..co", "@b.co", "a@b.co;c@d.co"])
def test_addresses_that_are_not(emulator: Emulator, address: str) -> None:
    assert codes(emulator.call("POST", CONTACTS, {"properties": {"email": address}}).body) == ["INVALID_EMAIL"]


def test_account_rules_bind_2026_09_and_nothing_older(emulator: Emulator) -> None:
    conditional = {"property": "country", "values": ["NL"], "required": ["zip"]}
    emulator.set_portal(validation={"contacts": {"required": ["firstname"], "conditional": [conditional]}})
    missing = emulator.call("POST", CONTACTS, {"properties": {"email": "ada@example.com"}})
    assert (missing.status, codes(missing.body)) == (400, ["MISSING_REQUIRED_PROPERTY"])
    assert missing.body["message"] == "A value for firstname must be provided"
    dutch = {"email": "ada@example.com", "firstname": "Ada", "country": "NL"}
    refused = emulator.call("POST", CONTACTS, {"properties": dutch})
    assert codes(refused.body) == ["MISSING_CONDITIONAL_REQUIRED_PROPERTY"]
    assert refused.body["message"] == "zip is required because of a conditional property rule based on [country]"
    assert emulator.call("POST", CONTACTS, {"properties": {**dutch, "zip": "1011"}}).status == 201
    older = {"properties": {"email": "bob@example.com"}}
    assert emulator.call("POST", "/crm/objects/2026-03/contacts", older).status == 201


def test_pages_go_by_id_whatever_the_order_of_arrival(emulator: Emulator) -> None:
    for number in (300, 5, 90, 7000):
        emulator.seed(contacts=[{"id": str(number), "properties": {"email": f"p{number}@example.com"}}])
    emulator.call("POST", CONTACTS, {"properties": {"email": "new@example.com"}})
    emulator.call("DELETE", f"{CONTACTS}/90")
    emulator.call("POST", f"{CONTACTS}/gdpr-delete", {"objectId": "300"})
    emulator.seed(contacts=[{"id": "300", "properties": {"email": "again@example.com"}}])
    seen, after = [], ""
    while True:
        page = emulator.call("GET", f"{CONTACTS}?limit=1{after}").body
        seen += [record["id"] for record in page["results"]]
        if "paging" not in page:
            break
        after = f"&after={page['paging']['next']['after']}"
    assert seen == ["5", "300", "7000", "7001"]
    archived = emulator.call("GET", f"{CONTACTS}?archived=true").body["results"]
    assert [record["id"] for record in archived] == ["90"]


@pytest.mark.parametrize(
    ("primaries", "kept"), [((True, True), "20001"), ((False, True), "20002"), ((True, False), "20001")]
)
def test_a_merged_contact_keeps_one_primary_company_its_own_first(
    emulator: Emulator, primaries: tuple[bool, bool], kept: str
) -> None:
    emulator.seed(
        contacts=[{"properties": {"email": "ada@example.com"}}, {"properties": {"email": "bob@example.com"}}],
        companies=[{"properties": {"name": "Acme"}}, {"properties": {"name": "Globex"}}],
        associations=[
            {
                "from": {"type": "contacts", "id": str(101 + number)},
                "to": {"type": "companies", "id": str(20_001 + number)},
                "types": [279, 1] if is_primary else [279],
            }
            for number, is_primary in enumerate(primaries)
        ],
    )
    emulator.call("POST", f"{CONTACTS}/merge", {"primaryObjectId": "101", "objectIdToMerge": "102"})
    links = {link["to"]["id"]: link["types"] for link in emulator.associations()}
    assert {company for company, types in links.items() if 1 in types} == {kept}
    assert set(links) == {"20001", "20002"}


@pytest.mark.parametrize("email", ["a+b@example.com", "a/b@example.com", "a%b@example.com"])
def test_an_address_in_a_path_is_decoded_by_itself(emulator: Emulator, email: str) -> None:
    answer = emulator.call("POST", CONTACTS, {"properties": {"email": email}})
    assert answer.status == 201
    read = emulator.call("GET", f"{CONTACTS}/{quote(email, safe='')}?idProperty=email")
    assert (read.status, read.body["id"]) == (200, answer.body["id"])


def test_the_link_to_the_next_page_keeps_what_was_asked_for(emulator: Emulator) -> None:
    emulator.seed(contacts=[{"properties": {"email": f"p{number}@example.com", "city": "Rome"}} for number in range(3)])
    path, seen = "/crm/v3/objects/contacts?properties=city,email&archived=false&limit=1", []
    while path:
        page = emulator.call("GET", path).body
        seen += [record["properties"]["city"] for record in page["results"]]
        path = page.get("paging", {}).get("next", {}).get("link", "").removeprefix("https://api.hubapi.com")
    assert seen == ["Rome"] * 3
