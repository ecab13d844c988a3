"""Signing in with the identity provider: the way there, the way back, and its sign-out."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hubwire.console.sign_in import enter, is_https, safe_path, show_problem
from hubwire.errors import HubwireError
from hubwire.web.access import TooManyTries
from hubwire.web.identity_provider import IdentityProvider, ProviderUnavailable
from hubwire.web.request import Problem, Shared
from hubwire.web.session import address
from hubwire.web.single_sign_on import Attempt, SignInRefused, authorization_url, begin, viewer_of_claims

COOKIE = "hubwire_sso"
COOKIE_PATH = "/login/sso"
ATTEMPT_SECONDS = 600
MAX_CODE = 4_096
MISSING = Problem(
    code="sso-off", message="Single sign-on is not set up.", hint="Set oidc_issuer and oidc_client_id, and restart."
)
LOST = SignInRefused(
    "this sign-in has expired, or was begun in another window", hint="Sign in again. Cookies must be allowed."
)


async def begin_sign_in(request: Request, shared: Shared) -> Response:
    """`/login/sso`: to the provider."""
    provider = shared.identity_provider
    if provider is None:
        return show_problem(request, shared, MISSING, 404)
    attempt = begin(safe_path(request.query_params.get("next", "/")))
    try:
        configuration = await provider.configuration()
    except ProviderUnavailable as exc:
        return _refused(request, shared, exc)
    answer = RedirectResponse(authorization_url(configuration.authorization_endpoint, provider.client, attempt), 303)
    answer.set_cookie(
        COOKIE,
        base64.urlsafe_b64encode(msgspec.json.encode(attempt)).decode(),
        max_age=ATTEMPT_SECONDS,
        path=COOKIE_PATH,
        httponly=True,
        samesite="lax",
        secure=is_https(request, shared.deps.public_url),
    )
    return answer


async def come_back(request: Request, shared: Shared) -> Response:
    """`/login/sso/callback`: back from the provider."""
    provider = shared.identity_provider
    if provider is None:
        return show_problem(request, shared, MISSING, 404)
    try:
        answer = await _signed_in(request, shared, provider)
    except (SignInRefused, ProviderUnavailable, TooManyTries) as exc:
        answer = _refused(request, shared, exc)
    answer.delete_cookie(COOKIE, path=COOKIE_PATH)
    return answer


async def sign_out_there(request: Request, shared: Shared) -> Response:
    """`/login/sso/end`: to the provider's own sign-out, and back to the sign-in page."""
    provider = shared.identity_provider
    if provider is None:
        return show_problem(request, shared, MISSING, 404)
    try:
        endpoint = (await provider.configuration()).end_session_endpoint
    except ProviderUnavailable as exc:
        return _refused(request, shared, exc)
    if endpoint is None:
        message = "This identity provider has no sign-out for programs."
        return show_problem(request, shared, Problem(code="sso-no-sign-out", message=message), 404)
    back = f"{shared.deps.public_url}/login?done=ended"
    query = urlencode({"client_id": provider.client.client_id, "post_logout_redirect_uri": back})
    return RedirectResponse(f"{endpoint}{'&' if '?' in endpoint else '?'}{query}", 303)


async def _signed_in(request: Request, shared: Shared, provider: IdentityProvider) -> Response:
    """Errors: SignInRefused, ProviderUnavailable, TooManyTries."""
    shared.access.check_tries(address(request))
    try:
        attempt = _attempt(request)
        query = request.query_params
        # RFC 9207: an answer that names another provider was not meant for this sign-in.
        if query.get("iss", provider.client.issuer) != provider.client.issuer:
            raise SignInRefused("the answer is of another identity provider")
        if "error" in query:
            word = query["error"] if query["error"].isidentifier() and len(query["error"]) <= 60 else "an error"
            raise SignInRefused(f"the identity provider answered {word}")
        code = query.get("code", "")
        if not code or len(code) > MAX_CODE:
            raise SignInRefused("the identity provider's answer has no code")
        now_seconds = shared.deps.clock.now_ms() // 1000
        claims = await provider.claims(code, attempt.verifier, attempt.nonce, now_seconds)
        viewer = viewer_of_claims(claims, provider.client)
    except SignInRefused:
        shared.access.count_failed_try(address(request))
        raise
    return await enter(request, shared, viewer, safe_path(attempt.next_path), "session.opened-by-sso")


def _attempt(request: Request) -> Attempt:
    """The sign-in that this browser began. Errors: SignInRefused."""
    try:
        attempt = msgspec.json.decode(base64.urlsafe_b64decode(request.cookies.get(COOKIE, "")), type=Attempt)
    except ValueError:
        raise LOST from None
    if not hmac.compare_digest(attempt.state.encode(), request.query_params.get("state", "").encode()):
        raise LOST
    return attempt


def _refused(request: Request, shared: Shared, exc: HubwireError) -> Response:
    problem = Problem(code=exc.code, message=f"{str(exc)[:1].upper()}{str(exc)[1:]}.", hint=exc.hint)
    if isinstance(exc, TooManyTries):
        answer = show_problem(request, shared, problem, 429)
        answer.headers["retry-after"] = str(exc.retry_after_seconds)
        return answer
    return show_problem(request, shared, problem, 503 if isinstance(exc, ProviderUnavailable) else 403)
