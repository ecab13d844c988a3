"""Two addresses of one contact, or two domains of one company: the newest value of either stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.installation import Installation
from tests.support.world import World

A, B = "ada@example.com", "byron@example.com"


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    async with World(tmp_path) as world:
        world.register()
        yield Installation(world)


async def merge_contacts(installation: Installation) -> None:
    for email in (A, B):
        await installation.identify(email, city="Graz")
    installation.world.clock.advance(60)
    ids = [installation.contact(email)["id"] for email in (A, B)]
    installation.world.emulator.merge("contacts", *ids)


@pytest.mark.parametrize("first", [A, B], ids=["primary-first", "additional-first"])
async def test_the_newest_value_of_two_addresses_stays_although_each_repeats_its_own(
    installation: Installation, first: str
) -> None:
    await merge_contacts(installation)
    second = B if first == A else A
    for email, city in ((first, "Linz"), (second, "Wels"), (first, "Linz"), (second, "Wels"), (first, "Linz")):
        await installation.identify(email, city=city)
        [contact] = installation.world.emulator.contacts()
        assert contact["properties"]["city"] == city


async def test_two_addresses_in_one_cycle_write_the_newest_value(installation: Installation) -> None:
    await merge_contacts(installation)
    for email in (A, B):
        await installation.identify(email, city="Linz")
    for emails in ((A, B, A), (B, A, B)):
        cities = [f"City {number} of {emails[0]}" for number in range(3)]
        await installation.send(
            *[
                {"type": "identify", "userId": email, "traits": {"email": email, "city": city}}
                for email, city in zip(emails, cities, strict=True)
            ]
        )
        [contact] = installation.world.emulator.contacts()
        assert contact["properties"]["city"] == cities[-1]


@pytest.mark.parametrize("is_merged", [True, False], ids=["merged", "additional-from-the-start"])
async def test_the_newest_value_of_two_domains_stays_although_each_repeats_its_own(
    installation: Installation, is_merged: bool
) -> None:
    world = installation.world
    await installation.identify()
    if is_merged:
        for domain in ("new.com", "old.com"):
            await installation.group(domain, name="Name")
        world.clock.advance(60)
        ids = [installation.companies(domain)[0]["id"] for domain in ("new.com", "old.com")]
        world.emulator.merge("companies", *ids)
    else:
        world.emulator.seed(companies=[{"properties": {"domain": "new.com", "hs_additional_domains": "old.com"}}])
    for domain in ("new.com", "old.com", "new.com", "old.com", "old.com", "new.com"):
        await installation.group(domain, name=f"Name of {domain}")
        [company] = [
            company for company in world.emulator.companies() if company["properties"].get("domain") == "new.com"
        ]
        assert company["properties"]["name"] == f"Name of {domain}"
