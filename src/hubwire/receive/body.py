"""Reading an upload's body from the connection, bounded in size and time, and unpacking it.

Sources: RFC 1952 (gzip); SDKs send gzip with and without saying so, in chunks and without a length.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from typing import Any

from starlette.types import Message, Receive

from hubwire.errors import MalformedUpload, Overloaded, UploadRefused, UploadTooLarge
from hubwire.receive.exchange import Deadlines
from hubwire.receive.upload_limits import LARGE_UPLOAD_BYTES, ReceiveLimits

GZIP_MAGIC = b"\x1f\x8b"
MAX_GZIP_MEMBERS = 64
"""Senders make one gzip member, some a few. Each costs setup and a copy of the remaining bytes."""
DRAIN_FACTOR = 8
"""Up to this multiple of the limit is read and discarded, so that the caller gets a refusal and no broken pipe."""


Body = bytes | bytearray


class CallerGone(Exception):
    """The caller disconnected before the body was complete, so there is nobody to answer."""


class ReadingBudget:
    """The bytes of unfinished bodies over all connections, so that slow callers cannot fill the memory."""

    def __init__(self, max_bytes: int) -> None:
        self.held_bytes = 0
        self._max_bytes = max_bytes

    def take(self, size_bytes: int) -> None:
        """Raises Overloaded if all unfinished bodies together would be too large."""
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

    async def read(self, receive: Receive, place: Place, length_bytes: int | None) -> Body:
        """The body, unpacked. A large one waits for its place; the caller gives the place back.

        Shape: `length_bytes` is what the headers announce. Time in which an upload waits does not count as reading.
        Errors: UploadTooLarge; MalformedUpload; Overloaded; UploadRefused 408 after `read_timeout_seconds`; CallerGone.
        """
        body = await self._packed(receive, place, length_bytes)
        await place.take(unpacked_bytes(body, self._limits))
        return unpack(body, self._limits)

    async def _packed(self, receive: Receive, place: Place, length_bytes: int | None) -> Body:
        """The body as sent. One that arrived at once can exceed the limit of an upload; `unpack` checks that."""
        limits = self._limits
        task = asyncio.current_task()
        assert task is not None
        self._reading.begin(task)
        try:
            message = await receive()
            if not message.get("more_body", False) and message["type"] == "http.request":
                whole: bytes = message.get("body", b"")
                return whole
            return await self._read_rest(receive, message, place, length_bytes)
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

    async def _read_rest(self, receive: Receive, message: Message, place: Place, length_bytes: int | None) -> Body:
        limits, budget = self._limits, self._budget
        # Grows in place: joined parts would take the memory twice.
        body = bytearray()
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
                    body += part
                else:
                    body.clear()
                is_complete = not message.get("more_body", False)
                if is_complete or total > DRAIN_FACTOR * limits.max_upload_bytes:
                    break
                if total > LARGE_UPLOAD_BYTES and not place.is_taken:
                    await self._wait_for(place, body, length_bytes)
                message = await receive()
        finally:
            budget.give_back(held)
        if total > limits.max_upload_bytes:
            if not is_complete:
                raise upload_too_large(f"{total} bytes and no end", limits, code="endless-upload")
            raise upload_too_large(f"{total} bytes", limits)
        return body

    async def _wait_for(self, place: Place, begun: bytearray, length_bytes: int | None) -> None:
        """Reserve room for an upload that has only begun. Its connection is not read until the room is free."""
        size_bytes = self._limits.max_upload_bytes
        if length_bytes is not None and not begun.startswith(GZIP_MAGIC):
            size_bytes = min(length_bytes, size_bytes)
        task = asyncio.current_task()
        assert task is not None
        self._reading.end(task)
        await place.take(size_bytes)
        self._reading.begin(task)

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        self._slow.add(task)
        task.cancel()


def unpacked_bytes(body: Body, limits: ReceiveLimits) -> int:
    """The unpacked size of a body, at most that of an upload. Gzip states it in the last bytes."""
    size_bytes = int.from_bytes(body[-4:], "little") if body.startswith(GZIP_MAGIC) else len(body)
    return min(size_bytes, limits.max_upload_bytes)


def unpack(body: Body, limits: ReceiveLimits) -> Body:
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
            return unpacked
    raise MalformedUpload(f"body: more than {MAX_GZIP_MEMBERS} gzip members")


def upload_too_large(what: str, limits: ReceiveLimits, *, code: str | None = None) -> UploadTooLarge:
    return UploadTooLarge(f"body: {what}; an upload takes {limits.max_upload_bytes} bytes", code=code)


class LargeUploads:
    """The bytes of large uploads that one kind of source holds in memory, from reading until the commit.

    Units: together at most `max_bytes`, or a single upload. Whoever waits longer than `max_wait_seconds` is refused.
    """

    def __init__(self, max_bytes: int, max_wait_seconds: float) -> None:
        self.held_bytes = 0
        self._max_bytes = max_bytes
        self._max_wait_seconds = max_wait_seconds
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def place(self) -> Place:
        return Place(self)

    async def take(self, size_bytes: int) -> None:
        """Take room for an upload, first come first served. Errors: Overloaded after `max_wait_seconds`."""
        if not self._waiting and self._fits(size_bytes):
            self.held_bytes += size_bytes
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (size_bytes, turn)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(self._max_wait_seconds):
                await turn
        except BaseException as exc:
            if turn.done() and not turn.cancelled():
                self.give_back(size_bytes)
            elif entry in self._waiting:
                self._waiting.remove(entry)
                self._admit()
            if isinstance(exc, TimeoutError):
                raise Overloaded(
                    "too many large uploads are arriving at once; nothing was kept", retry_after_seconds=2
                ) from exc
            raise

    def give_back(self, size_bytes: int) -> None:
        self.held_bytes -= size_bytes
        self._admit()

    def _fits(self, size_bytes: int) -> bool:
        return self.held_bytes == 0 or self.held_bytes + size_bytes <= self._max_bytes

    def _admit(self) -> None:
        """Let in those who are first in line."""
        while self._waiting and self._fits(self._waiting[0][0]):
            size_bytes, turn = self._waiting.popleft()
            if not turn.done():  # its caller has not just given up
                self.held_bytes += size_bytes
                turn.set_result(None)


class Place:
    """The room of one upload; it takes none while the upload is small."""

    __slots__ = ("_large_uploads", "_size_bytes")

    def __init__(self, large_uploads: LargeUploads) -> None:
        self._large_uploads = large_uploads
        self._size_bytes = 0

    @property
    def is_taken(self) -> bool:
        return self._size_bytes > 0

    async def take(self, size_bytes: int) -> None:
        """Take room for this many bytes, once, and only if they are many. Errors: Overloaded."""
        if size_bytes > LARGE_UPLOAD_BYTES and not self.is_taken:
            await self._large_uploads.take(size_bytes)
            self._size_bytes = size_bytes

    def give_back(self) -> None:
        """Give the room back; a second time does nothing."""
        if self._size_bytes:
            size_bytes, self._size_bytes = self._size_bytes, 0
            self._large_uploads.give_back(size_bytes)
