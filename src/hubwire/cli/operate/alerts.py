"""`hubwire alerts`: the alert rules and their state."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    plain,
    print_json,
    reading,
    settings_of,
    when,
)
from hubwire.clock import SystemClock
from hubwire.monitoring.alert_overview import alert_overview
from hubwire.monitoring.alert_settings import AlertEditor, Told, known_settings
from hubwire.monitoring.observability import Watched


def alerts(
    test: Annotated[bool, typer.Option("--test", help="Send a test to everyone who is notified.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the alert rules. Whether each is on and since when, what to do, and who is notified.

    The settings are those that the server uses: saved in the console, or those with which it started. The server keeps
    recent notifications in memory; its console shows them.

    Example: hubwire alerts --test
    """
    clock = SystemClock()
    with reading(config) as store:
        settings = known_settings(store, settings_of(config))
        overview = alert_overview(Watched(store, clock), store.alerts, settings, clock, None)
        results = asyncio.run(AlertEditor(store, settings, clock).test(settings)) if test else []
    if json:
        print_json(overview)
        _fail_on(results)
        return
    for rule in overview.rules:
        state = "ON" if rule.on else "off" if rule.is_off else "OK"
        if rule.name == "dead" and not overview.channels:
            state = "off: no one to notify"
        console.print(f"[bold]{rule.name}[/bold]  {state}  {rule.setting or 'no setting'}")
        console.print(f"  {rule.when}", markup=False)
        for alert in rule.on:
            since = f" (since {when(alert.since_ms)} UTC)" if alert.since_ms else ""
            console.print(
                f"  {plain(f'{alert.title}: {alert.said}{since}. {alert.remedy}')}", markup=False, style="red"
            )
    receivers = ", ".join(f"{channel.kind} {channel.target}" for channel in overview.channels)
    nobody = "No one is notified yet: add a receiver on the console's Alerts page, or set HUBWIRE_ALERT_WEBHOOK_URL."
    console.print(f"Notified: {plain(receivers)}" if receivers else nobody, markup=False)
    for result in results:
        console.print(f"Test by {result.kind}: {plain(result.problem) or 'accepted'}", markup=False)
    _fail_on(results)


def _fail_on(results: list[Told]) -> None:
    if any(result.problem for result in results):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(alerts)
