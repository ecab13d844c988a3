"""The control plane: its shapes, and that what it shows can be given back."""

from __future__ import annotations

import pytest

from hubwire.emulator.moments import iso, parse_moment
from hubwire.emulator.store.clock import Clock
from hubwire.testing import Emulator

CONTACTS = "/crm/objects/2026-09/contacts"


def test_stats_count_by_method_and_path_with_ids_templated(emulator: Emulator) -> None:
    emulator.call("POST", f"{CONTACTS}/batch/upsert", {"inputs": []})
    emulator.call("GET", f"{CONTACTS}/12")
    emulator.call("GET", f"{CONTACTS}/13")
    emulator.call("PUT", "/crm/v4/objects/contacts/1/associations/default/companies/2")
    emulator.call("GET", "/crm/v3/properties/contacts/nope")
    emulator.call("GET", "/_emulator/contacts")
    assert emulator.call("GET", "/_emulator/stats").body == {
        "total": 5,
        "calls": {
            "POST /crm/objects/2026-09/contacts/batch/upsert": 1,
            "GET /crm/objects/2026-09/contacts/{id}": 2,
            "PUT /crm/v4/objects/contacts/{id}/associations/default/companies/{toObjectId}": 1,
            "GET /crm/v3/properties/contacts/{propertyName}": 1,
        },
        "refused": {"404": 4},
        "statuses": {"200": 1, "404": 4},
    }


def test_what_it_shows_can_be_given_back(emulator: Emulator) -> None:
    emulator.seed(
        properties={"contacts": [{"name": "plan", "type": "string"}]},
        contacts=[{"properties": {"email": "Ada@Example.com", "plan": "pro"}}],
        companies=[{"properties": {"name": "Acme"}}],
        event_definitions=[{"name": "paid", "label": "Paid", "properties": [{"name": "sum", "type": "number"}]}],
        associations=[{"from": {"type": "contacts", "id": "101"}, "to": {"type": "companies", "id": "20001"}}],
        events=[{"eventName": "paid", "email": "ada@example.com", "properties": {"sum": "3"}, "uuid": "u1"}],
    )
    kinds = ("contacts", "companies", "associations", "event-definitions", "events")
    shown = {kind: emulator.call("GET", f"/_emulator/{kind}").body for kind in kinds}
    plan = [known for known in emulator.properties("contacts") if known["name"] == "plan"]
    other = Emulator(start_at_ms=emulator.state.clock.now_ms())
    body = {
        "properties": {"contacts": plan},
        "event_definitions": shown.pop("event-definitions"),
        "events": {"results": shown["events"]["results"]},
        **{kind: shown[kind] for kind in ("contacts", "companies", "associations")},
    }
    seeded = other.call("POST", "/_emulator/seed", body)
    assert seeded.body == {
        "properties": 1,
        "event_definitions": 1,
        "contacts": 1,
        "companies": 1,
        "associations": 1,
        "events": 1,
    }
    assert other.contacts()[0]["properties"]["plan"] == "pro"
    assert (other.contacts(), other.associations()) == (emulator.contacts(), emulator.associations())
    assert other.events()[0]["properties"] == {"sum": "3"}


def test_associations_and_events_have_the_promised_shapes(emulator: Emulator) -> None:
    emulator.seed(
        contacts=[{"id": "1", "properties": {"email": "ada@example.com"}}],
        companies=[{"id": "2", "properties": {"name": "Acme"}}],
        associations=[{"from": {"type": "companies", "id": "2"}, "to": {"type": "contacts", "id": "1"}}],
        event_definitions=[{"name": "paid", "label": "Paid"}],
        events=[{"eventName": "paid", "email": "ada@example.com"}],
    )
    assert emulator.associations() == [
        {"from": {"type": "contacts", "id": "1"}, "to": {"type": "companies", "id": "2"}, "types": [279]}
    ]
    (event,) = emulator.events()
    assert {"eventName", "email", "contactId", "occurredAt", "properties"} <= set(event)


@pytest.mark.parametrize(
    "body",
    [
        {"butterflies": []},
        {"contacts": [{"properties": {"nope": "x"}}]},
        {"contacts": [{"id": "abc", "properties": {}}]},
        {"contacts": [{"id": "1", "properties": {}}, {"id": "1", "properties": {}}]},
        {"contacts": [{"properties": {"email": "a@example.com"}}, {"properties": {"email": "A@example.com"}}]},
        {"associations": [{"from": {"type": "contacts", "id": "1"}, "to": {"type": "companies", "id": "1"}}]},
        {"events": [{"eventName": "nope", "email": "a@example.com"}]},
    ],
)
def test_a_bad_seed_says_so(emulator: Emulator, body: dict[str, object]) -> None:
    assert emulator.call("POST", "/_emulator/seed", body).status == 400


def test_reset_gives_a_fresh_portal_with_its_first_configuration(emulator: Emulator) -> None:
    emulator.seed(contacts=[{"properties": {"email": "ada@example.com"}}])
    emulator.set_limits(burst=1, tier="free")
    emulator.fault(status=500)
    emulator.advance(60)
    assert emulator.call("POST", "/_emulator/reset").status == 204
    assert emulator.contacts() == []
    assert emulator.stats()["total"] == 0
    limits = emulator.call("GET", "/_emulator/limits").body
    assert (limits["burst"], limits["tier"]) == (190, "enterprise")
    assert emulator.call("GET", CONTACTS).status == 200
    assert emulator.call("GET", "/_emulator/clock").body["now"] == "2026-09-23T12:00:00.000Z"


def test_clock_is_advanced_set_frozen_and_released(emulator: Emulator) -> None:
    def move(**body: object) -> dict[str, object]:
        shown: dict[str, object] = emulator.call("POST", "/_emulator/clock", body).body
        return shown

    assert move(advance_seconds=90)["now"] == "2026-09-23T12:01:30.000Z"
    assert move(set="2027-01-01T00:00:00Z")["now"] == "2027-01-01T00:00:00.000Z"
    assert move(frozen=False)["frozen"] is False
    assert move(frozen=True)["frozen"] is True
    assert emulator.call("POST", "/_emulator/clock", {"set": "soon"}).status == 400
    assert emulator.call("POST", "/_emulator/clock", {"advance": 5}).status == 400


def test_a_following_clock_keeps_its_lead() -> None:
    clock = Clock()
    before = clock.now_ms()
    clock.advance(3600)
    assert 3_600_000 <= clock.now_ms() - before < 3_660_000


def test_moments() -> None:
    assert iso(1_790_164_800_250) == "2026-09-23T12:00:00.250Z"
    assert parse_moment("2026-09-23T12:00:00.250Z") == 1_790_164_800_250
    assert parse_moment("1790164800250") == 1_790_164_800_250


def test_requests_are_shown_newest_last_with_secrets_masked(emulator: Emulator) -> None:
    emulator.call("POST", CONTACTS, {"properties": {"email": "ada@example.com"}})
    emulator.call("POST", "/oauth/2026-09/token", b"client_secret=hush")
    emulator.call("GET", "/oauth/v1/access-tokens/hush")
    emulator.call("POST", "/oauth/v1/access-tokens/hush")
    emulator.call("GET", "/oauth/v9/info/hush?token=hush")
    shown = emulator.call("GET", "/_emulator/requests").body["results"]
    assert [entry["path"] for entry in shown] == [CONTACTS, "/oauth/2026-09/token", *["/oauth/***"] * 3]
    assert shown[0]["body"] == {"properties": {"email": "ada@example.com"}}
    assert (shown[0]["status"], shown[0]["headers"]["authorization"]) == (201, "Bearer ***")
    assert "hush" not in str(shown)
    assert "hush" not in str(emulator.stats())


def test_requests_are_bounded() -> None:
    emulator = Emulator(keep_requests=3)
    for number in range(5):
        emulator.call("GET", f"{CONTACTS}/{number}")
    assert [entry["path"][-1] for entry in emulator.requests()] == ["2", "3", "4"]


def test_portal_shows_and_changes_the_account_but_never_its_token(emulator: Emulator) -> None:
    shown = emulator.call("PUT", "/_emulator/portal", {"access_token": "new", "default_lifecycle_stage": ""}).body
    assert (shown["has_access_token"], "new" in str(shown)) == (True, False)
    assert emulator.call("GET", CONTACTS, token="t").status == 401
    body = emulator.call("POST", CONTACTS, {"properties": {"email": "ada@example.com"}}, token="new").body
    assert "lifecyclestage" not in body["properties"]
    assert emulator.call("PUT", "/_emulator/portal", {"colour": "red"}).status == 400


def test_archived_records_can_be_seen(emulator: Emulator) -> None:
    emulator.seed(contacts=[{"id": "1", "properties": {"email": "ada@example.com"}}])
    emulator.call("DELETE", f"{CONTACTS}/1")
    assert [record["id"] for record in emulator.call("GET", "/_emulator/archived/contacts").body["results"]] == ["1"]


def test_unknown_control_path_is_a_404(emulator: Emulator) -> None:
    assert emulator.call("GET", "/_emulator/nothing").status == 404
