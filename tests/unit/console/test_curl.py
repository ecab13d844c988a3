"""The command that sends a message once more says to a shell exactly what it should."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from hubwire.console.parts.curl import curl

NASTY = [
    "it's",
    'a "quoted" word',
    "two\nlines\r\n",
    "$(touch /tmp/x) `id` $HOME",
    "back\\slash\\",
    "'; rm -rf / #",
    "é \u202e \x1b[31m",
    "</pre><script>",
]


@pytest.mark.parametrize("value", NASTY)
def test_a_shell_reads_the_body_as_it_was(value: str) -> None:
    body: dict[str, Any] = {"type": "identify", "userId": value, "traits": {value: value}}
    command = curl("https://events.example.com", body)
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:4] == ["curl", "-u", "$WRITE_KEY:", "https://events.example.com/v1/identify"]
    assert words[4:7] == ["-H", "Content-Type: application/json", "-d"]
    assert json.loads(words[7]) == body
    assert len(words) == 8
    assert command.isascii()


def test_it_is_a_new_message_without_the_write_key() -> None:
    body = {"type": "track", "event": "A", "messageId": "m-1", "sentAt": "2026-11-23", "writeKey": "wk_secret"}
    command = curl("http://127.0.0.1:8080", body)
    assert json.loads(shlex.split(command.replace("\\\n", " "))[-1]) == {"type": "track", "event": "A"}
    assert "wk_secret" not in command


@pytest.mark.parametrize("body", [None, [], "text", {}, {"type": "/../x"}, {"type": 5}, {"type": ["track"]}])
def test_what_cannot_be_sent_has_no_command(body: Any) -> None:
    assert curl("https://events.example.com", body) == ""
