"""Snooze groups of failures, and wake them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from hubwire.backends.store import Store
from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    print_json,
    reading,
    when,
)
from hubwire.cli.shared.editing import ACTOR
from hubwire.cli.shared.filters import DestinationOption, chosen
from hubwire.clock import SystemClock
from hubwire.delivery import State
from hubwire.manage import snoozing
from hubwire.reasons import Reason
from hubwire.record.message_filter import MessageFilter
from hubwire.record.snoozes import Snoozes
from hubwire.registry.protocol import Registry
from hubwire.web.parameters import moment_ms

StateOption = Annotated[State, typer.Option(help="dead, held or retrying.")]
ReasonOption = Annotated[Reason, typer.Option(metavar="REASON", help="Reason of the group.")]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The `Parts` of snoozing."""

    snoozes: Snoozes
    registry: Registry
    clock: SystemClock


def snooze(
    state: StateOption,
    reason: ReasonOption,
    destination: DestinationOption = None,
    length: Annotated[str, typer.Option("--for", help="Duration: 1h, 24h or 7d.")] = "24h",
    until: Annotated[str | None, typer.Option(help="End instead of a duration: 2026-11-23T18:00 (UTC).")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Hide a group of failures for a while. Alerts leave it out too.

    Its messages do not change.

    Example: hubwire snooze --state dead --reason invalid-input --for 7d
    """
    with reading(config) as store:
        parts = _parts(store)
        until_ms = None if until is None else moment_ms({"until": until}, "until")
        until_ms = snoozing.until_ms_of(length, until_ms, parts.clock.now_ms())
        snoozed = snoozing.snooze_group(parts, ACTOR, _group_filter(store, state, reason, destination), until_ms)
    if json:
        print_json(snoozed)
        return
    typer.echo(f"Snoozed until {when(snoozed.until_ms)} UTC. `hubwire failures` lists it at the end.")


def wake(
    state: StateOption,
    reason: ReasonOption,
    destination: DestinationOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """End the snooze of a group of failures now.

    Example: hubwire wake --state dead --reason invalid-input
    """
    with reading(config) as store:
        is_woken = snoozing.wake_group(_parts(store), ACTOR, _group_filter(store, state, reason, destination))
    if json:
        print_json({"is_woken": is_woken})
        return
    typer.echo("The group is shown again." if is_woken else "The group was not snoozed.")


def _parts(store: Store) -> _Parts:
    return _Parts(store.snoozes, store.registry, SystemClock())


def _group_filter(store: Store, state: State, reason: Reason, destination: str | None) -> MessageFilter:
    destinations = {} if destination is None else {"destination": destination}
    return chosen(store.registry, {"state": state, "reason": reason, **destinations})


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (snooze, wake):
        app.command()(command)
