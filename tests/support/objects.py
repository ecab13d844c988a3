"""A lane that sends operations as they are, without messages and rules: what holds for a record holds for any rule that
writes it."""

from __future__ import annotations

from typing import Any

from tests.support.world import World

from hubwire.deliver.calls.caller import CallContext, Caller
from hubwire.deliver.cycle.portal_schema import Portal
from hubwire.deliver.limits.governor import Governor
from hubwire.hubspot.call import Call
from hubwire.hubspot.client import FixedToken, HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.schema import PortalSchema
from hubwire.secret import Secret


class ObjectLane:
    """The lane of a destination whose rules name these object types."""

    def __init__(self, world: World, *object_types: str) -> None:
        self.world = world
        self.paths = Paths(world.destination.api_version)
        self.portal = Portal(self.paths, frozenset(object_types))

    def caller(self) -> Caller:
        """A caller, as each cycle has one."""
        world = self.world
        client = HubSpotClient(
            "http://hubspot.test",
            FixedToken(Secret(world.token)),
            self.paths,
            clock=world.clock,
            transport=world.transport,
        )
        probe = Call("read account", "GET", self.paths.account)
        context = CallContext(world.clock, lambda: 0.5, world.clock.sleep, probe=probe)
        return Caller(client, Governor.of(world.destination, world.clock.now_ms()), context)

    async def load(self) -> PortalSchema:
        """The portal's schema at the beginning of a cycle."""
        self.portal.caller = self.caller()
        return await self.portal.load(self.world.clock.now_ms())

    def calls(self, word: str = "") -> int:
        """The number of calls whose method and path contain a word."""
        counts: dict[str, Any] = self.world.emulator.stats()["calls"]
        return sum(count for call, count in counts.items() if word in call)
