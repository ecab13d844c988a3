"""The bounds of a connection in size and time, and the answers to requests beyond them, which no application sees."""

from __future__ import annotations

from hubwire.receive.exchange import STATUS_LINES

MAX_HEADER_BYTES = 32 * 1024
HEADER_TIMEOUT_SECONDS = 20.0
BODY_TIMEOUT_SECONDS = 60.0
"""Applies to every path. Uploads have the shorter `ReceiveLimits.read_timeout_seconds`, and get an answer."""
WRITE_TIMEOUT_SECONDS = 120.0
"""Time for a caller to read answers that fit no buffer, and the last answers of a connection."""
MAX_PIPELINED = 64
"""Maximum number of requests that wait on one connection for the answer to an earlier one."""
MAX_READ_PER_BODY_BYTE = 8
"""Maximum ratio of chunked bytes to body bytes; chunks of one byte have a ratio of six."""
FRAMING_SLACK_BYTES = 512 * 1024
"""Added to that limit, because the first and the last read of a body may contain other requests."""


def _refusal(status: int, code: str, message: str) -> bytes:
    body = b'{"code":"%b","message":"%b","success":false}' % (code.encode(), message.encode())
    headers = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    return STATUS_LINES[status] + headers + body


NOT_HTTP = _refusal(400, "malformed-request", "request: not HTTP/1.1 as this server reads it")
TOO_LARGE_HEADERS = _refusal(431, "headers-too-large", f"headers: more than {MAX_HEADER_BYTES} bytes")
MOSTLY_FRAMING = _refusal(400, "malformed-request", "body: most of what came is chunk sizes and trailers")
TOO_MANY_PIPELINED = _refusal(
    400, "too-many-pipelined", f"request: more than {MAX_PIPELINED} before the first was answered"
)
NOT_ONE_HOST = _refusal(400, "malformed-request", "Host: HTTP/1.1 requires exactly one (RFC 9112 3.2)")
