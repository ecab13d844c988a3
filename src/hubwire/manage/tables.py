"""The `[[source]]`, `[[destination]]` and `[alerts]` tables of a file. Unknown keys are errors.

An omitted key (`UNSET`) leaves the current value unchanged. The file contains no secrets: `token_env` and
`write_key_env` name environment variables.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from hubwire.destination import CompanyDomain, SourceKind, Trust
from hubwire.errors import SettingsError
from hubwire.rule import Rule
from hubwire.rule_shape import explained, rule_place

T = TypeVar("T")


class SourceTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One `[[source]]` table."""

    name: str
    kind: SourceKind | UnsetType = UNSET
    identity_space: str | UnsetType = UNSET
    allowed_origins: tuple[str, ...] | UnsetType = UNSET
    device_mode: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    messages_per_second: int | UnsetType = UNSET
    write_key_env: str | None = None


class RulesTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`[destination.mapping]`; `false` ignores a trait or filters an event."""

    contact: dict[str, str | bool] | UnsetType = UNSET
    company: dict[str, str | bool] | UnsetType = UNSET
    events: dict[str, str | bool] | UnsetType = UNSET
    only_events: tuple[str, ...] | UnsetType = UNSET
    create_properties: bool | UnsetType = UNSET
    create_event_definitions: bool | UnsetType = UNSET
    pages_as_events: bool | UnsetType = UNSET
    screens_as_events: bool | UnsetType = UNSET
    group_from_browser: bool | UnsetType = UNSET
    companies_need_contact: bool | UnsetType = UNSET
    company_domain: CompanyDomain | UnsetType = UNSET
    consent_categories: tuple[str, ...] | UnsetType = UNSET
    pending_is_device: bool | UnsetType = UNSET
    events_by_cookie: bool | UnsetType = UNSET


class DestinationTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One `[[destination]]` table. `sources` are names, or "all"; `rule` are all rules, in their order."""

    name: str
    hub_id: str | int | UnsetType = UNSET
    token_env: str | None = None
    base_url: str | UnsetType = UNSET
    forms_url: str | UnsetType = UNSET
    api_version: str | UnsetType = UNSET
    region: str | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    load_forms_sdk: bool | UnsetType = UNSET
    sources: tuple[str, ...] | Literal["all"] | UnsetType = UNSET
    mapping: RulesTable = msgspec.field(default_factory=RulesTable)
    rule: tuple[Rule, ...] | UnsetType = UNSET
    presets: tuple[str, ...] | UnsetType = UNSET
    defaults: tuple[str, ...] | Literal["all"] | UnsetType = UNSET
    contact_key: dict[str, Any] | UnsetType = UNSET
    company_key: dict[str, Any] | UnsetType = UNSET
    hold_hours: float | UnsetType = UNSET
    cookie_after_hours: float | UnsetType = UNSET
    suppress_unchanged_hours: float | UnsetType = UNSET
    late_after_minutes: float | UnsetType = UNSET
    confirm_after_hours: float | UnsetType = UNSET
    recheck_after_seconds: float | UnsetType = UNSET
    day_zone: str | UnsetType = UNSET
    future_grace_minutes: float | UnsetType = UNSET
    trust: Trust | UnsetType = UNSET
    public_definitions_per_day: int | UnsetType = UNSET
    calls_per_second: float | UnsetType = UNSET
    calls_per_day: int | UnsetType = UNSET


class AlertsTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The `[alerts]` table: the settings `alert_…` and `smtp_url`. A threshold "none" turns an alert off."""

    webhook_url_env: str | UnsetType = UNSET
    webhook_secret_env: str | UnsetType = UNSET
    smtp_url_env: str | UnsetType = UNSET
    email_to: tuple[str, ...] | UnsetType = UNSET
    email_from: str | UnsetType = UNSET
    lag_seconds: float | Literal["none"] | UnsetType = UNSET
    dead_messages: int | Literal["none"] | UnsetType = UNSET
    retrying_messages: int | Literal["none"] | UnsetType = UNSET
    budget_percent: int | Literal["none"] | UnsetType = UNSET
    silent_hours: float | Literal["none"] | UnsetType = UNSET
    repeat_hours: float | UnsetType = UNSET


@dataclass(slots=True)
class DesiredState:
    """The tables of a file."""

    sources: list[SourceTable] = field(default_factory=list)
    destinations: list[DestinationTable] = field(default_factory=list)
    alerts: AlertsTable | None = None


def read_desired(path: Path) -> DesiredState:
    """The tables of a TOML file. Errors: SettingsError naming the table and the key."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path}: not TOML: {exc}") from exc
    desired = DesiredState(
        sources=[
            _table(path, "source", number, table, SourceTable) for number, table in _tables(path, tables, "source")
        ],
        destinations=[
            _table(path, "destination", number, table, DestinationTable)
            for number, table in _tables(path, tables, "destination")
        ],
        alerts=_alerts(path, tables.get("alerts")),
    )
    for kind, names in (
        ("source", [source.name for source in desired.sources]),
        ("destination", [destination.name for destination in desired.destinations]),
    ):
        for name in names:
            if names.count(name) > 1:
                raise SettingsError(f"{path}: two [[{kind}]] tables are named {name!r}")
    return desired


def _tables(path: Path, tables: Mapping[str, Any], kind: str) -> list[tuple[int, Any]]:
    listed = tables.get(kind, [])
    if not isinstance(listed, list):
        raise SettingsError(f"{path}: write [[{kind}]] in double brackets: there can be several")
    return list(enumerate(listed, 1))


def _alerts(path: Path, content: Any) -> AlertsTable | None:
    try:
        return msgspec.convert(content, AlertsTable | None)
    except msgspec.ValidationError as exc:
        raise SettingsError(f"{path}: [alerts]: {exc}") from exc


def _table(path: Path, kind: str, number: int, content: Any, shape: type[T]) -> T:
    try:
        return msgspec.convert(content, shape)
    except msgspec.ValidationError as exc:
        name = content.get("name", "without a name") if isinstance(content, dict) else "?"
        raise SettingsError(f"{path}: [[{kind}]] {number} ({name}): {_words_of(str(exc), content)}") from exc


def _words_of(message: str, content: Any) -> str:
    """A fault in words; one of a rule names the rule."""
    if "`$.rule[" not in message:
        return message
    index = rule_place(message) or 0
    rule = content["rule"][index]
    name = rule.get("name") if isinstance(rule, dict) else None
    return f"rule {name!r}: {explained(message)}" if name else f"rule {index + 1}: {explained(message)}"
