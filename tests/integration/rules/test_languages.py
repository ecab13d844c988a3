"""What holds for every mapping, trigger and message: no error but our own, and accepted triggers mean one thing."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubwire.plan.rules import (
    MappingFailed,
    MappingRefused,
    Reading,
    RuleIndex,
    TriggerRefused,
    compile_mapping,
    compile_trigger,
)
from hubwire.plan.rules.faults import DIRECTIVES
from hubwire.plan.rules.triggers.globs import matches
from hubwire.plan.rules.triggers.readings import difference

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
KEYS = st.sampled_from(["a", "b", "1", "length", "exists", "then", "else", "value", "objects", "direction", "pattern"])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
TEMPLATES = st.sampled_from(["{{a}}", "{{ a | plus: 1 }}", "$.a", "$.b[0]", "{% if a > b %}x{% endif %}", "{{a|sum}}"])
MAPPINGS = st.recursive(
    JSON | TEMPLATES,
    lambda inner: st.dictionaries(
        st.sampled_from(sorted(DIRECTIVES)) | KEYS,
        inner | st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=2),
        max_size=2,
    ),
    max_leaves=8,
)

FIELDS = st.sampled_from(["type", "event", "userId", "properties.a", "properties.b", "traits.a", "context.a.b"])
VALUES = st.sampled_from(['"track"', '"A"', "'A'", '"5"', "5", "2.5", "true", "false", "null", '"A*"', '"*A*"'])
ATOMS = st.one_of(
    st.builds("{} {} {}".format, FIELDS, st.sampled_from(["=", "!=", "<", ">="]), VALUES),
    st.builds(
        "{}{}({}, {})".format, st.sampled_from(["", "!"]), st.sampled_from(["contains", "match"]), FIELDS, VALUES
    ),
    FIELDS,
)
TRIGGERS = st.recursive(
    ATOMS,
    lambda inner: (
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("{}({})".format, st.sampled_from(["", "!"]), inner)
    ),
    max_leaves=5,
)
FIELD_VALUES = st.sampled_from(["track", "A", "AB", "xA", "5", "", 5, 2.5, 0, True, False, None, [], ["A"], {"b": "A"}])
OBJECTS = st.dictionaries(st.sampled_from(["a", "b"]), FIELD_VALUES, max_size=2)


@st.composite
def messages(draw: Any) -> dict[str, Any]:
    message: dict[str, Any] = {"type": draw(st.sampled_from(["track", "identify", "page"]))}
    if message["type"] == "track":
        message["event"] = draw(st.sampled_from(["A", "AB", "xA", "track", "5", "other"]))
    for name in ("properties", "traits", "context"):
        if draw(st.booleans()):
            message[name] = draw(OBJECTS)
    if draw(st.booleans()):
        message["userId"] = draw(st.sampled_from(["A", "5", "track", "u"]))
    return message


@given(mapping=MAPPINGS, message=st.dictionaries(KEYS, JSON, max_size=4))
@settings(max_examples=150, deadline=None)
def test_a_mapping_is_refused_fails_for_a_message_or_gives_a_result(mapping: Any, message: dict[str, Any]) -> None:
    try:
        resolve = compile_mapping({"v": mapping})
    except MappingRefused:
        return
    with contextlib.suppress(MappingFailed):
        assert isinstance(resolve(message), dict)


@given(text=st.text(max_size=40) | TRIGGERS, message=messages())
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_trigger_or_refused_in_both_readings(text: str, message: dict[str, Any]) -> None:
    for reading in Reading:
        try:
            trigger = compile_trigger(text, reading)
        except TriggerRefused:
            continue
        assert trigger.fires(message) in (True, False)


@given(text=TRIGGERS, tried=st.lists(messages(), min_size=5, max_size=20))
@settings(max_examples=80, deadline=None)
def test_a_trigger_that_is_taken_means_the_same_in_both_readings(text: str, tried: list[dict[str, Any]]) -> None:
    try:
        found = difference(text)
    except TriggerRefused:
        return
    form = text if found is None else found.form
    if form is None:
        return
    documented = compile_trigger(text)
    try:
        package = compile_trigger(form, Reading.SEGMENT).fires
    except TriggerRefused:
        package = never
    for message in tried:
        assert documented.fires(message) is package(message), (text, form)


def never(message: Mapping[str, Any]) -> bool:
    """What a trigger does that the package cannot read."""
    return False


@pytest.mark.parametrize("reading", list(Reading))
@given(texts=st.lists(TRIGGERS, min_size=1, max_size=6), message=messages())
@settings(max_examples=80, deadline=None)
def test_every_rule_that_fires_is_a_candidate_and_fires_within_the_index(
    reading: Reading, texts: list[str], message: dict[str, Any]
) -> None:
    triggers = []
    for text in texts:
        try:
            triggers.append(compile_trigger(text, reading))
        except TriggerRefused:
            continue
    index = RuleIndex([(trigger.reach, number) for number, trigger in enumerate(triggers)], tuple)

    candidates = index.candidates(message["type"], message.get("event"))

    fired = {number for number, trigger in enumerate(triggers) if trigger.fires(message)}
    assert fired == {number for number in candidates if triggers[number].fires_within(message)}


@given(pattern=st.text("ab*?", max_size=7), text=st.text("ab", max_size=7))
@settings(max_examples=200)
def test_globs_match_as_their_definition_says(pattern: str, text: str) -> None:
    def fits(signs: str, rest: str) -> bool:
        if not signs:
            return not rest
        if signs[0] == "*":
            return any(fits(signs[1:], rest[start:]) for start in range(len(rest) + 1))
        return bool(rest) and signs[0] in ("?", rest[0]) and fits(signs[1:], rest[1:])

    assert matches(text, pattern) is fits(pattern, text)
