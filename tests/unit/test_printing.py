"""What commands print of texts that somebody else wrote."""

from __future__ import annotations

import json

import pytest

from hubwire.cli.shared.context import (
    json_text,
    plain,
    print_json,
    worded,
)

NASTY = "a\x1b]0;owned\x07\x9b2J\u2028\u202e\r\nb é 🙂 \U000e0001"


def test_json_says_the_same_and_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"event": NASTY, NASTY: [1.5, None]})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"event": NASTY, NASTY: [1.5, None]}
    assert printed.replace("\n", "").isprintable()
    assert "é 🙂" in printed


def test_json_among_other_text_commands_no_terminal_either() -> None:
    assert json_text({"event": NASTY}).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        ((), "-"),
        ({}, "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (72.0, "72.0"),
        (("https://a.example", "https://b.example"), "https://a.example, https://b.example"),
        ({"favColor": "favorite_color", "ssn": None}, "favColor: favorite_color, ssn: left out"),
        ("a\x1b[2J", "a\N{REPLACEMENT CHARACTER}[2J"),
    ],
)
def test_a_value_of_a_field_is_told_in_words(value: object, words: str) -> None:
    assert worded(value) == words


def test_text_has_a_mark_for_each_character_that_would_command_the_terminal() -> None:
    assert plain("a\x1b[2J\u202eb") == "a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}b"
