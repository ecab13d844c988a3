"""Mappings: what the tables of conformance do not hold, and our own bounds."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hubwire.plan.rules import MISSING, MappingFailed, MappingRefused, compile_mapping
from hubwire.plan.rules.liquid.engine import template_fault

MESSAGE = {"type": "track", "event": "Order Completed", "properties": {"id": 9007199254740993, "big": "a" * 2_000}}


def resolved(mapping: Any, message: Any = MESSAGE) -> Any:
    return compile_mapping(mapping)(message)


def test_all_faults_are_named_with_their_places() -> None:
    mapping = {"a": {"@path": 1}, "b": {"@nope": 1}, "c": {"d": {"@template": None}}}

    with pytest.raises(MappingRefused) as refused:
        compile_mapping(mapping)

    assert refused.value.faults == [
        "/a/@path should be a string or a mapping directive but it is a number.",
        "/b has an invalid directive: @nope.",
        "/c/d/@template should be a string or a mapping directive but it is a null.",
    ]


def test_an_object_of_merge_that_is_none_is_named_with_its_place() -> None:
    with pytest.raises(MappingRefused, match=re.escape("/v/@merge should be a object or a mapping directive")):
        compile_mapping({"v": {"@merge": {"direction": "right", "objects": [None]}}})


def test_a_mapping_nested_too_deeply_is_refused() -> None:
    mapping: Any = "x"
    for _ in range(70):
        mapping = {"v": mapping}

    with pytest.raises(MappingRefused, match="nested more than 64 levels"):
        compile_mapping(mapping)


def test_an_integer_beyond_javascript_keeps_its_digits() -> None:
    mapping = {"n": {"@path": "$.properties.id"}, "t": {"@template": "{{properties.id}}"}}

    assert resolved(mapping) == {"n": 9007199254740993, "t": "9007199254740993"}


@pytest.mark.parametrize("path", ["$.constructor", "$.properties.__proto__", "$.event.toString"])
def test_what_every_javascript_object_inherits_is_missing(path: str) -> None:
    assert resolved({"v": {"@path": path}}) == {}


def test_a_mapping_without_a_result_is_missing() -> None:
    assert resolved({"@path": "$.nothing"}) is MISSING


@pytest.mark.parametrize(
    "directive",
    [
        {"@replace": {"pattern": "a", "replacement": "$`$`$`", "value": {"@path": "$.properties.big"}}},
        {"@template": "{{properties.big}}" * 600},
        {"@liquid": "{% assign a = properties.big %}" + "{% assign a = a | append: a %}" * 20 + "{{ a }}"},
        {"@liquid": "{{ properties.big | replace: 'a', properties.big | replace: 'a', properties.big }}"},
        {"@liquid": "{% capture c %}{{ properties.big }}{% endcapture %}" + "{{ c | replace: 'a', c }}"},
    ],
)
def test_a_text_that_grows_beyond_all_bounds_fails_for_that_message(directive: dict[str, Any]) -> None:
    with pytest.raises(MappingFailed, match=r"too long|limit exceeded"):
        resolved({"v": directive})


def test_values_that_multiply_fail_for_that_message() -> None:
    mapping: Any = {"@path": "$"}
    for _ in range(20):
        doubled = {"a": {"@path": "$.a"}, "b": {"@path": "$.a"}}
        mapping = {"@transform": {"apply": {"a": doubled}, "mapping": mapping}}

    with pytest.raises(MappingFailed, match="at most 100,000 values"):
        resolved({"v": mapping})


def test_html_that_is_never_closed_is_stripped_in_linear_time() -> None:
    message = {"html": "<script <style <!-- <" * 20_000}

    assert resolved({"v": {"@liquid": "{{ html | strip_html | size }}"}}, message) == {"v": str(21 * 20_000)}


def test_now_is_when_the_message_was_received() -> None:
    message = {"receivedAt": "2026-03-04T05:06:07Z", "timestamp": "2026-01-01T00:00:00Z"}

    assert resolved({"v": {"@liquid": "{{ 'now' | date: '%Y-%m-%d %H:%M' }}"}}, message) == {"v": "2026-03-04 05:06"}
    assert resolved({"v": {"@liquid": "{{ 'now' | date: '%Y' }}"}}, {}) == {"v": "now"}


def test_a_template_that_can_never_run_is_told_before_a_message_comes() -> None:
    assert template_fault("{{ event | upcase }}") is None
    assert "not closed" in str(template_fault("{{ event"))
    assert "case" in str(template_fault("{% case a %}{% endcase %}"))
    assert "expected a value" in str(template_fault("{{ $.event }}"))


def test_a_fault_in_a_branch_that_is_not_taken_harms_no_message() -> None:
    mapping = {"v": {"@if": {"exists": {"@path": "$.event"}, "then": "ok", "else": {"@liquid": "{{ event"}}}}

    assert resolved(mapping) == {"v": "ok"}
