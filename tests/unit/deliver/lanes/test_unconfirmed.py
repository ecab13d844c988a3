"""Doubt: what HubSpot may have heard of stays in doubt until it has gone through, over restarts too."""

from __future__ import annotations

import msgspec

from hubwire.deliver.lanes.backlog import Pending, Selection
from hubwire.deliver.lanes.unconfirmed import UnconfirmedWrites
from hubwire.record.protocol import Due, LaneState, Span

NOW = 1_790_000_000_000


def span(live: int = 0, backfill: int = 0, due: tuple[int, ...] = ()) -> Span:
    return Span(live_after=0, live_through=live, backfill_after=0, backfill_through=backfill, due=due)


def selection(of: Span) -> Selection:
    due = {position: Due(position, 1, NOW, False) for position in of.due}
    return Selection(rows=[], due=due, lost=[], put_off=[], span=of, is_backfill=False)


def pending(of: Span) -> Pending:
    return Pending(0, None, 0, None, 0.0, list(selection(of).due.values()))


def recorded(
    unconfirmed: UnconfirmedWrites, of: Span, now_ms: int = NOW, waiting: Span | None = None
) -> UnconfirmedWrites:
    return unconfirmed.recorded(selection(of), pending(waiting or of), 1000, now_ms)


def test_nothing_is_in_doubt_at_first() -> None:
    assert not UnconfirmedWrites.of(LaneState(), 7, NOW)


def test_the_messages_of_a_cycle_that_was_given_up_are_in_doubt_until_they_went_through() -> None:
    unconfirmed = UnconfirmedWrites().given_up(span(live=5, backfill=9), NOW)
    assert unconfirmed == UnconfirmedWrites(5, 9, 0)
    unconfirmed = recorded(unconfirmed, span(live=4, backfill=9))
    assert unconfirmed == UnconfirmedWrites(5, 0, 0)
    assert not recorded(unconfirmed, span(live=5, backfill=9))


def test_due_deliveries_are_in_doubt_until_all_that_were_due_again_went_through() -> None:
    unconfirmed = UnconfirmedWrites().given_up(span(due=(1, 2)), NOW + 60_000)
    assert recorded(unconfirmed, span(due=(1, 2)), NOW + 59_000)
    assert recorded(unconfirmed, span(due=(1,)), NOW + 90_000, waiting=span(due=(1, 2)))
    assert not recorded(unconfirmed, span(due=(1, 2)), NOW + 90_000)


def test_a_cycle_that_a_crash_left_open_puts_all_that_is_there_in_doubt() -> None:
    assert UnconfirmedWrites.of(LaneState(open_attempts=1), 7, NOW) == UnconfirmedWrites(7, 7, NOW)


def test_doubt_outlives_the_process_with_the_lanes_status() -> None:
    unconfirmed = UnconfirmedWrites(5, 0, NOW)
    assert (
        UnconfirmedWrites.of(LaneState(status=msgspec.json.encode({"used": 1, "doubt": unconfirmed})), 7, NOW)
        == unconfirmed
    )
    assert not UnconfirmedWrites.of(LaneState(status=b"not JSON"), 7, NOW)
