"""plan() as a whole: it never raises, and what it makes is always fit to send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubwire.destination import Destination, Mapping, Source, SourceKind
from hubwire.message import JournalRow, read_message
from hubwire.operation import Associate, Plan, SendEvent, UpsertCompany, UpsertContact
from hubwire.plan import Identity, keys_of, links_of, plan, pointer_targets
from hubwire.plan.default_portal import choice, default_portal
from hubwire.plan.emails import clean_email
from hubwire.plan.properties import MAX_LEFT_OUT
from hubwire.reasons import EXPLANATIONS
from hubwire.schema import EventDefinition, PortalSchema, PropertyDefinition

KEYS = """email Email name firstName first_name company companyName address city zip postalCode createdAt website domain
industry employees lifecycle_stage position title a_number a_bool a_date a_time roles traits hubspot consent library
categoryPreferences HubSpot All revenue value total url device utk hubwire_domain plan""".split()  # noqa: SIM905

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["a@b.co", "www.acme.com", "2026-01-31", "1e400", "", " ", "@", "null", "\u200b", "x" * 300, "loaded"]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)
fields = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), values, max_size=8)
bodies = st.fixed_dictionaries(
    {"type": st.sampled_from(["identify", "track", "page", "screen", "group", "alias"])},
    optional={
        "userId": values, "anonymousId": values, "groupId": values, "previousId": values, "event": values,
        "name": values,        "traits": fields | values, "properties": fields | values, "context": fields | values,
        "integrations": fields | values, "_metadata": fields | values, "timestamp": values,
    },
)  # fmt: skip
mappings = st.builds(
    Mapping,
    contact=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["email", "a_number", "gone", None]), max_size=3),
    company=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["domain", "name", "gone", None]), max_size=2),
    events=st.dictionaries(st.text(max_size=3), st.sampled_from(["bought", "pe123_x", "", None]), max_size=2),
    create_properties=st.booleans(),
    create_event_definitions=st.booleans(),
    pages_as_events=st.booleans(),
    screens_as_events=st.booleans(),
    group_from_browser=st.booleans(),
    companies_need_contact=st.booleans(),
    consent_categories=st.sampled_from([(), ("a",)]),
)


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


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(bodies, mappings, st.sampled_from(SourceKind))
def test_any_json_gets_a_plan_that_is_fit_to_send(body: dict[str, Any], mapping: Mapping, kind: SourceKind) -> None:
    made = planned(body, mapping, kind)
    assert bool(made.operations) != (made.fate is not None)
    assert len(made.left_out) <= MAX_LEFT_OUT
    assert all(one.reason in EXPLANATIONS and len(one.field) <= 130 for one in made.left_out)
    for operation in made.operations:
        if isinstance(operation, UpsertContact | SendEvent | Associate):
            assert clean_email(operation.email) == operation.email
        if isinstance(operation, UpsertContact):
            assert_writable(operation.properties.keys(), SCHEMA.contact, made)
            assert "email" not in operation.properties
        elif isinstance(operation, UpsertCompany):
            assert_writable(operation.properties.keys(), SCHEMA.company, made)
            assert operation.properties["domain"].value == operation.domain
        elif isinstance(operation, SendEvent):
            assert len(operation.properties) <= 50
            assert operation.properties.keys() == operation.types.keys()
            assert all(0 < len(written.value) <= 1024 for written in operation.properties.values())


def assert_writable(names: Any, known: dict[str, PropertyDefinition], made: Plan) -> None:
    new = {name for _, name, _ in made.missing_properties}
    for name in names:
        assert name in new or not known[name].is_read_only
        assert not name.startswith("hubwire_")


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
        made = planned(body, mapping)
        assert len(made.left_out) <= MAX_LEFT_OUT
        assert len(made.missing_properties) <= 25


def test_rules_are_made_again_when_the_schema_changes(planner: Any) -> None:
    first = planner.plan("identify", userId="1", traits={"email": "a@b.co", "plan": "pro"})
    assert [one.field for one in first.left_out] == ["traits.plan"]
    planner.schema.contact["plan"] = PropertyDefinition("plan")
    second = planner.plan("identify", userId="1", traits={"email": "a@b.co", "plan": "pro"})
    assert second.left_out == []
    planner.schema.contact["plan"] = PropertyDefinition("plan", "number")
    planner.schema.version += 1
    third = planner.plan("identify", userId="1", traits={"email": "a@b.co", "plan": "pro"})
    assert [one.reason.value for one in third.left_out] == ["wrong-type"]


def test_our_own_key_property_cannot_be_written_from_a_trait(planner: Any) -> None:
    planner.schema.company["hubwire_domain"] = PropertyDefinition("hubwire_domain", is_unique=True)
    planner.plan("identify", userId="1", traits={"email": "a@b.co"})
    made = planner.plan(
        "group", userId="1", groupId="g", traits={"website": "acme.com", "hubwire_domain": "x", "domain": "y.com"}
    )
    assert {one.field: one.reason.value for one in made.left_out} == {
        "traits.hubwire_domain": "read-only-property",
        "traits.domain": "read-only-property",
    }


def test_a_text_longer_than_hubspot_takes_is_left_out(planner: Any) -> None:
    made = planner.plan("identify", userId="1", traits={"email": "a@b.co", "city": "x" * 65_537, "zip": "1"})
    assert [(one.field, one.reason.value) for one in made.left_out] == [("traits.city", "too-long")]
    assert made.operations[0].properties.keys() == {"zip"}


def test_an_identify_of_a_known_person_with_nothing_to_write_is_discarded(planner: Any) -> None:
    planner.plan("identify", userId="1", traits={"email": "a@b.co"})
    made = planner.plan("identify", userId="1", traits={"unheard_of": 1})
    assert made.operations == []
    assert made.fate is not None
    assert made.fate.reason.value == "nothing-to-send"


def test_rudderstack_identifies_are_read_from_context_traits(planner: Any) -> None:
    made = planner.plan("identify", userId="1", context={"traits": {"email": "a@b.co", "firstName": "Ada", "x": 1}})
    assert made.operations[0].properties["firstname"].value == "Ada"
    assert made.left_out[0].field == "context.traits.x"
