"""Sums over the journal by blocks of positions, so that a window is counted without reading every message. Pure.

`MessageIndex` is what the numbers need of a journal: its messages without their bodies. Each journal has its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol


class Count(NamedTuple):
    """How many messages of one kind there are."""

    source_id: int
    is_backfill: bool
    rejected: str | None
    total: int


class Line(NamedTuple):
    """One message, without what it says."""

    position: int
    source_id: int
    is_backfill: bool
    rejected: str | None
    received_at_ms: int


class Block(NamedTuple):
    """The sums of a run of positions: `first` and `last` are its least and greatest possible one.

    Shape: `is_whole` when none of its messages has been removed.
    """

    number: int
    first: int
    last: int
    first_at_ms: int
    last_at_ms: int
    counts: list[Count]
    is_whole: bool

    def is_outside(self, since_ms: int | None, until_ms: int | None) -> bool:
        """Whether no message of it was received in the window."""
        return (since_ms is not None and self.last_at_ms < since_ms) or (
            until_ms is not None and self.first_at_ms >= until_ms
        )

    def is_inside(self, since_ms: int | None, until_ms: int | None) -> bool:
        """Whether every message of it was received in the window."""
        return (since_ms is None or self.first_at_ms >= since_ms) and (until_ms is None or self.last_at_ms < until_ms)


class MessageIndex(Protocol):
    """A journal's messages without their bodies, all as of one moment."""

    @property
    def bits(self) -> int:
        """A block's number is the position without so many of its last bits."""
        ...

    @property
    def is_near(self) -> bool:
        """Whether single messages are read cheaply: each has a row of its own."""
        ...

    def ends(self) -> tuple[int, int] | None:
        """First and last position present; None when there is none."""
        ...

    def block(self, number: int, first_at_ms: int, last_at_ms: int, counts: list[Count]) -> Block:
        """A block whose sums are known."""
        ...

    def sums(self, number: int) -> Block | None:
        """The sums of one block as it is now; None when it has no message (any more)."""
        ...

    def lines(self, first: int, last: int) -> Iterable[Line]:
        """The messages between two positions, both included, in order."""
        ...

    def lines_at(self, positions: Collection[int]) -> Iterable[Line]:
        """The messages at these positions, in any order; those that are not there are absent."""
        ...

    def next_position(self, first: int, last: int) -> int | None:
        """The first position present between two, both included."""
        ...

    def message_ids(self, positions: Sequence[int]) -> dict[int, str]: ...


def in_window(lines: Iterable[Line], since_ms: int | None, until_ms: int | None) -> Iterable[Line]:
    """Those that were received from one moment on and before another."""
    for line in lines:
        if (since_ms is None or line.received_at_ms >= since_ms) and (
            until_ms is None or line.received_at_ms < until_ms
        ):
            yield line


def counted(lines: Iterable[Line]) -> list[Count]:
    """How many there are of each kind."""
    totals: dict[tuple[int, bool, str | None], int] = {}
    for line in lines:
        kind = (line.source_id, line.is_backfill, line.rejected)
        totals[kind] = totals.get(kind, 0) + 1
    return [Count(*kind, total) for kind, total in totals.items()]
