"""HubSpot's own Python client (`hubspot-api-client`, v3 and v4 paths), unmodified, against the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hubwire.testing import Emulator, running_emulator

hubspot = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")

TOKEN = "pat-na1-check"
PORTAL = 1234567


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(access_token=TOKEN, portal_id=PORTAL, creates_companies_from_emails=False) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Any:
    return hubspot.Client.create(access_token=TOKEN, host=emulator.base_url)


def upsert(client: Any, *people: dict[str, Any]) -> Any:
    inputs = [
        {"id": person["email"], "idProperty": "email", "objectWriteTraceId": str(number), "properties": person}
        for number, person in enumerate(people)
    ]
    return client.crm.contacts.batch_api.upsert({"inputs": inputs})


def test_contacts_upsert_read_update_archive(client: Any, emulator: Emulator) -> None:
    first = upsert(client, {"email": "Ada@Example.com", "firstname": "Ada"}, {"email": "bob@example.com"})
    assert {result.properties["email"]: result.new for result in first.results} == {
        "ada@example.com": True,
        "bob@example.com": True,
    }
    again = upsert(client, {"email": "ada@example.com", "city": "London"})
    assert [result.new for result in again.results] == [False]
    ada = client.crm.contacts.basic_api.get_by_id("ADA@example.com", id_property="email", properties=["city"])
    assert ada.properties["city"] == "London"
    client.crm.contacts.basic_api.update(ada.id, {"properties": {"city": "Paris"}})
    read = client.crm.contacts.batch_api.read({"inputs": [{"id": ada.id}], "properties": ["city", "firstname"]})
    assert read.results[0].properties["city"] == "Paris"
    assert read.results[0].properties["firstname"] == "Ada"
    client.crm.contacts.basic_api.archive(ada.id)
    assert [contact["properties"]["email"] for contact in emulator.contacts()] == ["bob@example.com"]


def test_contacts_batch_create_update_page_merge_purge(client: Any, emulator: Emulator) -> None:
    people = [{"properties": {"email": f"p{number}@example.com"}, "associations": []} for number in range(3)]
    created = client.crm.contacts.batch_api.create({"inputs": people})
    ids = sorted(result.id for result in created.results)
    changes = [{"id": record_id, "properties": {"city": "Oslo"}} for record_id in ids]
    assert len(client.crm.contacts.batch_api.update({"inputs": changes}).results) == 3
    assert {contact.id for contact in client.crm.contacts.get_all()} == set(ids)
    merged = client.crm.contacts.basic_api.merge({"primaryObjectId": ids[0], "objectIdToMerge": ids[1]})
    assert merged.id not in ids
    assert client.crm.contacts.basic_api.get_by_id(ids[1]).id == merged.id
    client.crm.contacts.basic_api.purge({"objectId": "p2@example.com", "idProperty": "email"})
    assert [contact["id"] for contact in emulator.contacts()] == [merged.id]


def test_207_names_the_bad_input(client: Any, emulator: Emulator) -> None:
    answer = upsert(client, {"email": "ada@example.com"}, {"email": "bob@example.com", "nope": "x"})
    assert answer.num_errors == 1
    assert answer.errors[0].context == {"objectWriteTraceId": ["1"]}
    assert answer.errors[0].errors[0].code == "PROPERTY_DOESNT_EXIST"
    assert len(emulator.contacts()) == 1


def test_errors_raise_with_status_and_body(client: Any, emulator: Emulator) -> None:
    create = client.crm.contacts.basic_api.create
    create({"properties": {"email": "ada@example.com"}})
    with pytest.raises(hubspot.crm.contacts.ApiException, match="Existing ID: 101") as conflict:
        create({"properties": {"email": "ada@example.com"}})
    assert conflict.value.status == 409
    stranger = hubspot.Client.create(access_token="wrong", host=emulator.base_url)
    with pytest.raises(hubspot.crm.contacts.ApiException, match="INVALID_AUTHENTICATION") as unauthorized:
        stranger.crm.contacts.basic_api.get_page()
    assert unauthorized.value.status == 401


def test_search_sees_a_record_after_the_index_lag(client: Any, emulator: Emulator) -> None:
    client.crm.companies.basic_api.create({"properties": {"name": "Acme", "domain": "acme.example"}})
    condition = {"propertyName": "domain", "operator": "EQ", "value": "acme.example"}
    query = {"filterGroups": [{"filters": [condition]}], "properties": ["name"], "limit": 10}
    assert client.crm.companies.search_api.do_search(query).total == 0
    emulator.advance(3)
    found = client.crm.companies.search_api.do_search(query)
    assert [result.properties["name"] for result in found.results] == ["Acme"]


def test_companies_by_a_unique_property_of_their_own(client: Any, emulator: Emulator) -> None:
    kinds = {"label": "Key", "type": "string", "fieldType": "text", "groupName": "companyinformation"}
    client.crm.properties.core_api.create("companies", {"name": "key", "hasUniqueValue": True, **kinds})
    batch = client.crm.companies.batch_api
    input_ = {"id": "k1", "idProperty": "key", "objectWriteTraceId": "0", "properties": {"name": "Acme"}}
    result = batch.upsert({"inputs": [input_]}).results[0]
    assert (result.new, batch.upsert({"inputs": [input_]}).results[0].new) == (True, False)
    other = batch.create({"inputs": [{"properties": {"name": "Globex"}, "associations": []}]}).results[0]
    batch.update({"inputs": [{"id": other.id, "properties": {"name": "Globex BV"}}]})
    read = {"inputs": [{"id": other.id}], "properties": ["name"], "propertiesWithHistory": ["name"]}
    (shown,) = batch.read(read).results
    assert [entry.value for entry in shown.properties_with_history["name"]] == ["Globex BV", "Globex"]
    merged = client.crm.companies.basic_api.merge({"primaryObjectId": result.id, "objectIdToMerge": other.id})
    assert [company.id for company in client.crm.companies.get_all()] == [merged.id]
    batch.archive({"inputs": [{"id": merged.id}]})
    assert [gone.id for gone in client.crm.companies.basic_api.get_page(archived=True).results] == [merged.id]


def test_an_association_label_of_the_accounts_own(client: Any, emulator: Emulator) -> None:
    contact = client.crm.objects.basic_api.create("contacts", {"properties": {"email": "ada@example.com"}}).id
    company = client.crm.objects.basic_api.create("0-2", {"properties": {"name": "Acme"}}).id
    api = client.crm.associations.v4
    result = api.schema.definitions_api.create("contacts", "companies", {"label": "Owner", "name": "owner"}).results[0]
    spec = {"associationCategory": "USER_DEFINED", "associationTypeId": result.type_id}
    linked = api.basic_api.create("contacts", contact, "companies", company, [spec])
    assert linked.labels == ["Owner"]
    api.schema.definitions_api.update(
        "contacts", "companies", {"associationTypeId": result.type_id, "label": "Founder"}
    )
    (held,) = api.batch_api.get_page("contacts", "companies", {"inputs": [{"id": contact}]}).results
    assert {known.label for known in held.to[0].association_types} == {None, "Founder"}
    pair = {"from": {"id": contact}, "to": {"id": company}}
    api.batch_api.archive_labels("contacts", "companies", {"inputs": [{**pair, "types": [spec]}]})
    assert [link["types"] for link in emulator.associations()] == [[279]]
    api.basic_api.archive("contacts", contact, "companies", company)
    assert emulator.associations() == []


def test_properties_and_groups(client: Any, emulator: Emulator) -> None:
    api = client.crm.properties
    api.groups_api.create("contacts", {"name": "own", "label": "Own"})
    definition = {"label": "Plan", "type": "string", "fieldType": "text", "groupName": "own", "hasUniqueValue": False}
    created = api.core_api.create("contacts", {"name": "plan", **definition})
    assert (created.name, created.group_name) == ("plan", "own")
    emulator.advance(1)
    assert "plan" in {known.name for known in api.core_api.get_all("contacts").results}
    batch = {"inputs": [{"name": "plan_two", **definition}, {"name": "plan", **definition}]}
    answer = api.batch_api.create("contacts", batch)
    assert [result.name for result in answer.results] == ["plan_two"]
    assert answer.errors[0].category == "OBJECT_ALREADY_EXISTS"
    assert api.core_api.update("contacts", "plan", {"label": "The plan"}).label == "The plan"
    names = {"inputs": [{"name": "plan"}, {"name": "plan_three"}], "archived": False}
    both = api.batch_api.read("contacts", names)
    assert ([found.name for found in both.results], both.num_errors) == (["plan"], 1)
    api.batch_api.archive("contacts", {"inputs": [{"name": "plan_two"}]})
    api.core_api.archive("contacts", "plan")
    assert api.groups_api.update("contacts", "own", {"label": "Our own"}).label == "Our own"
    api.groups_api.archive("contacts", "own")
    assert "own" not in {group.name for group in api.groups_api.get_all("contacts").results}
    with pytest.raises(hubspot.crm.properties.ApiException, match="does not exist"):
        api.core_api.get_by_name("contacts", "plan")


def test_associations(client: Any, emulator: Emulator) -> None:
    contact = client.crm.contacts.basic_api.create({"properties": {"email": "ada@example.com"}}).id
    company = client.crm.companies.basic_api.create({"properties": {"name": "Acme"}}).id
    api = client.crm.associations.v4
    api.basic_api.create_default("contacts", contact, "companies", company)
    pair = {"from": {"id": contact}, "to": {"id": company}}
    primary = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}
    api.batch_api.create("contacts", "companies", {"inputs": [{**pair, "types": [primary]}]})
    api.batch_api.create_default("contacts", "companies", {"inputs": [pair]})
    page = api.basic_api.get_page("contacts", contact, "companies")
    assert [str(target.to_object_id) for target in page.results] == [company]
    assert sorted(known.type_id for known in page.results[0].association_types) == [1, 279]
    labels = api.schema.definitions_api.get_all("contacts", "companies")
    assert {known.type_id for known in labels.results} == {1, 279}
    api.batch_api.archive("contacts", "companies", {"inputs": [{"from": {"id": contact}, "to": [{"id": company}]}]})
    assert emulator.associations() == []


def test_events_are_sent_and_read_back(client: Any, emulator: Emulator) -> None:
    client.crm.contacts.basic_api.create({"properties": {"email": "ada@example.com"}})
    emulator.seed(event_definitions=[{"name": "signed_up", "label": "Signed up", "properties": [{"name": "plan"}]}])
    event = {"eventName": f"pe{PORTAL}_signed_up", "email": "ada@example.com", "properties": {"plan": "pro"}}
    client.events.send.basic_api.send({**event, "uuid": "1"})
    client.events.send.batch_api.send({"inputs": [{**event, "uuid": "1"}, {**event, "uuid": "2"}]})
    assert [event["uuid"] for event in emulator.events()] == ["1", "2"]
    page = client.events.events_api.get_page(object_type="contact", object_id=101)
    assert [occurrence.properties for occurrence in page.results] == [{"plan": "pro"}] * 2


def test_oauth_code_refresh_and_introspection(emulator: Emulator) -> None:
    emulator.state.authorization_codes["c0de"] = frozenset({"crm.objects.contacts.read"})
    client = hubspot.Client.create(host=emulator.base_url)
    app = {"client_id": "emulator-client-id", "client_secret": "emulator-client-secret"}
    tokens = client.oauth.tokens_api.create(
        grant_type="authorization_code", code="c0de", redirect_uri="https://example.com/back", **app
    )
    fresh = client.oauth.tokens_api.create(grant_type="refresh_token", refresh_token=tokens.refresh_token, **app)
    assert fresh.expires_in == 1800
    known = client.oauth.access_tokens_api.get(fresh.access_token)
    assert (known.hub_id, known.scopes) == (PORTAL, ["crm.objects.contacts.read"])
    reader = hubspot.Client.create(access_token=fresh.access_token, host=emulator.base_url)
    assert reader.crm.contacts.basic_api.get_page().results == []
    with pytest.raises(hubspot.crm.contacts.ApiException, match="MISSING_SCOPES"):
        reader.crm.contacts.basic_api.create({"properties": {"email": "ada@example.com"}})
    with pytest.raises(hubspot.oauth.ApiException, match="BAD_REFRESH_TOKEN"):
        client.oauth.tokens_api.create(grant_type="refresh_token", refresh_token="wrong", **app)
