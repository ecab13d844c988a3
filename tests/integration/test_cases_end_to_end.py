"""Every case of `tests/cases`, through HTTP, journal, lane and an emulated HubSpot, in every order of arrival."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.world import HUB_ID, World, run

from hubwire.destination import Destination, Mapping, Source
from hubwire.rule import Rule
from hubwire.testing import Emulator, Tier

FILES = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))
STATE_KINDS = ("contacts", "companies")


class Case:
    """One file, decoded."""

    def __init__(self, path: Path) -> None:
        fields: dict[str, Any] = json.loads(path.read_text())
        self.source = msgspec.convert({"source_id": 1, "name": "case", **fields.get("source", {})}, Source)
        mapping = msgspec.convert(fields.get("mapping", {}), Mapping)
        rules = msgspec.convert(fields.get("rule", []), tuple[Rule, ...])
        fixed = Destination(destination_id=1, name="case", hub_id=HUB_ID, mapping=mapping, rules=rules)
        self.destination = msgspec.convert(msgspec.to_builtins(fixed) | fields.get("destination", {}), Destination)
        self.portal: dict[str, Any] = fields.get("portal", {})
        self.expected: dict[str, Any] = fields["expect_state"]
        self.messages = [
            {"messageId": f"m{number}", "timestamp": f"2026-01-15T10:00:{number - 1:02d}.000Z", **message}
            for number, message in enumerate(fields["messages"], 1)
        ]

    @property
    def tier(self) -> Tier:
        return Tier.ENTERPRISE if self.portal.get("events_available", True) else Tier.PROFESSIONAL

    def seed(self, emulator: Emulator) -> None:
        """Make the portal as the file describes it."""
        plurals = (("contact", "contacts"), ("company", "companies"))
        properties = {plural: [seeded(record) for record in self.portal.get(name, [])] for name, plural in plurals}
        definitions = [
            {
                "name": event["name"],
                "label": event["label"],
                "propertyDefinitions": [{"name": name, "type": kind} for name, kind in event["properties"].items()],
            }
            for event in self.portal.get("events", [])
        ]
        emulator.seed(properties=properties, event_definitions=definitions)

    def world(self, folder: Path) -> World:
        """A portal as the file describes it, and nothing delivered yet."""
        world = World(folder, destination=self.destination, sources=[self.source], tier=self.tier)
        self.seed(world.emulator)
        return world

    async def state_after(self, folder: Path, orders: Sequence[Sequence[dict[str, Any]]]) -> dict[str, Any]:
        """What HubSpot holds when the uploads have come one after the other, each delivered before the next."""
        async with self.world(folder) as world:
            driver = world.driver()
            for messages in orders:
                await world.receive(messages, self.source)
                await world.drain(driver)
            assert world.open_rows() == 0
            return world.hubspot()


def seeded(fields: dict[str, Any]) -> dict[str, Any]:
    """A property as the emulator takes it."""
    definition = {
        "name": fields["name"],
        "type": fields.get("type", "string"),
        "fieldType": fields.get("field_type", "text"),
        "modificationMetadata": {"readOnlyValue": fields.get("is_read_only", False)},
    }
    if "options" in fields:
        definition["options"] = [{"value": value, "label": label} for value, label in fields["options"].items()]
    return definition


def assert_state(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Exactly the expected records, associations and events, each with at least the expected properties."""
    for kind in STATE_KINDS:
        records = expected.get(kind, {})
        assert found[kind].keys() == records.keys(), kind
        for key, properties in records.items():
            # HubSpot shows a property that was cleared as one that never was set.
            assert {name: found[kind][key].get(name) or "" for name in properties} == properties, key
    assert found["associations"] == sorted(expected.get("associations", []))
    order = ["email", "event", "properties"]
    events = sorted(expected.get("events", []), key=json.dumps)
    mine = sorted(({name: event[name] for name in order} for event in found["events"]), key=json.dumps)
    assert [(event["email"], event["event"]) for event in mine] == [
        (event["email"], event["event"]) for event in events
    ]
    for sent, event in zip(mine, events, strict=True):
        assert sent["properties"] | event.get("properties", {}) == sent["properties"]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


async def test_a_case_ends_in_its_state_through_http_and_the_emulator(case: Case, tmp_path: Path) -> None:
    assert_state(await case.state_after(tmp_path, [case.messages]), case.expected)


SHUFFLED = [path for path in FILES if len(Case(path).messages) > 1]


@pytest.mark.parametrize("path", SHUFFLED, ids=lambda path: path.stem)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_of_arrival_ends_in_the_same_state(path: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Timestamps are kept, the order and the cycles that take the messages on are not."""
    case = Case(path)
    order = data.draw(st.permutations(case.messages))
    cuts = data.draw(st.sets(st.integers(1, len(order) - 1)))
    uploads = [order[low:high] for low, high in itertools.pairwise([0, *sorted(cuts), len(order)])]
    assert_state(run(case.state_after(tmp_path, uploads)), case.expected)
