"""A lane that waits asks the database nothing, and no query of any lane runs on the delivery loop."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from tests.support.waiting import until
from tests.support.world import HUB_ID, SECRET_KEY, TOKEN, World

from hubwire.backends.store import open_store
from hubwire.clock import SystemClock
from hubwire.deliver.lanes.driver import IDLE_STEP_SECONDS, SAFETY_SECONDS, Driver
from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.deliver.lanes.worker import Worker, WorkerParts
from hubwire.delivery import State
from hubwire.destination import Destination
from hubwire.installation.clients import ClientFactory
from hubwire.message import Entry
from hubwire.process.service import Service
from hubwire.reasons import Reason
from hubwire.record.protocol import Lease, Record, Span
from hubwire.secret import Secret
from hubwire.settings import Settings
from hubwire.testing import Emulator, running_emulator

LINGER_SECONDS = 1.0
DELIVERED = "delivered"


def identify(number: int, **more: Any) -> dict[str, Any]:
    ids = {"userId": f"u{number}", "messageId": f"m{number}", "type": "identify"}
    return {**ids, "traits": {"email": f"p{number}@example.com", "firstname": "Peter"}, **more}


def track(number: int, user: str) -> dict[str, Any]:
    return {"userId": user, "messageId": f"t{number}", "type": "track", "event": "Order Completed"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as new_world:
        new_world.register()
        yield new_world


async def idle(world: World) -> Driver:
    """A driver of a lane that has delivered and has nothing to do."""
    driver = world.driver()
    world.append([identify(0)])
    await world.drain(driver)
    return driver


class RecordOfABusyPerson:
    """A record in which a person discards what is held after a lane has selected its messages.

    PostgreSQL allows it: a discard that began before the lane was leased may commit after the selection.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.discarded = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.record, name)

    def begin_cycle(self, lease: Lease, now_ms: int, span: Span) -> int:
        self.discarded += self._world.database.execute(
            "UPDATE delivery SET state = ?, reason = ?, due_at_ms = NULL WHERE state = ?",
            (State.DISCARDED, Reason.DISCARDED_BY_PERSON, State.HELD),
        ).rowcount
        self._world.database.execute("DELETE FROM hold")
        return self._world.record.begin_cycle(lease, now_ms, span)


async def test_what_a_person_discards_while_a_cycle_begins_is_not_sent(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    driver = await idle(world)
    world.append([track(1, "nobody-knows")])
    await world.drain(driver)
    await driver.end()
    ends_at_ms = world.record.next_due_at_ms(1)
    assert ends_at_ms is not None
    world.clock.advance((ends_at_ms - world.clock.now_ms()) / 1000 + 1)
    world.append([identify(2)])
    busy = RecordOfABusyPerson(world)
    await world.drain(world.driver("b", cast(Record, busy)))
    assert busy.discarded == 1
    assert world.reasons() == {2: ("discarded", "discarded-by-person")}
    assert "lane.failed" not in capsys.readouterr().out
    assert len(world.emulator.contacts()) == 2, "the other message of the cycle was not delivered"


# -- when a lane looks


async def test_an_idle_lane_waits_for_news(world: World) -> None:
    driver = await idle(world)
    assert await driver.turn() == (SAFETY_SECONDS, IDLE_STEP_SECONDS)


async def test_a_lone_message_lingers_once_and_is_then_sent(world: World) -> None:
    driver = await idle(world)
    await driver.turn()
    world.append([identify(1)])
    wait = await driver.turn()
    assert 0.9 <= wait.seconds <= LINGER_SECONDS
    world.clock.advance(wait.seconds)
    assert (await driver.turn()).seconds == 0
    assert world.backlog() == 0


async def test_what_a_cycle_releases_goes_with_the_next_live_messages(world: World) -> None:
    driver = await idle(world)
    world.append([track(7, "u7")])
    await world.drain(driver)
    world.append([identify(7)])
    world.clock.advance((await driver.turn()).seconds)
    await driver.turn()
    world.append([track(8, "u7")])
    while world.backlog() or world.states():
        world.clock.advance((await driver.turn()).seconds)
    assert _event_calls(world) == 1


async def test_what_a_cycle_releases_waits_one_linger_for_live_messages(world: World) -> None:
    driver = await idle(world)
    world.append([track(7, "u7")])
    await world.drain(driver)
    world.append([identify(7)])
    world.clock.advance((await driver.turn()).seconds)
    await driver.turn()
    began_ms = world.clock.monotonic_ms()
    while world.states():
        world.clock.advance((await driver.turn()).seconds)
    assert world.clock.monotonic_ms() - began_ms <= 1100 * LINGER_SECONDS
    assert _event_calls(world) == 1


def _event_calls(world: World) -> int:
    return sum(request["path"].endswith("/send/batch") for request in world.emulator.requests())


async def test_a_lane_sleeps_until_its_next_delivery_is_due(world: World) -> None:
    driver = await idle(world)
    world.append([track(1, "nobody-knows")])
    await world.drain(driver)
    assert world.states() == {"held": 1}
    ends_at_ms = world.record.next_due_at_ms(1)
    assert ends_at_ms is not None
    world.clock.advance((ends_at_ms - world.clock.now_ms()) / 1000 - 20)
    wait = await driver.turn()
    assert wait.seconds == 20, "not the usual 30 s"
    world.clock.advance(wait.seconds)
    await driver.turn()
    assert world.states() == {"discarded": 1}


async def test_a_lane_that_released_what_another_one_held_wakes_it(world: World) -> None:
    woken: list[bool] = []
    driver = await idle(world)
    world.append([track(1, "u7")])
    await world.drain(driver)
    object.__setattr__(driver.lane._parts, "announce", lambda: woken.append(True))
    world.append([identify(8)])
    await world.drain(driver)
    assert woken == []
    world.append([identify(7)])
    await world.drain(driver)
    assert woken == [True]
    assert world.states() == {}


# -- a clock that is set back


@pytest.mark.parametrize("seconds", [10, 70, 7_200, 30 * 86_400, -3_600])
async def test_a_step_of_the_clock_delays_no_message(world: World, seconds: float) -> None:
    driver = await idle(world)
    world.append([identify(1)])
    await driver.turn()
    world.clock.set_back(seconds)
    began_ms = world.clock.monotonic_ms()
    while world.backlog():
        world.clock.advance((await driver.turn()).seconds)
        assert world.clock.monotonic_ms() - began_ms <= 2 * LINGER_SECONDS * 1000
    world.append([identify(2)])
    began_ms = world.clock.monotonic_ms()
    while world.backlog():
        world.clock.advance((await driver.turn()).seconds)
        assert world.clock.monotonic_ms() - began_ms <= 2 * LINGER_SECONDS * 1000
    assert len(world.emulator.contacts()) == 3


async def test_a_lease_of_before_the_clock_was_set_back_is_over(world: World) -> None:
    crashed = await idle(world)
    assert crashed.lane_lease is not None
    world.clock.set_back(7_200)
    driver = world.driver("restarted")
    await driver.turn()
    assert driver.lane_lease is not None
    world.append([identify(1)])
    began_ms = world.clock.monotonic_ms()
    await world.drain(driver)
    assert world.clock.monotonic_ms() - began_ms <= 2 * world.policy.lease_seconds * 1000


@pytest.mark.parametrize("by_another", [False, True])
async def test_a_line_that_stopped_for_a_while_is_tried_again_in_that_time_whatever_the_clock(
    world: World, by_another: bool
) -> None:
    driver = await idle(world)
    world.record.stop_lane(1, "hubspot-unreachable", "", world.clock.now_ms() + 5_000)
    assert (await driver.turn()).seconds == 5
    world.clock.set_back(7_200)
    if by_another:
        await driver.end()
        driver = world.driver("restarted")
    world.append([identify(1)])
    for _ in range(10):
        world.clock.advance((await driver.turn()).seconds)
    assert world.backlog() == 0


@pytest.mark.parametrize("by_another", [False, True])
@pytest.mark.parametrize("seconds", [70, 7_200])
async def test_a_retry_is_made_in_its_time_although_the_clock_is_set_back(
    world: World, seconds: float, by_another: bool
) -> None:
    driver = await idle(world)
    is_locked = True

    def fails(request: httpx2.Request) -> httpx2.Response | None:
        locked = is_locked and b"p1@" in request.content
        return httpx2.Response(423, json={"message": "locked"}) if locked else None

    world.transport.instead = fails
    world.append([identify(1), identify(2)])
    for _ in range(20):
        if world.states()["retrying"]:
            break
        world.clock.advance((await driver.turn()).seconds)
    is_locked = False
    due_at_ms = world.record.next_due_at_ms(1)
    assert due_at_ms is not None
    due_in_seconds = (due_at_ms - world.clock.now_ms()) / 1000
    world.clock.set_back(seconds)
    began_ms = world.clock.monotonic_ms()
    if by_another:
        driver = world.driver("restarted")
    for _ in range(20):
        world.clock.advance((await driver.turn()).seconds)
        if not world.states():
            break
    assert world.states() == {}
    assert (world.clock.monotonic_ms() - began_ms) / 1000 <= due_in_seconds + 2 * world.policy.lease_seconds


# -- the loop


class Guarded:
    """Anything that asks a database, noting each call that runs on the delivery loop's thread."""

    def __init__(self, inner: Any, calls: list[str], strays: list[str]) -> None:
        self._inner, self._calls, self._strays = inner, calls, strays

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if not callable(attribute):
            return attribute

        def call(*arguments: Any, **options: Any) -> Any:
            self._calls.append(name)
            if threading.current_thread().name == "deliver":
                self._strays.append(name)
            return attribute(*arguments, **options)

        return call


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(access_token=TOKEN, portal_id=int(HUB_ID), limits_enabled=False) as running:
        yield running


def settings(folder: Path, emulator: Emulator) -> Settings:
    return Settings(
        data=str(folder),
        secret_key=SECRET_KEY,
        hubspot_access_token=Secret(TOKEN),
        hubspot_base_url=emulator.base_url,
        hubspot_hub_id=HUB_ID,
        linger_seconds=0.01,
    )


async def test_no_database_call_runs_on_the_delivery_loop(tmp_path: Path, emulator: Emulator) -> None:
    service = Service(settings(tmp_path, emulator))
    calls: list[str] = []
    strays: list[str] = []
    parts = service.worker_parts()
    journal, record, registry = (Guarded(part, calls, strays) for part in (parts.journal, parts.record, parts.registry))
    worker = Worker(
        WorkerParts(
            journal,
            record,
            registry,
            ClientFactory(registry, service.clock, service.settings).make,
            service.clock,
            parts.policy,
        )
    )
    group = {
        "userId": "u1",
        "groupId": "g1",
        "messageId": "g",
        "type": "group",
        "traits": {"website": "initech.example"},
    }
    messages = [identify(1), group, track(1, "u1"), track(2, "stranger"), identify(2, traits={"email": "no"})]
    entries = [
        Entry(1, message["messageId"], service.clock.now_ms(), json.dumps(message).encode()) for message in messages
    ]
    service.store.journal.append(entries)
    worker.start()
    try:
        [lane] = until(lambda: [lane for lane in service.store.queries.lanes(0) if lane.is_drained and lane.taken])
    finally:
        worker.stop()
        await service.stop()
    assert (lane.delivered, lane.held) == (3, 1)
    assert {"count_after", "lane", "read", "begin_cycle", "links", "people", "commit_cycle", "release"} <= set(calls)
    assert strays == []


async def test_the_loop_goes_on_while_a_query_takes_its_time(tmp_path: Path, emulator: Emulator) -> None:
    service = Service(settings(tmp_path, emulator))
    parts = service.worker_parts()
    event, answer = threading.Event(), threading.Event()

    class Slow(Guarded):
        def count_after(self, *arguments: Any, **options: Any) -> Any:
            event.set()
            assert answer.wait(20)
            return self._inner.count_after(*arguments, **options)

    journal = Slow(parts.journal, [], [])
    worker = Worker(WorkerParts(journal, parts.record, parts.registry, parts.make_client, parts.clock, parts.policy))
    worker.start()
    try:
        assert event.wait(20)
        turned = threading.Event()
        worker._call_soon(turned.set)
        assert turned.wait(20), "the loop waits for the query"
    finally:
        answer.set()
        worker.stop()
        await service.stop()


# -- news from other processes


async def test_a_change_by_another_process_is_noticed_without_asking(tmp_path: Path, emulator: Emulator) -> None:
    service = Service(settings(tmp_path, emulator))
    await service.start()
    try:
        assert service.worker is not None
        other = open_store(service.settings, SystemClock(), appends=False)
        added = other.registry.save_destination(
            Destination(destination_id=0, name="second", hub_id=HUB_ID, base_url=emulator.base_url)
        )
        other.registry.set_token(added.destination_id, Secret(TOKEN))
        other.announce()
        until(lambda: service.store.record.lane(added.destination_id) and _is_held(service, added.destination_id))
        other.close()
    finally:
        await service.stop()


def _is_held(service: Service, destination_id: int) -> bool:
    return service.store.record.lease_lane(destination_id, "somebody", service.clock.now_ms(), 1.0) is None


async def test_live_companies_travel_together_and_people_and_events_do_not_wait(tmp_path: Path) -> None:
    """A group call a second for 20 seconds: the first goes at once, the others in three batches at most."""
    async with World(tmp_path, policy=LanePolicy(company_linger_seconds=10)) as world:
        world.register()
        driver = await idle(world)
        for number in range(1, 21):
            group: dict[str, Any] = {"type": "group", "userId": f"u{number}", "messageId": f"g{number}"}
            group["groupId"] = f"g{number}"
            group |= {"traits": {"website": f"c{number}.example", "name": f"C{number}"}}
            world.append([identify(number), track(number, f"u{number}"), group])
            until_ms = world.clock.now_ms() + 1_000
            while world.clock.now_ms() < until_ms:
                await driver.turn()
                world.clock.advance(0.25)
            assert len(world.emulator.events()) >= number - 1
        await world.drain(driver)
        calls = [request["path"] for request in world.emulator.requests()]
        assert len([path for path in calls if path.endswith("/companies/batch/upsert")]) <= 4
        assert len([path for path in calls if path.endswith("/batch/associate/default")]) <= 4
        assert len(world.emulator.companies()) == len(world.emulator.associations()) == 20
