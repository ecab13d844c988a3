"""A person's page: what is still to be done for them, what they consented to, and whether they are kept out."""

from __future__ import annotations

import asyncio

from tests.integration.console.harness import Console, Page

from hubwire.operation import RecordRef
from hubwire.record.privacy import RegulationType
from hubwire.record.protocol import (
    ConfirmedValue,
    CycleOutcome,
    LaneState,
    ObjectRecord,
    RecordAssociation,
    Span,
)


def test_what_waits_for_a_person_and_what_they_consented_to(console: Console) -> None:
    console.fill()
    console.sign_in()
    assert console.json("/who-messages/u1")["consent"] is None
    preferences = {"Advertising": True, "Analytics": False}
    message = {"type": "page", "userId": "u1", "context": {"consent": {"categoryPreferences": preferences}}}
    console.receive(message, "with-consent")
    found = console.json("/who-messages/u1")
    assert found["consent"]["categories"] == preferences
    assert found["consent"]["message_href"] == "/messages/with-consent"
    for row in found["unsettled"]:
        assert len(console.json(row["href"])["lines"]) == row["count"]
    assert "pending" in {row["state"] for row in found["unsettled"]}
    text = Page(console.get("/who-messages/u1").text).text
    assert "not given" in text
    assert "Open issues" in text


def test_who_was_forgotten_is_said_to_be_kept_out(console: Console) -> None:
    console.fill()
    console.sign_in()
    assert console.json("/who/u1")["is_suppressed"] is False
    for kind, subject in (("EMAIL", "paula@example.org"), ("USER_ID", "u1")):
        regulation = console.forgetter.request(RegulationType.SUPPRESS_ONLY, kind, [subject], "test")
        asyncio.run(console.forgetter.run(regulation.regulation_id))
    for identity in ("Paula@example.org", "u1"):
        assert console.json(f"/who/{identity}")["is_suppressed"] is True
    assert "is suppressed by a deletion request" in Page(console.get("/who/u1").text).text
    assert console.json("/who/u2")["is_suppressed"] is False


def test_a_person_is_all_their_known_ids_on_the_page_and_in_the_lists_it_leads_to(console: Console) -> None:
    console.fill()
    console.sign_in()
    console.receive({"type": "track", "userId": "u1", "event": "By id"}, "by-id")
    console.receive({"type": "identify", "anonymousId": "a1", "traits": {"email": "PAULA@example.org"}}, "by-address")
    console.receive({"type": "track", "userId": "u10", "event": "Of somebody else"}, "another")
    for identity in ("u1", "paula@example.org"):
        page = console.json(f"/who-messages/{identity}")
        [pending] = [group for group in page["unsettled"] if group["state"] == "pending"]
        linked = {line["message_id"] for line in console.json(pending["href"])["lines"]}
        assert {"by-id", "by-address"} <= linked
        assert "another" not in linked
        assert len(linked) == pending["count"]


def remember_an_order(console: Console, lane_id: int) -> None:
    """Let the memory hold an order of Paula."""
    ann, order = RecordRef("contact", "paula@example.org"), RecordRef("order", "hubwire_order_id:o1")
    record = console.store.record
    lease = record.lease_lane(lane_id, "worker", console.clock.now_ms(), 60)
    assert lease is not None
    cycle_id = record.begin_cycle(
        lease, console.clock.now_ms(), Span(live_after=0, live_through=0, backfill_after=0, backfill_through=0)
    )
    values = {"hs_order_name": ConfirmedValue("Order o1", 5, 1)}
    outcome = CycleOutcome(
        cycle_id=cycle_id,
        lane=LaneState(),
        ended_at_ms=console.clock.now_ms(),
        records=[ObjectRecord(*order, "900", 5, values, 5)],
        record_associations=[RecordAssociation(order, ann, 5)],
    )
    record.commit_cycle(lease, outcome)
    record.release(lease)


def test_the_orders_of_a_person_are_on_their_page_with_links(console: Console) -> None:
    lane_id = console.fill()
    console.sign_in()
    remember_an_order(console, lane_id)
    [found] = console.json("/who/paula@example.org")["other_records"]
    assert (found["kind"], found["key"], found["record_id"]) == ("order", "hubwire_order_id:o1", "900")
    assert found["url"] == "https://app.hubspot.com/contacts/1234567/record/0-123/900"
    assert "Deals, orders and other records" in console.get("/who/paula@example.org").text


def test_a_record_of_another_type_has_a_page_by_its_name(console: Console) -> None:
    lane_id = console.fill()
    console.sign_in()
    remember_an_order(console, lane_id)
    found = console.get("/search?q=orders:hubwire_order_id:o1")
    assert found.headers["location"] == "/who/orders%3Ahubwire_order_id%3Ao1"
    page = console.json(found.headers["location"])
    [view] = page["records"]
    assert (view["record"]["kind"], view["record"]["associated"]) == ("order", ["paula@example.org"])
    shown = console.get("/who/order:hubwire_order_id:o1").text
    assert "<h2>Order in " in shown
    assert "<dt>Known by</dt><dd>hubwire_order_id:o1</dd>" in shown
