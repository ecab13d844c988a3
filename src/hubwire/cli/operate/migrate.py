"""`hubwire migrate`: from a SQLite file to PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    settings_of,
    table,
)
from hubwire.clock import SystemClock
from hubwire.manage.migrate import migrate as run_migration


def migrate(
    source: Annotated[str, typer.Option("--from", help="sqlite:///path of the installation to move.")],
    target: Annotated[str, typer.Option("--to", help="postgresql://… of an empty database.")],
    finish: Annotated[
        bool, typer.Option("--finish", help="After the old server has stopped: copy the rest, compare, hand over.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Move to PostgreSQL. Copies while the old server runs; then stop it and use --finish. You can run it again.

    Example: hubwire migrate --from sqlite:///data/hubwire.db --to postgresql://hubwire@db/hubwire
    """
    settings = settings_of(config)
    with Progress(console=Console(stderr=True), disable=json, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        moved = run_migration(source, target, finish=finish, settings=settings, clock=SystemClock(), report=report)
    if json:
        print_json(moved)
    elif moved.is_finished:
        rows = table("table", "rows", "checksum")
        for compared in moved.tables:
            rows.add_row(compared.table, str(compared.rows), compared.checksum)
        console.print(rows)
        console.print("Both sides are equal. Set HUBWIRE_DATABASE_URL to the new database and start the servers.")
    else:
        console.print(f"{moved.copied} messages copied; {moved.behind} have arrived since.")
        console.print("Stop the old server, then run the same command with --finish.")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(migrate)
