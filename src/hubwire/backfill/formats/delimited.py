"""CSV and its kin: rows of cells under a header, with the quoting taken strictly.

A file is scanned to its end before anything is imported: an unclosed quote or bytes of another encoding would
otherwise be found when half of it is in HubSpot.
Sources: RFC 4180; the null markers of MySQL and Snowflake (`\\N`), database clients (`NULL`) and data frames (`nan`).
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any, Final, NamedTuple

from hubwire.backfill.formats.compressed import DAMAGES, STDIN, Part, open_bytes
from hubwire.backfill.formats.kinds import is_wide, marked_encoding
from hubwire.backfill.records import BELOW_TABLE, Record
from hubwire.errors import SettingsError

DELIMITERS: Final = ",;\t|"
MAX_CELL_BYTES: Final = 16 * 1024 * 1024
SCAN_BYTES: Final = 1024 * 1024
MAX_LINES_BEFORE_HEADER: Final = 10
_SPREADSHEET_ERRORS: Final = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")
_NULLS: Final = frozenset(["\\N", "NULL", "null", "nan", "NaN", "NaT", "<NA>", "<null>", "(null)", "[null]"])
NULLS: Final = _NULLS | {"[NULL]", "None", "undefined", *_SPREADSHEET_ERRORS}
"""Null markers, and the errors that a spreadsheet writes into cells."""
SNOWPLOW_FIELDS: Final = 131
_NAMES: Final = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-32": "UTF-32", "cp1252": "Windows-1252"}


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


def is_encoding(name: str) -> bool:
    """Whether Python knows a text encoding of this name."""
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def encoding_of(part: Part, given: str | None) -> str:
    """The encoding of a text, from its byte order mark or by reading it to its end.

    Errors: SettingsError for one that is none of UTF-8, UTF-16 and UTF-32 with a mark, and Windows-1252, for NUL bytes,
    and for UTF-8 with damage: as Windows-1252, all its other accents would be wrong.
    """
    with ExitStack() as stack:
        opened = open_bytes(part, stack)
        if given is None and (marked := marked_encoding(opened.sample)) is not None:
            return marked
        if given is not None and codecs.lookup(given).name == "utf-8":
            given = "utf-8-sig"
        candidates = [given] if given is not None else ["utf-8-sig", "cp1252"]
        decoders = {name: codecs.getincrementaldecoder(name)() for name in candidates}
        failures: dict[str, str] = {}
        has_utf_8 = False
        place = 0
        while block := _block(opened.stream):
            if b"\x00" in block and not is_wide(given):
                raise SettingsError(f"{part.label}: NUL bytes at byte {place + block.index(0):,}: the file is not text")
            for name, decoder in decoders.items():
                if name not in failures:
                    try:
                        has_utf_8 |= not decoder.decode(block).isascii() and name == "utf-8-sig"
                    except UnicodeDecodeError as exc:
                        failures[name] = f"byte {place + exc.start:,}"
                        has_utf_8 |= not exc.object[: exc.start].isascii() and name == "utf-8-sig"
                    except UnicodeError:  # UTF-16 or UTF-32 without their mark
                        failures[name] = "its beginning"
            place += len(block)
    if has_utf_8 and failures.get("utf-8-sig"):
        raise SettingsError(
            f"{part.label}: UTF-8 with damage at {failures['utf-8-sig']}",
            hint="Repair this byte. If the file is not UTF-8, set its encoding, such as --encoding cp1252.",
        )
    for name in candidates:
        if name not in failures:
            return name
    raise SettingsError(
        f"{part.label}: not {' and not '.join(_NAMES.get(name, name) for name in candidates)}"
        f" ({failures[candidates[0]]})",
        hint="Set its encoding, such as --encoding latin-1, or save the file as UTF-8.",
    )


def encoding_of_sample(sample: bytes) -> str:
    """UTF-8 or Windows-1252, from the beginning of a text that cannot be read twice."""
    try:
        codecs.getincrementaldecoder("utf-8-sig")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


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
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True):
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
    # A file was tested to its end; standard input was not.
    errors = "strict" if part.path == STDIN else "replace"
    text = io.TextIOWrapper(stream, encoding=layout.encoding, errors=errors, newline="")
    rows = csv.reader(
        text,
        delimiter=layout.delimiter,
        strict=layout.has_header,
        skipinitialspace=layout.delimiter != "\t",
        quoting=_quoting(layout),
    )
    columns, count = layout.columns, len(layout.columns)
    number, is_below = 1, False
    try:
        if layout.has_header:
            next(itertools.islice(rows, layout.before_header, None), None)
        number = rows.line_num + 1
        for cells in rows:
            if len(cells) == count:
                yield Record(number, dict(zip(columns, map(cleaned, cells), strict=True)))
            elif not _filled(cells):
                is_below = True  # a report ends with an empty line and lines of text
            elif is_below and len(cells) == 1:
                yield Record(number, {}, BELOW_TABLE)
            else:
                yield Record(number, {}, _miscounted(cells, count))
            number = rows.line_num + 1
    except UnicodeDecodeError as exc:
        name = _NAMES.get(layout.encoding, layout.encoding)
        raise SettingsError(f"{part.label}:{number}: not {name}", hint="Set --encoding.") from exc
    except csv.Error as exc:
        raise SettingsError(
            f"{part.label}:{number}: {_quote_problem(exc)}", hint="Hubwire cannot read the rows after it."
        ) from exc
    finally:
        with contextlib.suppress(ValueError):  # closed already, if the rows were not read to the end
            text.detach()  # whoever opened the file closes it


def _quoting(layout: Layout) -> Any:
    return csv.QUOTE_MINIMAL if layout.has_header else csv.QUOTE_NONE


def cleaned(cell: str) -> str | None:
    """A cell without blanks around it; None for an empty one and for a null marker. `="0042"` is 0042."""
    cell = cell.strip()
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        cell = cell[2:-1]
    return None if not cell or cell in NULLS else cell


def _miscounted(cells: Sequence[str], count: int) -> str:
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
