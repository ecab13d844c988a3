"""A running Hubwire with its HubSpot, and a person in front of its console."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser, BrowserContext, Page
from tests.support.process import HubwireProcess

from hubwire.testing import Emulator

ADMIN_TOKEN = "the-admin-token-of-this-test"
HUBSPOT_TOKEN = "pat-na1-browser-test"
REQUIRED = "hs_lead_status"
EVENTS = ("Bought Item", "Signed Up", "Viewed Pricing")


@dataclass
class World:
    """Hubwire as a process, the emulator that plays HubSpot, and one browser context."""

    process: HubwireProcess
    emulator: Emulator

    @property
    def url(self) -> str:
        return self.process.url

    def sign_in_link(self) -> str:
        found = re.search(r"a link that signs you in once: (\S+)", self.process.output)
        assert found, self.process.output
        return found[1]

    def sign_in(self, page: Page) -> None:
        """Sign in with the admin token of the settings."""
        page.goto(f"{self.url}/login")
        page.get_by_label("Token", exact=True).fill(ADMIN_TOKEN)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(re.compile(r"/($|\?)"))

    def upload(self, write_key: str, messages: list[dict[str, Any]]) -> None:
        """Send messages as a server does."""
        answer = httpx2.post(f"{self.url}/v1/batch", json={"batch": messages}, auth=(write_key, ""))
        assert answer.status_code == 200, answer.text

    def api(self, method: str, path: str, **options: Any) -> Any:
        """The admin API."""
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        answer = httpx2.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=20, **options)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None


def fates(world: World, message_id: str) -> set[str]:
    """The states of a message, over all destinations."""
    found = world.api("GET", f"/messages?q={message_id}")["messages"]
    return {fate["state"] for row in found for fate in row["fates"]}


def person(browser: Browser, *, scheme: str = "light", width: int = 1280, height: int = 860) -> BrowserContext:
    """A browser of its own, in Europe, that fails a test on any error of a page's scripts."""
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    context.set_default_timeout(15_000)
    return context


def sample_messages(count: int) -> list[dict[str, Any]]:
    """Messages of every kind: delivered, left out, held, filtered, failed on ingest, with markup where text may be."""
    messages: list[dict[str, Any]] = []
    for number in range(count):
        email, who = f"person{number % 20}@initech.example", {"userId": f"user{number % 20}"}
        kinds: list[dict[str, Any]] = [
            {**who, "type": "identify", "traits": {"email": email, "firstName": "Peter", "favColor": "green"}},
            {**who, "type": "track", "event": EVENTS[number % 3], "properties": {"email": email, "value": number}},
            {**who, "type": "page", "name": "Pricing"},
            {"type": "track", "anonymousId": f"anon-{number}", "event": EVENTS[number % 3]},
            {"type": "track", "event": "Of no one"},
            {**who, "type": "group", "groupId": "g1", "traits": {"website": "https://www.initech.example"}},
            {**who, "type": "track", "event": "<img src=x onerror=alert(1)>", "properties": {"email": email}},
        ]
        messages.append({**kinds[number % len(kinds)], "messageId": f"sample-{number}"})
    return messages


def axe_script(folder: Path) -> str:
    """axe-core, fetched by npm at its pinned version; a reason to skip when npm cannot."""
    script = folder / "node_modules/axe-core/axe.min.js"
    if not script.exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return script.read_text(encoding="utf-8")


def violations(page: Page, axe: str, *, only_colours: bool = False) -> list[str]:
    """What axe finds on a page, as lines to read; with the size of targets, which WCAG 2.2 asks for.

    Shape: `only_colours` is for the other colour scheme of a page whose elements were looked at already.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    colours, all_rules = "runOnly: ['color-contrast', 'link-in-text-block']", "rules: {'target-size': {enabled: true}}"
    rules = colours if only_colours else all_rules
    found = page.evaluate(f"axe.run(document, {{resultTypes: ['violations'], {rules}}})")
    return [
        f"{row['id']} ({row['impact']}): {json.dumps(row['nodes'][0]['target'])} {row['nodes'][0]['html'][:160]}"
        for row in found["violations"]
        if row["impact"] in ("serious", "critical", "moderate")
    ]


def heading_faults(page: Page) -> list[str]:
    """What a screen reader's list of headings would stumble over: not one h1, or a level that is left out."""
    levels: list[int] = page.evaluate(
        """[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
        .filter((heading) => heading.checkVisibility()).map((heading) => Number(heading.tagName[1]))"""
    )
    faults = [] if levels.count(1) == 1 else [f"{levels.count(1)} headings of level 1"]
    return faults + [f"h{after} after h{before}" for before, after in pairwise(levels) if after > before + 1]


def skip_link_target(page: Page) -> str:
    """The id of the element that has the focus after Tab and Enter on a fresh page."""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    return str(page.evaluate("document.activeElement.id"))
