"""The options that say how files of history are read, and the first look at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubwire.backfill.records import Call, ReadOptions
from hubwire.times import DateOrder

if TYPE_CHECKING:
    from hubwire.backfill.looking import History

AsOption = Annotated[
    Call | None, typer.Option("--as", help="What the rows are, where a table is not recognised.", show_default=False)
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="COLUMN=FIELD", help='What a column is: "E-mail of work=email"; "Notes=" leaves it out.'
    ),
]
DatesOption = Annotated[
    DateOrder | None,
    typer.Option("--dates", help="How 3/5/2024 is meant; it is left out otherwise.", show_default=False),
]
EncodingOption = Annotated[
    str | None, typer.Option("--encoding", help="Of a CSV that is neither UTF-8, UTF-16 nor Windows-1252.")
]


def read_options(
    call: Call | None, columns: list[str] | None, order: DateOrder | None, encoding: str | None
) -> ReadOptions:
    """What a person has said, checked. Raises BadParameter."""
    given: dict[str, str] = {}
    for one in columns or ():
        column, separator, target = one.rpartition("=")
        if not separator or not column.strip():
            raise typer.BadParameter(f"{one!r}: give COLUMN=FIELD, as in --map 'Email Address=email'")
        given[column.strip().lower()] = target.strip()
    if encoding is not None:
        try:
            "".encode(encoding)
        except LookupError as exc:
            raise typer.BadParameter(f"--encoding: {encoding!r} is no encoding; try latin-1 or utf-16-le") from exc
    return ReadOptions(call=call, columns=given, order=order, encoding=encoding)


def looked(files: list[str], options: ReadOptions, data: Path) -> History:
    """The files, looked at; Hubwire's own data folder is none of them."""
    from hubwire.backfill.looking import look_at

    return look_at(files, options, besides=data)
