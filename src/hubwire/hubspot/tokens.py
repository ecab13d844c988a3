"""Access tokens of OAuth apps, renewed with a refresh token or, for the app itself, with its client credentials.

A renewing source requests a new token five minutes before the old one ends, with one request at a time for all callers
(the token endpoint answers 429 under load, observed live by third parties). Tokens are `Secret`s until the header.
Source: HubSpot docs, "manage OAuth tokens": `expires_in` decides when to renew, a 401 does not; a token that
HubSpot refuses before its end is nevertheless renewed once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from hubwire.clock import MonotonicClock
from hubwire.errors import Refused, Unreachable, Unreadable
from hubwire.hubspot.call import Answer
from hubwire.hubspot.client import PostForm
from hubwire.hubspot.errors import read_problem
from hubwire.hubspot.throttle import throttle_of
from hubwire.secret import Secret

RENEW_BEFORE_MS = 300_000
RENEWAL_TRIES = 3
REFUSED_AGAIN_MS = 300_000
"""A token that is refused this soon after another one is not renewed: the account refuses our app, not the token."""


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """The OAuth app that a refresh token belongs to."""

    client_id: str
    client_secret: Secret
    refresh_token: Secret


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """An OAuth app that asks for tokens of its own, which belong to no installation. They have no refresh token."""

    client_id: str
    client_secret: Secret
    scopes: tuple[str, ...] = ()


class _Tokens(msgspec.Struct):
    access_token: str
    expires_in: float = 1800.0
    refresh_token: str | None = None


class RenewedToken:
    """A token that is renewed in time with a refresh token or with client credentials.

    Its times are monotonic, because a system clock that is set makes no token end earlier or later.
    It calls `on_new_refresh_token` when HubSpot issues another refresh token, so that the caller can store it.
    """

    def __init__(
        self,
        app: OAuthApp | AppCredentials,
        clock: MonotonicClock,
        on_new_refresh_token: Callable[[Secret], None] = lambda _token: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._app = app
        self._clock = clock
        self._tell = on_new_refresh_token
        self._sleep = sleep
        self._refresh_token = app.refresh_token if isinstance(app, OAuthApp) else None
        self._token: Secret | None = None
        self._renew_at_ms = 0
        self._ends_at_ms = 0
        self._refused_at_ms: int | None = None
        self._lock = asyncio.Lock()

    async def token(self, post: PostForm) -> Secret:
        if self._token is None or self._clock.monotonic_ms() >= self._renew_at_ms:
            async with self._lock:
                if self._token is None or self._clock.monotonic_ms() >= self._renew_at_ms:
                    await self._renew(post)
        assert self._token is not None, "renewal sets the token or raises"
        return self._token

    def was_refused(self, token: Secret) -> bool:
        if token != self._token:
            return True
        now_ms = self._clock.monotonic_ms()
        if self._refused_at_ms is not None and now_ms - self._refused_at_ms < REFUSED_AGAIN_MS:
            return False
        self._refused_at_ms = now_ms
        self._token = None
        return True

    async def _renew(self, post: PostForm) -> None:
        form = self._form()
        for tries_left in reversed(range(RENEWAL_TRIES)):
            answer = await post(form)
            if answer.status == 200:
                self._take(answer)
                return
            if self._holds():
                return
            if answer.status != 429 or not tries_left:
                raise _refusal(answer)
            await self._sleep(throttle_of(answer).wait_seconds)

    def _form(self) -> bytes:
        fields = {"client_id": self._app.client_id, "client_secret": self._app.client_secret.reveal()}
        if self._refresh_token is not None:
            return urlencode(
                {"grant_type": "refresh_token", **fields, "refresh_token": self._refresh_token.reveal()}
            ).encode()
        scopes = self._app.scopes if isinstance(self._app, AppCredentials) else ()
        return urlencode({"grant_type": "client_credentials", **fields, "scope": " ".join(scopes)}).encode()

    def _holds(self) -> bool:
        """True if the current token is still valid, so that an early renewal may fail."""
        return self._token is not None and self._clock.monotonic_ms() < self._ends_at_ms

    def _take(self, answer: Answer) -> None:
        try:
            tokens = msgspec.json.decode(answer.body, type=_Tokens)
        except (msgspec.MsgspecError, ValueError) as exc:
            raise Unreadable("HubSpot's token endpoint answered 200 without an access token") from exc
        now_ms = self._clock.monotonic_ms()
        lifetime_ms = round(tokens.expires_in * 1000)
        self._token = Secret(tokens.access_token)
        self._ends_at_ms = now_ms + lifetime_ms
        self._renew_at_ms = now_ms + max(lifetime_ms - RENEW_BEFORE_MS, lifetime_ms // 2)
        before = self._refresh_token
        if before is not None and tokens.refresh_token and tokens.refresh_token != before.reveal():
            self._refresh_token = Secret(tokens.refresh_token)
            self._tell(self._refresh_token)


def _refusal(answer: Answer) -> Exception:
    if answer.status is None:
        return Unreachable(f"HubSpot's token endpoint gave no answer: {answer.failure}")
    problem = read_problem(answer.body)
    return Refused(answer.status, problem.category or "OAUTH", problem.text, answer.correlation_id)
