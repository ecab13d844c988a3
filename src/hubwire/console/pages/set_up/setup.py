"""Getting started, step by step: add the destination, confirm the source, token and Hub ID, switches, test, first
message. A person can leave and resume at any step: the destination is stored, and paused until the last step.
"""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

import msgspec
from starlette.responses import Response

from hubwire.console.pages.set_up.connection import find_destination
from hubwire.console.parts.snippets import Snippet, snippets
from hubwire.destination import Destination, Source, SourceKind, of_same_hub
from hubwire.doctor.checks import ConnectionReport
from hubwire.errors import BadValue, HubwireError, Missing, SettingsError
from hubwire.manage import changes
from hubwire.manage.replay_estimate import ReplayEstimate
from hubwire.registry.sandboxes import START_ANEW, is_sandbox_only
from hubwire.web.parameters import choice, number, text
from hubwire.web.request import Problem, View, problem_of

STEPS = (
    ("token", "Token and Hub ID"),
    ("modes", "Device or cloud"),
    ("check", "Connection test"),
    ("send", "First message"),
)
CLI = {
    "token": "hubwire destination token {}",
    "modes": "hubwire destination change {}",
    "check": "hubwire doctor",
    "send": "hubwire messages --destination {}",
}
SCOPES = (
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "crm.schemas.companies.read",
    "crm.schemas.companies.write",
    "behavioral_events.event_definitions.read_write",
    "analytics.behavioral_events.send",
)
"""The scopes for all features; the last two are for custom events (Enterprise)."""


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """One destination and the path of its next setup step."""

    destination: Destination
    has_token: bool
    next_href: str


class SetupPage(msgspec.Struct, frozen=True, kw_only=True):
    """`is_sandbox`: the installation is a sandbox, which takes no real destination."""

    started: list[Started]
    sandbox_is_there: bool
    is_sandbox: bool
    start_anew: str = START_ANEW


class NewPage(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    name: str
    sources: list[Source]
    source_kinds: list[str]


class StepPage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of one destination. `steps`: (path, words, whether it is the current step)."""

    destination: Destination
    steps: list[tuple[str, str, bool]]
    has_token: bool
    scopes: list[str]
    sources: list[Source]
    report: ConnectionReport | None = None
    snippets: list[Snippet] = []
    write_key_is_known: bool = True
    is_on: bool = False
    new_key: str | None = None
    same_hub: list[str] = []
    pending_count: int = 0
    """The stored messages that are delivered once the destination is switched on."""
    estimate: ReplayEstimate | None = None
    """The cost of delivering them; None if there are none."""


async def setup(view: View) -> Response:
    """`/setup`: the kinds of destination, and the destinations that exist."""
    page = await view.read(_read_started, view)
    return view.render("set_up/setup.html", page, title="Getting started", cli="hubwire destination list")


async def new(view: View) -> Response:
    """`/setup/new?kind=hubspot`: name the destination and confirm the source."""
    return await _show_new(view)


async def create(view: View) -> Response:
    """POST `/setup/new`: the destination, paused, and its source."""
    form = await view.form()
    try:
        destination, key = await view.read(_create, view, form)
    except HubwireError as exc:
        return await _show_new(view, problem_of(exc))
    if key is not None:
        return await _show(view, destination, "token", new_key=key)
    return view.redirect(f"/setup/{destination.destination_id}/token")


async def step(view: View) -> Response:
    """`/setup/{destination_id}/{step}`."""
    destination = await view.read(find_destination, view)
    return await _show(view, destination, view.request.path_params["step"])


async def save_token(view: View) -> Response:
    """POST `/setup/{destination_id}/token`."""
    form = await view.form()
    destination = await view.read(find_destination, view)
    try:
        hub_id = text(form, "hub_id") or destination.hub_id
        if hub_id != destination.hub_id:
            changed = msgspec.structs.replace(destination, hub_id=hub_id)
            await view.read(changes.save_destination, view.deps, view.viewer.name, changed)
        token = text(form, "token")
        if token is not None:
            destination = await view.store_token(destination, token)
        elif view.deps.registry.token(destination.destination_id) is None:
            raise BadValue("token", "the access token is missing: paste a service key of the portal")
    except HubwireError as exc:
        return await _show(view, destination, "token", problem=problem_of(exc))
    return view.redirect(f"/setup/{destination.destination_id}/modes")


async def save_modes(view: View) -> Response:
    """POST `/setup/{destination_id}/modes`: device or cloud for each web source, and the Forms SDK."""
    form = await view.form_values()
    destination = await view.read(find_destination, view)
    on_device = set(form.get("device", []))
    for source in _sources_of(view, destination):
        wants_device = str(source.source_id) in on_device and source.kind is SourceKind.WEB
        if source.device_mode != wants_device:
            changed = msgspec.structs.replace(source, device_mode=wants_device)
            await view.read(changes.save_source, view.deps, view.viewer.name, changed)
    loads_forms = form.get("load_forms_sdk") == ["1"]
    if destination.load_forms_sdk != loads_forms:
        changed_too = msgspec.structs.replace(destination, load_forms_sdk=loads_forms)
        await view.read(changes.save_destination, view.deps, view.viewer.name, changed_too)
    return view.redirect(f"/setup/{destination.destination_id}/check")


async def check(view: View) -> Response:
    """POST `/setup/{destination_id}/check`: test the connection; the Hub ID is read from the token."""
    destination = await view.read(find_destination, view)
    report = await view.deps.tester(destination.destination_id)
    learnt = {"hub_id": report.hub_id, "region": report.region}
    changed = msgspec.structs.replace(destination, **{name: value for name, value in learnt.items() if value})
    if report.is_ok and changed != destination:
        destination = await view.read(changes.save_destination, view.deps, view.viewer.name, changed)
    return await _show(view, destination, "check", report=report)


async def switch_on(view: View) -> Response:
    """POST `/setup/{destination_id}/send`: start delivery of all stored messages, or only of new ones."""
    form = await view.form()
    destination = await view.read(find_destination, view)
    number = destination.destination_id
    if choice(form, "stored", ("all", "none")) == "none":
        await view.read(changes.resume_for_new, view.deps, view.viewer.name, number, view.deps.clock.now_ms())
        return view.redirect(f"/setup/{number}/send", "switched-on-for-new")
    await view.read(changes.set_paused, view.deps, view.viewer.name, number, False)
    return view.redirect(f"/setup/{number}/send", "switched-on")


async def _show_new(view: View, problem: Problem | None = None) -> Response:
    kind = choice(view.fields, "kind", ("hubspot", "sandbox")) or "hubspot"
    sources = list(view.deps.registry.sources().values())
    name = "HubSpot" if kind == "hubspot" else "HubSpot sandbox"
    page = NewPage(kind=kind, name=name, sources=sources, source_kinds=list(SourceKind))
    return view.render(
        "set_up/setup_new.html",
        page,
        title="Add HubSpot",
        cli="hubwire destination add",
        problem=problem,
        status=200 if problem is None else 422,
    )


async def _show(
    view: View,
    destination: Destination,
    name: str,
    *,
    report: ConnectionReport | None = None,
    problem: Problem | None = None,
    new_key: str | None = None,
) -> Response:
    if name not in dict(STEPS):
        raise Missing("step", "there is no such setup step")
    page = await view.read(_read_step, view, destination, name, report, new_key)
    asks = name == "send" or (report is not None and report.is_ok)
    if asks and page.has_token and not page.is_on and page.pending_count:
        [lane] = [lane for lane in await view.read(view.lanes) if lane.destination_id == destination.destination_id]
        page = msgspec.structs.replace(page, estimate=await view.pending_estimate(destination, lane))
    return view.render(
        f"set_up/setup_{name}.html",
        page,
        title=dict(STEPS)[name],
        cli=CLI[name].format(quote(destination.name)),
        problem=problem,
        status=200 if problem is None else 422,
    )


def _read_step(
    view: View, destination: Destination, name: str, report: ConnectionReport | None, new_key: str | None
) -> StepPage:
    deps = view.deps
    sources = _sources_of(view, destination)
    source = next(iter(sources), None)
    key = None if source is None else _shown_key(view, source)
    lanes = {lane.destination_id: lane for lane in view.lanes()}
    lane = lanes[destination.destination_id]
    return StepPage(
        destination=destination,
        steps=[(f"/setup/{destination.destination_id}/{step}", words, step == name) for step, words in STEPS],
        has_token=deps.registry.token(destination.destination_id) is not None,
        scopes=list(SCOPES),
        sources=sources,
        report=report,
        snippets=[] if source is None else snippets(deps, source, key),
        write_key_is_known=key is not None,
        is_on=not destination.is_paused,
        new_key=new_key,
        pending_count=lane.backlog_count + lane.pending,
        same_hub=of_same_hub(deps.registry.destinations().values(), destination),
    )


def _sources_of(view: View, destination: Destination) -> list[Source]:
    """The sources that feed a destination. The steps show and change no others."""
    return [source for source in view.deps.registry.sources().values() if destination.takes(source.source_id)]


def _shown_key(view: View, source: Source) -> str | None:
    keys = view.deps.registry.write_keys(source.source_id)
    return next((key.text for key in keys if key.text and not key.is_revoked), None)


def _read_started(view: View) -> SetupPage:
    deps = view.deps
    started = []
    for destination in deps.registry.destinations().values():
        has_token = deps.registry.token(destination.destination_id) is not None
        next_step = "token" if not has_token else "check" if destination.is_paused else "send"
        href = f"/setup/{destination.destination_id}/{next_step}"
        started.append(Started(destination=destination, has_token=has_token, next_href=href))
    return SetupPage(
        started=started,
        sandbox_is_there=deps.emulator_url is not None,
        is_sandbox=is_sandbox_only(deps.registry),
    )


def _create(view: View, form: Mapping[str, str]) -> tuple[Destination, str | None]:
    """The destination, paused, and the write key if a source was created with it."""
    deps, actor, key = view.deps, view.viewer.name, None
    feeds = text(form, "feeds")
    source_ids = None if feeds == "all" else (number(form, "feeds", 1, 1 << 31) or 0,) if feeds != "new" else ()
    if feeds == "new":
        kind = SourceKind(choice(form, "source_kind", list(SourceKind)) or SourceKind.SERVER)
        name = text(form, "source_name") or kind.value
        new_source = Source(source_id=0, name=name, kind=kind, identity_space=changes.default_space(kind, name))
        added, write_key = changes.add_source(deps, actor, new_source)
        source_ids, key = (added.source_id,), write_key.text
    is_sandbox = form.get("kind") == "sandbox"
    destination = Destination(
        destination_id=0,
        name=text(form, "name") or "HubSpot",
        base_url=(deps.emulator_url or "") if is_sandbox else deps.settings.hubspot_base_url,
        api_version=deps.settings.hubspot_api_version,
        is_sandbox=is_sandbox,
        is_paused=True,
        source_ids=source_ids,
    )
    try:
        return changes.save_destination(deps, actor, destination), key
    except SettingsError:
        if feeds == "new" and source_ids:
            changes.remove_source(deps, actor, source_ids[0])
        raise
