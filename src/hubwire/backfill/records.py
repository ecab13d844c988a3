"""The row type that formats give and systems read, and what a system makes of it. Values, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from hubwire.times import DateOrder


class Call(StrEnum):
    """What the rows of a table are. The values are the words of `--as`."""

    IDENTIFIES = "identifies"
    TRACKS = "tracks"
    GROUPS = "groups"
    PAGES = "pages"
    SCREENS = "screens"
    ALIASES = "aliases"

    @property
    def message_type(self) -> str:
        """The message type of the rows: `identifies` are messages of type `identify`."""
        return "identify" if self is Call.IDENTIFIES else "alias" if self is Call.ALIASES else str(self)[:-1]


class Record(NamedTuple):
    """One row of a table, or one document. `number` is its line, else its row; it only grows within a file.

    `problem` says why the row could not be read; then there are no values.
    """

    number: int
    values: dict[str, Any]
    problem: str | None = None


class Omission(NamedTuple):
    """Why a row gives no message. A fault is something to repair; anything else is how the export is made."""

    reason: str
    is_fault: bool


class Reading(NamedTuple):
    """What one row gives: messages, an omission, or both."""

    number: int
    messages: Sequence[dict[str, Any]]
    omission: Omission | None = None


class ColumnUse(NamedTuple):
    """What becomes of a column: the field of the message, or why it is left out."""

    column: str
    target: str | None
    why: str = ""


@dataclass(slots=True)
class Contents:
    """A file, opened: its rows and how they lie in it.

    Shape: `columns` is None for documents. `table` is the name of a table or sheet, else the file's name without its
    ending. `place` tells how many bytes of the file were read. `notes` are sentences for people. `count` is the number
    of rows, of a text only after a first look.
    """

    kind: str
    columns: tuple[str, ...] | None
    records: Iterator[Record]
    table: str
    place: Callable[[], int]
    notes: list[str] = field(default_factory=list)
    count: int | None = None
    encoding: str | None = None


class Reader(Protocol):
    """How one system's rows become messages."""

    @property
    def title(self) -> str:
        """The system and the kind of export, as in `Segment's warehouse, table identifies`."""
        ...

    @property
    def uses(self) -> Sequence[ColumnUse]:
        """Of a table: each column in order. Documents have none."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What does not arrive, or needs a setting: sentences for people."""
        ...

    def read(self, records: Iterator[Record]) -> Iterator[Reading]:
        """The messages of the rows, in order. Never raises for a row."""
        ...


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a person has said about the files.

    Shape: `columns` gives a column's target by its name in lower case; an empty target leaves it out. `labels` are
    HubSpot's property names by label in lower case, of contacts and of companies.
    """

    call: Call | None = None
    columns: dict[str, str] = field(default_factory=dict)
    order: DateOrder | None = None
    encoding: str | None = None
    contact_labels: dict[str, str] = field(default_factory=dict)
    company_labels: dict[str, str] = field(default_factory=dict)


class Sample(NamedTuple):
    """What recognising looks at: the first rows of a file, and its columns (of documents: the keys, in order)."""

    columns: tuple[str, ...]
    rows: Sequence[dict[str, Any]]
    table: str
    is_table: bool
    options: ReadOptions
