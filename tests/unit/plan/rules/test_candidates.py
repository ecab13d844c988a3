"""Candidates see of a message what their rules can read: leaving the rest out changes no answer and no value."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.plan.conftest import message

from hubwire.plan.rules.candidates import Candidates
from hubwire.plan.rules.compiling import compile_rule
from hubwire.rule import Rule

TRACK = message(
    "track",
    event="Order",
    userId="U1",
    anonymousId="A1",
    groupId="G1",
    properties={"plan": "pro", "event": {"name": 5}},
    context={"library": {"name": "node"}, "traits": {"email": "ann@example.test"}},
    integrations={"All": True},
)


def rule(trigger: str = "all", reading: str = "documented", **values: Any) -> Rule:
    properties = values or {"plan": "$.properties.plan"}
    return Rule(name="R", trigger=trigger, reading=reading, object="contact", properties=properties)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "tested",
    [
        rule('context.library.name = "node" and type = "track"'),
        rule('userId = "U1" and anonymousId = "A1"'),
        rule('messageId = "m1"'),
        rule('properties.event.name = 5 and "properties" != null'),
        rule(r'\properties.plan = "pro"'),
        rule('!(groupId = "messageId")'),
        rule('length(integrations) = 0 or contains(event, "Ord")'),
        rule('type = track AND userId != "x"', reading="segment"),
        rule(plan="$.userId", city="$.messageId", state="$.type"),
        rule(plan={"@template": "{{anonymousId}}"}, city="$.{{properties.plan}}"),
        rule(plan={"@json": {"mode": "encode", "value": {"@path": "$."}}}, city="$person.plan", zip="{{userId}}"),
        rule(plan={"@liquid": "{{ context.library.name }}"}, city=5, state="context"),
    ],
    ids=lambda tested: f"{tested.trigger} {tested.properties}",
)
def test_fields_that_are_left_out_change_nothing(tested: Rule) -> None:
    compiled = compile_rule(tested)
    whole, seen = TRACK.as_json(False), Candidates([compiled]).fields(TRACK, False)
    assert compiled.trigger.fires_within(seen) == compiled.trigger.fires(whole)
    assert [resolve(seen) for _, resolve in compiled.fields] == [resolve(whole) for _, resolve in compiled.fields]


def test_a_plain_rule_sees_only_the_fields_that_it_names() -> None:
    plain = Candidates([compile_rule(rule('context.library.name = "node"'))])
    assert plain.fields(TRACK, False).keys() == {"context", "properties"}
    with_type = Candidates([compile_rule(rule('type = "track" or type = "page"'))])
    assert with_type.fields(TRACK, False).keys() == {"type", "properties"}
    with_whole = Candidates([compile_rule(rule()), compile_rule(rule(plan={"@liquid": "{{ userId }}"}))])
    assert with_whole.fields(TRACK, False) == TRACK.as_json(False)
