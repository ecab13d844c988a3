"""The log of HubSpot's stand-in in a page: what it keeps, what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.routing import Route
from tests.unit.device.asgi import ask

from hubwire.emulator.http.browser import KEPT_ENTRIES, BrowserLog, browser_routes

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
