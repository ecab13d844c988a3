"""plan() as a whole: it never raises, and what it makes is always fit to send."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.plan.test_planner import SCHEMA, planned

from hubwire.destination import Mapping, SourceKind
from hubwire.explanations import EXPLANATIONS
from hubwire.operation import Associate, Plan, SendEvent, UpsertCompany, UpsertContact
from hubwire.plan.conversion.properties import MAX_LEFT_OUT
from hubwire.plan.emails import clean_email
from hubwire.schema import PropertyDefinition

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


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(bodies, mappings, st.sampled_from(SourceKind))
def test_any_json_gets_a_plan_that_is_fit_to_send(body: dict[str, Any], mapping: Mapping, kind: SourceKind) -> None:
    plan = planned(body, mapping, kind)
    assert bool(plan.operations) != (plan.fate is not None)
    assert len(plan.left_out) <= MAX_LEFT_OUT
    assert all(field.reason in EXPLANATIONS and len(field.field) <= 130 for field in plan.left_out)
    for operation in plan.operations:
        if isinstance(operation, UpsertContact | SendEvent | Associate):
            assert clean_email(operation.email) == operation.email
        if isinstance(operation, UpsertContact):
            assert_writable(operation.properties.keys(), SCHEMA.contact, plan)
            assert "email" not in operation.properties
        elif isinstance(operation, UpsertCompany):
            assert_writable(operation.properties.keys(), SCHEMA.company, plan)
            assert operation.properties["domain"].value == operation.domain
        elif isinstance(operation, SendEvent):
            assert len(operation.properties) <= 50
            assert operation.properties.keys() == operation.types.keys()
            assert all(0 < len(written.value) <= 1024 for written in operation.properties.values())


def assert_writable(names: Any, known: dict[str, PropertyDefinition], plan: Plan) -> None:
    new = {name for _, name, _ in plan.missing_properties}
    for name in names:
        assert name in new or not known[name].is_read_only
        assert not name.startswith("hubwire_")
