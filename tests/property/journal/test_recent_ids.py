"""Recent ids: every message that was added is a candidate, memory stays bounded, the window is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.journal.test_recent_ids import recent

from hubwire.journal.caches import POSITION_BITS

keys = st.integers(min_value=0, max_value=2**64 - 1)


# Keys that share a slot, a top part, or both, are what an open-addressing table gets wrong.
close_keys = st.builds(
    lambda top, low: (top << POSITION_BITS) | low, st.integers(0, 3), st.one_of(st.integers(0, 3), st.just(2**40 - 1))
)


@given(st.lists(st.one_of(keys, close_keys), max_size=200))
def test_every_added_key_is_a_candidate_with_its_position(added: list[int]) -> None:
    ids = recent()
    ids.add(added, 1, 0)
    found = ids.candidates(added)
    for index in range(len(added)):
        assert index + 1 in found[index]
    assert len(ids) == len(added)


@given(st.sets(keys, max_size=50), st.sets(keys, max_size=50))
def test_a_key_that_was_not_added_is_a_candidate_only_by_its_top_bits(added: set[int], looked_up: set[int]) -> None:
    ids = recent()
    ids.add(sorted(added), 1, 0)
    tops = {key >> POSITION_BITS for key in added}
    expected = sorted(looked_up - added)
    for index in ids.candidates(expected):
        assert expected[index] >> POSITION_BITS in tops
