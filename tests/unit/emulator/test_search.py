"""Search: operators, limits, sorting, paging."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.testing import Answer, Emulator

SEARCH = "/crm/objects/2026-09/contacts/search"

PEOPLE = [
    {"email": "ada@example.com", "firstname": "Ada", "city": "London", "associatedcompanyid": "10"},
    {"email": "bob@example.com", "firstname": "Bob", "associatedcompanyid": "9", "closedate": "2026-05-01"},
    {"email": "cleo@other.example", "firstname": "Cleo", "city": "Oslo", "hs_lead_status": "NEW"},
]


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    emulator.set_limits(enabled=False)
    emulator.seed(contacts=[{"properties": person} for person in PEOPLE])
    return emulator


def search(emulator: Emulator, *filters: dict[str, Any], **rest: Any) -> Answer:
    groups = [{"filters": list(filters)}] if filters else []
    return emulator.call("POST", SEARCH, {"filterGroups": groups, **rest})


def names(answer: Answer) -> list[str]:
    return [record["properties"]["firstname"] for record in answer.body["results"]]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"propertyName": "city", "operator": "EQ", "value": "LONDON"}, ["Ada"]),
        ({"propertyName": "city", "operator": "NEQ", "value": "London"}, ["Bob", "Cleo"]),
        ({"propertyName": "hs_lead_status", "operator": "EQ", "value": "new"}, []),
        ({"propertyName": "hs_lead_status", "operator": "EQ", "value": "NEW"}, ["Cleo"]),
        ({"propertyName": "city", "operator": "IN", "values": ["london", "oslo"]}, ["Ada", "Cleo"]),
        ({"propertyName": "city", "operator": "IN", "values": ["London"]}, []),
        ({"propertyName": "city", "operator": "NOT_IN", "values": ["london"]}, ["Bob", "Cleo"]),
        ({"propertyName": "city", "operator": "HAS_PROPERTY"}, ["Ada", "Cleo"]),
        ({"propertyName": "city", "operator": "NOT_HAS_PROPERTY"}, ["Bob"]),
        ({"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "example.com"}, ["Ada", "Bob"]),
        ({"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "cl*"}, ["Cleo"]),
        ({"propertyName": "email", "operator": "NOT_CONTAINS_TOKEN", "value": "*example.com"}, ["Cleo"]),
        ({"propertyName": "associatedcompanyid", "operator": "LT", "value": "10"}, ["Bob"]),
        ({"propertyName": "associatedcompanyid", "operator": "GTE", "value": "9"}, ["Ada", "Bob"]),
        ({"propertyName": "associatedcompanyid", "operator": "BETWEEN", "value": "10", "highValue": "11"}, ["Ada"]),
        ({"propertyName": "closedate", "operator": "GT", "value": "1767225600000"}, ["Bob"]),
        ({"propertyName": "hs_object_id", "operator": "EQ", "value": "103"}, ["Cleo"]),
    ],
)
def test_operators(emulator: Emulator, condition: dict[str, Any], found: list[str]) -> None:
    assert names(search(emulator, condition)) == found


def test_filters_of_a_group_all_hold_and_groups_are_alternatives(emulator: Emulator) -> None:
    london = {"propertyName": "city", "operator": "EQ", "value": "london"}
    bob = {"propertyName": "firstname", "operator": "EQ", "value": "bob"}
    assert names(search(emulator, london, bob)) == []
    answer = emulator.call("POST", SEARCH, {"filterGroups": [{"filters": [london]}, {"filters": [bob]}]})
    assert names(answer) == ["Ada", "Bob"]


def test_query_looks_at_the_default_fields(emulator: Emulator) -> None:
    assert names(search(emulator, query="other.example")) == ["Cleo"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ({"propertyName": "firstname", "direction": "DESCENDING"}, ["Cleo", "Bob", "Ada"]),
        ({"propertyName": "associatedcompanyid", "direction": "ASCENDING"}, ["Cleo", "Bob", "Ada"]),
        ("firstname", ["Ada", "Bob", "Cleo"]),
    ],
)
def test_sorting(emulator: Emulator, sort: Any, order: list[str]) -> None:
    assert names(search(emulator, sorts=[sort])) == order


def test_paging(emulator: Emulator) -> None:
    first = search(emulator, limit=2)
    assert (first.body["total"], names(first), first.body["paging"]["next"]["after"]) == (3, ["Ada", "Bob"], "2")
    last = search(emulator, limit=2, after="2")
    assert (names(last), "paging" in last.body) == (["Cleo"], False)


def test_default_and_requested_properties(emulator: Emulator) -> None:
    default = search(emulator).body["results"][0]["properties"]
    assert set(default) == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}
    properties = search(emulator, properties=["city"]).body["results"][0]["properties"]
    assert set(properties) == {"city", "createdate", "hs_object_id", "lastmodifieddate"}


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "HAS_PROPERTY"}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "HAS_PROPERTY"}] * 4}] * 5},
        {"limit": 201},
        {"after": "9990", "limit": 20},
        {"query": "x" * 3_000},
        {"sorts": ["city", "email"]},
        {"filterGroups": [{"filters": [{"propertyName": "nope", "operator": "EQ", "value": "x"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "LIKE", "value": "x"}]}]},
    ],
)
def test_searches_over_a_limit_are_refused(emulator: Emulator, body: dict[str, Any]) -> None:
    assert emulator.call("POST", SEARCH, body).status == 400


def test_search_shows_the_values_it_has_indexed(emulator: Emulator) -> None:
    emulator.call("PATCH", "/crm/v3/objects/contacts/101", {"properties": {"city": "Paris"}})
    emulator.call("PATCH", "/crm/v3/objects/contacts/101", {"properties": {"city": "Rome"}})
    shown = search(emulator, properties=["city"]).body["results"][0]["properties"]["city"]
    emulator.advance(2)
    assert (shown, search(emulator, properties=["city"]).body["results"][0]["properties"]["city"]) == ("London", "Rome")


def test_an_archived_record_is_found_until_the_index_catches_up(emulator: Emulator) -> None:
    emulator.call("DELETE", "/crm/v3/objects/contacts/101")
    before = search(emulator).body["total"]
    emulator.advance(2)
    assert (before, search(emulator).body["total"]) == (3, 2)


def test_lag_can_be_switched_off(emulator: Emulator) -> None:
    emulator.set_limits(search_lag_seconds=0)
    emulator.call("POST", "/crm/v3/objects/contacts", {"properties": {"email": "dan@example.com"}})
    assert search(emulator).body["total"] == 4
