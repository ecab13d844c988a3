"""The whole diagnosis: this machine, then each destination with its lane and its portal. Also its parts for the
console: the test of one connection, and the state of this machine."""

from __future__ import annotations

import asyncio

from hubwire.backends.store import Store
from hubwire.clock import Clock, SystemClock
from hubwire.destination import Destination, of_same_hub
from hubwire.doctor import Check, ConnectionReport, Diagnosis, Health, Section, fail, warn
from hubwire.doctor.machine import examine_machine, lane_checks
from hubwire.doctor.portal import examine
from hubwire.errors import HubwireError
from hubwire.installation.clients import ClientFactory
from hubwire.registry.named import named
from hubwire.registry.protocol import Registry
from hubwire.settings import Settings


def diagnose(store: Store, settings: Settings, name: str | None, *, offline: bool) -> Diagnosis:
    """All sections. Raises SettingsError if there is no destination of this name."""
    clock = SystemClock()
    destinations = list(store.registry.destinations().values())
    if name is not None:
        destinations = [named(destinations, name, "destination")]
    lanes = {lane.destination_id: lane for lane in store.queries.lanes(clock.now_ms())}
    sections = examine_machine(store, settings, clock)
    clients = ClientFactory(store.registry, clock, settings)
    for destination in destinations:
        checks = [*lane_checks(lanes[destination.destination_id]), *_same_hub(store.registry, destination)]
        if offline:
            sections.append(Section(title=f"Destination {destination.name}", checks=checks))
        else:
            sections.append(asyncio.run(_portal(store, clients, destination, checks)))
    if not destinations:
        none = Check(name="Destinations", health=Health.WARN, said="none yet", remedy="hubwire destination add hubspot")
        sections.append(Section(title="Destinations", checks=[none]))
    return Diagnosis.of(sections)


def _same_hub(registry: Registry, destination: Destination) -> list[Check]:
    others = of_same_hub(registry.destinations().values(), destination)
    if not others:
        return []
    detail = f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} the same Hub ID"
    remedy = "They share the portal's call limits. Let no source feed two of them: its messages are delivered twice."
    return [warn("Portal", detail, remedy)]


async def _portal(store: Store, clients: ClientFactory, destination: Destination, checks: list[Check]) -> Section:
    report = await connection_report(store.registry, clients, SystemClock(), destination.destination_id)
    return Section(title=f"Destination {destination.name}", checks=[*checks, *report.checks], report=report)


# -- for the console


async def connection_report(registry: Registry, clients: ClientFactory, clock: Clock, number: int) -> ConnectionReport:
    """The test of one connection: the console's `tester`. Errors: none; a failure is a failed check."""
    destination = registry.destinations().get(number)
    if destination is None:
        return ConnectionReport(checks=[fail("Destination", "there is no destination of this number", "")])
    try:
        token, client = registry.token(number), clients.make(destination)
    except HubwireError as exc:
        return ConnectionReport(checks=[fail("Access token", str(exc), exc.hint)])
    if client is None:
        return await examine(destination, token, None, clock)
    async with client:
        return await examine(destination, token, client, clock)


async def machine_checks(store: Store, settings: Settings, clock: Clock) -> list[Check]:
    """The checks of this machine: the console's `health`."""
    sections = await asyncio.to_thread(examine_machine, store, settings, clock)
    return [check for section in sections for check in section.checks]
