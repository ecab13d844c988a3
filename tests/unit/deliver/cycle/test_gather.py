"""Slices: few enough messages to be decoded at once."""

from __future__ import annotations

import pytest

from hubwire.deliver.cycle.gather import SLICE_BYTES, SLICE_MESSAGES, Gatherer, slices
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.delivery import Retry
from hubwire.destination import Destination, Mapping, Source
from hubwire.message import JournalRow
from hubwire.operation import Discard, Link
from hubwire.plan.default_portal import default_portal
from hubwire.reasons import Reason
from hubwire.record.protocol import Due


def rows(count: int, size_bytes: int) -> list[JournalRow]:
    return [
        JournalRow(position, 1, f"m{position}", 0, b"x" * size_bytes, None, False, None) for position in range(count)
    ]


def test_small_messages_are_decoded_a_thousand_at_a_time_in_their_order() -> None:
    journal_rows = rows(2 * SLICE_MESSAGES + 1, 10)
    groups = list(slices(journal_rows))
    assert [len(group) for group in groups] == [SLICE_MESSAGES, SLICE_MESSAGES, 1]
    assert [row for group in groups for row in group] == journal_rows


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


GROUP = (
    b'{"type":"group","userId":"u1","groupId":"g1","traits":{"website":"acme.example","name":"Acme"},'
    b'"context":{"traits":{"email":"a@b.example"}}}'
)


def gathered(row: JournalRow, due: Due | None = None) -> Gatherer:
    """One group call, by a gatherer that puts work on companies off for five seconds."""
    gatherer = Gatherer(
        Destination(destination_id=1, name="HubSpot", mapping=Mapping(companies_need_contact=False)),
        {1: Source(source_id=1, name="server")},
        default_portal("1"),
        lambda _: {("server", "u:u1"): Link("server", "u:u1", "a@b.example", 3, 0)},
        Outcomes(due={} if due is None else {row.position: due}),
        company_wait_ms=5000,
    )
    gatherer.take([row])
    gatherer.finish()
    return gatherer


def test_a_live_message_with_a_company_waits_for_the_next_batch_of_companies() -> None:
    gatherer = gathered(JournalRow(1, 1, "m1", 0, GROUP, None, False, None))
    assert gatherer.outcomes.verdicts == {1: Retry(5.0, Reason.COMPANIES_TOGETHER, counts=False)}
    assert not gatherer.work.companies
    assert not gatherer.work.associations


@pytest.mark.parametrize(
    ("is_backfill", "due"),
    [
        (True, None),
        (False, Due(1, 0, None, is_replay=False, reason=Reason.COMPANIES_TOGETHER)),
        (False, Due(1, 0, None, is_replay=False, reason=Reason.COMPANY_MAY_APPEAR)),
        (False, Due(1, 0, None, is_replay=True)),
    ],
    ids=["imported", "waited already", "waited for the company to appear", "replayed"],
)
def test_a_message_waits_for_companies_once_and_only_if_it_is_live(is_backfill: bool, due: Due | None) -> None:
    gatherer = gathered(JournalRow(1, 1, "m1", 0, GROUP, None, is_backfill, None), due)
    assert gatherer.outcomes.verdicts == {}
    assert list(gatherer.work.companies) == ["acme.example"]
