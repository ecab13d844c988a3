"""`hubwire import`: history from files and databases, its preview, and its estimated cost."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from hubwire.cli.messages.backfill_shown import print_estimates, print_outcome, print_previews, print_seen
from hubwire.cli.shared.context import ConfigOption, JsonOption, print_json, settings_of
from hubwire.cli.shared.editing import confirmed, editing
from hubwire.cli.shared.history import AsOption, DatesOption, EncodingOption, MapOption, read_options
from hubwire.cli.shared.portals import portal_schema
from hubwire.clock import SystemClock
from hubwire.errors import SettingsError
from hubwire.lifecycle import collect_rarely

if TYPE_CHECKING:
    from hubwire.backfill.estimate import Estimate
    from hubwire.backfill.imports import ImportOutcome, Report
    from hubwire.backfill.looking import History
    from hubwire.backfill.records import ReadOptions
    from hubwire.backfill.sql import Query
    from hubwire.destination import Destination
    from hubwire.manage.history.preview import HistoryPreview, KnownSchema


def import_files(
    source: Annotated[str, typer.Option(help="Source of the messages.")],
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Files or folders: exports of other systems; - for standard input."),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview", help="Only print the type of each file and the field of each column; import nothing."
        ),
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only print the estimated HubSpot calls; import nothing.")
    ] = False,
    call: AsOption = None,
    columns: MapOption = None,
    order: DatesOption = None,
    encoding: EncodingOption = None,
    sql: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Instead of files: postgresql://..., sqlite:///FILE or duckdb:///FILE."),
    ] = None,
    query: Annotated[str | None, typer.Option(help="With --sql: the SELECT whose rows are imported.")] = None,
    cursor: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="With --sql: the column that grows. The next import continues at its last value."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Skip the estimate and the confirmation.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Import history from files or a database. Live messages have priority.

    The command recognises the exports of Segment, RudderStack, PostHog, Amplitude, Mixpanel, Jitsu, Snowplow, HubSpot,
    Salesforce, Mailchimp, Shopify and others: CSV, JSON, Parquet, SQLite and .xlsx, compressed or not. It refuses a
    file that it does not recognise before it imports anything. Run the command again after a stop: it continues where
    it stopped and imports no row twice. In a terminal it first prints the estimated cost and asks for confirmation.

    Example: hubwire import exports/ --source server --preview
    """
    options = read_options(call, columns, order, encoding)
    statement = _statement(sql, query, cursor, files, estimate)
    if statement is not None:
        _preview_sql(statement, options, json) if preview else _import_sql(statement, source, options, json, config)
        return
    if not files:
        raise typer.BadParameter("give files or folders, or --sql URL with --query")
    if "-" in files and (preview or estimate):
        raise SettingsError("standard input can be read only once; --preview and --estimate need a file")
    settings = settings_of(config)
    with _history_preview(source, config) as previewed:
        history = previewed.look_at(files, options, besides=Path(settings.data))
    if preview:
        _show_previews(history, source, json, config)
    elif estimate:
        with _history_preview(source, config) as previewed:
            estimates = previewed.estimates(history, SystemClock().now_ms())
        print_json(estimates) if json else print_estimates(estimates)
        if not all(estimate.messages and not estimate.unreadable for estimate in estimates):
            raise typer.Exit(1)
    else:
        if not json:
            print_seen(history)
        if is_interactive() and not (yes or json or history.has_stdin):
            _ask_first(history, source, config)
        _finish(_import(history, source, json, config), json)


def _finish(outcome: ImportOutcome, json: bool) -> None:
    print_json(outcome) if json else print_outcome(outcome)
    if outcome.unreadable or outcome.is_useless:
        raise typer.Exit(1)


def _show_previews(history: History, source: str, json: bool, config: ConfigOption) -> None:
    """Print the files and what each destination would receive; exit 1 if nothing would arrive or a file has a fault."""
    from hubwire.backfill.preview import merged, preview_of

    previews = [preview_of(seen) for seen in history.seen]
    estimates = _estimates_or_none(history, source, config)
    if json:
        print_json({"files": previews, "passed_over": history.passed_over, "destinations": estimates})
    else:
        print_previews(merged(previews), history.passed_over)
        print_estimates(estimates)
    has_faults = any(file.unreadable for file in previews) or any(file.is_fault for file in history.passed_over)
    if has_faults or not any(file.calls for file in previews):
        raise typer.Exit(1)


def _ask_first(history: History, source: str, config: ConfigOption) -> None:
    """Print the estimated cost and ask for confirmation; exit 1 if the answer is no."""
    print_estimates(_estimates_or_none(history, source, config))
    confirmed("Import them?", False)


def _estimates_or_none(history: History, source: str, config: ConfigOption) -> list[Estimate]:
    with _history_preview(source, config) as previewed:
        try:
            return previewed.estimates(history, SystemClock().now_ms())
        except SettingsError as exc:
            typer.secho(f"No estimate: {exc}", fg="yellow", err=True)
            return []


INTERRUPTED = 130
"""The exit code after Ctrl-C, as in shells."""


def is_interactive() -> bool:
    """True if input and output are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _import(history: History, source: str, json: bool, config: ConfigOption) -> ImportOutcome:
    from hubwire.backfill.files import total_bytes
    from hubwire.backfill.imports import import_history

    collect_rarely()
    goes_on = "starts again and imports no row twice" if history.has_stdin else "continues there"
    with _progress(total_bytes([seen.part for seen in history.seen]), goes_on, json) as report:
        return import_history(settings_of(config), history, source, report, SystemClock())


def _statement(
    sql: str | None, query: str | None, cursor: str | None, files: list[str] | None, estimate: bool
) -> Query | None:
    """The query of --sql, None without one. Raises BadParameter for options that do not go together."""
    from hubwire.backfill.sql import Query

    if sql is None and query is None and cursor is None:
        return None
    if sql is None or query is None:
        raise typer.BadParameter("--sql and --query belong together; --cursor goes with them")
    if files:
        raise typer.BadParameter("give files or --sql, not both")
    if estimate:
        raise typer.BadParameter("--estimate is for files; --preview shows the rows of a query")
    return Query(sql, query, cursor)


def _preview_sql(statement: Query, options: ReadOptions, json: bool) -> None:
    """Preview all rows of the query, from the first row."""
    from hubwire.backfill.preview import preview_of
    from hubwire.backfill.sql import look_at_query

    with ExitStack() as stack:
        seen = look_at_query(statement, options, None, stack)
        if seen is None:
            raise SettingsError("the query returned no rows")
        preview = preview_of(seen)
    print_json(preview) if json else print_previews([preview])
    if preview.unreadable or not preview.calls:
        raise typer.Exit(1)


def _import_sql(statement: Query, source: str, options: ReadOptions, json: bool, config: ConfigOption) -> None:
    from hubwire.backfill.sql import import_query

    goes_on = "starts again and imports no row twice" if statement.cursor is None else "continues there"
    with _progress(None, goes_on, json) as report:
        outcome = import_query(settings_of(config), statement, source, options, report, SystemClock())
    _finish(outcome, json)


@contextmanager
def _progress(total: int | None, goes_on: str, json: bool) -> Iterator[Report]:
    """A progress bar with rate and remaining time, fed by `report`. Ctrl-C prints how many rows are imported."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    terminal = Console(stderr=True)
    done = 0
    with Progress(*columns, console=terminal, disable=json or not terminal.is_terminal) as progress:
        bar = progress.add_task("Importing", total=total, rate="")

        def report(bytes_done: int, rows_done: int, rows_skipped: int) -> None:
            nonlocal done
            done = rows_done
            seconds = progress.tasks[0].elapsed or 0.0
            rate = f"{(rows_done - rows_skipped) / seconds:,.0f} rows/s" if seconds > 1 else ""
            progress.update(bar, completed=bytes_done, description=f"{rows_done:,} rows", rate=rate)

        try:
            yield report
        except KeyboardInterrupt:
            progress.stop()
            terminal.print(f"Stopped. {done:,} rows are imported. The next run {goes_on}.")
            raise typer.Exit(INTERRUPTED) from None


# -- the files


@contextmanager
def _history_preview(source_name: str, config: ConfigOption) -> Iterator[HistoryPreview]:
    from hubwire.manage.history.preview import HistoryPreview

    with editing(config) as editor:

        def schema_of(destination: Destination) -> KnownSchema:
            return asyncio.run(portal_schema(editor.store.registry, editor.settings, destination))

        yield HistoryPreview(editor.store, editor.settings, editor.source(source_name), schema_of)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("import")(import_files)
