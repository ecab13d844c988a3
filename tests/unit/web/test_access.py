"""Tries are counted by address and forgotten in time; roles include one another; only our own origin may change."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from hubwire.clock import FakeClock
from hubwire.registry.access import Role
from hubwire.web.access import MAX_ADDRESSES, TooManyTries, Tries
from hubwire.web.guard import is_same_origin


def test_tries_run_out_and_come_back() -> None:
    clock = FakeClock()
    tries = Tries(3, 60, clock)
    for _ in range(3):
        tries.check("a")
        tries.failed("a")
        clock.advance(10)
    with pytest.raises(TooManyTries) as refused:
        tries.check("a")
    assert refused.value.retry_after_seconds == 30
    tries.check("b")
    clock.advance(31)
    tries.check("a")


def test_no_number_of_addresses_fills_the_memory() -> None:
    tries = Tries(1, 60, FakeClock())
    for number in range(MAX_ADDRESSES + 100):
        tries.failed(str(number))
    tries.check("0")
    with pytest.raises(TooManyTries):
        tries.check(str(MAX_ADDRESSES))


def test_a_role_may_what_the_ones_before_it_may() -> None:
    assert [[role.may(needed) for needed in Role] for role in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://h", "host": "h"}, False),
        ({"origin": "http://h:8080", "host": "h:8080"}, True),
        ({"origin": "https://h", "host": "h"}, True),
        ({"origin": "http://h:8081", "host": "h:8080"}, False),
        ({"origin": "null", "host": "h"}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_are_the_same_origin(headers: dict[str, str], expected: bool) -> None:
    assert is_same_origin(Headers(headers)) is expected
