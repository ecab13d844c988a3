"""Answers to uploads: exactly `200 {"success": true}` for success, JSON with code and message for a refusal.

SDKs depend on this. Ruby and Java parse the body of a success, PHP and older Python versions accept only 200 as
success, Python reads `code` and `message` of a refusal, and a redirected browser loses the event. Never redirect.
Source: the SDKs' own transports; docs/sdks.md has the table.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
from starlette.types import Send

from hubwire.errors import UploadRefused
from hubwire.receive.pixel import GIF

Headers = list[tuple[bytes, bytes]]

SUCCESS = b'{"success": true}'
JSON = (b"content-type", b"application/json")
USUAL_HEADERS = b"authorization, content-type, x-retry-count"
"""The headers that analytics.js sends, for a preflight that asks for none."""
HEADER_NAMES = re.compile(rb"[\w!#$%&'*+.^`|~, \t-]+")
PREFLIGHT_SECONDS = b"7200"
UNFINISHED = frozenset({"slow-upload", "endless-upload"})
"""Refusals while the body is still arriving; the connection cannot be used again."""

_SUCCESS_HEADERS: Headers = [JSON, (b"content-length", str(len(SUCCESS)).encode())]
_SUCCESS_START = {"type": "http.response.start", "status": 200, "headers": _SUCCESS_HEADERS}
_SUCCESS_BODY = {"type": "http.response.body", "body": SUCCESS}


class Answer(NamedTuple):
    """An answer that is not written yet."""

    status: int
    headers: Headers
    body: bytes

    async def send(self, send: Send) -> None:
        """Write it as ASGI's two messages."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    def rest(self) -> bytes:
        """The answer without the status line and the server's own headers (`connection.TakesWhole`)."""
        return b"".join([b"%b: %b\r\n" % header for header in self.headers]) + b"\r\n" + self.body


SUCCESS_REST = Answer(200, _SUCCESS_HEADERS, SUCCESS).rest()
"""The answer headers for callers that are not browsers."""


def cors_headers(origin: bytes | None) -> Headers:
    """The headers with which a browser lets the page read the answer; none for other callers.

    They echo the origin and allow credentials, because a page that sends `credentials: "include"` must not get `*`.
    Nothing here trusts a cookie, so a page gets only what its write key allows.
    """
    if origin is None:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"retry-after, x-ratelimit-reset"),
        (b"vary", b"origin"),
    ]


async def success(send: Send, origin: bytes | None) -> None:
    if origin is None:
        await send(_SUCCESS_START)
    else:
        headers = _SUCCESS_HEADERS + cors_headers(origin)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send(_SUCCESS_BODY)


async def json(send: Send, value: object, origin: bytes | None) -> None:
    body = msgspec.json.encode(value)
    await Answer(200, [JSON, (b"content-length", str(len(body)).encode()), *cors_headers(origin)], body).send(send)


async def image(send: Send) -> None:
    headers = [
        (b"content-type", b"image/gif"),
        (b"content-length", str(len(GIF)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await Answer(200, headers, GIF).send(send)


def allowed_headers(requested: bytes) -> bytes:
    """The value of `access-control-allow-headers` for the requested headers of a preflight.

    Every header is allowed: the write key decides what a page may send, and headers that no one reads do no harm.
    `*` is no substitute, because it does not cover `authorization`. A header that is missing here stops every event of
    a page: RudderStack's SDKs ask for `anonymousid`, `sentat` and, on retries, `rsa-…`.
    """
    return requested if HEADER_NAMES.fullmatch(requested) else USUAL_HEADERS


async def preflight(send: Send, origin: bytes | None, request_headers: Headers) -> None:
    """Permission for a page to post."""
    requested = next((value for name, value in request_headers if name == b"access-control-request-headers"), b"")
    headers = [
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", allowed_headers(requested)),
        (b"access-control-max-age", PREFLIGHT_SECONDS),
    ]
    allowed = cors_headers(origin) or [(b"access-control-allow-origin", b"*")]
    await Answer(204, allowed + headers, b"").send(send)


def refusal(refused: UploadRefused, origin: bytes | None, *, allow: bytes | None = None) -> Answer:
    """The answer to a refused upload. `allow`: the methods of the path, for a 405."""
    body = msgspec.json.encode({"code": refused.code, "message": str(refused), "success": False})
    headers = [JSON, (b"content-length", str(len(body)).encode()), *cors_headers(origin)]
    if refused.retry_after_seconds is not None:
        seconds = str(refused.retry_after_seconds).encode()
        headers.append((b"retry-after", seconds))
        if refused.status == 429:
            headers.append((b"x-ratelimit-reset", seconds))
    if allow is not None:
        headers.append((b"allow", allow))
    if refused.code in UNFINISHED:
        headers.append((b"connection", b"close"))
    return Answer(refused.status, headers, body)
