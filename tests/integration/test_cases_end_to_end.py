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
        self.wanted: dict[str, Any] = fields["expect_state"]
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
        properties = {plural: [seeded(one) for one in self.portal.get(name, [])] for name, plural in plurals}
        definitions = [
            {
                "name": one["name"],
                "label": one["label"],
                "propertyDefinitions": [{"name": name, "type": kind} for name, kind in one["properties"].items()],
            }
            for one in self.portal.get("events", [])
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
    made = {
        "name": fields["name"],
        "type": fields.get("type", "string"),
        "fieldType": fields.get("field_type", "text"),
        "modificationMetadata": {"readOnlyValue": fields.get("is_read_only", False)},
    }
    if "options" in fields:
        made["options"] = [{"value": value, "label": label} for value, label in fields["options"].items()]
    return made


def assert_state(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Exactly the wanted records, associations and events; of each record and event at least the wanted properties."""
    for kind in STATE_KINDS:
        records = wanted.get(kind, {})
        assert found[kind].keys() == records.keys(), kind
        for key, properties in records.items():
            # HubSpot shows a property that was cleared as one that never was set.
            assert {name: found[kind][key].get(name) or "" for name in properties} == properties, key
    assert found["associations"] == sorted(wanted.get("associations", []))
    order = ["email", "event", "properties"]
    events = sorted(wanted.get("events", []), key=json.dumps)
    mine = sorted(({name: one[name] for name in order} for one in found["events"]), key=json.dumps)
    assert [(one["email"], one["event"]) for one in mine] == [(one["email"], one["event"]) for one in events]
    for one, event in zip(mine, events, strict=True):
        assert one["properties"] | event.get("properties", {}) == one["properties"]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


async def test_a_case_ends_in_its_state_through_http_and_the_emulator(case: Case, tmp_path: Path) -> None:
    assert_state(await case.state_after(tmp_path, [case.messages]), case.wanted)


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
    assert_state(run(case.state_after(tmp_path, uploads)), case.wanted)
