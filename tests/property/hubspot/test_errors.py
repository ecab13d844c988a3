"""Error bodies, as HubSpot, its edge and old routes write them."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hubwire.hubspot.errors import problem_of, read_problem

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["message", "errors", "context", "code", "propertyName", "validationResults", "name", "in"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(ANYTHING)
def test_no_value_breaks_it(raw: object) -> None:
    problem = problem_of(raw)
    assert all(fault.property for fault in problem.faults)


@given(st.binary(max_size=200) | ANYTHING.map(msgspec.json.encode))
def test_no_body_breaks_it(body: bytes) -> None:
    assert len(read_problem(body).text) <= 1_000
