"""Which calls a fault spoils, and what it answers."""

from __future__ import annotations

import pytest

from hubwire.testing import Emulator

CONTACTS = "/crm/objects/2026-09/contacts"


def statuses(emulator: Emulator, count: int, method: str = "GET", path: str = CONTACTS) -> list[int]:
    return [emulator.call(method, path).status for _ in range(count)]


def test_occurrences_name_the_calls_that_go_wrong(emulator: Emulator) -> None:
    emulator.fault(path=CONTACTS, occurrences=[2, 4], status=503)
    assert statuses(emulator, 5) == [200, 503, 200, 503, 200]


def test_times_ends_a_fault(emulator: Emulator) -> None:
    emulator.fault(path=CONTACTS, times=2, status=503)
    assert statuses(emulator, 4) == [503, 503, 200, 200]


def test_method_and_path_must_both_match(emulator: Emulator) -> None:
    emulator.fault(method="POST", path="*/companies*", status=503)
    assert emulator.call("GET", "/crm/v3/objects/companies").status == 200
    assert emulator.call("POST", CONTACTS, {"properties": {"email": "ada@example.com"}}).status == 201
    assert emulator.call("POST", "/crm/v3/objects/companies", {"properties": {"name": "Acme"}}).status == 503


def test_path_may_be_the_counted_form(emulator: Emulator) -> None:
    emulator.fault(path=f"{CONTACTS}/{{id}}", status=503)
    assert emulator.call("GET", f"{CONTACTS}/12").status == 503
    assert emulator.call("GET", CONTACTS).status == 200


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "10"}])
def test_429_with_and_without_retry_after(emulator: Emulator, headers: dict[str, str]) -> None:
    emulator.fault(status=429, headers=headers)
    refused = emulator.call("GET", CONTACTS)
    assert (refused.status, refused.body["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    assert refused.headers.get("retry-after") == headers.get("Retry-After")


def test_bodies_are_html_json_or_of_choice(emulator: Emulator) -> None:
    emulator.fault(status=502, times=1)
    emulator.fault(status=500, times=1)
    emulator.fault(status=500, html=True, times=1)
    emulator.fault(status=400, body={"message": "own"}, times=1)
    emulator.fault(status=400, body="plain", times=1)
    bodies = [emulator.call("GET", CONTACTS).body for _ in range(5)]
    assert b"502 Bad Gateway" in bodies[0]
    assert bodies[1]["category"] == "INTERNAL_ERROR"
    assert b"500 Internal Server Error" in bodies[2]
    assert bodies[3] == {"message": "own"}
    assert bodies[4] == b"plain"


def test_faulty_calls_are_counted_as_refused(emulator: Emulator) -> None:
    emulator.fault(status=423, times=2)
    statuses(emulator, 3)
    assert emulator.stats()["refused"] == {"423": 2}


def test_a_fault_is_answered_before_the_token_is_looked_at(emulator: Emulator) -> None:
    emulator.fault(status=503)
    assert emulator.call("GET", CONTACTS, token=None).status == 503


def test_after_writes_and_then_fails(emulator: Emulator) -> None:
    emulator.fault(status=504, when="after")
    assert emulator.call("POST", CONTACTS, {"properties": {"email": "ada@example.com"}}).status == 504
    assert len(emulator.contacts()) == 1


def test_faults_are_listed_with_their_counts_and_cleared(emulator: Emulator) -> None:
    answer = emulator.call("POST", "/_emulator/faults", [{"path": CONTACTS, "status": 503, "occurrences": [2]}])
    assert answer.status == 200
    statuses(emulator, 3)
    (rule,) = emulator.call("GET", "/_emulator/faults").body["results"]
    assert (rule["matched"], rule["applied"]) == (3, 1)
    assert emulator.call("DELETE", "/_emulator/faults").status == 204
    assert emulator.call("GET", "/_emulator/faults").body["results"] == []


def test_a_fault_with_an_unknown_field_is_refused(emulator: Emulator) -> None:
    assert emulator.call("POST", "/_emulator/faults", {"statuss": 500}).status == 400


def test_reset_raises_where_there_is_no_connection(emulator: Emulator) -> None:
    emulator.fault(kind="reset")
    with pytest.raises(ConnectionResetError):
        emulator.call("GET", CONTACTS)
