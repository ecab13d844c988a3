"""Reads SQLite and .xlsx row by row, with typed cells."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from hubwire.backfill.formats.compressed import DamagedFile, Part
from hubwire.backfill.formats.delimited import MAX_LINES_BEFORE_HEADER, cleaned, unique
from hubwire.backfill.records import Record
from hubwire.errors import SettingsError

MISSING: Final = "pip install 'hubwire[files]'"


class Table(NamedTuple):
    """Columns, rows, the share of the rows that was read, and the number of rows where the file tells it."""

    columns: tuple[str, ...]
    rows: Iterator[Record]
    share: Callable[[], float]
    row_count: int | None = None


# -- SQLite


def sqlite_tables(path: str) -> list[str]:
    """The tables of a SQLite file that have rows. Errors: SettingsError."""
    try:
        with closing(_sqlite(path)) as db:
            names = [
                name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            ]
            return [
                name
                for name in names
                if not name.startswith("sqlite_") and db.execute(f"SELECT 1 FROM {_quoted(name)} LIMIT 1").fetchone()
            ]
    except sqlite3.Error as exc:
        raise SettingsError(f"{path}: not readable as SQLite: {exc}") from exc


def sqlite_table(part: Part, stack: ExitStack) -> Table:
    """A table's rows in the order in which they were added. Errors: SettingsError."""
    assert part.member is not None
    try:
        db = stack.enter_context(closing(_sqlite(part.path)))
        total = max(int(db.execute(f"SELECT count(*) FROM {_quoted(part.member)}").fetchone()[0]), 1)
        cursor = db.execute(f"SELECT * FROM {_quoted(part.member)}")
    except sqlite3.Error as exc:
        raise SettingsError(f"{part.label}: not readable as SQLite: {exc}") from exc
    columns = unique([name for name, *_ in cursor.description])
    done = 0

    def rows() -> Iterator[Record]:
        nonlocal done
        try:
            for cells in cursor:
                done += 1
                yield Record(done, dict(zip(columns, cells, strict=True)))
        except sqlite3.Error as exc:
            raise DamagedFile(f"{part.label}: damaged SQLite: {exc}") from exc

    return Table(columns, rows(), lambda: done / total, total)


def _sqlite(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(Path(path).resolve()))}?mode=ro", uri=True)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# -- .xlsx


def sheets(path: str) -> list[str]:
    """The sheets of a workbook that have cells. Errors: SettingsError."""
    with ExitStack() as stack:
        book = _workbook(path, stack)
        return [sheet.title for sheet in book.worksheets if sheet.max_row and (sheet.max_row > 1 or sheet["A1"].value)]


def sheet_table(part: Part, stack: ExitStack) -> Table:
    """A sheet's rows under its header, numbered as the program shows them.

    Shape: the header is the first of ten rows that has two cells or more; without one, the first that has any.
    """
    assert part.member is not None
    sheet = _workbook(part.path, stack)[part.member]
    total = max(sheet.max_row or 1, 1)
    done = 0
    numbered = enumerate(sheet.iter_rows(values_only=True), 1)
    first = list(itertools.islice(numbered, MAX_LINES_BEFORE_HEADER))
    filled = [sum(1 for cell in cells if cell not in (None, "")) for _, cells in first]
    header = next((index for index, count in enumerate(filled) if count > 1), None)
    if header is None:
        header = next((index for index, count in enumerate(filled) if count), len(first))
    columns = unique(first[header][1]) if header < len(first) else ()

    def rows() -> Iterator[Record]:
        nonlocal done
        for number, cells in itertools.chain(first[header + 1 :], numbered):
            done = number
            if any(cell not in (None, "") for cell in cells):
                yield Record(number, dict(zip(columns, map(_cell, cells), strict=False)))

    return Table(columns, rows(), lambda: done / total)


def _cell(value: Any) -> Any:
    return cleaned(value) if isinstance(value, str) else value


def _workbook(path: str, stack: ExitStack) -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError as exc:
        raise SettingsError(f"{path}: an .xlsx file needs another package", hint=MISSING) from exc
    try:
        # Opened here, because the package refuses a file whose name has another ending.
        file = stack.enter_context(open(path, "rb"))
        return stack.enter_context(closing(load_workbook(file, read_only=True, data_only=True)))
    except Exception as exc:  # the package lets all exceptions of its parsers through
        raise SettingsError(f"{path}: not readable as a workbook: {first_line(exc)}") from exc


def first_line(exc: BaseException) -> str:
    """The first line of an error of a library, at most 200 characters."""
    return str(exc).strip().split("\n")[0][:200]
