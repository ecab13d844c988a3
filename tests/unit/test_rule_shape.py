"""The shape of a rule: a fault names its place and what helps."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hubwire.rule import Rule
from hubwire.rule_shape import explained, rule_place

RULE = {"name": "Plan", "trigger": "all", "object": "contact", "properties": {"plan": "x"}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"propertys": {}}, "a rule has no field `propertys`; did you mean `properties`?"),
        ({"zzz": 1}, "a rule has no field `zzz`; its fields are name, trigger,"),
        ({"associate": [{"object": "company", "kye": {}}]}, "associate[0]: an association has no field `kye`"),
        (
            {"each": [{"list": "$.a", "object": "line_item", "mode": "x"}]},
            "each[0].mode: 'x' is none of upsert",
        ),
        ({"mode": "replace"}, "mode: 'replace' is none of upsert, update, create"),
        ({"enabled": "yes"}, "enabled: expected true or false, not a text"),
        ({"find": {"a": 1}}, "find: expected a list, not a table"),
        ({"skip": 5}, "skip: expected a text or nothing, not a number"),
        ({"each": [{"object": "deal"}]}, "each[0]: give it a `list`"),
    ],
)
def test_a_fault_of_the_shape_is_explained(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(RULE | change, Rule)
    assert explained(str(refused.value)).startswith(expected)


def test_a_fault_among_several_rules_names_its_rule() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"rule": [RULE, RULE | {"mode": "x"}]}, dict[str, list[Rule]])
    assert explained(str(refused.value)).endswith("'x' is none of upsert, update, create")
    assert rule_place("Expected `str`, got `int` - at `$.rule[3].name`") == 3
