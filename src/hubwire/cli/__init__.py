"""The command line: each command parses, calls and prints. Exit codes: 0 done, 1 failed, 2 bad usage."""

from __future__ import annotations

import errno
import sys
from typing import Annotated

import typer

from hubwire import __version__
from hubwire.cli.configure import (
    apply,
    browser,
    destinations,
    members,
    rules,
    schema,
    sources,
)
from hubwire.cli.messages import (
    backfill,
    forget,
    imports,
    messages,
    replay,
    snooze,
    status,
    who,
)
from hubwire.cli.operate import (
    alerts,
    doctor,
    keys,
    migrate,
    run,
    settings,
)
from hubwire.cli.shared.context import plain
from hubwire.errors import BadValue, HubwireError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of writes to a full or broken disk."""

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
    imports,
    status,
    alerts,
    messages,
    who,
    replay,
    snooze,
    sources,
    browser,
    destinations,
    apply,
    rules,
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
            callback=lambda is_set: _say_version() if is_set else None,
        ),
    ] = False,
) -> None:
    """A self-hosted, Segment-compatible HubSpot destination."""


def _say_version() -> None:
    typer.echo(f"hubwire {__version__}")
    raise typer.Exit


def main() -> None:
    """Run a command. An error that Hubwire can explain is one clear line, never a traceback."""
    try:
        app()
    except HubwireError as exc:
        _fail(_named(exc), exc.hint)
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise
        what = exc.filename or "the output"
        _fail(f"{what} cannot be written: {exc.strerror}", "Changes that the command made before this stay.")


def _fail(message: str, hint: str) -> None:
    """Print the reason and exit. Messages can quote foreign text, so nothing in them may control the terminal."""
    typer.secho(f"hubwire: {_plain_lines(message)}", fg="red", err=True)
    if hint:
        typer.echo(f"  {_plain_lines(hint)}", err=True)
    sys.exit(1)


def _plain_lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.split("\n"))


def _named(exc: HubwireError) -> str:
    """The message, with its field and value in front unless it names the value itself."""
    message = str(exc)
    about = [exc.field, repr(exc.value)] if isinstance(exc, BadValue) and exc.value is not None else []
    if about and about[1] in message:
        return message
    return ": ".join([*(part for part in about if part not in message), message])
