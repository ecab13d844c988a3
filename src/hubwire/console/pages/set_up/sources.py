"""Sources: their write keys, their messages in the last day, and the code to paste."""

from __future__ import annotations

from shlex import quote

import msgspec
from starlette.responses import Response

from hubwire.console.parts.snippets import Snippet, snippets
from hubwire.destination import Source, SourceKind
from hubwire.errors import BadValue, HubwireError, Missing
from hubwire.manage import changes
from hubwire.record.statistics import Intake
from hubwire.registry.access import Role
from hubwire.registry.protocol import WriteKey
from hubwire.web.parameters import (
    Fields,
    choice,
    lines_of,
    number,
    text,
)
from hubwire.web.request import Problem, View, problem_of

SPARK_STEPS = 24
DAY_MS = 24 * 3600 * 1000


class SourceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One source, its messages in the last day and the time of its latest message."""

    source: Source
    keys: list[str]
    received: int
    rejected: int
    last_received_at_ms: int | None
    received_by_step: list[int] = []


class SourcesPage(msgspec.Struct, frozen=True, kw_only=True):
    lines: list[SourceLine]
    may_admin: bool


class SourcePage(msgspec.Struct, frozen=True, kw_only=True):
    """`new_key` is shown once, right after it is created. `source_id` 0 is a source that does not exist yet."""

    source: Source
    origins: str
    keys: list[WriteKey]
    new_key: str | None
    snippets: list[Snippet]
    kinds: list[str]
    may_admin: bool


async def sources(view: View) -> Response:
    """`/sources`."""
    page = await view.read(_read_all, view)
    return view.render("set_up/sources.html", page, title="Sources", cli="hubwire source list")


async def source(view: View) -> Response:
    """`/sources/{source_id}` and `/sources/new`."""
    return await _show(view, await view.read(_source, view))


async def save(view: View) -> Response:
    """POST `/sources/{source_id}`: add or change."""
    form = await view.form()
    before = await view.read(_source, view)
    try:
        changed = source_of(form, before)
        if not before.source_id:
            stored, key = await view.read(changes.add_source, view.deps, view.viewer.name, changed)
            return await _show(view, stored, new_key=key.text)
        stored = await view.read(changes.save_source, view.deps, view.viewer.name, changed)
    except HubwireError as exc:
        return await _show(view, before, problem=problem_of(exc))
    return view.redirect(f"/sources/{stored.source_id}", "saved")


async def add_key(view: View) -> Response:
    """POST `/sources/{source_id}/keys`: one more write key, shown once."""
    known = await view.read(_source, view)
    key = await view.read(changes.add_write_key, view.deps, view.viewer.name, known.source_id)
    return await _show(view, known, new_key=key.text)


async def revoke_key(view: View) -> Response:
    """POST `/sources/{source_id}/keys/revoke`."""
    form = await view.form()
    known = await view.read(_source, view)
    key = form.get("key", "")
    try:
        await view.read(changes.revoke_write_key, view.deps, view.viewer.name, known.source_id, key)
    except BadValue as exc:
        return await _show(view, known, problem=problem_of(exc))
    return view.redirect(f"/sources/{known.source_id}", "revoked")


async def remove(view: View) -> Response:
    """POST `/sources/{source_id}/remove`."""
    known = await view.read(_source, view)
    await view.read(changes.remove_source, view.deps, view.viewer.name, known.source_id)
    return view.redirect("/sources", "removed")


def source_of(form: Fields, before: Source) -> Source:
    """The source that a form describes. Raises BadValue."""
    name = text(form, "name") or ""
    kind = SourceKind(choice(form, "kind", list(SourceKind)) or before.kind)
    space = text(form, "identity_space") or changes.default_space(kind, name)
    return Source(
        source_id=before.source_id,
        name=name,
        kind=kind,
        identity_space=space,
        allowed_origins=tuple(lines_of(form.get("allowed_origins", ""))),
        device_mode=form.get("device_mode") == "1" and kind is SourceKind.WEB,
        is_enabled=form.get("is_enabled") == "1" or not before.source_id,
        messages_per_second=number(form, "messages_per_second", 1, 1_000_000),
    )


async def _show(view: View, shown: Source, new_key: str | None = None, problem: Problem | None = None) -> Response:
    keys = await view.read(view.deps.registry.write_keys, shown.source_id) if shown.source_id else []
    if not view.may(Role.OPERATE):
        keys = [msgspec.structs.replace(key, text=None) for key in keys]
    key = new_key or next((write_key.text for write_key in keys if write_key.text and not write_key.is_revoked), None)
    page = SourcePage(
        source=shown,
        origins="\n".join(shown.allowed_origins),
        keys=keys,
        new_key=new_key,
        snippets=snippets(view.deps, shown, key),
        kinds=list(SourceKind),
        may_admin=view.may(Role.ADMIN),
    )
    title = f"Source: {shown.name}" if shown.source_id else "New source"
    cli = f"hubwire source show {quote(shown.name)}" if shown.source_id else "hubwire source add"
    status = 200 if problem is None else 422
    return view.render("set_up/source.html", page, title=title, cli=cli, problem=problem, status=status)


def _source(view: View) -> Source:
    source_id = view.request.path_params.get("source_id")
    if source_id is None:
        return Source(source_id=0, name="")
    found = view.deps.registry.sources().get(source_id)
    if found is None:
        raise Missing("source", "there is no such source", value=source_id)
    return found


def _read_all(view: View) -> SourcesPage:
    deps = view.deps
    now_ms = deps.clock.now_ms()
    lately = {source.source_id: source for source in deps.statistics.intake(now_ms - DAY_MS)}
    ever = {source.source_id: source for source in deps.statistics.intake()}
    by_step = deps.statistics.received_by_source(now_ms - DAY_MS, now_ms + 1, SPARK_STEPS)
    found = []
    for source_id, source in deps.registry.sources().items():
        intake = lately.get(source_id, Intake(source_id=source_id))
        keys = [f"…{key.hint}" for key in deps.registry.write_keys(source_id) if not key.is_revoked]
        last = ever[source_id].last_received_at_ms if source_id in ever else None
        found.append(
            SourceLine(
                source=source,
                keys=keys,
                received=intake.received,
                rejected=sum(intake.rejected.values()),
                last_received_at_ms=last,
                received_by_step=by_step.get(source_id, []),
            )
        )
    return SourcesPage(lines=found, may_admin=view.may(Role.ADMIN))
