"""URLs and forms are read with bounds, and a filter survives the way into a URL and back."""

from __future__ import annotations

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web.test_parameters import KNOWN

from hubwire.delivery import State
from hubwire.errors import BadValue
from hubwire.message import MessageType
from hubwire.reasons import Reason
from hubwire.record.message_filter import MessageFilter
from hubwire.web.parameters import (
    filter_query,
    message_filter,
)

TEXTS = st.none() | st.text(min_size=1, max_size=20).filter(lambda value: value == value.strip())


@given(
    st.builds(
        MessageFilter,
        state=st.none() | st.sampled_from(State),
        reason=st.none() | st.sampled_from([reason.value for reason in Reason]),
        user=TEXTS,
        type=st.none() | st.sampled_from([kind.value for kind in MessageType]),
        event=TEXTS,
        source_id=st.none() | st.just(1),
        destination_id=st.none() | st.just(2),
        rejected=st.none() | st.booleans(),
        since_ms=st.none() | st.integers(0, 10**14),
        until_ms=st.none() | st.integers(0, 10**14),
        text=TEXTS,
        left_out=TEXTS,
        where=st.none() | TEXTS.map(lambda text: f"properties.plan={text}"),
    )
)
def test_a_filter_in_a_url_is_the_same_filter(expected: MessageFilter) -> None:
    fields = dict(parse_qsl(filter_query(expected), keep_blank_values=True))
    assert message_filter(fields, KNOWN) == expected


@given(st.dictionaries(st.sampled_from(["state", "reason", "limit", "since", "source", "q", "rejected"]), st.text()))
def test_any_query_gives_a_filter_or_names_the_field(fields: dict[str, str]) -> None:
    refused = None
    try:
        message_filter(fields, KNOWN)
    except BadValue as exc:
        refused = exc.field
    assert refused is None or refused in fields
