"""System: version, storage, settings and checks. Also the audit log and the members."""

from __future__ import annotations

import platform
import sqlite3

import msgspec
from starlette.responses import Response

from hubwire import __version__
from hubwire.doctor.checks import Check
from hubwire.errors import HubwireError
from hubwire.installation.settings_table import SettingRow, settings_table
from hubwire.manage import members as changed_members
from hubwire.manage.members import MIN_PASSWORD_LENGTH
from hubwire.record.statistics import Storage
from hubwire.registry.access import Member, Role
from hubwire.registry.protocol import AuditEntry
from hubwire.web.parameters import choice, number, text
from hubwire.web.request import Problem, View, problem_of

AUDIT_ENTRIES = 100


class SystemPage(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    python: str
    sqlite: str
    storage: Storage
    checks: list[Check]
    set_here: list[SettingRow]
    defaults: list[SettingRow]
    registry_version: int


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    entries: list[AuditEntry]
    older_href: str | None


class MembersPage(msgspec.Struct, frozen=True, kw_only=True):
    """`new_token` is shown once, right after it is created."""

    members: list[Member]
    has_settings_token: bool
    roles: list[str]
    new_token: str | None
    new_token_of: str
    min_password_length: int
    you: str


async def system(view: View) -> Response:
    """`/system`."""
    checks = [] if view.deps.health is None else await view.deps.health()
    storage = await view.read(view.deps.statistics.storage)
    rows = settings_table(view.deps.settings)
    page = SystemPage(
        version=__version__,
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        storage=storage,
        checks=checks,
        set_here=[row for row in rows if row.value != row.default],
        defaults=[row for row in rows if row.value == row.default],
        registry_version=await view.read(view.deps.registry.version),
    )
    return view.render("look_after/system.html", page, title="System", cli="hubwire doctor --offline")


async def audit(view: View) -> Response:
    """`/audit`."""
    before_ms = number(view.fields, "before", 1, 1 << 62)
    entries = await view.read(view.deps.registry.audit, AUDIT_ENTRIES, before_ms)
    older = f"/audit?before={entries[-1].at_ms}" if len(entries) == AUDIT_ENTRIES else None
    return view.render(
        "look_after/audit.html", AuditPage(entries=entries, older_href=older), title="Audit", cli="hubwire audit"
    )


async def members(view: View) -> Response:
    """`/members`."""
    return await _show_members(view)


async def save_member(view: View) -> Response:
    """POST `/members`: add a member or change their role; gives a new token, or sets a password."""
    form = await view.form()
    try:
        name, role = text(form, "name") or "", Role(choice(form, "role", list(Role)) or Role.VIEW)
        token = await view.read(_grant, view, name, role, form.get("password", ""))
    except HubwireError as exc:
        return await _show_members(view, problem=problem_of(exc))
    if token is None:
        return view.redirect("/members", "saved")
    return await _show_members(view, new_token=token, new_token_of=name)


async def remove_member(view: View) -> Response:
    """POST `/members/remove`."""
    form = await view.form()
    await view.read(changed_members.remove, view.deps, view.viewer.name, form.get("name", ""))
    return view.redirect("/members", "removed")


def _grant(view: View, name: str, role: Role, password: str) -> str | None:
    if password:
        changed_members.set_password(view.deps, view.viewer.name, name, role, password)
        return None
    return changed_members.new_token(view.deps, view.viewer.name, name, role).reveal()


async def _show_members(
    view: View, new_token: str | None = None, new_token_of: str = "", problem: Problem | None = None
) -> Response:
    page = MembersPage(
        members=await view.read(view.deps.access.members),
        has_settings_token=view.deps.settings.admin_token is not None,
        roles=list(Role),
        new_token=new_token,
        new_token_of=new_token_of,
        min_password_length=MIN_PASSWORD_LENGTH,
        you=view.viewer.name,
    )
    status = 200 if problem is None else 422
    return view.render(
        "look_after/members.html", page, title="Members", cli="hubwire member list", problem=problem, status=status
    )
