"""The page of lists and forms, the page of one list, and a person's lists and subscriptions."""

from __future__ import annotations

from tests.integration.console.harness import MESSAGES, NOW_MS, XSS, Console, Page

from hubwire.delivery import State
from hubwire.manage.list_sizes import LiveSize
from hubwire.record.protocol import CycleOutcome, LaneState, Settled, Span
from hubwire.registry.access import Role


def test_a_list_shows_its_members_here_and_at_hubspot_and_who_joined_because_of_which_message(console: Console) -> None:
    console.fill()
    console.sign_in()
    page = console.json("/lists")
    [line] = page["lists"]
    assert (line["size"]["member_count"], line["size"]["known"]["size"], line["href"]) == (1, 3, "/lists/1/vip")
    assert [form["count"]["counts"] for form in page["forms"]] == [{"seen": 1}]
    destination = console.json("/lists/1/vip")
    assert [(change["membership"]["record_key"], change["message_href"]) for change in destination["changes"]] == [
        ("paula@example.org", "/messages/m-0"),
        (XSS, None),
    ]
    assert destination["left_out_href"] == "/messages?left_out=list%3Avip"
    assert destination["hubspot_url"] == "https://app.hubspot.com/contacts/1234567/objectLists/7"
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
    assert "1b2c3d4e-0000-4000-8000-1234567890abdelivered" in text, "the state in words"


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
    assert "Its name there" not in shown
    console.bench.list_sizes["7"] = LiveSize(size=1, read_at_ms=NOW_MS, name="Renamed")
    assert "Its name there is now “Renamed”." in Page(console.get("/list-size/1/vip").text).text
    assert console.get("/list-size/1/no-such-list").headers["location"] == "/lists"


def test_lists_that_could_not_be_changed_are_named_with_their_reasons(console: Console) -> None:
    console.fill()
    console.sign_in()
    assert console.json("/lists")["left_out"] == []
    body = {"type": "identify", "userId": "u9", "traits": {"email": "u9@example.org"}}
    console.receive(body, "of-a-list")
    record, now_ms = console.store.record, console.clock.now_ms()
    lease = record.lease_lane(1, "a", now_ms, 10)
    assert lease is not None
    position = len(MESSAGES) + 1
    span = Span(live_after=position - 1, live_through=position, backfill_after=0, backfill_through=0)
    cycle_id = record.begin_cycle(lease, now_ms, span)
    left_out = b'[{"field": "list:dynamic", "reason": "list-unusable", "detail": "filters decide"}]'
    settled = [Settled(position=position, state=State.DELIVERED, left_out=left_out)]
    lane = LaneState(live_cursor=position)
    record.commit_cycle(lease, CycleOutcome(cycle_id=cycle_id, lane=lane, settled=settled, ended_at_ms=now_ms))
    [line] = console.json("/lists")["left_out"]
    assert (line["line"]["field"], line["line"]["reason"], line["line"]["count"]) == (
        "list:dynamic",
        "list-unusable",
        1,
    )
    assert line["line"]["messages_href"].startswith("/messages?")
    assert "What changed nothing, and why" in Page(console.get("/lists").text).text
