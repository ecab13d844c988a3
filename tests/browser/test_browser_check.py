"""The check page of device mode in a browser: HubSpot loaded, blocked, waiting for consent; and nothing of the console
within reach of the scripts that run there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.browser.console_world import ADMIN_TOKEN, World, person
from tests.support.process import HubwireProcess

from hubwire.testing import Emulator
from hubwire.web.access import COOKIE

NOTHING: dict[str, list[str]] = {"consent_categories": []}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox, which has a website in device mode."""
    with HubwireProcess(tmp_path_factory.mktemp("check"), HUBWIRE_ADMIN_TOKEN=ADMIN_TOKEN) as process:
        yield World(process, Emulator())


@pytest.fixture
def context(browser: Browser, world: World) -> Iterator[BrowserContext]:
    world.api("PATCH", "/destinations/sandbox", json={"mapping": NOTHING})
    visitor = person(browser)
    yield visitor
    visitor.close()


def opened(world: World, context: BrowserContext) -> Page:
    """The check page, as an operator opens it."""
    page = context.new_page()
    world.sign_in(page)
    page.get_by_role("link", name="Device mode", exact=True).click()
    with context.expect_page() as popup:
        page.get_by_role("link", name="Check in this browser").click()
    return popup.value


def says(page: Page, what: str, text: str | re.Pattern[str]) -> None:
    expect(page.locator(f"#{what} .says")).to_have_text(text)


def test_a_browser_that_loads_hubspot_shows_its_visitor_and_the_message(world: World, context: BrowserContext) -> None:
    page = opened(world, context)
    says(page, "hubwire", "loaded")
    says(page, "hubspot", "loaded")
    says(page, "utk", re.compile("^[0-9a-f]{32}$"))
    expect(page.locator("#hubspot")).to_have_attribute("data-health", "ok")
    with context.expect_page() as popup:
        page.get_by_role("link", name="show the message").click()
    expect(popup.value.get_by_role("heading", level=1)).to_have_text("page")


def test_a_browser_that_blocks_hubspot_is_told_so(world: World, context: BrowserContext) -> None:
    context.route("**/_hubspot/js/**", lambda route: route.abort())
    page = opened(world, context)
    says(page, "hubwire", "loaded")
    says(page, "hubspot", "not loaded: blocked, or HubSpot does not respond")
    says(page, "utk", "none")


def test_a_browser_that_blocks_only_what_the_loader_loads_is_told_so(world: World, context: BrowserContext) -> None:
    context.route("**/_hubspot/js/analytics/**", lambda route: route.abort())
    page = opened(world, context)
    says(page, "hubspot", "not loaded: the loader works, but the script that it loads is blocked")


def test_a_browser_that_blocks_hubwire_is_told_so(world: World, context: BrowserContext) -> None:
    context.route("**/analytics.min.js", lambda route: route.abort())
    page = opened(world, context)
    says(page, "hubwire", "not loaded: blocked, or the server does not respond")


def test_hubspot_waits_for_consent_and_loads_once_it_is_given(world: World, context: BrowserContext) -> None:
    world.api("PATCH", "/destinations/sandbox", json={"mapping": {"consent_categories": ["Advertising", "Analytics"]}})
    page = opened(world, context)
    says(page, "hubwire", "loaded")
    says(page, "hubspot", re.compile("blocked by consent"))
    says(page, "utk", "none")
    page.get_by_label("Advertising").check()
    says(page, "hubspot", re.compile("blocked by consent"))
    page.get_by_label("Analytics").check()
    says(page, "hubspot", "loaded")
    says(page, "utk", re.compile("^[0-9a-f]{32}$"))


def test_a_visitor_who_opted_out_is_named(world: World, context: BrowserContext) -> None:
    context.add_cookies([{"name": "__hs_do_not_track", "value": "yes", "url": world.url}])
    page = opened(world, context)
    says(page, "hubspot", "loaded; this visitor has opted out in HubSpot")


REACH = """async () => {
  const read = await fetch('/members?format=json').then(() => 'read', () => 'refused')
  const api = await fetch('/api/v1/audit').then(() => 'read', () => 'refused')
  const other = open('/members')
  while (other && !other.closed) await new Promise((next) => setTimeout(next, 50))
  return [read, api, 'severed']
}"""


def test_scripts_of_the_check_page_reach_nothing_of_the_console(world: World, context: BrowserContext) -> None:
    page = opened(world, context)
    says(page, "hubspot", "loaded")
    assert page.evaluate(REACH) == ["refused", "refused", "severed"]
    assert COOKIE not in page.evaluate("document.cookie")
