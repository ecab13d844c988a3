"""Shared by commands: the settings, the store opened for reading, and printing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hubwire.backends.store import Store, open_existing_store
from hubwire.clock import SystemClock
from hubwire.explanations import explain
from hubwire.monitoring.logs import configure_logs
from hubwire.reasons import Reason
from hubwire.settings import Settings, load

ConfigOption = Annotated[
    Path | None, typer.Option("--config", envvar="HUBWIRE_CONFIG", help="Settings file. Default: ./hubwire.toml.")
]
PIPED_COLUMNS = 200
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_COLUMNS)


def settings_of(config: Path | None) -> Settings:
    """The settings from the environment and the file."""
    return load(file=config)


@contextmanager
def reading(config: Path | None) -> Iterator[Store]:
    """The store of this installation, without the appender, so that it works beside a running server.

    Errors: SettingsError if there is no store yet.
    """
    settings = settings_of(config)
    configure_logs("warning", settings.log_format)
    store = open_existing_store(settings, SystemClock(), appends=False)
    try:
        yield store
    finally:
        store.close()


def print_json(value: Any) -> None:
    """One JSON document on standard output. Unprintable characters are escaped: C1 control characters control a
    terminal, and some readers take U+2028 as the end of a line."""
    typer.echo(json_text(value))


def json_text(value: Any) -> str:
    """The JSON document as text."""
    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain)).decode()
    if text.isascii():
        return text
    return "".join(
        character if character.isprintable() or character == "\n" else json.dumps(character)[1:-1] for character in text
    )


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def when(at_ms: int | None) -> str:
    """A time for people, UTC."""
    if at_ms is None:
        return "-"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def plain(text: str) -> str:
    """Foreign text for a terminal, without control characters, which could control it."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def worded(value: Any, none: str = "-") -> str:
    """A field's value for people: a word for no value, yes and no for switches, commas between several values."""
    if value is None or (isinstance(value, list | tuple | dict) and not value):
        return none
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(worded(item) for item in value)
        case dict():
            return ", ".join(f"{plain(str(name))}: {worded(item, 'left out')}" for name, item in value.items())
    return plain(str(value))


def left_out(field: str, reason: str, detail: str) -> str:
    """One left-out field with its reason."""
    return plain(f"left out: {field}: {reason}{f' ({detail})' if detail else ''}")


def cell(text: str) -> str:
    """Foreign text for a table cell, with markup such as `[bold]` escaped."""
    return escape(plain(text))


def explained(reason: str | None) -> str | None:
    """The cause and remedy of a reason in one line; None for no reason or one that this version does not know."""
    if reason not in set(Reason):
        return None
    explanation = explain(Reason(reason))
    return f"{explanation.cause} {explanation.remedy}"


def table(*columns: str) -> Table:
    """A table without boxes, so that other tools can cut and grep it."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        rows.add_column(column, overflow="fold", no_wrap=True)
    return rows
