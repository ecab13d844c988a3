"""Lanes at work: one thread with its own event loop drives every destination whose lease it holds.

The worker starts and ends drivers as the registry changes, and stops gracefully. It never sends anything itself.
Planning is CPU work: in its own thread it does not delay the receiver's answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
import uvloop

from hubwire.clock import Clock
from hubwire.deliver.lanes.driver import Driver
from hubwire.deliver.lanes.lane import (
    Lane,
    LaneParts,
    LanePolicy,
    Waited,
    unheard,
)
from hubwire.deliver.lanes.lane_lease import LaneLease
from hubwire.deliver.lanes.lease_renewer import LeaseRenewer
from hubwire.deliver.lanes.quota import LaneQuota
from hubwire.deliver.limits.governor import Governor
from hubwire.destination import Destination, Source
from hubwire.errors import BackendError
from hubwire.hubspot.client import HubSpotClient
from hubwire.journal.protocol import Journal
from hubwire.reasons import Reason
from hubwire.record.protocol import Fleet, Record
from hubwire.registry.protocol import Registry
from hubwire.secret import Secret

log = structlog.get_logger("hubwire.deliver")

LOOK_SECONDS = 1.0
"""How often changes of the registry are looked for."""

MakeClient = Callable[[Destination], HubSpotClient | None]


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker works with. `make_client` gives None for a destination that has no token yet."""

    journal: Journal
    record: Record
    registry: Registry
    make_client: MakeClient
    clock: Clock
    policy: LanePolicy
    fleet: Fleet | None = None
    """The other workers, where there may be some."""
    waited: Waited = unheard

    def lane_parts(self) -> LaneParts:
        """What its lanes work with."""
        return LaneParts(self.journal, self.record, self.clock, self.policy, jitter=random.random, waited=self.waited)


@dataclass(slots=True)
class _Running:
    """A running lane: what it was started with, and how to end it."""

    target: tuple[Destination, Secret | None]
    ending: asyncio.Event
    task: asyncio.Task[None]

    async def end(self) -> None:
        self.ending.set()
        await asyncio.gather(self.task, return_exceptions=True)


def owner_name() -> str:
    """A name for this process's leases that no other process has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Worker:
    """Drives lanes from `start()` to `stop()`."""

    def __init__(self, parts: WorkerParts) -> None:
        self._parts = parts
        self._owner = owner_name()
        self._thread = threading.Thread(target=self._run, name="deliver", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._wake = asyncio.Event()
        self._stopping = False
        self._sources: Mapping[int, Source] = {}
        self._drivers: dict[int, Driver] = {}
        self._running: dict[int, _Running] = {}
        self._quota = LaneQuota()
        self._lane_count = 0
        self._renewer = LeaseRenewer(self._lane_leases, self._join_fleet, parts.policy.lease_seconds / 6)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()
        self._renewer.start()

    def wake(self) -> None:
        """Something new may wait: called from any thread."""
        if self._loop is not None and not self._stopping:
            self._loop.call_soon_threadsafe(self._wake.set)

    def busy(self) -> list[str]:
        """The destinations that a cycle is under way for."""
        return [driver.lane.destination.name for driver in list(self._drivers.values()) if driver.is_in_cycle]

    def begin_to_stop(self) -> None:
        """No lane begins another cycle. Called from a signal: it waits for nothing."""
        self._stopping = True
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._wake.set)

    def hurry(self) -> None:
        """Cycles under way are left, their leases given back: what they did not record is done again at the next start.
        Called from a signal, after `begin_to_stop`."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        for one in self._running.values():
            one.task.cancel()

    def stop(self, timeout_seconds: float = 30.0) -> None:
        """Finish the cycles under way, give the leases back, end the thread."""
        self.begin_to_stop()
        if self._loop is not None and self._thread.is_alive():
            self._thread.join(timeout_seconds)
        self._renewer.stop()
        self._leave_fleet()

    def _lane_leases(self) -> list[LaneLease]:
        """What the keeper renews; called from its thread."""
        return [driver.lane_lease for driver in list(self._drivers.values()) if driver.lane_lease is not None]

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self._loop = runner.get_loop()
            self._ready.set()
            runner.run(self._supervise())

    async def _supervise(self) -> None:
        """One driver per destination; one whose destination or token changed ends its cycle and starts anew."""
        running = self._running
        version: int | None = None
        while not self._stopping:
            self._renewer.turned()
            try:
                has_failed = self._remove_failed(running)
                if has_failed or version != self._parts.registry.version():
                    version = self._parts.registry.version()
                    await self._follow_registry(running)
            except BackendError as exc:
                version = None
                log.error("backend.failed", error=str(exc))
            await self._sleep(LOOK_SECONDS)
        await asyncio.gather(*(one.end() for one in running.values()))

    def _join_fleet(self) -> None:
        """Say that this worker lives, and learn how large its part of the lanes is. Called from the keeper's thread."""
        fleet, parts = self._parts.fleet, self._parts
        if fleet is not None:
            # A worker that died is missed before its leases run out: by then the others know that its part is theirs.
            count = fleet.join(self._owner, parts.clock.now_ms(), parts.policy.lease_seconds / 2)
            self._quota.divide(self._lane_count, count)

    def _leave_fleet(self) -> None:
        if self._parts.fleet is not None:
            with contextlib.suppress(BackendError):
                self._parts.fleet.leave(self._owner, self._parts.clock.now_ms())

    @staticmethod
    def _remove_failed(running: dict[int, _Running]) -> bool:
        """Forget drivers that ended by an error, so that they are started again; whether there were any."""
        has_failed = False
        for destination_id, one in list(running.items()):
            failure = one.task.exception() if one.task.done() else None
            if failure is not None:
                log.error("driver.failed", destination=one.target[0].name, exc_info=failure)
                del running[destination_id]
                has_failed = True
        return has_failed

    async def _follow_registry(self, running: dict[int, _Running]) -> None:
        registry = self._parts.registry
        self._sources = registry.sources()
        wanted = {
            one.destination_id: (one, registry.token(one.destination_id))
            for one in registry.destinations().values()
            if not one.is_paused
        }
        self._lane_count = len(wanted)
        self._join_fleet()
        for driver in self._drivers.values():
            driver.lane.forget_schema()
        for destination_id, one in list(running.items()):
            if wanted.get(destination_id) != one.target:
                await one.end()
                del running[destination_id]
        for destination_id, target in wanted.items():
            if destination_id not in running:
                ending = asyncio.Event()
                task = asyncio.create_task(self._drive(target[0], ending))
                running[destination_id] = _Running(target, ending, task)

    async def _sleep(self, seconds: float, *, is_wakeable: bool = True) -> None:
        """For so long, or until woken."""
        if seconds <= 0 or not is_wakeable:
            await asyncio.sleep(seconds)
            return
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _drive(self, destination: Destination, ending: asyncio.Event) -> None:
        """Turn after turn until the lane is to end."""
        client = self._parts.make_client(destination)
        if client is None:
            self._parts.record.stop_lane(
                destination.destination_id, Reason.UNAUTHORISED, "no access token is set", None
            )
            return
        driver: Driver | None = None
        try:
            driver = self._driver(destination, client, ending)
            while not (self._stopping or ending.is_set()):
                wait = await driver.turn()
                await self._sleep(wait.seconds, is_wakeable=wait.is_wakeable)
        finally:
            if driver is not None:
                driver.end()
                self._drivers.pop(destination.destination_id, None)
            await client.close()

    def _driver(self, destination: Destination, client: HubSpotClient, ending: asyncio.Event) -> Driver:
        parts = self._parts.lane_parts()

        def make_lane() -> Lane:
            status = parts.record.lane(destination.destination_id).status
            governor = Governor.of(destination, parts.clock.now_ms(), status)
            return Lane(destination, lambda: self._sources, client, governor, parts)

        driver = Driver(make_lane(), self._owner, parts, ending, quota=self._quota, make_lane=make_lane)
        self._drivers[destination.destination_id] = driver
        return driver
