"""Giving up on what takes too long, with one timer for all of it.

A timer per request costs more than parsing the request (25 µs for `asyncio.timeout` on uvloop, measured); a dict entry
costs a tenth of a microsecond.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

TICKS = 8


class Deadlines(Generic[T]):
    """Calls `give_up` for each thing that was begun and not ended in time.

    Units: a thing is given up after `seconds`, at most an eighth later. Belongs to one event loop.
    """

    def __init__(self, seconds: float, give_up: Callable[[T], None]) -> None:
        self._tick_seconds = seconds / TICKS
        self._give_up = give_up
        self._begun: dict[T, int] = {}
        self._tick = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._begun)

    def begin(self, thing: T) -> None:
        self._begun[thing] = self._tick
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick_seconds, self._on_tick)

    def end(self, thing: T) -> None:
        self._begun.pop(thing, None)

    def _on_tick(self) -> None:
        self._timer = None
        self._tick += 1
        if not self._begun:
            return
        # Begun within the tick before is up to one tick late: never too early.
        late = [thing for thing, tick in self._begun.items() if self._tick - tick > TICKS]
        for thing in late:
            del self._begun[thing]
            self._give_up(thing)
        if self._begun:
            self._timer = asyncio.get_running_loop().call_later(self._tick_seconds, self._on_tick)
