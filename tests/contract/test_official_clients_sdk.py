"""HubSpot's new Python SDK (`hubspot-sdk`, pre-release, 2026-03 paths), unmodified, against the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hubwire.testing import Emulator, running_emulator

hubspot_sdk = pytest.importorskip("hubspot_sdk", reason="hubspot-sdk is not installed")

TOKEN = "pat-na1-check"
PORTAL = 1234567


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(access_token=TOKEN, portal_id=PORTAL, creates_companies_from_emails=False) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Any]:
    with hubspot_sdk.HubSpot(access_token=TOKEN, base_url=emulator.base_url, max_retries=0) as hubspot:
        yield hubspot


def upserts(*people: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"id": person["email"], "id_property": "email", "object_write_trace_id": str(number), "properties": person}
        for number, person in enumerate(people)
    ]


def test_contacts_upsert_read_update_delete(client: Any, emulator: Emulator) -> None:
    contacts = client.crm.objects.contacts
    upserted = contacts.batch.upsert(inputs=upserts({"email": "Ada@Example.com", "firstname": "Ada"}))
    assert [(result.properties["email"], result.new) for result in upserted.results] == [("ada@example.com", True)]
    ada = contacts.get("ada@example.com", id_property="email", properties=["firstname"])
    assert ada.properties["firstname"] == "Ada"
    assert contacts.update(ada.id, properties={"city": "Paris"}).properties["city"] == "Paris"
    read = contacts.batch.get(inputs=[{"id": ada.id}], properties=["city"], properties_with_history=["city"])
    assert read.results[0].properties["city"] == "Paris"
    assert [person.id for person in contacts.list()] == [ada.id]
    contacts.delete(ada.id)
    assert emulator.contacts() == []


def test_contacts_create_update_merge_gdpr_delete(client: Any, emulator: Emulator) -> None:
    contacts = client.crm.objects.contacts
    ada = contacts.create(properties={"email": "ada@example.com"}, associations=[])
    people = [{"properties": {"email": "bob@example.com"}, "associations": [], "object_write_trace_id": "0"}]
    bob = contacts.batch.create(inputs=people).results[0]
    assert len(contacts.batch.update(inputs=[{"id": bob.id, "properties": {"city": "Oslo"}}]).results) == 1
    merged = contacts.merge(primary_object_id=ada.id, object_id_to_merge=bob.id)
    assert contacts.get(bob.id).id == merged.id
    contacts.gdpr_delete(object_id="bob@example.com", id_property="email")
    assert emulator.contacts() == []


def test_207_keeps_the_good_inputs(client: Any, emulator: Emulator) -> None:
    people = upserts({"email": "ada@example.com"}, {"email": "bob@example.com", "nope": "x"})
    answer = client.crm.objects.contacts.batch.upsert(inputs=people)
    assert [result.object_write_trace_id for result in answer.results] == ["0"]
    assert answer.to_dict()["errors"][0]["context"] == {"objectWriteTraceId": ["1"]}


def test_errors_raise_by_kind(client: Any, emulator: Emulator) -> None:
    contacts = client.crm.objects.contacts
    contacts.create(properties={"email": "ada@example.com"}, associations=[])
    with pytest.raises(hubspot_sdk.ConflictError, match="Existing ID: 101"):
        contacts.create(properties={"email": "ada@example.com"}, associations=[])
    with pytest.raises(hubspot_sdk.BadRequestError, match="PROPERTY_DOESNT_EXIST"):
        contacts.create(properties={"email": "bob@example.com", "nope": "x"}, associations=[])
    with pytest.raises(hubspot_sdk.NotFoundError):
        contacts.get("999")
    with pytest.raises(hubspot_sdk.AuthenticationError):
        client.with_options(access_token="wrong").crm.objects.contacts.get("101")
    emulator.set_limits(burst=1)
    with pytest.raises(hubspot_sdk.RateLimitError, match="TEN_SECONDLY_ROLLING"):
        contacts.get("101")


def test_a_locked_call_is_repeated_until_it_succeeds(client: Any, emulator: Emulator) -> None:
    emulator.fault(path="*/contacts", status=503, times=1)
    patient = client.with_options(max_retries=1)
    created = patient.crm.objects.contacts.create(properties={"email": "ada@example.com"}, associations=[])
    assert created.id == "101"
    assert emulator.stats()["refused"] == {"503": 1}


def test_a_cut_connection_and_a_hanging_call_reach_the_client(client: Any, emulator: Emulator) -> None:
    emulator.fault(kind="reset", when="after", times=1)
    with pytest.raises(hubspot_sdk.APIConnectionError, match="Connection error"):
        client.crm.objects.contacts.create(properties={"email": "ada@example.com"}, associations=[])
    assert len(emulator.contacts()) == 1
    emulator.fault(kind="hang", times=1)
    with pytest.raises(hubspot_sdk.APITimeoutError):
        client.with_options(timeout=0.2).crm.objects.contacts.get("101")
    assert client.crm.objects.contacts.get("101").id == "101"


def test_search_sees_a_record_after_the_index_lag(client: Any, emulator: Emulator) -> None:
    client.crm.objects.companies.create(properties={"name": "Acme", "domain": "acme.example"}, associations=[])
    condition = {"property_name": "domain", "operator": "IN", "values": ["acme.example"]}
    query = {"filter_groups": [{"filters": [condition]}], "properties": ["name"], "limit": 5, "after": "0", "sorts": []}
    assert client.crm.objects.companies.search(**query).total == 0
    emulator.advance(3)
    assert client.crm.objects.companies.search(**query).results[0].properties["name"] == "Acme"


def test_properties_and_groups(client: Any, emulator: Emulator) -> None:
    properties = client.crm.properties
    properties.groups.create("contacts", name="own", label="Own")
    kinds = {"label": "Plan", "type": "string", "field_type": "text", "group_name": "own"}
    assert properties.create("contacts", name="plan", **kinds).name == "plan"
    emulator.advance(1)
    assert "plan" in {known.name for known in properties.list("contacts").results}
    with pytest.raises(hubspot_sdk.ConflictError, match="PROPERTY_WITH_NAME_EXISTS"):
        properties.create("contacts", name="plan", **kinds)
    created = properties.batch.create("contacts", inputs=[{"name": "plan_two", **kinds}])
    assert [known.name for known in created.results] == ["plan_two"]
    assert properties.update("plan", object_type="contacts", label="The plan").label == "The plan"
    properties.delete("plan", object_type="contacts")
    with pytest.raises(hubspot_sdk.NotFoundError):
        properties.get("plan", object_type="contacts")


def test_associations(client: Any, emulator: Emulator) -> None:
    objects = client.crm.objects
    contact = objects.contacts.create(properties={"email": "ada@example.com"}, associations=[]).id
    company = objects.companies.create(properties={"name": "Acme"}, associations=[]).id
    pair = {"from": {"id": contact}, "to": {"id": company}}
    batch = client.crm.associations.batch
    created = batch.create_default("companies", from_object_type="contacts", inputs=[pair])
    assert created.results[0].association_spec.association_type_id == 279
    primary = {"association_category": "HUBSPOT_DEFINED", "association_type_id": 1}
    batch.create("companies", from_object_type="contacts", inputs=[{**pair, "types": [primary]}])
    page = client.crm.associations.list("companies", object_type="contacts", object_id=contact)
    assert sorted(known.type_id for target in page for known in target.association_types) == [1, 279]
    archive = {"from": {"id": contact}, "to": [{"id": company}]}
    batch.delete("companies", from_object_type="contacts", inputs=[archive])
    assert emulator.associations() == []


def test_event_definitions_and_events(client: Any, emulator: Emulator) -> None:
    client.crm.objects.contacts.create(properties={"email": "ada@example.com"}, associations=[])
    definitions = client.events.definitions
    created = definitions.create(
        label="Signed up",
        include_default_properties=False,
        property_definitions=[{"label": "Plan", "name": "plan", "type": "string"}],
    )
    assert created.fully_qualified_name == f"pe{PORTAL}_signed_up"
    definitions.create_property("signed_up", label="Seats", type="number")
    assert {known.name for known in definitions.get("signed_up").properties} == {"plan", "seats"}
    event = {"event_name": created.fully_qualified_name, "email": "ada@example.com", "properties": {"plan": "pro"}}
    client.events.send.send(**event, uuid="1")
    client.events.send.batch_send(inputs=[{**event, "uuid": "1"}, {**event, "uuid": "2"}])
    assert [sent["uuid"] for sent in emulator.events()] == ["1", "2"]
    read = list(client.events.occurrences.list(object_type="contact", object_id=101))
    assert [occurrence.properties for occurrence in read] == [{"plan": "pro"}] * 2


def test_event_definitions_are_listed_changed_and_deleted(client: Any) -> None:
    definitions = client.events.definitions
    definitions.create(label="Paid", include_default_properties=True, property_definitions=[])
    assert definitions.update("paid", label="Has paid").labels.singular == "Has paid"
    definitions.create_property("paid", label="Total", type="number")
    assert definitions.update_property("total", event_name="paid", label="Sum").label == "Sum"
    definitions.delete_property("total", event_name="paid")
    assert [known.name for known in definitions.list()] == ["paid"]
    definitions.delete("paid")
    with pytest.raises(hubspot_sdk.NotFoundError):
        definitions.get("paid")


def test_account_and_limits(client: Any) -> None:
    account = client.account.get()
    assert (account.portal_id, account.time_zone) == (PORTAL, "UTC")
    limits = client.crm.limits.get_custom_property_limits()
    assert {known.usage for known in limits.by_object_type if known.object_type_id in ("0-1", "0-2")} == {0}
    assert client.crm.limits.get_record_limits().hubspot_defined_object_types[0].usage == 0
    assert client.crm.limits.get_custom_object_type_limits().usage == 0


def test_oauth_code_introspection_and_revocation(client: Any, emulator: Emulator) -> None:
    emulator.state.authorization_codes["c0de"] = frozenset({"crm.objects.contacts.read"})
    app = {"client_id": "emulator-client-id", "client_secret": "emulator-client-secret"}
    exchange = {"grant_type": "authorization_code", "code": "c0de", "redirect_uri": "https://example.com/back"}
    tokens = client.auth.oauth.create_token(**exchange, **app)
    assert tokens.hub_id == PORTAL
    known = client.auth.oauth.introspect_token(token=tokens.access_token, **app)
    assert known.active
    reader = client.with_options(access_token=tokens.access_token)
    with pytest.raises(hubspot_sdk.PermissionDeniedError, match="MISSING_SCOPES"):
        reader.crm.objects.contacts.create(properties={"email": "ada@example.com"}, associations=[])
    client.auth.oauth.revoke_token(token=tokens.refresh_token, **app)
    with pytest.raises(hubspot_sdk.BadRequestError, match="BAD_REFRESH_TOKEN"):
        client.auth.oauth.create_token(grant_type="refresh_token", refresh_token=tokens.refresh_token, **app)
