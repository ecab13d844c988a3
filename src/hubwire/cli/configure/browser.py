"""Device mode in the terminal: the snippet of each site."""

from __future__ import annotations

from typing import Annotated

import typer

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    cell,
    console,
    plain,
    print_json,
    reading,
    settings_of,
)
from hubwire.device.assets import load_assets
from hubwire.device.snippet import snippet
from hubwire.installation.local import find_local_server
from hubwire.manage.browser_setup import BrowserSetup, browser_setups
from hubwire.registry.named import named
from hubwire.settings import Settings


def browser(
    name: Annotated[str | None, typer.Argument(help="Name of a web source. Default: all.", show_default=False)] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the device mode snippet of each site. Also whether HubSpot loads, from which host, and its consent.

    Example: hubwire browser website
    """
    settings, assets = settings_of(config), load_assets()
    url = _public_url(settings)
    with reading(config) as store:
        source_id = None if name is None else named(store.registry.sources().values(), name, "source").source_id
        setups = browser_setups(store.registry, lambda key: snippet(assets, url, key) if assets else None, url)
    setups = [setup for setup in setups if source_id in (None, setup.source_id)]
    if json:
        print_json(setups)
        return
    for setup in setups:
        _print(setup)
    if not setups:
        console.print("No web sources yet: add one with `hubwire source add NAME --kind web --device-mode`.")


def _public_url(settings: Settings) -> str:
    """The server's URL for browsers: from the settings, from a running server, or where one would start."""
    server = find_local_server(settings)
    return settings.public_url or (server.url if server else f"http://{settings.host}:{settings.port}")


def _print(setup: BrowserSetup) -> None:
    lines = [setup.why_off or "HubSpot loads in its pages."]
    if setup.destination:
        lines.append(f"destination {setup.destination}, Hub ID {setup.hub_id}, region {setup.region}")
        lines.append(f"tracking code {setup.script_url}")
        lines.append(f"Forms SDK {setup.forms_url or 'not loaded'}")
        lines.append(f"consent needed: {', '.join(setup.consent_categories) or 'none'}")
        lines.append(f"Content-Security-Policy: {setup.policy}")
    console.print(f"[bold]{cell(setup.name)}[/bold]")
    for line in lines:
        console.print(f"  {plain(line)}", markup=False, highlight=False)
    if setup.snippet:
        typer.echo(f"\n{setup.snippet}\n")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(browser)
