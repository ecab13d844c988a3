"""What one source sends stops nothing of another, and one message over which Hubwire fails stops nothing at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.support.world import SERVER, World

from hubwire.decoding import read_message
from hubwire.deliver.cycle import gather
from hubwire.deliver.limits.source_limits import PARK_SECONDS, PROBE_MESSAGES, RUN_MESSAGES
from hubwire.destination import Source, SourceKind
from hubwire.hubspot.wire import send_events
from hubwire.monitoring.logs import TracebackOnce
from hubwire.plan.planner import plan

WEB = Source(source_id=2, name="web", kind=SourceKind.WEB, identity_space="source:web")
INTERPRETED: pytest.MarkDecorator = pytest.mark.skipif(
    not gather.__file__.endswith(".py"), reason="compiled modules call each other directly: no bug can be put between"
)
RULES = {"contacts": {"required": ["jobtitle"]}}


def identify(name: str, number: int, **traits: Any) -> dict[str, Any]:
    email = f"{name}{number}@example.com"
    return {"type": "identify", "messageId": f"{name}-{number}", "userId": email, "traits": {"email": email, **traits}}


def track(number: int) -> dict[str, Any]:
    properties = {"email": "peter@example.com", "number": number}
    return {"type": "track", "messageId": f"t{number}", "userId": "u", "event": "Ordered", "properties": properties}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path, sources=[SERVER, WEB]) as new_world:
        yield new_world


def stopped(world: World) -> str | None:
    return world.record.lane(1).stopped_reason


# -- runs of deaths


async def test_a_public_source_that_hubspot_refuses_is_parked_alone(world: World) -> None:
    world.emulator.set_portal(validation=RULES)
    world.append([identify("web", number) for number in range(RUN_MESSAGES)], source_id=2)
    await world.drain(world.driver())
    assert world.states() == {"dead": RUN_MESSAGES}
    assert stopped(world) is None
    world.append([identify("more", number) for number in range(50)], source_id=2)
    world.append([identify("server", number, jobtitle="CTO") for number in range(50)])
    driver = world.driver("restarted")
    world.clock.advance(world.policy.lease_seconds + 10)
    for _ in range(6):
        world.clock.advance((await driver.turn()).seconds)
    assert len(world.emulator.contacts()) == 50
    assert world.states() == {"dead": RUN_MESSAGES, "retrying": 50}
    reasons = {reason for state, reason in world.reasons().values() if state == "retrying"}
    assert reasons == {"source-parked"}


async def test_a_parked_source_is_probed_and_goes_on_when_its_cause_is_gone(world: World) -> None:
    world.emulator.set_portal(validation=RULES)
    driver = world.driver()
    world.append([identify("web", number) for number in range(RUN_MESSAGES)], source_id=2)
    await world.drain(driver)
    world.append([identify("more", number) for number in range(50)], source_id=2)
    for _ in range(6):
        world.clock.advance((await driver.turn()).seconds)
        if world.states()["retrying"]:
            break
    world.clock.advance(PARK_SECONDS)
    await driver.turn()
    assert world.states() == {"dead": RUN_MESSAGES + PROBE_MESSAGES, "retrying": 50 - PROBE_MESSAGES}
    world.emulator.set_portal(validation={})
    await world.drain(driver)
    assert len(world.emulator.contacts()) == 50 - PROBE_MESSAGES
    assert world.states() == {"dead": RUN_MESSAGES + PROBE_MESSAGES}


@INTERPRETED
async def test_bugs_of_ours_never_stop_a_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(message: Any, *others: Any) -> Any:
        if message.message_id.startswith("web"):
            raise OverflowError("int too large")
        return plan(message, *others)

    monkeypatch.setattr("hubwire.deliver.cycle.gather.plan", broken)
    world.append([identify("web", number) for number in range(RUN_MESSAGES + 50)], source_id=2)
    world.append([identify("server", 1)])
    await world.drain(world.driver())
    assert stopped(world) is None
    assert world.states() == {"dead": RUN_MESSAGES + 50}
    assert len(world.emulator.contacts()) == 1


@INTERPRETED
async def test_a_message_that_cannot_be_read_is_dead_alone_and_the_same_bug_is_logged_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(row: Any, *others: Any) -> Any:
        if row.message_id.startswith("web"):
            raise ValueError("year 12025 is out of range")
        return read_message(row, *others)

    monkeypatch.setattr("hubwire.deliver.cycle.gather.read_message", broken)
    world.append([identify("web", number) for number in range(20)], source_id=2)
    world.append([identify("server", number) for number in range(20)])
    began_ms = world.clock.monotonic_ms()
    with structlog.testing.capture_logs([TracebackOnce()]) as logs:
        await world.drain(world.driver())
    assert world.clock.monotonic_ms() - began_ms < 5_000
    assert set(world.reasons().values()) == {("dead", "internal-error")}
    assert len(world.emulator.contacts()) == 20
    assert len([line for line in logs if line.get("exc_info")]) == 1


# -- a message over which a cycle fails


async def test_a_message_that_ends_its_cycle_is_found_at_once_and_logged_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(occurrences: Any) -> bytes:
        if any("t617" in repr(occurrence) or occurrence[0].positions == (618,) for occurrence in occurrences):
            raise ZeroDivisionError("a bug in the encoder")
        return send_events(occurrences)

    monkeypatch.setattr("hubwire.deliver.steps.events.send_events", broken)
    world.append([track(number) for number in range(1000)])
    driver, began_ms = world.driver(), world.clock.monotonic_ms()
    with structlog.testing.capture_logs([TracebackOnce()]) as logs:
        await world.drain(driver)
    assert world.clock.monotonic_ms() - began_ms < 10_000, "16 times 5 s before"
    assert len(world.emulator.events()) == 999
    assert [state for state, _ in world.reasons().values()] == ["dead"]
    failures = [line for line in logs if line["log_level"] == "error"]
    assert len([line for line in failures if line.get("exc_info")]) == 1
    assert failures[-1]["message_id"] == "t617"


async def test_a_bug_of_every_cycle_ends_few_messages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(occurrences: Any) -> bytes:
        raise ZeroDivisionError("a bug in the encoder")

    monkeypatch.setattr("hubwire.deliver.steps.events.send_events", broken)
    world.append([track(number) for number in range(1000)])
    driver, began_ms = world.driver(), world.clock.monotonic_ms()
    while world.clock.monotonic_ms() - began_ms < 60_000:
        world.clock.advance((await driver.turn()).seconds)
    assert world.states()["dead"] <= 70
    monkeypatch.undo()
    await world.drain(driver)
    assert len(world.emulator.events()) == 1000 - world.states()["dead"]
