"""People whose form has not made its contact yet: whoever drives the lane, nothing else makes the contact first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from tests.integration.marketing.test_forms import SIGNING, Died, signed_up, submissions
from tests.support.world import World

from hubwire.deliver.lanes.driver import Driver
from hubwire.deliver.steps.marketing import forms

GROUP = {"type": "group", "groupId": "g", "traits": {"website": "https://acme.com"}}


def identify(email: str, user: str = "ann") -> dict[str, Any]:
    return {"type": "identify", "userId": user, "traits": {"email": email, "firstname": "A"}, "messageId": f"i-{email}"}


async def turns(world: World, driver: Driver, count: int = 3) -> None:
    for _ in range(count):
        world.clock.advance((await driver.turn()).seconds)


def fails(status: int, times: int) -> Any:
    """Answers of HubSpot's host of forms, before it works again."""
    left = [status] * times

    def instead(request: httpx2.Request) -> httpx2.Response | None:
        return httpx2.Response(left.pop(), json={}, request=request) if left and "submit" in request.url.path else None

    return instead


@pytest.mark.parametrize("key", [{}, {"contact_key": {"user_number": "$.userId"}}], ids=["email", "own-id"])
async def test_another_process_waits_for_the_contact_of_a_form_too(tmp_path: Path, key: dict[str, Any]) -> None:
    async with World(tmp_path, destination=structs.replace(SIGNING, **key)) as world:
        message = signed_up()
        message["properties"]["email"] = "ann@example.com"
        await world.receive([message])
        first = world.driver("a")
        while not submissions(world):
            world.clock.advance((await first.turn()).seconds)
        await first.end()
        await world.receive([identify("ann@example.com"), {**GROUP, "userId": "ann", "messageId": "g"}])
        second = world.driver("b")
        while world.backlog():
            world.clock.advance((await second.turn()).seconds)
        assert len(submissions(world)) == 1
        assert world.emulator.contacts() == []
        await world.drain(second)
        assert [contact["properties"]["email"] for contact in world.emulator.contacts()] == ["ann@example.com"]
        assert len(submissions(world)) == 1


async def test_a_form_in_line_makes_its_contact_after_the_lane_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MAX_PER_CYCLE", 1)
    async with World(tmp_path, destination=SIGNING) as world:
        await world.receive([signed_up(), signed_up("ben", at=1), signed_up("eve", at=2)])
        first = world.driver("a")
        while not submissions(world):
            world.clock.advance((await first.turn()).seconds)
        await first.end()
        await world.receive([identify("eve@acme.com", "eve")])
        await world.drain(world.driver("b"))
        sources = {c["properties"]["email"]: c["properties"]["hs_analytics_source"] for c in world.emulator.contacts()}
        assert sources == dict.fromkeys(("ann@acme.com", "ben@acme.com", "eve@acme.com"), "DIRECT_TRAFFIC")
        assert len(submissions(world)) == 3


@pytest.mark.parametrize("status", [429, 503])
async def test_a_host_of_forms_that_is_busy_costs_no_attribution(tmp_path: Path, status: int) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        world.transport.instead = fails(status, 3)
        await world.receive([signed_up(), identify("ann@acme.com")])
        await world.drain(world.driver())
        [contact] = world.emulator.contacts()
        assert contact["properties"]["hs_analytics_source"] == "DIRECT_TRAFFIC"
        assert len(submissions(world)) == 1


async def test_a_host_of_forms_that_is_down_for_long_does_not_hold_people_up(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        world.transport.instead = fails(503, 1_000)
        await world.receive([signed_up(), identify("ann@acme.com")])
        driver = world.driver()
        until_ms = world.clock.now_ms() + 400_000
        while world.clock.now_ms() < until_ms:
            world.clock.advance(max(1.0, (await driver.turn()).seconds))
        assert [contact["properties"]["email"] for contact in world.emulator.contacts()] == ["ann@acme.com"]
        assert world.reasons()[1] == ("retrying", "hubspot-failed")
        world.transport.instead = lambda request: None
        await world.drain(driver)
        assert len(submissions(world)) == 1


async def test_a_person_whom_hubspot_has_waits_for_no_form(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        await world.receive([identify("ann@acme.com")])
        driver = world.driver()
        await world.drain(driver)
        world.transport.instead = fails(503, 2)
        changed = identify("ann@acme.com") | {"messageId": "i2"}
        changed["traits"]["firstname"] = "Anna"
        await world.receive([signed_up(), changed])
        await turns(world, driver)
        assert [contact["properties"]["firstname"] for contact in world.emulator.contacts()] == ["Anna"]


async def test_a_submission_whose_answer_was_lost_is_not_repeated_before_hubspot_can_show_it(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:

        def dies(request: httpx2.Request) -> BaseException | None:
            died = Died()
            died.is_after = True  # type: ignore[attr-defined]
            return died if "submit" in request.url.path else None

        world.transport.trouble = dies
        message = signed_up()
        message["properties"]["email"] = "ann@example.com"
        await world.receive([message])
        first = world.driver("a")
        with pytest.raises(Died):
            await world.drain(first)
        await first.end()
        world.transport.trouble = lambda request: None
        second = world.driver("b")
        sent_at_ms = world.clock.now_ms()
        while world.clock.now_ms() - sent_at_ms < 8_000:
            world.clock.advance(max(0.5, (await second.turn()).seconds))
            assert len(submissions(world)) == 1
