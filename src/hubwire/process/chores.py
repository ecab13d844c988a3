"""Background chores: feed replays, carry out deletions, remove old messages, update sums.

Each chore survives its own failures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from hubwire.errors import BackendError
from hubwire.installation.retention import Retention
from hubwire.record.statistics import Statistics

log = structlog.get_logger("hubwire")

RETENTION_SECONDS = 300.0
SUM_SECONDS = 30.0
SUM_BLOCKS = 32
"""The number of blocks to sum up in one step: 32,768 messages if positions have no gaps."""
AGAIN_SECONDS = 1.0
FAILED_SECONDS = 30.0

Chore = Callable[[], Awaitable[None]]
Wait = Callable[[float], Awaitable[None]]


async def retain(retention: Retention) -> None:
    """Remove old messages every few minutes, or without a pause while there are more. Runs for ever."""
    while True:
        removed = await asyncio.to_thread(retention.run_once)
        await asyncio.sleep(AGAIN_SECONDS if removed.has_more else RETENTION_SECONDS)


async def sum_up(statistics: Statistics, wait: Wait = asyncio.sleep) -> None:
    """Sum up new messages, for ever, so that the overview opens fast even after a long night."""
    while True:
        left = await asyncio.to_thread(statistics.catch_up, SUM_BLOCKS)
        await wait(AGAIN_SECONDS if left else SUM_SECONDS)


class Chores:
    """Runs chores from `start()` to `stop()`; a failed chore is logged and starts again later."""

    def __init__(self, chores: Sequence[tuple[str, Chore]]) -> None:
        self._chores = chores
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(_keep_on(name, chore), name=name) for name, chore in self._chores]

    async def stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_on(name: str, chore: Chore) -> None:
    while True:
        try:
            await chore()
        except BackendError as exc:
            log.warning("chore.failed", chore=name, error=str(exc))
        except Exception:
            log.exception("chore.failed", chore=name)
        await asyncio.sleep(FAILED_SECONDS)
