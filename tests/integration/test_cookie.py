"""Events whose person stays unknown: held for an e-mail, then sent with the visitor's cookie."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.world import DESTINATION, World

HOUR = 3600
UTK = "0123456789abcdef0123456789abcdef"
TRACK = {"type": "track", "anonymousId": "an", "event": "Box Opened", "context": {"hubspot": {"utk": UTK}}}
HELD = ("held", "unknown-person")
BOX = "pe1234567_box_opened"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as new_world:
        yield new_world


async def after(world: World, hours: float, *messages: dict[str, Any]) -> None:
    """Time passes, messages arrive, and the lane delivers."""
    world.clock.advance(hours * HOUR)
    if messages:
        await world.receive([{"messageId": f"m{world.clock.now_ms()}", **message} for message in messages])
    await world.drain(world.driver())


def sent(world: World) -> list[dict[str, Any]]:
    """The events that HubSpot received, those of unknown visitors included."""
    events = [*world.emulator.events(), *world.emulator.lost_events()]
    return [
        {key: event[key] for key in ("eventName", "email", "utk", "contactId") if event.get(key)} for event in events
    ]


async def test_an_event_waits_a_day_for_its_person_and_then_goes_with_the_cookie(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.emulator.seed(
        contacts=[{"id": 51, "properties": {"email": "ann@example.com"}}],
        visitors=[{"utk": UTK, "email": "ann@example.com"}],
    )
    await after(world, 0, TRACK)
    await after(world, 23.9)
    assert (sent(world), world.reasons()) == ([], {1: HELD})
    await after(world, 0.2)
    assert sent(world) == [{"eventName": BOX, "utk": UTK, "contactId": "51"}]
    assert world.reasons() == {1: ("delivered", None)}
    await after(world, 100)
    assert len(sent(world)) == 1
    assert len(world.emulator.contacts()) == 1
    log = capsys.readouterr()
    assert UTK not in log.out + log.err


async def test_an_email_that_becomes_known_before_the_wait_ends_wins(world: World) -> None:
    await after(world, 0, TRACK)
    await after(world, 23, {"type": "identify", "anonymousId": "an", "traits": {"email": "ann@example.com"}})
    [event] = sent(world)
    assert (event["email"], event["utk"]) == ("ann@example.com", UTK)


async def test_a_visitor_whom_hubspot_does_not_know_is_said_on_the_message(world: World) -> None:
    await after(world, 0, {**TRACK, "messageId": "box"})
    await after(world, 25)
    assert sent(world) == [{"eventName": BOX, "utk": UTK}]
    world.register()
    [fate] = world.store.queries.message("box")[0].summary.fates
    assert [(item["field"], item["reason"]) for item in fate.left_out] == [("contact", "sent-by-cookie")]


async def test_a_refused_call_does_not_start_the_wait_anew(world: World) -> None:
    await after(world, 0, TRACK)
    world.emulator.fault(method="POST", path="*/send/batch", status=503, times=2)
    await after(world, 24)
    assert world.emulator.stats()["refused"]["503"] == 2
    assert sent(world) == [{"eventName": BOX, "utk": UTK}]


@pytest.mark.parametrize(("hold_hours", "cookie_after_hours", "hours"), [(72, 0, 0), (12, 24, 12), (72, 48, 48)])
async def test_the_cookie_is_used_after_its_wait_and_at_the_latest_when_the_hold_ends(
    tmp_path: Path, hold_hours: float, cookie_after_hours: float, hours: float
) -> None:
    destination = structs.replace(DESTINATION, hold_hours=hold_hours, cookie_after_hours=cookie_after_hours)
    async with World(tmp_path, destination=destination) as world:
        await after(world, 0, TRACK)
        if hours:
            await after(world, hours - 0.1)
            assert sent(world) == []
            await after(world, 0.2)
        assert len(sent(world)) == 1


async def test_an_identify_of_the_same_cycle_comes_before_a_wait_of_zero(tmp_path: Path) -> None:
    destination = structs.replace(DESTINATION, cookie_after_hours=0)
    async with World(tmp_path, destination=destination) as world:
        await after(
            world,
            0,
            {**TRACK, "messageId": "first"},
            {"type": "identify", "anonymousId": "an", "traits": {"email": "ann@example.com"}},
        )
        [event] = sent(world)
        assert event["email"] == "ann@example.com"
