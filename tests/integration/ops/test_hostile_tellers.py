"""Webhooks and mail servers that are hostile: each notification ends in time and in memory, as an error."""

from __future__ import annotations

import asyncio
import itertools
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from tests.integration.ops.test_alert_tellers import NOTICE, listening

from hubwire.monitoring import alert_tellers
from hubwire.monitoring.alert_tellers import Mail, NotTold, Webhook
from hubwire.secret import Secret

pytestmark = pytest.mark.slow
LIMIT_SECONDS = 0.5
MAX_SECONDS = 15.0
MAX_GROWTH_KB = 60_000
Parts = AsyncIterator[bytes]


async def drip(text: bytes) -> Parts:
    """A byte now and then, for ever."""
    for number in itertools.cycle(text):
        yield bytes([number])
        await asyncio.sleep(0.05)


async def flood(first: bytes, more: bytes) -> Parts:
    yield first
    while True:
        yield more * 1000


async def text(*parts: bytes) -> Parts:
    for part in parts:
        yield part


ANSWERS = {
    "drips": lambda: drip(b"HTTP/1.1 200 OK\r\nx-more: 1\r\n"),
    "headers without end": lambda: flood(b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n"),
    "one header without end": lambda: flood(b"HTTP/1.1 200 OK\r\nx: ", b"xxxxxxxx"),
    "informational without end": lambda: flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "no HTTP": lambda: text(b"\x00\xff\x16\x03\x01\r\n\r\n"),
    "redirects to a file": lambda: text(b"HTTP/1.1 302 X\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n"),
    "a status of its own": lambda: text(b"HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n"),
    "closes": lambda: text(),
}
REPLIES = {
    "drips a greeting": lambda: drip(b"220-hello\r\n"),
    "greets without end": lambda: flood(b"", b"220-hello\r\n"),
    "one line without end": lambda: flood(b"220 ", b"xxxxxxxx"),
    "no SMTP": lambda: text(b"\x00\xff\r\n" * 4),
    "busy": lambda: text(b"421 go away\r\n"),
    "TLS that never begins": lambda: _tls_that_drips(),
    "closes": lambda: text(),
}


async def _tls_that_drips() -> Parts:
    yield b"220 mail.test\r\n"
    yield b"250-mail.test\r\n250 STARTTLS\r\n"
    await asyncio.sleep(0.1)
    yield b"220 go\r\n"
    async for part in drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 100):
        yield part


@asynccontextmanager
async def hostile(parts: Parts) -> AsyncIterator[int]:
    """A server that sends its parts to the caller and reads whatever comes."""
    tasks: list[asyncio.Task[None] | None] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        reading = asyncio.create_task(read(reader))
        try:
            async for part in parts:
                writer.write(part)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            reading.cancel()
            writer.transport.abort()

    async def read(reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while await reader.read(1 << 16):
                pass

    async with listening(handle) as port:
        yield port
        for task in tasks:
            assert task is not None
            task.cancel()
            await task


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_tellers, "TIMEOUT_SECONDS", LIMIT_SECONDS)


async def ends(teller: Webhook | Mail) -> None:
    """The teller gives up in time, without much memory, and names no address."""
    began_at, before_kb = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NotTold) as caught:
        await teller.tell(NOTICE)
    assert time.monotonic() - began_at < MAX_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < MAX_GROWTH_KB
    assert "secret-path" not in str(caught.value)


@pytest.mark.parametrize("kind", ANSWERS)
async def test_a_hostile_webhook_is_given_up(kind: str) -> None:
    async with hostile(ANSWERS[kind]()) as port:
        await ends(Webhook(Secret(f"http://127.0.0.1:{port}/secret-path"), None))


@pytest.mark.parametrize("kind", REPLIES)
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_hostile_mail_server_is_given_up(kind: str, scheme: str) -> None:
    async with hostile(REPLIES[kind]()) as port:
        await ends(Mail(Secret(f"{scheme}://127.0.0.1:{port}"), "hubwire@example.com", ["ops@example.com"]))
