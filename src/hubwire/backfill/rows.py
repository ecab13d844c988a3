"""Reads files as journal rows, for dry runs and estimates."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hubwire.backfill.appending import entries_of_lines
from hubwire.backfill.formats.compressed import DamagedFile
from hubwire.backfill.looking import History
from hubwire.backfill.reading import chunks
from hubwire.destination import Source
from hubwire.message import Entry, JournalRow
from hubwire.receive.upload_limits import ReceiveLimits


def rows_of_history(history: History, source: Source, now_ms: int) -> Iterator[JournalRow]:
    """The messages of all files, with consecutive positions. Errors: SettingsError."""
    position = 0
    for seen in history.seen:
        with contextlib.suppress(DamagedFile):  # the preview and the import report it; the rows before it count
            for chunk in chunks(seen):
                entries, _ = entries_of_lines(chunk.lines, source, now_ms, ReceiveLimits())
                for row in rows_of(entries):
                    position += 1
                    yield replace(row, position=position)


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
