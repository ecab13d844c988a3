"""`hubwire calls`: the calls to HubSpot of a period."""

from __future__ import annotations

from typing import Annotated

import typer

from hubwire.cli.shared.context import ConfigOption, JsonOption, cell, console, print_json, reading, table, when
from hubwire.cli.shared.editing import named_destination
from hubwire.clock import SystemClock
from hubwire.record.calls import call_report
from hubwire.web.parameters import WindowName
from hubwire.web.parameters import window as window_of

STEPS = 24


def calls(
    window: Annotated[WindowName, typer.Option(help="The period.")] = WindowName.DAY,
    destination: Annotated[
        str | None, typer.Option(help="Name of the destination; required if there are several.")
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the calls to HubSpot. By endpoint: answers and durations.

    Example: hubwire calls --window 1h
    """
    now_ms = SystemClock().now_ms()
    since_ms = window_of({"window": window}, now_ms).since_ms
    with reading(config) as store:
        chosen = named_destination(store.registry, destination)
        found = store.statistics.calls(chosen.destination_id, since_ms, now_ms + 1)
    report = call_report(found, since_ms, now_ms + 1, STEPS)
    if json:
        print_json(report)
        return
    rows = table("calls", "endpoint", "median ms", "95 % ms", "last (UTC)", "answers")
    for endpoint in report.endpoints:
        answers = ", ".join(f"{count} {answer}" for answer, count in endpoint.answers.items())
        numbers = (str(endpoint.p50_ms), str(endpoint.p95_ms), when(endpoint.last_at_ms))
        rows.add_row(str(endpoint.count), cell(endpoint.call), *numbers, answers)
    console.print(rows if report.endpoints else "No calls in this period.")
    for error in report.errors:
        console.print(f"{error.count} x {error.status or 'no answer'} {cell(error.outcome)}: {cell(error.call)}")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(calls)
