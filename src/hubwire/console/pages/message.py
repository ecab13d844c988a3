"""One message, whole: received, planned, asked, answered; what was left out and why, and what a person can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response

from hubwire.console import formats
from hubwire.console.asked import BadValue, Missing, number
from hubwire.console.page import View
from hubwire.console.pages.lanes import names
from hubwire.console.pages.messages import MessageLine, lines, message_href
from hubwire.console.ports import DryRun
from hubwire.delivery import State
from hubwire.errors import HubwireError
from hubwire.record.queries import AttemptView, Fate, MessageDetail, MessageFilter
from hubwire.registry.access import Role

MAX_SHOWN_INPUTS = 20
REPLAY_WORDS = {
    State.DEAD: "Replay",
    State.DISCARDED: "Deliver after all",
    State.HELD: "Try now",
    State.DELIVERED: "Deliver again",
}


class LeftOutLine(msgspec.Struct, frozen=True, kw_only=True):
    field: str
    reason: str
    detail: str
    cause: str
    remedy: str


class FateView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the message at one destination, and why, in words."""

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
    replay_words: str | None
    plan_href: str


class AttemptLine(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange with HubSpot. `asked` and `answered` hold only what is about this message when that can be told."""

    call: str
    started_at_ms: int
    duration_ms: int
    status: int | None
    outcome: str
    correlation_id: str
    message_count: int
    is_good: bool
    asked: Any
    answered: Any
    is_asked_cut: bool
    is_answered_cut: bool


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """One message of that id; several sources may have used it."""

    line: MessageLine
    body: Any
    envelope: Any
    rejected_cause: str
    rejected_remedy: str
    fates: list[FateView]
    attempts: list[AttemptLine]


class MessagePage(msgspec.Struct, frozen=True, kw_only=True):
    message_id: str
    found: list[MessageView]
    may_operate: bool


class PlanPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the message would ask of HubSpot today, with the mapping of today."""

    message_id: str
    destination: str
    run: DryRun | None
    problem: str


async def message(view: View) -> Response:
    """`/messages/{message_id}`."""
    message_id = view.request.path_params["message_id"]
    page = await view.read(_read, view, message_id)
    cli = f"hubwire message {message_id}" if message_id.isprintable() else "hubwire message"
    return view.render("message.html", page, title=f"Message {message_id}", cli=cli, status=200 if page.found else 404)


async def plan(view: View) -> Response:
    """`/plans/{message_id}?destination=…&position=…`: a part of the page, read when it is asked for."""
    message_id = view.request.path_params["message_id"]
    destination_id = number(view.fields, "destination", 1, 1 << 31)
    details = await view.read(view.deps.queries.message, message_id)
    position = number(view.fields, "position", 1, 1 << 62)
    detail = next((one for one in details if position in (None, one.summary.position)), None)
    destination = view.deps.registry.destinations().get(destination_id or 0)
    if detail is None or destination is None:
        raise Missing("destination", "there is no such message or destination", value=destination_id)
    run, problem = None, ""
    try:
        whole = merged(detail)
        run = await view.deps.planner(destination.destination_id, detail.summary.source_id, whole)
    except HubwireError as exc:
        problem = str(exc)
    page = PlanPage(message_id=message_id, destination=destination.name, run=run, problem=problem)
    shown = page if view.sees_payloads else msgspec.convert(view.masked(msgspec.to_builtins(page)), PlanPage)
    return view.render("plan.html", shown, title="Plan", cli="hubwire plan -")


async def replay(view: View) -> Response:
    """POST `/replays/message/{message_id}`: put one delivery back."""
    form = {name: values[-1] for name, values in (await view.form()).items()}
    destination_id, position = number(form, "destination", 1, 1 << 31), number(form, "position", 1, 1 << 62)
    if destination_id is None or position is None or form.get("state") not in REPLAY_WORDS:
        raise BadValue("state", "this delivery cannot be replayed", value=form.get("state"))
    state = State(form["state"])
    message_id = view.request.path_params["message_id"]
    await view.read(begin_replay, view, MessageFilter(state=state, text=message_id), [(destination_id, position)])
    return view.redirect(message_href(message_id), "replayed")


def begin_replay(view: View, wanted: MessageFilter, targets: list[tuple[int, int]] | None = None) -> int:
    """Begin a replay for this viewer; its id."""
    deps = view.deps
    begun = deps.replays.begin(wanted, view.viewer.name, deps.clock.now_ms(), targets)
    kept = {name: value for name, value in msgspec.to_builtins(wanted).items() if value is not None and name != "limit"}
    detail = f"#{begun.replay_id}: {begun.target_count} messages, {msgspec.json.encode(kept).decode()}"
    deps.registry.write_audit(view.viewer.name, "replay.begun", detail)
    deps.poke_replays()
    return begun.replay_id


def merged(detail: MessageDetail) -> dict[str, Any]:
    """The message with the upload's envelope merged in, as the planner reads it: the item wins."""
    envelope = detail.envelope or {}
    whole = {**envelope, **detail.body}
    for name in ("context", "integrations"):
        outer, inner = envelope.get(name), detail.body.get(name)
        if isinstance(outer, dict) and isinstance(inner, dict):
            whole[name] = {**outer, **inner}
    return whole


def _read(view: View, message_id: str) -> MessagePage:
    details = view.deps.queries.message(message_id)
    found_lines = lines(view, [detail.summary for detail in details])
    return MessagePage(
        message_id=message_id,
        found=[_message(view, detail, line) for detail, line in zip(details, found_lines, strict=True)],
        may_operate=view.may(Role.OPERATE),
    )


def _message(view: View, detail: MessageDetail, line: MessageLine) -> MessageView:
    destinations = names(view.deps.registry.destinations())
    rejected = detail.summary.rejected
    needles = _needles(view, detail)
    return MessageView(
        line=line,
        body=view.masked(detail.body),
        envelope=view.masked(detail.envelope),
        rejected_cause=formats.cause(rejected),
        rejected_remedy=formats.remedy(rejected),
        fates=[_fate(view, fate, line, destinations) for fate in detail.summary.fates],
        attempts=[_attempt(view, attempt, needles) for attempt in detail.attempts],
    )


def _fate(view: View, fate: Fate, line: MessageLine, destinations: dict[int, str]) -> FateView:
    return FateView(
        destination_id=fate.destination_id,
        destination=destinations.get(fate.destination_id, "removed"),
        state=fate.state,
        reason=fate.reason,
        detail=view.masked_text(fate.detail) or "",
        cause=formats.cause(fate.reason),
        remedy=formats.remedy(fate.reason),
        attempts=fate.attempts,
        due_at_ms=fate.due_at_ms,
        updated_at_ms=fate.updated_at_ms,
        is_replay=fate.is_replay,
        left_out=[_left_out(view, entry) for entry in fate.left_out],
        replay_words=REPLAY_WORDS.get(fate.state) if view.may(Role.OPERATE) else None,
        plan_href=f"/plans/{line.href.removeprefix('/messages/')}?destination={fate.destination_id}&position={line.position}",
    )


def _left_out(view: View, entry: dict[str, str]) -> LeftOutLine:
    reason, detail = entry.get("reason", ""), entry.get("detail", "")
    return LeftOutLine(
        field=entry.get("field", ""),
        reason=reason,
        detail=detail if view.sees_payloads else view.masked(detail),
        cause=formats.cause(reason),
        remedy=formats.remedy(reason),
    )


# -- attempts: of a batch, what is about this message


def _needles(view: View, detail: MessageDetail) -> set[str]:
    """Texts by which an input or result of a batch is known to be about this message."""
    summary = detail.summary
    needles = {summary.email.strip().lower()} if summary.email else set()
    for fate_id in {summary.user_id, summary.anonymous_id} - {None}:
        assert fate_id is not None
        for record in view.deps.statistics.identity(fate_id).records:
            domains = record.associated if record.kind == "contact" else ()
            needles.update(name for name in (record.key, record.record_id, *domains) if name)
    return needles


def _attempt(view: View, attempt: AttemptView, needles: set[str]) -> AttemptLine:
    asked, answered = _json(attempt.request), _json(attempt.response)
    own_asked, asked_cut = _excerpt(asked, "inputs", needles)
    needles = needles | _traces(own_asked if asked_cut else None)
    own_answered, answered_cut = _excerpt(answered, "results", needles)
    return AttemptLine(
        call=attempt.call,
        started_at_ms=attempt.started_at_ms,
        duration_ms=attempt.duration_ms,
        status=attempt.status,
        outcome=attempt.outcome,
        correlation_id=attempt.correlation_id,
        message_count=attempt.message_count,
        is_good=attempt.status is not None and 200 <= attempt.status < 300,
        asked=view.masked(own_asked),
        answered=view.masked(own_answered),
        is_asked_cut=asked_cut,
        is_answered_cut=answered_cut,
    )


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")


def _excerpt(payload: Any, name: str, needles: set[str]) -> tuple[Any, bool]:
    """A batch body with only the entries that hold a needle; the whole when none does. Long lists are shortened."""
    entries = payload.get(name) if isinstance(payload, dict) else None
    if not isinstance(entries, list) or len(entries) < 2:
        return payload, False
    own = [entry for entry in entries if needles & set(_texts(entry))] or entries
    shown = own[:MAX_SHOWN_INPUTS]
    return {**payload, name: shown}, len(shown) < len(entries)


def _traces(payload: Any) -> set[str]:
    entries = payload.get("inputs", []) if isinstance(payload, dict) else []
    names_of = ("objectWriteTraceId", "id")
    return {str(entry[name]) for entry in entries if isinstance(entry, dict) for name in names_of if entry.get(name)}


def _texts(value: Any) -> Iterable[str]:
    """Every text in a JSON value, in lower case."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value.lower()
