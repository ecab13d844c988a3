"""Which versions of nats-server are safe enough for a journal."""

from __future__ import annotations

import pytest

from hubwire.backends.nats.client import is_old


@pytest.mark.parametrize(
    ("major", "minor", "expected"),
    [(2, 9, True), (2, 11, True), (2, 12, False), (2, 13, False), (3, 0, False), (0, 0, False)],
)
def test_a_server_that_loses_acknowledged_messages_is_old(major: int, minor: int, expected: bool) -> None:
    assert is_old(major, minor) is expected
