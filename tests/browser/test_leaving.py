"""Leaving a page in the tick that asked for something: nothing is lost, and nothing is delivered twice.

A round opens a page, asks for identify, group and track, and goes to the next page in the same tick. Afterwards the
server must have each call once by its messageId (it drops repeats), and each track must be delivered by one side: by
HubSpot's tracking code, or by the server where the mark says `failed`.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.browser.harness import HUB_ID, Host, Visit
from tests.browser.test_pages import GO_BACK, WHEN_RESTORED

from hubwire.device.assets import Assets
from hubwire.device.bundle import bundle
from hubwire.device.source import DeviceSource

MOMENTS = {
    "before the script has run": "({leave})()",
    "when ready": "analytics.ready(() => setTimeout({leave}))",
    "at a click": "addEventListener('load', () => {{ document.body.onclick = {leave}; document.body.click() }})",
    "when the script has run": (
        "document.querySelector('script[src*=\"/analytics.js/\"]').addEventListener('load', {leave})"
    ),
}
CALLS = """() => {{
  analytics.identify('{user}', {{ email: '{user}@b.co' }})
  analytics.group('g', {{ name: 'G' }})
  analytics.track('Left {user}')
  location.href = '{target}'
}}"""
SLOW_ROUNDS = 200


def add_pages(host: Host, moment: str, user: str, target: str = "/next") -> str:
    host.add_page("/next")
    return host.add_page("/", script=MOMENTS[moment].format(leave=CALLS.format(user=user, target=target)))


def faults(host: Host, user: str, *, has_next: bool = True) -> list[str]:
    """What is lost or doubled of one visitor's calls."""
    first: dict[str, dict[str, Any]] = {}
    for message in list(host.messages):
        if message.get("userId") == user:
            first.setdefault(message["messageId"], message)
    arrived = Counter(message["type"] for message in first.values())
    found = [f"{arrived[call]} {call} at the server" for call in ("identify", "group", "track") if arrived[call] != 1]
    in_browser = sum(1 for entry in host.entries("event") if entry["name"].endswith(f"left_{user}"))
    for message in first.values():
        if message["type"] == "track":
            device = message["context"]["hubspot"]["device"]
            if in_browser != (0 if device == "failed" else 1):
                found.append(f"{device} track, {in_browser} at HubSpot")
    identified = [command for command in host.commands() if command[0] == "identify" and command[1]["id"] == user]
    if has_next and len(identified) != 1:
        found.append(f"{len(identified)} identify at HubSpot")
    return found


def leave(host: Host, visit: Visit, moment: str, user: str) -> list[str]:
    """One round; its faults, once nothing more can be on its way."""
    visit.page.goto(add_pages(host, moment, user), wait_until="commit")
    visit.page.wait_for_url("**/next")
    visit.is_ready()
    deadline = time.monotonic() + 6
    while faults(host, user) and time.monotonic() < deadline:
        visit.page.wait_for_timeout(50)
    visit.page.wait_for_timeout(100)
    return faults(host, user)


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_is_lost_or_doubled(host: Host, visit: Visit, moment: str) -> None:
    visit.context.set_default_timeout(30_000)
    for number in range(6):
        assert leave(host, visit, moment, f"u{number}") == [], f"round {number}"


def test_the_server_has_it_although_no_page_of_the_site_follows(host: Host, visit: Visit) -> None:
    elsewhere = host.site.replace("www.", "shop.") + "/elsewhere"
    host.pages["/elsewhere"] = "<!doctype html><link rel=icon href=data:,>Elsewhere"
    for number in range(4):
        user = f"u{number}"
        visit.page.goto(add_pages(host, "when ready", user, elsewhere), wait_until="commit")
        visit.page.wait_for_url(elsewhere)
        deadline = time.monotonic() + 6
        while faults(host, user, has_next=False) and time.monotonic() < deadline:
            visit.page.wait_for_timeout(50)
        assert faults(host, user, has_next=False) == []


def test_the_script_and_the_plugin_stay_small(assets: Assets) -> None:
    source = DeviceSource(write_key="", hub_id=str(HUB_ID))
    assert len(bundle(source, assets).gzip) <= 33_000
    assert len(assets.plugin.gzip) <= 2_200


def test_calls_of_a_page_left_early_are_made_by_the_next_one_and_not_again(host: Host, visit: Visit) -> None:
    """Two pages are left before their script has run; the third makes the calls of both, in their order."""
    host.add_page("/third")
    host.add_page("/next", script="analytics.track('Second'); location.href = '/third'")
    visit.page.goto(host.add_page("/", script="analytics.track('First'); location.href = '/next'"), wait_until="commit")
    visit.page.wait_for_url("**/third")
    visit.is_ready()
    assert host.message(event="First")
    assert host.message(event="Second")
    assert visit.page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('hubwire '))") == []
    first = {message["messageId"]: message.get("event") for message in host.messages if message["type"] == "track"}
    assert list(first.values()) == ["First", "Second"]


def test_a_page_that_the_back_button_restores_sends_nothing_again(host: Host, visit: Visit) -> None:
    """The next page took what waited for HubSpot's script; the restored page has that script, not the calls."""
    host.add_page("/next", script=GO_BACK)
    calls = "analytics.identify('u', {email: 'a@b.co'}); analytics.track('Before');"
    page = visit.open(host.add_page("/", script=calls + WHEN_RESTORED))
    page.wait_for_function("document.getElementById('hs-script-loader')")
    page.evaluate("document.getElementById('next').click()")
    host.await_counted("landing view /next", f"event pe{HUB_ID}_back_again")
    page.wait_for_timeout(300)
    before = [name for name in host.counted() if name == f"event pe{HUB_ID}_before"]
    device = host.message(event="Before")["context"]["hubspot"]["device"]
    assert len(before) == (0 if device == "failed" else 1)


@pytest.mark.slow
def test_two_hundred_rounds(host: Host, browser: Browser) -> None:
    lost: Counter[str] = Counter()
    for number in range(SLOW_ROUNDS):
        if number % 20 == 0:
            host.reset()
        context = browser.new_context(ignore_https_errors=True)
        moment = list(MOMENTS)[number % len(MOMENTS)]
        lost.update(f"{moment}: {fault}" for fault in leave(host, Visit(context), moment, f"u{number}"))
        context.close()
    assert not lost, lost
