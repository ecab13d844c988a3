"""plan() as a whole: it never raises, and what it makes is always fit to send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubwire.decoding import read_message
from hubwire.destination import Destination, Mapping, Source, SourceKind
from hubwire.message import JournalRow
from hubwire.operation import Plan
from hubwire.plan import Identity, keys_of, links_of, plan, pointer_targets
from hubwire.plan.conversion.properties import MAX_LEFT_OUT
from hubwire.plan.default_portal import choice, default_portal
from hubwire.schema import EventDefinition, PortalSchema, PropertyDefinition


def portal() -> PortalSchema:
    schema = default_portal("123")
    for kind in ("number", "bool"):
        schema.contact[f"a_{kind}"] = PropertyDefinition(f"a_{kind}", kind)
    schema.contact["a_date"] = PropertyDefinition("a_date", "date")
    schema.contact["a_time"] = PropertyDefinition("a_time", "datetime")
    schema.contact["roles"] = choice("roles", "A B", "checkbox")
    schema.company["hubwire_domain"] = PropertyDefinition("hubwire_domain", is_unique=True)
    schema.add_event(EventDefinition("pe123_bought", "bought", "Bought", {"revenue": "number", "plan": "string"}))
    return schema


SCHEMA = portal()


def planned(body: dict[str, Any], mapping: Mapping, kind: SourceKind = SourceKind.SERVER) -> Plan:
    message = read_message(JournalRow(1, 1, "m1", 1768473000000, json.dumps(body).encode(), None, False, None))
    source = Source(source_id=1, name="s", kind=kind, device_mode=kind is SourceKind.WEB)
    destination = Destination(destination_id=1, name="d", mapping=mapping)
    identity = Identity()
    for link in links_of(message, source, destination):
        identity.learn(link)
    pointer_targets(identity.changed)
    assert all(len(pair) == 2 for pair in keys_of(message, source))
    return plan(message, source, destination, SCHEMA, identity)


@pytest.mark.parametrize("kind", ["identify", "track", "page", "group"])
def test_deep_nesting_and_many_keys_are_survived(kind: str) -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = {"a": deep, "b": [deep]} if isinstance(deep, str) else {"a": deep}
    wide = {f"k{index}": index for index in range(2000)}
    body = {"type": kind, "userId": "1", "event": "Bought", "groupId": "g", "properties": {"deep": deep, **wide}}
    body |= {
        "traits": {"email": "a@b.co", "website": "acme.com", "deep": deep, **wide},
        "context": {"traits": {"email": "a@b.co"}},
    }
    for mapping in (Mapping(), Mapping(create_properties=True, pages_as_events=True, companies_need_contact=False)):
        plan = planned(body, mapping)
        assert len(plan.left_out) <= MAX_LEFT_OUT
        assert len(plan.missing_properties) <= 25


def test_rules_are_made_again_when_the_schema_changes(planner: Any) -> None:
    first = planner.plan("identify", userId="1", traits={"email": "a@b.co", "plan": "pro"})
    assert [field.field for field in first.left_out] == ["traits.plan"]
    planner.schema.contact["plan"] = PropertyDefinition("plan")
    second = planner.plan("identify", userId="1", traits={"email": "a@b.co", "plan": "pro"})
    assert second.left_out == []
    planner.schema.contact["plan"] = PropertyDefinition("plan", "number")
    planner.schema.version += 1
    third = planner.plan("identify", userId="1", traits={"email": "a@b.co", "plan": "pro"})
    assert [field.reason.value for field in third.left_out] == ["wrong-type"]


def test_our_own_key_property_cannot_be_written_from_a_trait(planner: Any) -> None:
    planner.schema.company["hubwire_domain"] = PropertyDefinition("hubwire_domain", is_unique=True)
    planner.plan("identify", userId="1", traits={"email": "a@b.co"})
    plan = planner.plan(
        "group", userId="1", groupId="g", traits={"website": "acme.com", "hubwire_domain": "x", "domain": "y.com"}
    )
    assert {field.field: field.reason.value for field in plan.left_out} == {
        "traits.hubwire_domain": "read-only-property",
        "traits.domain": "read-only-property",
    }


def test_a_text_longer_than_hubspot_takes_is_left_out(planner: Any) -> None:
    plan = planner.plan("identify", userId="1", traits={"email": "a@b.co", "city": "x" * 65_537, "zip": "1"})
    assert [(field.field, field.reason.value) for field in plan.left_out] == [("traits.city", "too-long")]
    assert plan.operations[0].properties.keys() == {"zip"}


def test_an_identify_of_a_known_person_with_nothing_to_write_is_discarded(planner: Any) -> None:
    planner.plan("identify", userId="1", traits={"email": "a@b.co"})
    plan = planner.plan("identify", userId="1", traits={"unheard_of": 1})
    assert plan.operations == []
    assert plan.fate is not None
    assert plan.fate.reason.value == "nothing-to-send"


def test_rudderstack_identifies_are_read_from_context_traits(planner: Any) -> None:
    plan = planner.plan("identify", userId="1", context={"traits": {"email": "a@b.co", "firstName": "Ada", "x": 1}})
    assert plan.operations[0].properties["firstname"].value == "Ada"
    assert plan.left_out[0].field == "context.traits.x"
