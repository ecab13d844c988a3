"""One message: its history, its requests to HubSpot, the fields left out with the reason, and a person's actions."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import Any

import msgspec
from starlette.responses import Response

from hubwire.console.pages.watch.failures import mapping_href
from hubwire.console.pages.watch.messages import MessageLine, lines, message_href
from hubwire.console.parts.attempts import AttemptLine, attempt_line, needles_of
from hubwire.console.parts.curl import curl
from hubwire.console.parts.lanes import names
from hubwire.console.parts.other_records import other_records, record_url
from hubwire.console.parts.time_bar import TimeBar, time_bar
from hubwire.decoding import merged
from hubwire.delivery import DISCARDABLE, REPLAYABLE, State
from hubwire.errors import BadValue, HubwireError, Missing
from hubwire.explanations import cause_of, remedy_of
from hubwire.manage import decisions
from hubwire.reasons import DiscardGroup, discard_group
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import Fate, MessageDetail, MessageSummary
from hubwire.registry.access import Role
from hubwire.web.mask import mask_answer, mask_payload, mask_person, mask_text
from hubwire.web.parameters import number
from hubwire.web.ports import DryRun
from hubwire.web.request import View

MOVING_MS = 120_000
REPLAY_WORDS = {
    State.DEAD: "Replay",
    State.DISCARDED: "Deliver anyway",
    State.HELD: "Try now",
    State.DELIVERED: "Deliver again",
}


class LeftOutLine(msgspec.Struct, frozen=True, kw_only=True):
    field: str
    reason: str
    detail: str
    cause: str
    remedy: str


class RecordLine(msgspec.Struct, frozen=True, kw_only=True):
    """HubSpot's record of the person or company of the message, or one that it wrote. `url`: its page in HubSpot."""

    kind: str
    key: str
    record_id: str
    url: str | None


class FateView(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of the message at one destination, with its reason in words."""

    destination_id: int
    destination: str
    state: str
    reason: str | None
    detail: str
    cause: str
    remedy: str
    attempts: int
    due_at_ms: int | None
    updated_at_ms: int | None
    is_replay: bool
    left_out: list[LeftOutLine]
    records: list[RecordLine]
    replay_words: str | None
    may_discard: bool
    mapping_href: str | None
    plan_href: str


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """One message with that id; several sources may have used the id."""

    line: MessageLine
    body: Any
    envelope: Any
    curl: str
    rejected_cause: str
    rejected_remedy: str
    fates: list[FateView]
    attempts: list[AttemptLine]
    time_bar: TimeBar | None = None


class MessagePage(msgspec.Struct, frozen=True, kw_only=True):
    """`is_moving`: its state will change within seconds, so the page refreshes itself."""

    message_id: str
    found: list[MessageView]
    may_operate: bool
    is_moving: bool


class PlanPage(msgspec.Struct, frozen=True, kw_only=True):
    """What would be sent to HubSpot with the current mapping."""

    message_id: str
    destination: str
    run: DryRun | None
    problem: str


async def message(view: View) -> Response:
    """`/messages/{message_id}`."""
    message_id = view.request.path_params["message_id"]
    page = await view.read(_read, view, message_id)
    cli = _cli("hubwire message", message_id)
    return view.render(
        "watch/message.html", page, title=f"Message {message_id}", cli=cli, status=200 if page.found else 404
    )


async def plan(view: View) -> Response:
    """`/plans/{message_id}?destination=…&position=…`: a part of the page that is loaded on demand."""
    message_id = view.request.path_params["message_id"]
    destination_id = number(view.fields, "destination", 1, 1 << 31)
    details = await view.read(view.deps.queries.message, message_id)
    position = number(view.fields, "position", 1, 1 << 62)
    detail = next((candidate for candidate in details if position in (None, candidate.summary.position)), None)
    destination = view.deps.registry.destinations().get(destination_id or 0)
    if detail is None or destination is None:
        raise Missing("destination", "there is no such message or destination", value=destination_id)
    run, problem = None, ""
    try:
        whole = merged(detail.body, detail.envelope)
        run = await view.deps.planner(destination.destination_id, detail.summary.source_id, whole)
    except HubwireError as exc:
        problem = str(exc)
    shown = run if run is None or view.sees_payloads else masked_run(run)
    page = PlanPage(message_id=message_id, destination=destination.name, run=shown, problem=problem)
    return view.render("watch/plan.html", page, title="Plan", cli=_cli("hubwire plan --message", message_id))


def _cli(command: str, message_id: str) -> str:
    return f"{command} {shlex.quote(message_id) if message_id.isprintable() else 'ID'}"


def masked_run(run: DryRun) -> DryRun:
    """A dry run without personal data: rules and names stay."""
    replace = msgspec.structs.replace
    operations = [
        replace(
            part,
            key=mask_text(part.key),
            note=mask_person(part.note),
            fields=[replace(field, value=mask_text(field.value)) for field in part.fields],
        )
        for part in run.operations
    ]
    return replace(
        run,
        detail=mask_answer(run.detail),
        operations=operations,
        requests=[replace(part, body=mask_payload(part.body)) for part in run.requests],
        left_out=[replace(part, detail=mask_text(part.detail)) for part in run.left_out],
    )


async def replay(view: View) -> Response:
    """POST `/replays/message/{message_id}`: replay one delivery."""
    state, target, _ = await _delivery(view, REPLAYABLE, "replayed")
    criteria = MessageFilter(state=state)
    await view.read(decisions.begin_replay, view.deps, view.viewer.name, criteria, [target])
    return view.redirect(message_href(view.request.path_params["message_id"]), "replayed")


async def discard(view: View) -> Response:
    """POST `/discards/message/{message_id}`: discard one delivery."""
    state, target, note = await _delivery(view, DISCARDABLE, "discarded")
    criteria = MessageFilter(state=state)
    done = await view.read(decisions.discard, view.deps, view.viewer.name, criteria, [target], note)
    href = message_href(view.request.path_params["message_id"])
    return view.redirect(href, "discarded" if done.count else "moved-on")


async def _delivery(view: View, states: Collection[State], done: str) -> tuple[State, tuple[int, int], str]:
    """The delivery in a form, the state that the page showed, and the person's reason. Errors: BadValue."""
    form = await view.form()
    destination_id, position = number(form, "destination", 1, 1 << 31), number(form, "position", 1, 1 << 62)
    if destination_id is None or position is None or form.get("state") not in states:
        raise BadValue("state", f"this delivery cannot be {done}", value=form.get("state"))
    return State(form["state"]), (destination_id, position), form.get("note", "")


def _read(view: View, message_id: str) -> MessagePage:
    details = view.deps.queries.message(message_id)
    found_lines = lines(view, [detail.summary for detail in details])
    return MessagePage(
        message_id=message_id,
        found=[_message(view, detail, line) for detail, line in zip(details, found_lines, strict=True)],
        is_moving=any(_is_moving(detail, view.deps.clock.now_ms()) for detail in details),
        may_operate=view.may(Role.OPERATE),
    )


def _is_moving(detail: MessageDetail, now_ms: int) -> bool:
    """Whether a lane will deliver it within seconds. A message that has waited longer need not be watched."""
    return any(
        fate.state in (State.PENDING, State.LEASED)
        and now_ms - max(fate.updated_at_ms or 0, detail.summary.received_at_ms) < MOVING_MS
        for fate in detail.summary.fates
    )


def _message(view: View, detail: MessageDetail, line: MessageLine) -> MessageView:
    destinations = names(view.deps.registry.destinations())
    rejected = detail.summary.rejected
    needles = needles_of(view, detail)
    body, envelope = view.masked(detail.body), view.masked(detail.envelope)
    return MessageView(
        line=line,
        body=body,
        envelope=envelope,
        curl=curl(view.deps.public_url, body),
        rejected_cause=cause_of(rejected),
        rejected_remedy=remedy_of(rejected),
        fates=[_fate(view, fate, detail.summary, line, destinations) for fate in detail.summary.fates],
        attempts=[attempt_line(view, attempt, needles) for attempt in detail.attempts],
        time_bar=time_bar(detail.summary.received_at_ms, detail.attempts),
    )


def _records(view: View, fate: Fate, summary: MessageSummary) -> list[RecordLine]:
    """The HubSpot records that a delivered message is about."""
    who = summary.email or summary.user_id or summary.anonymous_id
    destination = view.deps.registry.destinations().get(fate.destination_id)
    if fate.state is not State.DELIVERED or who is None or destination is None:
        return []
    known = view.deps.statistics.identity(who).records
    mine = [record for record in known if record.destination_id == fate.destination_id]
    own = [
        RecordLine(
            kind=record.kind,
            key=view.masked_text(record.key) or "",
            record_id=record.record_id,
            url=record_url(view, destination, record.kind, record.record_id),
        )
        for record in mine
        if record.record_id
    ]
    others = [record for record in other_records(view, mine) if summary.position in record.positions]
    return own + [
        RecordLine(kind=record.kind.replace("_", " "), key=record.key, record_id=record.record_id, url=record.url)
        for record in others
    ]


def _fate(view: View, fate: Fate, summary: MessageSummary, line: MessageLine, destinations: dict[int, str]) -> FateView:
    return FateView(
        destination_id=fate.destination_id,
        destination=destinations.get(fate.destination_id, "removed"),
        state=fate.state,
        reason=fate.reason,
        detail=view.masked_answer(fate.detail),
        cause=cause_of(fate.reason),
        remedy=remedy_of(fate.reason),
        attempts=fate.attempts,
        due_at_ms=fate.due_at_ms,
        updated_at_ms=fate.updated_at_ms,
        is_replay=fate.is_replay,
        left_out=[_left_out(view, entry) for entry in fate.left_out],
        records=_records(view, fate, summary),
        replay_words=REPLAY_WORDS.get(fate.state) if view.may(Role.OPERATE) and not _is_in_browser(fate) else None,
        may_discard=fate.state in DISCARDABLE and view.may(Role.OPERATE),
        mapping_href=mapping_href(fate.destination_id, fate.state, fate.reason, fate.detail),
        plan_href=f"/plans/{line.href.removeprefix('/messages/')}?destination={fate.destination_id}&position={line.position}",
    )


def _is_in_browser(fate: Fate) -> bool:
    """True if the page has delivered it: HubSpot would count it twice."""
    return fate.state is State.DISCARDED and discard_group(fate.reason) is DiscardGroup.IN_BROWSER


def _left_out(view: View, entry: dict[str, str]) -> LeftOutLine:
    reason, detail = entry.get("reason", ""), entry.get("detail", "")
    return LeftOutLine(
        field=entry.get("field", ""),
        reason=reason,
        detail=detail if view.sees_payloads else view.masked(detail),
        cause=cause_of(reason),
        remedy=remedy_of(reason),
    )
