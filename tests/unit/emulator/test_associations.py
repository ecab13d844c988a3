"""Associations: default and labelled, both directions, primary, reading, archiving, labels."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.testing import CustomObject, Emulator

PAIRS = "/crm/associations/2026-09/contacts/companies"
CONTACTS = "/crm/objects/2026-09/contacts"
PRIMARY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}
UNLABELLED = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    emulator.seed(
        contacts=[{"id": "1", "properties": {"email": "ada@example.com"}}],
        companies=[{"id": number, "properties": {"name": name}} for number, name in (("7", "Acme"), ("8", "Globex"))],
    )
    return emulator


def pair(to: str = "7", **rest: Any) -> dict[str, Any]:
    return {"from": {"id": "1"}, "to": {"id": to}, **rest}


def links(emulator: Emulator) -> dict[str, list[int]]:
    return {link["to"]["id"]: link["types"] for link in emulator.associations()}


@pytest.mark.parametrize("prefix", ["/crm/v4/objects", "/crm/objects/2025-09", "/crm/objects/2026-03"])
def test_default_association_is_idempotent(emulator: Emulator, prefix: str) -> None:
    for _ in range(2):
        answer = emulator.call("PUT", f"{prefix}/contacts/1/associations/default/companies/7")
        assert answer.status == 200
        assert answer.body["results"] == [{**pair(), "associationSpec": UNLABELLED}]
    assert links(emulator) == {"7": [279]}


def test_batch_default_names_missing_records(emulator: Emulator) -> None:
    inputs = {"inputs": [pair(), pair("99")]}
    answer = emulator.call("POST", f"{PAIRS}/batch/associate/default", inputs)
    assert (answer.status, len(answer.body["results"]), answer.body["numErrors"]) == (207, 1, 1)
    assert answer.body["errors"][0]["context"]["toObjectId"] == ["99"]
    assert links(emulator) == {"7": [279]}


def test_labelled_association_includes_the_unlabelled_one(emulator: Emulator) -> None:
    answer = emulator.call("PUT", f"{CONTACTS}/1/associations/companies/7", [PRIMARY])
    assert answer.status == 201
    assert answer.body == {
        "fromObjectTypeId": "0-1",
        "fromObjectId": 1,
        "toObjectTypeId": "0-2",
        "toObjectId": 7,
        "labels": ["Primary"],
    }
    assert links(emulator) == {"7": [1, 279]}


def test_links_show_from_both_sides_with_their_own_type_ids(emulator: Emulator) -> None:
    emulator.call("POST", f"{PAIRS}/batch/create", {"inputs": [pair(types=[PRIMARY])]})
    read = emulator.call("GET", "/crm/v4/objects/companies/7/associations/contacts").body["results"]
    assert read[0]["toObjectId"] == 1
    assert sorted(known["typeId"] for known in read[0]["associationTypes"]) == [2, 280]


def test_a_contact_has_one_primary_company(emulator: Emulator) -> None:
    for company in ("7", "8"):
        emulator.call("POST", f"{PAIRS}/batch/create", {"inputs": [pair(company, types=[PRIMARY])]})
    assert links(emulator) == {"7": [279], "8": [1, 279]}


def test_unknown_association_type_is_an_error_of_its_input(emulator: Emulator) -> None:
    wrong = {"associationCategory": "USER_DEFINED", "associationTypeId": 1}
    answer = emulator.call("POST", f"{PAIRS}/batch/create", {"inputs": [pair(types=[wrong]), pair(types=[UNLABELLED])]})
    assert (answer.status, answer.body["errors"][0]["category"]) == (207, "VALIDATION_ERROR")


def test_taking_the_unlabelled_association_takes_all_labels(emulator: Emulator) -> None:
    emulator.call("POST", f"{PAIRS}/batch/create", {"inputs": [pair(types=[PRIMARY])]})
    emulator.call("POST", f"{PAIRS}/batch/labels/archive", {"inputs": [pair(types=[PRIMARY])]})
    assert links(emulator) == {"7": [279]}
    emulator.call("POST", f"{PAIRS}/batch/create", {"inputs": [pair(types=[PRIMARY])]})
    emulator.call("POST", f"{PAIRS}/batch/labels/archive", {"inputs": [pair(types=[UNLABELLED])]})
    assert links(emulator) == {}


@pytest.mark.parametrize(("prefix", "status"), [("/crm/associations/2026-09", 200), ("/crm/v4/associations", 204)])
def test_batch_archive_parts_records(emulator: Emulator, prefix: str, status: int) -> None:
    emulator.seed(associations=[{"from": {"type": "contacts", "id": "1"}, "to": {"type": "companies", "id": "7"}}])
    inputs = {"inputs": [{"from": {"id": "1"}, "to": [{"id": "7"}, {"id": "8"}]}]}
    assert emulator.call("POST", f"{prefix}/contacts/companies/batch/archive", inputs).status == status
    assert links(emulator) == {}


def test_archiving_a_record_takes_it_out_of_its_associations(emulator: Emulator) -> None:
    emulator.call("POST", f"{PAIRS}/batch/associate/default", {"inputs": [pair()]})
    emulator.call("DELETE", "/crm/v3/objects/companies/7")
    assert links(emulator) == {}


def test_reading_records_without_associations_is_a_207(emulator: Emulator) -> None:
    emulator.call("POST", f"{PAIRS}/batch/associate/default", {"inputs": [pair()]})
    answer = emulator.call("POST", f"{PAIRS}/batch/read", {"inputs": [{"id": "1"}, {"id": "99"}]})
    assert answer.status == 207
    assert [result["from"]["id"] for result in answer.body["results"]] == ["1"]
    assert answer.body["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"


def test_pages_of_associations(emulator: Emulator) -> None:
    emulator.call("POST", f"{PAIRS}/batch/associate/default", {"inputs": [pair("7"), pair("8")]})
    first = emulator.call("GET", f"{CONTACTS}/1/associations/companies?limit=1").body
    second = emulator.call("GET", f"{CONTACTS}/1/associations/companies?limit=1&after=1").body
    assert first["paging"]["next"]["after"] == "1"
    assert [page["results"][0]["toObjectId"] for page in (first, second)] == [7, 8]
    assert "paging" not in second


def test_labels_of_the_account(emulator: Emulator) -> None:
    answer = emulator.call("POST", f"{PAIRS}/labels", {"label": "Boss", "name": "boss", "inverseLabel": "Bossed by"})
    assert [known["label"] for known in answer.body["results"]] == ["Boss", "Bossed by"]
    type_id = answer.body["results"][0]["typeId"]
    spec = {"associationCategory": "USER_DEFINED", "associationTypeId": type_id}
    emulator.call("POST", f"{PAIRS}/batch/create", {"inputs": [pair(types=[spec])]})
    assert links(emulator) == {"7": [279, type_id]}
    assert emulator.call("PUT", f"{PAIRS}/labels", {"associationTypeId": type_id, "label": "Chief"}).status == 204
    labels = emulator.call("GET", f"{PAIRS}/labels").body["results"]
    assert [known["label"] for known in labels] == [None, "Primary", "Chief"]
    assert emulator.call("DELETE", f"{PAIRS}/labels/{type_id}").status == 204
    assert links(emulator) == {"7": [279]}


def test_custom_objects_can_be_associated(emulator: Emulator) -> None:
    emulator = Emulator(custom_objects=(CustomObject("machines", "2-99"),))
    emulator.seed(contacts=[{"id": "1", "properties": {"email": "a@example.com"}}], machines=[{"id": "5"}])
    answer = emulator.call("PUT", "/crm/v4/objects/machines/5/associations/default/contacts/1")
    assert answer.body["results"][0]["associationSpec"]["associationCategory"] == "USER_DEFINED"
    assert emulator.associations()[0]["from"] == {"type": "contacts", "id": "1"}


def test_v3_takes_a_type_by_name(emulator: Emulator) -> None:
    path = "/crm/v3/associations/contacts/companies/batch"
    inputs = {"inputs": [pair(type="contact_to_company")]}
    assert emulator.call("POST", f"{path}/create", inputs).status == 201
    assert emulator.call("POST", f"{path}/read", {"inputs": [{"id": "1"}]}).body["results"][0]["to"][0]["id"] == "7"
    assert emulator.call("POST", f"{path}/archive", inputs).status == 204
    assert links(emulator) == {}


def test_associations_have_a_burst_of_their_own(emulator: Emulator) -> None:
    for _ in range(150):
        assert emulator.call("POST", f"{PAIRS}/batch/associate/default", {"inputs": []}).status == 200
    refused = emulator.call("POST", f"{PAIRS}/batch/associate/default", {"inputs": []})
    assert refused.status == 429
    assert emulator.call("GET", CONTACTS).status == 200


def test_a_record_with_more_than_a_page_of_associations_is_read_page_by_page(emulator: Emulator) -> None:
    emulator.seed(
        contacts=[{"id": str(number), "properties": {}} for number in range(1001, 1702)],
        companies=[{"id": "9001", "properties": {"name": "Acme"}}],
        associations=[
            {"from": {"type": "contacts", "id": str(number)}, "to": {"type": "companies", "id": "9001"}}
            for number in range(1001, 1702)
        ],
    )
    address = "/crm/objects/2026-09/companies/9001/associations/contacts"
    first = emulator.call("GET", address).body
    rest = emulator.call("GET", f"{address}?after={first['paging']['next']['after']}").body
    assert (len(first["results"]), len(rest["results"]), "paging" in rest) == (500, 201, False)
    batch = "/crm/associations/2026-09/companies/contacts/batch/read"
    (page,) = emulator.call("POST", batch, {"inputs": [{"id": "9001"}]}).body["results"]
    after = page["paging"]["next"]["after"]
    (last,) = emulator.call("POST", batch, {"inputs": [{"id": "9001", "after": after}]}).body["results"]
    assert (len(page["to"]), len(last["to"]), "paging" in last) == (500, 201, False)
    assert {target["toObjectId"] for target in [*page["to"], *last["to"]]} == set(range(1001, 1702))
    assert emulator.call("POST", batch, {"inputs": [{"id": "9001", "after": "soon"}]}).status == 400
