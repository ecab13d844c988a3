"""Lists and associations of v1, for programs that still use these paths."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.testing import Emulator

LISTS = "/contacts/v1/lists"
LINKS = "/crm-associations/v1/associations"


@pytest.fixture
def emulator() -> Emulator:
    emulator = Emulator(start_at_ms=1_790_000_000_000, creates_companies_from_emails=False)
    emulator.seed(
        contacts=[{"id": "101", "properties": {"email": "ada@ex.org"}}],
        companies=[{"id": "20001", "properties": {"domain": "ex.org"}}],
    )
    return emulator


def list_id(emulator: Emulator, **body: Any) -> int:
    return int(emulator.call("POST", LISTS, {"name": "News", **body}).body["listId"])


def test_contacts_join_and_leave_a_list_by_address_or_number(emulator: Emulator) -> None:
    path = f"{LISTS}/{list_id(emulator)}"
    joined = emulator.call("POST", f"{path}/add", {"emails": ["ada@ex.org", "bob@ex.org"], "vids": [7]}).body
    assert joined == {"updated": [101], "discarded": [], "invalidVids": [7], "invalidEmails": ["bob@ex.org"]}
    assert emulator.call("GET", path).body["metaData"]["size"] == 1
    assert emulator.call("POST", f"{path}/add", {"vids": [101]}).body["discarded"] == [101]
    assert emulator.call("POST", f"{path}/remove", {"vids": [101]}).body["updated"] == [101]
    assert emulator.call("GET", path).body["metaData"]["size"] == 0


def test_static_lists_are_listed_in_pages_and_deleted_lists_are_gone(emulator: Emulator) -> None:
    first, second = list_id(emulator), list_id(emulator, name="More")
    list_id(emulator, name="Filtered", dynamic=True)
    page = emulator.call("GET", f"{LISTS}/static?count=1").body
    assert ([known["listId"] for known in page["lists"]], page["offset"], page["has-more"]) == ([first], 1, True)
    assert emulator.call("DELETE", f"{LISTS}/{first}").status == 204
    assert [known["listId"] for known in emulator.call("GET", f"{LISTS}/static").body["lists"]] == [second]
    assert emulator.call("GET", f"{LISTS}/{first}").status == 404


@pytest.mark.parametrize("query", ["count=many", "offset=-1"])
def test_a_page_is_asked_for_with_numbers(emulator: Emulator, query: str) -> None:
    assert emulator.call("GET", f"{LISTS}/static?{query}").status == 400


def test_a_name_is_taken_once_and_members_of_a_dynamic_list_cannot_be_set(emulator: Emulator) -> None:
    path = f"{LISTS}/{list_id(emulator, dynamic=True)}"
    assert emulator.call("POST", LISTS, {"name": "news"}).status == 400
    assert emulator.call("POST", f"{path}/add", {"vids": [101]}).status == 400


def test_an_association_is_made_and_read_by_its_definition(emulator: Emulator) -> None:
    body = {"fromObjectId": 101, "toObjectId": 20001, "category": "HUBSPOT_DEFINED", "definitionId": 1}
    assert emulator.call("PUT", LINKS, body).status == 204
    assert emulator.call("GET", f"{LINKS}/101/HUBSPOT_DEFINED/1").body["results"] == [20001]
    assert emulator.call("GET", f"{LINKS}/20001/HUBSPOT_DEFINED/2").body["results"] == [101]
    assert emulator.call("PUT", LINKS, {**body, "toObjectId": 5}).status == 404
    assert emulator.call("PUT", LINKS, {**body, "definitionId": 999}).status == 400
    assert emulator.call("GET", f"{LINKS}/101/HUBSPOT_DEFINED/x").status == 400


def test_a_user_is_read_by_id_or_by_address(emulator: Emulator) -> None:
    user = emulator.call("GET", "/settings/v3/users").body["results"][0]
    assert emulator.call("GET", f"/settings/v3/users/{user['id']}").body == user
    assert emulator.call("GET", f"/settings/v3/users/{user['email']}?idProperty=EMAIL").body == user
    assert emulator.call("GET", "/settings/v3/users/5").status == 404
    assert emulator.call("GET", "/settings/v3/users/teams").body == {"results": []}
