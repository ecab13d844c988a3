"""A rule that only creates a company associates only the person of the message that created it."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs
from tests.support.world import DESTINATION, World

from hubwire.rule import Association, Rule

TRIAL = Rule(
    name="Trial",
    trigger='type = "identify"',
    object="company",
    key={"domain": "$.traits.site"},
    mode="create",
    properties={"name": "$.traits.firm"},
    associate=(Association(object="contact"),),
)


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "together"])
async def test_a_company_that_was_there_is_neither_changed_nor_associated(tmp_path: Path, together: bool) -> None:
    messages = [
        {
            "type": "identify",
            "messageId": name,
            "userId": name,
            "timestamp": f"2026-01-15T10:0{number}:00Z",
            "traits": {"email": f"{name}@acme.com", "site": "acme.com", "firm": f"Acme of {name}"},
        }
        for number, name in enumerate(("ann", "ben"))
    ]
    destination = structs.replace(DESTINATION, rules=(TRIAL,), late_after_minutes=1e6)
    async with World(tmp_path, destination=destination, limits_enabled=False) as world:
        driver = world.driver()
        for part in [messages] if together else [[message] for message in messages]:
            world.append(part)
            await world.drain(driver)
            world.clock.advance(60)
        shown = world.hubspot()
        assert shown["companies"]["acme.com"]["name"] == "Acme of ann"
        assert shown["associations"] == [["ann@acme.com", "acme.com"]]
        rows = world.database.execute("SELECT left_out FROM delivery ORDER BY position").fetchall()
        assert [b"record-exists" in row for (row,) in rows] == [False, True]
