"""Random traffic, faults, crashes, take-overs, pauses and replays: in the end every accepted message is in exactly one
final state or held, and HubSpot is what a straight sequential oracle says, each event once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec import structs
from tests.support.crashes import BOUNDARIES, RECORD_BOUNDARIES, Crash, Crashes, CrashingRecord
from tests.support.oracle import Expected, Person, check, expected
from tests.support.traffic import KINDS, message
from tests.support.world import DESTINATION, TOKEN, World

from hubwire.deliver.lanes.driver import Driver
from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.delivery import State
from hubwire.destination import Mapping
from hubwire.errors import BackendUnavailable
from hubwire.record.message_filter import MessageFilter

PEOPLE = [Person(number) for number in range(4)]
REPLAY_SECONDS = 10.0
"""Between two slices of a replay: one that has used its share of the calls feeds nothing before that time is over."""
LONGEST_HOURS = 60
"""Holds end after 72 hours, and so do retries: within less, nothing may be given up."""
PATHS = (
    "*", "*/contacts/batch/*", "*/companies/*", "*/associations/*", "*/send/batch", "*/event-definitions*",
    "*/properties/*", "*/details*",
)  # fmt: skip
LOCKED_FIRST = {
    "status": "COMPLETE",
    "results": [],
    "numErrors": 1,
    "errors": [
        {"status": "error", "category": "LOCKED", "message": "locked", "context": {"objectWriteTraceId": ["0"]}}
    ],
}
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"status": 429},
    "429 with Retry-After": {"status": 429, "headers": {"Retry-After": "7"}},
    "429 of a second": {"status": 429, "body": {"status": "error", "policyName": "SECONDLY", "message": "x"}},
    "423": {"status": 423},
    "477": {"status": 477, "headers": {"Retry-After": "120"}},
    "500": {"status": 500},
    "502 in HTML": {"status": 502, "html": True},
    "503": {"status": 503},
    "524": {"status": 524, "html": True},
    "401": {"status": 401},
    "403 in HTML": {"status": 403, "html": True},
    "reset": {"kind": "reset"},
    "silent": {"kind": "silent_empty"},
    "207": {"status": 207, "body": LOCKED_FIRST},
    "not JSON": {"status": 200, "body": "<html>maintenance</html>"},
}


class Timeout(httpx2.ReadTimeout):
    """No answer in time."""

    is_after = False


class TimeoutAfter(Timeout):
    """No answer in time to a call that had its effect."""

    is_after = True


traits = st.fixed_dictionaries(
    {"city": st.sampled_from(["Graz", "Linz"])},
    optional={
        "firstName": st.sampled_from("ABC"),
        "lifecycleStage": st.sampled_from(["lead", "opportunity", "customer"]),
        "favColor": st.sampled_from(["red", "blue"]),
    },
)
Calls = list[tuple[str, Person, dict[str, str], bool, int]]
"""Kind, person, traits, a flag, and how many seconds late it comes."""
calls = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from([*PEOPLE[:1] * 4, *PEOPLE]),
        traits,
        st.booleans(),
        st.just(0) | st.integers(0, 3000),
    ),
    min_size=1,
    max_size=12,
)
faults = st.lists(
    st.tuples(
        st.sampled_from(sorted(FAULTS)),
        st.sampled_from(PATHS),
        st.integers(1, 12),
        st.sampled_from(["before", "after"]),
    ),
    min_size=1,
    max_size=3,
)


class Delivery(RuleBasedStateMachine):
    """One installation through its bad days."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.messages: dict[str, dict[str, Any]] = {}
        self.crashes = Crashes()
        self.timeouts: list[type[Timeout]] = []
        self.driver: Driver | None = None
        self.stale_drivers: list[Driver] = []
        self.owners = 0
        self.is_paused = False

    @property
    def hours(self) -> float:
        """Since it began."""
        return (self.world.clock.now_ms() - self.began_at_ms) / 3_600_000

    def run(self, steps: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(steps)

    @initialize(
        cycle_messages=st.sampled_from([1, 3, 20, 1000]),
        allows_partial_upsert=st.booleans(),
        burst=st.sampled_from([5, 100]),
        sends_retry_after=st.booleans(),
    )
    def begin(self, cycle_messages: int, **portal: Any) -> None:
        policy = LanePolicy(cycle_messages=cycle_messages, linger_seconds=0.5, backfill_linger_seconds=0.5)
        destination = structs.replace(DESTINATION, mapping=Mapping(create_properties=True))
        self.world = World(Path(self.folder.name), destination=destination, policy=policy, **portal)
        self.world.register()
        self.world.transport.trouble = self.trouble
        self.began_at_ms = self.world.clock.now_ms()

    def trouble(self, request: httpx2.Request) -> BaseException | None:
        crash = self.crashes.in_call(request)
        if crash is None and self.timeouts:
            return self.timeouts.pop()("timed out", request=request)
        return crash

    # -- traffic

    @rule(calls=calls, is_backfill=st.booleans(), turns=st.integers(0, 8))
    def send(self, calls: Calls, is_backfill: bool, turns: int) -> None:
        messages = [self.message(*call) for call in calls]
        if is_backfill:
            self.world.append(messages, is_backfill=True)
        else:
            self.run(self.world.receive(messages))
        self.work(turns)

    def message(self, kind: str, person: Person, values: dict[str, str], flag: bool, late: int) -> dict[str, Any]:
        number = len(self.messages)
        new_message = message(number, kind, person, values, flag, (3000 + 10 * number - late) * 1000 + number % 1000)
        self.messages[f"m{number}"] = new_message
        return new_message

    # -- bad days

    @rule(faults=faults, calls=calls, turns=st.integers(1, 20))
    def misbehave(self, faults: list[tuple[str, str, int, str]], calls: Calls, turns: int) -> None:
        """HubSpot misbehaves while something comes in."""
        for name, path, times, when in faults:
            is_of_events = path in ("*", "*/send/batch", "*/event-definitions*")
            if name == "403 in HTML" and is_of_events:
                path = "*/contacts/batch/*"
            self.world.emulator.fault(path=path, times=times, when=when, **FAULTS[name])
        self.send(calls, False, turns)

    @rule(kinds=st.lists(st.sampled_from([Timeout, TimeoutAfter]), min_size=1, max_size=6))
    def lose_answers(self, kinds: list[type[Timeout]]) -> None:
        self.timeouts += kinds

    @rule(boundary=st.sampled_from(BOUNDARIES), passes=st.integers(0, 6), calls=calls, meanwhile=calls | st.just([]))
    def crash(self, boundary: str, passes: int, calls: Calls, meanwhile: Calls) -> None:
        """The process is killed while something comes in; more comes before it starts again."""
        self.crashes.arm(boundary, passes)
        self.send(calls, False, 0)
        happened = self.crashes.happened
        for _ in range(12):
            if self.crashes.happened == happened:
                self.work(1)
        if meanwhile:
            self.send(meanwhile, False, 4)

    @rule(boundary=st.sampled_from(RECORD_BOUNDARIES), passes=st.integers(0, 3), calls=calls)
    def lose_database(self, boundary: str, passes: int, calls: Calls) -> None:
        """The database goes away for a moment: before it has written, or before it could say that it has."""
        self.crashes.arm(boundary, passes, BackendUnavailable)
        self.send(calls, False, 12)

    @precondition(lambda self: self.hours < 24)
    @rule()
    def spend_the_day(self) -> None:
        """Others use up all of the day's calls."""
        self.world.emulator.set_limits(daily_used=10_000_000)

    @rule()
    def revoke_token(self) -> None:
        self.world.emulator.set_portal(access_token="another")

    @rule()
    def renew_token(self) -> None:
        self.world.emulator.set_portal(access_token=TOKEN)

    # -- work

    @rule(turns=st.integers(1, 40))
    def work(self, turns: int) -> None:
        for _ in range(turns):
            if self.is_paused:
                return
            self.turn()

    def turn(self) -> None:
        if self.driver is None:
            self.owners += 1
            self.driver = self.world.driver(f"owner {self.owners}", self.record())
        try:
            wait = self.run(self.driver.turn())
            self.world.clock.advance(wait.seconds)
        except Crash:
            self.driver = None

    def record(self) -> Any:
        return CrashingRecord(self.world.record, self.crashes)

    @rule(seconds=st.sampled_from([1, 15, 400, 3600]))
    def wait(self, seconds: int) -> None:
        if self.hours < LONGEST_HOURS - 12:
            self.world.clock.advance(seconds)

    @precondition(lambda self: self.driver is not None and self.driver.lane_lease is not None)
    @rule()
    def be_suspended_and_taken_over(self) -> None:
        """The process stands still for longer than its lease; another one begins, and then it goes on."""
        assert self.driver is not None
        self.stale_drivers.append(self.driver)
        self.driver = None
        self.world.clock.advance(self.world.policy.lease_seconds + 1)
        self.turn()

    @precondition(lambda self: self.stale_drivers)
    @rule()
    def go_on_after_the_takeover(self) -> None:
        driver = self.stale_drivers.pop()
        is_driven = self.driver is not None and self.driver.lane_lease is not None
        before = self.world.record.lane(1)
        self.crashes.disarm()
        self.run(driver.turn())
        self.run(driver.end())
        if is_driven and self.driver is not None and self.driver.lane_lease is not None:
            renewed = self.world.clock.now_ms() < self.driver.lane_lease.lease.expires_at_ms
            assert not renewed or self.world.record.lane(1).live_cursor == before.live_cursor

    @rule()
    def pause(self) -> None:
        self.is_paused = True
        if self.driver is not None:
            self.run(self.driver.end())
            self.driver = None

    @rule()
    def resume(self) -> None:
        self.is_paused = False
        self.world.record.stop_lane(1, None, "", None)

    @rule(state=st.sampled_from([State.DELIVERED, State.HELD, State.DISCARDED, State.DEAD]), cancels=st.booleans())
    def replay(self, state: State, cancels: bool) -> None:
        replays = self.world.store.replays
        begun = replays.begin(MessageFilter(state=state), "tester", self.world.clock.now_ms())
        replays.step(self.world.clock.now_ms(), 5)
        if cancels:
            replays.cancel(begun.replay_id, self.world.clock.now_ms())

    # -- the end

    @precondition(lambda self: self.hours < 24)
    @rule()
    def recover(self) -> None:
        """All is well for a while: later messages might hide what went wrong by now."""
        self.settle()
        self.check(expected(self.messages.values()))

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.settle()
                self.check(expected(self.messages.values()))
        finally:
            if hasattr(self, "world"):
                self.run(self.world.close())
            self.runner.close()
            self.folder.cleanup()

    def settle(self) -> None:
        """The bad days are over: everything that can be delivered is."""
        world = self.world
        self.crashes.disarm()
        self.timeouts.clear()
        world.emulator.clear_faults()
        world.emulator.set_portal(access_token=TOKEN)
        world.record.stop_lane(1, None, "", None)
        if self.driver is not None:
            self.run(self.driver.end())
            self.driver = None
        world.clock.advance(world.policy.lease_seconds + 1)
        driver = world.driver("the one that recovers", world.record)
        self.run(world.drain(driver, through_stops=True))
        while world.store.replays.step(world.clock.now_ms(), 1000) is not None:
            self.run(world.drain(driver, through_stops=True))
            world.clock.advance(REPLAY_SECONDS)
        self.run(driver.end())
        assert self.hours < LONGEST_HOURS, "too long for this test's own bounds"

    def check(self, end: Expected) -> None:
        check(self.world.hubspot(), end)
        world, now_ms = self.world, self.world.clock.now_ms()
        states = {}
        for message_id in self.messages:
            [detail] = world.store.queries.message(message_id)
            [fate] = detail.summary.fates
            states[message_id] = fate.state.value
        assert states == end.states
        [status] = world.store.queries.lanes(now_ms)
        assert status.is_drained
        assert status.taken == len(self.messages)
        assert status.taken == status.delivered + status.discarded + status.held + status.dead
        funnel = world.store.statistics.funnel(1)
        assert funnel.received == funnel.accounted == len(self.messages)
        assert (funnel.delivered, funnel.held) == (status.delivered, status.held)


PATIENT = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


class LongDelivery(Delivery):
    """The same, for the long tests: other days in every run. A failure prints its steps, and what repeats them."""


Delivery.TestCase.settings = settings(PATIENT, max_examples=60, stateful_step_count=30, derandomize=True)
LongDelivery.TestCase.settings = settings(
    PATIENT, max_examples=2000, stateful_step_count=50, derandomize=False, database=None
)
TestDelivery = Delivery.TestCase
TestLongDelivery = pytest.mark.slow(LongDelivery.TestCase)
