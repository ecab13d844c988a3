"""The caller of a request, by bearer token or session cookie; and the answer to callers who are not signed in."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hubwire.web.access import COOKIE, Viewer
from hubwire.web.guard import bearer_token
from hubwire.web.request import Shared, json_response, wants_json


async def viewer_of(request: Request, shared: Shared) -> Viewer | None:
    """The caller, by bearer token or else by session; a bearer token overrides a session. Errors: TooManyTries."""
    if bearer_token(request.headers) is not None:
        return await bearer_of(request, shared)
    cookie = request.cookies.get(COOKIE)
    return await to_thread.run_sync(shared.access.session, cookie, limiter=shared.readers) if cookie else None


async def bearer_of(request: Request, shared: Shared) -> Viewer | None:
    """The caller, by bearer token alone. Errors: TooManyTries."""
    token = bearer_token(request.headers)
    if token is None:
        return None
    return await to_thread.run_sync(shared.access.bearer, token, address(request), limiter=shared.readers)


def ask_to_sign_in(request: Request) -> Response:
    """The way to the sign-in page, and back afterwards; a status for those who want JSON or change something."""
    is_for_programs = (
        wants_json(request)
        or bearer_token(request.headers) is not None
        or "text/event-stream" in request.headers.get("accept", "")
        or request.url.path.startswith("/api/")
    )
    if request.method not in ("GET", "HEAD") or is_for_programs:
        body = {"code": "not-signed-in", "message": "sign in, or send a bearer token"}
        answer = json_response(body, 401)
        answer.headers["www-authenticate"] = 'Bearer realm="hubwire"'
        return answer
    if "hx-request" in request.headers:
        # The request refreshes a part of a page: redirect the whole page to the sign-in page.
        return Response(status_code=401, headers={"hx-redirect": "/login"})
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    answer = RedirectResponse("/login", 303)
    if path != "/":
        answer = RedirectResponse(
            str(request.url_for("login").include_query_params(next=path).replace(scheme="", netloc="")), 303
        )
    return answer


def address(request: Request) -> str:
    """The address of a request, for counting failed attempts."""
    return request.client.host if request.client else ""
