"""Opens a part of a file as rows: finds its kind by its bytes, then its layout. Knows no system."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, NamedTuple

from hubwire.backfill.formats.compressed import BROKEN_ZIP, DAMAGES, STDIN, Bytes, DamagedFile, Part, open_bytes, stem
from hubwire.backfill.formats.delimited import count_rows, encoding_of, encoding_of_sample, layout_of, table_rows
from hubwire.backfill.formats.documents import document_rows, looks_like_documents
from hubwire.backfill.formats.kinds import HEAD_BYTES, Kind, is_wide, kind_of, marked_encoding, refusal
from hubwire.backfill.formats.parquet import parquet_table
from hubwire.backfill.formats.recoded import Recoded
from hubwire.backfill.formats.tables import Table, sheet_table, sheets, sqlite_table, sqlite_tables
from hubwire.backfill.records import Contents, Record
from hubwire.errors import SettingsError

_WORKBOOK: Final = "[Content_Types].xml"
_OPEN_DOCUMENT: Final = {"mimetype", "content.xml"}


class Look(NamedTuple):
    """How to open a part. The first look reads a text to its end, to find what would stop an import half-way."""

    encoding: str | None = None
    is_first: bool = False


def parts_of(path: str) -> list[Part]:
    """The parts of a file: the tables of a database, the sheets of a workbook, the files of a zip; else itself.

    Errors: SettingsError for one that cannot be read.
    """
    if path == STDIN:
        return [Part(path)]
    kind = _container(path)
    try:
        if kind is Kind.SQLITE:
            return [Part(path, table) for table in sqlite_tables(path)]
        if kind is not Kind.ZIP:
            return [Part(path)]
        with zipfile.ZipFile(path) as archive:
            names = sorted(member.filename for member in archive.infolist() if not member.is_dir())
    except BROKEN_ZIP as exc:
        raise SettingsError(f"{path}: damaged zip: {exc}") from exc
    if set(names) >= _OPEN_DOCUMENT:
        raise SettingsError(f"{path}: an OpenDocument file, which Hubwire cannot read", hint="Save it as .xlsx or CSV.")
    if _WORKBOOK in names:
        return [Part(path, sheet) for sheet in sheets(path)]
    return [Part(path, name) for name in names if not is_note_of_a_program(name)]


def is_note_of_a_program(name: str) -> bool:
    """Whether a path is a program's own note and not data: `.DS_Store`, `__MACOSX/…`, `_SUCCESS`."""
    steps = [step for step in Path(name).parts if step not in (".", "..", "/")]
    return any(step.startswith((".", "__MACOSX")) for step in steps) or steps[-1].startswith(("_SUCCESS", "_committed"))


def open_part(part: Part, look: Look, stack: ExitStack) -> Contents:
    """The rows of a part. The caller closes the stack.

    Errors: SettingsError for a kind that is not read; DamagedFile. Reading the rows raises the same.
    """
    if part.member is not None:
        kind = _container(part.path)
        if kind is Kind.SQLITE:
            return _of_table(part, sqlite_table(part, stack), "SQLite", part.member)
        if kind is Kind.ZIP and _is_workbook(part.path):
            return _of_table(part, sheet_table(part, stack), ".xlsx", part.member)
    opened = open_bytes(part, stack)
    head = opened.sample[:HEAD_BYTES]
    kind = kind_of(head)
    if kind is Kind.PARQUET:
        return _of_table(part, parquet_table(part, opened, stack), _wrapped("Parquet", opened), stem(part))
    refused = refusal(head)
    is_wide_text = kind is Kind.OTHER and is_wide(look.encoding)
    if refused is not None and not is_wide_text:
        raise SettingsError(f"{part.label}: {refused[0]}, which Hubwire cannot read", hint=refused[1])
    if kind is Kind.EMPTY:
        raise SettingsError(f"{part.label}: empty: the file has no bytes")
    if kind is not Kind.TEXT and part.path == STDIN and not opened.layers:
        what = "zip or .xlsx" if kind is Kind.ZIP else kind
        raise SettingsError(f"{part.label}: {what} cannot be read from a pipe", hint="Give the file by its name.")
    if kind is not Kind.TEXT and not is_wide_text:
        raise SettingsError(
            f"{part.label}: {kind} inside another file, which Hubwire cannot read", hint="Unpack it first."
        )
    return _of_text(part, opened, look)


def _container(path: str) -> Kind:
    try:
        with open(path, "rb") as file:
            return kind_of(file.read(HEAD_BYTES))
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror}") from exc


def _is_workbook(path: str) -> bool:
    with zipfile.ZipFile(path) as archive:
        return _WORKBOOK in archive.namelist()


def _wrapped(kind: str, opened: Bytes) -> str:
    return " in ".join([kind, *reversed(opened.layers)])


def _of_table(part: Part, table: Table, kind: str, name: str) -> Contents:
    size = Path(part.path).stat().st_size if part.path != STDIN else 0
    return Contents(kind, table.columns, table.rows, name, lambda: int(size * table.share()), count=table.row_count)


def _of_text(part: Part, opened: Bytes, look: Look) -> Contents:
    stream: IO[bytes] = opened.stream
    sample = opened.sample
    place = _place(opened.raw)
    given = look.encoding or marked_encoding(sample)
    beginning = sample if given is None else _as_utf_8(sample, given)
    if looks_like_documents(beginning):
        if given is not None:
            stream = io.BufferedReader(Recoded(part, opened.stream, given))
        rows = _guarded(part, document_rows(part, stream, beginning))
        return Contents(_wrapped("JSON", opened), None, rows, stem(part), place, encoding=look.encoding)
    is_file = part.path != STDIN
    encoding = encoding_of(part, look.encoding) if is_file and look.is_first else given or encoding_of_sample(sample)
    layout = layout_of(sample, encoding, part.label)
    if layout is None:
        raise SettingsError(f"{part.label}: neither a table nor JSON")
    count = count_rows(part, layout) if is_file and look.is_first else None
    rows = _guarded(part, table_rows(part, stream, layout))
    contents = Contents(_wrapped(layout.kind, opened), layout.columns, rows, stem(part), place, count=count)
    contents.encoding = encoding
    if encoding == "cp1252":
        contents.notes.append("It is not UTF-8, and is read as Windows-1252: look at names with accents.")
    if layout.before_header:
        contents.notes.append(f"{layout.before_header} lines before the header are skipped.")
    return contents


def _guarded(part: Part, records: Iterator[Record]) -> Iterator[Record]:
    """The rows. Broken compression raises DamagedFile with the file's name."""
    try:
        yield from records
    except DAMAGES as exc:
        raise DamagedFile(f"{part.label}: damaged or cut off: {exc}") from exc


def _as_utf_8(sample: bytes, encoding: str) -> bytes:
    """The beginning of a text as UTF-8; empty if it is not of this encoding, which reading it reports."""
    try:
        return sample.decode(encoding, "ignore").removeprefix("\ufeff").encode()
    except UnicodeError:  # UTF-16 or UTF-32 without their mark
        return b""


def _place(raw: IO[bytes]) -> Callable[[], int]:
    def place() -> int:
        try:
            return int(raw.tell())
        except (OSError, ValueError):
            return 0

    return place
