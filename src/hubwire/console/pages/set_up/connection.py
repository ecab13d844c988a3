"""Connections to HubSpot: the state of each lane, its token, limits and options, pause and resume, and the test."""

from __future__ import annotations

from shlex import quote

import msgspec
from starlette.responses import Response

from hubwire.console.parts.lanes import LaneCard, lane_card, names
from hubwire.destination import Destination, Trust, of_same_hub
from hubwire.doctor.checks import ConnectionReport
from hubwire.errors import HubwireError, Missing
from hubwire.hubspot.paths import ROOTS
from hubwire.manage import changes
from hubwire.registry.access import Role
from hubwire.registry.named import numbered
from hubwire.web.parameters import (
    Fields,
    choice,
    decimal,
    number,
    single_values,
    text,
)
from hubwire.web.request import Problem, View, problem_of

REGIONS = ("na1", "na2", "na3", "eu1", "ap1", "ca1")


class ConnectionsPage(msgspec.Struct, frozen=True, kw_only=True):
    cards: list[LaneCard]
    may_admin: bool


class ConnectionPage(msgspec.Struct, frozen=True, kw_only=True):
    """`report` is set right after a test."""

    destination: Destination
    card: LaneCard
    has_token: bool
    sources: dict[int, str]
    versions: list[tuple[str, str]]
    regions: list[str]
    report: ConnectionReport | None
    same_hub: list[str]
    may_operate: bool
    may_admin: bool


async def connections(view: View) -> Response:
    """`/connection`."""
    page = await view.read(_read_all, view)
    return view.render("set_up/connections.html", page, title="Destinations", cli="hubwire destination list")


async def connection(view: View) -> Response:
    """`/connection/{destination_id}`."""
    return await _show(view, await view.read(find_destination, view))


async def test(view: View) -> Response:
    """POST `/connection/{destination_id}/test`: try the token against HubSpot."""
    destination = await view.read(find_destination, view)
    return await _show(view, destination, report=await view.deps.tester(destination.destination_id))


async def save(view: View) -> Response:
    """POST `/connection/{destination_id}`: change the options."""
    form = await view.form_values()
    destination = await view.read(find_destination, view)
    try:
        changed = destination_of(single_values(form), form.get("source", []), destination)
        await view.read(changes.save_destination, view.deps, view.viewer.name, changed)
    except HubwireError as exc:
        return await _show(view, destination, problem=problem_of(exc))
    return view.redirect(f"/connection/{destination.destination_id}", "saved")


async def set_token(view: View) -> Response:
    """POST `/connection/{destination_id}/token`: replace the access token. It is never shown again."""
    form = await view.form()
    destination = await view.read(find_destination, view)
    try:
        destination = await view.store_token(destination, form.get("token", "").strip())
    except HubwireError as exc:
        return await _show(view, destination, problem=problem_of(exc))
    return view.redirect(f"/connection/{destination.destination_id}", "token")


async def pause(view: View) -> Response:
    """POST `/connection/{destination_id}/pause`."""
    destination = await view.read(find_destination, view)
    await view.read(changes.set_paused, view.deps, view.viewer.name, destination.destination_id, True)
    return view.redirect(f"/connection/{destination.destination_id}", "paused")


async def resume(view: View) -> Response:
    """POST `/connection/{destination_id}/resume`."""
    destination = await view.read(find_destination, view)
    await view.read(changes.set_paused, view.deps, view.viewer.name, destination.destination_id, False)
    return view.redirect(f"/connection/{destination.destination_id}", "resumed")


async def remove(view: View) -> Response:
    """POST `/connection/{destination_id}/remove`."""
    destination = await view.read(find_destination, view)
    await view.read(changes.remove_destination, view.deps, view.viewer.name, destination.destination_id)
    return view.redirect("/connection", "removed")


def find_destination(view: View) -> Destination:
    """The destination in the path. Errors: Missing."""
    destination_id = view.request.path_params["destination_id"]
    found = view.deps.registry.destinations().get(destination_id)
    if found is None:
        raise Missing("destination", "there is no such destination", value=destination_id)
    return found


def destination_of(form: Fields, source_ids: list[str], before: Destination) -> Destination:
    """The destination that a form describes; options that the form lacks keep their value. Errors: BadValue."""
    chosen = tuple(found for number_text in source_ids if (found := numbered(range(1 << 31), number_text)) is not None)
    hold_hours = decimal(form, "hold_hours", 0, changes.MAX_HOURS)
    cookie_hours = decimal(form, "cookie_after_hours", 0, changes.MAX_HOURS)
    unchanged_hours = decimal(form, "suppress_unchanged_hours", 0, changes.MAX_HOURS)
    late_minutes = decimal(form, "late_after_minutes", 0, changes.MAX_HOURS * 60)
    confirm_hours = decimal(form, "confirm_after_hours", 0, changes.MAX_HOURS)
    recheck_seconds = decimal(form, "recheck_after_seconds", *changes.BOUNDS["recheck_after_seconds"])
    future_minutes = decimal(form, "future_grace_minutes", *changes.BOUNDS["future_grace_minutes"])
    definitions = number(form, "public_definitions_per_day", 0, 10_000)
    return msgspec.structs.replace(
        before,
        name=text(form, "name") or "",
        hub_id=text(form, "hub_id"),
        region=choice(form, "region", REGIONS) or before.region,
        api_version=choice(form, "api_version", ROOTS) or before.api_version,
        load_forms_sdk=form.get("load_forms_sdk") == "1",
        source_ids=None if form.get("feeds") == "all" else chosen,
        hold_hours=before.hold_hours if hold_hours is None else hold_hours,
        cookie_after_hours=before.cookie_after_hours if cookie_hours is None else cookie_hours,
        suppress_unchanged_hours=before.suppress_unchanged_hours if unchanged_hours is None else unchanged_hours,
        late_after_minutes=before.late_after_minutes if late_minutes is None else late_minutes,
        confirm_after_hours=before.confirm_after_hours if confirm_hours is None else confirm_hours,
        recheck_after_seconds=before.recheck_after_seconds if recheck_seconds is None else recheck_seconds,
        day_zone=text(form, "day_zone") or before.day_zone,
        future_grace_minutes=before.future_grace_minutes if future_minutes is None else future_minutes,
        trust=Trust(choice(form, "trust", list(Trust)) or before.trust),
        public_definitions_per_day=before.public_definitions_per_day if definitions is None else definitions,
        calls_per_second=decimal(form, "calls_per_second", 0.01, 1000),
        calls_per_day=number(form, "calls_per_day", 1, 100_000_000),
    )


async def _show(
    view: View, destination: Destination, report: ConnectionReport | None = None, problem: Problem | None = None
) -> Response:
    page = await view.read(_read, view, destination, report)
    return view.render(
        "set_up/connection.html",
        page,
        title=f"Destination: {destination.name}",
        cli=f"hubwire doctor --destination {quote(destination.name)}"
        if report
        else f"hubwire destination show {quote(destination.name)}",
        problem=problem,
        status=200 if problem is None else 422,
    )


def _read(view: View, destination: Destination, report: ConnectionReport | None) -> ConnectionPage:
    destination_id = destination.destination_id
    has_token = view.deps.registry.token(destination_id) is not None
    lanes = {lane.destination_id: lane for lane in view.lanes()}
    return ConnectionPage(
        destination=destination,
        card=lane_card(lanes[destination_id], destination, has_token),
        has_token=has_token,
        sources=names(view.deps.registry.sources()),
        versions=[(version, roots.supported_until) for version, roots in ROOTS.items()],
        regions=list(dict.fromkeys([*REGIONS, destination.region])),
        report=report,
        same_hub=of_same_hub(view.deps.registry.destinations().values(), destination),
        may_operate=view.may(Role.OPERATE),
        may_admin=view.may(Role.ADMIN),
    )


def _read_all(view: View) -> ConnectionsPage:
    deps = view.deps
    destinations = deps.registry.destinations()
    cards = [
        lane_card(lane, destinations[lane.destination_id], deps.registry.token(lane.destination_id) is not None)
        for lane in view.lanes()
    ]
    return ConnectionsPage(cards=cards, may_admin=view.may(Role.ADMIN))
