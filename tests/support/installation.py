"""A whole Hubwire that sends messages some seconds apart and delivers each at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from tests.support.world import World

from hubwire.hubspot.wire import iso_utc


class Installation:
    """Sends messages and delivers them; `world` is everything else."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.driver = world.driver()
        self.sent = 0

    async def send(self, *messages: Mapping[str, Any], source_id: int = 1, is_import: bool = False) -> None:
        sent = []
        for message in messages:
            self.sent += 1
            self.world.clock.advance(3)
            moment = iso_utc(self.world.clock.now_ms())
            sent.append({"messageId": f"m{self.sent}", "userId": "u1", "timestamp": moment, **message})
        self.world.append(sent, is_backfill=is_import, source_id=source_id)
        await self.world.drain(self.driver)

    async def identify(self, email: str = "ada@example.com", **traits: Any) -> None:
        await self.send({"type": "identify", "userId": email, "traits": {"email": email, **traits}})

    async def track(self, email: str = "ada@example.com", event: str = "Signed Up") -> None:
        await self.send({"type": "track", "userId": email, "event": event})

    async def group(self, website: str, email: str = "ada@example.com", **traits: Any) -> None:
        await self.send(
            {"type": "group", "userId": email, "groupId": website, "traits": {"website": website, **traits}}
        )

    def contact(self, email: str = "ada@example.com") -> dict[str, Any]:
        [contact] = [contact for contact in self.world.emulator.contacts() if contact["properties"]["email"] == email]
        return contact

    def companies(self, domain: str) -> list[dict[str, Any]]:
        return [company for company in self.world.emulator.companies() if company["properties"].get("domain") == domain]

    def left_out(self) -> list[tuple[str, str]]:
        rows = self.world.database.execute("SELECT left_out FROM delivery WHERE left_out IS NOT NULL ORDER BY position")
        items = [item for (packed,) in rows for item in msgspec.json.decode(packed)]
        return [(item["field"], item["reason"]) for item in items]

    def details(self) -> list[str]:
        rows = self.world.database.execute("SELECT left_out FROM delivery WHERE left_out IS NOT NULL")
        return [item["detail"] for (packed,) in rows for item in msgspec.json.decode(packed)]

    def calls(self, word: str) -> int:
        return sum(n for call, n in self.world.emulator.stats()["calls"].items() if word in call)
