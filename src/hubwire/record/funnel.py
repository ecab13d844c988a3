"""The funnel stage of a message, from its position in the journal and its row, if it has one. Pure.

Without a row, the position decides: a message at or before its lane's cursor was delivered, one behind it is pending.
Whole blocks are counted by their sums; the rows then move their messages to their own stage. Blocks that the period or
a cursor divides are counted message by message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hubwire.delivery import State
from hubwire.reasons import Reason
from hubwire.record.intake import Block, Count, IndexedMessage

STAGES = {state: state.value for state in State} | {State.LEASED: State.PENDING.value}
"""The funnel's stage of each state: a leased message is still pending."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A destination's view of the journal: the sources that feed it, and its cursors."""

    destination_id: int
    source_ids: tuple[int, ...] | None
    live_cursor: int
    backfill_cursor: int

    def takes(self, source_id: int) -> bool:
        return self.source_ids is None or source_id in self.source_ids

    def cursor(self, is_backfill: bool) -> int:
        return self.backfill_cursor if is_backfill else self.live_cursor

    def stage(self, count: Count, first: int, last: int) -> str | None:
        """The stage of messages without a row between two positions; None if a cursor lies between them."""
        if count.rejected is not None:
            return "erased" if count.rejected == Reason.SUPPRESSED else "rejected"
        if not self.takes(count.source_id):
            return "not_connected"
        cursor = self.cursor(count.is_backfill)
        return "delivered" if last <= cursor else "backlog" if first > cursor else None

    def stage_of(self, message: IndexedMessage) -> str:
        """The stage of one message without a row."""
        stage = self.stage(
            Count(message.source_id, message.is_backfill, message.rejected, 1), message.position, message.position
        )
        assert stage is not None
        return stage


class Fate(NamedTuple):
    """The state of a delivery with a row, and its reason."""

    state: State
    reason: str | None


class Whole(NamedTuple):
    """A range of positions counted by sums. `has_redacted`: some of its messages were redacted after they arrived,
    so that for a moment there may be rows of messages that are rejected."""

    first: int
    last: int
    has_redacted: bool


@dataclass(slots=True)
class FunnelTally:
    """A funnel being counted: stages, and the ranges of positions whose rows are still to be read."""

    lane: Lane
    stages: Counter[str] = field(default_factory=Counter)
    whole: list[Whole] = field(default_factory=list)
    discards: Counter[str] = field(default_factory=Counter)
    """Discarded messages by reason."""

    def add_whole(self, block: Block) -> bool:
        """Count a block by its sums; False, counting nothing, if a cursor lies in it.

        A block with gaps is not counted this way either, because rows of removed messages may still exist.
        """
        if not block.is_whole:
            return False
        staged = [(self.lane.stage(count, block.first, block.last), count.total) for count in block.counts]
        if any(stage is None for stage, _ in staged):
            return False
        for stage, count in staged:
            assert stage is not None
            self.stages[stage] += count
        has_redacted = any(count.rejected == Reason.SUPPRESSED for count in block.counts)
        before = self.whole[-1] if self.whole else None
        if before is not None and (before.last + 1, before.has_redacted) == (block.first, has_redacted):
            self.whole[-1] = before._replace(last=block.last)
        else:
            self.whole.append(Whole(block.first, block.last, has_redacted))
        return True

    def add_messages(self, messages: Iterable[IndexedMessage], rows: Mapping[int, Fate]) -> None:
        """Count messages one by one; `rows` are those of the record, by position."""
        for message in messages:
            fate = rows.get(message.position)
            if fate is not None and message.rejected is None:
                self._count(fate, 1)
            else:
                self.stages[self.lane.stage_of(message)] += 1

    def move(self, fate: Fate, count: int, *, is_connected: bool = True) -> None:
        """Move messages that have rows from the stage that their position implies to the stage of their state."""
        self._count(fate, count)
        self.stages["delivered" if is_connected else "not_connected"] -= count

    def _count(self, fate: Fate, count: int) -> None:
        self.stages[STAGES[fate.state]] += count
        if fate.state is State.DISCARDED:
            self.discards[fate.reason or ""] += count

    def counted(self) -> dict[str, int]:
        """The number of messages in each stage, without empty stages."""
        return {stage: count for stage, count in self.stages.items() if count}
