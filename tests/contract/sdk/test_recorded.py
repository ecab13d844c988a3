"""SDKs whose toolchain is not here: their requests, byte for byte, taken like those of real clients."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from tests.integration.receive.harness import Receiving

from hubwire.decoding import read_message

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.http"))
MOBILE = {"identify", "track", "screen", "group", "alias"}


def replay(server: Receiving, request: bytes) -> tuple[int, bytes]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        reader = connection.makefile("rb")
        status = int(reader.readline().split()[1])
        head = b"".join(iter(reader.readline, b"\r\n"))
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        return status, reader.read(int(length[1]))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_upload_is_taken_once(server: Receiving, path: Path) -> None:
    request = path.read_bytes()
    for _ in range(2):
        assert replay(server, request) == (200, b'{"success": true}')
    messages = {str(message.type): message for message in map(read_message, server.rows)}
    assert len(messages) == len(server.rows), "each call once, also after the second time"
    assert set(messages) - {"page"} == MOBILE
    assert {row.rejected for row in server.rows} == {None}
    assert messages["identify"].user_id == "u1"
    assert messages["identify"].traits["email"] == "peter@example.com"
    assert messages["track"].properties == {"plan": "pro"}
    assert messages["group"].traits == {"name": "Initech"}
    assert path.stem.startswith(messages["track"].context["library"]["name"])
