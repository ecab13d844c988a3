"""What runs beside receiving and delivering: replays are fed, old messages go. Each chore survives its own failures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from hubwire.errors import BackendError
from hubwire.retention import Retention

log = structlog.get_logger("hubwire")

RETENTION_SECONDS = 300.0
AGAIN_SECONDS = 1.0
FAILED_SECONDS = 30.0

Chore = Callable[[], Awaitable[None]]


async def retain(retention: Retention) -> None:
    """Remove what may go, for ever: every few minutes, at once when there is more."""
    while True:
        removed = await asyncio.to_thread(retention.run_once)
        await asyncio.sleep(AGAIN_SECONDS if removed.has_more else RETENTION_SECONDS)


async def run_chores(chores: Sequence[tuple[str, Chore]]) -> None:
    """Run all of them until cancelled; one that fails says so and begins again later."""
    await asyncio.gather(*(_keep_on(name, chore) for name, chore in chores))


async def _keep_on(name: str, chore: Chore) -> None:
    while True:
        try:
            await chore()
        except BackendError as exc:
            log.warning("chore.failed", chore=name, error=str(exc))
        except Exception:
            log.exception("chore.failed", chore=name)
        await asyncio.sleep(FAILED_SECONDS)
