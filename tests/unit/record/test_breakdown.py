"""The breakdown of messages, and its sample."""

from __future__ import annotations

from hubwire.delivery import State
from hubwire.record.breakdown import SAMPLED_MESSAGES, BreakdownBy, Sample, break_down, sampled
from hubwire.record.queries import Fate, MessageSummary


def summary(event: str | None, state: State | None = State.DELIVERED, *, rejected: str | None = None) -> MessageSummary:
    fates = [] if state is None else [Fate(destination_id=1, state=state), Fate(destination_id=2, state=State.DEAD)]
    return MessageSummary(
        position=1,
        message_id="m",
        source_id=3,
        type="track" if event else "identify",
        received_at_ms=0,
        event=event,
        rejected=rejected,
        library="analytics-node 2.1.0",
        fates=fates,
    )


def test_lines_have_outcomes_of_the_destination_and_the_change_against_the_period_before() -> None:
    now = [summary("Bought"), summary("Bought", State.LEASED), summary("Seen"), summary(None, None, rejected="no-ids")]
    before = [summary("Bought")]
    found = break_down(Sample(now, 1), Sample(before, 1), BreakdownBy.EVENT, 1)
    assert [(line.name, line.count, line.outcomes, line.change_percent) for line in found.lines] == [
        ("Bought", 2, {"delivered": 1, "pending": 1}, 100.0),
        ("", 1, {"rejected": 1}, None),
        ("Seen", 1, {"delivered": 1}, None),
    ]
    assert (found.count, found.is_estimate) == (4, False)
    by_source = break_down(Sample(now, 1), Sample(before, 1), BreakdownBy.SOURCE, 1)
    assert [(line.name, line.count) for line in by_source.lines] == [("3", 4)]
    assert break_down(Sample(now, 1), Sample([], 1), BreakdownBy.LIBRARY, 1).lines[0].name == "analytics-node 2.1.0"


def test_a_sample_is_scaled_to_its_period() -> None:
    found = break_down(Sample([summary("Bought")] * 3, 10.0), Sample([summary("Bought")], 60.0), BreakdownBy.TYPE, 1)
    [line] = found.lines
    assert (found.is_estimate, line.count, line.outcomes, line.change_percent) == (True, 30, {"delivered": 30}, -50.0)


def test_a_sample_is_bounded_and_spread_over_its_positions() -> None:
    assert list(sampled(5, 7)) == [5, 6, 7]
    positions = sampled(1, 1_000_000)
    assert len(positions) == len(set(positions)) == SAMPLED_MESSAGES
    assert positions[0] == 1
    assert positions[-1] > 999_000
