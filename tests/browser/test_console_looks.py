"""Every page in light and dark, on a desk and on a phone: nothing for axe, nothing wider than the screen, headings in
order, and a skip link that leads to the content.

With `--screens`, pictures of all pages go to `screenshots/`, to be looked at."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.console_world import (
    ADMIN_TOKEN,
    World,
    axe_script,
    heading_faults,
    person,
    sample_messages,
    skip_link_target,
    violations,
)
from tests.browser.harness import eventually
from tests.support.process import WRITE_KEY, HubwireProcess

from hubwire.testing import Emulator

SCREENS = Path(__file__).parents[2] / "screenshots"
PATHS = {
    "overview": "/?window=1h",
    "live": "/live",
    "messages": "/messages",
    "messages-filtered": "/messages?state=held",
    "messages-no-match": "/messages?q=nothing",
    "message": "/messages/sample-0",
    "message-failed": "/messages/sample-dead",
    "failures": "/failures",
    "breakdown": "/breakdown?window=1h",
    "calls": "/calls",
    "alerts": "/alerts",
    "replays": "/replays",
    "replay": "/replays/1",
    "replay-new": "/replays/new?state=held",
    "discard-new": "/discards/new?state=dead",
    "who": "/who/user0",
    "setup": "/setup",
    "setup-new": "/setup/new",
    "setup-token": "/setup/1/token",
    "setup-modes": "/setup/1/modes",
    "setup-check": "/setup/1/check",
    "setup-send": "/setup/1/send",
    "sources": "/sources",
    "source": "/sources/2",
    "source-new": "/sources/new",
    "browser": "/browser",
    "browser-check": "/browser/check/2",
    "connections": "/connection",
    "connection": "/connection/1",
    "schema": "/schema",
    "schema-events": "/schema?object=event",
    "mapping": "/mapping",
    "rules": "/rules",
    "rule": "/rules/1/edit?rule=Colour",
    "rule-new": "/rules/1/edit",
    "test": "/test?message=sample-0",
    "import": "/import",
    "system": "/system",
    "audit": "/audit",
    "members": "/members",
    "regulations": "/regulations",
    "regulation": "/regulations/newest",
    "not-found": "/nothing/here",
}
SCREEN_SIZES = {"desk": (1280, 860), "phone": (390, 844)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox with messages of every fate, one replay, a mapping rule and a member."""
    settings = {
        "HUBWIRE_ADMIN_TOKEN": ADMIN_TOKEN,
        "HUBWIRE_ALERT_WEBHOOK_URL": "http://127.0.0.1:9/",
        "HUBWIRE_ALERT_SILENT_HOURS": "0.0001",
    }
    with HubwireProcess(tmp_path_factory.mktemp("looks"), **settings) as process:
        new_world = World(process, Emulator())
        new_world.upload(WRITE_KEY, sample_messages(140))
        process.drained()
        required = {"validation": {"contacts": {"required": ["hs_lead_status"]}}}
        portal = f"{process.emulator_url()}/_emulator/portal"
        assert httpx2.put(portal, json=required).status_code == 200
        dead = {"type": "identify", "userId": "dead", "messageId": "sample-dead", "traits": {"email": "dead@x.example"}}
        new_world.upload(WRITE_KEY, [dead])
        process.drained()
        new_world.api("POST", "/replay", json={"state": "held"})
        new_world.api(
            "PATCH", "/destinations/sandbox", json={"mapping": {"contact": {"favColor": None, "plan": "plan_tier"}}}
        )
        rule = {"name": "Colour", "trigger": 'event = "Bought Item"', "object": "contact"}
        new_world.api(
            "POST", "/destinations/sandbox/rules", json={**rule, "properties": {"jobtitle": "$.properties.value"}}
        )
        staff = {"name": "Staff", "trigger": 'traits.email = "boss@initech.example"', "skip": "own staff"}
        new_world.api("POST", "/destinations/sandbox/rules", json={**staff, "enabled": False})
        differing_schema(new_world)
        request = {"regulationType": "SUPPRESS_WITH_DELETE", "subjectType": "USER_ID", "subjectIds": ["nobody-here"]}
        new_world.api("POST", "/regulations", json=request)
        eventually(lambda: finished(new_world), "the end of the deletion request")
        yield new_world


def differing_schema(world: World) -> None:
    """A message for each state that a property can have beside the portal's."""
    path = f"{world.process.emulator_url()}/crm/properties/2026-09/contacts"
    headers = {"authorization": "Bearer pat-sandbox-token"}
    for name in ("seats", "tier", "nobody"):
        definition = {
            "name": name,
            "label": name,
            "type": "number",
            "fieldType": "number",
            "groupName": "contactinformation",
        }
        assert httpx2.post(path, json=definition, headers=headers).status_code == 201
    assert httpx2.delete(f"{path}/tier", headers=headers).status_code == 204
    traits = {"email": "person1@initech.example", "seats": "many", "tier": 3, "teamSize": 12, "isTrial": True}
    world.upload(WRITE_KEY, [{"type": "identify", "userId": "user1", "messageId": "sample-schema", "traits": traits}])
    world.process.drained()


def finished(world: World) -> bool:
    [newest] = world.api("GET", "/regulations")["data"]["regulations"]
    return bool(newest["overallStatus"] == "FINISHED")


@pytest.fixture(scope="module")
def axe() -> str:
    try:
        return axe_script(Path(__file__).parent)
    except (OSError, subprocess.SubprocessError) as problem:
        pytest.skip(f"axe-core cannot be fetched by npm here: {problem}")


MODES: list[tuple[Literal["light", "dark"], str]] = [
    ("light", "desk"),
    ("light", "phone"),
    ("dark", "desk"),
    ("dark", "phone"),
]


@pytest.fixture(scope="module")
def page(browser: Browser, world: World) -> Iterator[Page]:
    context = person(browser)
    signed_in = context.new_page()
    world.sign_in(signed_in)
    yield signed_in
    context.close()


def turn(page: Page, scheme: Literal["light", "dark"], size: str) -> None:
    """Look at the same page in another light and size: it has one style sheet for all."""
    width, height = SCREEN_SIZES[size]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": height})


@dataclass(frozen=True)
class Looks:
    """axe-core's script, and whether pictures are kept."""

    axe: str
    has_screens: bool


@pytest.fixture(scope="module")
def looks(axe: str, pytestconfig: pytest.Config) -> Looks:
    return Looks(axe, pytestconfig.getoption("--screens"))


def picture(page: Page, scheme: str, size: str, name: str) -> None:
    folder = SCREENS / f"{scheme}-{size}"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def faults(page: Page, looks: Looks, name: str) -> list[str]:
    """What is wrong with the page in one of the four modes. Dark pages have the elements of light ones, so that only
    their colours are left to be checked."""
    found = []
    for scheme, size in MODES:
        turn(page, scheme, size)
        if looks.has_screens:
            picture(page, scheme, size, name)
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append(f"{scheme} {size}: wider than the screen")
        violated = violations(page, looks.axe, only_colours=scheme == "dark")
        found += [f"{scheme} {size}: {line}" for line in (*violated, *heading_faults(page))]
    return found


def address(world: World, name: str) -> str:
    """The address of a page; `newest` stands for the newest deletion request."""
    if not PATHS[name].endswith("/newest"):
        return PATHS[name]
    newest = world.api("GET", "/regulations")["data"]["regulations"][0]["id"]
    return PATHS[name].replace("newest", newest)


@pytest.mark.parametrize("name", PATHS)
def test_a_page_looks_as_it_should(world: World, page: Page, looks: Looks, name: str) -> None:
    turn(page, "light", "desk")
    page.goto(f"{world.url}{address(world, name)}", wait_until="load")
    if name != "browser-check":
        assert skip_link_target(page) == "main"
    assert faults(page, looks, name) == []


def test_the_sign_in_page_looks_as_it_should(world: World, browser: Browser, looks: Looks) -> None:
    context = person(browser)
    stranger = context.new_page()
    stranger.goto(f"{world.url}/login")
    assert faults(stranger, looks, "login") == []
    context.close()


def test_the_emulators_page_looks_as_it_should(world: World, page: Page, looks: Looks) -> None:
    page.goto(f"{world.process.emulator_url()}/")
    assert faults(page, looks, "emulator") == []


def test_the_demo_page_looks_as_it_should(world: World, page: Page, looks: Looks) -> None:
    page.goto(f"{world.url}/demo")
    expect(page.locator("#device")).to_have_text("loaded")
    assert faults(page, looks, "demo") == []


def test_the_menu_opens_on_a_phone(world: World, browser: Browser, looks: Looks) -> None:
    context = person(browser, width=390, height=844)
    page = context.new_page()
    world.sign_in(page)
    page.get_by_text("Menu", exact=True).click()
    if looks.has_screens:
        picture(page, "light", "phone", "menu")
    assert violations(page, looks.axe) == []
    page.get_by_role("link", name="Failures", exact=True).click()
    page.wait_for_url(re.compile("/failures"))
    context.close()


def test_keys_are_letters_while_somebody_types(world: World, browser: Browser) -> None:
    context = person(browser)
    page = context.new_page()
    world.sign_in(page)
    page.goto(f"{world.url}/messages/sample-dead")
    expect(page.locator("main [data-key=r]")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("rjk/")
    expect(page.get_by_label("Find a message or a person")).to_have_value("rjk/")
    assert page.url.endswith("/messages/sample-dead")
    context.close()


def test_a_list_rule_has_fields_that_offer_what_hubspot_has(world: World, browser: Browser) -> None:
    lists = f"{world.process.emulator_url()}/crm/lists/2026-09"
    headers = {"authorization": "Bearer pat-sandbox-token"}
    new_list = {"name": "Best customers", "objectTypeId": "0-1", "processingType": "MANUAL"}
    assert httpx2.post(lists, json=new_list, headers=headers).status_code == 200
    properties = {"vip": True, "email": "ann@example.org"}
    world.upload(WRITE_KEY, [{"type": "track", "userId": "user1", "event": "Audience", "properties": properties}])
    context = person(browser)
    page = context.new_page()
    world.sign_in(page)
    page.goto(f"{world.url}/rules/1/edit")
    page.get_by_label("Event", exact=True).fill("Audience")
    page.get_by_label("Action").select_option("list")
    expect(page.locator("#lists option[value='Best customers']")).to_have_count(1)
    page.get_by_label("List", exact=True).fill("Best custommers")
    page.get_by_label("What happens").locator("visible=true").select_option("field")
    page.get_by_label("Field that decides").locator("visible=true").fill("properties.vip")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#fault-list_name")).to_contain_text("Did you mean Best customers?")
    page.get_by_label("List", exact=True).fill("Best customers")
    expect(page.locator("#fault-list_name")).to_have_count(0)
    page.keyboard.press("Tab")
    expect(page.locator("#tried")).to_contain_text("Put on list Best customers (ann@example.org)")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    [stored] = [rule for rule in world.api("GET", "/destinations/sandbox/rules")["rules"] if "list" in rule]
    assert (stored["list"], stored["member"]) == ("Best customers", "$.properties.vip")
    context.close()


def test_a_stranger_writes_a_rule_and_sees_its_result_on_a_sample(world: World, browser: Browser) -> None:
    message = {"type": "track", "userId": "user1", "event": "Plan Changed", "properties": {"plan": "Gold", "seats": 5}}
    world.upload(WRITE_KEY, [message])
    context = person(browser)
    page = context.new_page()
    world.sign_in(page)
    page.get_by_role("link", name="Rules", exact=True).click()
    page.get_by_role("link", name="New rule").click()
    page.get_by_label("Event", exact=True).fill("Plan Changed")
    page.get_by_label("Property").locator("visible=true").first.fill("Job Title")
    page.get_by_label("Field, text or template").locator("visible=true").first.fill("properties.plan")
    page.keyboard.press("Tab")
    expect(page.locator("#tried")).to_contain_text("fires")
    expect(page.locator("#tried td strong")).to_have_text("Gold")
    assert page.locator("#fields option[value='properties.seats']").count() == 1
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    switch = page.get_by_role("switch", name="Plan Changed: contact")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(page.get_by_role("switch", name="Plan Changed: contact")).to_have_attribute("aria-checked", "false")
    [stored] = [rule for rule in world.api("GET", "/destinations/sandbox/rules")["rules"] if "contact" in rule["name"]]
    assert (stored["properties"], stored["enabled"]) == ({"jobtitle": "$.properties.plan"}, False)
    context.close()
