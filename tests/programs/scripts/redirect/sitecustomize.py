"""Resolves `api.hubapi.com` to the emulator, in a Python program that has no setting for it.

On the program's `PYTHONPATH`; Python imports it by itself. `EMULATOR_ADDRESS` is `127.0.0.1:PORT`. Some programs trust
only the certificates that the package certifi brings; there the emulator's stands in for them.
"""

import os
import socket

HOST, _, PORT = os.environ.get("EMULATOR_ADDRESS", "").partition(":")
NAMES = {"api.hubapi.com", b"api.hubapi.com"}
_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, port, *args, **kwargs):  # type: ignore[no-untyped-def]
    if host in NAMES:
        host, port = HOST, int(PORT)
    return _getaddrinfo(host, port, *args, **kwargs)


if HOST:
    socket.getaddrinfo = getaddrinfo
    try:
        import certifi
        import certifi.core
    except ImportError:
        pass
    else:
        certifi.where = certifi.core.where = lambda: os.environ["SSL_CERT_FILE"]
