"""CSV and its kin: rows of cells under a header, with the quoting taken strictly.

A file is scanned to its end before anything is imported: an unclosed quote or bytes of another encoding would
otherwise be found when half of it is in HubSpot.
Sources: RFC 4180; the null markers of MySQL and Snowflake (`\\N`), database clients (`NULL`) and data frames (`nan`).
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any, Final, NamedTuple

from hubwire.backfill.formats.compressed import DAMAGES, Part, open_bytes
from hubwire.backfill.records import Record
from hubwire.errors import SettingsError

DELIMITERS: Final = ",;\t|"
MAX_CELL_BYTES: Final = 16 * 1024 * 1024
SCAN_BYTES: Final = 1024 * 1024
MAX_LINES_BEFORE_HEADER: Final = 10
_SPREADSHEET_ERRORS: Final = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")
NULLS: Final = frozenset(["\\N", "NULL", "null", "nan", "NaN", "NaT", "<NA>", "<null>", "(null)", *_SPREADSHEET_ERRORS])
"""Null markers, and the errors that a spreadsheet writes into cells."""
SNOWPLOW_FIELDS: Final = 131
_NAMES: Final = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}


class Layout(NamedTuple):
    """The layout of a table in a text."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    before_header: int
    """Lines before the header: notes with which some exports begin."""
    has_header: bool = True

    @property
    def kind(self) -> str:
        """For people: `CSV (semicolon, UTF-8)`."""
        name = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[self.delimiter]
        return f"{'TSV' if name == 'tab' else 'CSV'} ({name}, {_NAMES.get(self.encoding, self.encoding)})"


def encoding_of(part: Part, given: str | None) -> str:
    """The encoding of a text, from its byte order mark or by reading it to its end.

    Errors: SettingsError for one that is none of UTF-8, UTF-16 with a mark and Windows-1252, and for NUL bytes.
    """
    with ExitStack() as stack:
        opened = open_bytes(part, stack)
        if is_utf_16(opened.sample):
            return "utf-16"
        candidates = [given] if given is not None else ["utf-8-sig", "cp1252"]
        decoders = {name: codecs.getincrementaldecoder(name)() for name in candidates}
        failures: dict[str, str] = {}
        place = 0
        while block := _block(opened.stream):
            if b"\x00" in block:
                raise SettingsError(f"{part.label}: NUL bytes at byte {place + block.index(0):,}: the file is not text")
            for name, decoder in decoders.items():
                if name not in failures:
                    try:
                        decoder.decode(block)
                    except UnicodeError as exc:
                        start = exc.start if isinstance(exc, UnicodeDecodeError) else 0
                        failures[name] = f"byte {place + start:,}"
            place += len(block)
    for name in candidates:
        if name not in failures:
            return name
    raise SettingsError(
        f"{part.label}: not {' and not '.join(_NAMES.get(name, name) for name in candidates)}"
        f" ({failures[candidates[0]]})",
        hint="Set its encoding, such as --encoding latin-1, or save the file as UTF-8.",
    )


def is_utf_16(head: bytes) -> bool:
    """Whether a text begins with a byte order mark of UTF-16."""
    return head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _block(stream: io.BufferedReader) -> bytes:
    try:
        return stream.read1(SCAN_BYTES)
    except DAMAGES:
        return b""  # reported when the rows are read, with their number


def layout_of(sample: bytes, encoding: str, label: str) -> Layout | None:
    """The delimiter and the header, from the beginning of a text. None if the text is not a table."""
    text = sample.decode(encoding, errors="ignore")
    lines = [line for line in text.split("\n", MAX_LINES_BEFORE_HEADER)[:MAX_LINES_BEFORE_HEADER] if line.strip()]
    if not lines:
        return None
    if lines[0].count("\t") == SNOWPLOW_FIELDS - 1:
        return Layout(encoding, "\t", tuple(str(number) for number in range(SNOWPLOW_FIELDS)), 0, has_header=False)
    csv.field_size_limit(MAX_CELL_BYTES)
    delimiter = max(DELIMITERS, key=lambda sign: _regularity(text, sign))
    records: list[list[str]] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            records.append(cells)
            if len(records) > MAX_LINES_BEFORE_HEADER:
                break
    except csv.Error:
        if not records:
            raise SettingsError(f"{label}:1: the quotes of the header do not close") from None
    before = next((index for index, cells in enumerate(records) if _filled(cells) > 1), None)
    if before is None:
        before = next((index for index, cells in enumerate(records) if _filled(cells)), len(records))
    if before >= len(records):
        return None
    return Layout(encoding, delimiter, unique(records[before]), before)


def _regularity(text: str, delimiter: str) -> tuple[int, int]:
    """How many of the first rows have the same number of cells, more than one, and that number."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    widths = Counter(len(cells) for cells in itertools.islice(rows, MAX_LINES_BEFORE_HEADER))
    return max(((rows, width) for width, rows in widths.items() if width > 1), default=(0, 0))


def _filled(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if cell.strip())


def unique(names: Sequence[Any]) -> tuple[str, ...]:
    """The names of a header, each once: a repeated one gets its number, `email (2)`."""
    seen: dict[str, int] = {}
    columns = []
    for given in names:
        name = "" if given is None else str(given).strip()
        seen[name] = seen.get(name, 0) + 1
        columns.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(columns)


def table_rows(part: Part, stream: IO[bytes], layout: Layout) -> Iterator[Record]:
    """The rows after the header, numbered by the line in which each begins.

    Errors: SettingsError where the quoting breaks, because the rows after it cannot be told apart.
    """
    text = io.TextIOWrapper(stream, encoding=layout.encoding, errors="replace", newline="")
    rows = csv.reader(text, delimiter=layout.delimiter, strict=layout.has_header, quoting=_quoting(layout))
    columns, count = layout.columns, len(layout.columns)
    number = 1
    try:
        if layout.has_header:
            next(itertools.islice(rows, layout.before_header, None), None)
        number = rows.line_num + 1
        for cells in rows:
            if len(cells) == count:
                yield Record(number, dict(zip(columns, map(cleaned, cells), strict=True)))
            elif problem := _miscounted(cells, count):
                yield Record(number, {}, problem)
            number = rows.line_num + 1
    except csv.Error as exc:
        raise SettingsError(
            f"{part.label}:{number}: {_quote_problem(exc)}", hint="Hubwire cannot read the rows after it."
        ) from exc
    finally:
        text.detach()  # whoever opened the file closes it


def _quoting(layout: Layout) -> Any:
    return csv.QUOTE_MINIMAL if layout.has_header else csv.QUOTE_NONE


def cleaned(cell: str) -> str | None:
    """A cell without blanks around it; None for an empty one and for a null marker."""
    cell = cell.strip()
    return None if not cell or cell in NULLS else cell


def _miscounted(cells: Sequence[str], count: int) -> str | None:
    if not _filled(cells):
        return None
    if len(cells) > count and not _filled(cells[count:]):
        return f"{len(cells)} cells, but the header has {count} (the others are empty)"
    return f"{len(cells)} cells, but the header has {count}"


def _quote_problem(exc: csv.Error) -> str:
    if "unexpected end" in str(exc):
        return "a quote that opens in this row does not close"
    if "expected after" in str(exc):
        return "text follows a closing quote: a quote in this row or one before it is not closed, or not doubled"
    return str(exc)


def count_rows(part: Part, layout: Layout) -> int | None:
    """The number of rows, by reading to the end. None for a damaged file, which the import reports.

    Errors: SettingsError where the quoting breaks.
    """
    with ExitStack() as stack:
        opened = open_bytes(part, stack)
        try:
            return sum(1 for _ in table_rows(part, opened.stream, layout))
        except DAMAGES:
            return None
