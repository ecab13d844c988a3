"""The page at `/`."""

from __future__ import annotations

import re

from hubwire.testing import Emulator

BAD = "<script>alert('x')</script>"


def page(emulator: Emulator, path: str = "/") -> str:
    answer = emulator.call("GET", path, token=None)
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
    assert "Events of unknown people <b>1</b>" in text
    assert "no contact with this email" in text
    assert "Events of unknown people" not in page(Emulator())


def test_everything_is_escaped(emulator: Emulator) -> None:
    emulator.seed(
        contacts=[{"properties": {"email": "ada@example.com", "firstname": BAD}}],
        companies=[{"properties": {"name": BAD, "domain": '"><img src=x>'}}],
        event_definitions=[{"name": "paid", "label": "Paid", "properties": [{"name": "sum"}]}],
        events=[{"eventName": "paid", "email": "ada@example.com", "properties": {"sum": BAD}}],
    )
    text = page(emulator)
    assert "<script" not in text
    assert "<img src=x" not in text
    assert text.count("&lt;script&gt;") >= 4


def test_it_needs_nothing_from_elsewhere_and_runs_nothing(emulator: Emulator) -> None:
    text = page(emulator)
    assert not re.search(r"(src|href)=\"?(https?:)?//", text)
    assert "url(" not in text
    answer = emulator.call("GET", "/")
    policy = answer.headers["content-security-policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'"


def test_looking_at_it_is_no_call(emulator: Emulator) -> None:
    assert '<link rel="icon" href="data:image/svg+xml;base64,' in page(emulator)
    assert emulator.call("GET", "/favicon.ico", token=None).status == 204  # beside JSON there is no icon to name
    assert emulator.stats()["total"] == 0


def test_it_shows_the_newest_hundred_and_the_rest_page_by_page() -> None:
    emulator = Emulator(custom_objects="machines")
    emulator.seed(contacts=[{"properties": {"email": f"p{number}@example.com"}} for number in range(101)])
    text = page(emulator)
    assert "1 to 100 of 101, newest first" in text
    assert ("p100@example.com" in text, "p0@example.com" in text) == (True, False)
    older = re.search(r'href="(/\?contacts=2)#contacts">Older<', text)
    assert older is not None
    rest = page(emulator, older[1])
    assert ("101 to 101 of 101" in rest, "p0@example.com" in rest, "Newer" in rest) == (True, True, True)
    assert "Machines" in text
    assert "None yet." in text


def test_a_search_narrows_every_table(emulator: Emulator) -> None:
    emulator.seed(
        contacts=[{"properties": {"email": f"{name}@ex.org", "city": "Rome"}} for name in ("ada", "bob")],
        deals=[{"properties": {"dealname": "Ada's deal"}}, {"properties": {"dealname": "Other"}}],
    )
    text = page(emulator, "/?q=ADA+rome")
    assert ("ada@ex.org" in text, "bob@ex.org" in text, 'value="ADA rome"' in text) == (True, False, True)
    text = page(emulator, "/?q=deal")
    assert ("Ada&#x27;s deal" in text, "Other" in text) == (True, False)


def test_requests_are_shown_with_their_bodies_and_without_secrets(emulator: Emulator) -> None:
    emulator.call("POST", "/crm/v3/objects/contacts", {"properties": {"email": "ada@ex.org", "city": "Rome"}})
    emulator.call("GET", "/crm/v3/objects/contacts/9")
    text = page(emulator)
    assert "POST /crm/v3/objects/contacts" in text
    assert "&quot;city&quot;: &quot;Rome&quot;" in text
    assert '<span class="bad">404</span>' in text
    assert "Bearer ***" in text
    assert "Bearer t<" not in text


def test_a_live_page_reloads_itself(emulator: Emulator) -> None:
    assert '<meta http-equiv="refresh" content="2;url=/?live=1">' in page(emulator, "/?live=1")
    assert "http-equiv" not in page(emulator)


def press(emulator: Emulator, button: str, **headers: str) -> int:
    return emulator.call("POST", "/_emulator/page", f"do={button}".encode(), token=None, headers=headers).status


def test_buttons_move_the_clock_set_faults_and_start_over(emulator: Emulator) -> None:
    before = emulator.clock.now_ms()
    assert press(emulator, "hour") == 303
    assert emulator.clock.now_ms() - before == 3_600_000
    assert press(emulator, "503") == 303
    assert "1 fault in force" in page(emulator)
    statuses = [emulator.call("GET", "/crm/v3/objects/contacts").status for _ in range(2)]
    assert statuses == [503, 200]
    assert press(emulator, "limits") == 303
    assert emulator.state.config.limits_enabled is False
    assert press(emulator, "reset") == 303
    assert emulator.stats()["total"] == 0


def test_a_form_of_another_site_presses_nothing(emulator: Emulator) -> None:
    assert press(emulator, "reset", origin="https://evil.example", host="127.0.0.1:8081") == 403
    assert press(emulator, "nothing") == 400


def test_a_button_keeps_the_search_and_the_pages(emulator: Emulator) -> None:
    text = page(emulator, "/?q=rome&contacts=2&live=1")
    assert 'action="/_emulator/page?q=rome&amp;live=1&amp;contacts=2"' in text
    answer = emulator.call("POST", "/_emulator/page?q=rome&contacts=2", b"do=429", token=None)
    assert answer.headers["location"] == "/?q=rome&contacts=2#controls"
