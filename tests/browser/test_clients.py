"""Browser SDKs that speak Segment's protocol, from npm and unmodified: only their host is set, and all arrives once."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route
from tests.browser.harness import ROOT, Host, Visit, eventually
from tests.support.process import HubwireProcess

from hubwire.device.assets import Assets

PACKAGES = Path(__file__).parent
ESBUILD = ROOT / "browser/node_modules/.bin/esbuild"

LOADS = {
    "segment": """
        import { AnalyticsBrowser } from '@segment/analytics-next'
        const client = AnalyticsBrowser.load({ writeKey: KEY, cdnURL: ORIGIN })""",
    "segment-consent": """
        import { AnalyticsBrowser } from '@segment/analytics-next'
        import { createWrapper } from '@segment/analytics-consent-tools'
        const client = new AnalyticsBrowser()
        const withConsent = createWrapper({
          getCategories: () => ({ Advertising: true }),
          registerOnConsentChanged: (changed) => (window.consentChanged = changed),
        })
        withConsent(client).load({ writeKey: KEY, cdnURL: ORIGIN })""",
    "rudderstack-3": """
        import { RudderAnalytics } from '@rudderstack/analytics-js/bundled'
        const client = new RudderAnalytics()
        client.load(KEY, ORIGIN, { configUrl: ORIGIN })""",
    "rudderstack-2": """
        import * as client from 'rudder-sdk-js'
        client.load(KEY, ORIGIN, { configUrl: ORIGIN })""",
    "customerio": """
        import { AnalyticsBrowser } from '@customerio/cdp-analytics-browser'
        const client = AnalyticsBrowser.load({ writeKey: KEY, cdnURL: ORIGIN })""",
    "hightouch": """
        import { HtEventsBrowser } from '@ht-sdks/events-sdk-js-browser'
        const client = HtEventsBrowser.load({ writeKey: KEY }, { apiHost: HOST, protocol: 'http' })""",
    "jitsu": """
        import { jitsuAnalytics } from '@jitsu/js'
        const client = jitsuAnalytics({ writeKey: `${KEY}:secret`, host: ORIGIN })""",
    "june": """
        import { AnalyticsBrowser } from '@june-so/analytics-next'
        const cdnSettings = { integrations: { 'june.so': { apiHost: `${HOST}/v1`, protocol: 'http' } } }
        const client = AnalyticsBrowser.load({ writeKey: KEY, cdnSettings })""",
}
CALLS = """
window.client = client
client.identify(USER, { email: `${USER}@site.test`, firstName: 'Ann' })
client.track('Order Completed', { order: USER, revenue: 20.5 })
client.group('acme', { name: 'Acme' })
client.page()
"""
RETRIES = ["segment", "segment-consent", "rudderstack-3", "rudderstack-2"]
"""SDKs that look at the status of an answer. Those of Customer.io, Hightouch, Jitsu and June do not send a call
again."""


class Shop:
    """A running Hubwire with a web source for a site of another origin."""

    def __init__(self, process: HubwireProcess) -> None:
        self.process = process
        added = process.run("source", "add", "shop", "--kind", "web").stdout
        found = re.search(r"wk_[\w-]+", added)
        assert found, added
        self.key = found[0]

    def messages(self, user: str) -> list[dict[str, Any]]:
        """What arrived of this visitor. Jitsu's first group has no userId: its calls are not made in order."""
        listed = json.loads(self.process.run("messages", "--source", "shop", "--json").stdout)
        visitors = {message["anonymous_id"] for message in listed if message["user_id"] == user}
        return [message for message in listed if message["anonymous_id"] in visitors]

    def held(self, kind: str) -> list[dict[str, Any]]:
        """What the emulator holds: contacts or events."""
        with urllib.request.urlopen(f"{self.process.emulator_url()}/_emulator/{kind}", timeout=10) as response:
            results: list[dict[str, Any]] = json.load(response)["results"]
        return results


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, chromium_path: str) -> Iterator[Shop]:
    with HubwireProcess(tmp_path_factory.mktemp("shop")) as process:
        yield Shop(process)


@pytest.fixture(scope="module")
def packages(assets: Assets) -> Path:
    """The SDKs, fetched by npm at their pinned versions. After `assets`, which installs esbuild."""
    if not (PACKAGES / "node_modules/@june-so/analytics-next").exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=PACKAGES, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as problem:
            pytest.skip(f"the browser SDKs cannot be fetched by npm here: {problem}")
    return PACKAGES


def page_of(host: Host, shop: Shop, packages: Path, client: str, user: str) -> str:
    """A page that loads this SDK and makes the calls."""
    values = {"KEY": shop.key, "ORIGIN": shop.process.url, "HOST": shop.process.url.partition("://")[2], "USER": user}
    defined = "".join(f"const {name} = {json.dumps(value)}\n" for name, value in values.items())
    command = [str(ESBUILD), "--bundle", "--format=iife", "--platform=browser", "--log-level=error"]
    script = LOADS[client].replace("        ", "") + CALLS
    finished = subprocess.run(
        command, cwd=packages, input=defined + script, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    text = finished.stdout.replace("</script", "<\\/script")
    host.pages["/"] = f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script>{text}</script>'
    return host.site + "/"


def assert_everything_arrived(shop: Shop, user: str, visit: Visit, seconds: int = 20) -> None:
    calls = Counter(["identify", "track", "group", "page"])
    for _ in range(seconds):
        visit.page.wait_for_timeout(1000)  # the browser's requests are only answered here while it is spoken to
        if Counter(message["type"] for message in shop.messages(user)) >= calls:
            break
    shop.process.drained()
    assert Counter(message["type"] for message in shop.messages(user)) == calls
    [contact] = [c["properties"] for c in shop.held("contacts") if c["properties"]["email"] == f"{user}@site.test"]
    assert contact["firstname"] == "Ann"
    [event] = [event for event in shop.held("events") if event["properties"].get("order") == user]
    assert (event["email"], float(event["properties"]["revenue"])) == (f"{user}@site.test", 20.5)


@pytest.mark.parametrize("client", LOADS)
def test_the_host_is_all_that_changes(host: Host, shop: Shop, packages: Path, visit: Visit, client: str) -> None:
    visit.open(page_of(host, shop, packages, client, f"ok-{client}"))
    assert_everything_arrived(shop, f"ok-{client}", visit)
    hosts = {url.split("/")[2] for url in visit.requests if url.startswith("http")}
    assert hosts <= {host.site.split("/")[2], shop.process.url.split("/")[2]}


@pytest.mark.slow
@pytest.mark.parametrize("client", RETRIES)
@pytest.mark.parametrize("status", [429, 503])
def test_refused_once_nothing_is_lost_or_doubled(
    host: Host, shop: Shop, packages: Path, visit: Visit, client: str, status: int
) -> None:
    refused: list[str] = []

    def refuse_first(route: Route) -> None:
        if route.request.method == "POST" and route.request.url not in refused:
            refused.append(route.request.url)
            route.fulfill(status=status, headers={"access-control-allow-origin": "*", "retry-after": "1"})
        else:
            route.continue_()

    visit.context.route(f"{shop.process.url}/v1/*", refuse_first)
    visit.open(page_of(host, shop, packages, client, f"again-{status}-{client}"))
    assert_everything_arrived(shop, f"again-{status}-{client}", visit)
    assert refused


def test_a_change_of_consent_makes_no_event(host: Host, shop: Shop, packages: Path, visit: Visit) -> None:
    visit.open(page_of(host, shop, packages, "segment-consent", "consenting"))
    assert_everything_arrived(shop, "consenting", visit)
    visit.evaluate("window.consentChanged({ Advertising: false })")

    def fate() -> dict[str, Any]:
        changes = [
            message for message in shop.messages("consenting") if message["event"] and "Consent" in message["event"]
        ]
        fates: list[dict[str, Any]] = changes[0]["fates"] if changes else []
        return fates[0] if fates and fates[0]["state"] != "pending" else {}

    assert eventually(fate, "the change of consent", timeout_seconds=20)["reason"] == "consent-noted"
    assert "consent" not in " ".join(event["eventName"] for event in shop.held("events"))
