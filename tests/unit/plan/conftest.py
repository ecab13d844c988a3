"""A planner with its settings, for one message at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from hubwire.decoding import read_message
from hubwire.destination import Destination, Mapping, Source
from hubwire.message import JournalRow, Message
from hubwire.operation import Link, Plan
from hubwire.plan import Identity, links_of, plan
from hubwire.plan.default_portal import default_portal
from hubwire.schema import PortalSchema


def message(kind: str = "identify", **fields: Any) -> Message:
    """A message as the journal gives it."""
    body = json.dumps({"type": kind, "messageId": "m1", "timestamp": "2026-01-15T10:00:00Z", **fields}).encode()
    return read_message(JournalRow(1, 1, "m1", 1768473000000, body, None, False, None))


@dataclass
class Planner:
    """What a lane holds while it plans."""

    source: Source = field(default_factory=lambda: Source(source_id=1, name="server"))
    mapping: Mapping = field(default_factory=Mapping)
    schema: PortalSchema = field(default_factory=lambda: default_portal("123"))
    identity: Identity = field(default_factory=Identity)

    @property
    def destination(self) -> Destination:
        return Destination(destination_id=1, name="hubspot", mapping=self.mapping)

    def links(self, kind: str, **fields: Any) -> list[Link]:
        return links_of(message(kind, **fields), self.source, self.destination)

    def plan(self, kind: str, **fields: Any) -> Plan:
        """The plan of a message, after learning what it teaches."""
        planned_message = message(kind, **fields)
        for link in links_of(planned_message, self.source, self.destination):
            self.identity.learn(link)
        return plan(planned_message, self.source, self.destination, self.schema, self.identity)


@pytest.fixture
def planner() -> Planner:
    return Planner()


@pytest.fixture
def new_planner() -> Callable[..., Planner]:
    return Planner
