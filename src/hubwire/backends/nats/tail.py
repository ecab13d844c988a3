"""Follows the heads of all groups in the stream's order, and reports its progress."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import structlog

from hubwire.backends.nats.client import AGAIN_SECONDS, PATIENCE_SECONDS, RETRYABLE, NatsClient
from hubwire.backends.nats.following import HEADS, Delivered, Start, follow
from hubwire.backends.nats.group import Head, decode_head
from hubwire.errors import BackendUnavailable

log = structlog.get_logger("hubwire.nats")

Take = Callable[[int, Head], Awaitable[None]]


class Tail:
    """Passes every head to `take` in order, on the connection's loop; other threads can wait for a head.

    Shape: `sequence` is the last one that was passed.
    """

    def __init__(self, client: NatsClient, start: Start, take: Take) -> None:
        self._client = client
        self._start = start
        self._take = take
        self._moved = threading.Condition()
        self._is_ended = False
        self._failure: BaseException | None = None
        self.sequence = 0
        client.spawn(self._run())

    def wait_for(self, sequence: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when the group with this sequence has been passed.

        Errors: BackendUnavailable if that takes too long.
        """
        with self._moved:
            reached = self._moved.wait_for(lambda: self.sequence >= sequence or self._failure is not None, seconds)
        if self._failure is not None:
            raise self._failure
        if not reached:
            raise BackendUnavailable(f"nats: the stream's group {sequence} has not come after {seconds:g} s")

    def end(self) -> None:
        """Stop following."""
        self._is_ended = True

    async def _run(self) -> None:
        try:
            client = self._client
            heads = follow(client, client.stream, client.subject, self._start, HEADS)
            async with aclosing(heads):
                async for item in heads:
                    if self._is_ended:
                        return
                    if isinstance(item, Delivered):
                        await self._insist(item.sequence, decode_head(item.headers))
                    self._reach(item.sequence if isinstance(item, Delivered) else item)
        except Exception as exc:
            # This is our own bug, and counting and comparing no longer work: everybody who waits gets the error.
            log.exception("nats.tail")
            self._failure = exc
            self._reach(0)

    async def _insist(self, sequence: int, head: Head) -> None:
        """Pass a head on; repeat this while something cannot be read."""
        while not self._is_ended:
            try:
                return await self._take(sequence, head)
            except (BackendUnavailable, *RETRYABLE) as exc:
                log.warning("nats.trouble", error=str(exc) or type(exc).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
        return None

    def _reach(self, sequence: int) -> None:
        with self._moved:
            self.sequence = max(self.sequence, sequence)
            self._moved.notify_all()
