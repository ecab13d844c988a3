"""Rules: what a message becomes. The list of a destination's rules, its default behaviour, and their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from shlex import quote

import msgspec
from starlette.responses import Response

from hubwire.console.pages.set_up.connection import find_destination
from hubwire.console.parts.lanes import names
from hubwire.destination import Destination
from hubwire.errors import HubwireError
from hubwire.manage.changes import save_destination
from hubwire.manage.rules.changes import (
    check_in_portal,
    find_rule,
    save_rules,
    with_rule,
    without_rule,
)
from hubwire.manage.rules.defaults import DefaultRule, default_rules
from hubwire.plan.presets import PRESETS, preset_rules
from hubwire.registry.access import Role
from hubwire.rule import Rule
from hubwire.web.parameters import Fields, choice, number
from hubwire.web.request import Problem, View, problem_of

MAX_POSITION = 1_000


class PresetLine(msgspec.Struct, frozen=True, kw_only=True):
    """A preset with the rules that it adds."""

    name: str
    is_on: bool
    rules: list[Rule]


class RulesPage(msgspec.Struct, frozen=True, kw_only=True):
    destination_id: int | None
    destination: str
    destinations: dict[int, str]
    rules: list[Rule]
    presets: list[PresetLine]
    defaults: list[DefaultRule]
    may_admin: bool


async def rules(view: View) -> Response:
    """`/rules` (the first destination) and `/rules/{destination_id}`."""
    return await _show(view)


async def move(view: View) -> Response:
    """POST `/rules/{destination_id}/move`: `name` to `position`, which counts from 1."""

    def change(before: Destination, form: Fields) -> Sequence[Rule]:
        rule = find_rule(before.rules, form.get("name", ""))
        return with_rule(before.rules, rule, rule.name, number(form, "position", 1, MAX_POSITION) or 1)

    return await _change(view, change, "saved")


async def switch(view: View) -> Response:
    """POST `/rules/{destination_id}/switch`: turns the rule `name` on or off."""

    def change(before: Destination, form: Fields) -> Sequence[Rule]:
        rule = find_rule(before.rules, form.get("name", ""))
        is_on = choice(form, "enabled", ("yes", "no")) == "yes"
        return with_rule(before.rules, msgspec.structs.replace(rule, enabled=is_on), rule.name)

    return await _change(view, change, "saved")


async def remove(view: View) -> Response:
    """POST `/rules/{destination_id}/remove`: removes the rule `name`."""
    return await _change(view, lambda before, form: without_rule(before.rules, form.get("name", "")), "removed")


async def preset(view: View) -> Response:
    """POST `/rules/{destination_id}/preset`: turns the preset `name` on or off."""
    form = await view.form()
    before = await view.read(find_destination, view)
    name = choice(form, "name", PRESETS)
    others = tuple([preset for preset in before.presets if preset != name])
    is_on = choice(form, "enabled", ("yes", "no")) == "yes"
    changed = msgspec.structs.replace(before, presets=(*others, name) if is_on and name is not None else others)
    try:
        await view.read(save_destination, view.deps, view.viewer.name, changed)
    except HubwireError as exc:
        return await _show(view, problem_of(exc))
    return view.redirect(f"/rules/{before.destination_id}", "saved")


async def _change(view: View, change: Callable[[Destination, Fields], Sequence[Rule]], done: str) -> Response:
    form = await view.form()
    before = await view.read(find_destination, view)
    try:
        changed = change(before, form)
        await check_in_portal(view.deps.contents, before, changed)
        await view.read(save_rules, view.deps, view.viewer.name, before, changed)
    except HubwireError as exc:
        return await _show(view, problem_of(exc))
    return view.redirect(f"/rules/{before.destination_id}", done)


async def _show(view: View, problem: Problem | None = None) -> Response:
    page = await view.read(_read, view)
    cli = "hubwire rule list"
    if len(page.destinations) > 1:
        cli += f" --destination {quote(page.destination)}"
    status = 200 if problem is None else 422
    return view.render("set_up/rules.html", page, title="Rules", cli=cli, problem=problem, status=status)


def _read(view: View) -> RulesPage:
    destinations = view.deps.registry.destinations()
    is_named = "destination_id" in view.request.path_params
    destination = find_destination(view) if is_named else next(iter(destinations.values()), None)
    return RulesPage(
        destination_id=None if destination is None else destination.destination_id,
        destination="" if destination is None else destination.name,
        destinations=names(destinations),
        rules=[] if destination is None else list(view.seen_rules(destination.rules)),
        presets=[] if destination is None else _presets(destination),
        defaults=[] if destination is None else default_rules(destination),
        may_admin=view.may(Role.ADMIN),
    )


def _presets(destination: Destination) -> list[PresetLine]:
    return [
        PresetLine(name=name, is_on=name in destination.presets, rules=list(preset_rules(name))) for name in PRESETS
    ]
