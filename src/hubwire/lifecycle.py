"""One lifecycle for everything that starts and stops: threads, listeners, chores, and the parts that they use."""

from __future__ import annotations

import ctypes
import gc
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from inspect import isawaitable
from typing import Protocol, TypeVar

COLLECT_AFTER_OBJECTS = 100_000
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Numbers of glibc's `malloc.h`."""
LARGE_BYTES = 128 * 1024
HEAPS = 2


class Part(Protocol):
    """Runs from `start()` to `stop()`. A part that needs the event loop for either returns an awaitable."""

    def start(self) -> Awaitable[None] | None:
        """Begin. Called once."""
        ...

    def stop(self) -> Awaitable[None] | None:
        """End, and wait for the end. Without a start, or a second time, it does nothing."""
        ...


class OwnThread(ABC):
    """A part that works in a daemon thread of its own."""

    def __init__(self, name: str) -> None:
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    @abstractmethod
    def _run(self) -> None:
        """Work until `_ending` is set."""


P = TypeVar("P", bound=Part)


class Lifecycle:
    """Starts parts in the order given, and stops them in the opposite order, each once."""

    def __init__(self) -> None:
        self._started: list[Part] = []

    async def start(self, part: P) -> P:
        """Start a part, and return it. Errors: those of its start; it is stopped with the others nevertheless."""
        self._started.append(part)
        starting = part.start()
        if isawaitable(starting):
            await starting
        return part

    async def stop(self) -> None:
        """Stop every part. Errors: the first failure, after all parts were stopped."""
        failures: list[Exception] = []
        while self._started:
            try:
                stopping = self._started.pop().stop()
                if isawaitable(stopping):
                    await stopping
            except Exception as exc:
                failures.append(exc)
        for failure in failures:
            raise failure


class Together:
    """Several parts as one, because they always start and stop together."""

    def __init__(self, *parts: Part) -> None:
        self._parts = parts
        self._lifecycle = Lifecycle()

    async def start(self) -> None:
        for part in self._parts:
            await self._lifecycle.start(part)

    async def stop(self) -> None:
        await self._lifecycle.stop()


def collect_rarely() -> None:
    """Let Python search for reference cycles less often.

    The objects of an upload, a delivery cycle or an import live as long as it and have no reference cycles. Searching
    them repeatedly took a tenth of the time of receiving, a fifth of delivering, and an eighth of an import of Parquet
    (benchmarks/).
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)


def return_memory() -> None:
    """Let glibc return freed memory to the system, and keep few heaps. Other C libraries are left as they are.

    By itself, glibc keeps blocks as large as the largest that was ever freed, and a heap for each thread of the first
    few.
    Source: mallopt(3); fixed thresholds switch glibc's growing ones off.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in (
            (M_ARENA_MAX, HEAPS),
            (M_MMAP_THRESHOLD, LARGE_BYTES),
            (M_TRIM_THRESHOLD, LARGE_BYTES),
        ):
            mallopt(parameter, value)
