"""The `[alerts]` table of a file: the alert settings that it changes. The file has no secrets; it names environment
variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from hubwire.errors import SettingsError
from hubwire.manage.apply import Change, FieldChange
from hubwire.manage.tables import AlertsTable
from hubwire.monitoring.alert_settings import SECRETS, THRESHOLDS
from hubwire.monitoring.alert_tellers import tellers_of
from hubwire.secret import Secret
from hubwire.settings import UNSET_WORD, Settings, with_values

PREFIX = "alert_"


@dataclass(frozen=True, slots=True)
class AlertStep:
    """The change of the alert settings, and their new values."""

    change: Change
    values: dict[str, Any]


def plan_alerts(table: AlertsTable, settings: Settings, environment: Mapping[str, str]) -> AlertStep:
    """The step from these alert settings to the declared ones. Changes nothing.

    Errors: SettingsError for an unset environment variable or a value that cannot work.
    """
    values = {**_given(table), **_secrets(table, environment)}
    after = with_values(settings, values)
    tellers_of(after)
    fields = [
        FieldChange(name, _shown(getattr(settings, name)), _shown(getattr(after, name), _variable(table, name)))
        for name in values
        if getattr(settings, name) != getattr(after, name)
    ]
    change = Change(kind="alerts", name="", action="change" if fields else "nothing", fields=fields)
    return AlertStep(change, values)


def _given(table: AlertsTable) -> dict[str, Any]:
    names = ("alert_email_to", "alert_email_from", *THRESHOLDS)
    values = {name: getattr(table, name.removeprefix(PREFIX)) for name in names}
    return {name: value for name, value in values.items() if value is not UNSET}


def _secrets(table: AlertsTable, environment: Mapping[str, str]) -> dict[str, str]:
    """The secrets of the named variables; an empty name removes a secret."""
    found = {}
    for name in SECRETS:
        variable = _variable(table, name)
        if variable is not None:
            found[name] = environment.get(variable, "").strip() if variable else UNSET_WORD
            if not found[name]:
                raise SettingsError(f"[alerts] {name}: the environment variable {variable} is not set")
    return found


def _variable(table: AlertsTable, name: str) -> str | None:
    """The environment variable of a secret, if the table names one."""
    variable = getattr(table, f"{name.removeprefix(PREFIX)}_env", UNSET)
    return variable if isinstance(variable, str) else None


def _shown(value: object, variable: str | None = None) -> Any:
    if isinstance(value, Secret):
        return f"set from {variable}" if variable else "set"
    return list(value) if isinstance(value, tuple) else value
