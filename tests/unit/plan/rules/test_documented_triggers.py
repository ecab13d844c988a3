"""The documented trigger language: what it means, and errors that say the place and what was expected."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.plan.rules import Reading, TriggerRefused, compile_trigger
from hubwire.plan.rules.triggers import Reach
from hubwire.plan.rules.triggers.globs import matches

MESSAGE: dict[str, Any] = {
    "type": "track",
    "event": "Button Clicked",
    "userId": "u-1",
    "groupId": "g-1",
    "context": {"library": {"name": "analytics.js", "version": "1.0"}},
    "properties": {
        "features": ["discounts", "dark-mode"],
        "a.b": "dotted",
        "seats": 2,
        "on": True,
        "product 1": {"p": "9"},
    },
    "traits": {"email": "ada@example.com"},
}


def fires(trigger: str, message: dict[str, Any] = MESSAGE) -> bool:
    return compile_trigger(trigger).fires(message)


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("event = 'Button Clicked'", True),
        ("event = 'Screen Tapped'", False),
        ("context.path.path = '/login'", False),
        ("type = 'identify' or type = 'track'", True),
        ("match( context.library.version, '1.*' )", True),
        ("type = 'track' and ( event = 'Click' or match( event, 'Button *' ) )", True),
        ("!contains( context.library.name, 'js' )", False),
        ("'dark-mode' in properties.features", True),
        ("'blink' in properties.features", False),
        ("!( type in ['track', 'identify'] )", False),
        ("length( userId ) > 0", True),
        ("typeof(properties.features) = 'list'", True),
        ("lowercase(traits.absent) = null", True),
        ("properties.product\\ 1.p = '9'", True),
        ("properties.a\\.b = 'dotted'", True),
        ("groupId = 'g-1'", True),
        ("traits.email match '*@example.com'", True),
        ("event contains 'Click'", True),
        ("all", True),
    ],
)
def test_the_examples_of_the_documentation(trigger: str, expected: bool) -> None:
    assert fires(trigger) is expected


def test_and_binds_tighter_than_or() -> None:
    assert fires('type = "track" or type = "page" and event = "no"')
    assert not fires('(type = "track" or type = "page") and event = "no"')


@pytest.mark.parametrize(
    "trigger", ['contains(properties.seats, "2")', "properties.on > 1", 'match(properties.on, "*")']
)
def test_a_value_of_another_kind_answers_neither_yes_nor_no(trigger: str) -> None:
    assert not fires(trigger)
    assert not fires(f"!({trigger})")
    assert fires(f'{trigger} or type = "track"')


@pytest.mark.parametrize(
    ("trigger", "place", "expected", "found"),
    [
        ("", "line 1, column 1", "a condition", "the end of the trigger"),
        ('type = "track" AND event = "x"', "line 1, column 16", "`and` in lower-case letters", "'AND'"),
        ('type == "track"', "line 1, column 6", "`=`", "'=='"),
        ('type = "track" &&\n event = "x"', "line 1, column 16", "`and`", "'&&'"),
        ('type = "track"\nand event = "x', "line 2, column 13", 'the " that closes the text', "'\"'"),
        ("type = track", "line 1, column 8", "a text is written in quotes", "'track'"),
        ('userid = "1"', "line 1, column 1", "did you mean userId?", "'userid'"),
        ('startswith(event, "x")', "line 1, column 1", "one of the functions", "'startswith'"),
        ("contains(event)", "line 1, column 15", "contains takes 2 values", "')'"),
        ('(type = "track"', "line 1, column 16", "`)`", "the end of the trigger"),
        ('properties.n > "5"', "line 1, column 16", "a number", "'\"5\"'"),
        ("properties.9th = 1", "line 1, column 11", "a step of a field", "'.'"),
        ("properties.n = 2.", "line 1, column 16", "a number, as 2 or 2.5", "'2.'"),
        ('type = "track" # note', "line 1, column 16", "a trigger has no comments", "'#'"),
        ('match(event, "[ab")', "line 1, column 1", "`]` that closes `[`", "'[ab'"),
        ('"track"', "line 1, column 1", "a condition", "'\"track\"'"),
        ('type = "identify" or "page"', "line 1, column 22", "a condition", "'\"page\"'"),
        ('type.x = "a"', "line 1, column 1", "type alone", "'type.x'"),
        ('event in "a"', "line 1, column 10", "a list", "'\"a\"'"),
    ],
)
def test_an_error_says_the_place_what_was_expected_and_what_stands_there(
    trigger: str, place: str, expected: str, found: str
) -> None:
    with pytest.raises(TriggerRefused) as refused:
        compile_trigger(trigger)

    message = str(refused.value)
    assert message.startswith(f"{place}: expected ")
    assert expected in message
    assert message.endswith(f"found {found}")


def test_brackets_have_a_bound() -> None:
    with pytest.raises(TriggerRefused, match="at most 40 levels"):
        compile_trigger("(" * 60 + 'type = "track"' + ")" * 60)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a*d", "abcd", True),
        ("*", "", True),
        ("ab", "abc", False),
        ("a??d", "abcd", True),
        ("ab\\*d", "ab*d", True),
        ("ab[cC]d", "abCd", True),
        ("ab[A-Z]d", "abcd", False),
        ("a*b*b", "ab", False),
        ("a*b*b", "a\nbxb", True),
        ("a[]", "a", False),
        ("*[a-c]", "xb", True),
        ("[\\]]", "]", True),
    ],
)
def test_globs_cover_the_whole_text(pattern: str, text: str, expected: bool) -> None:
    assert matches(text, pattern) is expected


def test_a_glob_of_many_stars_takes_no_longer_than_its_text() -> None:
    assert not matches("a" * 20_000, "*a" * 25 + "*b")


@pytest.mark.parametrize(
    ("trigger", "reading", "types", "events"),
    [
        ('type = "track" and event = "A"', Reading.DOCUMENTED, {"track"}, {"A"}),
        ('event in ["A", "B"]', Reading.DOCUMENTED, None, {"A", "B"}),
        ('type = "track" or type = "page"', Reading.DOCUMENTED, {"track", "page"}, None),
        ('type = "track" and event = "A" or type = "page"', Reading.DOCUMENTED, {"track", "page"}, None),
        ('type != "track"', Reading.DOCUMENTED, None, None),
        ('"A" = event and traits.x = 1', Reading.DOCUMENTED, None, {"A"}),
        ('type = "track" and type = "page"', Reading.DOCUMENTED, set(), None),
        ('type = "track" AND event = "A"', Reading.SEGMENT, {"track"}, {"A"}),
        ('type = "track" and event = "A" or event = "B"', Reading.SEGMENT, None, None),
    ],
)
def test_a_trigger_says_what_it_can_fire_for(
    trigger: str, reading: Reading, types: set[str] | None, events: set[str] | None
) -> None:
    expected = Reach(frozenset(types) if types is not None else None, frozenset(events) if events is not None else None)

    assert compile_trigger(trigger, reading).reach == expected
