"""The rows that formats give to systems, and the messages that systems make of them. Values, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from hubwire.times import DateOrder


class Call(StrEnum):
    """The type of a table's rows. The values are the words of `--as`."""

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


BELOW_TABLE: Final = "text below the table"


class Record(NamedTuple):
    """One row of a table, or one document. `number` is its line, else its row; it only grows within a file.

    `problem` says why the row could not be read; then there are no values.
    """

    number: int
    values: dict[str, Any]
    problem: str | None = None

    @property
    def omission(self) -> Omission | None:
        """The omission of a row with a problem. Text below the table is none that needs a repair."""
        return None if self.problem is None else Omission(self.problem, self.problem != BELOW_TABLE)


class Omission(NamedTuple):
    """Why a row gives no message. A fault needs a repair; other omissions are normal for the export."""

    reason: str
    is_fault: bool


class Reading(NamedTuple):
    """The result of one row: messages, an omission, or both."""

    number: int
    messages: Sequence[dict[str, Any]]
    omission: Omission | None = None


class ColumnUse(NamedTuple):
    """The use of a column: the field of the message, or the reason why it is left out."""

    column: str
    target: str | None
    why: str = ""


@dataclass(slots=True)
class Contents:
    """An opened file: its rows and its layout.

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
    """Turns one system's rows into messages."""

    @property
    def title(self) -> str:
        """The system and the kind of export, as in `Segment's warehouse, table identifies`."""
        ...

    @property
    def uses(self) -> Sequence[ColumnUse]:
        """Each column of a table, in order. Documents have none."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for people about data that does not arrive or needs a setting."""
        ...

    def read(self, records: Iterator[Record]) -> Iterator[Reading]:
        """The messages of the rows, in order. Never raises for a row."""
        ...


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The options that a person gave for the files.

    Shape: `columns` gives a column's target by its name in lower case; an empty target leaves it out. `labels` are
    HubSpot's property names by label in lower case, of contacts and of companies.
    Units: `now_ms` is epoch milliseconds; without it, no time is in the future.
    """

    call: Call | None = None
    columns: dict[str, str] = field(default_factory=dict)
    order: DateOrder | None = None
    encoding: str | None = None
    contact_labels: dict[str, str] = field(default_factory=dict)
    company_labels: dict[str, str] = field(default_factory=dict)
    now_ms: int | None = None


class Sample(NamedTuple):
    """The first rows of a file and its columns (for documents: the keys, in order), by which it is recognised."""

    columns: tuple[str, ...]
    rows: Sequence[dict[str, Any]]
    table: str
    is_table: bool
    options: ReadOptions
