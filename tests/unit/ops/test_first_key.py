"""The lines that a start prints about the first write key: a log file gets no key."""

from __future__ import annotations

import pytest

from hubwire.process.server import first_key_lines

URL = "http://127.0.0.1:8080"
KEY = "wk_made_at_the_first_start"


def test_a_terminal_shows_a_generated_key_with_a_command_that_uses_it() -> None:
    lines = first_key_lines(KEY, None, URL, is_read_by_a_person=True)
    assert lines[0].endswith(KEY)
    assert f"curl -u {KEY}: {URL}/v1/identify" in lines[2]


@pytest.mark.parametrize(
    ("given", "is_read_by_a_person"), [(KEY, True), (KEY, False), (None, False), ("another-key", False)]
)
def test_a_log_shows_no_key_and_nothing_shows_a_given_one(given: str | None, is_read_by_a_person: bool) -> None:
    shown = "\n".join(first_key_lines(KEY, given, URL, is_read_by_a_person))
    assert KEY not in shown
    assert "$HUBWIRE_WRITE_KEY" in shown if given == KEY else "hubwire source key server --new" in shown
