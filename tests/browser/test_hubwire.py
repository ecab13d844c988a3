"""Browser, Hubwire and HubSpot together: `hubwire serve` as a process, its sandbox, and a site on another origin."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import APIResponse, expect
from tests.browser.harness import Host, Visit, eventually
from tests.browser.test_golden import RUN_ROWS
from tests.browser.test_pages import GO_BACK, WHEN_RESTORED
from tests.support.process import HubwireProcess

WANTS_FORMS = '"loadFormsSdk":true'


@dataclass
class Sandbox:
    """A running Hubwire, and what it says became of messages."""

    process: HubwireProcess
    key: str

    @property
    def url(self) -> str:
        return self.process.url

    def get(self, url: str) -> Any:
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)

    def hubspot(self, kind: str) -> list[dict[str, Any]]:
        """What the emulator keeps: contacts or events that came through HubSpot's API."""
        found: list[dict[str, Any]] = self.get(f"{self.process.emulator_url()}/_emulator/{kind}")["results"]
        return found

    def browser_log(self, kind: str) -> list[dict[str, Any]]:
        """What HubSpot's tracking code was told in the page."""
        results = self.get(f"{self.url}/_emulator/browser/log")["results"]
        return [entry for entry in results if entry["kind"] == kind]

    def counted(self, site: str) -> list[str]:
        """What HubSpot counted on a site, in order."""
        entries = [entry for kind in ("view", "event") for entry in self.browser_log(kind)]
        entries.sort(key=lambda entry: (entry["at"], entry["sequence"]))
        return [entry.get("name") or entry["path"] for entry in entries if entry["url"].startswith(site)]

    def await_browser_event(self, name: str) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            return next((entry for entry in self.browser_log("event") if entry["name"] == name), {})

        return eventually(look, f"{name} in the page")

    def fate(self, **fields: Any) -> dict[str, Any]:
        """What became of the message with these fields: its state and reason, once it is settled."""

        def look() -> dict[str, Any]:
            listed = json.loads(self.process.run("messages", "--json").stdout)
            fates = (entry["fates"][0] for entry in listed if fields.items() <= entry.items() and entry["fates"])
            return next((fate for fate in fates if fate["state"] not in ("pending", "delivering")), {})

        return eventually(look, f"the fate of {fields}", timeout_seconds=20)


@pytest.fixture(autouse=True)
def fresh_site(host: Host, sandbox: Sandbox) -> None:
    """No browser log of an earlier test; the site's pages are gone with it."""
    reset = urllib.request.Request(f"{sandbox.url}/_emulator/browser/reset", method="POST")
    urllib.request.urlopen(reset, timeout=10).close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, chromium_path: str) -> Iterator[Sandbox]:
    with HubwireProcess(tmp_path_factory.mktemp("hubwire")) as process:
        with urllib.request.urlopen(f"{process.url}/demo", timeout=10) as response:
            found = re.search(r'analytics\.load\("([^"]+)"\)', response.read().decode())
        assert found
        yield Sandbox(process, found[1])


def site_page(host: Host, sandbox: Sandbox, script: str = "", path: str = "/") -> str:
    """A page of another origin with the snippet of this Hubwire."""
    return host.add_page(path, script=script, origin=sandbox.url, key=sandbox.key)


def test_the_demo_page_from_snippet_to_contact(sandbox: Sandbox, visit: Visit) -> None:
    page = visit.open(f"{sandbox.url}/demo")
    expect(page.locator("#device")).to_have_text("loaded")
    page.click("form[data-call=identify] button")
    page.click("form[data-call=track] button")
    expect(page.locator("#received li", has_text="clicked_buy_now_button").first).to_be_visible()
    page.fill("#hubspot-form input[name=email]", "peter@initech.com")
    page.click("#hubspot-form input[type=submit]")
    expect(page.locator("#received li", has_text="demo-form")).to_be_visible()
    link = page.locator("#sent li", has_text="Clicked Buy Now button").get_by_role("link")
    console, _, message_id = str(link.evaluate("link => link.href")).partition("/messages/")
    assert console == sandbox.url
    assert sandbox.fate(message_id=message_id)["reason"] == "delivered-in-browser"
    assert sandbox.fate(type="identify", user_id="user1234")["state"] == "delivered"
    assert "peter@initech.com" in [contact["properties"]["email"] for contact in sandbox.hubspot("contacts")]
    bought = {"eventName": "pe1234567_clicked_buy_now_button", "properties": {"value": "20.5"}}
    events = [{name: event[name] for name in bought} for event in sandbox.hubspot("events") if event["contactId"]]
    assert bought in events
    assert visit.complaints == []


def test_what_the_browser_delivers_the_server_does_not(host: Host, sandbox: Sandbox, visit: Visit) -> None:
    script = "analytics.identify('ann', {email: 'ann@site.test'}); analytics.track('At load')"
    visit.open(site_page(host, sandbox, script))
    visit.is_ready()
    visit.evaluate("analytics.track('Later'); analytics.group('acme', {website: 'https://acme.example'})")
    for event, name in (("At load", "pe1234567_at_load"), ("Later", "pe1234567_later")):
        sandbox.await_browser_event(name)
        assert sandbox.fate(type="track", event=event)["reason"] == "delivered-in-browser"
    assert sandbox.fate(type="page")["reason"] == "delivered-in-browser"
    assert sandbox.fate(type="group")["reason"] == "group-from-browser"
    assert sandbox.fate(type="identify", user_id="ann")["state"] == "delivered"
    named = [event["eventName"] for event in sandbox.hubspot("events")]
    assert {"pe1234567_at_load", "pe1234567_later"}.isdisjoint(named)
    assert visit.complaints == []


def test_what_the_browser_could_not_deliver_the_server_does_for_the_same_visitor(
    host: Host, sandbox: Sandbox, visit: Visit
) -> None:
    page = visit.open(site_page(host, sandbox, "analytics.identify('bob', {email: 'bob@site.test'})"))
    visit.is_ready()
    token = page.evaluate("/hubspotutk=([0-9a-f]{32})/.exec(document.cookie)[1]")
    visit.context.route("**/_hubspot/**", lambda route: route.abort("blockedbyclient"))
    page.reload()
    visit.is_ready()
    visit.evaluate("analytics.track('Blocked', {value: 3})")
    assert sandbox.fate(type="track", event="Blocked")["state"] == "delivered"
    (event,) = [event for event in sandbox.hubspot("events") if event["eventName"] == "pe1234567_blocked"]
    assert (event["email"], event["utk"], event["properties"]) == ("bob@site.test", token, {"value": "3"})


def test_an_event_that_only_the_server_can_name_is_the_servers(host: Host, sandbox: Sandbox, visit: Visit) -> None:
    visit.open(site_page(host, sandbox, "analytics.identify('cyd', {email: 'cyd@site.test'})"))
    visit.is_ready()
    visit.evaluate("analytics.track('2nd visit')")
    assert sandbox.fate(type="track", event="2nd visit")["state"] == "delivered"
    assert "pe1234567_event_2nd_visit" in [event["eventName"] for event in sandbox.hubspot("events")]
    assert "2nd" not in json.dumps(sandbox.browser_log("event"))


def test_rules_of_the_destination_hold_in_the_page(host: Host, sandbox: Sandbox, visit: Visit) -> None:
    rules = ("events.Card Entered=", "events.Bought a lot=big_purchase")
    sandbox.process.run("destination", "change", "sandbox", *(word for rule in rules for word in ("--mapping", rule)))
    script = f"{sandbox.url}/analytics.js/v1/{sandbox.key}/analytics.min.js"
    eventually(lambda: "card entered" in visit.context.request.get(script).text(), "the rules in the script")
    visit.open(site_page(host, sandbox, "analytics.identify('gus', {email: 'gus@site.test'})"))
    visit.is_ready()
    visit.evaluate("['Card entered', 'Bought a lot', 'Without a rule'].forEach((event) => analytics.track(event))")
    sandbox.await_browser_event("pe1234567_without_a_rule")
    assert sandbox.fate(type="track", event="Card entered")["reason"] == "event-filtered"
    assert sandbox.fate(type="track", event="Bought a lot")["state"] == "delivered"
    named = [event["eventName"] for event in sandbox.hubspot("events")]
    assert "pe1234567_big_purchase" in named
    assert not {"pe1234567_card_entered", "pe1234567_bought_a_lot"} & {*named, *sandbox.counted(host.site)}


@pytest.mark.parametrize("integrations", ["{HubSpot: false}", "{All: false}"])
def test_what_is_switched_off_goes_neither_way(host: Host, sandbox: Sandbox, visit: Visit, integrations: str) -> None:
    visit.open(site_page(host, sandbox, "analytics.identify('dee', {email: 'dee@site.test'})"))
    visit.is_ready()
    event = f"Off {integrations}"
    visit.evaluate(f"analytics.track('{event}', {{}}, {{integrations: {integrations}}})")
    assert sandbox.fate(type="track", event=event)["reason"] == "disabled-by-integrations"
    assert "off" not in " ".join(entry["name"] for entry in sandbox.browser_log("event"))


def test_a_visitor_who_opted_out_in_hubspot_goes_neither_way(host: Host, sandbox: Sandbox, visit: Visit) -> None:
    visit.open(site_page(host, sandbox))
    visit.is_ready()
    visit.evaluate("_hsq.push(['doNotTrack'])")
    visit.evaluate("analytics.identify('eve', {email: 'eve@site.test'}); analytics.track('Unseen')")
    assert sandbox.fate(type="identify", user_id="eve")["reason"] == "disabled-by-integrations"
    assert sandbox.fate(type="track", event="Unseen")["reason"] == "disabled-by-integrations"
    assert "eve@site.test" not in json.dumps(sandbox.hubspot("contacts"))


def test_a_changed_setting_is_in_the_next_script(host: Host, sandbox: Sandbox, visit: Visit) -> None:
    def script() -> APIResponse:
        return visit.context.request.get(f"{sandbox.url}/analytics.js/v1/{sandbox.key}/analytics.min.js")

    def changed() -> APIResponse | None:
        answer = script()
        return None if WANTS_FORMS in answer.text() else answer

    before = script()
    assert WANTS_FORMS in before.text()
    sandbox.process.run("destination", "change", "sandbox", "--no-forms")
    after = eventually(changed, "the changed script")
    assert after is not None
    assert after.headers["etag"] != before.headers["etag"]
    assert after.headers["cache-control"] == "public, max-age=300"
    visit.open(site_page(host, sandbox))
    visit.is_ready()
    assert visit.asked_for("/forms/") == []
    sandbox.process.run("destination", "change", "sandbox", "--forms")


def test_the_golden_table_through_hubwire(host: Host, sandbox: Sandbox, visit: Visit) -> None:
    visit.open(site_page(host, sandbox, path="/golden"))
    visit.is_ready()
    rows, _ = visit.evaluate(RUN_ROWS)
    sandbox.await_browser_event("pe1234567_the_end")
    report = [entry for entry in sandbox.browser_log("command") if entry["url"].endswith("/golden")]
    report.sort(key=lambda entry: entry["sequence"])
    commands = [entry["command"] for entry in report if entry["command"][0] != "setPath"][:-1]
    expected = json.loads(json.dumps(rows).replace("pe1234_", "pe1234567_"))
    for (row, command), received in zip(expected, commands, strict=True):
        if "internal name" not in row:  # the table's is another portal's here
            assert received == command, row


def test_routes_and_a_restored_page_through_hubwire(host: Host, sandbox: Sandbox, visit: Visit) -> None:
    site_page(host, sandbox, GO_BACK, "/next")
    page = visit.open(site_page(host, sandbox, WHEN_RESTORED, "/first"))
    visit.is_ready()
    visit.evaluate("history.pushState({}, '', '/route'); analytics.page().then(() => {})")
    page.evaluate("document.getElementById('next').click()")
    sandbox.await_browser_event("pe1234567_back_again")
    assert sandbox.counted(host.site) == ["/first", "/route", "/next", "pe1234567_back_again"]
    assert sandbox.fate(type="track", event="Back again")["reason"] == "delivered-in-browser"


@pytest.mark.parametrize("blocked", ["/forms/", "/_hubspot/js/analytics/", "/_hubspot/js/1234567.js", "/_hubspot/"])
def test_blocked_scripts_through_hubwire(host: Host, sandbox: Sandbox, visit: Visit, blocked: str) -> None:
    visit.context.route(f"**{blocked}**", lambda route: route.abort("blockedbyclient"))
    visit.open(site_page(host, sandbox, "analytics.identify('fay', {email: 'fay@site.test'})"))
    visit.is_ready()
    event = f"Stopped {blocked}"
    visit.evaluate(f"analytics.track('{event}').then(() => {{}})")
    fate = sandbox.fate(type="track", event=event)
    assert fate["reason"] == ("delivered-in-browser" if blocked == "/forms/" else None)
    assert fate["state"] == ("discarded" if blocked == "/forms/" else "delivered")
