"""How alerts reach people: a webhook (JSON that Slack also accepts) and e-mail."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import smtplib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

import httpx2
import msgspec

from hubwire.errors import HubwireError, SettingsError
from hubwire.monitoring.alerts import AlertState, Notice, Teller
from hubwire.monitoring.bounded_smtp import BoundedSmtp
from hubwire.secret import Secret
from hubwire.settings import Settings

TIMEOUT_SECONDS = 15.0
SIGNATURE = "x-hubwire-signature"


class NotTold(HubwireError):
    """A notification did not arrive; Hubwire tries again."""

    code = "alert-not-told"


def tellers_of(settings: Settings) -> list[Teller]:
    """The receivers in the settings. Errors: SettingsError."""
    tellers: list[Teller] = []
    if settings.alert_webhook_url is not None:
        tellers.append(Webhook(settings.alert_webhook_url, settings.alert_webhook_secret))
    if settings.alert_email_to and settings.smtp_url is not None and settings.alert_email_from is not None:
        tellers.append(Mail(settings.smtp_url, settings.alert_email_from, settings.alert_email_to))
    return tellers


class Webhook:
    """Posts notifications. The URL is a secret: no error contains it."""

    kind = "webhook"

    def __init__(self, url: Secret, secret: Secret | None) -> None:
        if not url.reveal().startswith(("https://", "http://")):
            raise SettingsError("alert_webhook_url (HUBWIRE_ALERT_WEBHOOK_URL) must begin with https:// or http://")
        self._url = url
        self._secret = secret

    async def tell(self, notice: Notice) -> None:
        body = msgspec.json.encode(webhook_body(notice))
        headers = {"content-type": "application/json", "user-agent": "hubwire"}
        if self._secret is not None:
            digest = hmac.new(self._secret.reveal().encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={digest}"
        try:
            status = await self._post(body, headers)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as exc:
            raise NotTold(f"the webhook did not answer: {type(exc).__name__}") from None
        if not 200 <= status < 300:
            raise NotTold(f"the webhook answered {status}")

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """The status. The body stays unread because it can be large or endless."""
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            httpx2.AsyncClient(timeout=None, follow_redirects=False) as client,
            client.stream("POST", self._url.reveal(), content=body, headers=headers) as answer,
        ):
            return answer.status_code


def webhook_body(notice: Notice) -> dict[str, object]:
    """The JSON of a notification; Slack and similar services show `text`."""
    return {
        "text": f"[hubwire] {words(notice)}",
        "alert": notice.key,
        "state": notice.state,
        "title": notice.title,
        "said": notice.said,
        "remedy": notice.remedy,
        "since": _iso(notice.since_ms),
        "at": _iso(notice.at_ms),
    }


def words(notice: Notice) -> str:
    """A notification in one or two lines."""
    if notice.state is AlertState.RESOLVED:
        return f"resolved: {notice.title} (since {_iso(notice.since_ms)})"
    return " ".join(part for part in (f"{notice.title}: {notice.said}.", notice.remedy) if part).replace("..", ".")


class Mail:
    """Sends each notification as an e-mail, on a connection of its own."""

    kind = "e-mail"

    def __init__(self, url: Secret, sender: str, recipients: Sequence[str]) -> None:
        try:
            parts = urlsplit(url.reveal())
            is_usable = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port over 65,535, or brackets without an IPv6 address
            is_usable = False
        if not is_usable:
            raise SettingsError("smtp_url (HUBWIRE_SMTP_URL) must look like smtp://user:password@host:587")
        self._parts = parts
        self._sender = sender
        self._recipients = list(recipients)

    async def tell(self, notice: Notice) -> None:
        message = EmailMessage()
        message["Subject"] = f"[hubwire] {notice.state}: {notice.title}"
        message["From"] = self._sender
        message["To"] = ", ".join(self._recipients)
        # Without Date and Message-ID, mail servers treat it as spam. Auto-Submitted prevents out-of-office replies.
        message["Date"] = formatdate(notice.at_ms / 1000)
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2].strip("> ") or None)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{words(notice)}\n\nsince {_iso(notice.since_ms)}\nalert {notice.key}\n")
        try:
            await asyncio.to_thread(self._send, message)
        except (smtplib.SMTPException, OSError) as exc:
            raise NotTold(f"the mail server did not accept it: {type(exc).__name__}") from None

    def _send(self, message: EmailMessage) -> None:
        parts, context = self._parts, ssl.create_default_context()
        host = parts.hostname or ""
        is_tls = parts.scheme == "smtps"
        port = parts.port or (465 if is_tls else 587)
        with BoundedSmtp(host, port, seconds=TIMEOUT_SECONDS, tls=context if is_tls else None) as server:
            if not is_tls:
                server.ehlo()
                if server.has_extn("starttls"):
                    server.starttls(context=context)
                elif parts.password:
                    raise smtplib.SMTPException("the server has no STARTTLS, and Hubwire sends no password unencrypted")
            if parts.username and parts.password:
                server.login(unquote(parts.username), unquote(parts.password))
            server.send_message(message)


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
