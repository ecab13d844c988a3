"""The kinds of a destination's stored token: a token without an end date, or an OAuth app with its refresh token.

For the registry, both are one secret. Source: HubSpot docs, "account service keys", "manage OAuth tokens"; personal API
keys (`hapikey`) ended on 2022-11-30.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

import msgspec

from hubwire.clock import MonotonicClock
from hubwire.errors import SettingsError
from hubwire.hubspot.client import FixedToken, TokenSource
from hubwire.hubspot.tokens import AppCredentials, OAuthApp, RenewedToken
from hubwire.secret import Secret

OAUTH_PREFIX = "oauth:"
_API_KEY = re.compile(r"(?i)(na\d-|eu\d-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REGION = re.compile(r"pat-([a-z]{2}[0-9]{1,2})-")


class TokenKind(StrEnum):
    """The kind of a token by its text. Service keys and private-app tokens have the same prefix."""

    SERVICE_KEY = "service key or private-app token"
    OAUTH = "OAuth app"
    API_KEY = "API key of before 2022"
    OTHER = "token"


class _App(msgspec.Struct):
    client_id: str
    client_secret: str
    refresh_token: str


class _Credentials(msgspec.Struct):
    client_id: str
    client_secret: str


def credentials_secret(app: AppCredentials) -> Secret:
    """The client credentials of an app as one secret."""
    return Secret(msgspec.json.encode(_Credentials(app.client_id, app.client_secret.reveal())).decode())


def app_credentials(secret: Secret, scopes: tuple[str, ...]) -> AppCredentials:
    """The client credentials in a stored secret. Raises SettingsError for a damaged secret."""
    try:
        app = msgspec.json.decode(secret.reveal(), type=_Credentials)
    except (msgspec.MsgspecError, ValueError):
        raise SettingsError(
            "the stored credentials of the change journal cannot be read",
            hint="Set them anew: hubwire destination journal.",
        ) from None
    return AppCredentials(app.client_id, Secret(app.client_secret), scopes)


def oauth_secret(app: OAuthApp) -> Secret:
    """An OAuth app as one secret, to be stored like a token."""
    plain = _App(app.client_id, app.client_secret.reveal(), app.refresh_token.reveal())
    return Secret(OAUTH_PREFIX + msgspec.json.encode(plain).decode())


def oauth_app(secret: Secret) -> OAuthApp | None:
    """The OAuth app in a stored secret; None for a plain token. Raises SettingsError for a damaged secret."""
    text = secret.reveal()
    if not text.startswith(OAUTH_PREFIX):
        return None
    try:
        app = msgspec.json.decode(text[len(OAUTH_PREFIX) :], type=_App)
    except (msgspec.MsgspecError, ValueError):
        raise SettingsError(
            "the stored OAuth app cannot be read", hint="Set the token of the destination anew."
        ) from None
    return OAuthApp(app.client_id, Secret(app.client_secret), Secret(app.refresh_token))


def token_source(
    secret: Secret, clock: MonotonicClock, keep: Callable[[Secret], None] = lambda _secret: None
) -> TokenSource:
    """A client's source of bearer tokens. `keep` stores the secret when HubSpot issues another refresh token."""
    app = oauth_app(secret)
    if app is None:
        return FixedToken(secret)

    def keep_renewed(refresh_token: Secret) -> None:
        keep(oauth_secret(OAuthApp(app.client_id, app.client_secret, refresh_token)))

    return RenewedToken(app, clock, keep_renewed)


def kind_of(secret: Secret) -> TokenKind:
    """The kind of a stored secret."""
    text = secret.reveal()
    if text.startswith(OAUTH_PREFIX):
        return TokenKind.OAUTH
    if text.startswith("pat-"):
        return TokenKind.SERVICE_KEY
    return TokenKind.API_KEY if _API_KEY.fullmatch(text) else TokenKind.OTHER


def region_of(secret: Secret) -> str | None:
    """The data region that a token's prefix names (`pat-eu1-…`)."""
    match = _REGION.match(secret.reveal())
    return match[1] if match else None
