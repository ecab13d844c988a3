"""The journal protocol. One contract suite (`tests/contract/test_journal.py`) tests every backend.

Positions start at 1 and only grow. A journal has one appender at a time for its file (SQLite) or any number
(PostgreSQL, JetStream); readers are free. Methods block; the shell calls them off the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hubwire.message import Entry, JournalRow

TOMBSTONE = b'{"type":"track","event":"forgotten"}'
"""The body of a message whose person was deleted: no ids and no content."""


class Extent(NamedTuple):
    """First and last position present (0, 0 when empty) and the last ever given out."""

    first: int
    last: int


class Journal(Protocol):
    @property
    def group_positions(self) -> int:
        """1 if every position is used. Larger if each group of messages takes this many positions: positions then have
        gaps, and only whole groups are removed."""
        ...

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """The position of each entry, or None for a duplicate; on return all of it is committed and on disk.

        Shape: one result per entry, in order. A duplicate has the source_id and message_id of a message appended
        within the de-duplication window, also of one earlier in the same call.
        Errors: BackendUnavailable; then nothing of the call was kept.
        """
        ...

    def read(
        self, after: int, limit: int, *, source_ids: Sequence[int] | None, is_backfill: bool | None
    ) -> list[JournalRow]:
        """At most `limit` deliverable rows (not rejected) behind position `after`, in order; filtered by source and
        stream."""
        ...

    def read_at(self, positions: Sequence[int]) -> dict[int, JournalRow]:
        """The rows at these positions; those that retention has removed are absent."""
        ...

    def find(self, message_id: str) -> list[JournalRow]:
        """Every row with this message_id; several sources can use the same one."""
        ...

    def newest(self, before: int | None, limit: int) -> list[JournalRow]:
        """Rows, newest first, below position `before`; rejected ones included."""
        ...

    def extent(self) -> Extent:
        """The current content of the log."""
        ...

    def count_after(self, after: int, *, source_ids: Sequence[int] | None, is_backfill: bool) -> tuple[int, int | None]:
        """The number of deliverable rows behind a position, and receivedAt (ms) of the first: backlog and lag."""
        ...

    def remove_through(self, position: int, limit: int) -> int:
        """Remove at most `limit` of the oldest rows up to a position; how many were removed."""
        ...

    def redact(self, positions: Sequence[int]) -> int:
        """Replace the content of these messages by a tombstone, permanently; returns how many existed.

        Shape: position, source, message_id and receivedAt stay. The body becomes `TOMBSTONE`, the envelope is removed,
        and `rejected` is `suppressed`, so that no lane reads or replays them. Remains (log files, free pages) are
        overwritten if the backend can do that.
        """
        ...

    def close(self) -> None: ...


def read_both_streams(journal: Journal, after: int, limit: int, source_ids: Sequence[int] | None) -> list[JournalRow]:
    """The live and the imported rows behind a position, in order."""
    rows = [
        *journal.read(after, limit, source_ids=source_ids, is_backfill=False),
        *journal.read(after, limit, source_ids=source_ids, is_backfill=True),
    ]
    return sorted(rows, key=lambda row: row.position)[:limit]


def repeated(entries: Sequence[Entry]) -> set[int]:
    """The indexes of entries whose message is earlier in the same call."""
    seen: set[tuple[int, str]] = set()
    twice: set[int] = set()
    for index, entry in enumerate(entries):
        identity = (entry.source_id, entry.message_id)
        if identity in seen:
            twice.add(index)
        seen.add(identity)
    return twice
