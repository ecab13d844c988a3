"""The options for reading files of history, and the first look at the files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubwire.backfill.formats.delimited import is_encoding
from hubwire.backfill.records import Call, ReadOptions
from hubwire.clock import SystemClock
from hubwire.times import DateOrder

if TYPE_CHECKING:
    from hubwire.backfill.looking import History

AsOption = Annotated[
    Call | None,
    typer.Option("--as", help="Type of the rows, for a table that Hubwire does not recognise.", show_default=False),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=FIELD",
        help='Field of a column: "E-mail of work=email"; "Notes=" leaves the column out.',
    ),
]
DatesOption = Annotated[
    DateOrder | None,
    typer.Option(
        "--dates", help="Order of dates such as 3/5/2024. Without it, such dates are left out.", show_default=False
    ),
]
EncodingOption = Annotated[
    str | None, typer.Option("--encoding", help="Encoding of a CSV that is not UTF-8, UTF-16 or Windows-1252.")
]


def read_options(
    call: Call | None, columns: list[str] | None, order: DateOrder | None, encoding: str | None
) -> ReadOptions:
    """The checked options. Raises BadParameter."""
    source_columns: dict[str, str] = {}
    for mapped in columns or ():
        column, separator, target = mapped.rpartition("=")
        if not separator or not column.strip():
            raise typer.BadParameter(f"{mapped!r}: give COLUMN=FIELD, as in --map 'Email Address=email'")
        source_columns[column.strip().lower()] = target.strip()
    if encoding is not None and not is_encoding(encoding):
        raise typer.BadParameter(f"--encoding: {encoding!r} is not a known encoding; try latin-1 or shift_jis")
    now_ms = SystemClock().now_ms()
    return ReadOptions(call=call, columns=source_columns, order=order, encoding=encoding, now_ms=now_ms)


def looked(files: list[str], options: ReadOptions, data: Path) -> History:
    """The files with their recognised types, without Hubwire's own data folder."""
    from hubwire.backfill.looking import look_at

    return look_at(files, options, besides=data)
