"""The emulator's own page at `/`: each button is clicked, and what it promises is asked of the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.console_world import axe_script, person, violations
from tests.browser.harness import ROOT

from hubwire.emulator.moments import parse_moment
from hubwire.testing import Emulator, running_emulator

CONTACTS = "/crm/v3/objects/contacts"
UPSERT = f"{CONTACTS}/batch/upsert"
LOOKS = [("light", 1280, 860), ("dark", 1280, 860), ("light", 390, 844), ("dark", 390, 844)]


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with running_emulator(custom_objects="machines") as emulator:
        yield emulator


@pytest.fixture
def emulator(server: Emulator) -> Emulator:
    server.reset()
    return server


@pytest.fixture
def page(emulator: Emulator, browser: Browser) -> Iterator[Page]:
    context = person(browser)
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda line: problems.append(line.text) if line.type in ("error", "warning") else None)
    opened.goto(emulator.base_url)
    yield opened
    context.close()
    assert problems == []


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def call(emulator: Emulator, method: str = "GET", path: str = CONTACTS, body: Any = None) -> int:
    headers = {"authorization": f"Bearer {emulator.access_token}"}
    return httpx2.request(method, emulator.base_url + path, json=body, headers=headers).status_code


def upsert(emulator: Emulator, email: str) -> int:
    inputs = [{"id": email, "idProperty": "email", "properties": {"city": "Rome"}}]
    return call(emulator, "POST", UPSERT, {"inputs": inputs})


@pytest.mark.parametrize(("name", "seconds"), [("+ 1 s", 1), ("+ 1 min", 60), ("+ 1 h", 3_600), ("+ 1 day", 86_400)])
def test_a_clock_button_moves_the_times_of_records(emulator: Emulator, page: Page, name: str, seconds: int) -> None:
    press(page, "Stop the clock")
    upsert(emulator, "before@example.com")
    press(page, name)
    upsert(emulator, "after@example.com")
    before, after = (parse_moment(contact["createdAt"]) for contact in emulator.contacts())
    assert after - before == seconds * 1000


def test_the_clock_stops_and_runs_again(emulator: Emulator, page: Page) -> None:
    clock = page.locator("#controls h3", has_text="Clock")
    expect(clock).to_contain_text("running")
    press(page, "Stop the clock")
    expect(clock).to_contain_text("stopped")
    assert emulator.clock.is_frozen
    press(page, "Let the clock run")
    expect(clock).to_contain_text("running")
    assert not emulator.clock.is_frozen


@pytest.mark.parametrize(
    ("name", "status"), [("Rate limit (429)", 429), ("Unavailable (503)", 503), ("Wrong token (401)", 401)]
)
def test_a_fault_meets_the_next_call_and_only_that(emulator: Emulator, page: Page, name: str, status: int) -> None:
    press(page, name)
    expect(page.locator("#controls")).to_contain_text("1 fault in force")
    assert [upsert(emulator, "ada@example.com") for _ in range(2)] == [status, 200]
    page.reload()
    expect(page.locator("#controls")).to_contain_text("no faults in force")
    expect(page.locator("#requests tbody .bad")).to_have_text(str(status))


def test_a_call_can_be_carried_out_and_answered_500(emulator: Emulator, page: Page) -> None:
    press(page, "Done, but answered 500")
    assert upsert(emulator, "ada@example.com") == 500
    assert [contact["properties"]["email"] for contact in emulator.contacts()] == ["ada@example.com"]


def test_a_call_can_be_answered_200_and_write_nothing(emulator: Emulator, page: Page) -> None:
    press(page, "Next batch: 200, nothing written")
    assert upsert(emulator, "ada@example.com") == 200
    assert emulator.contacts() == []


def test_a_connection_can_be_cut(emulator: Emulator, page: Page) -> None:
    press(page, "Connection cut")
    with pytest.raises(httpx2.TransportError):
        upsert(emulator, "ada@example.com")
    assert (upsert(emulator, "ada@example.com"), len(emulator.contacts())) == (200, 1)


def test_faults_can_be_removed(emulator: Emulator, page: Page) -> None:
    for name in ("Rate limit (429)", "Unavailable (503)"):
        press(page, name)
    expect(page.locator("#controls")).to_contain_text("2 faults in force")
    press(page, "Remove all faults")
    expect(page.locator("#controls")).to_contain_text("no faults in force")
    assert upsert(emulator, "ada@example.com") == 200


def test_rate_limits_go_off_and_on(emulator: Emulator, page: Page) -> None:
    emulator.set_limits(burst=2)
    press(page, "Rate limits on or off")
    expect(page.locator("#controls")).to_contain_text("rate limits off")
    assert [call(emulator) for _ in range(4)] == [200] * 4
    press(page, "Rate limits on or off")
    expect(page.locator("#controls")).to_contain_text("rate limits on")
    assert [call(emulator) for _ in range(4)] == [200, 200, 429, 429]


def test_starting_over_leaves_nothing(emulator: Emulator, page: Page) -> None:
    upsert(emulator, "ada@example.com")
    press(page, "Rate limit (429)")
    press(page, "Start over")
    expect(page.locator("#contacts")).to_contain_text("None yet.")
    expect(page.locator("#controls")).to_contain_text("no faults in force")
    assert (emulator.contacts(), emulator.stats()["total"]) == ([], 0)


def test_a_search_and_its_pages_stay_while_buttons_are_pressed(emulator: Emulator, page: Page) -> None:
    emulator.seed(contacts=[{"properties": {"email": f"p{number}@ex.org", "city": "Rome"}} for number in range(130)])
    emulator.seed(contacts=[{"properties": {"email": "elsewhere@ex.org", "city": "Oslo"}}])
    page.get_by_label("Search every table").fill("rome")
    press(page, "Search")
    expect(page.locator("#contacts h2")).to_contain_text("1 to 100 of 130")
    page.locator("#contacts").get_by_role("link", name="Older").click()
    expect(page.locator("#contacts h2")).to_contain_text("101 to 130 of 130")
    press(page, "+ 1 h")
    expect(page.locator("#contacts h2")).to_contain_text("101 to 130 of 130")
    expect(page.get_by_label("Search every table")).to_have_value("rome")
    page.locator("#contacts").get_by_role("link", name="Newer").click()
    expect(page.locator("#contacts h2")).to_contain_text("1 to 100 of 130")


def test_a_live_log_shows_each_call_with_its_body_and_can_be_stopped(emulator: Emulator, page: Page) -> None:
    page.get_by_role("link", name="Reload every 2 s").click()
    press(page, "Unavailable (503)")
    upsert(emulator, "ada@example.com")
    newest = page.locator("#requests tbody tr").first
    expect(newest).to_contain_text("503")  # without a click: the page reloads
    expect(page.locator("#requests")).to_contain_text('"id": "ada@example.com"')
    expect(page.locator("#requests pre").first).to_be_visible()
    page.evaluate("scrollTo(0, 200)")
    page.wait_for_event("domcontentloaded")
    page.wait_for_function("scrollY === 200")
    page.get_by_role("link", name="Stop reloading").click()
    expect(page.get_by_role("link", name="Reload every 2 s")).to_be_visible()


def test_a_row_opens_and_its_links_lead_to_records(emulator: Emulator, page: Page) -> None:
    upsert(emulator, "ada@example.com")
    page.reload()
    expect(page.locator("#contacts dl")).to_be_hidden()
    page.locator("#contacts summary").click()
    expect(page.locator("#contacts dl")).to_contain_text("hs_email_domain")
    page.locator("#contacts").get_by_role("link", name="example.com", exact=True).click()
    assert page.url.endswith("#companies-20001")
    page.get_by_role("link", name="/_emulator/", exact=True).click()
    expect(page.locator("body")).to_contain_text("POST /_emulator/faults")


@pytest.mark.parametrize(("scheme", "width", "height"), LOOKS, ids=["desk", "desk-dark", "phone", "phone-dark"])
def test_it_is_readable_in_every_look(
    emulator: Emulator, browser: Browser, scheme: str, width: int, height: int
) -> None:
    emulator.seed(
        contacts=[{"id": "1", "properties": {"email": f"{'long' * 12}@example.com", "firstname": "Ada"}}],
        machines=[{"properties": {"name": "Press"}}],
        deals=[{"properties": {"dealname": "A big deal"}}],
        event_definitions=[{"name": "paid", "label": "Paid", "properties": [{"name": "sum"}]}],
        events=[
            {"eventName": "paid", "email": f"{'long' * 12}@example.com", "properties": {"sum": "42"}},
            {"eventName": "paid", "email": "nobody@example.com"},
        ],
    )
    upsert(emulator, "bob@example.com")
    call(emulator, path=f"{CONTACTS}/9")
    context = person(browser, scheme=scheme, width=width, height=height)
    shown = context.new_page()
    shown.goto(emulator.base_url)
    for opener in shown.locator("summary").all():
        opener.click()
    assert shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    (ROOT / "screenshots").mkdir(exist_ok=True)
    shown.screenshot(path=ROOT / "screenshots" / f"emulator-{scheme}-{width}.png", full_page=True)
    assert violations(shown, axe_script(ROOT / "tests" / "browser")) == []
    context.close()
