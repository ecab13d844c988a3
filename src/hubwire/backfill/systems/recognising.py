"""Recognises the system that exported a file. Refuses an unknown file with its columns, and guesses nothing. Pure."""

from __future__ import annotations

import re

from hubwire.backfill.records import Call, Reader, Sample
from hubwire.backfill.systems.amplitude import amplitude_reader
from hubwire.backfill.systems.cells import compressed
from hubwire.backfill.systems.contacts import known_shape
from hubwire.backfill.systems.customerio import customerio_reader
from hubwire.backfill.systems.fields import shown_columns
from hubwire.backfill.systems.jitsu import jitsu_reader
from hubwire.backfill.systems.messages import StagingReader, is_staging, messages_reader
from hubwire.backfill.systems.mixpanel import mixpanel_reader
from hubwire.backfill.systems.orders import orders_reader
from hubwire.backfill.systems.people import GENERIC, NAMES_A_PERSON, NOT_PEOPLE, may_be_companies
from hubwire.backfill.systems.posthog import posthog_reader
from hubwire.backfill.systems.reader import FlatReader, LowerNames, lower_names
from hubwire.backfill.systems.shapes import Shape, fitting
from hubwire.backfill.systems.snowplow import snowplow_reader
from hubwire.backfill.systems.warehouse import warehouse_shape
from hubwire.errors import SettingsError

_MANIFESTS = (frozenset(["entries"]), frozenset(["files"]), frozenset(["manifest"]))
_PARTS_OF_MESSAGES = frozenset(["traits", "properties", "context", "integrations"])
_CALLS = {"event": Call.TRACKS, "previousId": Call.ALIASES}
"""The type of a table, by a field that only this type has and that `--map` assigns."""
_TYPE_HELP = 'Each message needs its type, such as {"type": "identify", ...}.'
MAX_EXAMPLE = 60
_ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+\.[\w.-]+")


def _help(sample: Sample) -> str:
    """The remedy for an unrecognised table: the options, with the table's own column of e-mails if it has one."""
    if any("@" in column for column in sample.columns):
        return "The first line looks like a row: add a line with the names of the columns above it."
    addresses = next(
        (column for column in sample.columns if any(_ADDRESS.fullmatch(str(row.get(column))) for row in sample.rows)),
        None,
    )
    shown = addresses if addresses and len(addresses) <= MAX_EXAMPLE else "E-mail of work"
    delimiters = " Columns are separated by comma, semicolon, tab or |." if len(sample.columns) == 1 else ""
    return (
        "Set the type of the rows: --as identifies (people), tracks (events) or groups (companies)."
        f' Assign the columns: --map "{shown}=email".{delimiters}'
    )


def recognise(sample: Sample) -> Reader:
    """The reader for a file.

    Errors: SettingsError for an unrecognised file; its text has the columns, its hint the remedy.
    """
    reader: Reader | None = jitsu_reader(sample)
    if reader is None and not sample.is_table:
        reader = _of_documents(sample)
    if reader is None:
        reader = _of_a_system(sample)
    if reader is None and sample.is_table and all(map(str.isupper, sample.columns)):
        lower = sample._replace(
            columns=tuple(map(str.lower, sample.columns)), rows=[lower_names(row) for row in sample.rows]
        )
        found = _of_a_system(lower)
        reader = None if found is None else LowerNames(found)
    if reader is None and sample.options.call is None:
        reader = orders_reader(sample)
    if reader is not None:
        _refuse_options(reader, sample)
        return reader
    shape = _table_shape(sample)
    return fitting(sample, shape) if sample.is_table else FlatReader(shape, sample.columns, sample.options)


def _of_a_system(sample: Sample) -> Reader | None:
    """The reader of a system whose documents can also be rows of a table."""
    return (
        posthog_reader(sample)
        or snowplow_reader(sample)
        or mixpanel_reader(sample)
        or amplitude_reader(sample)
        or customerio_reader(sample)
    )


def _refuse_options(reader: Reader, sample: Sample) -> None:
    """Raise SettingsError if a person chose a type or fields, which this reader cannot follow."""
    columns = None if isinstance(reader, FlatReader) else sample.options.columns
    given = " and ".join(name for name, value in (("--as", sample.options.call), ("--map", columns)) if value)
    if given:
        raise SettingsError(
            f"{reader.title}: {given} cannot change what these rows become",
            hint=f"Import this file with a command of its own, without {given}.",
        )


def _of_documents(sample: Sample) -> Reader | None:
    if any(is_staging(row) for row in sample.rows):
        return StagingReader(sample)
    return messages_reader(sample)


def is_manifest(sample: Sample) -> bool:
    """Whether a JSON document only lists the files of an export."""
    return not sample.is_table and len(sample.rows) == 1 and frozenset(sample.columns) in _MANIFESTS


def _table_shape(sample: Sample) -> Shape:
    call = sample.options.call
    shape = warehouse_shape(sample) if call is None else None
    shape = shape or known_shape(sample)
    if call is not None:
        return shape if shape is not None and shape.call is call else GENERIC[call]
    if shape is not None:
        return shape
    if not sample.is_table and _PARTS_OF_MESSAGES & set(sample.columns):
        raise SettingsError(f"documents like messages, but without a type. {_columns(sample)}", hint=_TYPE_HELP)
    names = {compressed(column): column for column in sample.columns}
    mapped = set(sample.options.columns.values())
    for target, mapped_call in _CALLS.items():
        if target in mapped:
            return GENERIC[mapped_call]
    other = {NOT_PEOPLE[name] for name in names if name in NOT_PEOPLE}
    if other:
        found = ", ".join(repr(column) for name, column in names.items() if name in NOT_PEOPLE)
        raise SettingsError(
            f"not a table of people but of {sorted(other)[0]}: it has {found}. {_columns(sample)}", hint=_help(sample)
        )
    if may_be_companies(names.keys()):
        raise SettingsError(
            f"it can be a table of people or of companies. {_columns(sample)}",
            hint="Choose one: --as identifies or --as groups.",
        )
    if not names.keys() & NAMES_A_PERSON and not mapped & {"email", "userId", "anonymousId", "traits.email"}:
        raise SettingsError(f"not recognised: no column names people. {_columns(sample)}", hint=_help(sample))
    return GENERIC[Call.IDENTIFIES]


def _columns(sample: Sample) -> str:
    kind = "Columns" if sample.is_table else "Fields"
    return f"{kind}: {shown_columns(sample.columns)}."
