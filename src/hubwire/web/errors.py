"""Error answers of API and console: JSON for programs, a page for people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hubwire.errors import AlreadyExists, BackendError, HubSpotError, HubwireError, Missing
from hubwire.web.access import TooManyTries
from hubwire.web.guard import MAX_BODY_BYTES, SAFE_METHODS
from hubwire.web.request import Problem, Shared, frame_of, html_response, json_response, problem_of, wants_json
from hubwire.web.session import viewer_of

ExceptionHandler = Callable[[Request, Exception], Awaitable[Response]]

STATUSES: tuple[tuple[type[HubwireError], int], ...] = (
    (BackendError, 503),
    (HubSpotError, 502),
    (TooManyTries, 429),
    (Missing, 404),
    (AlreadyExists, 409),
)
"""The status of an error of Hubwire, if it is not 400."""
TITLES = {403: "Not allowed", 404: "Page not found", 429: "Too many attempts", 503: "Not available"}
"""The title of an error page, by status."""


class ErrorPage(Problem, frozen=True, kw_only=True):
    """An error page. `back_href`: the same page without the faulty parameters."""

    status: int
    back_href: str = ""


def error_handlers(shared: Shared) -> Mapping[Any, ExceptionHandler]:
    """The error handlers for Starlette, by type or status."""
    return {
        HTTPException: _http_error(shared),
        HubwireError: _own_error(shared),
        ClientDisconnect: _too_long,
        500: _bug(shared),
    }


def _http_error(shared: Shared) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)
        codes = {403: "forbidden", 404: "not-found", 405: "method-not-allowed"}
        message = "there is no such page" if exc.status_code == 404 else str(exc.detail)
        hint = "An admin can change your role on the page Members." if exc.status_code == 403 else ""
        if exc.status_code == 404 and request.url.path.startswith("/api/"):
            message = "the admin API has no such call"
            hint = "/api/v1/openapi.json lists its calls. Uploads of an SDK go to /v1/batch (/v1/openapi.json)."
        elif exc.status_code == 404 and is_program(request):
            message, hint = "there is no such path", "Uploads of an SDK go to /v1/batch (/v1/openapi.json)."
        code = codes.get(exc.status_code, "http-error")
        problem = ErrorPage(code=code, message=message, hint=hint, status=exc.status_code)
        return await _error_response(request, shared, problem)

    return answer


def _own_error(shared: Shared) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HubwireError)
        status = next((status for kind, status in STATUSES if isinstance(exc, kind)), 400)
        problem = problem_of(exc)
        page = ErrorPage(
            code=problem.code,
            message=problem.message,
            hint=problem.hint,
            field=problem.field,
            value=problem.value,
            limit=problem.limit,
            status=status,
            back_href=request.url.path if status == 400 and request.method == "GET" and request.url.query else "",
        )
        response = await _error_response(request, shared, page)
        if isinstance(exc, TooManyTries):
            response.headers["retry-after"] = str(exc.retry_after_seconds)
        return response

    return answer


async def _too_long(request: Request, exc: Exception) -> Response:
    """A body without a length that was too long, or a caller that disconnected."""
    return json_response({"code": "too-large", "message": f"a body has at most {MAX_BODY_BYTES} bytes"}, 413)


def _bug(shared: Shared) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, exc: Exception) -> Response:
        message = "an unexpected error occurred; the server's log has the details"
        return await _error_response(request, shared, ErrorPage(code="internal-error", message=message, status=500))

    return answer


def is_program(request: Request) -> bool:
    """Whether a request is no browser's: it changes something and does not accept HTML, which every browser names."""
    return request.method not in SAFE_METHODS and "text/html" not in request.headers.get("accept", "")


async def _error_response(request: Request, shared: Shared, page: ErrorPage) -> Response:
    if wants_json(request) or request.url.path.startswith("/api/") or is_program(request):
        return json_response(page, page.status)
    viewer = None
    if page.status not in (429, 500, 503):
        viewer = await viewer_of(request, shared)
    frame = frame_of(request, shared.deps, viewer, TITLES.get(page.status, "Request failed"), "", None)
    return html_response(shared, "error.html", page, frame, page.status)
