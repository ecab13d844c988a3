"""Call limits by tier and token, and who may do what."""

from __future__ import annotations

import pytest

from hubwire.testing import Emulator, EmulatorConfig, OAuthApp

CONTACTS = "/crm/objects/2026-09/contacts"
NEW = {"properties": {"email": "ada@example.com"}}
APP = b"client_id=emulator-client-id&client_secret=emulator-client-secret&"


@pytest.mark.parametrize(
    ("tier", "burst", "daily"),
    [
        ("free", "100", "250000"),
        ("starter", "100", "250000"),
        ("professional", "190", "625000"),
        ("enterprise", "190", "1000000"),
    ],
)
def test_tiers_set_the_limits(tier: str, burst: str, daily: str) -> None:
    headers = Emulator(tier=tier).call("GET", CONTACTS).headers
    assert headers["x-hubspot-ratelimit-max"] == burst
    assert headers["x-hubspot-ratelimit-daily"] == daily


def test_an_unknown_tier_is_refused() -> None:
    with pytest.raises(ValueError, match="platinum"):
        EmulatorConfig(tier="platinum")


def test_the_burst_window_rolls(emulator: Emulator) -> None:
    emulator.set_limits(burst=2)
    emulator.call("GET", CONTACTS)
    emulator.advance(6)
    emulator.call("GET", CONTACTS)
    assert emulator.call("GET", CONTACTS).status == 429
    emulator.advance(4)
    assert [emulator.call("GET", CONTACTS).status for _ in range(2)] == [200, 429]


def test_refused_calls_count_against_nothing(emulator: Emulator) -> None:
    emulator.set_limits(burst=1)
    for _ in range(5):
        emulator.call("GET", CONTACTS)
    assert emulator.call("GET", "/_emulator/limits").body["daily_used"] == 1


def test_bursts_are_counted_per_token_and_the_day_for_all() -> None:
    emulator = Emulator(burst=1)
    assert emulator.call("GET", CONTACTS, token="one").status == 200
    assert emulator.call("GET", CONTACTS, token="two").status == 200
    assert emulator.call("GET", CONTACTS, token="one").status == 429
    assert emulator.state.limiter.daily_used == 2


@pytest.mark.parametrize(("sends", "expected"), [(False, None), (True, "10")])
def test_retry_after_is_sent_only_where_asked(emulator: Emulator, sends: bool, expected: str | None) -> None:
    emulator.set_limits(burst=1, retry_after=sends)
    emulator.call("GET", CONTACTS)
    assert emulator.call("GET", CONTACTS).headers.get("retry-after") == expected


def test_the_day_ends_at_midnight_of_the_portals_time_zone() -> None:
    emulator = Emulator(start_at_ms=1_790_164_800_000, time_zone="Asia/Tokyo", daily=1)
    resets_at = emulator.call("GET", "/_emulator/limits").body["daily_resets_at"]
    if emulator.call("GET", "/account-info/v3/details").body["utcOffset"] == "+00:00":
        pytest.skip("this machine has no time zone data")
    assert resets_at == "2026-09-23T15:00:00.000Z"
    emulator.advance(3 * 3600)
    assert emulator.call("GET", CONTACTS).status == 200


def test_limits_can_be_switched_off(emulator: Emulator) -> None:
    emulator.set_limits(enabled=False, burst=1)
    answers = [emulator.call("GET", CONTACTS) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert not [name for name in answers[0].headers if "ratelimit" in name]


def test_daily_used_can_be_set_and_is_shown(emulator: Emulator) -> None:
    emulator.set_limits(daily_used=999_999)
    assert emulator.call("GET", CONTACTS).headers["x-hubspot-ratelimit-daily-remaining"] == "0"
    refused = emulator.call("GET", CONTACTS)
    assert refused.body["policyName"] == "DAILY"
    emulator.set_limits(enabled=False)
    usage = emulator.call("GET", "/account-info/2026-09/api-usage/daily/private-apps").body["results"][0]
    assert (usage["currentUsage"], usage["usageLimit"]) == (1_000_000, 1_000_000)
    assert usage["resetsAt"] == "2026-09-24T00:00:00.000Z"


def test_without_a_configured_token_any_will_do_but_one_must_come() -> None:
    emulator = Emulator()
    assert emulator.call("GET", CONTACTS, token="anything").status == 200
    assert emulator.call("GET", CONTACTS, token=None).status == 401
    assert emulator.call("GET", CONTACTS, token=None, headers={"Authorization": "Basic eDp5"}).status == 401


def test_the_control_plane_needs_no_token(emulator: Emulator) -> None:
    assert emulator.call("GET", "/_emulator/stats", token=None).status == 200


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        ("crm.objects.contacts.read", "GET", CONTACTS, None),
        ("crm.objects.contacts.read", "POST", f"{CONTACTS}/search", {}),
        ("crm.objects.contacts.write", "POST", CONTACTS, NEW),
        ("crm.objects.companies.write", "POST", "/crm/v3/objects/companies", {"properties": {"name": "A"}}),
        ("crm.schemas.contacts.read", "GET", "/crm/v3/properties/contacts", None),
        ("crm.objects.contacts.read", "GET", "/crm/v3/properties/contacts", None),
        ("behavioral_events.event_definitions.read_write", "GET", "/events/v3/event-definitions", None),
        ("analytics.behavioral_events.send", "POST", "/events/v3/send/batch", {"inputs": []}),
        ("crm.objects.contacts.read", "GET", "/crm/v3/limits/custom-properties", None),
    ],
)
def test_each_operation_needs_its_scope(
    emulator: Emulator, scope: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    emulator.set_portal(scopes=[scope])
    assert emulator.call(method, path, body).status < 300
    emulator.set_portal(scopes=["oauth"])
    refused = emulator.call(method, path, body)
    assert refused.status == 403
    assert scope in refused.body["errors"][0]["context"]["requiredGranularScopes"]


def test_associations_need_write_scopes_on_both_sides(emulator: Emulator) -> None:
    path = "/crm/v4/associations/contacts/companies/batch/associate/default"
    emulator.set_portal(scopes=["crm.objects.contacts.write"])
    refused = emulator.call("POST", path, {"inputs": []})
    required = refused.body["errors"][0]["context"]["requiredGranularScopes"]
    assert (refused.status, required) == (403, ["crm.objects.companies.write"])
    emulator.set_portal(scopes=["crm.objects.contacts.write", "crm.objects.companies.write"])
    assert emulator.call("POST", path, {"inputs": []}).status == 200


def test_account_details_need_no_scope(emulator: Emulator) -> None:
    emulator.set_portal(scopes=[])
    assert emulator.call("GET", "/account-info/v3/details").status == 200


def test_a_token_of_a_public_app_has_its_own_burst_and_no_day(emulator: Emulator) -> None:
    code = emulator.call("POST", "/_emulator/oauth/code").body["code"].encode()
    form = APP + b"grant_type=authorization_code&redirect_uri=https://example.com&code=" + code
    token = emulator.call("POST", "/oauth/v1/token", form).body["access_token"]
    headers = emulator.call("GET", CONTACTS, token=token).headers
    assert headers["x-hubspot-ratelimit-max"] == "110"
    assert "x-hubspot-ratelimit-daily" not in headers


def test_a_code_is_good_once(emulator: Emulator) -> None:
    code = emulator.call("POST", "/_emulator/oauth/code", {"scopes": ["oauth"]}).body["code"].encode()
    form = APP + b"grant_type=authorization_code&redirect_uri=https://example.com&code=" + code
    assert emulator.call("POST", "/oauth/2026-09/token", form).body["scopes"] == ["oauth"]
    again = emulator.call("POST", "/oauth/2026-09/token", form)
    assert (again.status, again.body["status"]) == (400, "BAD_AUTH_CODE")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        (b"client_id=x&client_secret=y&grant_type=refresh_token", "BAD_CLIENT_ID"),
        (b"client_id=emulator-client-id&client_secret=y&grant_type=refresh_token", "BAD_CLIENT_SECRET"),
        (APP + b"grant_type=password", "BAD_GRANT_TYPE"),
        (APP + b"grant_type=authorization_code&code=x&redirect_uri=https://other.example", "BAD_REDIRECT_URI"),
    ],
)
def test_token_errors_carry_both_vocabularies(form: bytes, status: str) -> None:
    emulator = Emulator(oauth=OAuthApp(redirect_uri="https://example.com/back"))
    refused = emulator.call("POST", "/oauth/2026-09/token", form)
    assert (refused.status, refused.body["status"]) == (400, status)
    assert refused.body["error"]
    assert refused.body["error_description"] == refused.body["message"]


def test_authorise_sends_the_browser_back_with_a_code(emulator: Emulator) -> None:
    query = "client_id=emulator-client-id&redirect_uri=https%3A%2F%2Fexample.com%2Fback&scope=oauth&state=s1"
    answer = emulator.call("GET", f"/oauth/authorize?{query}", token=None)
    assert answer.status == 302
    assert answer.headers["location"].startswith("https://example.com/back?code=")
    assert answer.headers["location"].endswith("&state=s1")
    commas = query.replace("%2Fback", "%2Fback%2C1")
    location = emulator.call("GET", f"/oauth/authorize?{commas}", token=None).headers["location"]
    assert location.startswith("https://example.com/back,1?code=")
    assert emulator.call("GET", "/oauth/authorize?client_id=x", token=None).status == 400


def test_client_credentials_introspection_and_revocation(emulator: Emulator) -> None:
    tokens = emulator.call("POST", "/oauth/v3/token", APP + b"grant_type=client_credentials&scope=a+b").body
    assert (tokens["token_use"], tokens["scopes"]) == ("client_credentials", ["a", "b"])
    form = APP + b"token=" + tokens["access_token"].encode()
    assert emulator.call("POST", "/oauth/v3/token/introspect", form).body["active"] is True
    assert emulator.call("POST", "/oauth/v3/token/revoke", form).status == 204
    assert emulator.call("POST", "/oauth/v3/token/introspect", form).body == {"active": False}


def test_custom_property_and_record_limits_count(emulator: Emulator) -> None:
    emulator.seed(properties={"contacts": [{"name": "plan"}]}, contacts=[{"properties": {"email": "a@example.com"}}])
    body = emulator.call("GET", "/crm/limits/2026-09/custom-properties").body
    used = {entry["objectTypeId"]: entry["usage"] for entry in body["byObjectType"]}
    assert (used["0-1"], used["0-2"], sum(used.values())) == (1, 0, 1)
    records = emulator.call("GET", "/crm/limits/2026-09/records").body["hubspotDefinedObjectTypes"]
    counted = {entry["pluralLabel"]: entry["usage"] for entry in records}
    assert (counted["Contacts"], counted["Companies"], sum(counted.values())) == (1, 0, 1)
