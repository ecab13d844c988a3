"""What may go, as plain arithmetic."""

from __future__ import annotations

import pytest

from hubwire.installation.retention import (
    MIN_FREE_BYTES,
    RetentionPolicy,
    end_of_old,
    last_removable,
    surplus_bytes,
)
from hubwire.message import JournalRow
from hubwire.settings import Settings


def row(position: int, at_ms: int) -> JournalRow:
    return JournalRow(position, 1, "m", at_ms, b"{}", None, False, None)


@pytest.mark.parametrize(
    ("last", "untaken", "oldest_open", "expected"),
    [
        (100, [None, None], None, 100),
        (100, [51, None], None, 50),
        (100, [51, 20], None, 19),
        (100, [51, 20], 7, 6),
        (100, [], 7, 6),
        (100, [1, None], None, 0),
        (0, [], None, 0),
    ],
)
def test_nothing_at_or_behind_what_waits_may_go(
    last: int, untaken: list[int | None], oldest_open: int | None, expected: int
) -> None:
    assert last_removable(last, untaken, oldest_open) == expected


def test_only_an_unbroken_run_of_old_messages_ends_somewhere() -> None:
    rows = {number: row(number, at_ms) for number, at_ms in ((1, 10), (2, 20), (4, 99), (5, 30))}
    assert end_of_old(rows, 50) == 2
    assert end_of_old(rows, 100) == 5
    assert end_of_old(rows, 10) is None
    assert end_of_old({}, 10) is None


def test_free_space_that_will_soon_be_used_is_kept() -> None:
    assert surplus_bytes(used=0, free=MIN_FREE_BYTES) == 0
    assert surplus_bytes(used=0, free=MIN_FREE_BYTES + 5) == 5
    assert surplus_bytes(used=8 << 30, free=2 << 30) == 0
    assert surplus_bytes(used=8 << 30, free=3 << 30) == 1 << 30


def test_the_settings_make_the_policy() -> None:
    assert RetentionPolicy.of(Settings(retention_days=0.5, retention_bytes=1 << 20)) == RetentionPolicy(
        43_200_000, 1 << 20
    )
    assert RetentionPolicy.of(Settings(retention_days=None)) == RetentionPolicy(None, None)
