"""The log of HubSpot's stand-in in a page: what it keeps, what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.routing import Route
from tests.unit.device.asgi import ask

from hubwire.emulator.calls.portal.seeding import seed
from hubwire.emulator.http.browser import KEPT_ENTRIES, BrowserLog, browser_routes
from hubwire.emulator.store.config import EmulatorConfig
from hubwire.emulator.store.portal import Portal

LOG = "/_emulator/browser/log"


@pytest.fixture
def log() -> BrowserLog:
    return BrowserLog()


@pytest.fixture
def routes(log: BrowserLog) -> list[Route]:
    return browser_routes(log)


async def track(routes: list[Route], entry: Any) -> int:
    return (await ask(routes, "/_hubspot/track", "POST", body=json.dumps(entry).encode())).status


async def test_what_scripts_tell_is_kept_in_order(routes: list[Route]) -> None:
    assert await track(routes, {"kind": "view", "path": "/"}) == 204
    assert await track(routes, {"kind": "event", "name": "x", "id": 99}) == 204
    found = json.loads((await ask(routes, LOG)).body)["results"]
    assert [(entry["id"], entry["kind"]) for entry in found] == [(1, "view"), (2, "event")]
    assert json.loads((await ask(routes, f"{LOG}?after=1")).body)["results"] == found[1:]


async def test_reset_forgets_but_ids_rise(routes: list[Route]) -> None:
    await track(routes, {"kind": "view"})
    assert (await ask(routes, "/_emulator/browser/reset", "POST")).status == 200
    await track(routes, {"kind": "view"})
    assert [entry["id"] for entry in json.loads((await ask(routes, LOG)).body)["results"]] == [2]


@pytest.mark.parametrize("entry", [None, [], "x", {}, {"kind": "other"}])
async def test_what_no_script_of_ours_says_is_refused(routes: list[Route], log: BrowserLog, entry: Any) -> None:
    assert await track(routes, entry) == 400
    assert log.after() == []


async def test_too_large_is_refused(routes: list[Route]) -> None:
    assert await track(routes, {"kind": "view", "url": "x" * 70_000}) == 413


async def test_memory_is_bounded(routes: list[Route], log: BrowserLog) -> None:
    for _ in range(KEPT_ENTRIES + 5):
        log.add({"kind": "view"})
    assert len(log.after()) == KEPT_ENTRIES


@pytest.mark.parametrize(
    "path", ["/_hubspot/js/1234.js", "/_hubspot/js/analytics/0/1234.js", "/_hubspot/js/forms/v2.js"]
)
async def test_scripts_are_javascript_for_any_site(routes: list[Route], path: str) -> None:
    answer = await ask(routes, path)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.fixture
def portal() -> Portal:
    portal = Portal(EmulatorConfig(portal_id=1234567))
    seed(portal, {"event_definitions": [{"name": "bought", "properties": [{"name": "value", "type": "number"}]}]})
    return portal


def emails(portal: Portal) -> list[str]:
    return [record.properties["email"] for record in portal.stores["contacts"].live()]


def occurred(portal: Portal) -> list[tuple[str, str | None]]:
    kept = (portal.events.decode(line) for line in portal.events.kept)
    return [(occurrence.event_name, occurrence.contact_id) for occurrence in kept]


def lost(portal: Portal) -> list[tuple[str, Any]]:
    return [(event.event_name, event.lost_reason) for event in map(portal.events.decode, portal.events.lost)]


VISITOR = {"hubId": "1234567", "utk": "a" * 32, "url": "https://shop.example/"}
ADA = {"email": "Ada@example.com", "firstname": "Ada", "nosuch": "x"}


async def test_an_identified_visitor_becomes_a_contact_with_visits_and_events(portal: Portal) -> None:
    routes = browser_routes(portal=portal)
    await track(routes, {**VISITOR, "kind": "view", "path": "/", "identity": None})
    await track(routes, {**VISITOR, "kind": "event", "name": "bought", "properties": {"value": 2}, "identity": ADA})
    await track(routes, {**VISITOR, "kind": "view", "path": "/thanks", "identity": None})
    [contact] = portal.stores["contacts"].live()
    assert (contact.properties["email"], contact.properties["firstname"]) == ("ada@example.com", "Ada")
    assert occurred(portal) == [("pe1234567_bought", contact.id), ("e_visited_page", contact.id)]
    assert lost(portal) == [("e_visited_page", "visitor token unknown")]


async def test_an_event_that_nobody_defined_is_dropped_with_the_reason(portal: Portal) -> None:
    await track(browser_routes(portal=portal), {**VISITOR, "kind": "event", "name": "unheard", "identity": ADA})
    assert occurred(portal) == []
    assert lost(portal) == [("unheard", "Event definition unheard does not exist")]


async def test_a_form_makes_a_contact_and_names_the_visitor(portal: Portal) -> None:
    values = {"email": "bob@acme.org", "firstname": "Bob"}
    await track(browser_routes(portal=portal), {**VISITOR, "kind": "form", "formId": "demo-form", "values": values})
    assert emails(portal) == ["bob@acme.org"]
    assert portal.visitors == {"a" * 32: "bob@acme.org"}
    assert [submission["formGuid"] for submission in portal.submissions] == ["demo-form"]


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "view", "hubId": "999", "identity": ADA},
        {"kind": "command", "command": ["identify", ADA]},
        {"kind": "form", "values": {"email": "no address"}},
        {"kind": "view", "identity": {"email": ["x"]}},
        {"kind": "form", "values": "x"},
        {"kind": "event", "name": 5, "identity": ADA},
    ],
)
async def test_nothing_reaches_the_portal_that_its_scripts_did_not_mean(portal: Portal, entry: dict[str, Any]) -> None:
    assert await track(browser_routes(portal=portal), {**VISITOR, **entry}) == 204
    assert (emails(portal), occurred(portal)) == ([], [])
