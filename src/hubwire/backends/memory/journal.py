"""The journal in memory: for tests and for trying things out. It passes the same contract suite as the real ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hubwire.errors import BackendUnavailable
from hubwire.journal.protocol import TOMBSTONE, Extent
from hubwire.message import Entry, JournalRow
from hubwire.reasons import Reason

HOUR_MS = 3_600_000


class MemoryJournal:
    """A `Journal` that keeps rows in a dict.

    Shape: while `failure` is set, every call raises it and changes nothing, like a full disk.
    """

    group_positions = 1

    def __init__(self, *, dedupe_hours: float = 48.0) -> None:
        self.failure: BackendUnavailable | None = None
        self._window_ms = round(dedupe_hours * HOUR_MS)
        self._rows: dict[int, JournalRow] = {}
        self._recent: dict[tuple[int, str], int] = {}
        self._last = 0
        self._lock = threading.Lock()

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        with self._lock:
            self._check()
            return [self._append(entry) for entry in entries]

    def read(
        self, after: int, limit: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool | None = None
    ) -> list[JournalRow]:
        return list(self._deliverable(after, source_ids, is_backfill))[:limit]

    def read_at(self, positions: Sequence[int]) -> dict[int, JournalRow]:
        with self._lock:
            self._check()
            return {position: self._rows[position] for position in positions if position in self._rows}

    def find(self, message_id: str) -> list[JournalRow]:
        with self._lock:
            self._check()
            return [row for row in self._rows.values() if row.message_id == message_id]

    def newest(self, before: int | None, limit: int) -> list[JournalRow]:
        with self._lock:
            self._check()
            below = [row for row in self._rows.values() if before is None or row.position < before]
        return below[::-1][:limit]

    def extent(self) -> Extent:
        with self._lock:
            self._check()
            return Extent(next(iter(self._rows), 0), self._last)

    def count_after(
        self, after: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool = False
    ) -> tuple[int, int | None]:
        rows = list(self._deliverable(after, source_ids, is_backfill))
        return len(rows), rows[0].received_at_ms if rows else None

    def remove_through(self, position: int, limit: int) -> int:
        with self._lock:
            self._check()
            removed = [at for at in self._rows if at <= position][:limit]
            for at in removed:
                del self._rows[at]
            return len(removed)

    def redact(self, positions: Sequence[int]) -> int:
        with self._lock:
            self._check()
            there = [position for position in positions if position in self._rows]
            for position in there:
                self._rows[position] = replace(
                    self._rows[position], body=TOMBSTONE, envelope=None, rejected=Reason.SUPPRESSED
                )
            return len(there)

    def close(self) -> None:
        return None

    def _append(self, entry: Entry) -> int | None:
        identity = (entry.source_id, entry.message_id)
        known = self._rows.get(self._recent.get(identity, 0))
        if known is not None and entry.received_at_ms - known.received_at_ms <= self._window_ms:
            return None
        self._last += 1
        self._recent[identity] = self._last
        self._rows[self._last] = JournalRow(
            self._last,
            entry.source_id,
            entry.message_id,
            entry.received_at_ms,
            entry.body,
            entry.envelope,
            entry.is_backfill,
            entry.rejected,
        )
        return self._last

    def _deliverable(
        self, after: int, source_ids: Sequence[int] | None, is_backfill: bool | None
    ) -> Iterator[JournalRow]:
        with self._lock:
            self._check()
            rows = list(self._rows.values())
        for row in rows:
            is_wanted = source_ids is None or row.source_id in source_ids
            is_in_stream = is_backfill is None or row.is_backfill is is_backfill
            if row.position > after and row.rejected is None and is_wanted and is_in_stream:
                yield row

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure
