"""Shared by commands that change something: the console's checks and its audit log."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from hubwire.backends.store import Store, open_store
from hubwire.cli.shared.context import reading, settings_of
from hubwire.clock import SystemClock
from hubwire.destination import Destination, Source
from hubwire.errors import SettingsError
from hubwire.manage import changes
from hubwire.monitoring.alert_settings import AlertEditor, known_settings
from hubwire.monitoring.logs import configure_logs
from hubwire.record.protocol import Record
from hubwire.registry.named import named
from hubwire.registry.protocol import Registry, WriteKey
from hubwire.secret import Secret
from hubwire.settings import Settings

ACTOR = "command line"
YesOption = Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The `Parts` of changes. `on_registry_change` tells a running server."""

    registry: Registry
    record: Record
    on_registry_change: Callable[[], None]


class Editor:
    """Changes for a person at the command line; also the `Changes` of `apply.py`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._parts = _Parts(store.registry, store.record, store.announce)

    def now_ms(self) -> int:
        return SystemClock().now_ms()

    # -- find

    def source(self, name: str) -> Source:
        """The source with this name. Raises SettingsError that names the existing ones."""
        return named(self.store.registry.sources().values(), name, "source")

    def destination(self, name: str | None) -> Destination:
        """The destination with this name, or the only one. Raises SettingsError that names the existing ones."""
        return named_destination(self.store.registry, name)

    def source_ids(self, names: list[str]) -> tuple[int, ...] | None:
        """The ids of these sources; None, which means all, for `all`."""
        return None if names == ["all"] else tuple(self.source(name).source_id for name in names)

    # -- change

    def add_source(self, source: Source, key: str | None) -> tuple[Source, WriteKey]:
        return changes.add_source(self._parts, ACTOR, source, key)

    def save_source(self, source: Source) -> Source:
        return changes.save_source(self._parts, ACTOR, source)

    def remove_source(self, source: Source) -> None:
        changes.remove_source(self._parts, ACTOR, source.source_id)

    def add_write_key(self, source_id: int, text: str | None = None) -> WriteKey:
        return changes.add_write_key(self._parts, ACTOR, source_id, text)

    def revoke_write_key(self, source: Source, key: str) -> None:
        changes.revoke_write_key(self._parts, ACTOR, source.source_id, key)

    def add_destination(self, destination: Destination, token: Secret) -> Destination:
        return changes.add_destination(self._parts, ACTOR, destination, token.reveal())

    def save_destination(self, destination: Destination) -> Destination:
        return changes.save_destination(self._parts, ACTOR, destination)

    def reread_schema(self, destination: Destination) -> None:
        changes.reread_schema(self._parts.registry, self._parts.on_registry_change, destination.destination_id)

    def remove_destination(self, destination: Destination) -> None:
        changes.remove_destination(self._parts, ACTOR, destination.destination_id)

    def set_paused(self, destination: Destination, is_paused: bool) -> None:
        changes.set_paused(self._parts, ACTOR, destination.destination_id, is_paused)

    def resume_for_new(self, destination: Destination) -> None:
        changes.resume_for_new(self._parts, ACTOR, destination.destination_id, self.now_ms())

    def set_token(self, destination_id: int, token: Secret | None) -> None:
        changes.set_token(self._parts, ACTOR, destination_id, None if token is None else token.reveal())

    def set_journal_app(self, destination_id: int, app: Secret | None) -> None:
        changes.set_journal_app(self._parts, ACTOR, destination_id, app)

    # -- alerts

    def alert_settings(self) -> Settings:
        """These settings with the alert settings in force."""
        return known_settings(self.store, self.settings)

    def save_alert_settings(self, values: Mapping[str, Any]) -> None:
        AlertEditor(self.store, self.alert_settings(), SystemClock()).save(ACTOR, values)


def named_destination(registry: Registry, name: str | None) -> Destination:
    """The destination with this name, or the only one. Raises SettingsError that names the existing ones."""
    destinations = list(registry.destinations().values())
    if name is None and len(destinations) == 1:
        return destinations[0]
    if name is None:
        names = ", ".join(destination.name for destination in destinations) or "none yet"
        raise SettingsError("choose a destination with --destination", hint=f"Destinations: {names}.")
    return named(destinations, name, "destination")


@contextmanager
def editing(config: Path | None, *, creates: bool = False) -> Iterator[Editor]:
    """A `Editor` on this installation's database; works beside a running server, which picks the changes up.

    Errors: SettingsError if there is no database yet, unless it `creates` one.
    """
    settings = settings_of(config)
    configure_logs("warning", settings.log_format)
    if creates:
        with closing(open_store(settings, SystemClock(), appends=False)) as store:
            yield Editor(store, settings)
    else:
        with reading(config) as store:
            yield Editor(store, settings)


def secret_from(
    environment_name: str | None, from_stdin: bool, prompt: str, hint: str = "Use --token-env NAME or --token-stdin."
) -> Secret:
    """A secret from the environment, standard input or a hidden prompt, never from the command line.

    Errors: SettingsError if it is empty, or if there is no terminal to ask on.
    """
    if environment_name is not None:
        text = os.environ.get(environment_name, "")
        if not text.strip():
            raise SettingsError(f"the environment variable {environment_name} is not set")
    elif from_stdin:
        text = sys.stdin.readline()
    elif sys.stdin.isatty():
        text = typer.prompt(prompt, hide_input=True)
    else:
        raise SettingsError(f"{prompt}: none given, and no terminal to ask on", hint=hint)
    if not text.strip():
        raise SettingsError(f"{prompt}: it is empty")
    return Secret(text.strip())


def confirmed(question: str, yes: bool) -> None:
    """Ask for confirmation unless `yes`; exit 1 if the answer is no."""
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)
