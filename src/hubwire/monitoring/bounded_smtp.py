"""An SMTP connection that ends in time and in memory, whatever the server does.

`smtplib` bounds each read, not their number: a server that sends a byte now and then holds it forever, and one that
never ends a reply fills the memory.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any, BinaryIO

MAX_REPLY_BYTES = 1 << 16
"""Of all replies of one connection together."""


class BoundedSmtp(smtplib.SMTP):
    """`smtplib.SMTP` with a time limit for the whole connection, and with TLS from its beginning if `tls` is given.

    Errors: those of `smtplib`; at the limit, SMTPServerDisconnected or OSError.
    """

    def __init__(self, host: str, port: int, *, seconds: float, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._timer: threading.Timer | None = None
        self._connection: socket.socket | None = None
        self._seconds = seconds
        try:
            super().__init__(host, port, timeout=seconds)
        except BaseException:
            self.close()
            raise

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """smtplib's hook for a connection of another kind."""
        connection = socket.create_connection((host, port), timeout)
        # A duplicate, because TLS takes the socket away from its object; the shutdown reaches both.
        self._connection = connection.dup()
        self._timer = threading.Timer(self._seconds, _shut, [self._connection])
        self._timer.daemon = True
        self._timer.start()
        return connection if self._tls is None else self._tls.wrap_socket(connection, server_hostname=host)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Replies(self.sock.makefile("rb"))
        return super().getreply()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is not None:
            self._connection.close()
        super().close()


class _Replies:
    """The server's lines, up to `MAX_REPLY_BYTES`; then the connection counts as closed."""

    def __init__(self, file: BinaryIO | Any) -> None:
        self._file = file
        self._left_bytes = MAX_REPLY_BYTES

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._file.readline(limit)
        self._left_bytes -= len(line)
        return line if self._left_bytes > 0 else b""

    def close(self) -> None:
        self._file.close()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
