"""The OpenID Connect provider: its published configuration, its keys, and the exchange of a code for claims.

Answers are bounded in size and time, and are kept for an hour. Redirects are not followed. Errors contain no token,
code or client secret.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from hubwire.clock import MonotonicClock
from hubwire.errors import HubwireError
from hubwire.secret import Secret
from hubwire.settings import Settings, is_loopback_url
from hubwire.web.single_sign_on import Client, SignInRefused, UnknownKey, checked_claims, client_of, has_role_claim

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 1 << 20
KEPT_MS = 3_600_000
FRESH_KEYS_MS = 60_000
"""The keys are read again for an unknown key, but not more often than this."""
CONFIGURATION = "/.well-known/openid-configuration"
HINT = "Try again, or sign in with a token."


class ProviderUnavailable(HubwireError):
    """The provider gives no usable answer."""

    code = "sso-unavailable"


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What Hubwire uses of the provider's published configuration."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a code."""

    id_token: str
    access_token: str | None = None


class IdentityProvider:
    """Signs people in with a provider. One per process."""

    def __init__(self, client: Client, secret: Secret | None, clock: MonotonicClock) -> None:
        self.client = client
        self._secret = secret
        self._clock = clock
        self._lock = asyncio.Lock()
        self._configuration: tuple[int, Configuration] | None = None
        self._keys: tuple[int, dict[str, Any]] | None = None

    async def configuration(self) -> Configuration:
        """The published configuration, at most an hour old. Errors: ProviderUnavailable."""
        async with self._lock:
            if self._configuration is None or self._is_older(self._configuration[0], KEPT_MS):
                url = self.client.issuer.rstrip("/") + CONFIGURATION
                found = _decoded(await self._get(url), Configuration, url)
                if found.issuer != self.client.issuer:
                    message = f"the provider calls itself {found.issuer}, not {self.client.issuer}"
                    raise ProviderUnavailable(message, hint="Correct oidc_issuer; every character counts.")
                _check_addresses(found)
                self._configuration = (self._clock.monotonic_ms(), found)
            return self._configuration[1]

    async def claims(self, code: str, verifier: str, nonce: str, now_seconds: int) -> dict[str, Any]:
        """The claims about the person who brought this code back.

        Errors: SignInRefused, ProviderUnavailable.
        """
        tokens = await self._tokens(code, verifier)
        try:
            claims = checked_claims(tokens.id_token, await self._known_keys(), self.client, nonce, now_seconds)
        except UnknownKey:
            keys = await self._known_keys(max_age_ms=FRESH_KEYS_MS)
            try:
                claims = checked_claims(tokens.id_token, keys, self.client, nonce, now_seconds)
            except UnknownKey as exc:
                raise SignInRefused(str(exc)) from exc
        if not has_role_claim(claims, self.client) and tokens.access_token:
            claims = {**await self._userinfo(tokens.access_token, claims["sub"]), **claims}
        return claims

    async def _tokens(self, code: str, verifier: str) -> Tokens:
        configuration = await self.configuration()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "code_verifier": verifier,
        }
        authorization: httpx2.BasicAuth | None = None
        client_id = self.client.client_id
        if self._secret is None:
            form["client_id"] = client_id
        elif "client_secret_basic" in configuration.token_endpoint_auth_methods_supported:
            # RFC 6749, section 2.3.1: both are form-encoded before they become Basic.
            authorization = httpx2.BasicAuth(quote(client_id, safe=""), quote(self._secret.reveal(), safe=""))
        else:
            form |= {"client_id": client_id, "client_secret": self._secret.reveal()}
        url = configuration.token_endpoint
        status, body = await _exchange(httpx2.Request("POST", url, data=form), authorization)
        if status == 400:
            raise SignInRefused(f"the provider did not take the sign-in: {_error_of(body)}", hint="Sign in again.")
        if status == 401:
            hint = "Check oidc_client_id and oidc_client_secret."
            raise SignInRefused("the provider does not accept this client's secret", hint=hint)
        return _decoded(_answer(url, status, body), Tokens, url)

    async def _userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        url = (await self.configuration()).userinfo_endpoint
        if url is None:
            return {}
        request = httpx2.Request("GET", url, headers={"authorization": f"Bearer {access_token}"})
        found = _decoded(_answer(url, *await _exchange(request)), dict[str, Any], url)
        if found.get("sub") != subject:
            raise SignInRefused("the provider's userinfo is of somebody else")
        return found

    async def _known_keys(self, max_age_ms: int = KEPT_MS) -> dict[str, Any]:
        url = (await self.configuration()).jwks_uri
        async with self._lock:
            if self._keys is None or self._is_older(self._keys[0], max_age_ms):
                self._keys = (self._clock.monotonic_ms(), _decoded(await self._get(url), dict[str, Any], url))
            return self._keys[1]

    async def _get(self, url: str) -> bytes:
        return _answer(url, *await _exchange(httpx2.Request("GET", url)))

    def _is_older(self, at_ms: int, age_ms: int) -> bool:
        return self._clock.monotonic_ms() - at_ms >= age_ms


def identity_provider(settings: Settings, public_url: str, clock: MonotonicClock) -> IdentityProvider | None:
    """The provider of these settings; None without one."""
    client = client_of(settings, public_url)
    return None if client is None else IdentityProvider(client, settings.oidc_client_secret, clock)


async def _exchange(request: httpx2.Request, authorization: httpx2.BasicAuth | None = None) -> tuple[int, bytes]:
    """Status and body. Errors: ProviderUnavailable."""
    host = urlsplit(str(request.url)).netloc
    body = bytearray()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), httpx2.AsyncClient(timeout=None, follow_redirects=False) as client:
            answer = await client.send(request, auth=authorization, stream=True)
            try:
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MAX_ANSWER_BYTES:
                        raise ProviderUnavailable(f"{host} answered more than {MAX_ANSWER_BYTES:,} bytes", hint=HINT)
            finally:
                await answer.aclose()
    except TimeoutError as exc:
        raise ProviderUnavailable(f"{host} did not answer within {TIMEOUT_SECONDS:g} s", hint=HINT) from exc
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as exc:
        raise ProviderUnavailable(f"{host} did not answer: {type(exc).__name__}", hint=HINT) from exc
    return answer.status_code, bytes(body)


def _answer(url: str, status: int, body: bytes) -> bytes:
    if status != 200:
        raise ProviderUnavailable(f"{urlsplit(url).netloc} answered {status}", hint=HINT)
    return body


def _decoded(body: bytes, kind: type[T], url: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as exc:
        raise ProviderUnavailable(f"{url} does not answer as OpenID Connect says: {exc}", hint=HINT) from exc


def _error_of(body: bytes) -> str:
    """The provider's word for the error. Its description may name the person, and stays out."""
    try:
        word = msgspec.json.decode(body, type=dict[str, Any]).get("error")
    except msgspec.MsgspecError:
        word = None
    return word if isinstance(word, str) and word.isidentifier() and len(word) <= 60 else "no reason given"


def _check_addresses(configuration: Configuration) -> None:
    """Errors: ProviderUnavailable for an address that would show codes and secrets on the way."""
    optional = (configuration.userinfo_endpoint, configuration.end_session_endpoint)
    required = (configuration.authorization_endpoint, configuration.token_endpoint, configuration.jwks_uri)
    for url in (*required, *(address for address in optional if address)):
        if not url.startswith("https://") and not is_loopback_url(url):
            raise ProviderUnavailable(f"the provider names an address that is not https: {url}")
