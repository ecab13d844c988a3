"""Masking keeps the shape of a payload and says nothing of its person."""

from __future__ import annotations

from hubwire.web.mask import mask_email, mask_payload, mask_text


def test_an_email_shows_its_first_letters() -> None:
    assert mask_email("write to peter.gibbon@initech.example now") == "write to p…@i… now"
    assert mask_text("peter@initech.example") == "p…@i…"
    assert mask_text("Peter") == "P…"
    assert mask_text("") == ""


def test_what_is_of_the_message_is_shown_and_what_is_of_the_person_is_not() -> None:
    body = {
        "type": "identify",
        "messageId": "m-1",
        "userId": "peter@initech.example",
        "traits": {"email": "peter@initech.example", "age": 41, "vip": True, "tags": ["a-team"]},
        "context": {"library": {"name": "analytics.js"}, "ip": "203.0.113.9"},
    }
    masked = mask_payload(body)
    assert (masked["type"], masked["messageId"], masked["context"]["library"]) == (
        "identify",
        "m-1",
        {"name": "analytics.js"},
    )
    assert masked["userId"] == "p…@i…"
    assert masked["traits"] == {"email": "p…@i…", "age": "…", "vip": True, "tags": ["a…"]}
    assert masked["context"]["ip"] == "2…"
