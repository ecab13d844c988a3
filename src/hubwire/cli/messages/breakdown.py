"""`hubwire breakdown`: the messages of a period by event, type, source or library."""

from __future__ import annotations

from typing import Annotated

import typer

from hubwire.cli.shared.context import ConfigOption, JsonOption, cell, console, print_json, reading, table
from hubwire.cli.shared.editing import named_destination
from hubwire.clock import SystemClock
from hubwire.manage.sampling import sample
from hubwire.record.breakdown import BreakdownBy, Sample, break_down
from hubwire.web.parameters import WindowName
from hubwire.web.parameters import window as window_of


def breakdown(
    by: Annotated[BreakdownBy, typer.Option(help="What messages are grouped by.")] = BreakdownBy.EVENT,
    window: Annotated[WindowName, typer.Option(help="The period.")] = WindowName.DAY,
    destination: Annotated[
        str | None, typer.Option(help="Name of the destination; required if there are several.")
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show messages by event, type, source or library. With their outcomes, and the change against the period before.

    Large periods are estimated from a sample of 4,000 messages.

    Example: hubwire breakdown --by library --window 7d
    """
    now_ms = SystemClock().now_ms()
    since_ms = window_of({"window": window}, now_ms).since_ms
    with reading(config) as store:
        chosen = named_destination(store.registry, destination)
        before = Sample((), 1.0) if since_ms is None else sample(store, 2 * since_ms - now_ms, since_ms)
        found = break_down(sample(store, since_ms, now_ms + 1), before, by, chosen.destination_id)
        sources = {str(number): source.name for number, source in store.registry.sources().items()}
    if json:
        print_json(found)
        return
    rows = table("messages", "change", by.value, "outcomes")
    for line in found.lines:
        name = sources.get(line.name, "removed") if by is BreakdownBy.SOURCE else line.name
        change = "-" if line.change_percent is None else f"{line.change_percent:+.0f} %"
        outcomes = ", ".join(f"{count} {state}" for state, count in line.outcomes.items())
        rows.add_row(f"{line.count:,}", change, cell(name or "-"), outcomes)
    console.print(rows if found.lines else "No messages in this period.")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(breakdown)
