"""The emulator's own clock. Every rule that involves time asks it; nothing else here may read the machine's clock."""

from __future__ import annotations

import asyncio
import time

from hubwire.emulator.moments import check_representable


class Clock:
    """Epoch milliseconds that a test can move.

    Shape: a following clock is the machine's clock plus an offset; a frozen clock changes only by `advance` and `set`.
    """

    def __init__(self, start_at_ms: int | None = None) -> None:
        self._frozen_at_ms = start_at_ms
        self._offset_ms = 0
        self._sleepers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def now_ms(self) -> int:
        """Epoch milliseconds, UTC."""
        if self._frozen_at_ms is not None:
            return self._frozen_at_ms
        return time.time_ns() // 1_000_000 + self._offset_ms

    @property
    def is_frozen(self) -> bool:
        """True when only `advance` and `set` move it."""
        return self._frozen_at_ms is not None

    def advance(self, seconds: float) -> None:
        """Move forward and wake every request that waits for a time.

        Errors: ValueError past the years 1 to 9999; the clock stays.
        """
        if not abs(seconds) < 1e12:
            raise ValueError(f"{seconds} seconds from now is past the years 1 to 9999")
        step_ms = round(seconds * 1000)
        check_representable(self.now_ms() + step_ms)
        if self._frozen_at_ms is not None:
            self._frozen_at_ms += step_ms
        else:
            self._offset_ms += step_ms
        self._wake()

    def set(self, now_ms: int) -> None:
        """Jump to a moment; a frozen clock stays frozen there.

        Errors: ValueError past the years 1 to 9999; the clock stays.
        """
        check_representable(now_ms)
        if self._frozen_at_ms is not None:
            self._frozen_at_ms = now_ms
        else:
            self._offset_ms = now_ms - time.time_ns() // 1_000_000
        self._wake()

    def freeze(self) -> None:
        """Stop the clock."""
        self._frozen_at_ms = self.now_ms()

    def follow(self) -> None:
        """Let the clock run again, from its current time."""
        if self._frozen_at_ms is not None:
            self._offset_ms = self._frozen_at_ms - time.time_ns() // 1_000_000
            self._frozen_at_ms = None
            self._wake()

    async def wait_until(self, deadline_ms: int) -> None:
        """Return once this clock has reached `deadline_ms`, by passing time or by being moved."""
        event = asyncio.Event()
        sleeper = (asyncio.get_running_loop(), event)
        self._sleepers.add(sleeper)
        try:
            while (remaining_ms := deadline_ms - self.now_ms()) > 0:
                event.clear()
                try:
                    await asyncio.wait_for(event.wait(), None if self.is_frozen else remaining_ms / 1000)
                except TimeoutError:
                    continue
        finally:
            self._sleepers.discard(sleeper)

    def _wake(self) -> None:
        for loop, event in tuple(self._sleepers):
            loop.call_soon_threadsafe(event.set)
