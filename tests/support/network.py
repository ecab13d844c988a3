"""A network that fails: TCP links on loopback that lose packets, fall silent, or are cut, between any two servers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random

import uvloop

RETRANSMIT_SECONDS = 0.2
"""How long TCP waits at least before it sends a lost packet again; each further loss doubles it (RFC 6298)."""
MAX_LOSSES = 5
CHUNK_BYTES = 1 << 16


class Link:
    """One address that leads to another port. All changes may come from any thread.

    Shape: `loss` is the share of packets that are lost, 0 to 1. TCP repeats a lost packet, so what a program sees of it
    is a wait, after which everything arrives in order. `target` gives the port behind it, None while nothing listens
    there.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, target: Callable[[], int | None], random: Random) -> None:
        self.loss = 0.0
        self._loop = loop
        self._target = target
        self._random = random
        self._passes = asyncio.Event()
        self._passes.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._connected, sock=self._listener, limit=CHUNK_BYTES)

    def fall_silent(self) -> None:
        """Nothing arrives any more, in either direction, and no connection ends."""
        self._loop.call_soon_threadsafe(self._passes.clear)

    def speak(self) -> None:
        """What was sent meanwhile arrives."""
        self._loop.call_soon_threadsafe(self._passes.set)

    def cut(self) -> None:
        """Every connection is reset; new ones work."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def heal(self) -> None:
        """A good link again."""
        self.loss = 0.0
        self.speak()

    def _abort_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def close(self) -> None:
        """Take no more connections, and end those that are open."""
        if self._server is not None:
            self._server.close()
        self._abort_all()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._passes.wait()
            port = self._target()
            if port is None:
                return
            with suppress(OSError):
                there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port, limit=CHUNK_BYTES)
                self._writers.add(there_writer)
                try:
                    await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
                finally:
                    self._writers.discard(there_writer)
                    there_writer.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            for losses in range(MAX_LOSSES):
                if self._random.random() >= self.loss:
                    break
                await asyncio.sleep(RETRANSMIT_SECONDS * 2**losses)
            await self._passes.wait()
            writer.write(chunk)
            await writer.drain()
        await self._passes.wait()
        if not writer.is_closing():
            writer.write_eof()


class Network:
    """Links in a thread of their own."""

    def __init__(self, seed: int = 0) -> None:
        self.links: list[Link] = []
        self._random = Random(seed)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)

    def __enter__(self) -> Network:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def link(self, target: int | Callable[[], int | None]) -> Link:
        """A link to a port, or to what has its place at the moment."""
        link = Link(self._loop, target if callable(target) else lambda: target, Random(self._random.random()))
        asyncio.run_coroutine_threadsafe(link.open(), self._loop).result(10)
        self.links.append(link)
        return link

    async def _close(self) -> None:
        for link in self.links:
            await link.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
