"""Request bodies and answers of the calls that deliver."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.hubspot.test_wire import One

from hubwire.hubspot import wire

SOME_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["results", "errors", "id"]), inner),
    max_leaves=8,
)


@given(st.binary(max_size=80) | SOME_JSON.map(msgspec.json.encode))
def test_only_a_json_object_is_read_as_an_answer(body: bytes) -> None:
    try:
        is_object = isinstance(msgspec.json.decode(body), dict)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        is_object = False
    assert (wire.read_batch(body) is not None, wire.read_pairs(body) is not None) == (is_object, is_object)
    batch = wire.read_batch(body)
    assert len(wire.found_companies(body)) <= (len(batch.results) if batch else 0)


@given(st.lists(st.tuples(st.text(max_size=6), st.dictionaries(st.text(max_size=4), st.text(max_size=6))), max_size=4))
def test_any_text_survives_the_way_out(people: list[tuple[str, dict[str, str]]]) -> None:
    inputs = [One(str(index), key, properties) for index, (key, properties) in enumerate(people)]
    sent = msgspec.json.decode(wire.upsert_objects(inputs, id_property="email"))["inputs"]
    assert [(call["id"], call["properties"]) for call in sent] == people
