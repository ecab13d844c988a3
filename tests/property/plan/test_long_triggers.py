"""Triggers of many parts, each tried with a sample of messages for every part."""

from __future__ import annotations

import pytest

from hubwire.plan.rules import refuse_two_meanings


@pytest.mark.parametrize(
    "trigger",
    [
        " or ".join(f'event = "Event {number}"' for number in range(150)),
        " and ".join(f'properties.p{number} != "x"' for number in range(40)),
    ],
)
def test_a_long_trigger_that_means_one_thing_is_taken(trigger: str) -> None:
    refuse_two_meanings(trigger)
