"""Selection: an import that goes on is waited for; of large messages a cycle takes fewer, and of all kinds some."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hubwire.backends.memory.journal import MemoryJournal
from hubwire.deliver.lanes.backlog import (
    CYCLE_BYTES,
    Growth,
    Pending,
    Selection,
    Selector,
    size_bytes,
)
from hubwire.deliver.limits.governor import Governor
from hubwire.destination import Destination
from hubwire.message import Entry
from hubwire.record.protocol import Due, LaneState

NOW = 1_790_000_000_000
LARGE = 32 * 1024


def test_a_journal_is_still_only_since_it_last_grew() -> None:
    growth = Growth()
    assert growth.still_seconds(1000, NOW) == 0.0
    assert growth.still_seconds(1000, NOW + 250) == 0.25
    assert growth.still_seconds(2000, NOW + 900) == 0.0
    assert growth.still_seconds(2000, NOW + 3900) == 3.0


def selection(sizes: Sequence[tuple[int, bool]], due: int = 0, *, max_count: int = 10_000) -> Selection:
    """What a cycle takes of messages of these sizes (bytes, whether imported); the first `due` ones are due again."""
    journal = MemoryJournal()
    journal.append(
        [
            Entry(1, f"m{number}", NOW, b"x" * size, is_backfill=is_backfill)
            for number, (size, is_backfill) in enumerate(sizes)
        ]
    )
    destination = Destination(destination_id=1, name="hubspot")
    selector = Selector(journal, destination, Governor.of(destination, NOW), max_count)
    again = [Due(position, 1, NOW, False) for position in range(1, due + 1)]
    state = LaneState(live_cursor=due, backfill_cursor=due)
    return selector.take(state, Pending(1, NOW, 1, NOW, 0.0, again), NOW)


def test_a_cycle_takes_as_many_small_messages_as_it_may() -> None:
    selected = selection([(700, False)] * 1500, max_count=1000)
    assert [row.position for row in selected.rows] == list(range(1, 1001))
    assert selected.span.live_through == 1000


@pytest.mark.parametrize("is_backfill", [False, True])
def test_of_large_messages_a_cycle_takes_fewer_and_goes_on_behind_them(is_backfill: bool) -> None:
    selected = selection([(LARGE, is_backfill)] * 2000)
    assert CYCLE_BYTES <= size_bytes(selected.rows) < 1.5 * CYCLE_BYTES
    through = selected.span.backfill_through if is_backfill else selected.span.live_through
    assert through == selected.rows[-1].position == len(selected.rows)


def test_large_deliveries_that_are_due_leave_room_for_new_messages() -> None:
    selected = selection([(LARGE, False)] * 2000, due=1000)
    new = [row for row in selected.rows if row.position > 1000]
    assert 0 < len(selected.due) < 1000
    assert len(new) == selected.new_count > 0
    assert size_bytes(selected.rows) < 2 * CYCLE_BYTES


def test_a_message_larger_than_a_cycle_is_taken() -> None:
    assert selection([(2 * CYCLE_BYTES, False)] * 2).new_count == 2
