"""Request bodies and answers of the calls that deliver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from hubwire.hubspot import wire
from hubwire.operation import SendEvent


class One(NamedTuple):
    trace: str
    key: str
    properties: Mapping[str, str] = {}


def test_an_upsert_has_id_property_and_trace_id_on_every_input() -> None:
    body = wire.upsert_objects([One("0", "a@b.co", {"firstname": "A"}), One("1", "c@d.co")], id_property="email")
    assert msgspec.json.decode(body) == {
        "inputs": [
            {"id": "a@b.co", "idProperty": "email", "objectWriteTraceId": "0", "properties": {"firstname": "A"}},
            {"id": "c@d.co", "idProperty": "email", "objectWriteTraceId": "1", "properties": {}},
        ]
    }


def test_an_update_by_record_id_has_no_id_property() -> None:
    assert msgspec.json.decode(wire.update_objects([One("0", "51", {"lifecyclestage": ""})])) == {
        "inputs": [{"id": "51", "objectWriteTraceId": "0", "properties": {"lifecyclestage": ""}}]
    }


def test_an_association_names_both_records() -> None:
    assert msgspec.json.decode(wire.associate_default([("1", "9")])) == {
        "inputs": [{"from": {"id": "1"}, "to": {"id": "9"}}]
    }


def test_an_event_says_only_what_is_known() -> None:
    event = SendEvent("a@b.co", "x", "X", {}, {}, 1_790_000_000_123, "u", 1)
    assert msgspec.json.decode(wire.send_events([(One("1", "pe1_x", {"total": "5"}), event)])) == {
        "inputs": [
            {
                "eventName": "pe1_x",
                "email": "a@b.co",
                "occurredAt": "2026-09-21T14:13:20.123Z",
                "uuid": "u",
                "properties": {"total": "5"},
            }
        ]
    }


def test_a_search_for_companies_is_lower_case_and_oldest_first() -> None:
    body = msgspec.json.decode(wire.search_companies(["Acme.COM", "b.co"]))
    assert body["filterGroups"] == [
        {"filters": [{"propertyName": "domain", "operator": "IN", "values": ["acme.com", "b.co"]}]}
    ]
    assert body["sorts"] == [{"propertyName": "createdate", "direction": "ASCENDING"}]
    assert body["limit"] == 200


def test_one_or_two_domains_are_also_searched_as_one_of_several_additional_ones() -> None:
    def tokens(domains: list[str]) -> list[str]:
        body = msgspec.json.decode(wire.search_companies(domains, with_additional=True, key_property="key"))
        assert len(body["filterGroups"]) <= 5
        filters = [filter_ for group in body["filterGroups"] for filter_ in group["filters"]]
        return [filter_["value"] for filter_ in filters if filter_["operator"] == "CONTAINS_TOKEN"]

    assert tokens(["A.co"]) == ["a.co"]
    assert tokens(["a.co", "b.co"]) == ["a.co", "b.co"]
    assert tokens(["a.co", "b.co", "c.co"]) == []


def test_companies_found_without_a_domain_are_passed_over() -> None:
    body = b'{"results":[{"id":"1","properties":{"domain":"B.co"}},{"id":"2","properties":{"domain":null}},{"id":"3"}]}'
    assert wire.found_companies(body) == [("b.co", "1")]
    assert wire.found_companies(b"<html>") == []


def test_moments_have_milliseconds_and_a_z() -> None:
    assert wire.iso_utc(0) == "1970-01-01T00:00:00.000Z"
    assert wire.iso_utc(1_790_000_000_999) == "2026-09-21T14:13:20.999Z"


def test_a_batch_answer_is_read_with_its_errors_and_warnings() -> None:
    body = (
        b'{"status":"COMPLETE","results":[{"id":"5","new":true,"properties":{"email":"a@b.co","x":null},'
        b'"objectWriteTraceId":"0","createdAt":"z","warnings":[{"category":"C","message":"m","context":{"a":["b"]}}]}],'
        b'"numErrors":1,"errors":[{"message":"e"}]}'
    )
    answer = wire.read_batch(body)
    assert answer is not None
    (record,) = answer.results
    assert (record.id, record.new, record.object_write_trace_id) == ("5", True, "0")
    assert record.properties == {"email": "a@b.co", "x": None}
    assert record.warnings is not None
    assert record.warnings[0].message == "m"
    assert answer.errors == [{"message": "e"}]


def test_entries_that_are_no_records_are_passed_over() -> None:
    answer = wire.read_batch(b'{"results":[7,{"id":8,"properties":[]},{"properties":{}},null],"errors":"no"}')
    assert answer is not None
    assert [(result.id, result.properties) for result in answer.results] == [("8", {})]
    assert answer.errors == []


def test_pairs_are_read_whatever_stands_at_their_ends() -> None:
    answer = wire.read_pairs(b'{"results":[{"from":{"id":1},"to":"9"},{"from":null},5]}')
    assert answer is not None
    assert [(result.from_.id, result.to.id) for result in answer.results] == [("1", "9"), ("", "")]
