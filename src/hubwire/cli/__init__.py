"""The command line: each command parses, calls and prints. Exit codes: 0 done, 1 failed, 2 bad usage."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

from hubwire.errors import BadValue, HubwireError

if TYPE_CHECKING:
    import typer

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of writes to a full or broken disk."""


def main() -> None:
    """Run a command. An error that Hubwire can explain is one clear line, never a traceback."""
    try:
        _application()()
    except HubwireError as exc:
        _fail(_named(exc), exc.hint)
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise
        what = exc.filename or "the output"
        _fail(f"{what} cannot be written: {exc.strerror}", "Changes that the command made before this stay.")


def _application() -> typer.Typer:
    """All commands; of the emulator's start, only its own, so that it is quick."""
    if sys.argv[1:2] == ["emulator"]:
        return _emulator_alone()
    from hubwire.cli.application import app

    return app


def _emulator_alone() -> typer.Typer:
    import typer

    from hubwire.cli.operate.emulator import emulator

    alone = typer.Typer(name="hubwire", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command()(emulator)
    alone.callback()(lambda: None)  # keeps `emulator` a word of the command line
    return alone


def _fail(message: str, hint: str) -> None:
    """Print the reason and exit. Messages can quote foreign text, so nothing in them may control the terminal."""
    import typer

    typer.secho(f"hubwire: {_plain_lines(message)}", fg="red", err=True)
    if hint:
        typer.echo(f"  {_plain_lines(hint)}", err=True)
    sys.exit(1)


def _plain_lines(text: str) -> str:
    from hubwire.cli.shared.context import plain

    return "\n".join(plain(line) for line in text.split("\n"))


def _named(exc: HubwireError) -> str:
    """The message, with its field and value in front unless it names the value itself."""
    message = str(exc)
    about = [exc.field, repr(exc.value)] if isinstance(exc, BadValue) and exc.value is not None else []
    if about and about[1] in message:
        return message
    return ": ".join([*(part for part in about if part not in message), message])
