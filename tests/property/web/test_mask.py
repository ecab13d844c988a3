"""Masking keeps the shape of a payload and says nothing of its person."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hubwire.web.mask import mask_payload

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {"object": [shape(inner) for inner in value.values()]}
    return [shape(inner) for inner in value] if isinstance(value, list) else "value"


@given(JSON)
def test_the_shape_stays(value: Any) -> None:
    assert shape(mask_payload(value)) == shape(value) or not isinstance(value, dict | list)


@given(st.text("abc.", min_size=3, max_size=20), st.sampled_from(["traits", "properties", "results", "inputs"]))
def test_no_text_of_a_person_is_left_whole(text: str, name: str) -> None:
    payload = {name: [{"properties": {"note": text, "email": f"{text.strip('.') or 'a'}@example.com"}}]}
    shown = msgspec.json.encode(mask_payload(payload)).decode()
    assert "@example" not in shown
    assert f'"{text}"' not in shown
