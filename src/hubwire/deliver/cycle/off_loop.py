"""Blocking calls of a lane, off the event loop. Every call to the journal or the record uses this module.

A slow query must delay only its own lane. On the loop, it would delay every lane and every HubSpot call of the process.
`tests/integration/test_lane_waits.py` ensures that no database call runs on the loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

MAX_THREADS = 8
"""Lanes that may wait for the database at the same time. Each thread has a SQLite connection of its own."""

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class OffLoop(Protocol):
    async def __call__(self, call: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """The result of a blocking call. Errors: those of the call."""
        ...


async def inline(call: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """An `OffLoop` that blocks, for tests in simulated time, in which nothing may run outside the loop."""
    return call(*arguments)
