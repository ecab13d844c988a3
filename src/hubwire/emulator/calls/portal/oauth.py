"""The OAuth token endpoint and what surrounds it: authorise, exchange, refresh, introspect, revoke.

Source: HubSpot docs, "Manage OAuth access tokens", and HubSpot's OpenAPI. Bodies of errors carry both OAuth's and
HubSpot's fields; BAD_AUTH_CODE is unsure.
"""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from hubwire.emulator.store.access import Grant, every_scope
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Refusal, Reply, Request, decode, json_reply

_json_form = msgspec.json.Decoder(dict[str, str | int | None])

LIFETIME_SECONDS = 1_800
APP_ID = 1
USER_ID = 1001


_ADDRESS = re.compile(r"https?://[!-~]+\Z")


def authorize(portal: Portal, request: Request) -> Reply:
    """`GET /oauth/authorize`: consent at once, back to `redirect_uri` with a code."""
    app = portal.config.oauth
    if request.query("client_id") != app.client_id:
        raise _refusal("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
    redirect_uri = request.query("redirect_uri") or app.redirect_uri or ""
    if not _ADDRESS.match(redirect_uri) or app.redirect_uri not in (None, redirect_uri):
        raise _refusal("invalid_request", "BAD_REDIRECT_URI", "missing or unknown redirect uri")
    code = issue_code(portal, frozenset((request.query("scope") or "oauth").split()))
    parameters = {"code": code}
    if state := request.query("state"):
        parameters["state"] = state
    reply = Reply(302)
    joint = "&" if "?" in redirect_uri else "?"
    reply.headers.append((b"location", f"{redirect_uri}{joint}{urlencode(parameters)}".encode()))
    return reply


def issue_code(portal: Portal, scopes: frozenset[str] | None) -> str:
    """An authorisation code that can be exchanged once."""
    code = secrets.token_hex(16)
    portal.authorization_codes[code] = scopes
    return code


def token(portal: Portal, request: Request) -> Reply:
    """`POST /oauth/…/token`: tokens for a code, a refresh token or the client itself."""
    form = _form(request)
    _check_client(portal, form)
    grant_type = form.get("grant_type")
    if grant_type == "authorization_code":
        return _exchange(portal, form)
    if grant_type == "refresh_token":
        refresh_token = form.get("refresh_token", "")
        if refresh_token not in portal.refresh_tokens:
            raise _refusal("invalid_grant", "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
        return _tokens(portal, portal.refresh_tokens[refresh_token], refresh_token)
    if grant_type == "client_credentials":
        return _tokens(portal, frozenset((form.get("scope") or "").split()), None)
    raise _refusal("unsupported_grant_type", "BAD_GRANT_TYPE", f"unsupported grant type: {grant_type}")


class TokenBody(msgspec.Struct, rename="camel"):
    """The token to inspect."""

    token_key: str


_token_body = msgspec.json.Decoder(TokenBody)


def read_private_app_token(portal: Portal, request: Request) -> Reply:
    """`POST /oauth/v2/private-apps/get/access-token-info`: whose token it is and what it may do."""
    token_key = decode(_token_body, request.body).token_key
    if portal.config.access_token not in (None, token_key):
        raise Refusal(404, "private app not found")
    body = {
        "userId": USER_ID,
        "hubId": portal.config.portal_id,
        "appId": APP_ID,
        "scopes": sorted(portal.config.granted_scopes or every_scope()),
    }
    return json_reply(200, body)


def introspect(portal: Portal, request: Request) -> Reply:
    """`POST /oauth/…/token/introspect`: the rights of a token."""
    form = _form(request)
    _check_client(portal, form)
    value = form.get("token", "")
    grant = portal.grants.get(value)
    now_ms = portal.clock.now_ms()
    if grant is not None and (grant.expires_at_ms or 0) > now_ms:
        shown = {**_access_token(portal, grant), "client_id": portal.config.oauth.client_id}
        signed = _signed(portal, grant)
        return json_reply(200, {"active": True, "token_use": "access_token", **shown, "signed_access_token": signed})
    if value in portal.refresh_tokens:
        return json_reply(200, {"active": True, "token_use": "refresh_token", **_refresh_token(portal, value)})
    return json_reply(200, {"active": False})


def revoke(portal: Portal, request: Request) -> Reply:
    """`POST /oauth/…/token/revoke`: a token is good for nothing from now on."""
    form = _form(request)
    _check_client(portal, form)
    portal.grants.pop(form.get("token", ""), None)
    portal.refresh_tokens.pop(form.get("token", ""), None)
    return Reply(NO_CONTENT)


def read_access_token(portal: Portal, request: Request) -> Reply:
    """`GET /oauth/v1/access-tokens/{token}`: what an access token is good for."""
    grant = portal.grants.get(request.params["token"])
    if grant is None:
        raise Refusal(404, "access token not found", "OBJECT_NOT_FOUND")
    return json_reply(200, _access_token(portal, grant))


def read_refresh_token(portal: Portal, request: Request) -> Reply:
    """`GET /oauth/v1/refresh-tokens/{token}`: what a refresh token is good for."""
    if request.params["token"] not in portal.refresh_tokens:
        raise Refusal(404, "refresh token not found", "OBJECT_NOT_FOUND")
    return json_reply(200, _refresh_token(portal, request.params["token"]))


def delete_refresh_token(portal: Portal, request: Request) -> Reply:
    """`DELETE /oauth/v1/refresh-tokens/{token}`: as if the app were uninstalled."""
    portal.refresh_tokens.pop(request.params["token"], None)
    return Reply(NO_CONTENT)


def _exchange(portal: Portal, form: dict[str, str]) -> Reply:
    expected = portal.config.oauth.redirect_uri
    if expected is not None and form.get("redirect_uri") != expected:
        raise _refusal("invalid_grant", "BAD_REDIRECT_URI", "redirect uri does not match")
    code = form.get("code", "")
    if code not in portal.authorization_codes:
        raise _refusal("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
    return _tokens(portal, portal.authorization_codes.pop(code), f"refresh-{secrets.token_hex(16)}")


def _tokens(portal: Portal, scopes: frozenset[str] | None, refresh_token: str | None) -> Reply:
    access_token = f"access-{secrets.token_hex(16)}"
    expires_at_ms = portal.clock.now_ms() + LIFETIME_SECONDS * 1000
    portal.grants[access_token] = Grant(access_token, scopes, expires_at_ms, is_oauth=True)
    body: dict[str, Any] = {
        "token_type": "bearer",
        "access_token": access_token,
        "expires_in": LIFETIME_SECONDS,
        "hub_id": portal.config.portal_id,
        "scopes": sorted(scopes or ()),
        "token_use": "access_token" if refresh_token else "client_credentials",
        "user_id": USER_ID,
    }
    if refresh_token:
        portal.refresh_tokens[refresh_token] = scopes
        body["refresh_token"] = refresh_token
    return json_reply(200, body)


def _access_token(portal: Portal, grant: Grant) -> dict[str, Any]:
    seconds = max(0, ((grant.expires_at_ms or 0) - portal.clock.now_ms()) // 1000)
    return {
        "token": grant.token,
        "token_type": "access",
        "app_id": APP_ID,
        "hub_id": portal.config.portal_id,
        "hub_domain": "emulator.example",
        "user": "user@emulator.example",
        "user_id": USER_ID,
        "scopes": sorted(grant.scopes or ()),
        "expires_in": seconds,
        "is_private_distribution": False,
    }


def _signed(portal: Portal, grant: Grant) -> dict[str, Any]:
    scopes = ",".join(sorted(grant.scopes or ()))
    return {
        "appId": APP_ID,
        "appInstallId": "1",
        "audience": "",
        "expiresAt": grant.expires_at_ms or 0,
        "hubId": portal.config.portal_id,
        "hublet": "na1",
        "installingUserId": USER_ID,
        "isPrivateDistribution": False,
        "isServiceAccount": False,
        "isUserLevel": False,
        "newSignature": "",
        "scopeToScopeGroupPks": "",
        "scopes": scopes,
        "signature": "",
        "trialScopeToScopeGroupPks": "",
        "trialScopes": "",
        "userId": USER_ID,
    }


def _refresh_token(portal: Portal, value: str) -> dict[str, Any]:
    return {
        "token": value,
        "token_type": "refresh",
        "client_id": portal.config.oauth.client_id,
        "hub_id": portal.config.portal_id,
        "hub_domain": "emulator.example",
        "user": "user@emulator.example",
        "user_id": USER_ID,
        "scopes": sorted(portal.refresh_tokens[value] or ()),
    }


def _form(request: Request) -> dict[str, str]:
    if b"json" in request.headers.get(b"content-type", b""):  # HubSpot's pre-release Python SDK sends JSON
        return {name: str(value) for name, value in decode(_json_form, request.body).items() if value is not None}
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    if request.version == "v1":  # v1 also took them from the query
        form = {**dict(parse_qsl(request.query_string.decode("latin-1"))), **form}
    return form


def _check_client(portal: Portal, form: dict[str, str]) -> None:
    app = portal.config.oauth
    if form.get("client_id") != app.client_id:
        raise _refusal("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
    if form.get("client_secret") != app.client_secret:
        raise _refusal("invalid_client", "BAD_CLIENT_SECRET", "missing or invalid client secret")


def _refusal(error: str, status: str, message: str) -> Refusal:
    return Refusal(400, message, extra={"status": status, "error": error, "error_description": message})
