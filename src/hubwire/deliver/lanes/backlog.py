"""A lane's backlog: the messages that wait for its next cycle, and the selection of a cycle's messages.

A cycle takes due deliveries, new live messages, then imported ones. While the day's budget is sufficient, one cycle
takes all of them, for the fullest batches. When it is short, imported messages have their own cycles, as large as their
share of the budget, so that live messages never pay for them. Durations are measured by the monotonic clock, so a
change of the system's time delays nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hubwire.clock import MonotonicClock
from hubwire.deliver.calls.caller import LONGEST_WAIT_MS
from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.deliver.limits.daily_budget import Priority
from hubwire.deliver.limits.governor import Governor
from hubwire.destination import Destination
from hubwire.hubspot.call import split
from hubwire.journal.protocol import Journal
from hubwire.message import JournalRow
from hubwire.record.protocol import Due, LaneState, Record, Span

PLENTY_CALLS = 300
"""A cycle of the usual size never needs more."""
MESSAGES_PER_CALL = 20
"""One call serves at least this many messages: every hundredth needs a contact, a company and an association."""
SPARE_CALLS = 5
CYCLE_BYTES = 16 * 1024 * 1024
"""A cycle takes no more messages beyond this size, because planning needs a multiple of it in memory."""
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
    """Seconds since the journal last grew; a cycle waits for an import that is still running."""
    due: Sequence[Due]
    next_due_at_ms: int | None = None
    """When the next delivery becomes due, if none is due now."""

    def is_due_at(self, now_ms: int) -> bool:
        """Whether a delivery becomes due by then."""
        return self.next_due_at_ms is not None and self.next_due_at_ms <= now_ms


@dataclass(slots=True)
class Growth:
    """When a journal last grew, judged by its last position."""

    last: int = 0
    grew_at_ms: int = 0

    def still_seconds(self, last: int, now_ms: int) -> float:
        """Seconds since the last position changed."""
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
    import_goes_on: bool = False
    """Whether another cycle of imported messages follows at once."""
    parked: Mapping[int, float] = field(default_factory=dict)
    """Positions of messages of parked sources, with the seconds that they wait."""

    @property
    def set_aside_count(self) -> int:
        """Messages that are not planned."""
        return len(self.lost) + len(self.put_off) + len(self.parked)

    @property
    def new_import_count(self) -> int:
        """Imported messages in their first cycle."""
        return sum(row.is_backfill and row.position not in self.due for row in self.rows)

    @property
    def new_count(self) -> int:
        """Messages in their first cycle."""
        return len(self.rows) + self.set_aside_count - len(self.due)


@dataclass(frozen=True, slots=True)
class Selector:
    """Selects the messages of a cycle from the journal, at most `max_messages` of them."""

    journal: Journal
    destination: Destination
    governor: Governor
    max_messages: int

    def take(self, state: LaneState, pending: Pending, now_ms: int) -> Selection:
        """The rows of a cycle: fewer after each crash, so that a poison message is finally alone."""
        max_messages = max(1, self.max_messages >> max(0, state.open_attempts - CRASHES_BEFORE_SMALLER))
        due, found = self._due(pending.due[: max(1, max_messages // 2) if pending.live_count else max_messages])
        rows = [found[position] for position in due if position in found]
        live = self._read(state.live_cursor, max_messages - len(due), rows, is_backfill=False)
        room = self._room(max_messages, now_ms, has_live=bool(live) or any(not row.is_backfill for row in rows))
        imported = [row for row in rows if row.is_backfill]
        put_off = {row.position for row in imported[room:]}
        rows = [row for row in rows if row.position not in put_off]
        room = min(room - len(imported), max_messages - len(due) - len(live))
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

    def _due(self, due_now: Sequence[Due]) -> tuple[dict[int, Due], dict[int, JournalRow]]:
        """Due deliveries, with their messages that the journal still has; leaves room for new messages."""
        due: dict[int, Due] = {}
        found: dict[int, JournalRow] = {}
        for part in split(due_now, READ_MESSAGES):
            due |= {delivery.position: delivery for delivery in part}
            found |= self.journal.read_at([delivery.position for delivery in part])
            if size_bytes(found.values()) >= CYCLE_BYTES // 2:
                break
        return due, found

    def _read(
        self, after: int, max_messages: int, beside: Sequence[JournalRow], *, is_backfill: bool
    ) -> list[JournalRow]:
        """New messages in order; fewer if they are large, or if the cycle already has others (`beside`)."""
        rows: list[JournalRow] = []
        room_bytes = CYCLE_BYTES - size_bytes(beside)
        while len(rows) < max_messages and room_bytes > 0:
            count = min(max_messages - len(rows), READ_MESSAGES)
            part = self.journal.read(after, count, source_ids=self.destination.source_ids, is_backfill=is_backfill)
            rows += part
            if len(part) < count:
                break
            after = part[-1].position
            room_bytes -= size_bytes(part)
        return rows

    def _room(self, max_messages: int, now_ms: int, *, has_live: bool) -> int:
        """The maximum number of imported messages in this cycle."""
        calls = self.governor.may_spend(Priority.BACKFILL, now_ms)
        if calls >= PLENTY_CALLS:
            return max_messages
        if has_live or calls <= 0:
            return 0
        return min(max_messages, max(1, MESSAGES_PER_CALL * (calls - SPARE_CALLS)))


def size_bytes(rows: Iterable[JournalRow]) -> int:
    """The size of the rows' bodies and envelopes."""
    return sum(len(row.body) + len(row.envelope or b"") for row in rows)


MIN_IDLE_SECONDS = 0.05


@dataclass(slots=True)
class _Oldest:
    """The oldest waiting message: its receivedAt, and by the monotonic clock the time since which it waits."""

    received_at_ms: int
    since_ms: int


class Waiting:
    """The messages and deliveries that wait for one lane's next cycle.

    Shape: `pending` and `due` ask the database and block; `Driver` calls them off the event loop.
    """

    def __init__(
        self,
        destination: Destination,
        journal: Journal,
        record: Record,
        governor: Governor,
        clock: MonotonicClock,
        policy: LanePolicy,
    ) -> None:
        self._destination = destination
        self._journal, self._record = journal, record
        self._governor = governor
        self._clock = clock
        self._policy = policy
        self._growth = Growth()
        self._oldest: _Oldest | None = None
        self._cycle_ended_at_ms: int | None = None

    def pending(self, state: LaneState) -> Pending:
        """The waiting messages, and since when they have waited."""
        source_ids = self._destination.source_ids
        live, live_since = self._journal.count_after(state.live_cursor, source_ids=source_ids, is_backfill=False)
        backfill, backfill_since = self._journal.count_after(
            state.backfill_cursor, source_ids=source_ids, is_backfill=True
        )
        still_seconds = 0.0
        if backfill_since is not None:
            still_seconds = self._growth.still_seconds(self._journal.extent().last, self._clock.monotonic_ms())
        next_due_at_ms = self._record.next_due_at_ms(self._destination.destination_id)
        pending = Pending(live, live_since, backfill, backfill_since, still_seconds, [], next_due_at_ms)
        return replace(pending, due=self.due()) if pending.is_due_at(self._clock.now_ms()) else pending

    def due(self) -> list[Due]:
        """The deliveries that are due now."""
        return self._record.due(self._destination.destination_id, self._clock.now_ms(), self._policy.cycle_messages)

    def seconds(self, pending: Pending) -> float | None:
        """The time to linger before a cycle; 0 for now, None without messages. A full cycle never lingers."""
        now_ms = self._clock.now_ms()
        waits: list[float] = []
        if pending.live_since_ms is not None:
            waits.append(self._linger(pending.live_count, pending.live_since_ms, now_ms))
        else:
            self._oldest = None
        if pending.backfill_since_ms is not None and self._governor.may_spend(Priority.BACKFILL, now_ms) > 0:
            is_full = pending.backfill_count >= self._policy.cycle_messages
            waits.append(0.0 if is_full else max(0.0, self._policy.backfill_linger_seconds - pending.still_seconds))
        if pending.due:
            waits.append(self._due_linger(pending))
        return min(waits) if waits else None

    def import_goes_on(self, pending: Pending, taken_count: int) -> bool:
        """Whether a cycle of imported messages follows at once after one with this many new ones."""
        rest = pending.backfill_count - taken_count
        is_still = pending.still_seconds >= self._policy.backfill_linger_seconds
        follows = rest >= self._policy.cycle_messages or (rest > 0 and is_still)
        return taken_count > 0 and follows and self._has_plenty()

    def _has_plenty(self) -> bool:
        """Whether the day's budget lets a cycle take imported messages as it takes live ones."""
        return self._governor.may_spend(Priority.BACKFILL, self._clock.now_ms()) >= PLENTY_CALLS

    def idle_seconds(self, pending: Pending) -> float:
        """The time until work can appear without a notification: a due delivery, or new calls for imports."""
        now_ms = self._clock.now_ms()
        waits = [math.inf]
        if pending.next_due_at_ms is not None:
            waits.append((pending.next_due_at_ms - now_ms) / 1000)
        if pending.backfill_count:
            waits.append(self._governor.wait_seconds(Priority.BACKFILL, now_ms))
        return max(min(waits), MIN_IDLE_SECONDS)

    def budget_seconds(self) -> float | None:
        """Seconds until the day's budget has a call for any priority; None if that is short."""
        wait_seconds = self._governor.wait_seconds(Priority.IDENTIFY, self._clock.now_ms())
        return wait_seconds if wait_seconds * 1000 > LONGEST_WAIT_MS else None

    def note_cycle(self) -> None:
        """Note that a cycle has ended."""
        self._cycle_ended_at_ms = self._clock.monotonic_ms()

    def _due_linger(self, pending: Pending) -> float:
        """How long due deliveries wait. A cycle often releases what waited for its people: these deliveries go with the
        next live messages, and do not make a cycle of their own right after it. A replay never waits."""
        if self._cycle_ended_at_ms is None or any(delivery.is_replay for delivery in pending.due):
            return 0.0
        rounds = 2 if pending.live_count else 1
        since_ms = self._clock.monotonic_ms() - self._cycle_ended_at_ms
        return max(0.0, rounds * self._policy.linger_seconds - since_ms / 1000)

    def _linger(self, count: int, since_ms: int, now_ms: int) -> float:
        if count >= self._policy.cycle_messages:
            return 0.0
        here_ms = self._clock.monotonic_ms()
        if self._oldest is None or self._oldest.received_at_ms != since_ms:
            # If the system's clock was set back since the message arrived, its wait starts now.
            self._oldest = _Oldest(since_ms, here_ms - max(0, now_ms - since_ms))
        began_ms = self._oldest.since_ms
        wait_seconds = self._policy.linger_seconds - (here_ms - began_ms) / 1000
        if self._cycle_ended_at_ms is not None:
            # Messages that waited for the budget are old: counted from the oldest one, a lane would never linger again.
            began_ms = max(began_ms, self._cycle_ended_at_ms)
        return max(0.0, wait_seconds, self._governor.linger_seconds(now_ms) - (here_ms - began_ms) / 1000)
