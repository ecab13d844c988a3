"""What the Alerts page says is on."""

from __future__ import annotations

from tests.unit.ops.test_alerts import NOW, POLICY, World, lane

from hubwire.clock import FakeClock
from hubwire.monitoring.alert_overview import AlertOverview, alert_overview, alerts_on
from hubwire.monitoring.alerts import MAX_CHANGES, SETTLE_MS, AlertState, conditions
from hubwire.secret import Secret
from hubwire.settings import Settings

TOLD = Settings(alert_webhook_url=Secret("https://hooks.example.com/secret"))


def overview(world: World, settings: Settings = TOLD) -> AlertOverview:
    return alert_overview(world, world.memory, settings, world.clock, world.alerts)


def test_an_alert_is_on_since_it_was_told_first() -> None:
    world = World()
    world.lane = lane(lag_seconds=1000.0)
    world.check()
    [rule] = [rule for rule in overview(world).rules if rule.on]
    assert (rule.name, rule.setting, rule.threshold, rule.on[0].since_ms) == ("lag", "alert_lag_seconds", 900.0, NOW)
    assert rule.on[0].remedy


def test_changes_are_remembered_newest_first_and_bounded() -> None:
    world = World()
    for _ in range(MAX_CHANGES // 2 + 1):
        world.lane = lane(lag_seconds=1000.0)
        world.check()
        world.check(after_seconds=30)
        world.lane = lane()
        world.check(after_seconds=30)
        world.check(after_seconds=SETTLE_MS / 1000)
    changes = overview(world).changes
    assert len(changes) == MAX_CHANGES
    assert [change.state for change in changes[:2]] == [AlertState.RESOLVED, AlertState.FIRING]
    assert changes[0].at_ms > changes[1].at_ms


def test_dead_letters_stay_on_as_long_as_they_were_told() -> None:
    [on] = alerts_on([], {"dead:hubspot": (NOW, NOW)}, [lane(dead=12)])
    assert (on.said, on.since_ms) == ("12 dead in total", NOW)
    assert "replay" in on.remedy


def test_what_is_gone_is_on_until_it_is_over() -> None:
    [on] = alerts_on([], {"lag:removed": (NOW, NOW)}, [])
    assert "gone" in on.said
    [on] = alerts_on(conditions(lane(lag_seconds=1000.0), 0, POLICY), {}, [])
    assert (on.title, on.since_ms) == ("hubspot: messages are late", None)


def test_without_a_channel_what_was_told_once_is_no_longer_trusted() -> None:
    world = World()
    world.memory.firing["lag:hubspot"] = (NOW, NOW)
    found = alert_overview(world, world.memory, Settings(), FakeClock(NOW), None)
    assert (found.channels, found.watching_since_ms, found.changes) == ([], None, [])
    assert not any(rule.on for rule in found.rules)


def test_a_webhook_is_named_without_its_address() -> None:
    assert [(channel.kind, channel.target) for channel in overview(World()).channels] == [("webhook", "***")]


def test_a_rule_that_is_turned_off_says_so() -> None:
    rules = {rule.name: rule for rule in overview(World()).rules}
    assert rules["silent"].is_off
    assert not rules["stopped"].is_off
