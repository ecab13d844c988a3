"""`hubwire doctor`: what is well and what is not."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from hubwire.backends.store import Store
from hubwire.cli.context import ConfigOption, JsonOption, console, print_json, reading, settings_of
from hubwire.clients import ClientFactory
from hubwire.clock import SystemClock
from hubwire.destination import Destination
from hubwire.doctor import Check, Diagnosis, Health, Section
from hubwire.doctor.machine import examine_machine, lane_checks
from hubwire.doctor.portal import examine
from hubwire.errors import HubwireError, SettingsError
from hubwire.settings import Settings

STYLES = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "bold red"}


def doctor(
    destination: Annotated[str | None, typer.Option(help="Only this destination; without it, all.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask HubSpot.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Look at token, hub, tier, scopes by feature, API version, limits, clock, schema, disk and settings.

    Nothing is changed, here or in HubSpot; a portal takes about a dozen calls. Exit code 1 when something fails.

    Example: hubwire doctor
    """
    settings = settings_of(config)
    with reading(config) as store:
        diagnosis = diagnose(store, settings, destination, offline=offline)
    if json:
        print_json(diagnosis)
    else:
        for section in diagnosis.sections:
            _print(section)
    if not diagnosis.is_ok:
        raise typer.Exit(1)


def diagnose(store: Store, settings: Settings, name: str | None, *, offline: bool) -> Diagnosis:
    """Every section. Raises SettingsError when there is no destination of this name."""
    clock = SystemClock()
    destinations = [one for one in store.registry.destinations().values() if name in (None, one.name)]
    if name is not None and not destinations:
        raise SettingsError(f"no destination {name!r}", hint="`hubwire destination list` shows them.")
    lanes = {lane.destination_id: lane for lane in store.queries.lanes(clock.now_ms())}
    sections = examine_machine(store, settings, clock)
    clients = ClientFactory(store.registry, clock, settings)
    for one in destinations:
        checks = list(lane_checks(lanes[one.destination_id]))
        if offline:
            sections.append(Section(title=f"Destination {one.name}", checks=checks))
        else:
            sections.append(asyncio.run(_portal(store, clients, one, checks)))
    if not destinations:
        none = Check(name="Destinations", health=Health.WARN, said="none yet", remedy="hubwire destination add hubspot")
        sections.append(Section(title="Destinations", checks=[none]))
    return Diagnosis.of(sections)


async def _portal(store: Store, clients: ClientFactory, destination: Destination, checks: list[Check]) -> Section:
    try:
        token = store.registry.token(destination.destination_id)
        client = clients.make(destination)
    except HubwireError as exc:
        failed = Check(name="Access token", health=Health.FAIL, said=str(exc), remedy=exc.hint)
        return Section(title=f"Destination {destination.name}", checks=[*checks, failed])
    if client is None:
        report = await examine(destination, token, None, SystemClock())
    else:
        async with client:
            report = await examine(destination, token, client, SystemClock())
    return Section(title=f"Destination {destination.name}", checks=[*checks, *report.checks], report=report)


def _print(section: Section) -> None:
    console.print(f"[bold]{section.title}[/bold]")
    for check in section.checks:
        console.print(f"  {check.health:4}", style=STYLES[check.health], end=" ")
        console.print(f"{check.name}: {check.said}", markup=False)
        if check.remedy:
            console.print(f"       -> {check.remedy}", markup=False)


def register(root: typer.Typer) -> None:
    """Add this command."""
    root.command()(doctor)
