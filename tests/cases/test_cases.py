"""Runs every case file of this folder through the planner. `README.md` describes the files.

Besides the plans that a file lists, each case must end in its `expect_state` whatever the order in which its messages
arrive: all in one cycle, or each in a cycle of its own, with held messages planned
again when a key that they wait for is linked.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubwire.decoding import read_message
from hubwire.destination import Destination, Mapping, Source
from hubwire.message import JournalRow, Message
from hubwire.operation import (
    ArchiveOthers,
    Associate,
    AssociateRecords,
    Discard,
    Hold,
    Operation,
    Plan,
    SendEvent,
    SetMembership,
    SetSubscription,
    SubmitForm,
    UpsertCompany,
    UpsertContact,
    UpsertRecord,
    hold_key,
)
from hubwire.plan import Identity, links_of, plan
from hubwire.plan.default_portal import default_portal
from hubwire.rule import Rule
from hubwire.schema import EventDefinition, PortalSchema, PropertyDefinition

HUB_ID = "1234567"
RECEIVED_AT_MS = 1768473000000
FILES = sorted(Path(__file__).parent.glob("*.json"))
MAX_ORDERS = 24
FIELDS = {"title", "rows", "source", "mapping", "rule", "destination", "portal", "messages", "plans", "expect_state"}


class Case:
    """One file, decoded."""

    def __init__(self, path: Path) -> None:
        self.fields: dict[str, Any] = json.loads(path.read_text())
        assert set(self.fields) <= FIELDS, f"unknown fields: {set(self.fields) - FIELDS}"
        source = {"source_id": 1, "name": "case", **self.fields.get("source", {})}
        self.source = msgspec.convert(source, Source)
        mapping = msgspec.convert(self.fields.get("mapping", {}), Mapping)
        rules = msgspec.convert(self.fields.get("rule", []), tuple[Rule, ...])
        fixed = Destination(destination_id=1, name="case", hub_id=HUB_ID, mapping=mapping, rules=rules)
        self.destination = msgspec.convert(msgspec.to_builtins(fixed) | self.fields.get("destination", {}), Destination)
        self.messages = [message_of(index, fields) for index, fields in enumerate(self.fields["messages"])]

    def schema(self) -> PortalSchema:
        """HubSpot's default portal with the case's additions."""
        schema = default_portal(HUB_ID)
        portal = self.fields.get("portal", {})
        for object_type, known in (("contact", schema.contact), ("company", schema.company)):
            known.update({record["name"]: property_of(record) for record in portal.get(object_type, [])})
        for event in portal.get("events", []):
            schema.add_event(
                EventDefinition(f"pe{HUB_ID}_{event['name']}", event["name"], event["label"], event["properties"])
            )
        schema.events_available = portal.get("events_available", True)
        return schema


def property_of(fields: dict[str, Any]) -> PropertyDefinition:
    """A property of the portal; `options` are value -> label."""
    options: dict[str, str] | None = fields.get("options")
    return PropertyDefinition(
        name=fields["name"],
        type=fields.get("type", "string"),
        field_type=fields.get("field_type", "text"),
        options=None if options is None else frozenset(options),
        option_labels={label.lower(): value for value, label in (options or {}).items()},
        is_read_only=fields.get("is_read_only", False),
    )


def message_of(index: int, fields: dict[str, Any]) -> Message:
    """A message as receive and the journal would give it; ids and times are filled in where the file has none."""
    fields = {"messageId": f"m{index + 1}", "timestamp": f"2026-01-15T10:00:{index:02d}.000Z", **fields}
    row = JournalRow(index + 1, 1, fields["messageId"], RECEIVED_AT_MS, json.dumps(fields).encode(), None, False, None)
    return read_message(row)


def shown(operation: Operation) -> dict[str, Any]:
    """An operation as the files write it."""
    match operation:
        case UpsertContact():
            return {"upsert_contact": operation.email, "properties": values(operation)}
        case UpsertCompany():
            return {"upsert_company": operation.domain, "properties": values(operation)}
        case Associate():
            return {"associate": [operation.email, operation.domain]}
        case SendEvent():
            event = {"send_event": operation.event, "properties": values(operation)}
            ids = {"email": operation.email, "utk": operation.utk}
            return {**event, **{name: value for name, value in ids.items() if value is not None}}
        case SetMembership():
            return {"list": operation.list_key, operation.object: operation.key, "member": operation.is_member}
        case SetSubscription() | SubmitForm() | UpsertRecord() | AssociateRecords() | ArchiveOthers():
            raise AssertionError("the files have no rules for other objects")


def values(operation: UpsertContact | UpsertCompany | SendEvent) -> dict[str, str]:
    """Property values without the rules that made them."""
    return {name: written.value for name, written in operation.properties.items()}


def shown_plan(plan: Plan) -> dict[str, Any]:
    """A plan as the files write it; empty parts are left away."""
    parts: dict[str, Any] = {"operations": [shown(operation) for operation in plan.operations]}
    if isinstance(plan.fate, Discard):
        parts["discard"] = plan.fate.reason.value
    elif isinstance(plan.fate, Hold):
        parts["hold"] = plan.fate.reason.value
        parts["until"] = list(plan.fate.keys)
    parts["left_out"] = {field.field: field.reason.value for field in plan.left_out}
    parts["missing_properties"] = [list(definition) for definition in plan.missing_properties]
    rules = {
        n: w.rule
        for o in plan.operations
        if not isinstance(
            o, Associate | AssociateRecords | ArchiveOthers | SetMembership | SetSubscription | SubmitForm
        )
        for n, w in o.properties.items()
    }
    return {name: part for name, part in {**parts, "rules": rules}.items() if part}


def plans_in_one_cycle(case: Case, messages: Sequence[Message]) -> list[Plan]:
    """The plans of messages that one cycle takes on together."""
    identity, schema = Identity(), case.schema()
    for message in messages:
        for link in links_of(message, case.source, case.destination):
            identity.learn(link)
    return [plan(message, case.source, case.destination, schema, identity, 0) for message in messages]


def plans_one_by_one(case: Case, messages: Sequence[Message]) -> list[Plan]:
    """The last plans of messages that arrive each in a cycle of its own; a linked key releases what waits for it."""
    identity, schema = Identity(), case.schema()
    plans: dict[int, Plan] = {}
    for message in messages:
        before = set(identity.changed)
        for link in links_of(message, case.source, case.destination):
            identity.learn(link)
        linked = {hold_key(link.space, link.key) for link in set(identity.changed) - before}
        plans[message.position] = plan(message, case.source, case.destination, schema, identity, 0)
        for held in messages:
            fate = plans[held.position].fate if held.position in plans else None
            if isinstance(fate, Hold) and linked.intersection(fate.keys):
                plans[held.position] = plan(held, case.source, case.destination, schema, identity, 0)
    return list(plans.values())


def state_after(plans: Iterable[Plan]) -> dict[str, Any]:
    """What HubSpot holds after the operations, the newest value of each property winning."""
    newest: dict[tuple[str, str, str], tuple[int, str]] = {}
    contacts: dict[str, dict[str, str]] = {}
    companies: dict[str, dict[str, str]] = {}
    associations: set[tuple[str, str]] = set()
    events: list[dict[str, Any]] = []
    for operation in (operation for planned in plans for operation in planned.operations):
        assert not isinstance(operation, UpsertRecord | AssociateRecords | ArchiveOthers), (
            "the files have no rules for other objects"
        )
        if isinstance(operation, SetMembership | SetSubscription | SubmitForm):
            continue  # Emulated lists, subscriptions and forms have tests of their own.
        if isinstance(operation, Associate):
            associations.add((operation.email, operation.domain))
            continue
        if isinstance(operation, SendEvent):
            if operation.email is None:
                continue  # HubSpot shows no event of a visitor that it does not know.
            name = operation.event if operation.event.startswith("pe") else f"pe{HUB_ID}_{operation.event}"
            events.append({"email": operation.email, "event": name, "properties": values(operation)})
            continue
        is_contact = isinstance(operation, UpsertContact)
        key = operation.email if isinstance(operation, UpsertContact) else operation.domain
        record = (contacts if is_contact else companies).setdefault(key, {})
        for name, written in operation.properties.items():
            candidate = (operation.at_ms, written.value)
            where = (type(operation).__name__, key, name)
            if candidate >= newest.get(where, (-1, "")):
                newest[where] = candidate
                record[name] = written.value
    return {
        "contacts": contacts,
        "companies": companies,
        "associations": sorted([list(pair) for pair in associations]),
        "events": sorted(events, key=json.dumps),
    }


def assert_state(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Exactly the wanted records, associations and events; of each record and event at least the wanted properties."""
    for kind in ("contacts", "companies"):
        records = expected.get(kind, {})
        assert found[kind].keys() == records.keys(), kind
        for key, properties in records.items():
            assert {name: found[kind][key].get(name) for name in properties} == properties, key
    assert found["associations"] == sorted(expected.get("associations", []))
    events = sorted(expected.get("events", []), key=json.dumps)
    assert [(e["email"], e["event"]) for e in found["events"]] == [(e["email"], e["event"]) for e in events]
    for each_event, event in zip(found["events"], events, strict=True):
        assert each_event["properties"] | event.get("properties", {}) == each_event["properties"]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def test_plans_are_as_the_file_says(case: Case) -> None:
    found = [shown_plan(plan) for plan in plans_in_one_cycle(case, case.messages)]
    plans: list[dict[str, Any]] = case.fields["plans"]
    for shown, listed in zip(found, plans, strict=True):
        if "rules" not in listed:
            shown.pop("rules", None)
        else:
            shown["rules"] = {name: rule for name, rule in shown["rules"].items() if name in listed["rules"]}
    assert found == plans


def test_state_is_as_the_file_says_in_every_order_of_arrival(case: Case) -> None:
    expect_state = case.fields["expect_state"]
    for order in itertools.islice(itertools.permutations(case.messages), MAX_ORDERS):
        assert_state(state_after(plans_in_one_cycle(case, order)), expect_state)
        assert_state(state_after(plans_one_by_one(case, order)), expect_state)


def test_every_row_is_held_by_what_the_readme_names() -> None:
    root = Path(__file__).parents[2]
    rows = re.findall(r"^\| R(\d+) \|.*\| (.+) \|$", (root / "tests/cases/README.md").read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 31))
    for number, held_by in rows:
        names = re.findall(r"`([^`]+)`", held_by)
        assert names, f"R{number}"
        for name in names:
            path, _, test = name.partition("::")
            if "/" not in name:
                assert list(Path(__file__).parent.glob(name)), f"R{number}: no case {name}"
            else:
                assert (root / path).exists(), f"R{number}: no file {path}"
                assert not test or f"def {test}(" in (root / path).read_text(), f"R{number}: no test {name}"


def test_a_case_names_its_row() -> None:
    for path in FILES:
        rows = json.loads(path.read_text()).get("rows", [])
        assert not path.stem.startswith("R") or f"R{int(path.stem[1:3])}" in rows, path.stem
