"""Bisection: every input is settled, and one poison input costs few calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.deliver.calls.test_bisect import settle


@given(st.integers(1, 130).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_exactly_the_poison_is_refused_alone(case: tuple[int, set[int]]) -> None:
    count, poison = case
    taken, refused, _ = settle(count, poison)
    assert refused == poison
    assert taken == set(range(count)) - poison
