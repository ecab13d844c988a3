"""A bound on the memory of large uploads: they are held one after the other, and later ones wait instead of failing.

Small uploads never come here. What must never happen: a place that is not given back, or one kind of source that keeps
the other waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque

from hubwire.errors import Overloaded
from hubwire.receive.upload_limits import LARGE_UPLOAD_BYTES


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
        """Take room for an upload, in the order of asking. Errors: Overloaded after `max_wait_seconds`."""
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
            if not turn.done():  # its caller has not given up in this very moment
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
        """Take room for this many bytes, once, and only if that is large. Errors: Overloaded."""
        if size_bytes > LARGE_UPLOAD_BYTES and not self.is_taken:
            await self._large_uploads.take(size_bytes)
            self._size_bytes = size_bytes

    def give_back(self) -> None:
        """Give the room back; a second time does nothing."""
        if self._size_bytes:
            size_bytes, self._size_bytes = self._size_bytes, 0
            self._large_uploads.give_back(size_bytes)
