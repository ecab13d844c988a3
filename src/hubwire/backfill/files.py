"""Finds the files of an import: the named files, and all files of named folders. Skipped files are reported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from hubwire.backfill.formats.compressed import STDIN, Part
from hubwire.backfill.formats.opening import is_note_of_a_program, parts_of
from hubwire.errors import SettingsError

DATA_ENDINGS: Final = frozenset([".json", ".ndjson", ".jsonl", ".csv", ".tsv", ".parquet", ".pq", ".xlsx", ".xls"]) | {
    ".db", ".sqlite", ".sqlite3", ".gz", ".zst", ".zip", ".avro", ".orc"
}  # fmt: skip
"""In a folder, a file with one of these endings must be readable; any other unreadable file is not data."""


class PassedOver(NamedTuple):
    """A skipped file or table, and why. It is a fault if it looks like history."""

    label: str
    why: str
    is_fault: bool = False


class Candidate(NamedTuple):
    """A part that may contain history. A part that was named itself must contain it; others can be skipped."""

    part: Part
    is_named: bool


def candidates_of(names: Sequence[str], besides: Path | None = None) -> tuple[list[Candidate], list[PassedOver]]:
    """The parts of files and folders, in order; those of a folder are sorted by path.

    Shape: `besides` is a folder to ignore: Hubwire's own data, if it lies in a named folder.
    Errors: SettingsError for a name that is neither, for an empty folder, and for a named file that cannot be read.
    """
    own = besides.resolve() if besides is not None else None
    found: list[Candidate] = []
    passed_over: list[PassedOver] = []
    for name in names:
        path = Path(name)
        if name != STDIN and path.is_dir():
            inside, closed = _files_of(name)
            passed_over += closed
            if own is not None:
                inside = [file for file in inside if own not in Path(file).resolve().parents]
            if not inside and not closed:
                raise SettingsError(f"{name}: the folder contains no file")
            for file in inside:
                _add(file, str(Path(file).relative_to(path)), found, passed_over)
        elif name == STDIN or path.is_file():
            parts = parts_of(name)
            if not parts:
                raise SettingsError(f"{name}: nothing is in it")
            found += [Candidate(part, len(parts) == 1) for part in parts]
        else:
            raise SettingsError(
                f"{name}: there is no such file or folder",
                hint="Use - to read from a pipe (standard input).",
            )
    return found, passed_over


def _files_of(folder: str) -> tuple[list[str], list[PassedOver]]:
    """The files below a folder, sorted; the folders below it that cannot be read, and the links to folders."""
    closed: list[PassedOver] = []

    def refuse(exc: OSError) -> None:
        closed.append(PassedOver(str(exc.filename), f"the folder cannot be read: {exc.strerror}", True))

    files: list[str] = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        files += [str(Path(place, name)) for name in names]
        links = sorted(name for name in folders if Path(place, name).is_symlink())
        why = "a link to another folder: name that folder in the command"
        closed += [PassedOver(str(Path(place, name)), why, True) for name in links]
    return sorted(files), closed


def _add(file: str, inside: str, found: list[Candidate], passed_over: list[PassedOver]) -> None:
    if is_note_of_a_program(inside):
        passed_over.append(PassedOver(file, "a note of a program"))
        return
    if not Path(file).is_file():
        passed_over.append(PassedOver(file, "a broken link, or no ordinary file", is_data(file)))
        return
    try:
        found += [Candidate(part, False) for part in parts_of(file)]
    except SettingsError as exc:
        passed_over.append(PassedOver(file, str(exc).removeprefix(f"{file}: "), is_data(file)))


def is_data(path: str) -> bool:
    """Whether a file's ending marks it as data; a file without an ending counts as data."""
    ending = Path(path).suffix.lower()
    return not ending or ending in DATA_ENDINGS


def total_bytes(parts: Sequence[Part]) -> int | None:
    """The size of all files in bytes; None if standard input is among them."""
    paths = {part.path for part in parts}
    return None if STDIN in paths else sum(Path(path).stat().st_size for path in paths)
