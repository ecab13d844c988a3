"""The page of lists and forms, the page of one list, and a person's lists and subscriptions."""

from __future__ import annotations

from tests.integration.console.harness import NOW_MS, XSS, Console, Page

from hubwire.manage.list_sizes import LiveSize
from hubwire.registry.access import Role


def test_a_list_shows_its_members_here_and_at_hubspot_and_who_joined_because_of_which_message(console: Console) -> None:
    console.fill()
    console.sign_in()
    page = console.json("/lists")
    [line] = page["lists"]
    assert (line["size"]["member_count"], line["size"]["known"]["size"], line["href"]) == (1, 3, "/lists/1/vip")
    assert [form["count"]["counts"] for form in page["forms"]] == [{"seen": 1}]
    one = console.json("/lists/1/vip")
    assert [(change["membership"]["record_key"], change["message_href"]) for change in one["changes"]] == [
        ("paula@example.org", "/messages/m-0"),
        (XSS, None),
    ]
    assert one["left_out_href"] == "/messages?left_out=list%3Avip"
    assert one["hubspot_url"] == "https://app.hubspot.com/contacts/1234567/objectLists/7"
    assert console.get("/lists/1/no-such-list").headers["location"] == "/lists"


def test_a_person_shows_their_lists_subscriptions_and_forms(console: Console) -> None:
    console.fill()
    console.sign_in()
    [found] = console.json("/who/u1")["marketing"]
    known = found["known"]
    assert [membership["list_key"] for membership in known["memberships"]] == ["vip"]
    assert [preference["state"] for preference in known["preferences"]] == ["UNSUBSCRIBED"]
    assert [submission["state"] for submission in known["submissions"]] == ["seen"]
    text = Page(console.get("/who/u1").text).text
    assert "unsubscribed" in text
    assert "Marketing Information" in text, "the name of the type, not only its number"


def test_who_may_not_read_payloads_sees_no_members(console: Console) -> None:
    console.fill()
    console.sign_in(Role.VIEW)
    assert "/lists/1/vip" not in Page(console.get("/lists").text).links()
    assert console.get("/lists/1/vip").status_code == 403


def test_the_size_at_hubspot_is_read_after_the_page_and_says_why_if_it_is_not(console: Console) -> None:
    console.fill()
    console.sign_in()
    page = console.json("/lists/1/vip")
    assert page["size_href"] == "/list-size/1/vip"
    assert "Not read now: HubSpot has no such list." in Page(console.get("/list-size/1/vip").text).text
    console.bench.list_sizes["7"] = LiveSize(size=1234, read_at_ms=NOW_MS)
    shown = Page(console.get("/list-size/1/vip").text).text
    assert "1,234, read" in shown
    assert "Not read" not in shown
    assert console.get("/list-size/1/no-such-list").headers["location"] == "/lists"
