"""`hubwire import`: history from files, and its estimated cost."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from hubwire.backfill.reading import STDIN
from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    settings_of,
    table,
)
from hubwire.cli.shared.editing import Editor, confirmed, editing
from hubwire.cli.shared.portals import duration, portal_schema
from hubwire.clock import SystemClock
from hubwire.errors import SettingsError

if TYPE_CHECKING:
    from hubwire.backfill.estimate import Estimate
    from hubwire.backfill.imports import ImportOutcome

SEED_CALLS_PER_SECOND = 10.0
SEED_CALLS_PER_DAY = 40_000


def import_files(
    files: Annotated[
        list[str],
        typer.Argument(help="NDJSON or CSV files, also .gz; folders of them; - for standard input (NDJSON)."),
    ],
    source: Annotated[str, typer.Option(help="Source of the messages.")],
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only print the estimated HubSpot calls; import nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Skip the estimate and the confirmation.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Import messages from files. Live messages have priority.

    Files can be NDJSON (one message per line, as in Segment's exports), JSON arrays, or CSV files of people (a header
    with email or userId; other columns are traits). Run the command again after a stop: it continues where it stopped
    and doubles nothing. In a terminal it first prints the estimated cost and asks for confirmation.

    Example: hubwire import history.ndjson.gz --source server
    """
    from hubwire.backfill.reading import files_of

    found = files_of(files, besides=Path(settings_of(config).data))
    if estimate:
        with editing(config) as editor:
            estimates = _estimate(editor, found, source)
        print_json(estimates) if json else _print_estimates(estimates)
        return
    if is_interactive() and not (yes or json or STDIN in found):
        _ask_first(found, source, config)
    outcome = _import(found, source, json, config)
    if json:
        print_json(outcome)
    else:
        _print_outcome(outcome)
    if outcome.unreadable:
        raise typer.Exit(1)


def _ask_first(files: list[str], source: str, config: ConfigOption) -> None:
    """Print the estimated cost and ask for confirmation; exit 1 if the answer is no."""
    with editing(config) as editor:
        try:
            _print_estimates(_estimate(editor, files, source))
        except SettingsError as exc:
            typer.secho(f"No estimate: {exc}", fg="yellow", err=True)
    confirmed("Import them?", False)


INTERRUPTED = 130
"""The exit code after Ctrl-C, as in shells."""


def is_interactive() -> bool:
    """Whether input and output are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _import(files: list[str], source: str, json: bool, config: ConfigOption) -> ImportOutcome:
    from hubwire.backfill.imports import import_messages, total_bytes

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, disable=json or not terminal.is_terminal) as progress:
        bar = progress.add_task("Importing", total=total_bytes(files), rate="")

        done = 0

        def report(bytes_done: int, lines_done: int) -> None:
            nonlocal done
            done = lines_done
            seconds = progress.tasks[0].elapsed or 0.0
            rate = f"{lines_done / seconds:,.0f} messages/s" if seconds > 1 else ""
            progress.update(bar, completed=bytes_done, description=f"{lines_done:,} messages", rate=rate)

        try:
            return import_messages(settings_of(config), files, source, report, SystemClock())
        except KeyboardInterrupt:
            progress.stop()
            goes_on = "starts again and doubles nothing" if STDIN in files else "continues there"
            terminal.print(f"Stopped after {done:,} messages, which are imported. The next run {goes_on}.")
            raise typer.Exit(INTERRUPTED) from None


def _print_outcome(outcome: ImportOutcome) -> None:
    skipped = f", {outcome.skipped} imported by an earlier run" if outcome.skipped else ""
    console.print(
        f"{outcome.read} read, {outcome.journaled} imported, {outcome.duplicates} already known,"
        f" {outcome.unreadable} unreadable{skipped}"
    )
    for rejection in outcome.rejected[:20]:
        console.print(f"  {rejection}", markup=False)


# -- the estimate


def _estimate(editor: Editor, files: list[str], source_name: str) -> list[Estimate]:
    """The estimated cost of the files at each destination that their source feeds."""
    from hubwire.backfill.estimate import Estimator, cycles
    from hubwire.backfill.rows import rows_of_files

    if STDIN in files:
        raise SettingsError("standard input cannot be estimated, because an estimate reads the files twice")
    store = editor.store
    source = editor.source(source_name)
    sources = store.registry.sources()
    lanes = {lane.destination_id: lane for lane in store.queries.lanes(editor.now_ms())}
    estimates = []
    for destination in store.registry.destinations().values():
        if not destination.takes(source.source_id):
            continue
        schema, is_default = asyncio.run(portal_schema(store.registry, editor.settings, destination))
        estimator = Estimator(destination, sources, schema, store.record.links)
        for rows in cycles(rows_of_files(files, source, editor.now_ms()), editor.settings.cycle_messages):
            estimator.take(rows)
        limit = lanes[destination.destination_id].budget.get("limit") or SEED_CALLS_PER_DAY
        made = estimator.estimate(
            destination.calls_per_second or SEED_CALLS_PER_SECOND, destination.calls_per_day or limit
        )
        made.schema_is_default = is_default
        estimates.append(made)
    if not estimates:
        raise SettingsError(f"source {source_name!r} feeds no destination", hint="hubwire destination list")
    return estimates


def _print_estimates(estimates: list[Estimate]) -> None:
    for one in estimates:
        console.print(f"[bold]{one.destination}[/bold]  {one.messages:,} messages, {one.total_calls:,} HubSpot calls")
        rows = table("contacts", "companies", "associations", "events", "new definitions", "held")
        counts = (one.contacts, one.companies, one.associations, one.events, one.definitions, one.held)
        rows.add_row(*(f"{count:,}" for count in counts))
        console.print(rows)
        for name, count in one.calls.items():
            console.print(f"  {count:,} x {name}")
        for reason, count in one.discarded.items():
            console.print(f"  {count:,} messages would be discarded: {reason}")
        console.print(f"  {one.day_percent:g} % of a day's calls; {duration(one.seconds)} at the current rate")
        if one.schema_is_default:
            console.print("  The portal could not be read; the estimate assumes HubSpot's default properties.")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("import")(import_files)
