"""Request bodies and answers of the calls that deliver."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.hubspot.test_wire import One

from hubwire.hubspot import wire


@given(st.binary(max_size=80))
def test_no_body_breaks_the_readers(body: bytes) -> None:
    wire.read_batch(body)
    wire.read_pairs(body)
    wire.found_companies(body)


@given(st.lists(st.tuples(st.text(max_size=6), st.dictionaries(st.text(max_size=4), st.text(max_size=6))), max_size=4))
def test_any_text_survives_the_way_out(people: list[tuple[str, dict[str, str]]]) -> None:
    inputs = [One(str(index), key, properties) for index, (key, properties) in enumerate(people)]
    sent = msgspec.json.decode(wire.upsert_objects(inputs, id_property="email"))["inputs"]
    assert [(one["id"], one["properties"]) for one in sent] == people
