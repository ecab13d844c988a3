"""The rules of a destination, compiled: those that a version cannot read are off, and nothing raises."""

from __future__ import annotations

import pytest
from tests.unit.plan.conftest import message

from hubwire.destination import Destination, Source
from hubwire.plan import Identity, plan
from hubwire.plan.default_portal import default_portal
from hubwire.plan.rules.rule_set import rule_set
from hubwire.rule import Rule

GOOD = Rule(name="City", trigger='type = "identify"', object="contact", properties={"city": "$.traits.town"})


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"trigger": "type = "}, "expected"),
        ({"properties": {"state": {"@nothing": 1}}}, "@nothing"),
        ({"key": {"email": {"@pth": "$.a"}}}, "@pth"),
        ({"fallback": {"state": {"@if": 1}}}, "@if"),
    ],
)
def test_a_stored_rule_that_cannot_be_read_is_off_and_the_others_run(changes: dict[str, object], fault: str) -> None:
    fields = {"name": "Bad", "trigger": 'type = "identify"', "object": "contact", "properties": {"state": "x"}}
    bad = Rule(**{**fields, **changes})  # type: ignore[arg-type]
    destination = Destination(destination_id=1, name="hubspot", rules=(bad, GOOD))

    planned = plan(
        message(traits={"email": "ann@example.test", "town": "Vienna"}),
        Source(source_id=1, name="server"),
        destination,
        default_portal("1"),
        Identity(),
    )

    assert [operation.properties["city"].value for operation in planned.operations] == ["Vienna"]  # type: ignore[union-attr]
    [(name, why)] = rule_set(destination).faults.items()
    assert name == "Bad"
    assert fault in why
