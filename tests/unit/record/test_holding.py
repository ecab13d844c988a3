"""The filter for a part of an id, an e-mail, an event or a company."""

from __future__ import annotations

import pytest

from hubwire.record.holding import mentions

GROUP = b'{"type":"group","groupId":"g-77","traits":{"name":"Initech GmbH","website":"https://initech.example","plan":"pro"}}'
IDENTIFY = b'{"type":"identify","userId":"u-12","traits":{"email":"Paula.Smith@example.org","note":"secret"}}'
TRACK = (
    b'{"type":"track","anonymousId":12345,"event":"Order Completed","context":{"traits":{"email":"new57@example.com"}}}'
)
UMLAUT = b'{"type":"track","userId":"u","event":"K\\u00e4ufe"}'


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (GROUP, "initech"),
        (GROUP, "G-77"),
        (IDENTIFY, "paula.s"),
        (IDENTIFY, " u-12 "),
        (TRACK, "completed"),
        (TRACK, "new57"),
        (TRACK, "2345"),
        (UMLAUT, "käuf"),
    ],
)
def test_a_part_of_a_name_is_found_in_any_case(body: bytes, part: str) -> None:
    assert mentions(body, part)


@pytest.mark.parametrize(("body", "part"), [(GROUP, "pro"), (IDENTIFY, "secret"), (TRACK, "track"), (b"[]", "a")])
def test_other_fields_are_not_searched(body: bytes, part: str) -> None:
    assert not mentions(body, part)
