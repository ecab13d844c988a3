"""Reading an upload's body from the connection, bounded in size and time, and unpacking it.

Sources: RFC 1952 (gzip); SDKs send gzip with and without saying so, in chunks and without a length.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from starlette.types import Message, Receive

from hubwire.errors import MalformedUpload, Overloaded, UploadRefused, UploadTooLarge
from hubwire.receive.deadlines import Deadlines
from hubwire.receive.upload_limits import ReceiveLimits

GZIP_MAGIC = b"\x1f\x8b"
MAX_GZIP_MEMBERS = 64
"""Senders make one, some a few; each costs the work of setting up and copying what follows."""
DRAIN_FACTOR = 8
"""So many times the limit is still read and thrown away, so that the caller hears why instead of a broken pipe."""


class CallerGone(Exception):
    """The caller hung up before the body was complete: there is nobody to answer."""


class ReadingBudget:
    """The bytes of unfinished bodies over all connections, so that slow callers cannot fill the memory."""

    def __init__(self, max_bytes: int) -> None:
        self.held_bytes = 0
        self._max_bytes = max_bytes

    def take(self, size_bytes: int) -> None:
        """Raises Overloaded when the callers together would hold too much."""
        if self.held_bytes + size_bytes > self._max_bytes:
            raise Overloaded("too many uploads are arriving at once; nothing was kept", retry_after_seconds=2)
        self.held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        self.held_bytes -= size_bytes


class BodyReader:
    """Reads bodies for all connections of one receiver, within its limits."""

    def __init__(self, limits: ReceiveLimits) -> None:
        self._limits = limits
        self._budget = ReadingBudget(limits.max_reading_bytes)
        self._slow: set[asyncio.Task[Any]] = set()
        self._reading: Deadlines[asyncio.Task[Any]] = Deadlines(limits.read_timeout_seconds, self._give_up)

    async def read(self, receive: Receive) -> bytes:
        """The body as sent. A body that arrived at once can exceed the limit of an upload; `unpack` checks that.

        Errors: UploadTooLarge; Overloaded; UploadRefused 408 after `read_timeout_seconds`; CallerGone.
        """
        limits = self._limits
        task = asyncio.current_task()
        assert task is not None
        self._reading.begin(task)
        try:
            message = await receive()
            if not message.get("more_body", False) and message["type"] == "http.request":
                whole: bytes = message.get("body", b"")
                return whole
            return await _read_rest(receive, message, limits, self._budget)
        except asyncio.CancelledError as exc:
            if task not in self._slow:
                raise
            self._slow.discard(task)
            task.uncancel()
            raise UploadRefused(
                f"body: not complete after {limits.read_timeout_seconds:g} seconds", code="slow-upload", status=408
            ) from exc
        finally:
            self._reading.end(task)

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        self._slow.add(task)
        task.cancel()


async def _read_rest(receive: Receive, message: Message, limits: ReceiveLimits, budget: ReadingBudget) -> bytes:
    parts: list[bytes] = []
    total = held = 0
    try:
        while True:
            if message["type"] != "http.request":
                raise CallerGone
            part: bytes = message.get("body", b"")
            total += len(part)
            if total <= limits.max_upload_bytes:
                budget.take(len(part))
                held += len(part)
                parts.append(part)
            else:
                parts.clear()
            is_complete = not message.get("more_body", False)
            if is_complete or total > DRAIN_FACTOR * limits.max_upload_bytes:
                break
            message = await receive()
    finally:
        budget.give_back(held)
    if total > limits.max_upload_bytes:
        if not is_complete:
            raise upload_too_large(f"{total} bytes and no end", limits, code="endless-upload")
        raise upload_too_large(f"{total} bytes", limits)
    return b"".join(parts)


def unpack(body: bytes, limits: ReceiveLimits) -> bytes:
    """The body without gzip, if it is packed; what the headers say of it is not needed.

    Shape: up to `MAX_GZIP_MEMBERS` gzip members in a row are one body (RFC 1952 2.2). A bomb is given up at the size
    limit.
    Errors: UploadTooLarge, also for a body that is not packed; MalformedUpload for gzip that is broken or cut off.
    """
    if len(body) > limits.max_upload_bytes:
        raise upload_too_large(f"{len(body)} bytes", limits)
    if not body.startswith(GZIP_MAGIC):
        return body
    unpacked = bytearray()
    for _ in range(MAX_GZIP_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            unpacked += member.decompress(body, limits.max_upload_bytes + 1 - len(unpacked))
        except zlib.error as exc:
            raise MalformedUpload(f"body: broken gzip: {exc}") from exc
        if len(unpacked) > limits.max_upload_bytes:
            raise upload_too_large("decompressed it is larger", limits)
        if not member.eof:
            raise MalformedUpload("body: the gzip stream is cut off")
        body = member.unused_data.lstrip(b"\x00")
        if not body:
            return bytes(unpacked)
    raise MalformedUpload(f"body: more than {MAX_GZIP_MEMBERS} gzip members")


def upload_too_large(what: str, limits: ReceiveLimits, *, code: str | None = None) -> UploadTooLarge:
    return UploadTooLarge(f"body: {what}; an upload takes {limits.max_upload_bytes} bytes", code=code)
