"""The index gives the rules that can fire, in their order, and no others."""

from __future__ import annotations

import pytest

from hubwire.plan.rules import RuleIndex, compile_trigger

TRIGGERS = [
    'type = "identify"',
    'event = "A"',
    'type = "track" and event = "B"',
    'traits.plan = "gold"',
    'type = "track"',
    'type = "track" and type = "page"',
]


@pytest.mark.parametrize(
    ("type_", "event", "expected"),
    [
        ("identify", None, [0, 3]),
        ("track", "A", [1, 3, 4]),
        ("track", "B", [2, 3, 4]),
        ("track", "other", [3, 4]),
        ("page", None, [3]),
        ("page", "A", [1, 3]),
        ("alias", None, [3]),
    ],
)
def test_candidates_are_those_whose_trigger_can_fire(type_: str, event: str | None, expected: list[int]) -> None:
    index = RuleIndex([(compile_trigger(trigger).reach, number) for number, trigger in enumerate(TRIGGERS)], tuple)

    assert list(index.candidates(type_, event)) == expected


def test_an_index_without_rules_has_no_candidates() -> None:
    assert RuleIndex[str, tuple[str, ...]]([], tuple).candidates("track", "A") == ()
