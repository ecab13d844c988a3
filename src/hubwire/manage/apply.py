"""Sources and destinations from a file: plan what changes, then apply it.

The file changes only what it names, and removes nothing. Planning is pure. Applying uses the same checks and the same
audit log as the console.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from msgspec import UnsetType

from hubwire.destination import Destination, Source, SourceKind
from hubwire.destination import Mapping as Rules
from hubwire.errors import SettingsError
from hubwire.manage.changes import default_space
from hubwire.manage.tables import DesiredState, DestinationTable, RulesTable, SourceTable
from hubwire.plan.rules.checks import check_destination
from hubwire.registry.protocol import Registry, WriteKey
from hubwire.registry.sandboxes import refuse_in_sandbox
from hubwire.secret import Secret

SOURCE_FIELDS = ("device_mode", "messages_per_second", "identity_space", "allowed_origins")
DESTINATION_FIELDS = (
    "base_url",
    "forms_url",
    "api_version",
    "region",
    "load_forms_sdk",
    "hold_hours",
    "cookie_after_hours",
    "suppress_unchanged_hours",
    "late_after_minutes",
    "confirm_after_hours",
    "recheck_after_seconds",
    "day_zone",
    "future_grace_minutes",
    "trust",
    "public_definitions_per_day",
    "calls_per_second",
    "calls_per_day",
    "presets",
    "contact_key",
    "company_key",
)


class FieldChange(msgspec.Struct, frozen=True):
    """One field, before and after; secrets only as `set` or `not set`."""

    name: str
    before: Any
    after: Any


class Change(msgspec.Struct, kw_only=True, frozen=True):
    """The change of one source or destination. `action`: add, change or nothing. `note`: a missing item."""

    kind: str
    name: str
    action: str
    fields: list[FieldChange] = []
    note: str = ""


@dataclass(slots=True)
class Step:
    """A change with the values that it needs. `makes_key`: a new source gets a generated write key."""

    change: Change
    source: Source | None = None
    destination: Destination | None = None
    source_names: tuple[str, ...] | None = None
    secret: Secret | None = None
    makes_key: bool = False


class MadeKey(msgspec.Struct, frozen=True, kw_only=True):
    """A write key that was generated for a new source. A server's key can be shown only now."""

    source: str
    write_key: Secret


class Changes(Protocol):
    """The functions of `changes.py` with their dependencies."""

    def save_source(self, source: Source) -> Source: ...

    def add_write_key(self, source_id: int, text: str | None = None) -> WriteKey: ...

    def save_destination(self, destination: Destination) -> Destination: ...

    def set_token(self, destination_id: int, token: Secret) -> None: ...


# -- planning


def plan_changes(
    desired: DesiredState, registry: Registry, environment: Mapping[str, str], template: Destination
) -> list[Step]:
    """The steps from the current to the declared state, sources first. Changes nothing.

    Shape: a new destination starts as `template` (API version and address of the settings).

    Errors: SettingsError for an unset environment variable, an unknown source, or a new destination in a sandbox.
    """
    sources = {source.name: source for source in registry.sources().values()}
    destinations = {destination.name: destination for destination in registry.destinations().values()}
    known = set(sources) | {source.name for source in desired.sources}
    steps = [_plan_source(table, sources.get(table.name), registry, environment) for table in desired.sources]
    for table in desired.destinations:
        wanted_sources = () if isinstance(table.sources, UnsetType | str) else table.sources
        for name in wanted_sources:
            if name not in known:
                raise SettingsError(f"destination {table.name!r}: no source is named {name!r}")
        before = destinations.get(table.name)
        if before is None:
            refuse_in_sandbox(registry)
        start = before or msgspec.structs.replace(template, destination_id=0, name=table.name)
        steps.append(_plan_destination(table, start, registry, environment))
    return steps


def _plan_source(table: SourceTable, before: Source | None, registry: Registry, environment: Mapping[str, str]) -> Step:
    kind = table.kind if not isinstance(table.kind, UnsetType) else before.kind if before else SourceKind.SERVER
    start = before or Source(source_id=0, name=table.name, kind=kind, identity_space=default_space(kind, table.name))
    values = {name: getattr(table, name) for name in SOURCE_FIELDS} | {"kind": kind, "is_enabled": table.enabled}
    after = msgspec.structs.replace(start, **_without_unset(values))
    fields = _differences(start, after)
    secret = None
    if table.write_key_env is not None:
        key = _from_environment(environment, table.write_key_env, f"source {table.name!r}")
        owner = registry.source_of_key(key.reveal())
        if owner is None and not _is_held(registry, before, key):
            secret = key
            fields.append(FieldChange("write key", "not set", f"set from {table.write_key_env}"))
        elif owner is not None and (before is None or owner.source_id != before.source_id):
            raise SettingsError(f"source {table.name!r}: the key of {table.write_key_env} belongs to {owner.name!r}")
    makes_key = before is None and table.write_key_env is None
    if makes_key:
        fields.append(FieldChange("write key", "not set", "generated, printed once"))
    note = ""
    if before is not None and secret is None and all(key.is_revoked for key in registry.write_keys(before.source_id)):
        note = f"it has no write key, nothing can send: hubwire source key {table.name} --new"
    change = Change(kind="source", name=table.name, action=_action(before is None, fields), fields=fields, note=note)
    return Step(change, source=after, secret=secret, makes_key=makes_key)


def _plan_destination(
    table: DestinationTable, start: Destination, registry: Registry, environment: Mapping[str, str]
) -> Step:
    is_new = start.destination_id == 0
    values = {name: getattr(table, name) for name in DESTINATION_FIELDS}
    hub_id = table.hub_id if isinstance(table.hub_id, UnsetType) else str(table.hub_id)
    values |= {"hub_id": hub_id, "is_paused": table.paused, "mapping": _rules(table.mapping, start.mapping)}
    values |= {"rules": table.rule, "defaults": None if table.defaults == "all" else table.defaults}
    after = msgspec.structs.replace(start, **_without_unset(values))
    check_destination(after)
    fields = _differences(start, after)
    names_before = _names(start.source_ids, registry)
    names_after = names_before
    if not isinstance(table.sources, UnsetType):
        names_after = None if table.sources == "all" else tuple(table.sources)
    if names_after != names_before:
        fields.append(FieldChange("sources", names_before or "all", names_after or "all"))
    secret = None
    if table.token_env is not None:
        token = _from_environment(environment, table.token_env, f"destination {table.name!r}")
        held = None if is_new else registry.token(start.destination_id)
        if held != token:
            secret = token
            fields.append(FieldChange("token", "set" if held else "not set", f"set from {table.token_env}"))
    change = Change(kind="destination", name=table.name, action=_action(is_new, fields), fields=fields)
    return Step(change, destination=after, source_names=names_after, secret=secret)


def _names(source_ids: Sequence[int] | None, registry: Registry) -> tuple[str, ...] | None:
    sources = registry.sources()
    return (
        None
        if source_ids is None
        else tuple(sources[source_id].name for source_id in source_ids if source_id in sources)
    )


def _is_held(registry: Registry, source: Source | None, key: Secret) -> bool:
    """True if a disabled source already has this key; a lookup by key ignores disabled sources."""
    if source is None or source.is_enabled:
        return False
    key_id = registry.key_id(key)
    return any(held.key_id == key_id and not held.is_revoked for held in registry.write_keys(source.source_id))


def _rules(table: RulesTable, before: Rules) -> Rules:
    fields: dict[str, Any] = {name: getattr(table, name) for name in table.__struct_fields__}
    for name in ("contact", "company", "events"):
        if not isinstance(fields[name], UnsetType):
            fields[name] = {key: _rule(name, key, value) for key, value in fields[name].items()}
    return msgspec.structs.replace(before, **_without_unset(fields))


def _rule(table: str, key: str, value: str | bool) -> str | None:
    if value is True:
        raise SettingsError(f"mapping.{table}.{key}: must be a name, or false to leave it out")
    return value or None


def _without_unset(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if not isinstance(value, UnsetType)}


def _differences(before: msgspec.Struct, after: msgspec.Struct) -> list[FieldChange]:
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    changed = []
    for name, value in new.items():
        if name == "mapping":
            changed += [
                FieldChange(f"mapping.{rule}", old[name][rule], new_value)
                for rule, new_value in value.items()
                if new_value != old[name][rule]
            ]
        elif name == "rules":
            changed += _rule_differences(old[name], value)
        elif value != old[name]:
            changed.append(FieldChange(name, old[name], value))
    return changed


def _rule_differences(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[FieldChange]:
    """Each added, changed or removed rule, and a new order of the others."""
    old, new = ({rule["name"]: rule for rule in rules} for rules in (before, after))
    changed = [
        FieldChange(f"rule {name}", old.get(name), new.get(name))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    kept = [[name for name in names if name in old and name in new] for names in (old, new)]
    return changed if kept[0] == kept[1] else [*changed, FieldChange("order of rules", kept[0], kept[1])]


def _action(is_new: bool, fields: Sequence[FieldChange]) -> str:
    return "add" if is_new else "change" if fields else "nothing"


def _from_environment(environment: Mapping[str, str], name: str, whose: str) -> Secret:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{whose}: the environment variable {name} is not set")
    return Secret(value)


# -- applying


def apply_changes(
    steps: Sequence[Step], registry: Registry, changes: Changes, check: Callable[[Destination, Secret], Destination]
) -> list[MadeKey]:
    """Make the changes, sources before the destinations that they feed; returns the new write keys.

    Shape: `check(destination, token)` gives the destination with its token's account (Hub ID); all tokens are checked
    before anything changes.
    Errors: SettingsError; changes before a failed one stay, and the next run continues from there.
    """
    for step in steps:
        if step.destination is not None and step.secret is not None:
            step.destination = check(step.destination, step.secret)
    new_keys = []
    for step in steps:
        if step.change.action == "nothing":
            continue
        if step.source is not None:
            source = changes.save_source(step.source)
            if step.secret is not None:
                changes.add_write_key(source.source_id, step.secret.reveal())
            elif step.makes_key:
                key = changes.add_write_key(source.source_id)
                new_keys.append(MadeKey(source=source.name, write_key=Secret(key.text or "")))
        elif step.destination is not None:
            _apply_destination(step, step.destination, registry, changes)
    return new_keys


def _apply_destination(step: Step, destination: Destination, registry: Registry, changes: Changes) -> None:
    source_ids = None
    if step.source_names is not None:
        numbers = {source.name: number for number, source in registry.sources().items()}
        source_ids = tuple(numbers[name] for name in step.source_names if name in numbers)
    destination = msgspec.structs.replace(destination, source_ids=source_ids)
    stored = changes.save_destination(destination)
    if step.secret is not None:
        changes.set_token(stored.destination_id, step.secret)
