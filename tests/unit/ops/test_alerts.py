"""What is worth an alert, and that each is told once when it begins and once when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hubwire.clock import FakeClock
from hubwire.delivery import State
from hubwire.errors import HubwireError
from hubwire.monitoring.alerts import (
    GROWTH_MS,
    SETTLE_MS,
    AlertPolicy,
    Alerts,
    AlertState,
    Notice,
    Snoozed,
    conditions,
    silences,
)
from hubwire.record.queries import LaneStatus
from hubwire.record.snoozes import GroupCount

NOW = 1_790_000_000_000
HOUR_MS = 3_600_000
POLICY = AlertPolicy(silent_hours=6.0)


def lane(**fields: Any) -> LaneStatus:
    return LaneStatus(**{"destination_id": 1, "name": "hubspot", "hub_id": "1", "state": "idle", **fields})


def keys(status: LaneStatus, new_dead: int = 0, policy: AlertPolicy = POLICY) -> list[str]:
    return [condition.key for condition in conditions(status, new_dead, policy)]


@pytest.mark.parametrize(
    ("fields", "new_dead", "expected"),
    [
        ({}, 0, []),
        ({"lag_seconds": 901.0}, 0, ["lag:hubspot"]),
        ({"lag_seconds": 900.0}, 0, []),
        ({"dead": 50}, 9, []),
        ({"dead": 50}, 10, ["dead:hubspot"]),
        ({"retrying": 1000}, 0, ["retrying:hubspot"]),
        ({"stopped_reason": "unauthorised"}, 0, ["stopped:hubspot"]),
        ({"stopped_reason": "run-of-deaths"}, 0, ["stopped:hubspot"]),
        ({"stopped_reason": "hubspot-unreachable"}, 0, []),
        ({"stopped_reason": "hubspot-unreachable", "lag_seconds": 1000.0}, 0, ["lag:hubspot"]),
        ({"stopped_reason": "budget-spent"}, 0, ["budget-spent:hubspot"]),
        ({"budget": {"limit": 100, "used": 79}}, 0, []),
        ({"budget": {"limit": 100, "used": 80}}, 0, ["budget:hubspot"]),
        ({"budget": {"limit": 100, "used": 100}}, 0, ["budget-spent:hubspot"]),
        ({"budget": {"rate": "190/10s"}}, 0, []),
        ({"state": "paused", "lag_seconds": 9999.0, "dead": 20}, 20, ["dead:hubspot"]),
        ({"stopped_reason": "a word of a newer version"}, 0, []),
    ],
)
def test_what_is_worth_an_alert(fields: dict[str, Any], new_dead: int, expected: list[str]) -> None:
    assert keys(lane(**fields), new_dead) == expected


def test_every_alert_can_be_turned_off() -> None:
    off = AlertPolicy(lag_seconds=None, dead_messages=None, retrying_messages=None, budget_percent=None)
    worst = lane(lag_seconds=1e6, dead=10**6, retrying=10**6, budget={"limit": 1, "used": 1})
    assert keys(worst, 10**6, off) == []
    assert list(silences({"api": 0}, NOW, off)) == []


def test_a_source_that_used_to_send_is_silent_and_one_that_never_did_is_not() -> None:
    last = {"api": NOW - 7 * HOUR_MS, "website": NOW - 5 * HOUR_MS, "new": None}
    assert [silence.key for silence in silences(last, NOW, POLICY)] == ["silent:api"]


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0.1, "1 minute"), (45, "45 minutes"), (61, "1 hour"), (1500, "25 hours")],
)
def test_a_silence_is_told_in_whole_minutes_or_hours(minutes: float, text: str) -> None:
    policy = replace(POLICY, silent_hours=0.0001)
    [silence] = silences({"api": round(NOW - minutes * 60_000)}, NOW, policy)
    assert silence.said == f"it has sent nothing for {text}"


class Memory:
    """An `AlertMemory` in a dict."""

    def __init__(self) -> None:
        self.firing: dict[str, tuple[int, int]] = {}

    def alerts(self) -> Mapping[str, tuple[int, int]]:
        return dict(self.firing)

    def claim_alert(self, key: str, now_ms: int, repeat_ms: int) -> bool:
        since, last = self.firing.get(key, (now_ms, now_ms - repeat_ms))
        if last > now_ms - repeat_ms:
            return False
        self.firing[key] = (since, now_ms)
        return True

    def release_alert(self, key: str) -> bool:
        return self.firing.pop(key, None) is not None


class World:
    """Alerts over a lane that a test changes."""

    kind = "test"

    def __init__(self, policy: AlertPolicy = POLICY, memory: Memory | None = None) -> None:
        self.clock = FakeClock(NOW)
        self.lane = lane()
        self.dead_groups: list[GroupCount] = []
        self.received: dict[str, int | None] = {}
        self.notices: list[Notice] = []
        self.is_down = False
        self.memory = memory or Memory()
        self.alerts = Alerts(self, self.memory, policy, self.clock, [self])

    def lanes(self) -> list[LaneStatus]:
        return [self.lane]

    def groups(self) -> list[GroupCount]:
        return self.dead_groups

    def last_received(self) -> Mapping[str, int | None]:
        return self.received

    async def tell(self, on_registry_change: Notice) -> None:
        if self.is_down:
            raise HubwireError("down")
        self.notices.append(on_registry_change)

    def check(self, after_seconds: float = 0.0) -> list[tuple[str, AlertState]]:
        """What is told in one round."""
        self.clock.advance(after_seconds)
        self.notices.clear()
        asyncio.run(self.alerts.check())
        return [(notice.key, notice.state) for notice in self.notices]


FIRING, RESOLVED = AlertState.FIRING, AlertState.RESOLVED
SETTLED = SETTLE_MS / 1000


def test_an_alert_is_told_when_it_begins_and_when_it_is_over() -> None:
    world = World()
    assert world.check() == []
    world.lane = lane(lag_seconds=1000.0)
    assert world.check(30) == [("lag:hubspot", FIRING)]
    assert world.check(30) == []
    world.lane = lane()
    assert world.check(30) == []
    assert world.check(SETTLED) == [("lag:hubspot", RESOLVED)]
    assert world.notices[0].since_ms == NOW + 30_000
    assert world.check(SETTLED) == []


def dead(reason: str, count: int, is_snoozed: bool = False) -> GroupCount:
    return GroupCount(destination_id=1, state=State.DEAD, reason=reason, count=count, is_snoozed=is_snoozed)


def test_dead_letters_of_a_snoozed_group_alarm_nobody_and_do_not_count_as_new_when_it_wakes() -> None:
    world = World()
    world.dead_groups = [dead("conflict", 3, is_snoozed=True)]
    world.lane = lane(dead=3)
    assert world.check() == []
    world.dead_groups = [dead("conflict", 50, is_snoozed=True), dead("invalid-input", 9)]
    world.lane = lane(dead=59)
    assert world.check(30) == [], "9 of the others"
    world.dead_groups = [dead("conflict", 50, is_snoozed=True), dead("invalid-input", 10)]
    world.lane = lane(dead=60)
    assert world.check(30) == [("dead:hubspot", FIRING)]
    assert world.notices[0].said == "10 messages became dead within an hour; 60 dead in total, 50 of them snoozed"
    world.check(GROWTH_MS / 1000 + 60)
    assert world.check(SETTLED) == [("dead:hubspot", RESOLVED)]
    world.dead_groups = [dead("conflict", 50), dead("invalid-input", 10)]
    assert world.check(60) == [], "it woke: none of its messages is new"
    world.dead_groups = [dead("conflict", 60), dead("invalid-input", 10)]
    world.lane = lane(dead=70)
    assert world.check(60) == [("dead:hubspot", FIRING)]


def test_a_group_that_is_snoozed_is_quiet_at_once() -> None:
    world = World()
    world.check()
    world.dead_groups, world.lane = [dead("conflict", 20)], lane(dead=20)
    assert world.check(30) == [("dead:hubspot", FIRING)]
    world.dead_groups = [dead("conflict", 20, is_snoozed=True)]
    world.check(30)
    assert world.check(SETTLED) == [("dead:hubspot", RESOLVED)]


def test_messages_of_a_snoozed_group_that_are_tried_again_are_not_counted() -> None:
    status = lane(retrying=1000)
    assert [found.key for found in conditions(status, 0, POLICY, Snoozed(retrying=1))] == []
    assert [found.key for found in conditions(status, 0, POLICY)] == ["retrying:hubspot"]


def test_one_that_flickers_is_told_once() -> None:
    world = World()
    notices = []
    for number in range(20):
        world.lane = lane(lag_seconds=1000.0 if number % 2 else 0.0)
        notices += world.check(60)
    assert notices == [("lag:hubspot", FIRING)]


def test_one_that_lasts_is_told_again_after_the_window() -> None:
    world = World(replace(POLICY, repeat_ms=HOUR_MS))
    world.lane = lane(stopped_reason="unauthorised")
    assert world.check() == [("stopped:hubspot", FIRING)]
    assert world.check(3599) == []
    assert world.check(1) == [("stopped:hubspot", FIRING)]
    assert world.notices[0].since_ms == NOW


def test_budget_at_eighty_then_at_a_hundred_percent() -> None:
    world = World()
    world.lane = lane(budget={"limit": 10, "used": 8})
    assert world.check() == [("budget:hubspot", FIRING)]
    world.lane = lane(budget={"limit": 10, "used": 10})
    assert world.check(60) == [("budget-spent:hubspot", FIRING)]
    world.lane = lane(budget={"limit": 10, "used": 0})
    world.check(60)
    assert sorted(world.check(SETTLED)) == [("budget-spent:hubspot", RESOLVED), ("budget:hubspot", RESOLVED)]


def test_only_new_dead_letters_count_and_they_grow_old() -> None:
    world = World()
    world.lane = lane(dead=500)
    assert world.check() == []
    world.lane = lane(dead=515)
    assert world.check(60) == [("dead:hubspot", FIRING)]
    assert "15 messages" in world.notices[0].said
    world.check(GROWTH_MS / 1000)
    assert world.check(SETTLED) == [("dead:hubspot", RESOLVED)]


def test_what_does_not_arrive_is_told_in_a_later_round() -> None:
    world = World()
    world.lane = lane(lag_seconds=1000.0)
    world.is_down = True
    assert world.check() == []
    assert world.check(30) == []
    world.is_down = False
    assert world.check(30) == [("lag:hubspot", FIRING)]
    assert world.check(30) == []


def test_a_restart_tells_nothing_twice_and_still_tells_the_end() -> None:
    memory = Memory()
    first = World(memory=memory)
    first.lane = lane(lag_seconds=1000.0)
    assert first.check() == [("lag:hubspot", FIRING)]
    second = World(memory=memory)
    second.lane = lane(lag_seconds=1000.0)
    assert second.check(30) == []
    second.lane = lane()
    second.check(30)
    assert second.check(SETTLED) == [("lag:hubspot", RESOLVED)]


def test_silence_is_looked_at_every_few_minutes() -> None:
    world = World()
    world.received = {"api": NOW - 7 * HOUR_MS}
    assert world.check() == [("silent:api", FIRING)]
    world.received = {"api": NOW}
    assert world.check(60) == []
    assert world.check(600) == []
    assert world.check(SETTLED) == [("silent:api", RESOLVED)]
