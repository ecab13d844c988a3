"""The front door on a real socket: slow, huge, broken and endless callers cost little and hear why."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.integration.receive.harness import WRITE_KEY, Receiving, receiving

from hubwire.errors import BackendUnavailable
from hubwire.receive.connection import Connection
from hubwire.receive.connection_limits import MAX_PIPELINED
from hubwire.receive.upload_limits import ReceiveLimits

MESSAGE = {"type": "track", "messageId": "m1", "userId": "u1", "event": "Bought", "writeKey": WRITE_KEY}
WAIT_SECONDS = 60


class HastyProtocol(Connection):
    header_timeout_seconds = 0.2
    body_timeout_seconds = 0.6


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


def code_of(body: bytes) -> str:
    code: str = json.loads(body)["code"]
    return code


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


def test_an_upload_behind_a_whole_one_may_come_in_parts(server: Receiving) -> None:
    first, second = (request(json.dumps({**MESSAGE, "messageId": name}).encode()) for name in ("m1", "m2"))
    with connect(server) as connection:
        connection.sendall(first + second[:-20])
        assert answer(connection)[0] == 200
        connection.sendall(second[-20:])
        assert answer(connection)[0] == 200
    assert [row.message_id for row in server.rows] == ["m1", "m2"]


def test_an_upload_whose_commit_failed_hears_so_and_may_come_again(server: Receiving) -> None:
    upload = request(json.dumps(MESSAGE).encode())
    with connect(server) as connection:
        server.door.failures.append(BackendUnavailable("the disk is full"))
        connection.sendall(upload)
        status, body = answer(connection)
        assert (status, code_of(body)) == (503, "unavailable")
        connection.sendall(upload)
        assert answer(connection)[0] == 200
    assert [row.message_id for row in server.rows] == ["m1"]
    assert server.app.counts.refused == {"unavailable": 1}


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


@pytest.mark.parametrize("size", [40_000, 100_000])
def test_headers_that_come_at_once_are_held_to_the_same_bound(server: Receiving, size: int) -> None:
    with connect(server) as connection:
        connection.sendall(request(json.dumps(MESSAGE).encode(), extra=f"X-A: {'y' * size}\r\n"))
        status, body = answer(connection)
        assert (status, code_of(body)) == (431, "headers-too-large")
        assert is_closed(connection)
    assert server.rows == []


def test_a_large_body_in_the_same_read_is_no_header(server: Receiving) -> None:
    with connect(server) as connection:
        connection.sendall(request(json.dumps({"batch": [{**MESSAGE, "x": "y" * 20_000}] * 3}).encode(), path="/v1/b"))
        assert answer(connection)[0] == 200


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
    with connect(server) as each_connection, connect(server) as two:
        each_connection.sendall(request(b"x" * 90_000, length=95_000))
        two.sendall(request(b"x" * 90_000, length=95_000))
        statuses = {answer(each_connection)[0], answer(two)[0]}
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


def test_an_upload_that_came_whole_is_answered_before_the_garbage_behind_it_ends_the_connection(
    server: Receiving,
) -> None:
    with connect(server) as connection:
        connection.sendall(request(json.dumps(MESSAGE).encode()) + b"GARBAGE\r\n\r\n" + b"x" * 10_000)
        assert answer(connection) == (200, b'{"success": true}')
        assert is_closed(connection)
    assert len(server.rows) == 1


CHUNKED = "POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{CHUNKED}Content-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /v1/track HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "POST /v1/track HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}",
        "POST /v1/track HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/track HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        f"{CHUNKED}\r\nfffffffffffffffff\r\n{{}}",
        f"{CHUNKED}\r\n-2\r\n{{}}",
        f"{CHUNKED}\r\n2\n{{}}\n0\n\n",
    ],
)
def test_a_body_whose_end_is_doubtful_is_refused_and_the_connection_ended(server: Receiving, text: str) -> None:
    with connect(server) as connection:
        connection.sendall(text.encode())
        status, body = answer(connection)
        assert (status, code_of(body)) == (400, "malformed-request")
        assert is_closed(connection)
    assert server.rows == []


def chunked(trailers: bytes, headers: str = "") -> bytes:
    body = json.dumps({**MESSAGE, "writeKey": None}).encode()
    return f"{CHUNKED}{headers}\r\n".encode() + b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailers)


def test_a_trailer_is_no_header(server: Receiving) -> None:
    authorization = f"Authorization: Basic {base64.b64encode(WRITE_KEY.encode()).decode()}\r\n"
    with connect(server) as connection:
        connection.sendall(chunked(authorization.encode()))
        assert answer(connection)[0] == 401
        connection.sendall(chunked(b"X-Forwarded-For: 127.0.0.1\r\n", authorization))
        assert answer(connection)[0] == 200
    assert "x-forwarded-for" not in server.requests[-1]


@pytest.mark.parametrize("endless", [b"X: " + b"y" * 4_000_000, b"X: y\r\n" * 500_000])
def test_trailers_without_end_are_refused_at_a_bound(server: Receiving, endless: bytes) -> None:
    whole = chunked(endless)
    with connect(server) as connection, suppress(ConnectionError):
        connection.sendall(whole)
        assert answer(connection)[0] in (0, 400)
        assert is_closed(connection)
    assert server.rows == []


def test_a_flood_of_pipelined_requests_is_cut(server: Receiving) -> None:
    with connect(server) as connection, suppress(ConnectionError):
        connection.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000)
        assert answer(connection)[0] == 200
        while connection.recv(1 << 16):
            pass
    assert len(server.requests) <= MAX_PIPELINED + 2


@pytest.mark.parametrize("parts", [1, 2])
def test_an_offered_upgrade_is_passed_over_and_the_upload_taken(server: Receiving, parts: int) -> None:
    # Java's own HTTP client offers HTTP/2 with its first request to plain http.
    offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    whole = [request(json.dumps({**MESSAGE, "messageId": name}).encode(), extra=offer) for name in ("m1", "m2")]
    with connect(server) as connection:
        for part in whole:
            for start in range(parts):
                connection.sendall(part[start * 150 : (start + 1) * 150 if parts > start + 1 else None])
            assert answer(connection)[0] == 200
        connection.sendall(b"".join(whole))
        assert answer(connection)[0] == 200
    assert [row.message_id for row in server.rows] == ["m1", "m2"]


def test_a_body_that_stops_ends_the_connection_on_every_path(tmp_path: Path) -> None:
    # The receiver itself gives its callers longer here.
    with receiving(tmp_path, http=HastyProtocol) as server, connect(server) as connection:
        connection.sendall(request(b"{", length=500))
        assert is_closed(connection)


@pytest.mark.parametrize("is_in_parts", [False, True])
def test_a_caller_that_closes_its_side_after_the_request_gets_its_answer(server: Receiving, is_in_parts: bool) -> None:
    upload = request(json.dumps(MESSAGE).encode())
    parts = [upload[:-5], upload[-5:]] if is_in_parts else [upload]
    with connect(server) as connection:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        assert answer(connection)[0] == 200
        assert is_closed(connection)
    assert [row.message_id for row in server.rows] == ["m1"]


def test_a_caller_that_closes_its_side_gets_the_answers_to_all_pipelined_uploads(server: Receiving) -> None:
    uploads = [request(json.dumps({**MESSAGE, "messageId": f"m{number}"}).encode()) for number in range(3)]
    with connect(server) as connection:
        connection.sendall(b"".join(uploads))
        connection.shutdown(socket.SHUT_WR)
        reader = connection.makefile("rb").read()
    assert reader.count(b"HTTP/1.1 200") == 3
    assert [row.message_id for row in server.rows] == ["m0", "m1", "m2"]


@pytest.mark.parametrize("hosts", ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nhost: a\r\n"])
def test_http_1_1_needs_exactly_one_host(server: Receiving, hosts: str) -> None:
    with connect(server) as connection:
        connection.sendall(f"GET /v1/openapi.json HTTP/1.1\r\n{hosts}\r\n".encode())
        status, body = answer(connection)
        assert (status, code_of(body)) == (400, "malformed-request")
        assert b"Host" in body
        assert is_closed(connection)


def test_http_1_0_needs_no_host(server: Receiving) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /v1/openapi.json HTTP/1.0\r\n\r\n")
        assert answer(connection)[0] == 200
