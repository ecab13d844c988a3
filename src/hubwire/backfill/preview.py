"""Previews an import: each column with a sample, the types of messages, the times, and the rows to leave out.

It reads all rows and makes messages of them; it sends and stores nothing.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from hubwire.backfill.formats.compressed import DamagedFile
from hubwire.backfill.looking import Seen
from hubwire.backfill.reading import chunks
from hubwire.errors import SettingsError

MAX_FAULTS = 1000
MAX_SAMPLE = 40


class ColumnPreview(msgspec.Struct, kw_only=True):
    """One column: a sample, and the field that it becomes or the reason why it is left out."""

    column: str
    sample: str
    becomes: str | None
    why: str


class FilePreview(msgspec.Struct, kw_only=True):
    """The content of a file and its messages.

    Shape: `more_files` counts similar files that this preview includes. `calls` counts messages by type, `left_out`
    rows by reason; `faults` names the first thousand rows with a fault, of `unreadable`. `first_at` and `last_at` are
    times of messages, `untimed` counts messages without one. `example` is the first message.
    """

    file: str
    more_files: int = 0
    kind: str
    system: str
    rows: int = 0
    calls: dict[str, int] = {}
    first_at: str | None = None
    last_at: str | None = None
    untimed: int = 0
    columns: list[ColumnPreview] = []
    notes: list[str] = []
    left_out: dict[str, int] = {}
    unreadable: int = 0
    faults: list[str] = []
    example: dict[str, Any] = {}


def preview_of(seen: Seen, report: Callable[[int], None] = lambda rows: None) -> FilePreview:
    """The preview of a file. `report` is called with the number of rows of each group that was read.

    Errors: none for its content; SettingsError if it can no longer be opened.
    """
    preview = FilePreview(
        file=seen.part.label,
        kind=seen.kind,
        system=seen.reader.title,
        columns=[
            ColumnPreview(
                column=use.column, sample=_shown(seen.samples.get(use.column)), becomes=use.target, why=use.why
            )
            for use in seen.reader.uses
        ],
        notes=seen.notes,
    )
    calls: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    times: list[str] = []
    try:
        for chunk in chunks(seen):
            preview.rows += chunk.rows
            report(chunk.rows)
            calls += chunk.types
            preview.untimed += chunk.untimed
            times += chunk.times or ()
            times = [min(times), max(times)] if times else []
            if chunk.lines and not preview.example:
                preview.example = msgspec.json.decode(chunk.lines[0].text)
            for number, omission in chunk.left_out:
                if omission.is_fault:
                    _add_fault(preview, f"{seen.part.label}:{number}: {omission.reason}")
                else:
                    left_out[omission.reason] += 1
    except (DamagedFile, SettingsError) as exc:
        _add_fault(preview, f"{exc} (after {preview.rows:,} rows)")
    preview.calls, preview.left_out = dict(calls.most_common()), dict(left_out.most_common())
    if times:
        preview.first_at, preview.last_at = times
    return preview


def merged(previews: Sequence[FilePreview]) -> list[FilePreview]:
    """One preview for all similar files: of one system and kind, with the same columns."""
    groups: dict[tuple[object, ...], FilePreview] = {}
    for preview in previews:
        uses = tuple((column.column, column.becomes) for column in preview.columns)
        key = (preview.kind, preview.system, uses, tuple(preview.notes))
        if key in groups:
            _add(groups[key], preview)
        else:
            groups[key] = replace(preview)
    return list(groups.values())


def _add(whole: FilePreview, part: FilePreview) -> None:
    whole.more_files += 1 + part.more_files
    whole.rows += part.rows
    whole.calls = dict((Counter(whole.calls) + Counter(part.calls)).most_common())
    whole.left_out = dict((Counter(whole.left_out) + Counter(part.left_out)).most_common())
    times = [time for time in (whole.first_at, whole.last_at, part.first_at, part.last_at) if time is not None]
    if times:
        whole.first_at, whole.last_at = min(times), max(times)
    whole.untimed += part.untimed
    whole.unreadable += part.unreadable
    whole.faults = [*whole.faults, *part.faults][:MAX_FAULTS]
    whole.example = whole.example or part.example


def _add_fault(preview: FilePreview, fault: str) -> None:
    preview.unreadable += 1
    if len(preview.faults) < MAX_FAULTS:
        preview.faults.append(fault)


def _shown(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= MAX_SAMPLE else "".join(itertools.islice(text, MAX_SAMPLE - 3)) + "..."
