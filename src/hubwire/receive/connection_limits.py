"""The bounds of a connection in size and time, and the answers to requests beyond them, which no application sees."""

from __future__ import annotations

from hubwire.receive.exchange import STATUS_LINES

MAX_HEADER_BYTES = 32 * 1024
HEADER_TIMEOUT_SECONDS = 20.0
BODY_TIMEOUT_SECONDS = 60.0
"""For every path; `ReceiveLimits.read_timeout_seconds` is the shorter one of uploads, which hear of it."""
WRITE_TIMEOUT_SECONDS = 120.0
"""For a caller to read something of answers that no buffer has room for, and the last ones of a connection."""
MAX_PIPELINED = 64
"""Requests that wait on one connection for the answer to an earlier one."""
MAX_READ_PER_BODY_BYTE = 8
"""Chunks may take so many times what they hold: one byte in each is six."""
FRAMING_SLACK_BYTES = 512 * 1024
"""Beyond that: the first read of a body and the last may hold other requests."""


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
