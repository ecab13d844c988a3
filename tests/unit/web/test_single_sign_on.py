"""Which ID token signs in, and which role its claims give. The signatures are real; the provider is this file."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from hubwire.registry.access import Role
from hubwire.settings import Settings
from hubwire.web.single_sign_on import (
    CLOCK_SKEW_SECONDS,
    Client,
    SignInRefused,
    UnknownKey,
    authorization_url,
    begin,
    checked_claims,
    client_of,
    viewer_of_claims,
)

NOW = 1_800_000_000
ISSUER = "https://login.example.com"
KEY = ECKey.generate_key("P-256", {"kid": "now"})
OTHER = ECKey.generate_key("P-256", {"kid": "other"})
KEYS = dict(KeySet([KEY]).as_dict(private=False))
CLAIMS = {
    "iss": ISSUER,
    "aud": "hubwire",
    "sub": "1",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "n",
    "email": "ana@example.org",
    "roles": ["hubwire-view"],
}


def client(**settings: Any) -> Client:
    sign_on = client_of(Settings(oidc_issuer=ISSUER, oidc_client_id="hubwire", **settings), "https://cdp.example.com")
    assert sign_on is not None
    return sign_on


def signed(key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": key.kid, **(header or {})}, claims, key)


def checked(token: str, now_seconds: int = NOW) -> dict[str, Any]:
    return checked_claims(token, KEYS, client(), "n", now_seconds)


def test_a_token_of_this_sign_in_gives_its_claims() -> None:
    assert checked(signed()) == CLAIMS


@pytest.mark.parametrize("seconds", [-CLOCK_SKEW_SECONDS, 300 + CLOCK_SKEW_SECONDS - 1])
def test_clocks_may_differ_by_a_minute(seconds: int) -> None:
    assert checked(signed(), NOW + seconds)["sub"] == "1"


@pytest.mark.parametrize(
    ("changes", "seconds", "problem"),
    [
        ({}, 301 + CLOCK_SKEW_SECONDS, "expired"),
        ({}, -CLOCK_SKEW_SECONDS - 1, "issued in the future"),
        ({"iss": "https://evil.example"}, 0, "iss"),
        ({"aud": "another"}, 0, "aud"),
        ({"aud": ["hubwire", "another"], "azp": "another"}, 0, "azp"),
        ({"nonce": "of another sign-in"}, 0, "nonce"),
        ({"nonce": None}, 0, "nonce"),
        ({"exp": None}, 0, "exp"),
        ({"iat": None}, 0, "iat"),
        ({"sub": None}, 0, "sub"),
        ({"nbf": NOW + 999}, 0, "not yet valid"),
        ({"exp": "soon"}, 0, "exp"),
    ],
)
def test_a_token_that_is_not_for_here_and_now_is_refused(changes: dict[str, Any], seconds: int, problem: str) -> None:
    with pytest.raises(SignInRefused, match=problem) as refused:
        checked(signed(**changes), NOW + seconds)
    assert "ana@example.org" not in str(refused.value)


def test_several_audiences_need_this_client_as_the_authorised_party() -> None:
    assert checked(signed(aud=["hubwire", "another"], azp="hubwire"))["azp"] == "hubwire"


def test_an_unknown_key_is_named_as_such_so_that_the_keys_are_read_again() -> None:
    with pytest.raises(UnknownKey):
        checked(signed(OTHER))


def test_a_forged_signature_is_refused() -> None:
    forged = ECKey.import_key({**OTHER.as_dict(private=True), "kid": "now"})
    with pytest.raises(SignInRefused):
        checked(signed(forged))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."])
def test_what_is_no_signed_token_is_refused(token: str) -> None:
    with pytest.raises((SignInRefused, UnknownKey)):
        checked(token)


def test_a_secret_is_never_a_key() -> None:
    shared = OctKey.import_key("0123456789abcdef0123456789abcdef", {"kid": "now"})
    token = jwt.encode({"alg": "HS256", "kid": "now"}, CLAIMS, shared)
    with pytest.raises((SignInRefused, UnknownKey)):
        checked(token)


def test_rsa_keys_sign_too() -> None:
    key = RSAKey.generate_key(2048, {"kid": "rsa"})
    keys = dict(KeySet([key]).as_dict(private=False))
    token = jwt.encode({"alg": "RS256", "kid": "rsa"}, CLAIMS, key)
    assert checked_claims(token, keys, client(), "n", NOW)["sub"] == "1"


@pytest.mark.parametrize(
    ("claims", "settings", "role"),
    [
        ({"roles": ["hubwire-view", "hubwire-admin"]}, {}, Role.ADMIN),
        ({"roles": "staff hubwire-operate"}, {}, Role.OPERATE),
        ({"realm_access": {"roles": ["hubwire-view"]}}, {"oidc_role_claim": "realm_access.roles"}, Role.VIEW),
        (
            {"https://x.example/g": ["ops=eu"]},
            {"oidc_role_claim": "https://x.example/g", "oidc_roles": ("ops=eu=operate",)},
            Role.OPERATE,
        ),
    ],
)
def test_the_highest_role_of_the_claim_counts(claims: dict[str, Any], settings: dict[str, Any], role: Role) -> None:
    viewer = viewer_of_claims({"email": "ana@example.org", **claims}, client(**settings))
    assert (viewer.name, viewer.role) == ("ana@example.org (SSO)", role)


@pytest.mark.parametrize(
    "roles", [["staff"], [], None, 7, {"hubwire-admin": True}, ["HUBWIRE-ADMIN"], [["hubwire-admin"]]]
)
def test_somebody_without_a_role_is_refused_with_what_would_help(roles: Any) -> None:
    with pytest.raises(SignInRefused, match="has no role in Hubwire: the claim roles has") as refused:
        viewer_of_claims({"email": "eve@example.org", "roles": roles}, client())
    assert "hubwire-view, hubwire-operate, hubwire-admin" in refused.value.hint


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"sub": "1", "email": "ana@example.org", "email_verified": False}, "1 (SSO)"),
        ({"sub": "1", "preferred_username": "ana"}, "ana (SSO)"),
        ({"sub": "1\n2"}, "12 (SSO)"),
        ({"email": ["x"], "sub": "1"}, "1 (SSO)"),
    ],
)
def test_only_what_the_provider_vouches_for_is_a_name(claims: dict[str, Any], name: str) -> None:
    assert viewer_of_claims({**claims, "roles": "hubwire-view"}, client()).name == name


def test_the_way_there_has_state_nonce_and_a_challenge_and_no_secret() -> None:
    attempt = begin("/failures")
    url = authorization_url("https://login.example.com/auth?tenant=1", client(), attempt)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert (query["tenant"], query["state"], query["nonce"]) == ("1", attempt.state, attempt.nonce)
    assert (query["code_challenge_method"], query["response_type"]) == ("S256", "code")
    assert query["redirect_uri"] == "https://cdp.example.com/login/sso/callback"
    assert attempt.verifier not in url
    assert begin("/").state != attempt.state
