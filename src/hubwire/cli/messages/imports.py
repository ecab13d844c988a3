"""`hubwire imports`: the last imports, and the fates of their messages."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from hubwire.backends.store import Store
from hubwire.backfill.past import PastImport, past_imports
from hubwire.cli.shared.context import ConfigOption, JsonOption, cell, console, print_json, reading, settings_of, when
from hubwire.errors import SettingsError
from hubwire.record.statistics import ImportFates

POLL_SECONDS = 0.5


class Fates(msgspec.Struct, frozen=True, kw_only=True):
    """The fates of an import's messages at one destination."""

    destination: str
    fates: ImportFates


def imports(
    limit: Annotated[int, typer.Option(min=1, max=20, help="Maximum number of imports, newest first.")] = 5,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the newest import is delivered.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Maximum wait in seconds; exit code 1 after it.")] = 3600.0,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the last imports with the outcome of their messages. Also how many values HubSpot has newer.

    Example: hubwire imports --wait
    """
    done = past_imports(Path(settings_of(config).data))[:limit]
    with reading(config) as store:
        is_delivered = not wait or not done or _delivered(store, done[0], timeout)
        outcomes = [(past_import, _fates(store, past_import)) for past_import in done]
    if json:
        print_json([{**msgspec.to_builtins(past_import), "destinations": fates} for past_import, fates in outcomes])
    else:
        for past_import, fates in outcomes:
            _print(past_import, fates)
        if not done:
            console.print("No imports yet: `hubwire import FILE --source NAME`.")
    if not is_delivered:
        raise SettingsError(
            f"the import is not delivered after {timeout:.0f} s", hint="`hubwire status` shows what delivery waits for."
        )


def _delivered(store: Store, past_import: PastImport, longest_seconds: float) -> bool:
    """Whether all messages of the import are delivered or settled; waits for that up to this time."""
    deadline = time.monotonic() + longest_seconds
    while not all(fates.fates.is_delivered for fates in _fates(store, past_import)):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _fates(store: Store, past_import: PastImport) -> list[Fates]:
    """The fates at each destination that the import's source feeds."""
    registry = store.registry
    source = next((source for source in registry.sources().values() if source.name == past_import.source), None)
    if source is None:
        return []
    return [
        Fates(
            destination=destination.name,
            fates=store.statistics.import_fates(
                destination.destination_id, source.source_id, past_import.first, past_import.last
            ),
        )
        for destination in registry.destinations().values()
        if destination.takes(source.source_id)
    ]


def _print(past_import: PastImport, outcomes: list[Fates]) -> None:
    source, files = cell(past_import.source), cell(past_import.files)
    console.print(f"[bold]{when(past_import.at_ms)}[/bold] UTC  {past_import.messages:,} messages of {source}: {files}")
    for outcome in outcomes:
        fates = outcome.fates
        counts = {"held": fates.held, "discarded": fates.discarded, "dead": fates.dead, "tried again": fates.open}
        words = [f"{count:,} {word}" for word, count in counts.items() if count]
        state = "delivered" if fates.is_delivered else "being delivered"
        console.print(f"  {cell(outcome.destination)}: {', '.join([state, *words])}")
        if fates.newer_values:
            console.print(
                f"    {fates.newer_values:,} values in {fates.newer_messages:,} messages stayed as HubSpot has them,"
                " because somebody changed them there later.",
                markup=False,
            )
            console.print("    `hubwire messages --reason newer-in-hubspot` lists the messages.", markup=False)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("imports")(imports)
