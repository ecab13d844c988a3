"""Masking keeps the shape of a payload and says nothing of its person."""

from __future__ import annotations

import pytest

from hubwire.web.mask import mask_answer, mask_email, mask_payload, mask_person, mask_text


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+4917612345678", "+…"),
        ("0176 1234-5678", "0…"),
        ("Call (030) 1234567 now", "Call (… now"),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("pe12345678_bought_item", "pe12345678_bought_item"),
        ("1234567", "1234567"),
        ("2026-11-30", "2026-11-30"),
        ("due 2026-11-30T10:00:00Z", "due 2026-11-30T10:00:00Z"),
        ("Order 42", "Order 42"),
    ],
)
def test_a_phone_number_is_masked_and_other_numbers_stay(text: str, shown: str) -> None:
    assert mask_person(text) == shown


def test_of_hubspots_words_only_the_property_is_shown() -> None:
    assert mask_answer('firstname: "Peter" is not valid') == "firstname: …"
    assert mask_answer("Peter is not valid") == "…"
    assert mask_answer("") == ""
