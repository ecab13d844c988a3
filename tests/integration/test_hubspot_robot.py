"""People, HubSpot's own users and a robot that merges, deletes and edits act on the same records: nothing older stands
over anything newer, no event of a living person is missing, no domain has two companies."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.world import DESTINATION, World

from hubwire.deliver.lanes.driver import Driver
from hubwire.hubspot.wire import iso_utc

PEOPLE = [f"p{number}@d{number % 4}.example" for number in range(12)]
DOMAINS = [f"d{number}.example" for number in range(4)]
NAMES = ("city", "phone", "jobtitle")
SEED = int(os.environ.get("HUBWIRE_TEST_SEED", "20261130"))


@dataclass
class Robot:
    """Acts at random; knows for each property of each living person the newest value that anybody wrote.

    Shape: `newest` is (email, property) -> (time ms, value); `told` the same of what messages wrote. Who is deleted in
    HubSpot loses what HubSpot's users wrote: what messages wrote comes back.
    """

    world: World
    choose: random.Random
    driver: Driver
    newest: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    told: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    number: int = 0

    def next(self) -> int:
        self.number += 1
        return self.number

    def message(self, **fields: Any) -> dict[str, Any]:
        return {"messageId": f"m{self.next()}", **fields}

    async def send(self, *messages: dict[str, Any]) -> None:
        self.world.append(list(messages))
        await self.world.drain(self.driver)

    def at_ms(self) -> int:
        """When a message happened: mostly now, sometimes hours ago."""
        now_ms = self.world.clock.now_ms()
        return now_ms if self.choose.random() < 0.6 else now_ms - self.choose.randrange(1000, 20_000_000)

    def note(self, email: str, name: str, at_ms: int, value: str, *, is_told: bool) -> None:
        known = self.newest.get((email, name))
        if known is None or at_ms > known[0]:
            self.newest[email, name] = (at_ms, value)
            if is_told:
                self.told[email, name] = (at_ms, value)

    def record(self, email: str) -> dict[str, Any] | None:
        found = [contact for contact in self.world.emulator.contacts() if contact["properties"]["email"] == email]
        return found[0] if found else None

    # -- what happens

    async def identify(self) -> None:
        email, at_ms = self.choose.choice(PEOPLE), self.at_ms()
        names = self.choose.sample(NAMES, self.choose.randint(1, len(NAMES)))
        traits = {name: f"{name} {self.next()}" for name in names}
        await self.send(
            self.message(type="identify", userId=email, timestamp=iso_utc(at_ms), traits={"email": email, **traits})
        )
        for name, value in traits.items():
            self.note(email, name, at_ms, value, is_told=True)

    async def repeat(self) -> None:
        """Send again what HubSpot should have: the contact is there afterwards, whoever deleted it."""
        email, name = self.choose.choice(PEOPLE), self.choose.choice(NAMES)
        own_value = self.told.get((email, name))
        if own_value is None or self.newest[email, name] != own_value:
            return
        at_ms, value = self.world.clock.now_ms(), own_value[1]
        await self.send(
            self.message(type="identify", userId=email, timestamp=iso_utc(at_ms), traits={"email": email, name: value})
        )
        self.note(email, name, at_ms, value, is_told=True)
        assert self.record(email) is not None, f"{email} is gone"

    async def track(self) -> None:
        email = self.choose.choice(PEOPLE)
        if self.record(email) is None and not any(key[0] == email for key in self.newest):
            return
        sent = self.message(
            type="track", userId=email, event="Came", timestamp=iso_utc(self.world.clock.now_ms()),
            context={"traits": {"email": email}},
        )  # fmt: skip
        self.events[sent["messageId"]] = email
        await self.send(sent)

    async def group(self) -> None:
        email, domain = self.choose.choice(PEOPLE), self.choose.choice(DOMAINS)
        await self.send(
            self.message(
                type="group", userId=email, groupId=domain, timestamp=iso_utc(self.world.clock.now_ms()),
                traits={"website": domain, "name": f"Company {self.next()}"},
            )
        )  # fmt: skip

    async def edit(self) -> None:
        email, name = self.choose.choice(PEOPLE), self.choose.choice(NAMES)
        record = self.record(email)
        if record is not None:
            value = f"person {self.next()}"
            self.world.emulator.edit("contacts", record["id"], {name: value})
            self.note(email, name, self.world.clock.now_ms(), value, is_told=False)

    async def delete(self) -> None:
        email = self.choose.choice(PEOPLE)
        record = self.record(email)
        if record is not None:
            self.world.emulator.archive("contacts", record["id"])
            for name in NAMES:
                self.newest.pop((email, name), None)
                if (email, name) in self.told:
                    self.newest[email, name] = self.told[email, name]

    async def merge(self) -> None:
        """Somebody merges a contact of their own into a person's: another record, the person's values."""
        email = self.choose.choice(PEOPLE)
        record = self.record(email)
        if record is None:
            return
        other = f"other{self.next()}@elsewhere.example"
        self.world.emulator.seed(contacts=[{"properties": {"email": other}}])
        found = self.record(other)
        assert found is not None
        self.world.emulator.merge("contacts", record["id"], found["id"])

    async def delete_company(self) -> None:
        companies = self.world.emulator.companies()
        if companies:
            self.world.emulator.archive("companies", self.choose.choice(companies)["id"])

    async def merge_companies(self) -> None:
        companies = self.world.emulator.companies()
        if len(companies) > 2:
            primary, other = self.choose.sample(companies, 2)
            self.world.emulator.merge("companies", primary["id"], other["id"])

    # -- what must hold

    def check(self) -> None:
        emulator = self.world.emulator
        for record in emulator.contacts():
            properties = record["properties"]
            for name in NAMES:
                known = self.newest.get((properties["email"], name))
                held = properties.get(name)
                assert known is None or held in (None, known[1]), f"{properties['email']} {name}: {held}, not {known}"
        domains = [
            domain
            for company in emulator.companies()
            for domain in {
                company["properties"].get("domain"),
                *(company["properties"].get("hs_additional_domains") or "").split(";"),
            }
            if domain
        ]
        assert len(domains) == len(set(domains)), f"two companies of one domain: {sorted(domains)}"
        assert self.world.states()["dead"] == 0

    def check_events(self) -> None:
        assert len(self.world.emulator.events()) == len(self.events)


async def act(tmp_path: Path, steps: int, seed: int) -> None:
    destination = structs.replace(DESTINATION, late_after_minutes=0.0, confirm_after_hours=0.0)
    async with World(tmp_path, destination=destination, search_lag_seconds=5.0) as world:
        robot = Robot(world, random.Random(seed), world.driver())
        acts: list[Callable[[], Any]] = [
            *[robot.identify] * 6, *[robot.repeat] * 2, *[robot.track] * 4, *[robot.group] * 3, *[robot.edit] * 4,
            robot.delete, robot.merge, robot.delete_company, robot.merge_companies,
        ]  # fmt: skip
        for _ in range(steps):
            world.clock.advance(robot.choose.choice([3, 30, 90]))
            await robot.choose.choice(acts)()
            robot.check()
        robot.check_events()


async def test_two_hundred_steps_leave_nothing_older_over_anything_newer(tmp_path: Path) -> None:
    await act(tmp_path, 200, SEED)


@pytest.mark.slow
async def test_ten_thousand_steps_leave_nothing_older_over_anything_newer(tmp_path: Path) -> None:
    await act(tmp_path, 10_000, SEED + 1)
