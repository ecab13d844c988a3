"""HTTP/1.1 that declines the upgrade to HTTP/2 which Java's own client asks for in the clear.

The parser would take the bytes after such a request's head for the other protocol, and lose the body.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_UPGRADE = b"\r\nUpgrade: h2c\r\n"
_MAX_HEAD = 2_000  # of a client that offers an upgrade: looking through each body would take longer than parsing it


class PlainHttpProtocol(HttpToolsProtocol):
    """The server's connection, without upgrades to HTTP/2."""

    def data_received(self, data: bytes) -> None:
        """Parse what arrived."""
        if data.find(_UPGRADE, 0, _MAX_HEAD) > 0:
            head, end, rest = data.partition(b"\r\n\r\n")
            if end and head.partition(b"\r\n")[0].endswith(b" HTTP/1.1"):
                data = (head + b"\r\n").replace(_UPGRADE, b"\r\n") + b"\r\n" + rest
        super().data_received(data)
