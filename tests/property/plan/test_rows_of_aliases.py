"""A row of aliases is one person: an e-mail of any of its ids reaches every other one, in any order of arrival."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hubwire.deliver.cycle.gather import Gatherer
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow
from hubwire.operation import Hold, Link
from hubwire.plan.default_portal import default_portal
from hubwire.plan.identity import MAX_STEPS

NOW_MS = 1_790_000_000_000
EMAIL = "peter@example.com"
SOURCES = {1: Source(source_id=1, name="server")}
DESTINATION = Destination(destination_id=1, name="hubspot", hub_id="1")


class Memory:
    """The record's links, and the cycles that read and write them."""

    def __init__(self) -> None:
        self.links: dict[tuple[str, str], Link] = {}
        self.lookups = 0

    def load(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Link]:
        self.lookups += 1
        return {key: self.links[key] for key in keys if key in self.links}

    def cycle(self, messages: list[dict[str, Any]]) -> Gatherer:
        rows = [
            JournalRow(number, 1, f"m{number}", NOW_MS + number, json.dumps(message).encode(), None, False, None)
            for number, message in enumerate(messages)
        ]
        gatherer = Gatherer(DESTINATION, SOURCES, default_portal("1"), self.load, Outcomes(), now_ms=NOW_MS)
        gatherer.take(rows)
        gatherer.finish()
        for link in gatherer.identity.changed:
            known = self.links.get((link.space, link.key))
            if known is None or link.rank > known.rank:
                self.links[link.space, link.key] = link
        return gatherer


def row_of(length: int) -> list[dict[str, Any]]:
    """Aliases that join `length` user ids, each made a second after the one before."""
    return [
        {"type": "alias", "previousId": f"u{number}", "userId": f"u{number + 1}", "timestamp": at(number)}
        for number in range(length - 1)
    ]


def at(number: int) -> str:
    return f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"


def track(user: int) -> dict[str, Any]:
    return {"type": "track", "userId": f"u{user}", "event": "Ordered", "properties": {}}


@given(st.data())
def test_an_email_reaches_every_id_of_a_row(data: st.DataObject) -> None:
    length = data.draw(st.integers(2, 30), "length")
    identified = data.draw(st.integers(0, length - 1), "identified")
    identify = {"type": "identify", "userId": f"u{identified}", "traits": {"email": EMAIL}, "timestamp": at(length)}
    messages = data.draw(st.permutations([*row_of(length), identify]), "order")
    memory = Memory()
    while messages:
        size = data.draw(st.integers(1, len(messages)), "cycle")
        memory.cycle(messages[:size])
        messages = messages[size:]
    found = memory.cycle([track(user) for user in range(length)])
    assert {event.email for event in found.work.events} == {EMAIL}
    assert len(found.work.events) == length


def test_a_row_of_any_length_costs_a_bounded_number_of_look_ups() -> None:
    memory = Memory()
    memory.cycle(row_of(3 * MAX_STEPS))
    memory.lookups = 0
    held = memory.cycle([track(0)])
    fate = held.outcomes.fates[0]
    assert isinstance(fate, Hold)
    assert memory.lookups <= MAX_STEPS
    assert len(fate.keys) <= 4 * MAX_STEPS
