"""Lanes at work: one thread with its own event loop drives every destination whose lease it holds.

The worker takes leases, repeats cycles, lingers, follows changes of the registry, and stops gracefully. It never sends
anything itself. Planning is CPU work: in its own thread it does not delay the receiver's answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass

import structlog

from hubwire.clock import Clock
from hubwire.deliver.governor import Governor
from hubwire.deliver.lane import Lane, LanePolicy
from hubwire.destination import Destination, Source
from hubwire.errors import BackendError, LeaseLost
from hubwire.hubspot.client import HubSpotClient
from hubwire.journal.protocol import Journal
from hubwire.reasons import Reason
from hubwire.record.protocol import Lease, Record
from hubwire.registry.protocol import Registry
from hubwire.secret import Secret

log = structlog.get_logger("hubwire.deliver")

IDLE_SECONDS = 1.0
LINGER_STEP_SECONDS = 0.25
BACKEND_RETRY_SECONDS = 2.0

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


@dataclass(slots=True)
class _Driver:
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

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def wake(self) -> None:
        """Something new may wait: called from any thread."""
        if self._loop is not None and not self._stopping:
            self._loop.call_soon_threadsafe(self._wake.set)

    def stop(self, timeout_seconds: float = 30.0) -> None:
        """Finish the cycles under way, give the leases back, end the thread."""
        self._stopping = True
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._wake.set)
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._ready.set()
            runner.run(self._supervise())

    async def _supervise(self) -> None:
        """One driver per destination; one whose destination or token changed finishes its cycle and starts anew."""
        drivers: dict[int, _Driver] = {}
        while not self._stopping:
            registry = self._parts.registry
            version = registry.version()
            self._sources = registry.sources()
            wanted = {
                one.destination_id: (one, registry.token(one.destination_id))
                for one in registry.destinations().values()
                if not one.is_paused
            }
            for destination_id, driver in list(drivers.items()):
                if wanted.get(destination_id) != driver.target or driver.task.done():
                    await drivers.pop(destination_id).end()
            for destination_id, target in wanted.items():
                if destination_id not in drivers:
                    end = asyncio.Event()
                    task = asyncio.create_task(self._drive(target[0], end))
                    drivers[destination_id] = _Driver(target, end, task)
            while not self._stopping and registry.version() == version:
                await self._sleep(IDLE_SECONDS)
        await asyncio.gather(*(driver.end() for driver in drivers.values()))

    async def _sleep(self, seconds: float) -> None:
        """Until woken, or for so long."""
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _drive(self, destination: Destination, end: asyncio.Event) -> None:
        """Hold the lane's lease as long as possible and run its cycles."""
        client = self._parts.make_client(destination)
        if client is None:
            self._parts.record.stop_lane(
                destination.destination_id, Reason.UNAUTHORISED, "no access token is set", None
            )
            return
        lane = self._lane(destination, client)
        lease: Lease | None = None
        try:
            while not (self._stopping or end.is_set()):
                try:
                    lease = await self._turn(lane, lease)
                except LeaseLost:
                    log.warning("lane.lost", destination=destination.name)
                    lease = None
                except BackendError as exc:
                    log.error("backend.failed", destination=destination.name, error=str(exc))
                    await asyncio.sleep(BACKEND_RETRY_SECONDS)
        finally:
            if lease is not None:
                self._parts.record.release(lease)
            await client.close()

    def _lane(self, destination: Destination, client: HubSpotClient) -> Lane:
        parts = self._parts
        status = parts.record.lane(destination.destination_id).status
        governor = Governor.of(destination, parts.clock.now_ms(), status)
        return Lane(
            destination,
            lambda: self._sources,
            parts.journal,
            parts.record,
            client,
            governor,
            parts.clock,
            parts.policy,
            random.random,
        )

    async def _turn(self, lane: Lane, lease: Lease | None) -> Lease | None:
        """Lease, look, linger, or run one cycle."""
        parts, destination_id = self._parts, lane.destination.destination_id
        seconds = parts.policy.lease_seconds
        now_ms = parts.clock.now_ms()
        if lease is None:
            lease = parts.record.lease_lane(destination_id, self._owner, now_ms, seconds)
            if lease is None:
                await self._sleep(seconds / 4)
                return None
        elif lease.expires_at_ms - now_ms < 500 * seconds:
            lease = parts.record.renew(lease, now_ms, seconds)
        state = parts.record.lane(destination_id)
        if state.stopped_reason and (state.resume_at_ms is None or state.resume_at_ms > now_ms):
            await self._sleep(min(IDLE_SECONDS, seconds / 4))
            return lease
        pending = lane.pending(state)
        wait_seconds = lane.wait_seconds(pending)
        if wait_seconds is None:
            await self._sleep(min(IDLE_SECONDS, seconds / 4))
        elif wait_seconds > 0:
            await asyncio.sleep(min(wait_seconds, LINGER_STEP_SECONDS))
        else:
            done = await self._with_lease(lease, lane.run_cycle(lease, pending))
            if done and state.stopped_reason:
                parts.record.stop_lane(destination_id, None, "", None)
                log.info("lane.resumed", destination=lane.destination.name)
            lease = parts.record.renew(lease, parts.clock.now_ms(), seconds)
        return lease

    async def _with_lease(self, lease: Lease, cycle: Coroutine[object, object, bool]) -> bool:
        """Run a cycle while its lease is renewed; a lost lease ends the cycle at once."""
        running = asyncio.ensure_future(cycle)
        seconds = self._parts.policy.lease_seconds
        try:
            while True:
                done, _ = await asyncio.wait({running}, timeout=seconds / 3)
                if done:
                    return running.result()
                lease = self._parts.record.renew(lease, self._parts.clock.now_ms(), seconds)
        finally:
            if not running.done():
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
