"""The messages of a cycle: due deliveries, new live messages, then imported ones.

While the day's budget is sufficient, one cycle takes all of them, for the fullest batches. When it is short, imported
messages have their own cycles, as large as their share of the budget, so that live messages never pay for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hubwire.deliver.limits.daily_budget import Priority
from hubwire.deliver.limits.governor import Governor
from hubwire.destination import Destination
from hubwire.hubspot.call import split
from hubwire.journal.protocol import Journal
from hubwire.message import JournalRow
from hubwire.record.protocol import Due, LaneState, Span

PLENTY_CALLS = 300
"""A cycle of the usual size never needs more."""
MESSAGES_PER_CALL = 20
"""At least so many messages go with one call: every hundredth needs a contact, a company and an association."""
SPARE_CALLS = 5
CYCLE_BYTES = 16 * 1024 * 1024
"""A cycle takes nothing more on when its messages are so large: planning multiplies what they take in memory."""
READ_MESSAGES = 200
CRASHES_BEFORE_SMALLER = 2


@dataclass(frozen=True, slots=True)
class Pending:
    """The messages that wait for a cycle."""

    live_count: int
    live_since_ms: int | None
    backfill_count: int
    backfill_since_ms: int | None
    still_seconds: float
    """How long the journal has not grown: an import that goes on is waited for."""
    due: Sequence[Due]
    next_due_at_ms: int | None = None
    """When the next delivery becomes due, if none is."""

    def is_due_at(self, now_ms: int) -> bool:
        """Whether a delivery is due by then."""
        return self.next_due_at_ms is not None and self.next_due_at_ms <= now_ms


@dataclass(slots=True)
class Growth:
    """When a journal last grew, seen from the outside."""

    last: int = 0
    grew_at_ms: int = 0

    def still_seconds(self, last: int, now_ms: int) -> float:
        """Seconds since the last position was another one."""
        if last != self.last:
            self.last, self.grew_at_ms = last, now_ms
        return (now_ms - self.grew_at_ms) / 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """The messages of a cycle.

    Shape: `due` are its due deliveries. Among them, `lost` are positions whose message is no longer in the journal, and
    `put_off` are imported ones without calls in the budget.
    """

    rows: list[JournalRow]
    due: dict[int, Due]
    lost: list[int]
    put_off: list[int]
    span: Span
    is_backfill: bool
    parked: Mapping[int, float] = field(default_factory=dict)
    """Positions of sources that are parked, and the seconds that they wait."""

    @property
    def set_aside_count(self) -> int:
        """Messages that are not planned."""
        return len(self.lost) + len(self.put_off) + len(self.parked)

    @property
    def new_count(self) -> int:
        """Messages in their first cycle."""
        return len(self.rows) + self.set_aside_count - len(self.due)


@dataclass(frozen=True, slots=True)
class Selector:
    """Takes on a lane's work from its journal, at most `most` messages at a time."""

    journal: Journal
    destination: Destination
    governor: Governor
    most: int

    def take(self, state: LaneState, pending: Pending, now_ms: int) -> Selection:
        """The rows of a cycle: fewer after each crash, so that a poison message is finally alone."""
        most = max(1, self.most >> max(0, state.open_attempts - CRASHES_BEFORE_SMALLER))
        due, found = self._due(pending.due[: max(1, most // 2) if pending.live_count else most])
        rows = [found[position] for position in due if position in found]
        live = self._read(state.live_cursor, most - len(due), rows, is_backfill=False)
        room = self._room(most, now_ms, has_live=bool(live) or any(not row.is_backfill for row in rows))
        imported = [row for row in rows if row.is_backfill]
        put_off = {row.position for row in imported[room:]}
        rows = [row for row in rows if row.position not in put_off]
        room = min(room - len(imported), most - len(due) - len(live))
        backfill = self._read(state.backfill_cursor, room, [*rows, *live], is_backfill=True)
        return Selection(
            rows=[*rows, *live, *backfill],
            due=due,
            lost=[position for position in due if position not in found],
            put_off=list(put_off),
            span=Span(
                live_after=state.live_cursor,
                live_through=live[-1].position if live else state.live_cursor,
                backfill_after=state.backfill_cursor,
                backfill_through=backfill[-1].position if backfill else state.backfill_cursor,
                due=list(due),
            ),
            is_backfill=not live and all(row.is_backfill for row in rows),
        )

    def _due(self, wanted: Sequence[Due]) -> tuple[dict[int, Due], dict[int, JournalRow]]:
        """Due deliveries, with their messages that the journal still has; leaves room for new messages."""
        due: dict[int, Due] = {}
        found: dict[int, JournalRow] = {}
        for part in split(wanted, READ_MESSAGES):
            due |= {one.position: one for one in part}
            found |= self.journal.read_at([one.position for one in part])
            if size_bytes(found.values()) >= CYCLE_BYTES // 2:
                break
        return due, found

    def _read(self, after: int, most: int, beside: Sequence[JournalRow], *, is_backfill: bool) -> list[JournalRow]:
        """New messages in order, up to a number; fewer large ones, and fewer if the cycle has others."""
        rows: list[JournalRow] = []
        room_bytes = CYCLE_BYTES - size_bytes(beside)
        while len(rows) < most and room_bytes > 0:
            wanted = min(most - len(rows), READ_MESSAGES)
            part = self.journal.read(after, wanted, source_ids=self.destination.source_ids, is_backfill=is_backfill)
            rows += part
            if len(part) < wanted:
                break
            after = part[-1].position
            room_bytes -= size_bytes(part)
        return rows

    def _room(self, most: int, now_ms: int, *, has_live: bool) -> int:
        """The maximum number of imported messages in this cycle."""
        calls = self.governor.may_spend(Priority.BACKFILL, now_ms)
        if calls >= PLENTY_CALLS:
            return most
        if has_live or calls <= 0:
            return 0
        return min(most, max(1, MESSAGES_PER_CALL * (calls - SPARE_CALLS)))


def size_bytes(rows: Iterable[JournalRow]) -> int:
    """The size of their bodies."""
    return sum(len(row.body) + len(row.envelope or b"") for row in rows)
