"""Bisection: every input is settled, and one poison input costs few calls."""

from __future__ import annotations

import pytest

from hubwire.deliver.calls.bisect import Bisection


def settle(count: int, poison: set[int]) -> tuple[set[int], set[int], int]:
    """(inputs taken, inputs refused alone, calls) of a bisection after the whole batch was refused."""
    bisection = Bisection(count)
    taken: set[int] = set()
    refused: set[int] = set()
    calls = 0
    while part := bisection.next():
        calls += 1
        assert len(set(part)) == len(part)
        poisoned = not poison.isdisjoint(part)
        if not poisoned:
            taken |= set(part)
        elif len(part) == 1:
            refused |= set(part)
        bisection.report(poisoned)
    return taken, refused, calls


@pytest.mark.parametrize("position", range(100))
def test_one_poison_among_a_hundred_costs_at_most_nine_calls(position: int) -> None:
    assert settle(100, {position})[2] <= 9


def test_a_batch_that_is_all_poison_costs_no_more_than_halving() -> None:
    assert settle(100, set(range(100)))[2] <= 207


def test_an_empty_batch_needs_no_call() -> None:
    assert settle(0, set())[2] == 0


def test_parts_keep_the_order_of_the_inputs() -> None:
    bisection = Bisection(9)
    while part := bisection.next():
        assert list(part) == sorted(part)
        bisection.report(7 in part)
