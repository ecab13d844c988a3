"""A person's page: what is still to be done for them, and what they consented to."""

from __future__ import annotations

from tests.integration.console.harness import Console, Page


def test_what_waits_for_a_person_and_what_they_consented_to(console: Console) -> None:
    console.fill()
    console.sign_in()
    assert console.json("/who-messages/u1")["consent"] is None
    preferences = {"Advertising": True, "Analytics": False}
    said = {"type": "page", "userId": "u1", "context": {"consent": {"categoryPreferences": preferences}}}
    console.receive(said, "with-consent")
    found = console.json("/who-messages/u1")
    assert found["consent"]["categories"] == preferences
    assert found["consent"]["message_href"] == "/messages/with-consent"
    for one in found["unsettled"]:
        assert len(console.json(one["href"])["lines"]) == one["count"]
    assert "pending" in {one["state"] for one in found["unsettled"]}
    text = Page(console.get("/who-messages/u1").text).text
    assert "not given" in text
    assert "Still to be done" in text
