"""Imports history from files into the journal: each message once, even if an import is repeated or was stopped.

A message keeps its messageId, or gets one from its content. An import that was stopped resumes where it stopped
(`bookmarks.py`). `looking.py` and `reading.py` read the files, `appending.py` writes to the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import msgspec

from hubwire.backfill.appending import Append, Appended, appender
from hubwire.backfill.bookmarks import Bookmarks
from hubwire.backfill.formats.compressed import STDIN, DamagedFile
from hubwire.backfill.looking import History, Seen
from hubwire.backfill.past import PastImport, note_import
from hubwire.backfill.reading import Chunk, chunks
from hubwire.clock import Clock
from hubwire.errors import SettingsError
from hubwire.settings import Settings

MAX_REJECTIONS = 1000
Report = Callable[[int, int, int], None]
"""Called with the number of bytes and rows that are done, and how many of the rows an earlier run imported."""


class ImportOutcome(msgspec.Struct):
    """The outcome of an import.

    Shape: `read` counts rows, `journaled` and `duplicates` messages. `skipped` rows were imported before a stop.
    `unreadable` counts rows and files with a fault; `rejected` names the first thousand of them as `file:row: reason`.
    `untimed` counts messages without a time, which count as of the import. `left_out` counts rows for which HubSpot has
    no use, by reason. `passed_over` names skipped files.
    """

    read: int = 0
    skipped: int = 0
    journaled: int = 0
    duplicates: int = 0
    unreadable: int = 0
    untimed: int = 0
    rejected: list[str] = []
    left_out: dict[str, int] = {}
    passed_over: list[str] = []
    first: int = 0
    last: int = 0
    """The positions of the first and the last journaled message, 0 for none."""

    @property
    def is_useless(self) -> bool:
        """Whether rows were read and none of them is a message."""
        return self.read > 0 and not (self.journaled or self.duplicates or self.skipped)

    def reject(self, place: str, reason: str) -> None:
        """Add a fault."""
        self.unreadable += 1
        if len(self.rejected) < MAX_REJECTIONS:
            self.rejected.append(f"{place}: {reason}")

    def add(self, seen: Seen, chunk: Chunk, appended: Appended) -> None:
        """Add the outcome of a group."""
        self.read += chunk.rows + chunk.skipped
        self.skipped += chunk.skipped
        self.journaled += appended.journaled
        self.duplicates += appended.duplicates
        self.untimed += chunk.untimed
        if appended.journaled:
            self.first, self.last = self.first or appended.first, appended.last
        for number, omission in chunk.left_out:
            if omission.is_fault:
                self.reject(f"{seen.part.label}:{number}", omission.reason)
            else:
                self.left_out[omission.reason] = self.left_out.get(omission.reason, 0) + 1
        for rejection in appended.rejections:
            self.reject(f"{seen.part.label}:{chunk.lines[rejection.index].number}", rejection.reason)


def import_history(
    settings: Settings, history: History, source_name: str, report: Report, clock: Clock
) -> ImportOutcome:
    """Import files, in order. `report` is called after each append, with counts over all files.

    Errors: SettingsError (no such installation or source), BackendError (the journal cannot be written to). What was
    appended stays, and the same call continues after it. A damaged file is a fault in the outcome.
    """
    outcome = ImportOutcome(passed_over=[f"{file.label}: {file.why}" for file in history.passed_over])
    outcome.unreadable = sum(1 for file in history.passed_over if file.is_fault)
    files = ", ".join(dict.fromkeys(seen.part.label for seen in history.seen))
    with ExitStack() as stack, noted(settings, outcome, source_name, files, clock):
        append = appender(settings, source_name, stack, clock)
        marks = Bookmarks(Path(settings.data), source_name)
        bytes_before = 0
        for seen in history.seen:
            _import_part(seen, append, marks, outcome, partial(_report, report, outcome, bytes_before))
            bytes_before += 0 if seen.part.path == STDIN else Path(seen.part.path).stat().st_size
        marks.clear([seen.part for seen in history.seen])
    return outcome


@contextmanager
def noted(settings: Settings, outcome: ImportOutcome, source: str, files: str, clock: Clock) -> Iterator[None]:
    """Keep the import in the list of past ones, also when it is stopped halfway."""
    try:
        yield
    finally:
        if outcome.journaled:
            note_import(
                Path(settings.data),
                PastImport(
                    at_ms=clock.now_ms(),
                    source=source,
                    files=files,
                    messages=outcome.journaled,
                    first=outcome.first,
                    last=outcome.last,
                ),
            )


def _report(report: Report, outcome: ImportOutcome, bytes_before: int, bytes_done: int) -> None:
    report(bytes_before + bytes_done, outcome.read, outcome.skipped)


def _import_part(
    seen: Seen, append: Append, marks: Bookmarks, outcome: ImportOutcome, report: Callable[[int], None]
) -> None:
    read_before = outcome.read
    try:
        for chunk in chunks(seen, after=marks.line(seen.part)):
            outcome.add(seen, chunk, append(chunk.lines) if chunk.lines else Appended())
            marks.set(seen.part, chunk.last)
            report(chunk.bytes_done)
    except DamagedFile as exc:
        _tell_damage(seen, exc, outcome.read - read_before, outcome)
    except SettingsError as exc:
        if not str(exc).startswith(seen.part.label):
            raise
        _tell_damage(seen, exc, outcome.read - read_before, outcome)


def _tell_damage(seen: Seen, exc: DamagedFile | SettingsError, rows: int, outcome: ImportOutcome) -> None:
    kept = f"the {rows:,} rows before it are imported" if rows else "no row is imported"
    label, what = seen.part.label, str(exc)
    place, _, reason = (what if what.startswith(f"{label}:") else f"{label}: {what}").partition(": ")
    hint = exc.hint if isinstance(exc, SettingsError) else ""
    remedy = hint or "Get the complete file and import it: no row is imported twice."
    outcome.reject(place, f"{reason}; {kept}. {remedy}")
