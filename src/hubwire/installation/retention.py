"""Retention: removes old messages, or those beyond a size; never undelivered ones.

A message can be removed when every destination has passed it and no earlier message is open (pending, retrying or
held), so the journal is cut only at its old end. The removal runs in slices of one transaction each; receiving and
delivery continue. Each outcome is added to running totals first, so totals still add up. Settings: `retention_days`,
`retention_bytes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog

from hubwire.clock import Clock
from hubwire.destination import Destination
from hubwire.journal.protocol import Journal
from hubwire.message import JournalRow
from hubwire.record.protocol import Archive, Record
from hubwire.registry.protocol import Registry
from hubwire.settings import Settings

log = structlog.get_logger("hubwire.retention")

DAY_MS = 86_400_000
SLICE_MESSAGES = 2_000
SLICE_GROUPS = 64
"""The size of a slice in groups, if positions come in groups with gaps."""
SLICE_ATTEMPTS = 500
SLICE_CYCLES = 2_000
SLICES_PER_RUN = 50
FRESH_ATTEMPTS_MS = 3_600_000
"""Attempts of the last hour stay even if the database is full, because they show the cause."""
MIN_FREE_BYTES = 64 << 20
FREE_SHARE = 0.25
"""Free space up to this share of the used space is kept for new messages and not returned to the system."""
GIVE_BACK_BYTES = 16 << 20
FUTILE_GROWTH = 1.02


class Stored(Protocol):
    """The dependencies of retention; `Store` has them."""

    @property
    def journal(self) -> Journal: ...

    @property
    def record(self) -> Record: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def archive(self) -> Archive: ...


class Removed(msgspec.Struct, kw_only=True):
    """The result of one run. `is_blocked`: the size exceeds `retention_bytes`, but nothing can be removed yet."""

    messages: int = 0
    attempts: int = 0
    cycles: int = 0
    waiting_values: int = 0
    """Records that HubSpot never had, with the values that waited for them."""
    bytes_given_back: int = 0
    is_blocked: bool = False
    has_more: bool = False
    """True if the run reached its limit, so that another one should follow soon."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """The limits; None means no limit."""

    keep_ms: int | None
    keep_bytes: int | None

    @classmethod
    def of(cls, settings: Settings) -> RetentionPolicy:
        """The policy in the settings."""
        days = settings.retention_days
        return cls(None if days is None else round(days * DAY_MS), settings.retention_bytes)


def last_removable(last: int, first_untaken: Sequence[int | None], oldest_open: int | None) -> int:
    """The last removable position: before every message that a lane has not taken, and before every open delivery.

    Shape: `last` is the journal's last position; `first_untaken` has the first message behind each cursor, or None.
    Pure.
    """
    waiting = [position for position in (*first_untaken, oldest_open) if position is not None]
    return min([last, *(position - 1 for position in waiting)])


def end_of_old(rows: Mapping[int, JournalRow], cutoff_ms: int) -> int | None:
    """The last position of the unbroken run of rows that were received before a time; None if there is none. Pure."""
    end: int | None = None
    for position in sorted(rows):
        if rows[position].received_at_ms >= cutoff_ms:
            break
        end = position
    return end


def surplus_bytes(used: int, free: int) -> int:
    """The free space to return to the system: the part that new messages will not use soon. Pure."""
    return max(0, free - max(MIN_FREE_BYTES, round(used * FREE_SHARE)))


class Retention:
    """Removes what may go. `run_once` blocks: call it off the event loop, every few minutes."""

    def __init__(self, store: Stored, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._policy = RetentionPolicy.of(settings)
        self._clock = clock
        self._slices_left = 0
        self._futile_below = 0

    def run_once(self) -> Removed:
        """Remove messages that are too old, then those beyond the size limit, in a bounded number of slices.

        Errors: BackendError; earlier removals stay.
        """
        removed = Removed()
        self._slices_left = SLICES_PER_RUN
        now_ms = self._clock.now_ms()
        if self._policy.keep_ms is not None:
            self._remove_old(now_ms - self._policy.keep_ms, removed)
        if self._policy.keep_bytes is not None:
            self._remove_surplus(self._policy.keep_bytes, now_ms, removed)
        archive = self._store.archive
        surplus = surplus_bytes(archive.bytes_used(), archive.bytes_free())
        if surplus:
            removed.bytes_given_back = archive.give_back(min(surplus, GIVE_BACK_BYTES))
        removed.has_more = self._slices_left <= 0 or 0 < removed.bytes_given_back < surplus
        if removed.messages or removed.attempts or removed.cycles or removed.waiting_values or removed.is_blocked:
            log.info("retention.removed", **msgspec.structs.asdict(removed))
        return removed

    # -- by age

    def _remove_old(self, cutoff_ms: int, removed: Removed) -> None:
        end = self._archive_old(cutoff_ms)
        journal, archive = self._store.journal, self._store.archive
        while end is not None and self._slices_left > 0 and (count := journal.remove_through(end, SLICE_MESSAGES)):
            removed.messages += count
            self._slices_left -= 1
        while self._slices_left > 0 and (count := archive.remove_attempts(cutoff_ms, SLICE_ATTEMPTS)):
            removed.attempts += count
            self._slices_left -= 1
        while self._slices_left > 0 and (count := archive.remove_cycles(cutoff_ms, SLICE_CYCLES)):
            removed.cycles += count
            self._slices_left -= 1
        while self._slices_left > 0 and (count := archive.remove_waiting_values(cutoff_ms, SLICE_CYCLES)):
            removed.waiting_values += count
            self._slices_left -= 1

    def _archive_old(self, cutoff_ms: int) -> int | None:
        """Archive the fates of old messages, in half of the run's slices; returns the position up to which messages may
        be removed.

        The journal is then cut in one step, so that a backend with partitions can drop whole partitions.
        """
        bound = self._bound()
        first, end = self._store.journal.extent().first, None
        while 0 < first <= bound and self._slices_left > SLICES_PER_RUN // 2:
            self._slices_left -= 1
            last = min(bound, first + self._slice_positions - 1)
            old = self._end_of_old(first, last, cutoff_ms)
            if old is None:
                break
            through = self._store.archive.archive_through(old, list(self._store.registry.destinations()))
            if through < first:
                break
            end = through
            if through < last:
                break
            first = last + 1
        return end

    def _end_of_old(self, first: int, last: int, cutoff_ms: int) -> int | None:
        """The last position of a slice before which everything is old. It reads rows only if the slice is mixed."""
        [newest] = self._store.journal.newest(last + 1, 1)
        if newest.received_at_ms < cutoff_ms:
            return last
        return end_of_old(self._store.journal.read_at(range(first, last + 1)), cutoff_ms)

    # -- by size

    def _remove_surplus(self, keep_bytes: int, now_ms: int, removed: Removed) -> None:
        """Remove the oldest messages and attempts until the rest fits.

        A database that does not report its free space (PostgreSQL) may look as large afterwards. Then nothing more is
        removed until it has grown; otherwise repeated runs would remove everything in vain.
        """
        archive = self._store.archive
        before = archive.bytes_used()
        if before <= self._futile_below:
            return
        bound = self._bound()
        while archive.bytes_used() > keep_bytes and self._slices_left > 0:
            message_at_ms, slice_end = self._oldest_slice(bound)
            attempt_at_ms = archive.oldest_attempt_at_ms()
            if attempt_at_ms is not None and attempt_at_ms >= now_ms - FRESH_ATTEMPTS_MS:
                attempt_at_ms = None
            if attempt_at_ms is not None and (message_at_ms is None or attempt_at_ms <= message_at_ms):
                removed.attempts += archive.remove_attempts(now_ms - FRESH_ATTEMPTS_MS, SLICE_ATTEMPTS)
            elif message_at_ms is None or not self._remove_through(slice_end, removed):
                removed.is_blocked = True
                break
            else:
                removed.cycles += archive.remove_cycles(message_at_ms, SLICE_CYCLES)
            self._slices_left -= 1
        is_futile = (removed.messages or removed.attempts) and archive.bytes_used() >= before
        self._futile_below = round(before * FUTILE_GROWTH) if is_futile else 0

    def _oldest_slice(self, bound: int) -> tuple[int | None, int]:
        """The time of receipt of the oldest removable message (None without one), and the end of its slice."""
        first = self._store.journal.extent().first
        rows = self._store.journal.newest(first + 1, 1) if 0 < first <= bound else []
        return (rows[0].received_at_ms, min(bound, first + self._slice_positions - 1)) if rows else (None, 0)

    @property
    def _slice_positions(self) -> int:
        positions = self._store.journal.group_positions
        return SLICE_MESSAGES if positions == 1 else SLICE_GROUPS * positions

    # -- both

    def _bound(self) -> int:
        """The last position that may be removed now."""
        journal, destinations = self._store.journal, self._store.registry.destinations()
        untaken = [position for destination in destinations.values() for position in self._first_untaken(destination)]
        return last_removable(journal.extent().last, untaken, self._store.archive.oldest_open(list(destinations)))

    def _first_untaken(self, destination: Destination) -> Iterator[int | None]:
        state = self._store.record.lane(destination.destination_id)
        for cursor, is_backfill in ((state.live_cursor, False), (state.backfill_cursor, True)):
            rows = self._store.journal.read(cursor, 1, source_ids=destination.source_ids, is_backfill=is_backfill)
            yield rows[0].position if rows else None

    def _remove_through(self, position: int, removed: Removed) -> bool:
        """Archive the fates, then cut the journal. The next run repairs a crash in between."""
        first = self._store.journal.extent().first
        through = self._store.archive.archive_through(position, list(self._store.registry.destinations()))
        if through < first:
            return False
        count = self._store.journal.remove_through(through, SLICE_MESSAGES)
        removed.messages += count
        return count > 0
