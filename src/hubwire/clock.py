"""Time as an argument: the shell reads a `Clock`, the core gets numbers. Epoch milliseconds everywhere."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Epoch milliseconds, UTC."""
        ...


class MonotonicClock(Clock, Protocol):
    def monotonic_ms(self) -> int:
        """Milliseconds since an arbitrary moment, for durations, unaffected by changes of the system's time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class VersionCheck:
    """Finds out that others changed something, by its version.

    Shape: the version is read once in `check_seconds` at most (0: every time), and at once if the clock was set back.
    `known` is the version whose data the caller has.
    """

    def __init__(self, version: Callable[[], int], clock: Clock, check_seconds: float) -> None:
        self.known = -1
        self._version = version
        self._clock = clock
        self._check_ms = round(check_seconds * 1000)
        self._checked_at_ms: int | None = None

    def changed(self) -> int | None:
        """The version, if it is not the known one; None if it is, or if it was read a moment ago."""
        now_ms = self._clock.now_ms()
        if self._checked_at_ms is not None and 0 <= now_ms - self._checked_at_ms < self._check_ms:
            return None
        self._checked_at_ms = now_ms
        version = self._version()
        return version if version != self.known else None


class FakeClock:
    """A clock that a test moves by hand."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = 0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ms += round(seconds * 1000)
        self._monotonic_ms += round(seconds * 1000)

    def set_back(self, seconds: float) -> None:
        """Set the system's clock back (negative: forward), as a person would; no time passes."""
        self._now_ms -= round(seconds * 1000)


class SimulatedClock(FakeClock):
    """A clock that its sleepers move: when nothing else can run, it jumps to the earliest time that a sleeper waits
    for.

    Shape: every step calls `moved`, so that another clock can follow. One event loop at a time.
    """

    SETTLING_STEPS = 40
    """The number of turns of the event loop after which everything that can run has run. The clock does not wait for
    threads or sockets."""

    def __init__(self, now_ms: int = 1_700_000_000_000, moved: Callable[[float], None] = lambda seconds: None) -> None:
        super().__init__(now_ms)
        self._moved = moved
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._mover: asyncio.Task[None] | None = None
        self._settling_steps = 0

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._moved(seconds)

    async def sleep(self, seconds: float) -> None:
        """Return when this clock has moved on by this much."""
        wakes_at_ms = self.now_ms() + max(1, round(seconds * 1000))
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (wakes_at_ms, next(self._numbers), woken))
        self._settling_steps = self.SETTLING_STEPS
        if self._mover is None or self._mover.done():
            self._mover = asyncio.create_task(self._move())
        await woken

    async def _move(self) -> None:
        while self._sleepers:
            self._settling_steps = self.SETTLING_STEPS
            while self._settling_steps > 0:
                self._settling_steps -= 1
                await asyncio.sleep(0)
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if self._sleepers:
                wakes_at_ms, _, woken = heapq.heappop(self._sleepers)
                if wakes_at_ms > self.now_ms():
                    self.advance((wakes_at_ms - self.now_ms()) / 1000)
                woken.set_result(None)
