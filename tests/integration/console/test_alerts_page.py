"""The Alerts page and its twins; the command of a message page."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.integration.console.harness import XSS, Console, Page

from hubwire.destination import Source
from hubwire.registry.access import Role
from hubwire.secret import Secret

HOOK = "http://127.0.0.1:9/hook-secret"
HOUR_SECONDS = 3600.0


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Console]:
    """A console that tells a webhook and an address."""
    made = Console(
        tmp_path,
        alert_webhook_url=Secret(HOOK),
        alert_email_to=("olga@example.org",),
        alert_email_from="hubwire@example.org",
        smtp_url=Secret("smtp://127.0.0.1:9"),
        alert_silent_hours=1.0,
    )
    yield made
    made.close()


def test_without_a_channel_the_page_says_so(console: Console) -> None:
    console.fill()
    console.sign_in(Role.VIEW)
    text = Page(console.get("/alerts").text).text
    assert "No one is notified yet" in text
    assert console.json("/alerts")["channels"] == []


def test_the_page_and_its_twin_show_what_is_on(watched: Console) -> None:
    watched.fill()
    watched.clock.advance(2 * HOUR_SECONDS)
    assert watched.alerts is not None
    asyncio.run(watched.alerts.check())
    watched.sign_in(Role.VIEW)
    html = watched.get("/alerts").text
    text = Page(html).text
    assert "source server is silent" in text
    assert "Check that the sender still runs" in text
    assert "firing" in text
    assert "o…@e…" in text
    for secret in (HOOK, "hook-secret", "olga@example.org"):
        assert secret not in html
    page, api = watched.json("/alerts"), watched.call("GET", "/alerts").json()
    assert api["rules"] == page["rules"]
    assert [one["target"] for one in api["channels"]] == ["***", "olga@example.org"]
    [silent] = [one for one in api["rules"] if one["name"] == "silent"]
    assert silent["threshold"] == 1.0
    assert silent["on"][0]["since_ms"] == watched.clock.now_ms()


def test_a_name_in_an_alert_is_text(watched: Console) -> None:
    watched.fill()
    known = watched.store.registry.sources()[1]
    watched.store.registry.save_source(Source(source_id=known.source_id, name=XSS))
    watched.clock.advance(2 * HOUR_SECONDS)
    assert watched.alerts is not None
    asyncio.run(watched.alerts.check())
    watched.sign_in()
    html = watched.get("/alerts").text
    assert XSS in Page(html).text
    assert XSS not in html


def command(html: str) -> str:
    return unescape(html.split('<pre tabindex="0">curl', 1)[1].split("</pre>", 1)[0])


def test_a_message_can_be_copied_as_curl(console: Console) -> None:
    console.fill()
    traits = {"email": "paula@example.org", "note": 'it\'s\n"two" lines </pre>' + XSS}
    console.receive({"type": "identify", "userId": "u1", "traits": traits}, "nasty")
    console.sign_in(Role.OPERATE)
    html = console.get("/messages/nasty").text
    assert XSS not in html
    words = shlex.split(command(html).replace("\\\n", " "))
    assert words[:3] == ["-u", "$WRITE_KEY:", "https://events.example.com/v1/identify"]
    assert json.loads(words[-1]) == {"type": "identify", "userId": "u1", "traits": traits}
    assert "wk_server_secret_key_0001" not in html


def test_who_only_views_copies_what_they_see(console: Console) -> None:
    console.fill()
    console.sign_in(Role.VIEW)
    html = console.get("/messages/m-0").text
    sent = json.loads(shlex.split(command(html).replace("\\\n", " "))[-1])
    assert "paula@example.org" not in html
    assert sent["traits"] == console.json("/messages/m-0")["found"][0]["body"]["traits"]
    assert XSS not in console.get(f"/messages/{quote(XSS, safe='')}").text
