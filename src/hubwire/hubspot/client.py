"""The only socket to HubSpot: one connection pool, one bearer, every answer a value.

The client decides nothing: an HTTP status, a timeout and a broken connection are all `Answer`s, which
`deliver/verdicts/judge.py` judges. The token goes into the header here and is nowhere else: not in answers, failures,
errors or logs.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cache
from types import TracebackType
from typing import Protocol, Self

import httpx2

from hubwire.clock import Clock, SystemClock
from hubwire.errors import HubSpotError, SettingsError
from hubwire.hubspot.call import KEPT_HEADERS, Answer, Call
from hubwire.hubspot.connections import ClientPolicy, Connections
from hubwire.hubspot.paths import Paths
from hubwire.secret import Secret

__all__ = ["Answer", "Call", "ClientPolicy", "HubSpotClient"]

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
USER_AGENT = "hubwire"
_HEADERS = {"user-agent": USER_AGENT, "accept": _JSON, "accept-encoding": "gzip, deflate"}


PostForm = Callable[[bytes], Awaitable[Answer]]
"""Sends a form to the token endpoint."""


class TokenSource(Protocol):
    """The client's source of bearer tokens."""

    async def token(self, post: PostForm) -> Secret:
        """A token that is valid now. Raises Refused, Unreachable or Unreadable if none is available."""

    def was_refused(self, token: Secret) -> bool:
        """Report that HubSpot answered 401 to this token; True if the next `token()` gives another one."""


class FixedToken:
    """A token without an end date."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    async def token(self, post: PostForm) -> Secret:
        return self._token

    def was_refused(self, token: Secret) -> bool:
        return False


@cache
def trusted_certificates() -> ssl.SSLContext:
    """The certificates that all clients trust, read once: reading them takes 30 ms, which would block every lane."""
    return httpx2.create_ssl_context()


class HubSpotClient:
    """Carries calls to one HubSpot base URL with one token. Close it, or use it as an async context.

    Every exchange calls `on_answer`; `transport` replaces the network (tests pass an ASGI app's).
    """

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource,
        paths: Paths,
        *,
        clock: Clock | None = None,
        policy: ClientPolicy | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        on_answer: Callable[[Call, Answer], None] | None = None,
        forms_url: str | None = None,
    ) -> None:
        """Shape: `forms_url` is the host of form submissions, if it is another one."""
        self.paths = paths
        self._on_answer = on_answer
        self._base_url = _checked(base_url)
        self._forms_url = _checked(forms_url) if forms_url else self._base_url
        self._tokens = tokens
        self._clock = clock or SystemClock()
        self._policy = policy or ClientPolicy()
        self._events_from = self._events_to = ""
        self._connections = transport or Connections(self._policy, trusted_certificates())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    async def call(self, call: Call) -> Answer:
        """One exchange. Never raises for a failure of HubSpot or the network, or for a token that cannot be renewed."""
        started_at_ms = self._clock.now_ms()
        try:
            token = await self._tokens.token(self._post_form)
        except HubSpotError as exc:
            return _without_token(exc, started_at_ms, self._clock.now_ms())
        headers = {"authorization": f"Bearer {token.reveal()}"}
        if call.body is not None:
            headers["content-type"] = _JSON
        host = self._forms_url if call.kind == "forms" else self._base_url
        answer = await self._exchange(call.method, host + self._placed(call.path), call.body, headers)
        if answer.status == 404 and self._looks_elsewhere(call):
            answer = await self._exchange(call.method, self._base_url + self._placed(call.path), call.body, headers)
        if self._on_answer is not None:
            self._on_answer(call, answer)
        if answer.status == 401 and call.kind != "forms" and self._tokens.was_refused(token):
            return replace(answer, may_renew_token=True)
        return answer

    def _placed(self, path: str) -> str:
        """The path at which this version's events were found (`paths.py` explains why there are two)."""
        if self._events_from and path.startswith(self._events_from):
            return self._events_to + path[len(self._events_from) :]
        return path

    def _looks_elsewhere(self, call: Call) -> bool:
        """True if the list of event definitions was not found and this version has another path, which is used from now
        on."""
        other = self.paths.with_other_events()
        if other is None or self._events_from or not call.path.startswith(self.paths.list_event_definitions()):
            return False
        suffix = "/event-definitions"
        self._events_from = self.paths.event_definitions.removesuffix(suffix)
        self._events_to = other.event_definitions.removesuffix(suffix)
        return True

    async def download(self, url: str) -> Answer:
        """One GET of a file at an address that HubSpot gave, without the token. Never raises, as `call`."""
        if not url.startswith("https://") and self._base_url.startswith("https://"):
            return Answer(status=None, failure="the address of the file does not start with https://")
        return await self._exchange("GET", url, None, {})

    async def _post_form(self, form: bytes) -> Answer:
        return await self._exchange("POST", self._base_url + self.paths.token, form, {"content-type": _FORM})

    async def _exchange(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        started_at_ms, started = self._clock.now_ms(), time.perf_counter()
        status: int | None = None
        kept: Mapping[str, str] = {}
        content, failure = b"", None
        try:
            # Not through a client of httpx2: it follows redirects and keeps cookies, which this does without.
            request = httpx2.Request(method, url, content=body, headers={**_HEADERS, **headers})
            response = await self._connections.handle_async_request(request)
            try:
                status, kept = response.status_code, _kept(response.headers)
                content, failure = await self._read(response)
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ssl.SSLError, OSError) as exc:
            failure = _words(exc)
        return Answer(
            status=status,
            headers=kept,
            body=content,
            started_at_ms=started_at_ms,
            duration_ms=round((time.perf_counter() - started) * 1000),
            correlation_id=kept.get("x-hubspot-correlation-id", ""),
            failure=failure,
        )

    async def _read(self, response: httpx2.Response) -> tuple[bytes, str | None]:
        longest = self._policy.max_answer_bytes
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > longest:
                return b"", f"the answer is longer than {longest} bytes"
            parts.append(part)
        return b"".join(parts), None


def _checked(base_url: str) -> str:
    url = base_url.rstrip("/")
    if not url.startswith(("https://", "http://")):
        raise SettingsError(f"the HubSpot base URL {base_url!r} must start with https:// (or http:// for an emulator)")
    return url


def _kept(headers: httpx2.Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in KEPT_HEADERS}


def _words(exc: Exception) -> str:
    kind = "timed out" if isinstance(exc, httpx2.TimeoutException) else "failed"
    return f"{kind}: {type(exc).__name__} {exc}".strip()


def _without_token(exc: HubSpotError, started_at_ms: int, ended_at_ms: int) -> Answer:
    """The answer to a call without a token: a 401 if the token endpoint refused, no answer if it did not answer."""
    status = getattr(exc, "status", None)
    is_refusal = isinstance(status, int) and 400 <= status < 500 and status != 429
    return Answer(
        status=401 if is_refusal else None,
        started_at_ms=started_at_ms,
        duration_ms=ended_at_ms - started_at_ms,
        failure=f"no access token: {exc}",
    )
