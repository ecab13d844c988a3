"""The front door on a real socket: slow, huge, broken and endless callers cost little and hear why."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.integration.receive.harness import WRITE_KEY, Receiving, receiving

from hubwire.receive.connection import GuardedProtocol
from hubwire.receive.limits import ReceiveLimits

MESSAGE = {"type": "track", "messageId": "m1", "userId": "u1", "event": "Bought", "writeKey": WRITE_KEY}
WAIT_SECONDS = 10


class HastyProtocol(GuardedProtocol):
    header_timeout_seconds = 0.2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Receiving]:
    limits = ReceiveLimits(read_timeout_seconds=0.3, max_upload_bytes=100_000, max_reading_bytes=150_000)
    with receiving(tmp_path, limits=limits, http=HastyProtocol) as running:
        yield running


def connect(server: Receiving) -> closing[socket.socket]:
    return closing(socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_SECONDS))


def request(body: bytes, *, length: int | None = None, path: str = "/v1/track", extra: str = "") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) if length is None else length}\r\n{extra}\r\n"
    )
    return head.encode() + body


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of the next answer; (0, b"") when the connection was closed without one."""
    reader = connection.makefile("rb")
    status = reader.readline()
    if not status:
        return 0, b""
    length = 0
    while line := reader.readline().strip():
        name, _, value = line.lower().partition(b":")
        if name == b"content-length":
            length = int(value)
    return int(status.split()[1]), reader.read(length)


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_one_connection_takes_many_uploads(server: Receiving) -> None:
    with connect(server) as connection:
        for number in range(3):
            connection.sendall(request(json.dumps({**MESSAGE, "messageId": f"m{number}"}).encode()))
            assert answer(connection) == (200, b'{"success": true}')
    assert [row.message_id for row in server.rows] == ["m0", "m1", "m2"]


def test_pipelined_uploads_are_answered_in_order(server: Receiving) -> None:
    good = request(json.dumps(MESSAGE).encode())
    with connect(server) as connection:
        connection.sendall(good + request(b"{") + good)
        reader = connection.makefile("rb")
        statuses: list[int] = []
        while len(statuses) < 3:
            line = reader.readline()
            if line.startswith(b"HTTP/1.1") or b"HTTP/1.1" in line:
                statuses.append(int(line.split(b"HTTP/1.1 ")[1].split()[0]))
        assert statuses == [200, 400, 200]


def test_an_idle_connection_is_closed_after_the_keep_alive_time(tmp_path: Path) -> None:
    with receiving(tmp_path, keep_alive_seconds=1) as server, connect(server) as connection:
        connection.sendall(request(json.dumps(MESSAGE).encode()))
        assert answer(connection)[0] == 200
        # Empty lines between requests are allowed, and do not keep the connection.
        connection.sendall(b"\r\n")
        assert is_closed(connection)


def test_expect_100_continue_is_served(server: Receiving) -> None:
    body = json.dumps(MESSAGE).encode()
    with connect(server) as connection:
        connection.sendall(request(b"", length=len(body), extra="Expect: 100-continue\r\n"))
        assert answer(connection)[0] == 100
        connection.sendall(body)
        assert answer(connection)[0] == 200


def test_a_caller_that_never_finishes_its_headers_is_disconnected(server: Receiving) -> None:
    with connect(server) as silent, connect(server) as dribbling:
        dribbling.sendall(b"POST /v1/track HTTP/1.1\r\nX-A: ")
        assert is_closed(silent)
        assert is_closed(dribbling)


def test_headers_in_small_parts_are_taken(server: Receiving) -> None:
    text = request(json.dumps(MESSAGE).encode())
    with connect(server) as connection:
        for start in range(0, len(text), 7):
            connection.sendall(text[start : start + 7])
        assert answer(connection)[0] == 200


def test_headers_without_end_are_refused_at_a_bound(server: Receiving) -> None:
    with connect(server) as connection:
        connection.sendall(b"POST /v1/track HTTP/1.1\r\n" + b"X-A: " + b"y" * 40_000)
        status, body = answer(connection)
        assert status == 431
        assert json.loads(body)["code"] == "headers-too-large"
        assert is_closed(connection)


def test_a_body_that_stops_is_given_up(server: Receiving) -> None:
    for begun in (b"", b"{"):
        with connect(server) as connection:
            connection.sendall(request(begun, length=500))
            status, body = answer(connection)
            assert status == 408
            assert json.loads(body)["code"] == "slow-upload"
            assert is_closed(connection)


def test_an_upload_that_is_too_large_hears_why_and_the_connection_goes_on(server: Receiving) -> None:
    with connect(server) as connection:
        connection.sendall(request(b"x" * 300_000))
        status, body = answer(connection)
        assert status == 400
        assert "300000 bytes; an upload takes 100000" in json.loads(body)["message"]
        connection.sendall(request(json.dumps(MESSAGE).encode()))
        assert answer(connection)[0] == 200


def test_an_endless_chunked_body_is_refused_at_a_bound(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=ReceiveLimits(max_upload_bytes=100_000)) as server, connect(server) as connection:
        connection.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(17):
            connection.sendall(b"%x\r\n%b\r\n" % (50_000, b"x" * 50_000))
        status, body = answer(connection)
        assert status == 400
        assert json.loads(body)["code"] == "endless-upload"
        assert is_closed(connection)


def test_unfinished_bodies_together_are_bounded(server: Receiving) -> None:
    with connect(server) as one, connect(server) as two:
        one.sendall(request(b"x" * 90_000, length=95_000))
        two.sendall(request(b"x" * 90_000, length=95_000))
        statuses = {answer(one)[0], answer(two)[0]}
        assert statuses == {429, 408}
    with connect(server) as connection:
        connection.sendall(request(json.dumps({**MESSAGE, "x": "y" * 30_000}).encode()))
        assert answer(connection)[0] == 200


def test_a_caller_that_hangs_up_costs_nothing(server: Receiving) -> None:
    with connect(server) as connection:
        connection.sendall(request(b"{", length=500))
    with connect(server) as connection:
        connection.sendall(request(json.dumps(MESSAGE).encode()))
        assert answer(connection)[0] == 200
    assert len(server.rows) == 1


@pytest.mark.parametrize("text", [b"\x00\x01\x02\r\n\r\n", b"GARBAGE\r\n\r\n", b"POST /v1/track HTTP/9.9\r\n\r\n"])
def test_what_is_not_http_is_refused(server: Receiving, text: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(text)
        assert answer(connection)[0] in (0, 400)
