"""Sums over the journal by blocks of positions, so that a period is counted without reading every message. Pure.

`MessageIndex` gives a journal's messages without their bodies. Each journal has its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol


class Count(NamedTuple):
    """The number of messages of one kind."""

    source_id: int
    is_backfill: bool
    rejected: str | None
    total: int


class IndexedMessage(NamedTuple):
    """One message, without its content."""

    position: int
    source_id: int
    is_backfill: bool
    rejected: str | None
    received_at_ms: int


class Block(NamedTuple):
    """The sums of a range of positions. `first` and `last` are its lowest and highest possible position.

    Shape: `is_whole` is True if none of its messages has been removed.
    """

    number: int
    first: int
    last: int
    first_at_ms: int
    last_at_ms: int
    counts: list[Count]
    is_whole: bool

    def is_outside(self, since_ms: int | None, until_ms: int | None) -> bool:
        """True if none of its messages was received in the period."""
        return (since_ms is not None and self.last_at_ms < since_ms) or (
            until_ms is not None and self.first_at_ms >= until_ms
        )

    def is_inside(self, since_ms: int | None, until_ms: int | None) -> bool:
        """True if all its messages were received in the period."""
        return (since_ms is None or self.first_at_ms >= since_ms) and (until_ms is None or self.last_at_ms < until_ms)


class MessageIndex(Protocol):
    """A snapshot of a journal's messages without their bodies."""

    @property
    def bits(self) -> int:
        """The number of position bits within a block: a block's number is the position without these bits."""
        ...

    @property
    def is_near(self) -> bool:
        """True if reading a single message is cheap because each has its own row."""
        ...

    def ends(self) -> tuple[int, int] | None:
        """First and last position present; None when there is none."""
        ...

    def block(self, number: int, first_at_ms: int, last_at_ms: int, counts: list[Count]) -> Block:
        """A block whose sums are known."""
        ...

    def sums(self, number: int) -> Block | None:
        """The current sums of one block; None if it has no messages."""
        ...

    def messages(self, first: int, last: int) -> Iterable[IndexedMessage]:
        """The messages between two positions, both included, in order."""
        ...

    def messages_at(self, positions: Collection[int]) -> Iterable[IndexedMessage]:
        """The messages at these positions, in any order; missing ones are omitted."""
        ...

    def next_position(self, first: int, last: int) -> int | None:
        """The first position present between two, both included."""
        ...

    def message_ids(self, positions: Sequence[int]) -> dict[int, str]: ...


def in_window(
    messages: Iterable[IndexedMessage], since_ms: int | None, until_ms: int | None
) -> Iterable[IndexedMessage]:
    """The messages received at or after one time and before another."""
    for message in messages:
        if (since_ms is None or message.received_at_ms >= since_ms) and (
            until_ms is None or message.received_at_ms < until_ms
        ):
            yield message


def counted(messages: Iterable[IndexedMessage]) -> list[Count]:
    """The number of messages of each kind."""
    totals: dict[tuple[int, bool, str | None], int] = {}
    for message in messages:
        kind = (message.source_id, message.is_backfill, message.rejected)
        totals[kind] = totals.get(kind, 0) + 1
    return [Count(*kind, total) for kind, total in totals.items()]
