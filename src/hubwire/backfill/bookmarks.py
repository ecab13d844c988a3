"""Stores where a stopped import resumes: one small file in the data folder, removed when the import ends.

A bookmark only saves work: the rows that it skips are already in the journal, and other rows would be recognised as
duplicates. It is therefore written after the journal, and ignored if the file was changed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hubwire.backfill.formats.compressed import STDIN, Part

FILE = "imports.json"


class Mark(msgspec.Struct):
    """The last imported row of a file. Size and time tell whether the file is unchanged."""

    size: int
    modified_ns: int
    line: int


class Bookmarks:
    """The bookmarks of one source."""

    def __init__(self, data: Path, source_name: str) -> None:
        self._path = data / FILE
        self._source = source_name
        try:
            self._marks = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Mark])
        except (OSError, msgspec.MsgspecError):
            self._marks = {}

    def line(self, part: Part) -> int:
        """The last imported row of this file; 0 if there is none, or if the file was changed."""
        mark = self._marks.get(self._key(part))
        return mark.line if mark is not None and mark == self._mark(part, mark.line) else 0

    def set(self, part: Part, line: int) -> None:
        """Note that everything up to this row is in the journal."""
        if part.path != STDIN:
            self._marks[self._key(part)] = self._mark(part, line)
            self._write()

    def clear(self, parts: Sequence[Part]) -> None:
        """Remove the bookmarks, because the import has ended."""
        gone = [self._marks.pop(self._key(part), None) for part in parts if part.path != STDIN]
        if any(gone):
            self._write()

    def _key(self, part: Part) -> str:
        return f"{self._source}:{os.path.abspath(part.path)}" + ("" if part.member is None else f":{part.member}")

    @staticmethod
    def _mark(part: Part, line: int) -> Mark:
        found = Path(part.path).stat()
        return Mark(found.st_size, found.st_mtime_ns, line)

    def _write(self) -> None:
        if not self._marks:
            self._path.unlink(missing_ok=True)
            return
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self._marks))
        fresh.replace(self._path)
