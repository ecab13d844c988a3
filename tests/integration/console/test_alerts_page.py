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
from hubwire.monitoring.alert_settings import known_settings, save_settings
from hubwire.record.privacy import AlertOrigin
from hubwire.registry.access import Role
from hubwire.secret import Secret
from hubwire.settings import Settings

HOOK = "http://127.0.0.1:9/hook-secret"
HOUR_SECONDS = 3600.0


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Console]:
    """A console that tells a webhook and an address."""
    console = Console(
        tmp_path,
        alert_webhook_url=Secret(HOOK),
        alert_email_to=("olga@example.org",),
        alert_email_from="hubwire@example.org",
        smtp_url=Secret("smtp://127.0.0.1:9"),
        alert_silent_hours=1.0,
    )
    yield console
    console.close()


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
    assert [channel["target"] for channel in api["channels"]] == ["***", "olga@example.org"]
    [silent] = [rule for rule in api["rules"] if rule["name"] == "silent"]
    assert silent["threshold"] == 1.0
    assert silent["on"][0]["since_ms"] == watched.clock.now_ms()


FORM = {
    "alert_webhook_url": "http://127.0.0.1:9/another-secret",
    "alert_email_to": "a@example.org, b@example.org",
    "alert_email_from": "hubwire@example.org",
    "smtp_url": "smtp://user:hush@127.0.0.1:9",
    "alert_lag_seconds": "60",
    "alert_dead_messages": "",
    "alert_retrying_messages": "5",
    "alert_budget_percent": "50",
    "alert_silent_hours": "2",
    "alert_repeat_hours": "12",
}


def test_settings_saved_in_the_console_replace_those_of_the_server_and_can_be_dropped(console: Console) -> None:
    console.fill()
    console.sign_in()
    assert console.post("/alerts", **FORM).headers["location"] == "/alerts?done=saved"
    page = console.json("/alerts")
    assert [channel["kind"] for channel in page["channels"]] == ["webhook", "e-mail", "e-mail"]
    rules = {rule["name"]: rule["threshold"] for rule in page["rules"]}
    assert rules == {"stopped": None, "lag": 60.0, "dead": None, "retrying": 5, "budget": 50, "silent": 2.0}
    html = console.get("/alerts").text
    [stored] = console.store.queries._database.connection.execute("SELECT sealed FROM alert_setting").fetchone()  # type: ignore[attr-defined]
    for secret in ("another-secret", "hush"):
        assert secret not in html
        assert secret.encode() not in bytes(stored)
    kept = {name: "" if name in ("alert_webhook_url", "smtp_url") else value for name, value in FORM.items()}
    console.post("/alerts", **{**kept, "alert_silent_hours": "3"})
    assert console.json("/alerts")["form"]["has"] == ["alert_webhook_url", "smtp_url"]
    assert console.json("/alerts")["form"]["values"]["alert_silent_hours"] == "3"
    console.post("/alerts", **{**kept, "no_alert_webhook_url": "1"})
    assert [channel["kind"] for channel in console.json("/alerts")["channels"]] == ["e-mail", "e-mail"]
    console.post("/alerts/reset")
    assert console.json("/alerts")["channels"] == []
    assert console.audited()[0] == "alerts.reset"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"alert_webhook_url": "hooks.example.org"}, "must begin with https://"),
        ({"alert_budget_percent": "100"}, "alert_budget_percent"),
        ({"alert_email_from": ""}, "one of them is missing"),
        ({"alert_repeat_hours": ""}, "alert_repeat_hours"),
    ],
)
def test_alert_settings_that_cannot_work_are_refused(console: Console, change: dict[str, str], words: str) -> None:
    console.sign_in()
    answer = console.post("/alerts", **{**FORM, **change})
    assert answer.status_code == 422
    assert words in Page(answer.text).text
    assert not console.json("/alerts")["form"]["is_stored"]


def test_the_api_changes_tests_and_drops_alert_settings_and_shows_no_secret(console: Console) -> None:
    console.fill()
    changed: dict[str, object] = {name: FORM[name] for name in ("alert_webhook_url", "smtp_url")}
    changed |= {"alert_email_to": ["a@example.org"], "alert_email_from": "hubwire@example.org"}
    answer = console.call("PATCH", "/alerts/settings", json={**changed, "alert_lag_seconds": None})
    assert answer.status_code == 200, answer.text
    for secret in ("hush", "another-secret"):
        assert secret not in answer.text
    console.call("PATCH", "/alerts/settings", json={"alert_budget_percent": 50})
    settings = console.call("GET", "/alerts/settings").json()
    assert settings["secrets"] == ["alert_webhook_url", "smtp_url"]
    assert settings["is_stored"] is True
    assert (settings["thresholds"]["alert_lag_seconds"], settings["thresholds"]["alert_budget_percent"]) == (None, 50)
    results = console.call("POST", "/alerts/test").json()["results"]
    assert [(result["kind"], bool(result["problem"])) for result in results] == [("webhook", True), ("e-mail", True)]
    assert console.call("DELETE", "/alerts/settings").status_code == 204
    assert console.call("GET", "/alerts/settings").json()["is_stored"] is False
    assert console.audited()[:3] == ["alerts.reset", "alerts.changed", "alerts.changed"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"alert_budget_percent": 100}, "alert_budget_percent"),
        ({"alert_repeat_hours": 1e300}, "alert_repeat_hours"),
        ({"alert_webhook_url": "hooks.example.org"}, "alert_webhook_url"),
        ({"alert_email_from": "a@example.org"}, "one of them is missing"),
        ({"alert_lag": 5}, "alert_lag"),
        (
            {"smtp_url": "smtp://mail:99999", "alert_email_to": ["a@b.example"], "alert_email_from": "a@b.example"},
            "smtp_url",
        ),
    ],
)
def test_the_api_refuses_alert_settings_that_cannot_work(
    console: Console, change: dict[str, object], words: str
) -> None:
    answer = console.call("PATCH", "/alerts/settings", json=change)
    assert answer.status_code == 400, answer.text
    assert words in answer.text
    assert console.call("GET", "/alerts/settings").json()["is_stored"] is False


def test_a_test_says_what_each_receiver_answered(console: Console) -> None:
    console.sign_in()
    assert "There is no one to send a test to." in Page(console.post("/alerts/test").text).text
    console.post("/alerts", **FORM)
    text = Page(console.post("/alerts/test").text).text
    assert "Webhook: The webhook did not answer: ConnectError" in text
    assert "E-mail: The mail server did not accept it: ConnectionRefusedError" in text


def test_running_alerts_use_what_was_saved(console: Console) -> None:
    console.fill()
    console.sign_in()
    assert asyncio.run(console.alerts.check()) == [], "no one is notified"
    console.post("/alerts", **{**FORM, "alert_lag_seconds": "10"})
    notices = asyncio.run(console.alerts.check())
    assert {notice.key for notice in notices} == {"lag:HubSpot"}


def test_a_command_beside_the_server_knows_its_settings(watched: Console) -> None:
    store, here = watched.store, Settings(data=watched.settings.data)
    assert known_settings(store, here).alert_silent_hours is None
    save_settings(store, watched.settings, AlertOrigin.SERVER, watched.clock.now_ms())
    known = known_settings(store, here)
    assert (known.alert_silent_hours, known.alert_email_to) == (1.0, ("olga@example.org",))
    assert known.alert_webhook_url == Secret(HOOK)
    watched.sign_in()
    watched.post("/alerts", **FORM)
    assert known_settings(store, here).alert_silent_hours == 2.0
    assert store.registry.reseal() == 2, "those of the console and those of the server"


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
