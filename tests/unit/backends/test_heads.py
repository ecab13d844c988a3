"""Heads tell whether a group can hold a copy of what its appender did not know."""

from __future__ import annotations

from hubwire.backends.nats.group import Head, digests_of
from hubwire.backends.nats.heads import RecentHeads, may_hold_copies


def head(*message_ids: str, knows: int) -> Head:
    return Head(knows, [], 0, 0, digests_of(message_ids))


def test_who_knew_all_before_it_holds_no_copies() -> None:
    nothing: dict[int, Head] = {}
    assert not may_hold_copies(7, head("a", knows=6), nothing.get)


def test_other_messages_in_between_are_no_copies() -> None:
    known = {5: head("b", knows=4), 6: head("c", "d", knows=4)}
    assert not may_hold_copies(7, head("a", "e", knows=4), known.get)


def test_the_same_message_in_between_may_be_a_copy() -> None:
    known = {5: head("b", knows=4), 6: head("c", "a", knows=4)}
    assert may_hold_copies(7, head("a", "e", knows=4), known.get)
    assert not may_hold_copies(7, head("a", "e", knows=6), known.get)


def test_without_a_head_in_between_there_may_be_copies() -> None:
    assert may_hold_copies(7, head("a", knows=4), {5: head("b", knows=4)}.get)


def test_the_first_groups_are_looked_at_from_the_first_on() -> None:
    assert not may_hold_copies(2, head("a", knows=0), {1: head("b", knows=0)}.get)


def test_so_many_heads_are_remembered_and_no_more() -> None:
    heads = RecentHeads(max_bytes=3_000)
    for sequence in range(1, 101):
        heads.add(sequence, head("a", knows=sequence - 1))
        heads.add(sequence, head("a", knows=sequence - 1))
    assert heads.get(100) is not None
    assert [sequence for sequence in range(1, 101) if heads.get(sequence)] == list(range(96, 101))
