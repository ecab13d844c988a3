"""Files as the rows that the journal would give back, for looking ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hubwire.backfill.imports import entries_of_lines
from hubwire.backfill.reading import chunks
from hubwire.destination import Source
from hubwire.manage.dryrun import rows_of
from hubwire.message import Row
from hubwire.receive.limits import ReceiveLimits


def rows_of_files(files: Sequence[str], source: Source, now_ms: int) -> Iterator[Row]:
    """The readable messages of all files, with positions that go on from file to file. Errors: SettingsError."""
    position = 0
    for name in files:
        for chunk in chunks(name):
            entries, _ = entries_of_lines([line for line in chunk.lines if line.text], source, now_ms, ReceiveLimits())
            for row in rows_of(entries):
                position += 1
                yield replace(row, position=position)
