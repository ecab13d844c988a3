"""The reader that nearly all tables share: it maps each column to a field of the message. Pure.

A `Shape` is one kind of table: the field of each column, the columns that are left out and why, and the object for all
other columns. The options `--map` take precedence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from hubwire.backfill.records import Call, ColumnUse, Omission, Reading, ReadOptions, Record, Sample
from hubwire.backfill.systems.cells import PHONES, BadCell, compressed, id_of, object_of, phone_of, plain
from hubwire.backfill.systems.fields import check_mapped, target_of

Message = dict[str, Any]
IDS: Final = frozenset(["userId", "anonymousId", "messageId", "groupId", "previousId"])
BOOKKEEPING: Final = "bookkeeping of the export"
UNTIMED: Final = Omission("an event without a time: it would count as of the import", True)
_EVENTS: Final = frozenset(["track", "page", "screen"])


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of table.

    Shape: `fields` and `left_out` are by compressed column name; of two columns for one field the one that stands
    first in `fields` wins where it has a value. `prefixes` leaves out columns that begin so. `rest` is the object that
    other columns go to, None to leave them out. `constants` are fields that each message has. `passed_over` says why a
    row is none by design. `finish` changes a message in place. `has_lower_names`: a name in capitals comes from a
    database that folds names; the system wrote it in lower case.
    """

    title: str
    call: Call
    fields: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    rest: str | None = "traits"
    constants: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_lower_names: bool = False
    passed_over: Callable[[Mapping[str, Any]], str | None] | None = None
    finish: Callable[[Message], None] | None = None


class _Column(NamedTuple):
    name: str
    path: tuple[str, ...]
    clean: Callable[[Any], Any]
    keeps_text: bool
    """Whether a text that is not empty stays as it is."""


class TableReader:
    """Applies a shape to the columns of a file."""

    def __init__(self, shape: Shape, columns: Sequence[str], options: ReadOptions, is_whole: bool = True) -> None:
        """Shape: `is_whole` is False for the keys of one document, which may lack what `--map` names."""
        self.shape = shape
        self.uses = [_use(shape, column, columns, options) for column in columns]
        if is_whole:
            check_mapped(columns, options, shape.call)
        chosen = [use for use in self.uses if use.target is not None]
        used = [_column(use) for use in _ranked(chosen, shape)]
        whole = [column for column in used if column.path == (shape.rest,)]
        self._whole = [column.name for column in whole]
        self._objects = _by_object([column for column in used if len(column.path) < 3 and column not in whole])
        self._nested = [(column.name, column.path, column.clean) for column in used if len(column.path) > 2]
        self._rest = shape.rest or ""
        self._type = shape.call.message_type
        self._is_timed = any(use.target == "timestamp" for use in chosen)
        self._nobody = "no id, website or domain" if shape.call is Call.GROUPS else "no e-mail and no user id"

    @property
    def title(self) -> str:
        return self.shape.title

    @property
    def notes(self) -> Sequence[str]:
        return (*self.shape.notes, *_shared_fields(self.uses))

    def read(self, records: Iterator[Record]) -> Iterator[Reading]:
        """One message per row."""
        for record in records:
            yield self.reading(record)

    def reading(self, record: Record) -> Reading:
        """The result of one row."""
        if record.problem is not None:
            return Reading(record.number, (), record.omission)
        if self.shape.passed_over is not None and (why := self.shape.passed_over(record.values)) is not None:
            return Reading(record.number, (), Omission(why, False))
        message: Message = {"type": self._type}
        values = record.values
        try:
            for top, columns in self._objects:
                place: dict[str, Any] = message if top is None else {}
                for name, key, clean, keeps_text in columns:
                    value = values.get(name)
                    if value is None or value == "" or key in place:
                        continue
                    cell = value if keeps_text and type(value) is str else clean(value)
                    if cell is not None:
                        place[key] = cell
                if top is not None and place:
                    message[top] = place
            for name, path, clean in self._nested:
                value = values.get(name)
                if value is not None and (cell := clean(value)) is not None:
                    put(message, path, cell)
            for name in self._whole:
                if values.get(name) not in (None, ""):
                    message[self._rest] = {**object_of(values[name]), **message.get(self._rest, {})}
        except BadCell as exc:
            return Reading(record.number, (), Omission(f"{name}: {exc}", True))
        if len(message) == 1:
            return Reading(record.number, (), Omission("no field that Hubwire can use", False))
        for name, constant in self.shape.constants.items():
            message.setdefault(name, constant)
        if self.shape.finish is not None:
            self.shape.finish(message)
        if "userId" not in message and "anonymousId" not in message:
            return Reading(record.number, (), Omission(self._nobody, False))
        if self._is_timed and is_untimed_event(message):
            return Reading(record.number, (), UNTIMED)
        return Reading(record.number, (message,))


def is_untimed_event(message: Mapping[str, Any]) -> bool:
    """Whether a message is an event whose time the export does not have."""
    return message.get("type") in _EVENTS and message.get("timestamp") is None


def _use(shape: Shape, column: str, columns: Sequence[str], options: ReadOptions) -> ColumnUse:
    given = options.columns.get(column.lower())
    if given is not None:
        return ColumnUse(column, target_of(given, shape.call), "") if given else ColumnUse(column, None, "by --map")
    if not column:
        return ColumnUse(column, None, "the column has no name")
    base, _, number = column.rpartition(" (")
    if number.rstrip(")").isdigit() and base in columns:
        if not base:
            return ColumnUse(column, None, "the column has no name")
        return ColumnUse(column, None, f"the header names {base!r} more than once: Hubwire uses the first")
    key = compressed(column)
    if key in shape.fields:
        return ColumnUse(column, shape.fields[key])
    if key in shape.left_out:
        return ColumnUse(column, None, shape.left_out[key])
    for prefix, why in shape.prefixes.items():
        if key.startswith(prefix):
            return ColumnUse(column, None, why)
    if shape.rest is None:
        return ColumnUse(column, None, "Hubwire has no use for it")
    name = column.strip()
    if name.lower() == shape.rest:
        return ColumnUse(column, shape.rest)
    if shape.has_lower_names and name.isupper():
        name = name.lower()
    return ColumnUse(column, f"{shape.rest}.{name.removeprefix(shape.rest + '.')}")


def _shared_fields(uses: Sequence[ColumnUse]) -> list[str]:
    """A note for each field, other than the time, that two columns become."""
    columns: dict[str, list[str]] = {}
    for use in uses:
        if use.target not in (None, "timestamp", "event"):
            columns.setdefault(use.target, []).append(use.column)
    return [
        f"The columns {', '.join(map(repr, names))} become {target}: Hubwire uses the first that has a value."
        for target, names in columns.items()
        if len(names) > 1
    ]


def _ranked(uses: Sequence[ColumnUse], shape: Shape) -> list[ColumnUse]:
    order = {key: rank for rank, key in enumerate(shape.fields)}
    return sorted(uses, key=lambda use: order.get(compressed(use.column), len(order)))


def _path(target: str | None) -> tuple[str, ...]:
    return tuple(part for part in (target or "").split(".") if part)


def _column(use: ColumnUse) -> _Column:
    path = _path(use.target)
    if use.target in IDS:
        return _Column(use.column, path, id_of, False)
    if use.target == "timestamp":
        return _Column(use.column, path, lambda value: value, True)
    if PHONES.search(use.target or ""):
        return _Column(use.column, path, lambda value: plain(phone_of(value)), False)
    return _Column(use.column, path, plain, True)


_Cell = tuple[str, str, Callable[[Any], Any], bool]
"""A column's name, its field, and how its cells become values, as in `_Column`."""


def _by_object(columns: Sequence[_Column]) -> list[tuple[str | None, list[_Cell]]]:
    """The columns by the object of the message that they are fields of; None for the message itself."""
    objects: dict[str | None, list[_Cell]] = {}
    for name, path, clean, keeps_text in columns:
        objects.setdefault(path[0] if len(path) == 2 else None, []).append((name, path[-1], clean, keeps_text))
    return list(objects.items())


def put(message: Message, path: Sequence[str], value: Any) -> None:
    """Set a field of a message unless it has a value; dots in a name nest."""
    place = message
    for part in path[:-1]:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        place = inner
    place.setdefault(path[-1], value)


def fitting(sample: Sample, shape: Shape) -> TableReader:
    """The reader of a shape for the columns of a sample, with the call that a person chose."""
    call = sample.options.call
    if call is not None and call is not shape.call:
        shape = replace(shape, call=call)
    return TableReader(shape, sample.columns, sample.options)
