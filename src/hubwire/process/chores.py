"""Background chores: feed replays, carry out deletions, remove old messages, update sums.

Each chore survives its own failures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from hubwire.doctor.checks import ConnectionReport
from hubwire.errors import BackendError
from hubwire.installation.retention import Retention
from hubwire.record.statistics import Statistics
from hubwire.registry.protocol import Registry

log = structlog.get_logger("hubwire")

RETENTION_SECONDS = 300.0
HUB_ID_SECONDS = 60.0
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


async def learn_hub_ids(
    registry: Registry, test: Callable[[int], Awaitable[ConnectionReport]], changed: Callable[[], None]
) -> None:
    """Ask HubSpot for the Hub ID, which device mode needs, of destinations that were created from a token alone.

    Shape: a token that HubSpot refuses is logged once as `token.refused`, so that a start with a wrong token says so.
    """
    refusals: dict[int, str] = {}
    while True:
        for destination_id, name in (await asyncio.to_thread(_without_hub_id, registry)).items():
            report = await test(destination_id)
            if report.hub_id is not None:
                await asyncio.to_thread(_save_hub_id, registry, destination_id, report.hub_id)
                await asyncio.to_thread(changed)
            elif refusals.get(destination_id) != (problem := report.checks[0].said):
                refusals[destination_id] = problem
                log.error("token.refused", destination=name, problem=problem, fix=f"hubwire destination token {name}")
        await asyncio.sleep(HUB_ID_SECONDS)


def _without_hub_id(registry: Registry) -> dict[int, str]:
    """The names of the destinations that have a token and no Hub ID."""
    return {
        destination_id: destination.name
        for destination_id, destination in registry.destinations().items()
        if destination.hub_id is None and registry.token(destination_id) is not None
    }


def _save_hub_id(registry: Registry, destination_id: int, hub_id: str) -> None:
    """Save the Hub ID, unless somebody has meanwhile set one or removed the destination."""
    destination = registry.destinations().get(destination_id)
    if destination is not None and destination.hub_id is None:
        registry.save_destination(msgspec.structs.replace(destination, hub_id=hub_id))


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
