"""`hubwire alerts`: the alert rules and their state."""

from __future__ import annotations

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
from hubwire.monitoring.observability import Watched


def alerts(json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the alert rules. Whether each is on and since when, what to do, and who is notified.

    The server keeps recent notifications in memory; its console shows them.

    Example: hubwire alerts
    """
    clock = SystemClock()
    with reading(config) as store:
        overview = alert_overview(Watched(store, clock), store.alerts, settings_of(config), clock, None)
    if json:
        print_json(overview)
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
    nobody = "No one is notified yet: set HUBWIRE_ALERT_WEBHOOK_URL or HUBWIRE_ALERT_EMAIL_TO."
    console.print(f"Notified: {plain(receivers)}" if receivers else nobody, markup=False)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(alerts)
