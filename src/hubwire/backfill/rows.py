"""Reads files as journal rows, for dry runs and estimates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hubwire.backfill.appending import entries_of_lines
from hubwire.backfill.formats.compressed import DamagedFile
from hubwire.backfill.looking import History
from hubwire.backfill.reading import chunks
from hubwire.destination import Source
from hubwire.message import Entry, JournalRow
from hubwire.receive.upload_limits import ReceiveLimits


class HistoryRows:
    """The messages of all files, with consecutive positions. Iterating raises SettingsError.

    Shape: `unreadable` counts the rows and files with a fault that were met so far.
    """

    def __init__(self, history: History, source: Source, now_ms: int) -> None:
        self._history = history
        self._source = source
        self._now_ms = now_ms
        self.unreadable = sum(1 for file in history.passed_over if file.is_fault)

    def __iter__(self) -> Iterator[JournalRow]:
        position = 0
        for seen in self._history.seen:
            try:
                for chunk in chunks(seen):
                    entries, appended = entries_of_lines(chunk.lines, self._source, self._now_ms, ReceiveLimits())
                    faults = sum(1 for _, omission in chunk.left_out if omission.is_fault)
                    self.unreadable += faults + len(appended.rejections)
                    for row in rows_of(entries):
                        position += 1
                        yield replace(row, position=position)
            except DamagedFile:
                self.unreadable += 1  # the rows before the damage count


def rows_of(entries: Sequence[Entry]) -> list[JournalRow]:
    """The entries as rows of the journal."""
    return [
        JournalRow(
            position=position,
            source_id=entry.source_id,
            message_id=entry.message_id,
            received_at_ms=entry.received_at_ms,
            body=entry.body,
            envelope=entry.envelope,
            is_backfill=entry.is_backfill,
            rejected=entry.rejected,
        )
        for position, entry in enumerate(entries, 1)
    ]
