"""Slices: few enough messages to be decoded at once."""

from __future__ import annotations

from hubwire.deliver.cycle.gather import SLICE_BYTES, SLICE_MESSAGES, Gatherer, slices
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow
from hubwire.operation import Discard
from hubwire.plan.default_portal import default_portal
from hubwire.reasons import Reason
from hubwire.record.protocol import Due


def rows(count: int, size_bytes: int) -> list[JournalRow]:
    return [
        JournalRow(position, 1, f"m{position}", 0, b"x" * size_bytes, None, False, None) for position in range(count)
    ]


def test_small_messages_are_decoded_a_thousand_at_a_time_in_their_order() -> None:
    made = rows(2 * SLICE_MESSAGES + 1, 10)
    groups = list(slices(made))
    assert [len(group) for group in groups] == [SLICE_MESSAGES, SLICE_MESSAGES, 1]
    assert [row for group in groups for row in group] == made


def test_of_large_messages_a_slice_has_fewer_and_at_least_one() -> None:
    assert [len(group) for group in slices(rows(5, SLICE_BYTES // 2))] == [2, 2, 1]
    assert [len(group) for group in slices(rows(2, 2 * SLICE_BYTES))] == [1, 1]
    assert list(slices([])) == []


def test_messages_from_before_the_switch_on_teach_identities_and_are_discarded_unless_due() -> None:
    bodies = (
        b'{"type":"identify","userId":"u1","traits":{"email":"a@b.example"}}',
        b'{"type":"track","userId":"u1","event":"Replayed"}',
        b'{"type":"track","userId":"u1","event":"New"}',
    )
    read = [JournalRow(n, 1, f"m{n}", n * 1000, body, None, False, None) for n, body in enumerate(bodies, 1)]
    due = {2: Due(2, 0, None, is_replay=True)}
    sources = {1: Source(source_id=1, name="server")}
    gatherer = Gatherer(
        Destination(destination_id=1, name="HubSpot"),
        sources,
        default_portal("1"),
        lambda _: {},
        Outcomes(due=due),
        received_since_ms=3000,
    )
    gatherer.take(read)
    gatherer.finish()
    assert gatherer.outcomes.fates == {1: Discard(Reason.BEFORE_SWITCH_ON)}
    assert [(event.label, event.email) for event in gatherer.work.events] == [
        ("Replayed", "a@b.example"),
        ("New", "a@b.example"),
    ]
