"""The guard of every page and API call: security headers, body size, and the origin of changes.

It refuses forged requests without tokens in forms: a change must come from the same origin, according to
`Sec-Fetch-Site` or, for older browsers, `Origin`. A call with a bearer token cannot be forged: its cookie does not
count (`session.py`). Any other authorisation, such as a proxy's `Basic`, is sent by the browser itself and
proves nothing.
Source: W3C Fetch Metadata; OWASP cross-site request forgery prevention, "Fetch Metadata headers".
"""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("hubwire.console")

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY_BYTES = 1 << 20
FOREIGN_CHANGE = "this change did not come from a page of this console"
FOREIGN_CALL = "a call of the admin API needs a bearer token; uploads of an SDK go to /v1/batch (/v1/openapi.json)"
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Wraps the pages and the API as an ASGI app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = _refusal(scope["method"], scope["path"], headers)
        app = self._app if refusal is None else refusal
        try:
            await app(scope, _bounded(receive), _with_headers(send))
        except Exception:
            # Our own bug, answered with 500 already. Of the path only its first part: the rest may name a person.
            log.exception("page.failed", page=scope["path"].split("/")[1][:40])


def _refusal(method: str, path: str, headers: Headers) -> JSONResponse | None:
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        return _error(413, "too-large", f"a body has at most {MAX_BODY_BYTES} bytes")
    if method in SAFE_METHODS or bearer_token(headers) is not None or is_same_origin(headers):
        return None
    return _error(403, "foreign-origin", FOREIGN_CALL if path.startswith("/api/") else FOREIGN_CHANGE)


def bearer_token(headers: Headers) -> str | None:
    """The bearer token of a request, possibly empty; None without this kind of authorisation."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def is_same_origin(headers: Headers) -> bool:
    """Whether the browser's headers name one of our own pages as the sender; False without such headers."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": message}, status)


def _bounded(receive: Receive) -> Receive:
    """Cuts off bodies without a length at the limit; the rest is then no longer a valid form or JSON."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY_BYTES:
            return {"type": "http.disconnect"}
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return guarded
