"""The emulator's checklist: what HubSpot does that bites, one test for each, named after the rule."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.testing import Answer, Emulator

CONTACTS = "/crm/objects/2026-09/contacts"
COMPANIES = "/crm/objects/2026-09/companies"
SEND = "/events/custom/2026-09/send"
DEFINITIONS = "/events/custom/2026-09/event-definitions"


def upserts(*emails: str, trace: bool = True, properties: dict[str, str] | None = None) -> dict[str, Any]:
    inputs: list[dict[str, Any]] = []
    for number, email in enumerate(emails):
        traced = {"objectWriteTraceId": str(number)} if trace else {}
        inputs.append({"id": email, "idProperty": "email", "properties": properties or {}, **traced})
    return {"inputs": inputs}


def upsert(emulator: Emulator, *emails: str, **properties: str) -> Answer:
    return emulator.call("POST", f"{CONTACTS}/batch/upsert", upserts(*emails, properties=properties))


def contact(emulator: Emulator, **properties: str) -> str:
    record_id: str = emulator.call("POST", CONTACTS, {"properties": properties}).body["id"]
    return record_id


def stored(emulator: Emulator) -> dict[str, Any]:
    (only,) = emulator.contacts()
    properties: dict[str, Any] = only["properties"]
    return properties


def define(emulator: Emulator, name: str = "signed_up") -> None:
    emulator.seed(event_definitions=[{"name": name, "label": name, "properties": [{"name": "plan"}]}])


def test_email_key_is_case_insensitive_and_stored_lower_case(emulator: Emulator) -> None:
    assert upsert(emulator, "Ada@Example.COM").body["results"][0]["new"] is True
    again = upsert(emulator, "ADA@example.com", city="Paris").body["results"][0]
    assert (again["new"], again["properties"]["email"]) == (False, "ada@example.com")
    assert len(emulator.contacts()) == 1


def test_secondary_email_addresses_the_contact_that_owns_it(emulator: Emulator) -> None:
    owner = contact(emulator, email="ada@example.com", hs_additional_emails="ada@old.example;ada@older.example")
    result = upsert(emulator, "ADA@old.example", city="Paris").body["results"][0]
    assert (result["id"], result["new"]) == (owner, False)
    assert stored(emulator)["email"] == "ada@example.com"


@pytest.mark.parametrize(
    ("path", "cap", "entry"),
    [
        (f"{CONTACTS}/batch/upsert", 100, {"id": "{n}@example.com", "idProperty": "email", "properties": {}}),
        (f"{CONTACTS}/batch/create", 100, {"properties": {"email": "{n}@example.com"}}),
        (f"{CONTACTS}/batch/update", 100, {"id": "{n}", "properties": {}}),
        (f"{CONTACTS}/batch/read", 100, {"id": "{n}"}),
        (f"{CONTACTS}/batch/archive", 100, {"id": "{n}"}),
        (f"{SEND}/batch", 500, {"eventName": "pe1234567_signed_up", "email": "a@example.com", "properties": {}}),
        (
            "/crm/associations/2026-09/contacts/companies/batch/associate/default",
            2_000,
            {"from": {"id": "{n}"}, "to": {"id": "1"}},
        ),
        ("/crm/associations/2026-09/contacts/companies/batch/read", 1_000, {"id": "{n}"}),
    ],
)
def test_batch_caps_refuse_one_input_too_many(emulator: Emulator, path: str, cap: int, entry: dict[str, Any]) -> None:
    define(emulator)

    def batch(count: int) -> Answer:
        inputs = [
            {**entry, **({"id": entry["id"].replace("{n}", str(n))} if "id" in entry else {})} for n in range(count)
        ]
        return emulator.call("POST", path, {"inputs": inputs})

    assert batch(cap).status in (200, 201, 204, 207, 409)
    refused = batch(cap + 1)
    assert refused.status == 400
    assert refused.body["message"] == (
        f"The maximum number of inputs supported in a batch is {cap}. Please reduce the number of items and try again"
    )
    assert refused.body["category"] == "VALIDATION_ERROR"


def test_history_reads_are_capped_at_50(emulator: Emulator) -> None:
    inputs = [{"id": str(number)} for number in range(51)]
    refused = emulator.call("POST", f"{CONTACTS}/batch/read", {"inputs": inputs, "propertiesWithHistory": ["city"]})
    assert refused.status == 400
    assert "batch request for property histories is 50" in refused.body["message"]


@pytest.mark.parametrize("trace", [True, False])
def test_duplicate_ids_refuse_the_whole_batch_trace_ids_or_not(emulator: Emulator, trace: bool) -> None:
    batch = upserts("ada@example.com", "bob@example.com", "Ada@Example.com", trace=trace)
    refused = emulator.call("POST", f"{CONTACTS}/batch/upsert", batch)
    assert refused.status == 400
    assert refused.body["message"] == "Duplicate IDs found in batch input: [ada@example.com]. IDs must be unique"
    assert refused.body["context"] == {"ids": ["ada@example.com"]}
    assert emulator.contacts() == []


def test_trace_ids_give_207_and_keep_the_good_inputs(emulator: Emulator) -> None:
    batch = upserts("ada@example.com", "bob@example.com", "cleo@example.com")
    batch["inputs"][1]["properties"] = {"nope": "x"}
    answer = emulator.call("POST", f"{CONTACTS}/batch/upsert", batch)
    assert answer.status == 207
    assert {result["objectWriteTraceId"] for result in answer.body["results"]} == {"0", "2"}
    assert answer.body["numErrors"] == 1
    (error,) = answer.body["errors"]
    assert error["context"] == {"objectWriteTraceId": ["1"]}
    assert set(error) == {"status", "category", "message", "context", "errors"}
    assert len(emulator.contacts()) == 2


@pytest.mark.parametrize("traces", [[None, None], ["0", None], ["0", "0"]])
def test_without_distinct_trace_ids_one_bad_input_refuses_all(emulator: Emulator, traces: list[str | None]) -> None:
    batch = upserts("ada@example.com", "bob@example.com", trace=False)
    batch["inputs"][1]["properties"] = {"nope": "x"}
    for item, trace in zip(batch["inputs"], traces, strict=True):
        if trace is not None:
            item["objectWriteTraceId"] = trace
    answer = emulator.call("POST", f"{CONTACTS}/batch/upsert", batch)
    assert answer.status == 400
    assert answer.body["message"].startswith('Property values were not valid: [{"isValid":false,')
    assert emulator.contacts() == []


def test_partial_upserts_can_be_switched_off(emulator: Emulator) -> None:
    emulator.set_portal(allows_partial_upsert=False)
    batch = upserts("ada@example.com", "bob@example.com")
    batch["inputs"][1]["properties"] = {"nope": "x"}
    assert emulator.call("POST", f"{CONTACTS}/batch/upsert", batch).status == 400
    assert emulator.contacts() == []


def test_results_are_not_in_input_order(emulator: Emulator) -> None:
    emails = [f"p{number:02d}@example.com" for number in range(30)]
    answer = upsert(emulator, *emails)
    returned = [result["properties"]["email"] for result in answer.body["results"]]
    assert sorted(returned) == emails
    assert returned != emails


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("nope", "x", "PROPERTY_DOESNT_EXIST"),
        ("lifecyclestage", "Lead", "INVALID_OPTION"),
        ("hs_buying_role", "CHAMPION;nope", "INVALID_OPTION"),
        ("email", "000", "INVALID_EMAIL"),
        ("associatedcompanyid", "1,000", "INVALID_LONG"),
        ("createdate", "2026-01-01", "READ_ONLY_VALUE"),
        ("firstname", "x" * 65_537, "VALUE_TOO_LONG"),
    ],
)
def test_bad_values_are_refused_with_their_code(emulator: Emulator, name: str, value: str, code: str) -> None:
    refused = emulator.call("POST", CONTACTS, {"properties": {"lastname": "Lovelace", name: value}})
    assert refused.status == 400
    (error,) = refused.body["errors"]
    assert (error["code"], error["context"]) == (code, {"propertyName": [name]})
    assert f'"error":"{code}"' in refused.body["message"]


def test_existing_email_is_a_409_that_names_the_existing_id(emulator: Emulator) -> None:
    owner = contact(emulator, email="ada@example.com")
    refused = emulator.call("POST", CONTACTS, {"properties": {"email": "ADA@example.com"}})
    assert refused.status == 409
    assert refused.body["message"] == f"Contact already exists. Existing ID: {owner}"
    assert refused.body["category"] == "CONFLICT"
    traced = {"inputs": [{"properties": {"email": "ada@example.com"}, "objectWriteTraceId": "7"}]}
    answer = emulator.call("POST", f"{CONTACTS}/batch/create", traced)
    assert answer.status == 207
    assert answer.body["errors"][0]["context"] == {"existingId": [owner], "objectWriteTraceId": ["7"]}


def test_domain_is_not_a_unique_id_property(emulator: Emulator) -> None:
    batch = {"inputs": [{"id": "acme.example", "idProperty": "domain", "properties": {"name": "Acme"}}]}
    refused = emulator.call("POST", f"{COMPANIES}/batch/upsert", batch)
    assert refused.status == 400
    assert (
        refused.body["message"]
        == "Unable to perform update/upsert by non-unique 0-2 property domain in portal ID 1234567"
    )


def test_lifecycle_stage_never_moves_backwards_unless_cleared_first(emulator: Emulator) -> None:
    record = contact(emulator, email="ada@example.com", lifecyclestage="customer")
    backwards = emulator.call("PATCH", f"{CONTACTS}/{record}", {"properties": {"lifecyclestage": "lead"}})
    assert (backwards.status, backwards.body["properties"]["lifecyclestage"]) == (200, "customer")
    assert stored(emulator)["lifecyclestage"] == "customer"
    emulator.call("PATCH", f"{CONTACTS}/{record}", {"properties": {"lifecyclestage": ""}})
    emulator.call("PATCH", f"{CONTACTS}/{record}", {"properties": {"lifecyclestage": "lead"}})
    assert stored(emulator)["lifecyclestage"] == "lead"


def test_empty_text_clears_a_value(emulator: Emulator) -> None:
    contact(emulator, email="ada@example.com", city="Paris", hs_lead_status="NEW")
    upsert(emulator, "ada@example.com", city="", hs_lead_status="")
    assert not {"city", "hs_lead_status"} & set(stored(emulator))


def test_leading_semicolon_appends_to_a_multiple_checkbox(emulator: Emulator) -> None:
    contact(emulator, email="ada@example.com", hs_buying_role="CHAMPION")
    upsert(emulator, "ada@example.com", hs_buying_role=";BLOCKER")
    assert stored(emulator)["hs_buying_role"] == "CHAMPION;BLOCKER"
    upsert(emulator, "ada@example.com", hs_buying_role="OTHER;BLOCKER")
    assert stored(emulator)["hs_buying_role"] == "OTHER;BLOCKER"


def test_dates_are_normalised_with_a_warning_on_2026_09(emulator: Emulator) -> None:
    answer = upsert(emulator, "ada@example.com", closedate="2026-11-23 10:00").body["results"][0]
    assert answer["properties"]["closedate"] == "2026-11-23T10:00:00.000Z"
    (warning,) = answer["warnings"]
    assert warning["category"] == "PROPERTY_VALUE_NORMALIZED"
    assert warning["context"] == {
        "propertyName": ["closedate"],
        "rawValue": ["2026-11-23 10:00"],
        "normalizedValue": ["2026-11-23T10:00:00.000Z"],
    }


@pytest.mark.parametrize("path", ["/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts"])
def test_the_same_dates_are_refused_by_older_versions(emulator: Emulator, path: str) -> None:
    batch = upserts("ada@example.com", trace=False, properties={"closedate": "2026-11-23 10:00"})
    refused = emulator.call("POST", f"{path}/batch/upsert", batch)
    assert refused.status == 400
    assert refused.body["errors"][0]["code"] == "INVALID_DATE"


def search(emulator: Emulator, email: str) -> Answer:
    filters = [{"propertyName": "email", "operator": "EQ", "value": email}]
    return emulator.call("POST", f"{CONTACTS}/search", {"filterGroups": [{"filters": filters}]})


def test_search_lags_behind_writes(emulator: Emulator) -> None:
    record = contact(emulator, email="ada@example.com")
    assert search(emulator, "ada@example.com").body["total"] == 0
    emulator.advance(2)
    assert search(emulator, "ada@example.com").body["total"] == 1
    emulator.call("PATCH", f"{CONTACTS}/{record}", {"properties": {"email": "ada@new.example"}})
    assert search(emulator, "ada@example.com").body["total"] == 1
    emulator.advance(2)
    assert search(emulator, "ada@example.com").body["total"] == 0


def test_search_has_its_own_five_a_second(emulator: Emulator) -> None:
    answers = [search(emulator, "ada@example.com") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert answers[5].body["category"] == "RATE_LIMITS"
    assert answers[5].body["message"] == "You have reached your secondly limit."
    assert not [name for name in answers[0].headers if "interval" in name]
    emulator.advance(1)
    assert search(emulator, "ada@example.com").status == 200


def test_burst_limit_with_headers(emulator: Emulator) -> None:
    first = emulator.call("GET", CONTACTS)
    assert first.headers["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
    assert first.headers["x-hubspot-ratelimit-max"] == "190"
    assert first.headers["x-hubspot-ratelimit-remaining"] == "189"
    for _ in range(189):
        assert emulator.call("GET", CONTACTS).status == 200
    refused = emulator.call("GET", CONTACTS)
    assert refused.status == 429
    assert refused.body["policyName"] == "TEN_SECONDLY_ROLLING"
    assert refused.body["errorType"] == "RATE_LIMIT"
    assert refused.headers["x-hubspot-ratelimit-remaining"] == "0"
    emulator.advance(10)
    assert emulator.call("GET", CONTACTS).status == 200


def test_daily_limit_with_headers_until_midnight(emulator: Emulator) -> None:
    emulator.set_limits(daily=2)
    assert emulator.call("GET", CONTACTS).headers["x-hubspot-ratelimit-daily-remaining"] == "1"
    emulator.call("GET", CONTACTS)
    refused = emulator.call("GET", CONTACTS)
    assert (refused.status, refused.body["policyName"]) == (429, "DAILY")
    assert refused.body["message"] == "You have reached your daily limit."
    emulator.advance(12 * 3600 - 1)
    assert emulator.call("GET", CONTACTS).status == 429
    emulator.advance(1)
    assert emulator.call("GET", CONTACTS).status == 200


@pytest.mark.parametrize("token", [None, "wrong"])
def test_401_for_a_missing_or_wrong_token(emulator: Emulator, token: str | None) -> None:
    refused = emulator.call("GET", CONTACTS, token=token)
    assert refused.status == 401
    assert refused.body["category"] == "INVALID_AUTHENTICATION"
    assert refused.body["message"].startswith("Authentication credentials not found.")


def test_403_for_a_missing_scope(emulator: Emulator) -> None:
    emulator.set_portal(scopes=["crm.objects.contacts.write"])
    assert emulator.call("POST", CONTACTS, {"properties": {"email": "ada@example.com"}}).status == 201
    refused = emulator.call("POST", "/crm/properties/2026-09/contacts", {})
    assert (refused.status, refused.body["category"]) == (403, "MISSING_SCOPES")
    assert refused.body["errors"][0]["context"] == {"requiredGranularScopes": ["crm.schemas.contacts.write"]}
    assert refused.body["links"] == {"scopes": "https://developers.hubspot.com/scopes"}


@pytest.mark.parametrize("tier", ["free", "starter", "professional"])
def test_403_for_events_below_enterprise(tier: str) -> None:
    emulator = Emulator(tier=tier)
    assert emulator.call("POST", SEND, {"eventName": "pe1234567_x", "properties": {}}).status == 403
    assert emulator.call("GET", DEFINITIONS).status == 403


@pytest.mark.parametrize("status", [423, 477, 500, 502, 503, 504, 521, 522, 523, 524])
def test_faults_answer_with_a_status_of_choice(emulator: Emulator, status: int) -> None:
    emulator.fault(method="POST", path="*/batch/upsert", status=status, headers={"Retry-After": "7"}, times=1)
    spoiled = upsert(emulator, "ada@example.com")
    assert (spoiled.status, spoiled.headers["retry-after"]) == (status, "7")
    assert emulator.contacts() == []
    assert upsert(emulator, "ada@example.com").status == 200


def test_silent_empty_is_a_2xx_with_nothing_written(emulator: Emulator) -> None:
    emulator.fault(path="*/batch/upsert", kind="silent_empty")
    answer = upsert(emulator, "ada@example.com")
    assert (answer.status, answer.body["results"]) == (200, [])
    assert emulator.contacts() == []


def property_named(name: str) -> dict[str, str]:
    kinds = {"label": name, "type": "string", "fieldType": "text", "groupName": "contactinformation"}
    return {"name": name, **kinds}


def test_new_property_can_be_read_only_after_a_lag(emulator: Emulator) -> None:
    path = "/crm/properties/2026-09/contacts"
    assert emulator.call("POST", path, property_named("plan")).status == 201
    assert emulator.call("GET", f"{path}/plan").status == 404
    assert upsert(emulator, "ada@example.com", plan="pro").status == 200
    emulator.advance(0.5)
    assert emulator.call("GET", f"{path}/plan").body["name"] == "plan"


def test_existing_property_is_a_409(emulator: Emulator) -> None:
    refused = emulator.call("POST", "/crm/properties/2026-09/contacts", property_named("Email"))
    assert refused.status == 409
    assert refused.body["category"] == "OBJECT_ALREADY_EXISTS"
    assert refused.body["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"
    assert refused.body["message"] == "A property named 'email' already exists."


def test_creating_an_archived_property_restores_it_with_the_new_definition(emulator: Emulator) -> None:
    path = "/crm/properties/2026-09/contacts"
    created_at = emulator.call("POST", path, property_named("plan")).body["createdAt"]
    upsert(emulator, "ada@example.com", plan="pro")
    assert emulator.call("DELETE", f"{path}/plan").status == 204
    assert upsert(emulator, "ada@example.com", plan="free").status == 207
    emulator.advance(60)
    restored = emulator.call("POST", path, {**property_named("plan"), "label": "New"})
    assert (restored.status, restored.body["label"], restored.body["createdAt"]) == (201, "New", created_at)
    assert stored(emulator)["plan"] == "pro"


def test_merge_makes_a_new_record_and_old_ids_redirect(emulator: Emulator) -> None:
    ada = contact(emulator, email="ada@example.com", city="Paris")
    bob = contact(emulator, email="bob@example.com", city="Oslo", jobtitle="Engineer")
    merged = emulator.call("POST", f"{CONTACTS}/merge", {"primaryObjectId": ada, "objectIdToMerge": bob})
    new_id = merged.body["id"]
    assert new_id not in (ada, bob)
    for old in (ada, bob):
        assert emulator.call("GET", f"{CONTACTS}/{old}").body["id"] == new_id
        assert emulator.call("PATCH", f"{CONTACTS}/{old}", {"properties": {"zip": "1"}}).body["id"] == new_id
    batch = emulator.call("POST", f"{CONTACTS}/batch/update", {"inputs": [{"id": ada, "properties": {"zip": "2"}}]})
    assert batch.body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    properties = stored(emulator)
    assert (properties["city"], properties["jobtitle"], properties["zip"]) == ("Paris", "Engineer", "1")
    assert properties["hs_merged_object_ids"] == f"{ada};{bob}"
    assert upsert(emulator, "bob@example.com").body["results"][0]["id"] == new_id


def test_events_answer_204_and_a_repeated_uuid_is_dropped(emulator: Emulator) -> None:
    define(emulator)
    contact(emulator, email="ada@example.com")
    event = {"eventName": "pe1234567_signed_up", "email": "ADA@example.com", "uuid": "u1", "properties": {"plan": "a"}}
    for _ in range(2):
        sent = emulator.call("POST", SEND, event)
        assert (sent.status, sent.body) == (204, None)
    assert [(kept["uuid"], kept["contactId"]) for kept in emulator.events()] == [("u1", "101")]
    emulator.advance(366 * 86_400)
    emulator.call("POST", SEND, event)
    assert len(emulator.events()) == 2


def test_definitions_are_made_read_changed_and_never_reused(emulator: Emulator) -> None:
    body = {"label": "Signed Up", "includeDefaultProperties": False, "propertyDefinitions": []}
    answer = emulator.call("POST", DEFINITIONS, body)
    assert (answer.status, answer.body["fullyQualifiedName"]) == (201, "pe1234567_signed_up")
    assert emulator.call("POST", DEFINITIONS, body).status == 409
    assert emulator.call("GET", f"{DEFINITIONS}/pe1234567_signed_up").body["name"] == "signed_up"
    assert emulator.call("PATCH", f"{DEFINITIONS}/signed_up", {"label": "Other"}).status == 201
    added = emulator.call("POST", f"{DEFINITIONS}/signed_up/property", {"label": "Plan", "type": "string"})
    assert (added.status, added.body["name"]) == (201, "plan")
    assert emulator.call("DELETE", f"{DEFINITIONS}/signed_up").status == 204
    assert emulator.call("GET", f"{DEFINITIONS}/signed_up").status == 404
    assert emulator.call("POST", DEFINITIONS, body).status == 409


@pytest.mark.parametrize("version", ["v3", "2025-09", "2026-03", "2026-09"])
def test_account_info_names_the_portal_and_its_time_zone(version: str) -> None:
    emulator = Emulator(portal_id=42, time_zone="UTC")
    details = emulator.call("GET", f"/account-info/{version}/details").body
    assert (details["portalId"], details["timeZone"], details["utcOffsetMilliseconds"]) == (42, "UTC", 0)


def test_oauth_tokens_expire_and_refresh(emulator: Emulator) -> None:
    emulator.state.authorization_codes["c0de"] = frozenset({"crm.objects.contacts.read"})
    app = b"client_id=emulator-client-id&client_secret=emulator-client-secret"
    exchange = b"&grant_type=authorization_code&code=c0de&redirect_uri=https%3A%2F%2Fexample.com"
    tokens = emulator.call("POST", "/oauth/2026-09/token", app + exchange).body
    assert (tokens["token_type"], tokens["expires_in"], tokens["hub_id"]) == ("bearer", 1800, 1234567)
    assert emulator.call("GET", CONTACTS, token=tokens["access_token"]).status == 200
    emulator.advance(1805)
    expired = emulator.call("GET", CONTACTS, token=tokens["access_token"])
    assert (expired.status, expired.body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert expired.body["message"] == "The OAuth token used to make this call expired 5 second(s) ago."
    refresh = b"&grant_type=refresh_token&refresh_token=" + tokens["refresh_token"].encode()
    fresh = emulator.call("POST", "/oauth/2026-09/token", app + refresh).body
    assert emulator.call("GET", CONTACTS, token=fresh["access_token"]).status == 200
    bad = emulator.call("POST", "/oauth/2026-09/token", app + b"&grant_type=refresh_token&refresh_token=x")
    assert (bad.status, bad.body["status"], bad.body["error"]) == (400, "BAD_REFRESH_TOKEN", "invalid_grant")
