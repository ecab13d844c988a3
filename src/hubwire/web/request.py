"""Shared by all pages: the caller, reads off the event loop, one typed context per page, HTML or JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

import msgspec
from anyio import CapacityLimiter, to_thread
from jinja2 import Environment
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hubwire import __version__
from hubwire.destination import Destination
from hubwire.errors import BadValue, HubwireError
from hubwire.manage import changes
from hubwire.manage.failure_groups import FailureGroups, failure_groups
from hubwire.manage.replay_estimate import (
    ReplayEstimate,
    destinations_of,
    pending_estimate,
    replay_estimate,
    schemas_of,
)
from hubwire.manage.schema.report import SchemaReport
from hubwire.monitoring.alert_overview import AlertOverview
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import LaneStatus
from hubwire.registry.access import Role
from hubwire.rule import Rule
from hubwire.web.access import Access, Viewer
from hubwire.web.identity_provider import IdentityProvider
from hubwire.web.mask import mask_answer, mask_everywhere, mask_payload, mask_person
from hubwire.web.mask_schema import masked_report
from hubwire.web.parameters import message_filter, read_form, single_values
from hubwire.web.ports import Services
from hubwire.web.static_files import StaticFiles

P = ParamSpec("P")
T = TypeVar("T")


class RowNumber(IntegerConvertor):
    """A number in a path (`{source_id:int}`) that a row can have: a longer number is not found.

    Starlette's own convertor accepts any length; a number beyond the database's integers would end as an error 500.
    """

    regex = "[0-9]{1,18}"


register_url_convertor("int", RowNumber())

NAVIGATION: tuple[tuple[str, tuple[tuple[str, str, Role], ...]], ...] = (
    (
        "Watch",
        (
            ("/", "Overview", Role.VIEW),
            ("/live", "Live", Role.VIEW),
            ("/messages", "Messages", Role.VIEW),
            ("/failures", "Failures", Role.VIEW),
            ("/breakdown", "Breakdown", Role.VIEW),
            ("/calls", "Calls", Role.VIEW),
            ("/alerts", "Alerts", Role.VIEW),
            ("/replays", "Replays", Role.VIEW),
            ("/lists", "Lists and forms", Role.VIEW),
        ),
    ),
    (
        "Set up",
        (
            ("/setup", "Getting started", Role.ADMIN),
            ("/sources", "Sources", Role.VIEW),
            ("/browser", "Device mode", Role.VIEW),
            ("/connection", "Destinations", Role.VIEW),
            ("/schema", "Properties & events", Role.VIEW),
            ("/mapping", "Mapping", Role.VIEW),
            ("/rules", "Rules", Role.VIEW),
            ("/test", "Tester", Role.OPERATE),
            ("/import", "Import", Role.ADMIN),
        ),
    ),
    (
        "Look after",
        (
            ("/system", "System", Role.VIEW),
            ("/audit", "Audit", Role.OPERATE),
            ("/regulations", "Deletion requests", Role.ADMIN),
            ("/members", "Members", Role.ADMIN),
        ),
    ),
)
DONE = {
    "saved": "Saved.",
    "removed": "Removed.",
    "paused": "Paused. Messages are stored and delivered after you resume.",
    "resumed": "Resumed.",
    "switched-on": "Switched on. Delivery has started.",
    "switched-on-for-new": "Switched on for new messages. Older ones are discarded; a replay delivers them.",
    "token": "HubSpot accepted the access token. It is stored, encrypted.",
    "revoked": "Revoked. Uploads with this write key are refused from now on.",
    "replay-paused": "Paused. Messages that were already replayed are still delivered; the rest wait until you resume.",
    "replay-as-it-was": "No change: the replay was no longer in that state.",
    "cancelled": "Cancelled. Messages that were already replayed are still delivered.",
    "sent": "Sent. Delivery takes a few seconds.",
    "replayed": "Replayed. Delivery takes a few seconds.",
    "snoozed": "Snoozed. The group returns at the time you chose.",
    "woken": "The group is shown again.",
    "discarded": "Discarded. You can replay it later.",
    "moved-on": "Nothing was discarded: its state had changed.",
    "created": "Created.",
    "ended": "Signed out.",
}
"""The notice after a change, by the word in the URL. A link cannot choose the text that the console shows."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request failed. `field`, `value` and `limit` are of the field that is wrong; `value` is never a secret."""

    code: str
    message: str
    hint: str = ""
    field: str | None = None
    value: Any = None
    limit: Any = None


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """The frame around each page."""

    title: str
    path: str
    viewer: Viewer | None
    navigation: list[tuple[str, list[tuple[str, str, bool]]]]
    cli: str
    json_url: str
    done: str
    problem: Problem | None
    is_sandbox: bool
    emulator_url: str | None
    demo_url: str | None
    version: str


@dataclass(frozen=True, slots=True)
class Shared:
    """Shared by all requests."""

    deps: Services
    access: Access
    static: StaticFiles
    templates: Environment
    readers: CapacityLimiter
    identity_provider: IdentityProvider | None = None


@dataclass(frozen=True, slots=True)
class View:
    """One request of someone who may see the page."""

    request: Request
    shared: Shared
    viewer: Viewer

    @property
    def deps(self) -> Services:
        return self.shared.deps

    @property
    def fields(self) -> dict[str, str]:
        """The URL's query; the last value of a repeated field."""
        return dict(self.request.query_params)

    @property
    def sees_payloads(self) -> bool:
        return self.viewer.role.may(Role.OPERATE)

    def may(self, needed: Role) -> bool:
        return self.viewer.role.may(needed)

    def masked(self, payload: Any) -> Any:
        """A payload as this viewer may see it."""
        return payload if self.sees_payloads else mask_payload(payload)

    def masked_text(self, text: str | None) -> str | None:
        """A text that may hold an e-mail or a phone number, as this viewer may see it."""
        return text if self.sees_payloads or text is None else mask_person(text)

    def masked_answer(self, text: str) -> str:
        """HubSpot's words, as this viewer may see them."""
        return text if self.sees_payloads else mask_answer(text)

    def lanes(self) -> list[LaneStatus]:
        """The lanes, as this viewer may see them. Blocks."""
        lanes = self.deps.queries.lanes(self.deps.clock.now_ms())
        return [msgspec.structs.replace(lane, stopped_detail=self.masked_answer(lane.stopped_detail)) for lane in lanes]

    def masked_schema(self, report: SchemaReport) -> SchemaReport:
        """A schema report as this viewer may see it: messages make events of any text."""
        return report if self.sees_payloads else masked_report(report)

    def seen_rules(self, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        """Rules as this viewer may see them: a rule can name people."""
        if self.sees_payloads:
            return rules
        return tuple(msgspec.convert(mask_everywhere(msgspec.to_builtins(rule), mask_person), Rule) for rule in rules)

    def message_filter(self, fields: Mapping[str, str]) -> MessageFilter:
        """The requested filter. Errors: BadValue; 403 for a filter that would reveal hidden data to this viewer."""
        criteria = message_filter(fields, self.deps.registry)
        if criteria.where is not None and not self.sees_payloads:
            raise HTTPException(403, f"where needs the role {Role.OPERATE}: it searches the content of messages")
        if criteria.contains is not None and not self.sees_payloads:
            raise HTTPException(403, f"contains needs the role {Role.OPERATE}: it would reveal ids letter by letter")
        return criteria

    def failure_groups(self) -> FailureGroups:
        """The groups of failures, as this viewer may see them. Blocks."""
        return failure_groups(self.deps, self.masked_answer)

    async def store_token(self, destination: Destination, token: str | None) -> Destination:
        """Store an access token after HubSpot accepted it, with the account's Hub ID; None removes the token.

        Errors: BadValue, SettingsError, HubSpotError; then the previous token stays in use.
        """
        if token is None:
            await self.read(changes.set_token, self.deps, self.viewer.name, destination.destination_id, None)
            return destination
        changes.check_token(token)
        learnt = await self.deps.with_token(destination, token)
        if learnt != destination:
            destination = await self.read(changes.save_destination, self.deps, self.viewer.name, learnt)
        await self.read(changes.set_token, self.deps, self.viewer.name, destination.destination_id, token)
        return destination

    async def alerts(self) -> AlertOverview:
        """The alerts as this viewer may see them: addresses are masked. Errors: BackendError."""
        overview = await self.read(self.deps.alerts)
        channels = [
            msgspec.structs.replace(channel, target=self.masked_text(channel.target) or "")
            for channel in overview.channels
        ]
        return msgspec.structs.replace(overview, channels=channels)

    async def replay_estimate(self, targets: Sequence[tuple[int, int]], share_percent: int) -> ReplayEstimate:
        """The cost of a replay of these (destination_id, position)."""
        destinations = await self.read(destinations_of, self.deps, targets)
        schemas = await schemas_of(destinations, self.deps.contents)
        return await self.read(replay_estimate, self.deps, targets, schemas, share_percent)

    async def pending_estimate(self, destination: Destination, lane: LaneStatus) -> ReplayEstimate:
        """The cost of delivering the messages that wait at a destination."""
        schemas = await schemas_of([destination], self.deps.contents)
        schema = schemas[destination.destination_id]
        return await self.read(pending_estimate, self.deps, destination, schema, lane)

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function off the event loop; few at a time, because each thread has its own connection."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self.shared.readers)

    async def form(self) -> dict[str, str]:
        """The posted form with one value per field. Errors: BadValue."""
        return single_values(await self.form_values())

    async def form_values(self) -> dict[str, list[str]]:
        """The posted form with all values, for fields that may come several times. Errors: BadValue."""
        if not self.request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise BadValue("form", "the request is not a form: send application/x-www-form-urlencoded")
        return read_form(await self.request.body())

    def redirect(self, path: str, done: str | None = None, **fields: str) -> Response:
        """Go to a page after a change."""
        query = urlencode({**({"done": done} if done else {}), **fields})
        return RedirectResponse(f"{path}?{query}" if query else path, 303)

    def render(
        self,
        template: str,
        page: msgspec.Struct,
        *,
        title: str,
        cli: str = "",
        problem: Problem | None = None,
        status: int = 200,
    ) -> Response:
        """The page as HTML, or its context as JSON on request."""
        if wants_json(self.request):
            return json_response(page, status)
        frame = frame_of(self.request, self.shared.deps, self.viewer, title, cli, problem)
        return html_response(self.shared, template, page, frame, status)


PageFunction = Callable[[View], Awaitable[Response]]


def problem_of(error: HubwireError) -> Problem:
    """An error as people see it."""
    field = error.field if isinstance(error, BadValue) else None
    value = error.value if isinstance(error, BadValue) else None
    limit = error.limit if isinstance(error, BadValue) else None
    return Problem(code=error.code, message=str(error), hint=error.hint, field=field, value=value, limit=limit)


def wants_json(request: Request) -> bool:
    """Whether the request wants JSON: `?format=json`, or `Accept: application/json` before HTML."""
    if request.query_params.get("format") == "json":
        return True
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def json_response(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def html_response(
    shared: Shared, template: str, page: msgspec.Struct | None, frame: Frame, status: int = 200
) -> Response:
    """A rendered page."""
    html = shared.templates.get_template(template).render(page=page, frame=frame)
    return Response(html, status, media_type="text/html; charset=utf-8")


def frame_without_viewer(request: Request, deps: Services, title: str, problem: Problem | None = None) -> Frame:
    """The frame of a page for someone who has not signed in."""
    return frame_of(request, deps, None, title, "", problem)


def frame_of(
    request: Request, deps: Services, viewer: Viewer | None, title: str, cli: str, problem: Problem | None
) -> Frame:
    """The frame around a page for this viewer."""
    path = request.url.path
    return Frame(
        title=title,
        path=path,
        viewer=viewer,
        navigation=_navigation(path, viewer),
        cli=cli,
        json_url=_json_url(request),
        done=DONE.get(request.query_params.get("done", ""), ""),
        problem=problem,
        is_sandbox=deps.is_sandbox,
        emulator_url=deps.emulator_url,
        demo_url="/demo" if deps.has_demo else None,
        version=__version__,
    )


def _json_url(request: Request) -> str:
    url = URL(path=request.url.path, query=request.url.query).remove_query_params(["done"])
    return str(url.include_query_params(format="json"))


def _navigation(path: str, viewer: Viewer | None) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Groups of (path, words, whether it is the current one) that the viewer may see."""
    if viewer is None:
        return []
    groups = []
    for group, entries in NAVIGATION:
        shown = [
            (href, words, href == path or (href != "/" and path.startswith(f"{href}/")))
            for href, words, role in entries
            if viewer.role.may(role)
        ]
        if shown:
            groups.append((group, shown))
    return groups
