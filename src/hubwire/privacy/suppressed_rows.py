"""The lanes' view of the journal: messages of deleted people are marked, so that lanes discard and never send them.

Receivers refuse such messages as soon as they learn of the deletion, within two seconds; messages from in between are
in the journal. A lane therefore checks the list at every read. `Forgetter.sweep` removes the messages that lanes met.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hubwire.journal.protocol import Extent, Journal
from hubwire.message import Entry, JournalRow
from hubwire.privacy.suppression import Suppressions
from hubwire.reasons import Reason


class SuppressedRows:
    """A `Journal` whose rows of deleted people are `rejected` as `suppressed`."""

    def __init__(self, journal: Journal, suppressions: Suppressions) -> None:
        self._journal = journal
        self._suppressions = suppressions

    def read(
        self, after: int, limit: int, *, source_ids: Sequence[int] | None, is_backfill: bool | None
    ) -> list[JournalRow]:
        return self._marked(self._journal.read(after, limit, source_ids=source_ids, is_backfill=is_backfill))

    def read_at(self, positions: Sequence[int]) -> dict[int, JournalRow]:
        return {row.position: row for row in self._marked(self._journal.read_at(positions).values())}

    def _marked(self, journal_rows: Iterable[JournalRow]) -> list[JournalRow]:
        rows = list(journal_rows)
        may = self._suppressions.admitted(rows)
        if all(may):
            return rows
        mark = Reason.SUPPRESSED.value
        return [
            row if is_allowed else msgspec.structs.replace(row, rejected=mark)
            for row, is_allowed in zip(rows, may, strict=True)
        ]

    # -- as it is

    @property
    def group_positions(self) -> int:
        return self._journal.group_positions

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        return self._journal.append(entries)

    def find(self, message_id: str) -> list[JournalRow]:
        return self._journal.find(message_id)

    def newest(self, before: int | None, limit: int) -> list[JournalRow]:
        return self._journal.newest(before, limit)

    def extent(self) -> Extent:
        return self._journal.extent()

    def count_after(self, after: int, *, source_ids: Sequence[int] | None, is_backfill: bool) -> tuple[int, int | None]:
        return self._journal.count_after(after, source_ids=source_ids, is_backfill=is_backfill)

    def remove_through(self, position: int, limit: int) -> int:
        return self._journal.remove_through(position, limit)

    def redact(self, positions: Sequence[int]) -> int:
        return self._journal.redact(positions)

    def close(self) -> None:
        self._journal.close()
