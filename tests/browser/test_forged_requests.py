"""Pages of attackers in a real Chromium, in which an admin of the console is signed in: on another port of the same
host, whose requests carry the session cookie, and on a name that was rebound to Hubwire's own address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response
from starlette.responses import HTMLResponse
from tests.browser.conftest import REBOUND
from tests.browser.console_world import ADMIN_TOKEN, HUBSPOT_TOKEN, World, person
from tests.browser.harness import LoopbackServer
from tests.figures import Record
from tests.integration.console.test_routes import NEEDED
from tests.support.process import HubwireProcess

from hubwire.testing import running_emulator

PARTS = {"{destination_id:int}": "1", "{destination_id}": "1", "{source_id:int}": "1", "{source_id}": "1"}
pytestmark = pytest.mark.slow
FORM = """async ([method, url]) => {
  const frame = document.createElement('iframe'); frame.name = 'f' + Math.random(); document.body.append(frame)
  const loaded = new Promise((done) => { frame.onload = done; setTimeout(done, 3000) })
  const form = document.createElement('form')
  form.method = method; form.action = url; form.target = frame.name
  for (const name of ['name', 'state', 'role', 'email', 'confirm']) {
    const field = document.createElement('input'); field.name = name; field.value = '1'; form.append(field)
  }
  document.body.append(form); form.submit(); await loaded
}"""
FETCH = """async ([method, url]) => {
  const body = method === 'GET' ? undefined : new URLSearchParams({name: '1', confirm: '1'})
  try {
    const answer = await fetch(url, {method, body, credentials: 'include', mode: 'no-cors'})
    return [answer.type, answer.status, (await answer.text()).length]
  } catch (error) { return ['failed', 0, 0] }
}"""
READ = """async (url) => {
  try { return await (await fetch(url, {credentials: 'include'})).text() } catch (error) { return 'blocked' }
}"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_emulator(access_token=HUBSPOT_TOKEN, portal_id=7654321) as emulator:
        settings = {"HUBWIRE_ADMIN_TOKEN": ADMIN_TOKEN, "HUBSPOT_ACCESS_TOKEN": HUBSPOT_TOKEN}
        with HubwireProcess(tmp_path_factory.mktemp("forged"), emulator.base_url, **settings) as process:
            yield World(process, emulator)


@pytest.fixture(scope="module")
def attacker() -> Iterator[str]:
    """A page on another port of the same host: for cookies, that is the same site."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await HTMLResponse("<title>evil</title><body></body>")(scope, receive, send)

    with LoopbackServer(lambda _: page) as server:
        yield f"http://127.0.0.1:{server.port}/"


@pytest.fixture
def signed_in(browser: Browser, world: World) -> Iterator[Page]:
    context = person(browser)
    page = context.new_page()
    world.sign_in(page)
    yield page
    context.close()


def changing_routes() -> list[tuple[str, str]]:
    """Method and path of every route that changes something."""
    routes = []
    for line in "\n".join(NEEDED.values()).split("\n"):
        method, _, path = line.strip().partition(" ")
        if method and method != "GET":
            for name, value in PARTS.items():
                path = path.replace(name, value)
            routes.append((method, path.partition("{")[0].rstrip("/") + ("/1" if "{" in path else "")))
    return routes


def state(world: World) -> str:
    """Everything that a forged change could touch."""
    paths = ("/sources", "/destinations", "/audit", "/replays")
    return json.dumps([world.api("GET", path) for path in paths], sort_keys=True)


def test_no_route_is_changed_by_a_form_or_a_fetch_of_another_port(
    world: World, attacker: str, signed_in: Page, figures: Record
) -> None:
    routes = changing_routes()
    assert len(routes) > 60
    before = state(world)
    answers: list[Response] = []
    signed_in.context.on("response", lambda answer: answers.append(answer))
    evil = signed_in.context.new_page()
    evil.goto(attacker)
    for method, path in routes:
        evil.evaluate(FETCH, [method, world.url + path])
        if method == "POST":
            evil.evaluate(FORM, ["POST", world.url + path])
    posts = [answer for answer in answers if answer.request.method == "POST"]
    assert {answer.status for answer in posts} == {403}
    assert len({answer.url for answer in posts}) > 50
    figures(routes=len(routes), forged_requests=len(posts), let_through=0)
    assert all("hubwire" in answer.request.all_headers().get("cookie", "") for answer in posts[-10:])
    assert state(world) == before
    signed_in.reload()
    assert signed_in.get_by_role("heading", name="Overview").is_visible(), "the admin is still signed in"


def test_a_page_of_another_port_reads_nothing_and_frames_nothing(world: World, attacker: str, signed_in: Page) -> None:
    evil = signed_in.context.new_page()
    evil.goto(attacker)
    for path in ("/", "/system", "/api/v1/status", "/api/v1/sources", "/metrics"):
        assert evil.evaluate(READ, world.url + path) == "blocked"
    framed = evil.evaluate(
        """(url) => new Promise((done) => {
          const frame = document.createElement('iframe'); frame.src = url
          frame.onload = () => { try { done(frame.contentDocument.title) } catch (error) { done('closed') } }
          document.body.append(frame)
        })""",
        world.url,
    )
    assert framed in ("", "closed")
    with evil.expect_popup() as opened:
        evil.evaluate("(url) => { window.opened = window.open(url) }", world.url)
    opened.value.wait_for_load_state()
    assert evil.evaluate("window.opened.closed"), "the opener policy separates the window"


def test_a_rebound_name_has_no_session_and_changes_nothing(world: World, signed_in: Page) -> None:
    before = state(world)
    port = world.url.rpartition(":")[2]
    evil = signed_in.context.new_page()
    evil.goto(f"http://{REBOUND}:{port}/login")
    for path in ("/system", "/sources", "/audit"):
        assert evil.evaluate("async (path) => (await fetch(path)).url", path).partition("?")[0].endswith("/login")
    for path in ("/api/v1/status", "/api/v1/messages"):
        assert evil.evaluate("async (path) => (await fetch(path)).status", path) == 401
    send = (
        "async ([method, path]) => { const a = await fetch(path, {method, body: 'name=1'}); return [a.status, a.url] }"
    )
    for method, path in changing_routes():
        status, url = evil.evaluate(send, [method, path])
        assert status in (401, 403, 404, 405, 422) or url.partition("?")[0].endswith("/login"), (method, path, status)
    assert state(world) == before
