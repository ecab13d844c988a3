"""The emulator as a process and on a socket: what its command and a server load, and how it talks HTTP."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

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


def test_a_server_loads_neither_the_emulator_nor_what_only_a_sign_in_needs() -> None:
    code = "import sys, hubwire.process.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.startswith(("hubwire.emulator", "joserfc"))]


LARGE_BLOCKS = """
import sys, psutil
from hubwire.lifecycle import return_memory
if sys.argv[1] == "yes":
    return_memory()
process = psutil.Process()
kept = bytes(4_000_000)
del kept # glibc's own threshold is 4 MB from here on
before = process.memory_info().rss
blocks = [bytearray(b"x") * 1_000_000 for _ in range(30)]
pins = [bytearray(b"x") * 100_000 for _ in range(2)]
del blocks
print(process.memory_info().rss - before)
"""


def test_a_server_returns_the_memory_of_large_blocks_to_the_system() -> None:
    kept_bytes = {
        word: int(subprocess.run([sys.executable, "-c", LARGE_BLOCKS, word], capture_output=True, check=True).stdout)
        for word in ("yes", "no")
    }
    assert kept_bytes["yes"] < 2_000_000 < 20_000_000 < kept_bytes["no"], "only with return_memory()"


def test_a_program_that_trusts_the_authority_is_served_over_https(tmp_path: Path) -> None:
    with running_emulator(https=tmp_path) as emulator:
        assert emulator.base_url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with urllib.request.urlopen(f"{emulator.base_url}/_emulator/stats", context=trusting) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(f"{emulator.base_url}/_emulator/stats")
