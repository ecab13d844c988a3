"""Selection: an import that goes on is waited for."""

from __future__ import annotations

from hubwire.deliver.selection import Growth

NOW = 1_790_000_000_000


def test_a_journal_is_still_only_since_it_last_grew() -> None:
    growth = Growth()
    assert growth.still_seconds(1000, NOW) == 0.0
    assert growth.still_seconds(1000, NOW + 250) == 0.25
    assert growth.still_seconds(2000, NOW + 900) == 0.0
    assert growth.still_seconds(2000, NOW + 3900) == 3.0
