"""Alerts by webhook and e-mail, over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from hubwire.errors import SettingsError
from hubwire.monitoring import alert_tellers
from hubwire.monitoring.alert_tellers import TIMEOUT_SECONDS, Mail, NotTold, Webhook, tellers_of
from hubwire.monitoring.alerts import AlertState, Notice
from hubwire.secret import Secret
from hubwire.settings import Settings, load

NOTICE = Notice(
    key="lag:hubspot",
    state=AlertState.FIRING,
    title="hubspot: messages are late",
    said="12 messages are pending, the oldest for 20 min",
    remedy="hubwire status shows why.",
    since_ms=1_790_000_000_000,
    at_ms=1_790_000_030_000,
)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


class Hook:
    """An HTTP server that takes one POST per connection."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, body))
        writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


class Stuck:
    """A server that answers so much and no more, until its caller has gone."""

    def __init__(self, answer: bytes) -> None:
        self.ended = asyncio.Event()
        self._answer = answer

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._answer)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        self.ended.set()


class MailServer:
    """As much SMTP as one message needs, without STARTTLS."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.text = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 mail.test")
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            verb = line.split()[0].upper()
            if verb == "DATA":
                await say("354 go on")
                lines: list[str] = []
                while (text := (await reader.readline()).decode().rstrip("\r\n")) != ".":
                    lines.append(text)
                self.text = "\n".join(lines)
            if verb == "QUIT":
                await say("221 bye")
                break
            await say("250 mail.test")
        writer.close()


async def test_a_webhook_gets_json_that_slack_understands_and_a_signature() -> None:
    hook = Hook()
    async with listening(hook) as port:
        await Webhook(Secret(f"http://127.0.0.1:{port}/x"), Secret("key")).tell(NOTICE)
    [(headers, body)] = hook.requests
    report = json.loads(body)
    assert report["text"].startswith("[hubwire] hubspot: messages are late: 12 messages are pending")
    assert (report["alert"], report["state"], report["since"]) == ("lag:hubspot", "firing", "2026-09-21T14:13:20Z")
    assert headers["x-hubwire-signature"] == "sha256=" + hmac.new(b"key", body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_webhook_that_does_not_take_it_is_an_error_without_its_url(status: int) -> None:
    async with listening(Hook(status)) as port:
        with pytest.raises(NotTold) as caught:
            await Webhook(Secret(f"http://127.0.0.1:{port}/secret-path"), None).tell(NOTICE)
    assert str(caught.value) == f"the webhook answered {status}"


async def test_nobody_at_the_webhook_is_an_error_without_its_url() -> None:
    with pytest.raises(NotTold) as caught:
        await Webhook(Secret("http://127.0.0.1:9/secret-path"), None).tell(NOTICE)
    assert "secret-path" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_mail_says_what_and_since_when() -> None:
    server = MailServer()
    async with listening(server) as port:
        await Mail(
            Secret(f"smtp://127.0.0.1:{port}"), "hubwire@example.com", ["ops@example.com", "b@example.com"]
        ).tell(NOTICE)
    assert "Subject: [hubwire] firing: hubspot: messages are late" in server.text
    assert "To: ops@example.com, b@example.com" in server.text
    assert "since 2026-09-21T14:13:20Z" in server.text
    assert re.search(r"^Date: Mon, 21 Sep 2026 14:1\d:\d\d [-+]0000", server.text, re.MULTILINE)
    assert re.search(r"^Message-ID: <\S+@example\.com>", server.text, re.MULTILINE)
    assert "Auto-Submitted: auto-generated" in server.text
    assert [line for line in server.commands if line.startswith("rcpt")] == [
        "rcpt TO:<ops@example.com>",
        "rcpt TO:<b@example.com>",
    ]


async def test_a_password_is_not_sent_in_the_clear() -> None:
    server = MailServer()
    async with listening(server) as port:
        with pytest.raises(NotTold):
            await Mail(Secret(f"smtp://me:pa%20ss@127.0.0.1:{port}"), "a@example.com", ["b@example.com"]).tell(NOTICE)
    assert not any("AUTH" in line.upper() for line in server.commands)


async def test_nobody_at_the_mail_server_is_an_error() -> None:
    with pytest.raises(NotTold):
        await Mail(Secret("smtp://127.0.0.1:9"), "a@example.com", ["b@example.com"]).tell(NOTICE)


def test_the_settings_say_who_is_told() -> None:
    assert tellers_of(Settings()) == []
    both = load(
        {
            "HUBWIRE_ALERT_WEBHOOK_URL": "https://hooks.example.com/x",
            "HUBWIRE_ALERT_EMAIL_TO": "a@example.com, b@example.com",
            "HUBWIRE_ALERT_EMAIL_FROM": "hubwire@example.com",
            "HUBWIRE_SMTP_URL": "smtps://mail.example.com",
        }
    )
    assert [type(teller) for teller in tellers_of(both)] == [Webhook, Mail]
    assert both.alert_email_to == ("a@example.com", "b@example.com")


@pytest.mark.parametrize(
    "environment",
    [
        {"HUBWIRE_ALERT_EMAIL_TO": "a@example.com"},
        {"HUBWIRE_SMTP_URL": "smtp://x"},
        {"HUBWIRE_ALERT_LAG_SECONDS": "1"},
        {"HUBWIRE_ALERT_BUDGET_PERCENT": "100"},
    ],
)
def test_settings_that_do_not_fit_are_refused(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        load(environment)


def test_an_alert_is_turned_off_with_null() -> None:
    assert load({"HUBWIRE_ALERT_LAG_SECONDS": "null"}).alert_lag_seconds is None


@pytest.mark.parametrize("url", ["ftp://x", "hooks.example.com"])
def test_addresses_that_cannot_be_are_refused_at_the_start(url: str) -> None:
    with pytest.raises(SettingsError):
        Webhook(Secret(url), None)
    with pytest.raises(SettingsError):
        Mail(Secret(url), "a@example.com", ["b@example.com"])


async def test_what_a_webhook_answers_beside_its_status_is_not_waited_for() -> None:
    stuck = Stuck(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\nok")
    async with listening(stuck) as port, asyncio.timeout(TIMEOUT_SECONDS):
        await Webhook(Secret(f"http://127.0.0.1:{port}/"), None).tell(NOTICE)
        await stuck.ended.wait()


async def test_a_webhook_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_tellers, "TIMEOUT_SECONDS", 0.2)
    stuck = Stuck(b"HTTP/1.1 2")
    async with listening(stuck) as port:
        with pytest.raises(NotTold, match="did not answer: TimeoutError"):
            await Webhook(Secret(f"http://127.0.0.1:{port}/"), None).tell(NOTICE)
        await stuck.ended.wait()
