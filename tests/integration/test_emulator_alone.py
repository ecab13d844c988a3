"""The emulator as a process and on a socket: its command loads nothing else, and its server talks HTTP/1.1 only."""

from __future__ import annotations

import socket
import subprocess
import sys
from urllib.parse import urlsplit

from hubwire.testing import running_emulator


def test_the_emulators_command_loads_no_library_that_only_other_parts_need() -> None:
    code = "import sys, hubwire.cli.operate.emulator, hubwire.emulator.http.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    others = {"cryptography", "httpx2", "jinja2", "liquid", "prometheus_client", "sqlite3", "structlog"}
    assert others.isdisjoint(loaded)
    parts = {name.split(".")[1] for name in loaded if name.startswith("hubwire.")}
    assert parts == {"cli", "emulator", "errors"}


def test_an_offered_upgrade_to_http_2_is_passed_over_and_the_body_is_read() -> None:
    body = b'{"properties":{"email":"ada@example.com"}}'
    head = (
        "POST /crm/v3/objects/contacts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Authorization: Bearer any-token\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        f"HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with running_emulator() as emulator:
        address = urlsplit(emulator.base_url)
        with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
            connection.sendall(head.encode() + body)
            assert connection.recv(4096).startswith(b"HTTP/1.1 201 ")
        assert [contact["properties"]["email"] for contact in emulator.contacts()] == ["ada@example.com"]
