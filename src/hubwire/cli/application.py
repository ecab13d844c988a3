"""Every command of the command line, in one application."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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
    breakdown,
    calls,
    forget,
    imports,
    lists,
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


class Commands(TyperGroup):
    """All commands. An error about a value names the value and what it may be, without the library's prefix."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except typer.BadParameter as exc:
            exc.message = exc.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    cls=Commands,
    name="hubwire",
    help="A self-hosted, Segment-compatible HubSpot destination.",
    no_args_is_help=True,
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
    breakdown,
    calls,
    who,
    lists,
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
