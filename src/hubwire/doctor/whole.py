"""Everything in one diagnosis: this machine, then each destination with its lane and its portal."""

from __future__ import annotations

import asyncio

from hubwire.backends.store import Store
from hubwire.clients import ClientFactory
from hubwire.clock import SystemClock
from hubwire.destination import Destination
from hubwire.doctor import Check, Diagnosis, Health, Section
from hubwire.doctor.machine import examine_machine, lane_checks
from hubwire.doctor.portal import examine
from hubwire.errors import HubwireError, SettingsError
from hubwire.settings import Settings


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
