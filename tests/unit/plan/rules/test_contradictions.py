"""A trigger that can never fire is told from one that can: only what is sure counts."""

from __future__ import annotations

import pytest

from hubwire.plan.rules.triggers.contradictions import contradiction
from hubwire.plan.rules.triggers.documented import parse


@pytest.mark.parametrize(
    "trigger",
    [
        'userId = "a" and userId = "b"',
        'type = "track" and (properties.a = 1 and properties.a = 2)',
        "properties.a > 5 and properties.a <= 5",
        "properties.a >= 6 and properties.a < 5",
        'properties.a = "5" and properties.a > 3',
        "properties.a = 2 and properties.a > 3",
        "properties.a = 5 and properties.a != 5",
        'properties.a = null and contains(properties.a, "x")',
        'properties.a = 1 and properties.a = "1"',
        "properties.a = 1 and properties.a = true",
        "(properties.a = 1 and properties.a = 2) or (properties.b > 2 and properties.b < 1)",
        "1 = 2",
        'properties.x = 1 and "a" = "b"',
    ],
)
def test_conditions_that_exclude_each_other_are_found(trigger: str) -> None:
    assert contradiction(parse(trigger)) is not None


@pytest.mark.parametrize(
    "trigger",
    [
        "all",
        'userId = "a" or userId = "b"',
        'userId = "a" and anonymousId = "b"',
        "properties.a >= 5 and properties.a <= 5",
        "properties.a > 3 and properties.a < 5 and properties.a != 4",
        "properties.a = 4 and properties.a > 3",
        'properties.a = "x" and properties.a != "y"',
        'contains(event, "a") and contains(event, "b")',
        'match(event, "a*") and event = "ab"',
        '!(properties.a = 1) and properties.a = 1 or type = "track"',
        'properties.a = 1 and properties.a = 2 or type = "track"',
        "1 = 1",
    ],
)
def test_conditions_that_a_message_can_fulfil_are_left_alone(trigger: str) -> None:
    assert contradiction(parse(trigger)) is None
