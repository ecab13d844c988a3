"""Recognises all files before anything is written: the kind of each, or why it is refused or skipped."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hubwire.backfill.files import DATA_ENDINGS, Candidate, PassedOver, candidates_of, is_data
from hubwire.backfill.formats.compressed import STDIN, DamagedFile, Part
from hubwire.backfill.formats.opening import Look, open_part
from hubwire.backfill.records import Contents, Reader, ReadOptions, Sample
from hubwire.backfill.systems.fields import shown_columns
from hubwire.backfill.systems.recognising import is_manifest, recognise
from hubwire.backfill.systems.warehouse import TRACKS
from hubwire.errors import SettingsError

SAMPLE_ROWS: Final = 200


@dataclass(slots=True)
class Seen:
    """A recognised part.

    Shape: `samples` has a value of each column that has one in the first rows. `held` is standard input, which cannot
    be opened again.
    """

    part: Part
    kind: str
    reader: Reader
    encoding: str | None
    count: int | None
    samples: Mapping[str, Any]
    notes: list[str]
    options: ReadOptions
    held: Contents | None = None


@dataclass(slots=True)
class History:
    """All parts to import. `passed_over` names the skipped files."""

    seen: list[Seen] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    own: ExitStack = field(default_factory=ExitStack)

    @property
    def has_stdin(self) -> bool:
        return any(seen.part.path == STDIN for seen in self.seen)


def look_at(names: Sequence[str], options: ReadOptions, besides: Path | None = None) -> History:
    """The recognised parts of files and folders.

    Errors: SettingsError for a named file that is not recognised, and when nothing of a folder is.
    """
    candidates, passed_over = candidates_of(names, besides)
    history = History(passed_over=passed_over)
    for candidate in candidates:
        try:
            found = _look(candidate.part, options, history.own)
        except (SettingsError, DamagedFile) as exc:
            _pass_over(candidate, exc, history)
            continue
        if isinstance(found, Seen):
            history.seen.append(found)
        else:
            history.passed_over.append(found)
    if not history.seen:
        whys = "; ".join(f"{file.label}: {file.why}" for file in history.passed_over[:3])
        raise SettingsError(f"no file can be imported: {whys}")
    # The table tracks has the events without their properties, and the first row of an event is kept: read it last.
    history.seen.sort(key=lambda seen: getattr(seen.reader, "shape", None) is TRACKS)
    return history


def _pass_over(candidate: Candidate, exc: SettingsError | DamagedFile, history: History) -> None:
    if candidate.is_named:
        if isinstance(exc, DamagedFile):
            raise SettingsError(str(exc)) from exc
        raise exc
    label = candidate.part.label
    path, member = candidate.part
    is_data_file = is_data(path) if member is None else Path(member).suffix.lower() in DATA_ENDINGS
    is_fault = (is_data_file and "empty:" not in str(exc)) or isinstance(exc, DamagedFile)
    history.passed_over.append(PassedOver(label, str(exc).removeprefix(f"{label}: "), is_fault))


def _look(part: Part, options: ReadOptions, own: ExitStack) -> Seen | PassedOver:
    with ExitStack() as stack:
        contents = open_part(part, Look(options.encoding, is_first=True), stack)
        rows = list(itertools.islice(contents.records, SAMPLE_ROWS))
        values = [row.values for row in rows if row.problem is None]
        if not rows and contents.columns is None:
            raise SettingsError(f"{part.label}: empty: it contains no document")
        if not values and contents.columns is None:
            raise SettingsError(f"{part.label}:{rows[0].number}: {rows[0].problem}")
        columns = contents.columns if contents.columns is not None else _keys(values)
        sample = Sample(columns, values, contents.table, contents.columns is not None, options)
        if is_manifest(sample):
            return PassedOver(part.label, "a list of files, not history")
        try:
            reader = recognise(sample)
        except SettingsError as exc:
            raise SettingsError(f"{part.label}: {exc}", hint=exc.hint) from exc
        if not rows:
            raise SettingsError(f"{part.label}: empty: the columns {shown_columns(columns)}, and no row")
        held = None
        if part.path == STDIN:
            contents.records = itertools.chain(rows, contents.records)
            held = contents
            own.push(stack.pop_all())
    return Seen(
        part,
        contents.kind,
        reader,
        contents.encoding,
        contents.count,
        sample_values(columns, values),
        [*contents.notes, *reader.notes],
        options,
        held,
    )


def _keys(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(key) for row in rows for key in row))


def sample_values(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A sample value of each column that has one."""
    samples: dict[str, Any] = {}
    for column in columns:
        value = next((row[column] for row in rows if row.get(column) not in (None, "")), None)
        if value is not None:
            samples[column] = value
    return samples
