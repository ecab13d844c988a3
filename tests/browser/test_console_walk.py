"""A person in front of the console: the whole set-up to a delivered event; a failed message found, its mapping fixed,
replayed and seen delivered; and reading without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.console_world import ADMIN_TOKEN, HUBSPOT_TOKEN, REQUIRED, World, fates, person
from tests.browser.harness import eventually
from tests.support.process import WRITE_KEY, HubwireProcess

from hubwire.testing import running_emulator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A live installation with one portal, to which a person adds another destination."""
    folder = tmp_path_factory.mktemp("console")
    with running_emulator(access_token=HUBSPOT_TOKEN, portal_id=7654321) as emulator:
        settings = {
            "HUBWIRE_ADMIN_TOKEN": ADMIN_TOKEN,
            "HUBSPOT_BASE_URL": emulator.base_url,
            "HUBSPOT_ACCESS_TOKEN": HUBSPOT_TOKEN,
        }
        with HubwireProcess(folder, **settings) as process:
            yield World(process, emulator)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = person(browser)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    new_page = context.new_page()
    problems: list[str] = []
    new_page.on("pageerror", lambda error: problems.append(str(error)))
    new_page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    new_page.on("dialog", lambda dialog: dialog.accept())
    yield new_page
    context.close()
    expected = ("422", "401", "ERR_FAILED", "htmx:")
    assert [problem for problem in problems if not any(word in problem for word in expected)] == []


def test_from_signing_in_to_a_delivered_event(world: World, page: Page) -> None:
    world.sign_in(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.get_by_role("link", name="Getting started").click()
    page.get_by_role("link", name="Add HubSpot").click()
    page.get_by_label("Destination name").fill("Our HubSpot")
    page.get_by_label("A new source:").check()
    page.get_by_label("Source name").fill("backend")
    page.get_by_label("Source kind").select_option("server")
    page.get_by_role("button", name="Confirm the source").click()
    write_key = page.locator(".notice code").inner_text()
    page.get_by_role("button", name="Copy the write key").click()
    assert page.evaluate("navigator.clipboard.readText()") == write_key

    page.get_by_label("Access token").fill("pat-na1-not-this-one")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("main")).to_contain_text("HubSpot does not accept this token")
    page.get_by_label("Access token").fill(HUBSPOT_TOKEN)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("switch", name="Load Forms SDK").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator("main")).to_contain_text("The connection works")
    expect(page.locator("main")).to_contain_text("7654321")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("main")).to_contain_text("curl -u")

    page.get_by_label("E-mail").fill("first@initech.example")
    page.get_by_role("button", name="Send it").click()
    expect(page.locator("#message")).to_contain_text("Our HubSpot Delivered")
    assert eventually(
        lambda: [contact for contact in world.emulator.contacts() if contact["properties"]["email"]], "a contact"
    )

    event = {"type": "track", "userId": "user1234", "event": "Bought Item", "messageId": "the-first-event"}
    world.upload(write_key, [event])
    page.goto(f"{world.url}/messages/the-first-event")
    expect(page.locator("#message")).to_contain_text("Our HubSpot Delivered")
    sent = eventually(world.emulator.events, "the event in HubSpot")
    assert sent[0]["email"] == "first@initech.example"


def test_a_failed_message_is_found_its_mapping_fixed_and_replayed(world: World, page: Page) -> None:
    world.sign_in(page)
    [lane] = [lane for lane in world.api("GET", "/status")["lanes"] if lane["name"] == "Our HubSpot"]
    world.api("PATCH", f"/destinations/{lane['destination_id']}", json={"source_ids": None})
    world.api("POST", "/destinations/hubspot/pause")
    world.emulator.set_portal(validation={"contacts": {"required": [REQUIRED]}})
    traits = {"email": "lead@initech.example", "leadState": "NEW"}
    world.upload(WRITE_KEY, [{"type": "identify", "userId": "lead", "messageId": "the-lead", "traits": traits}])
    eventually(lambda: "dead" in fates(world, "the-lead"), "the failure")
    page.goto(f"{world.url}/failures")
    expect(page.locator("main")).to_contain_text("A rule of the HubSpot account requires a property")
    page.get_by_role("link", name="Show messages").first.click()
    page.get_by_role("row", name=re.compile("lead@initech")).get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text(f"{REQUIRED}")
    expect(page.locator("main")).to_contain_text("How to fix it:")

    page.get_by_role("link", name="Change the mapping").click()
    page.get_by_label("Trait or event").fill("leadState")
    expect(page.get_by_label("HubSpot name")).to_have_value(REQUIRED)
    page.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")

    page.get_by_role("link", name="Failures").click()
    page.wait_for_url("**/failures*")
    page.wait_for_load_state("load")
    page.keyboard.press("r")
    expect(page.locator("main")).to_contain_text("1 message will be replayed")
    page.get_by_role("button", name="Replay 1").click()
    expect(page.locator("main")).to_contain_text("1 of 1 finished", timeout=15_000)
    page.goto(f"{world.url}/messages/the-lead")
    expect(page.locator("#message")).to_contain_text("Our HubSpot Delivered")
    [contact] = [
        contact for contact in world.emulator.contacts() if contact["properties"]["email"] == "lead@initech.example"
    ]
    assert contact["properties"][REQUIRED] == "NEW"
    page.goto(f"{world.url}/audit")
    for action in ("destination.changed", "replay.begun"):
        expect(page.locator("main")).to_contain_text(action)


def test_a_group_of_failures_is_snoozed_and_woken(world: World, page: Page) -> None:
    world.sign_in(page)
    traits = {"email": "later@initech.example"}
    world.upload(WRITE_KEY, [{"type": "identify", "userId": "later", "messageId": "the-later-one", "traits": traits}])
    eventually(lambda: "dead" in fates(world, "the-later-one"), "the failure")
    page.goto(f"{world.url}/failures")
    page.get_by_text("Snooze…").first.click()
    page.locator("select[name=for]").first.select_option("7 days")
    page.get_by_role("button", name="Snooze", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("returns at the time you chose")
    expect(page.get_by_role("heading", name="Dead", exact=True)).to_have_count(0)
    page.get_by_text("Snoozed 1 group").click()
    expect(page.get_by_role("row", name=re.compile("missing-required-property"))).to_be_visible()
    page.get_by_role("button", name=re.compile("^Wake now")).click()
    expect(page.get_by_role("status")).to_have_text("The group is shown again.")
    expect(page.get_by_role("heading", name="Dead", exact=True)).to_be_visible()
    world.api("POST", "/discard", json={"state": "dead"})


def test_a_failed_message_that_nobody_needs_is_discarded(world: World, page: Page) -> None:
    world.sign_in(page)
    traits = {"email": "old@initech.example"}
    names = ("the-old-one", "the-older-one")
    world.upload(
        WRITE_KEY, [{"type": "identify", "userId": name, "messageId": name, "traits": traits} for name in names]
    )
    eventually(lambda: all("dead" in fates(world, name) for name in names), "the failures")
    page.goto(f"{world.url}/messages/the-old-one")
    page.get_by_label("Reason (optional)").fill("of the first import")
    page.locator("#message").get_by_role("button", name="Discard", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("You can replay it later")
    expect(page.locator("#message")).to_contain_text(
        "because: of the first import; it was dead (missing-required-property)"
    )
    page.get_by_role("link", name="Failures").click()
    page.get_by_role("link", name=re.compile("^Discard")).first.click()
    expect(page.locator("main")).to_contain_text("1 message will be discarded")
    page.get_by_role("button", name="Discard 1", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Discarded.")
    expect(page.get_by_role("row", name=re.compile("old@initech"))).to_have_count(2)
    page.goto(f"{world.url}/failures")
    expect(page.locator("main")).not_to_contain_text("missing-required-property")
    page.goto(f"{world.url}/audit")
    expect(page.locator("main")).to_contain_text("messages.discarded")


def test_a_replay_is_paused_slowed_and_resumed(world: World, page: Page) -> None:
    """Its destination is paused until the replay is: so a person has the time."""
    world.sign_in(page)
    [lane] = [lane for lane in world.api("GET", "/status")["lanes"] if lane["name"] == "Our HubSpot"]
    world.api("POST", f"/destinations/{lane['destination_id']}/pause")
    people = [
        {"type": "identify", "userId": f"many{n}", "messageId": f"many-{n}", "traits": {"email": f"many{n}@x.example"}}
        for n in range(120)
    ]
    world.upload(WRITE_KEY, people)
    world.api("POST", f"/destinations/{lane['destination_id']}/resume")
    eventually(lambda: "dead" in fates(world, "many-119"), "the failures")
    world.api("POST", f"/destinations/{lane['destination_id']}/pause")
    page.goto(f"{world.url}/replays/new?state=dead")
    page.get_by_label("Share of HubSpot's call rate").fill("1")
    page.get_by_role("button", name="Replay 120").click()
    expect(page.locator("main")).to_contain_text("at most 1 % of the calls")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_contain_text("the rest wait until you resume")
    world.api("POST", f"/destinations/{lane['destination_id']}/resume")
    expect(page.locator("main")).to_contain_text("100 of 120 finished", timeout=15_000)
    page.get_by_label("Share of calls").fill("100")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("main")).to_contain_text("120 of 120 finished", timeout=15_000)
    page.goto(f"{world.url}/audit")
    for action in ("replay.paused", "replay.share-changed", "replay.resumed"):
        expect(page.locator("main")).to_contain_text(action)


def test_keys_move_through_rows_and_search(world: World, page: Page) -> None:
    world.sign_in(page)
    page.goto(f"{world.url}/messages")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    rows = page.locator("main [data-row]")
    expect(rows.first).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("the-first-event")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bought Item")


def test_the_keys_are_listed_and_r_is_about_the_row(world: World, page: Page) -> None:
    world.sign_in(page)
    names = ("keys-first", "keys-second")
    world.upload(
        WRITE_KEY, [{"type": "track", "anonymousId": name, "event": "Keys", "messageId": name} for name in names]
    )
    eventually(lambda: all("held" in fates(world, name) for name in names), "the held messages")
    page.goto(f"{world.url}/messages?event=Keys")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.locator("main")).to_contain_text("1 message will be replayed")
    assert "q=keys-first" in page.url


def test_times_are_local_and_utc_stays_in_the_title(world: World, page: Page) -> None:
    world.sign_in(page)
    page.goto(f"{world.url}/messages/the-first-event")
    time = page.locator("time").first
    expect(time).to_have_attribute("title", re.compile(r"\d\d:\d\d:\d\d\.\d{3} UTC"))
    expect(time).not_to_contain_text("UTC")
    assert page.evaluate(
        "document.querySelector('time').textContent.includes("
        "new Date(document.querySelector('time').dateTime).toLocaleTimeString('en-GB', {timeZone: 'Europe/Berlin'}))"
    )


def test_live_shows_a_message_as_it_comes(world: World, page: Page) -> None:
    world.sign_in(page)
    with page.expect_request("**/live/changes"):
        page.goto(f"{world.url}/live")
    world.upload(WRITE_KEY, [{"type": "track", "userId": "live", "event": "Came while watched"}])
    expect(page.locator("#live")).to_contain_text("Came while watched", timeout=15_000)
    expect(page.get_by_role("row", name=re.compile("Came while watched"))).to_contain_text("Held", timeout=15_000)


def test_a_page_left_open_says_when_the_session_has_ended(world: World, page: Page) -> None:
    world.sign_in(page)
    page.goto(f"{world.url}/live")
    page.context.clear_cookies()
    page.wait_for_url(re.compile("/login"))
    expect(page.get_by_label("Token", exact=True)).to_be_visible()


def test_a_page_left_open_says_when_the_server_is_gone(world: World, page: Page) -> None:
    world.sign_in(page)
    page.goto(f"{world.url}/live")
    page.route("**/live*", lambda route: route.abort())
    expect(page.get_by_role("status")).to_contain_text("does not respond", timeout=15_000)
    page.unroute("**/live*")
    expect(page.get_by_role("status")).to_have_count(0, timeout=15_000)


def test_every_page_can_be_read_without_scripts(world: World, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    reader = context.new_page()
    world.sign_in(reader)
    for path in (
        "/",
        "/live",
        "/messages",
        "/messages/the-first-event",
        "/failures",
        "/replays/1",
        "/who/lead",
        "/schema",
    ):
        reader.goto(f"{world.url}{path}")
        expect(reader.get_by_role("heading", level=1)).to_be_visible()
        assert not reader.locator("button.copy").first.is_visible()
    reader.goto(f"{world.url}/messages/the-first-event")
    expect(reader.locator("time").first).to_contain_text("UTC")
    reader.get_by_text("What would be sent").first.click()
    reader.get_by_role("link", name="Show", exact=True).first.click()
    expect(reader.locator("main")).to_contain_text("send event")
    context.close()


def test_what_senders_write_never_runs(world: World, page: Page) -> None:
    """Stored markup in every place that a sender fills, on every page that shows it, in a real browser."""
    ran: list[str] = []
    page.expose_function("ran", lambda what: ran.append(str(what)))
    page.on("dialog", lambda dialog: ran.append(dialog.message))
    evil = """"'><img src=x onerror=ran(1)><script>ran(2)</script><svg onload=ran(3)>{{7*7}}"""
    hostile = "evil'\"><img src=x onerror=ran(4)>"
    traits = {"email": "evil@initech.example", "firstName": evil, evil: "x", "link": "javascript:ran(5)"}
    identify = {"type": "identify", "userId": hostile, "messageId": hostile, "traits": traits}
    track = {"type": "track", "userId": hostile, "event": evil, "messageId": "evil-track", "properties": {evil: evil}}
    world.upload(WRITE_KEY, [identify, track, {**track, "messageId": "evil-none", "userId": None}])
    # The first destination was paused by an earlier step: there it waits.
    eventually(lambda: fates(world, "evil-track") - {"pending"}, "what became of it")
    world.sign_in(page)
    who = quote(hostile, safe="")
    paths = (
        "/",
        "/live",
        "/messages",
        f"/messages/{who}",
        "/messages/evil-track",
        f"/who/{who}",
        "/failures",
        "/schema",
    )
    for path in (*paths, f"/messages?event={quote(evil)}", f"/messages?q={who}", f"/test?message={who}"):
        page.goto(f"{world.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto(f"{world.url}/messages/evil-track")
    page.get_by_text("What would be sent").first.click()
    expect(page.locator("#plan")).to_be_visible()
    assert ran == []


def test_nothing_of_the_console_is_asked_from_elsewhere(world: World, page: Page) -> None:
    given_request: list[str] = []
    page.on("request", lambda request: given_request.append(request.url))
    world.sign_in(page)
    for path in ("/", "/messages", "/test", "/system"):
        page.goto(f"{world.url}{path}")
    assert [url for url in given_request if not url.startswith(world.url)] == []


def test_screens_are_kept_out_of_git() -> None:
    assert "screenshots/" in (Path(__file__).parents[2] / ".gitignore").read_text(encoding="utf-8")
