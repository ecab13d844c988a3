"""Write keys: found in a header, remembered without being kept, forgotten when the registry changes."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from hubwire.destination import Source
from hubwire.receive.sources import SourceRates, basic_write_key


@given(st.binary(max_size=300))
def test_any_header_gives_a_key_or_none(header: bytes) -> None:
    for value in (header, b"Basic " + header, b"Basic " + base64.b64encode(header)):
        key = basic_write_key(value)
        assert key is None or 0 < len(key) <= 256


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 2000)), max_size=100))
def test_over_time_no_more_passes_than_the_rate_and_one_upload(uploads: list[tuple[int, int]]) -> None:
    source = Source(source_id=2, name="slow", messages_per_second=10)
    rates, now_ms, passed = SourceRates(), 0, 0
    for count, wait_ms in uploads:
        now_ms += wait_ms
        wait_seconds = rates.take(source, count, now_ms)
        if wait_seconds is None:
            passed += count
        else:
            assert wait_seconds >= 1
    assert passed <= 10 + now_ms / 1000 * 10 + 50
