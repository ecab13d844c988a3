"""Alerts: every rule and whether it is on, who is notified, recent changes; admins change and try the settings."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from hubwire.errors import HubwireError
from hubwire.monitoring.alert_overview import AlertOverview
from hubwire.monitoring.alert_settings import SECRETS, THRESHOLDS, Told
from hubwire.registry.access import Role
from hubwire.secret import Secret
from hubwire.settings import UNSET_WORD
from hubwire.web.parameters import Fields, text
from hubwire.web.request import Problem, View, problem_of

MAX_URL = 2000


class AlertForm(msgspec.Struct, frozen=True, kw_only=True):
    """The values of the form. `has`: the secrets that are set."""

    values: dict[str, str]
    has: list[str]
    is_stored: bool


class AlertsPage(AlertOverview, frozen=True, kw_only=True):
    """`form` is None for those who may not change the settings; `results` has the results of a test."""

    form: AlertForm | None = None
    results: list[Told] | None = None


async def alerts(view: View) -> Response:
    """`/alerts`."""
    return await _show(view)


async def save(view: View) -> Response:
    """POST `/alerts`: store the alert settings."""
    form = await view.form()
    try:
        await view.read(view.deps.alert_editor.save, view.viewer.name, values_of(form))
    except HubwireError as exc:
        return await _show(view, problem_of(exc), form)
    return view.redirect("/alerts", "saved")


async def reset(view: View) -> Response:
    """POST `/alerts/reset`: go back to the settings of the server."""
    await view.read(view.deps.alert_editor.reset, view.viewer.name)
    return view.redirect("/alerts", "saved")


async def test(view: View) -> Response:
    """POST `/alerts/test`: send a test to every receiver."""
    editor = view.deps.alert_editor
    try:
        results = await editor.test(await view.read(editor.current))
    except HubwireError as exc:
        return await _show(view, problem_of(exc))
    return await _show(view, results=results)


def values_of(form: Fields) -> dict[str, Any]:
    """The settings that a form gives; an empty field keeps a secret. Errors: BadValue."""
    values: dict[str, Any] = {
        "alert_email_to": (text(form, "alert_email_to", MAX_URL) or "").replace(",", " ").split(),
        "alert_email_from": text(form, "alert_email_from") or UNSET_WORD,
    }
    for name in SECRETS:
        value = text(form, name, MAX_URL)
        if value is not None or form.get(f"no_{name}") == "1":
            values[name] = value or UNSET_WORD
    for name in THRESHOLDS:
        values[name] = text(form, name, 32) or UNSET_WORD
    return values


async def _show(
    view: View, problem: Problem | None = None, entered: Fields | None = None, results: list[Told] | None = None
) -> Response:
    overview = await view.alerts()
    form = await view.read(_form, view, entered or {}) if view.may(Role.ADMIN) else None
    page = AlertsPage(
        **{name: getattr(overview, name) for name in overview.__struct_fields__}, form=form, results=results
    )
    status = 200 if problem is None else 422
    return view.render("watch/alerts.html", page, title="Alerts", cli="hubwire alerts", problem=problem, status=status)


def _form(view: View, entered: Fields) -> AlertForm:
    settings = view.deps.alert_editor.current()
    stored = {name: getattr(settings, name) for name in ("alert_email_from", *THRESHOLDS)}
    values = {name: _shown(value) for name, value in stored.items()}
    values["alert_email_to"] = ", ".join(settings.alert_email_to)
    return AlertForm(
        values={name: entered.get(name, value) for name, value in values.items()},
        has=[name for name in SECRETS if isinstance(getattr(settings, name), Secret)],
        is_stored=view.deps.alert_editor.is_stored(),
    )


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
