"""The connections to HubSpot: answers of a real server, in all their forms, and what breaks on the way."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from hubwire.hubspot.client import Answer, Call, ClientPolicy, FixedToken, HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.secret import Secret

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
READ = Call("read", "GET", "/read?after=a%2Fb")
WRITE = Call("write", "POST", "/write", b'{"inputs":[]}')


@asynccontextmanager
async def server(handle: Handler) -> AsyncIterator[tuple[str, list[int]]]:
    """A server's URL, and the number of requests of each of its connections."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(connections)
        connections.append(0)
        try:
            while head := await _request(reader):
                connections[number] += 1
                await handle(head, writer)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", connections
    finally:
        listening.close()


async def _request(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(length[0] if length else 0)


async def answers_of(handle: Handler, *calls: Call, policy: ClientPolicy | None = None) -> tuple[list[Answer], int]:
    """The answers to calls, one after the other, and the number of connections."""
    async with (
        server(handle) as (url, connections),
        HubSpotClient(url, FixedToken(Secret("pat-token")), Paths(), policy=policy) as client,
    ):
        return [await client.call(call) for call in calls], len(connections)


def writes(*parts: bytes, closes: bool = False) -> Handler:
    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if closes:
            writer.close()

    return handle


GZIPPED = gzip.compress(b'{"results":[]}')


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n", b'{"results":[]}'],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b'5\r\n{"res\r\n', b'9\r\nults":[]}\r\n0\r\n\r\n'],
        [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(GZIPPED), GZIPPED],
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n", b'{"results":[]}'],
    ],
    ids=["length", "chunked", "gzip", "continue"],
)
async def test_an_answer_is_read_whole_and_its_connection_used_again(parts: list[bytes]) -> None:
    answers, connections = await answers_of(writes(*parts), READ, WRITE, READ)
    assert [(answer.status, answer.body, answer.failure) for answer in answers] == [(200, b'{"results":[]}', None)] * 3
    assert connections == 1


async def test_a_request_goes_out_as_it_is() -> None:
    seen: list[bytes] = []

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(b"HTTP/1.1 204 No Content\r\nset-cookie: a=b\r\n\r\n")

    answers, _ = await answers_of(handle, READ, WRITE)
    assert [answer.status for answer in answers] == [204, 204]
    read, write = seen
    assert read.startswith(b"GET /read?after=a%2Fb HTTP/1.1\r\n")
    assert write.endswith(b'\r\n\r\n{"inputs":[]}')
    for request in (read, write):
        lines = request.lower().split(b"\r\n\r\n")[0].split(b"\r\n")
        assert b"authorization: bearer pat-token" in lines
        assert b"user-agent: hubwire" in lines
        assert len({line.split(b":")[0] for line in lines}) == len(lines)
        assert not any(line.startswith(b"cookie") for line in lines)


@pytest.mark.parametrize(
    ("handle", "failure"),
    [
        (writes(closes=True), "RemoteProtocolError"),
        (writes(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", closes=True), "RemoteProtocolError"),
        (writes(b"NOT HTTP\r\n\r\n"), "RemoteProtocolError"),
        (writes(b"HTTP/1.1 200 OK\r\n"), "ReadTimeout"),
        (writes(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), "ReadTimeout"),
        (writes(b"HTTP/1.1 200 OK\r\nx: " + b"x" * 100_000 + b"\r\n\r\n"), "RemoteProtocolError"),
        (writes(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc"), "DecodingError"),
    ],
    ids=["closed", "cut", "no HTTP", "half a head", "half a body", "long header", "no gzip"],
)
@pytest.mark.parametrize("call", [READ, Call("archive", "DELETE", "/x"), WRITE], ids=["GET", "DELETE", "POST"])
async def test_a_broken_answer_is_one_call_and_a_failure(handle: Handler, failure: str, call: Call) -> None:
    policy = ClientPolicy(read_seconds=0.05)
    requests = 0

    async def counted(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        await (writes(b"HTTP/1.1 204 OK\r\n\r\n") if requests == 1 else handle)(request, writer)

    (_, answer), _ = await answers_of(counted, READ, call, policy=policy)
    assert failure in (answer.failure or "")
    assert requests == 2


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    async with HubSpotClient("http://127.0.0.1:1", FixedToken(Secret("pat-token")), Paths()) as client:
        answer = await client.call(READ)
    assert (answer.status, "ConnectError" in (answer.failure or "")) == (None, True)


async def test_an_answer_that_is_too_long_is_not_read_and_its_connection_not_used_again() -> None:
    body = b"x" * 3_000_000
    handle = writes(b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n", body)
    answers, connections = await answers_of(handle, READ, READ, policy=ClientPolicy(max_answer_bytes=1000))
    assert [answer.failure for answer in answers] == ["the answer is longer than 1000 bytes"] * 2
    assert connections == 2


async def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    async def handle(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with server(handle) as (url, _):
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for base, is_proxied in (("http://hubspot.invalid", True), (url, False)):
            async with HubSpotClient(base, FixedToken(Secret("pat-token")), Paths()) as client:
                assert (await client.call(READ)).status == 204
            assert seen.pop().startswith(b"GET http://hubspot.invalid/read" if is_proxied else b"GET /read")
