"""The file with which commands on this machine find the running server: mode 0600, with address and token."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec

from hubwire.secret import Secret
from hubwire.settings import Settings

SERVER_FILE = "server.json"


class _File(msgspec.Struct):
    url: str
    token: str
    pid: int
    sandbox_url: str | None = None


class LocalServer(msgspec.Struct, frozen=True):
    """A server of this data folder. `token` authenticates only commands of the same user."""

    url: str
    token: Secret
    pid: int
    sandbox_url: str | None = None


def announce_local_server(settings: Settings, url: str, sandbox_url: str | None) -> LocalServer:
    """Write the file of the server that is starting; its token is new at every start."""
    server = LocalServer(url, Secret(secrets.token_urlsafe(24)), os.getpid(), sandbox_url)
    path = Path(settings.data) / SERVER_FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(_File(url, server.token.reveal(), server.pid, sandbox_url)))
    return server


def find_local_server(settings: Settings) -> LocalServer | None:
    """The running server of this data folder; None if there is none."""
    try:
        server = msgspec.json.decode((Path(settings.data) / SERVER_FILE).read_bytes(), type=_File)
        os.kill(server.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return LocalServer(server.url, Secret(server.token), server.pid, server.sandbox_url)


def withdraw_local_server(settings: Settings) -> None:
    """Remove the file of this server, which stops. The file of another server on the same folder stays."""
    path = Path(settings.data) / SERVER_FILE
    try:
        is_own = msgspec.json.decode(path.read_bytes(), type=_File).pid == os.getpid()
    except (OSError, msgspec.MsgspecError):
        return
    if is_own:
        # On a disk that turned read-only the file stays; its process id then shows that the server is gone.
        with suppress(OSError):
            path.unlink(missing_ok=True)
