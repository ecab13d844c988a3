"""Signing in and out: token, password or one-time link; a session cookie; slow for those who guess."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hubwire.errors import BadValue
from hubwire.web.access import (
    COOKIE,
    FIRST_MEMBER,
    TooManyTries,
    Viewer,
)
from hubwire.web.parameters import read_form, single_values
from hubwire.web.request import (
    Problem,
    Shared,
    frame_without_viewer,
    html_response,
)
from hubwire.web.session import address, viewer_of


class SignInPage(msgspec.Struct, frozen=True, kw_only=True):
    """`next_path` is where to go afterwards, always a path of ours."""

    next_path: str
    name: str
    sso_href: str | None
    sso_end_href: str | None


async def show(request: Request, shared: Shared) -> Response:
    """`/login`, and `/login?token=…`, which signs in once."""
    token = request.query_params.get("token")
    if not token:
        return show_problem(request, shared, None)
    if "prefetch" in request.headers.get("sec-purpose", "") or request.method == "HEAD":
        return Response("not now", 503)
    viewer = await to_thread.run_sync(shared.access.use_link, token, limiter=shared.readers)
    if viewer is None:
        if await viewer_of(request, shared) is not None:
            return RedirectResponse("/", 303)
        message = "This link has been used or is older than a day."
        hint = "Restart Hubwire for a new link, or sign in with a token."
        return show_problem(request, shared, Problem(code="used-link", message=message, hint=hint), 403)
    return await enter(request, shared, viewer, "/", "session.opened-by-link")


async def sign_in(request: Request, shared: Shared) -> Response:
    """POST `/login`."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise BadValue("form", "the request is not a form: send application/x-www-form-urlencoded")
    form = single_values(read_form(await request.body()))
    given, secret = form.get("name", "").strip(), form.get("secret", "")
    name = given or FIRST_MEMBER
    try:
        # Few at a time: each password takes 50 ms and 16 MB.
        viewer = await to_thread.run_sync(shared.access.sign_in, name, secret, address(request), limiter=shared.readers)
    except TooManyTries as exc:
        answer = show_problem(request, shared, Problem(code=exc.code, message=str(exc)), 429)
        answer.headers["retry-after"] = str(exc.retry_after_seconds)
        return answer
    if viewer is None:
        problem = Problem(code="wrong-secret", message="Unknown token or password.")
        return show_problem(request, shared, problem, 403, name=given)
    return await enter(request, shared, viewer, safe_path(form.get("next", "/")), "session.opened")


async def sign_out(request: Request, shared: Shared) -> Response:
    """POST `/logout`."""
    cookie = request.cookies.get(COOKIE)
    if cookie:
        await to_thread.run_sync(shared.access.end_session, cookie)
    answer = RedirectResponse("/login?done=ended", 303)
    answer.delete_cookie(COOKIE)
    return answer


def safe_path(path: str) -> str:
    """A path of this console, or its first page: never another site's address."""
    parts = urlsplit(path)
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and "\\" not in path
    return path if is_ours and path.isprintable() else "/"


def show_problem(
    request: Request, shared: Shared, problem: Problem | None, status: int = 200, *, name: str = ""
) -> Response:
    """The sign-in page, with what went wrong, if anything did. A `name` opens the form for name and password."""
    next_path = safe_path(request.query_params.get("next", "/"))
    is_after_sign_out = request.query_params.get("done") == "ended"
    page = SignInPage(
        next_path=next_path,
        name=name,
        sso_href=None if shared.identity_provider is None else f"/login/sso?{urlencode({'next': next_path})}",
        sso_end_href="/login/sso/end" if shared.identity_provider is not None and is_after_sign_out else None,
    )
    frame = frame_without_viewer(request, shared.deps, "Sign in", problem)
    return html_response(shared, "login.html", page, frame, status)


async def enter(request: Request, shared: Shared, viewer: Viewer, path: str, action: str) -> Response:
    """The answer that signs this viewer in."""
    cookie = await to_thread.run_sync(shared.access.open_session, viewer)
    await to_thread.run_sync(shared.deps.registry.write_audit, viewer.name, action, f"from {address(request)}")
    answer = RedirectResponse(path, 303)
    is_secure = is_https(request, shared.deps.public_url)
    answer.set_cookie(
        COOKIE, cookie, max_age=shared.access.session_seconds, httponly=True, samesite="lax", secure=is_secure, path="/"
    )
    return answer


def is_https(request: Request, public_url: str) -> bool:
    """Whether the browser speaks https: with us, or with a proxy in front that is our public address."""
    public = urlsplit(public_url)
    return request.url.scheme == "https" or (public.scheme == "https" and public.netloc == request.headers.get("host"))
