"""The demo page as a person uses it. Screenshots of every look go to screenshots/, to be looked at."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from tests.browser.harness import HUB_ID, ROOT, Host, Visit, sandbox_source

LOOKS: list[tuple[str, Literal["light", "dark"], int, int]] = [
    ("light", "light", 1280, 900),
    ("dark", "dark", 1280, 900),
    ("phone", "light", 390, 844),
    ("phone-dark", "dark", 390, 844),
]


def open_demo(host: Host, visit: Visit) -> Page:
    page = visit.open(f"{host.origin}/demo")
    expect(page.locator("#device")).to_have_text("loaded")
    return page


def received(page: Page, text: str) -> None:
    expect(page.locator("#received li", has_text=text).first).to_be_visible()


@pytest.mark.parametrize(("name", "scheme", "width", "height"), LOOKS, ids=[look[0] for look in LOOKS])
def test_every_button_shows_what_hubspot_received(
    host: Host, visit: Visit, name: str, scheme: Literal["light", "dark"], width: int, height: int
) -> None:
    host.source = sandbox_source(load_forms_sdk=True)
    visit.page.emulate_media(color_scheme=scheme)
    visit.page.set_viewport_size({"width": width, "height": height})
    page = open_demo(host, visit)
    received(page, "counted by HubSpot itself")
    for call in ("identify", "track", "group", "page"):
        page.click(f"form[data-call={call}] button")
        expect(page.locator("#sent li", has_text=call).first).to_be_visible()
    received(page, f"pe{HUB_ID}_clicked_buy_now_button")
    received(page, "/pricing?plan=pro")
    received(page, 'identity { "company": "Initech", "email": "peter@initech.com"')
    page.fill("#hubspot-form input[name=email]", "peter@initech.com")
    page.click("#hubspot-form input[type=submit]")
    received(page, "demo-form")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow == 0, "the page scrolls sideways"
    (ROOT / "screenshots").mkdir(exist_ok=True)
    page.screenshot(path=ROOT / "screenshots" / f"demo-{name}.png", full_page=True, animations="disabled")
    assert visit.complaints == []


def test_switches_keep_calls_from_hubspot(host: Host, visit: Visit) -> None:
    page = open_demo(host, visit)
    page.check("#not-hubspot")
    page.fill("form[data-call=track] input[name=event]", "Hidden")
    page.click("form[data-call=track] button")
    expect(page.locator("#sent li", has_text='{ "HubSpot": false }')).to_be_visible()
    page.uncheck("#not-hubspot")
    page.fill("form[data-call=track] input[name=event]", "Seen")
    page.click("form[data-call=track] button")
    received(page, f"pe{HUB_ID}_seen")
    page.check("#opt-out")
    received(page, "doNotTrack")
    page.fill("form[data-call=track] input[name=event]", "Opted out")
    page.click("form[data-call=track] button")
    expect(page.locator("#sent li", has_text="Opted out")).to_contain_text('{ "HubSpot": false }')
    assert [name for name in host.counted() if name.startswith("event")] == [f"event pe{HUB_ID}_seen"]


def test_the_panel_shows_this_visitor_and_all_on_request(host: Host, visit: Visit) -> None:
    page = open_demo(host, visit)
    received(page, "counted by HubSpot itself")
    other = {"kind": "view", "hubId": HUB_ID, "pageId": "other", "utk": "ab" * 16, "url": f"{host.origin}/demo"}
    page.request.post(f"{host.origin}/_hubspot/track", data={**other, "path": "/of-another-visitor", "sequence": 1})
    page.click("form[data-call=track] button")
    received(page, f"pe{HUB_ID}_clicked_buy_now_button")
    expect(page.locator("#received")).not_to_contain_text("/of-another-visitor")
    page.check("#everyone")
    received(page, "/of-another-visitor")


def test_on_a_phone_a_button_brings_its_result_into_view(host: Host, visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    page = open_demo(host, visit)
    page.click("form[data-call=page] button")
    expect(page.locator("#hubspot-title")).to_be_in_viewport()
    received(page, "/pricing")
    expect(page.locator("#hubspot-title")).to_be_in_viewport()


def test_clear_empties_the_panel(host: Host, visit: Visit) -> None:
    page = open_demo(host, visit)
    received(page, "counted by HubSpot itself")
    page.click("#clear")
    expect(page.locator("#nothing-received")).to_be_visible()
    assert host.entries() == []


def test_the_figures_at_the_top(host: Host, visit: Visit) -> None:
    page = open_demo(host, visit)
    expect(page.locator("#ready")).to_contain_text("ms")
    expect(page.locator("#weight")).to_contain_text("1 request,")
    expect(page.locator("#utk")).to_have_text(page.evaluate("/hubspotutk=([0-9a-f]{32})/.exec(document.cookie)[1]"))


def test_without_forms_sdk_or_device_mode_the_page_says_so(host: Host, visit: Visit) -> None:
    page = open_demo(host, visit)
    expect(page.locator("text=The Forms SDK is switched off")).to_be_visible()
    host.source = sandbox_source(device_mode=False)
    page.goto(f"{host.origin}/demo")
    expect(page.locator("text=There is no source with device mode yet")).to_be_visible()
