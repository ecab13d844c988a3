"""Rules of signing in with OpenID Connect: what goes to the provider, which ID token counts, which role it gives.

No I/O, and time is an argument. `identity_provider.py` talks to the provider, `console/single_sign_on.py` to the
browser. joserfc checks signatures and times.
Source: OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3; RFC 7636 (PKCE); RFC 9207 (issuer in the answer).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from hubwire.errors import HubwireError
from hubwire.registry.access import Role
from hubwire.settings import Settings
from hubwire.web.access import Viewer

CLOCK_SKEW_SECONDS = 60
MAX_NAME = 120
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Signatures with a public key of the provider. `none` and those with a shared secret are not among them."""


class SignInRefused(HubwireError):
    """The provider's answer does not sign anybody in."""

    code = "sso-refused"


class UnknownKey(HubwireError):
    """The ID token names a key that is not among the provider's known keys; it may be new."""

    code = "sso-unknown-key"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in that has begun, as the browser keeps it until the provider answers."""

    state: str
    nonce: str
    verifier: str
    next_path: str


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """This installation, as the provider knows it."""

    issuer: str
    client_id: str
    redirect_uri: str
    scopes: str
    name_claim: str
    role_claim: str
    roles: dict[str, Role]


def client_of(settings: Settings, public_url: str) -> Client | None:
    """The client of these settings; None without a provider."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    return Client(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        redirect_uri=f"{public_url}/login/sso/callback",
        scopes=settings.oidc_scopes,
        name_claim=settings.oidc_name_claim,
        role_claim=settings.oidc_role_claim,
        roles={value: Role(role) for value, _, role in (entry.rpartition("=") for entry in settings.oidc_roles)},
    )


def begin(next_path: str) -> Attempt:
    """A new sign-in, with secrets of its own."""
    return Attempt(
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        next_path=next_path,
    )


def authorization_url(endpoint: str, client: Client, attempt: Attempt) -> str:
    """The provider's page that signs the person in, and sends the browser back."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": client.scopes,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def checked_claims(
    id_token: str, keys: Mapping[str, Any], client: Client, nonce: str, now_seconds: int
) -> dict[str, Any]:
    """The claims of an ID token that the provider signed, for this client and this sign-in, now.

    Units: `now_seconds` is Unix time; a difference of clocks up to a minute is tolerated.
    Errors: UnknownKey, or SignInRefused with what is wrong; neither contains the token.
    """
    # Imported only where somebody signs in: joserfc and its ciphers take megabytes.
    from joserfc import jwt
    from joserfc.errors import ExpiredTokenError, JoseError
    from joserfc.jwk import KeySet

    try:
        token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]
    except (JoseError, ValueError) as exc:
        if "kid" in str(exc) or "key" in type(exc).__name__.lower() or "find" in str(exc):
            raise UnknownKey("the ID token is signed with an unknown key") from exc
        raise SignInRefused("the provider's ID token is not valid: its signature or form is wrong") from exc
    registry = jwt.JWTClaimsRegistry(
        now=now_seconds,
        leeway=CLOCK_SKEW_SECONDS,
        iss={"essential": True, "value": client.issuer},
        aud={"essential": True, "value": client.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        registry.validate(token.claims)
    except ExpiredTokenError as exc:
        hint = "Compare the clock of this machine with the provider's."
        raise SignInRefused("the provider's ID token has expired", hint=hint) from exc
    except JoseError as exc:
        hint = (
            "Compare the clock of this machine with the provider's." if "iat" in str(exc) or "nbf" in str(exc) else ""
        )
        raise SignInRefused(f"the provider's ID token is not valid: {exc.description or exc.error}", hint=hint) from exc
    audience = token.claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and token.claims.get("azp") != client.client_id:
        raise SignInRefused("the provider's ID token is for another program (claim azp)")
    return dict(token.claims)


def has_role_claim(claims: Mapping[str, Any], client: Client) -> bool:
    """True if the claim with the roles is there; otherwise the provider's userinfo may have it."""
    return _at(claims, client.role_claim) is not None


def viewer_of_claims(claims: Mapping[str, Any], client: Client) -> Viewer:
    """The person with the highest role that the claims give.

    Errors: SignInRefused for somebody without a role.
    """
    name = _name(claims, client)
    values = _texts(_at(claims, client.role_claim))
    roles = [client.roles[value] for value in values if value in client.roles]
    if not roles:
        shown = ", ".join(values)[:200] if values else "nothing"
        raise SignInRefused(
            f"{name} has no role in Hubwire: the claim {client.role_claim} has {shown}",
            hint=f"An administrator of the identity provider can give one of {', '.join(client.roles)}.",
        )
    return Viewer(name=f"{name} (SSO)", role=max(roles, key=list(Role).index))


def _name(claims: Mapping[str, Any], client: Client) -> str:
    """The person's name for the audit log. An unverified e-mail address is nobody's name."""
    candidates = [client.name_claim, "email", "preferred_username", "sub"]
    if claims.get("email_verified") is False:
        candidates = [candidate for candidate in candidates if candidate != "email"]
    values = (_at(claims, candidate) for candidate in candidates)
    name = next((value for value in values if isinstance(value, str) and value), "unnamed")
    return "".join(character for character in name if character.isprintable())[:MAX_NAME]


def _at(claims: Mapping[str, Any], claim: str) -> Any:
    """The value of a claim; None if it is not there. A URL is one name; other dots lead into objects."""
    if claim in claims:
        return claims[claim]
    value: Any = claims
    for part in claim.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _texts(value: Any) -> Sequence[str]:
    if isinstance(value, str):
        return value.split()
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
