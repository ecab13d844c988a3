"""Readers of documents: one function per system turns a document into messages. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from hubwire.backfill.records import ColumnUse, Omission, Reader, Reading, ReadOptions, Record
from hubwire.backfill.systems.cells import BadCell, object_of
from hubwire.backfill.systems.shapes import UNTIMED, Message, Shape, TableReader, is_untimed_event

Made = Sequence[Message] | Omission
MAX_SHAPES: Final = 500


class DocumentReader:
    """Reads documents (or rows with documents in their cells)."""

    def __init__(
        self,
        title: str,
        make: Callable[[dict[str, Any]], Made],
        notes: Sequence[str] = (),
        uses: Sequence[ColumnUse] = (),
        *,
        keeps_untimed: bool = False,
    ) -> None:
        """Shape: `keeps_untimed` accepts events without a time, which then count as of the import."""
        self.title = title
        self.notes = notes
        self.uses = uses
        self._make = make
        self._keeps_untimed = keeps_untimed

    def read(self, records: Iterator[Record]) -> Iterator[Reading]:
        """The messages of each document."""
        for record in records:
            if (omission := record.omission) is not None:
                yield Reading(record.number, (), omission)
                continue
            try:
                messages = self._make(record.values)
            except BadCell as exc:
                messages = Omission(str(exc), True)
            if not (isinstance(messages, Omission) or self._keeps_untimed) and any(map(is_untimed_event, messages)):
                messages = UNTIMED
            if isinstance(messages, Omission):
                yield Reading(record.number, (), messages)
            else:
                yield Reading(record.number, messages)


class LowerNames:
    """Reads a table whose database has folded the names of columns to capitals."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.title, self.uses, self.notes = reader.title, reader.uses, reader.notes

    def read(self, records: Iterator[Record]) -> Iterator[Reading]:
        """The messages of each row."""
        return self._reader.read(record._replace(values=lower_names(record.values)) for record in records)


def lower_names(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the names of its columns in lower case."""
    return {name.lower(): value for name, value in row.items()}


class FlatReader:
    """Reads rows that came as documents with different keys: it makes a shape for each set of keys."""

    def __init__(self, shape: Shape, columns: Sequence[str], options: ReadOptions) -> None:
        self._shape = shape
        self._options = options
        whole = TableReader(shape, columns, options)
        self.title, self.uses, self.notes = whole.title, whole.uses, whole.notes
        self._rows = RowReaders(options)

    def read(self, records: Iterator[Record]) -> Iterator[Reading]:
        """One message per row."""
        for record in records:
            if (omission := record.omission) is not None:
                yield Reading(record.number, (), omission)
            else:
                yield self._rows.reading(self._shape, record)


class RowReaders:
    """The reader of a shape and a set of keys, made once."""

    def __init__(self, options: ReadOptions) -> None:
        # The columns of `--map` were checked for the whole table; a single row may lack them.
        self._options = options
        self._readers: dict[tuple[str, tuple[str, ...]], TableReader] = {}

    def reading(self, shape: Shape, record: Record) -> Reading:
        """The result of one row."""
        key = (shape.title, tuple(record.values))
        reader = self._readers.get(key)
        if reader is None:
            if len(self._readers) >= MAX_SHAPES:
                self._readers.clear()
            reader = self._readers[key] = TableReader(shape, key[1], self._options, is_whole=False)
        return reader.reading(record)


def text(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def mapping(value: Any) -> dict[str, Any]:
    """An object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def object_in(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The object in the first of these fields that has a value, which tables keep as JSON text; {} for none.

    Errors: BadCell for another value, such as JSON that a spreadsheet has cut off.
    """
    for name in names:
        value = row.get(name)
        if value not in (None, "", "null"):
            try:
                return object_of(value)
            except BadCell as exc:
                raise BadCell(f"{name}: {exc}") from None
    return {}


def without(fields: Mapping[str, Any], *beginnings: str) -> dict[str, Any]:
    """The fields with a value whose names have none of these prefixes."""
    return {name: value for name, value in fields.items() if not name.startswith(beginnings) and value is not None}


def compact(**fields: Any) -> Message:
    """A message with the fields that have values."""
    return {name: value for name, value in fields.items() if value is not None and value != {}}


PAGES_NOTE: Final = (
    "Only destinations with pages_as_events receive pages, and only those with screens_as_events receive screens."
)
