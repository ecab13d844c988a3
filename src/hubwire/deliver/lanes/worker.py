"""Lanes at work: one thread with its own event loop drives every destination whose lease it holds.

The worker starts and ends drivers as the registry changes, and stops gracefully. It never sends anything itself.
Lanes wait for notifications and do not poll: `wake()` announces new work, `notice()` announces changes.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import structlog
import uvloop

from hubwire.clock import MonotonicClock
from hubwire.deliver.cycle.off_loop import MAX_THREADS, Arguments, T
from hubwire.deliver.lanes.driver import SAFETY_SECONDS, Driver, Wait
from hubwire.deliver.lanes.lane import Lane
from hubwire.deliver.lanes.leases import LaneLease, LaneQuota, LeaseRenewer, renew_due
from hubwire.deliver.lanes.policy import LaneParts, LanePolicy, Waited, nobody, unheard
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

AGAIN_SECONDS = 1.0
"""The wait before the registry is read again after the database failed."""

MakeClient = Callable[[Destination], HubSpotClient | None]


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """The dependencies of a worker.

    Shape: `make_client` gives None for a destination without a token; `fleet` are the other workers, if there
    can be any; `announce` notifies them of work that was not appended.
    """

    journal: Journal
    record: Record
    registry: Registry
    make_client: MakeClient
    clock: MonotonicClock
    policy: LanePolicy
    fleet: Fleet | None = None
    waited: Waited = unheard
    announce: Callable[[], None] = nobody


@dataclass(slots=True)
class _Running:
    """A running lane: its destination, its wake-up events, and its task."""

    target: tuple[Destination, Secret | None]
    news: asyncio.Event
    free: asyncio.Event
    """Set when this worker may be able to lease the lane."""
    ending: asyncio.Event
    task: asyncio.Task[None]

    def begin_to_end(self) -> None:
        """Start no further cycle."""
        self.ending.set()

    async def end(self) -> None:
        self.begin_to_end()
        await asyncio.gather(self.task, return_exceptions=True)


def owner_name() -> str:
    """A name for this process's leases that no other process has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Worker:
    """Drives lanes from `start()` to `stop()`. Both may be called again, which does nothing."""

    def __init__(self, parts: WorkerParts) -> None:
        self._parts = parts
        self._owner = owner_name()
        self._thread = threading.Thread(target=self._run, name="deliver", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._change = asyncio.Event()
        """Set when the registry may have changed, or a lane ended."""
        self._stopping = False
        self._sources: Mapping[int, Source] = {}
        self._drivers: dict[int, Driver] = {}
        self._running: dict[int, _Running] = {}
        self._quota = LaneQuota()
        self._lane_count = 0
        self._database_threads = ThreadPoolExecutor(MAX_THREADS, "lanes")
        self._renewer = LeaseRenewer(
            self._renew_due, self._beat, self._call_soon, self.wake, parts.policy.lease_seconds / 6
        )

    def start(self) -> None:
        if self._loop is None:
            self._thread.start()
            self._ready.wait()
            self._renewer.start()

    def wake(self) -> None:
        """Wake the lanes, because there may be new work. Called from any thread."""
        self._call_soon(self._wake_lanes)

    def notice(self) -> None:
        """Read the registry again, because somebody may have changed it. Called from any thread."""
        self._call_soon(self._wake_all)

    def busy(self) -> list[str]:
        """The destinations that have a running cycle."""
        return [driver.lane.destination.name for driver in list(self._drivers.values()) if driver.is_in_cycle]

    def begin_to_stop(self) -> None:
        """Let no lane start another cycle. Called from a signal handler, so it does not wait."""
        self._stopping = True
        self._call_soon(self._end_lanes)

    def hurry(self) -> None:
        """Leave the running cycles and give their leases back; the next start repeats what they did not record.
        Called from a signal handler, after `begin_to_stop`."""
        self._call_soon(self._cancel_lanes)

    def stop(self, timeout_seconds: float = 30.0) -> None:
        """Finish the running cycles, give the leases back, and end the threads."""
        self.begin_to_stop()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        self._renewer.stop()
        self._database_threads.shutdown(cancel_futures=True)
        self._leave_fleet()

    async def _off_loop(self, call: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """An `OffLoop`."""
        return await asyncio.get_running_loop().run_in_executor(self._database_threads, call, *arguments)

    # -- called on the loop, from any thread

    def _call_soon(self, call: Callable[[], object]) -> None:
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has just closed
                self._loop.call_soon_threadsafe(call)

    def _wake_lanes(self) -> None:
        for lane in self._running.values():
            lane.news.set()

    def _wake_all(self) -> None:
        self._change.set()
        self._wake_lanes()
        for lane in self._running.values():
            lane.free.set()

    def _wake_free(self, destination_ids: set[int]) -> None:
        for destination_id in destination_ids & self._running.keys():
            self._running[destination_id].free.set()

    def _end_lanes(self) -> None:
        self._change.set()
        for lane in self._running.values():
            lane.begin_to_end()

    def _cancel_lanes(self) -> None:
        for lane in self._running.values():
            lane.task.cancel()

    # -- the renewer's thread

    def _lane_leases(self) -> list[LaneLease]:
        return [driver.lane_lease for driver in list(self._drivers.values()) if driver.lane_lease is not None]

    def _renew_due(self) -> list[int]:
        parts = self._parts
        return renew_due(self._lane_leases(), parts.record, parts.clock, parts.policy.lease_seconds)

    def _beat(self) -> None:
        """Tell the fleet that this worker lives, and learn how many lanes it may hold and which are free."""
        if self._parts.fleet is None:
            return
        if self._join_fleet():
            self._call_soon(self._wake_all)
        if len(self._lane_leases()) < self._lane_count:
            free = self._parts.record.free_lanes(self._parts.clock.now_ms())
            self._call_soon(partial(self._wake_free, free))

    def _join_fleet(self) -> bool:
        """Whether this worker's quota of lanes has changed."""
        fleet, parts = self._parts.fleet, self._parts
        if fleet is None:
            return False
        # A dead worker is missed before its leases run out, so the others know in time that its lanes are theirs.
        count = fleet.join(self._owner, parts.clock.now_ms(), parts.policy.lease_seconds / 2)
        return self._quota.divide(self._lane_count, count)

    def _leave_fleet(self) -> None:
        if self._parts.fleet is not None:
            with contextlib.suppress(BackendError):
                self._parts.fleet.leave(self._owner, self._parts.clock.now_ms())

    # -- the loop

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self._loop = runner.get_loop()
            self._ready.set()
            runner.run(self._supervise())

    async def _supervise(self) -> None:
        """Run one driver per destination; restart it, after its cycle, if the destination or its token changed."""
        version: int | None = None
        while not self._stopping:
            self._change.clear()
            try:
                has_failed = self._remove_failed()
                known = await self._off_loop(self._parts.registry.version)
                if has_failed or version != known:
                    await self._follow_registry()
                version = known
                wait_seconds = SAFETY_SECONDS
            except BackendError as exc:
                version, wait_seconds = None, AGAIN_SECONDS
                log.error("backend.failed", error=str(exc))
            await _wait_for(self._change, wait_seconds)
        await asyncio.gather(*(lane.end() for lane in self._running.values()))

    def _remove_failed(self) -> bool:
        """Forget drivers that ended with an error, so that they are started again. Returns whether there were any."""
        has_failed = False
        for destination_id, lane in list(self._running.items()):
            failure = lane.task.exception() if lane.task.done() and not lane.task.cancelled() else None
            if failure is not None:
                log.error("driver.failed", destination=lane.target[0].name, exc_info=failure)
                del self._running[destination_id]
                has_failed = True
        return has_failed

    async def _follow_registry(self) -> None:
        targets = await self._off_loop(self._read_registry)
        for driver in self._drivers.values():
            driver.lane.forget_schema()
        for destination_id, lane in list(self._running.items()):
            if targets.get(destination_id) != lane.target:
                await lane.end()
                del self._running[destination_id]
        for destination_id, target in targets.items():
            if destination_id not in self._running and not self._stopping:
                news, free, ending = asyncio.Event(), asyncio.Event(), asyncio.Event()
                task = asyncio.create_task(self._drive(target[0], news, free, ending))
                task.add_done_callback(lambda _: self._change.set())
                self._running[destination_id] = _Running(target, news, free, ending, task)

    def _read_registry(self) -> dict[int, tuple[Destination, Secret | None]]:
        """The destinations to drive, with their tokens."""
        registry = self._parts.registry
        self._sources = registry.sources()
        targets = {
            destination.destination_id: (destination, registry.token(destination.destination_id))
            for destination in registry.destinations().values()
            if not destination.is_paused
        }
        self._lane_count = len(targets)
        self._join_fleet()
        return targets

    async def _drive(
        self, destination: Destination, news: asyncio.Event, free: asyncio.Event, ending: asyncio.Event
    ) -> None:
        """Run turns until the lane must end."""
        client = await self._off_loop(self._parts.make_client, destination)
        if client is None:
            stop = partial(self._parts.record.stop_lane, destination.destination_id, Reason.UNAUTHORISED)
            return await self._off_loop(stop, "no access token is set", None)
        driver: Driver | None = None
        try:
            driver = await self._off_loop(self._driver, destination, client, ending)
            while not (self._stopping or ending.is_set()):
                news.clear()
                free.clear()
                wait = await driver.turn()
                await _pause(wait, free if driver.lane_lease is None else news, ending)
        finally:
            if driver is not None:
                await driver.end()
                self._drivers.pop(destination.destination_id, None)
            await client.close()

    def _driver(self, destination: Destination, client: HubSpotClient, ending: asyncio.Event) -> Driver:
        parts = self._lane_parts()

        def make_lane() -> Lane:
            status = parts.record.lane(destination.destination_id).status
            governor = Governor.of(destination, parts.clock.now_ms(), status)
            return Lane(destination, lambda: self._sources, client, governor, parts, status)

        driver = Driver(
            make_lane(),
            self._owner,
            parts,
            ending,
            quota=self._quota,
            make_lane=make_lane,
            hears_of_free_lanes=self._parts.fleet is not None,
        )
        self._drivers[destination.destination_id] = driver
        return driver

    def _lane_parts(self) -> LaneParts:
        parts = self._parts
        return LaneParts(
            parts.journal,
            parts.record,
            parts.clock,
            parts.policy,
            jitter=random.random,
            waited=parts.waited,
            off_loop=self._off_loop,
            announce=self._announce,
        )

    def _announce(self) -> None:
        """Wake the lanes whose deliveries another lane released. Called from a database thread."""
        self.wake()
        self._parts.announce()


async def _pause(wait: Wait, news: asyncio.Event, ending: asyncio.Event) -> None:
    """Wait as long as the turn says. A notification shortens the wait, and the end of the lane ends it at once."""
    await _wait_for(ending, wait.min_seconds)
    left_seconds = wait.seconds - wait.min_seconds
    if left_seconds <= 0 or ending.is_set():
        return
    waits = [asyncio.ensure_future(event.wait()) for event in (news, ending)]
    try:
        await asyncio.wait(waits, timeout=left_seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in waits:
            waiting.cancel()


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set, up to a time limit."""
    if seconds <= 0:
        # A lane that is never idle must let the others run.
        await asyncio.sleep(0)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
