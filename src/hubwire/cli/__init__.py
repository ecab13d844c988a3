"""The command line: each command parses, calls, prints. Exit codes: 0 done, 1 failed, 2 bad usage."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hubwire import __version__
from hubwire.cli import (
    alerts,
    apply,
    backfill,
    decide,
    destinations,
    doctor,
    forget,
    keys,
    look,
    members,
    messages,
    migrate,
    run,
    schema,
    settings,
    sources,
)
from hubwire.errors import BadValue, HubwireError

app = typer.Typer(
    name="hubwire",
    help="A self-hosted, Segment-compatible HubSpot destination.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (
    run,
    backfill,
    look,
    alerts,
    messages,
    decide,
    sources,
    destinations,
    apply,
    doctor,
    forget,
    schema,
    members,
    keys,
    settings,
):
    group.register(app)
migrate.register(app)


@app.callback()
def hubwire(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            help="Print the version.",
            callback=lambda wanted: _say_version() if wanted else None,
        ),
    ] = False,
) -> None:
    """A self-hosted, Segment-compatible HubSpot destination."""


def _say_version() -> None:
    typer.echo(f"hubwire {__version__}")
    raise typer.Exit


def main() -> None:
    """Run a command; what Hubwire can explain is one clear line, never a traceback."""
    try:
        app()
    except HubwireError as exc:
        typer.secho(f"hubwire: {_named(exc)}", fg="red", err=True)
        if exc.hint:
            typer.echo(f"  {exc.hint}", err=True)
        sys.exit(1)


def _named(exc: HubwireError) -> str:
    """The message, behind the field and the value that it is about where it does not name them itself."""
    message = str(exc)
    about = [exc.field, repr(exc.value)] if isinstance(exc, BadValue) and exc.value is not None else []
    return ": ".join([*(one for one in about if one not in message), message])
