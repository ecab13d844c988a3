"""`$person.<trait>`: what rules take from what is remembered of a message's person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from hubwire.deliver.cycle.gather import Gatherer
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.destination import Destination, Source, SourceKind
from hubwire.errors import BadValue
from hubwire.message import JournalRow
from hubwire.operation import Link
from hubwire.plan.default_portal import default_portal
from hubwire.plan.person_traits import MAX_VALUE
from hubwire.plan.rules.checks import check_destination
from hubwire.plan.rules.compiling import compile_rule
from hubwire.plan.rules.resolving import root_of
from hubwire.rule import Each, Rule

ANN = "ann@example.test"
RULE = Rule(
    name="Order",
    trigger='event = "Order Completed"',
    event="orders_v2",
    default=False,
    properties={
        "plan": "$person.plan",
        "city": "$person.address.city",
        "note": {"@template": "{{$person.plan}} {{properties.id}}"},
    },
)
IDENTIFY = {
    "type": "identify",
    "userId": "U1",
    "traits": {"email": ANN, "plan": "pro", "address": {"city": "Graz"}, "age": 5},
}


class Memory:
    """The links of a record, over several cycles."""

    def __init__(self, *rules: Rule, sources: Iterable[Source] = ()) -> None:
        self.destination = Destination(destination_id=1, name="hubspot", rules=rules or (RULE,))
        self.sources = {source.source_id: source for source in [Source(source_id=1, name="server"), *sources]}
        self.links: dict[tuple[str, str], Link] = {}
        self.count = 0

    def cycle(self, *messages: dict[str, Any], source_id: int = 1) -> list[dict[str, str]]:
        """The properties of each event of a cycle with these messages, a second apart."""
        rows = []
        for message in messages:
            self.count += 1
            message = {"timestamp": f"2026-01-15T10:00:{self.count:02d}Z", **message}
            body = json.dumps(message).encode()
            rows.append(JournalRow(self.count, source_id, f"m{self.count}", 1768473600000, body, None, False, None))
        gatherer = Gatherer(self.destination, self.sources, default_portal("1"), self._load, Outcomes())
        gatherer.take(rows)
        gatherer.finish()
        for link in gatherer.identity.changed:
            known = self.links.get((link.space, link.key), link)
            self.links[link.space, link.key] = max(known, link, key=lambda found: found.rank)
        return [
            {name: value.value for name, value in sorted(event.properties.items())} for event in gatherer.work.events
        ]

    def _load(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Link]:
        return {key: self.links[key] for key in keys if key in self.links}


def order(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": "U1", "properties": {"id": "o1"}, **fields}


def test_a_trait_is_remembered_over_cycles_for_the_events_of_its_person() -> None:
    memory = Memory()
    memory.cycle(IDENTIFY)
    assert memory.cycle(order()) == [{"city": "Graz", "note": "pro o1", "plan": "pro"}]


def test_only_traits_that_a_rule_names_are_remembered() -> None:
    memory = Memory()
    memory.cycle(IDENTIFY)
    assert {key for space, key in memory.links if space.startswith("traits:")} == {"plan", "address"}


def test_the_newest_value_counts_in_any_order_and_null_is_a_value() -> None:
    memory = Memory()
    newer, older = IDENTIFY | {"timestamp": "2026-01-15T09:00:00Z"}, IDENTIFY | {"timestamp": "2026-01-15T08:00:00Z"}
    memory.cycle(newer | {"traits": {"email": ANN, "plan": "team"}})
    memory.cycle(older)
    assert memory.cycle(order())[0]["plan"] == "team"
    memory.cycle(IDENTIFY | {"traits": {"email": ANN, "plan": None}})
    assert "plan" not in memory.cycle(order())[0]


@pytest.mark.parametrize(
    "track",
    [
        order(userId=None, anonymousId="A1"),
        order(userId=None, anonymousId="A9", properties={"id": "o1", "email": ANN}),
        order(userId=None, anonymousId="A9", context={"traits": {"email": ANN}}),
    ],
    ids=["by device", "by the e-mail of the event", "by the e-mail of the context"],
)
def test_a_person_is_known_by_all_their_ids(track: dict[str, Any]) -> None:
    memory = Memory()
    memory.cycle(IDENTIFY | {"anonymousId": "A1"})
    assert memory.cycle(track)[0]["plan"] == "pro"


def test_a_message_about_another_person_has_nothing_of_its_sender() -> None:
    memory = Memory()
    memory.cycle(IDENTIFY)
    assert memory.cycle(order(properties={"id": "o1", "email": "ben@example.test"})) == [{"note": "o1"}]


def test_another_source_of_the_public_neither_reads_nor_writes_what_a_server_said() -> None:
    page = Source(source_id=2, name="page", kind=SourceKind.WEB, identity_space="source:page")
    memory = Memory(sources=[page])
    memory.cycle(IDENTIFY)
    memory.cycle(IDENTIFY | {"traits": {"email": ANN, "plan": "forged"}}, source_id=2)
    assert memory.cycle(order())[0]["plan"] == "pro"


def test_a_held_track_sees_what_the_identify_brought_that_released_it() -> None:
    memory = Memory()
    assert memory.cycle(order(), IDENTIFY)[0]["plan"] == "pro"


def test_a_value_that_is_too_long_is_not_remembered() -> None:
    memory = Memory()
    memory.cycle(IDENTIFY | {"traits": {"email": ANN, "plan": "x" * MAX_VALUE}})
    assert memory.cycle(order()) == [{"note": "o1"}]


def test_the_elements_of_a_list_have_the_person_too() -> None:
    each = Each(list="$.properties.products", object="line_item", properties={"name": "$person.plan"})
    rule = Rule(name="Lines", trigger="all", object="contact", each=(each,))
    [(_, resolve)] = compile_rule(rule).each[0].fields
    assert resolve(root_of({"id": 1}, {"$person": {"plan": "pro"}}, 0)) == "pro"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"rules": (Rule(name="R", trigger="all", event="e", properties={"a": "$person"}),)}, r"\$person\.plan"),
        ({"contact_key": {"user_id": "$person.id"}}, "known only by it"),
    ],
)
def test_a_person_without_a_trait_is_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadValue, match=fault):
        check_destination(Destination(destination_id=1, name="hubspot", **fields))
