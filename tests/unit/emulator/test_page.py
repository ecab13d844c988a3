"""The page at `/`."""

from __future__ import annotations

import re

from hubwire.testing import CustomObject, Emulator

BAD = "<script>alert('x')</script>"


def page(emulator: Emulator) -> str:
    answer = emulator.call("GET", "/", token=None)
    assert answer.status == 200
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


def test_it_shows_contacts_companies_and_events(emulator: Emulator) -> None:
    emulator.seed(
        contacts=[{"id": "1", "properties": {"email": "ada@example.com", "city": "Oslo"}}],
        companies=[{"id": "2", "properties": {"name": "Acme"}}],
        associations=[{"from": {"type": "contacts", "id": "1"}, "to": {"type": "companies", "id": "2"}}],
        event_definitions=[{"name": "paid", "label": "Paid", "properties": [{"name": "sum"}]}],
        events=[{"eventName": "paid", "email": "ada@example.com", "properties": {"sum": "42"}}],
    )
    text = page(emulator)
    for shown in ("ada@example.com", "Oslo", "Acme", "pe1234567_paid", "42"):
        assert shown in text
    assert '<a class="chip" href="#companies-2">Acme</a>' in text
    assert text.count('<a class="chip" href="#contacts-1">ada@example.com</a>') == 2
    assert '<tr id="companies-2">' in text


def test_it_speaks_of_events_that_nobody_has(emulator: Emulator) -> None:
    emulator.seed(event_definitions=[{"name": "paid", "label": "Paid"}])
    emulator.seed(events=[{"eventName": "paid", "email": "eve@example.com"}])
    text = page(emulator)
    assert "Accepted, of nobody <b>1</b>" in text
    assert "no contact with this email" in text
    assert "Accepted, of nobody" not in page(Emulator())


def test_everything_is_escaped(emulator: Emulator) -> None:
    emulator.seed(
        contacts=[{"properties": {"email": "ada@example.com", "firstname": BAD}}],
        companies=[{"properties": {"name": BAD, "domain": '"><img src=x>'}}],
        event_definitions=[{"name": "paid", "label": "Paid", "properties": [{"name": "sum"}]}],
        events=[{"eventName": "paid", "email": "ada@example.com", "properties": {"sum": BAD}}],
    )
    text = page(emulator)
    assert "<script" not in text
    assert "<img" not in text
    assert text.count("&lt;script&gt;") >= 4


def test_it_needs_nothing_from_elsewhere_and_runs_nothing(emulator: Emulator) -> None:
    text = page(emulator)
    assert not re.search(r"(src|href)=\"?(https?:)?//", text)
    assert "url(" not in text
    answer = emulator.call("GET", "/")
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_looking_at_it_is_no_call(emulator: Emulator) -> None:
    assert '<link rel="icon" href="data:,">' in page(emulator)
    assert emulator.stats()["total"] == 0


def test_it_shows_the_newest_200_and_says_so() -> None:
    emulator = Emulator(custom_objects=(CustomObject("machines", "2-99", properties=({"name": "site"},)),))
    emulator.seed(contacts=[{"properties": {"email": f"p{number}@example.com"}} for number in range(201)])
    text = page(emulator)
    assert "the newest 200 of 201" in text
    assert "p200@example.com" in text
    assert "p0@example.com" not in text
    assert "Machines" in text
    assert "None yet." in text
