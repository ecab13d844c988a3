"""Whatever the bytes: an upload is taken whole or refused with a reason, and what is taken can be read again."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.receive.fuzzing import ROUTES, SOURCES, take

from hubwire.destination import Source
from hubwire.errors import UploadRefused
from hubwire.receive.paths import Route, Takes

sources = st.sampled_from(SOURCES)


routes = st.sampled_from(ROUTES)


names = st.sampled_from(
    ["type", "messageId", "userId", "anonymousId", "event", "groupId", "previousId", "timestamp", "context", "writeKey"]
)


numbers = st.integers(-(10**40), 10**40) | st.floats()


values = st.recursive(
    st.none() | st.booleans() | numbers | st.text() | st.sampled_from(["track", "page", "alias", "2026-11-23"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


messages = st.dictionaries(names, values, max_size=8) | values


uploads = st.fixed_dictionaries(
    {"batch": st.lists(messages, max_size=5)},
    optional={"context": values, "integrations": values, "sentAt": values, "writeKey": values},
)


@given(st.binary(max_size=200), routes, sources)
def test_any_bytes_are_taken_for_their_source_or_refused(body: bytes, route: Route, source: Source) -> None:
    taken = take(body, route, source)
    assert isinstance(taken, UploadRefused) or {entry.source_id for entry in taken} <= {source.source_id}


@given(uploads | messages, routes, sources, st.booleans())
def test_any_json_gives_one_entry_a_message_or_is_refused(
    value: object, route: Route, source: Source, is_strict: bool
) -> None:
    taken = take(json.dumps(value).encode(), route, source, is_strict=is_strict)
    if not isinstance(taken, UploadRefused):
        batch = value.get("batch") if isinstance(value, dict) else None
        assert len(taken) == (len(batch) if route.takes is Takes.UPLOAD and isinstance(batch, list) else 1)


@given(uploads, st.data())
def test_json_with_some_bytes_changed(value: object, data: st.DataObject) -> None:
    body = bytearray(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if not body:
            break
    take(bytes(body), ROUTES[0], SOURCES[0])


@given(st.lists(st.dictionaries(names, values, max_size=8), max_size=5))
def test_every_object_of_a_json_batch_becomes_one_entry(batch: list[object]) -> None:
    taken = take(json.dumps({"batch": batch}).encode(), ROUTES[0], SOURCES[1])
    assert not isinstance(taken, UploadRefused)
    assert len(taken) == len(batch)
