"""Replays: count before, run, progress, cancel. A replay is safe: newest wins per property, events carry a uuid."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from hubwire.console.asked import command_of, filter_query, message_filter
from hubwire.console.page import View
from hubwire.console.pages.lanes import names
from hubwire.console.pages.messages import Choices, MessageLine, choices, lines
from hubwire.delivery import REPLAYABLE, State
from hubwire.errors import Missing
from hubwire.manage import decisions
from hubwire.record.queries import MessageFilter
from hubwire.record.replay import Replay
from hubwire.registry.access import Role

SHOWN_REPLAYS = 50
SAMPLE_MESSAGES = 5
MESSAGES_PER_CALL = 100
DEFAULT_CALLS_PER_SECOND = 10.0


class ReplayLine(msgspec.Struct, frozen=True, kw_only=True):
    """One replay. `settled_count`: fed and not on its way any more; `fits` says what was chosen, in words."""

    replay: Replay
    waiting_count: int
    settled_count: int
    fits: str


class ReplaysPage(msgspec.Struct, frozen=True, kw_only=True):
    lines: list[ReplayLine]
    may_operate: bool


class ReplayPage(msgspec.Struct, frozen=True, kw_only=True):
    line: ReplayLine
    messages_href: str
    may_operate: bool


class NewReplayPage(msgspec.Struct, frozen=True, kw_only=True):
    """`count` None: nothing chosen yet. The estimate is a ceiling: messages of one person share a call."""

    wanted: MessageFilter
    choices: Choices
    states: list[State]
    count: int | None
    sample: list[MessageLine]
    calls: int = 0
    seconds: float = 0.0
    query: str = ""


async def replays(view: View) -> Response:
    """`/replays`."""
    found = await view.read(view.deps.replays.recent, SHOWN_REPLAYS)
    page = ReplaysPage(lines=[_line(view, one) for one in found], may_operate=view.may(Role.OPERATE))
    return view.render("replays.html", page, title="Replays", cli="hubwire replays")


async def new_replay(view: View) -> Response:
    """`/replays/new`: what fits, before anything is done."""
    page = await view.read(_read_new, view)
    cli = command_of("hubwire replay", page.wanted, view.deps.registry, state=State.DEAD)
    return view.render("new_replay.html", page, title="New replay", cli=cli)


async def begin(view: View) -> Response:
    """POST `/replays`: begin the replay of what fits."""
    form = {name: values[-1] for name, values in (await view.form()).items()}
    wanted = await view.read(message_filter, form, view.deps.registry)
    begun = await view.read(decisions.begin_replay, view.deps, view.viewer.name, wanted)
    return view.redirect(f"/replays/{begun.replay_id}")


async def replay(view: View) -> Response:
    """`/replays/{replay_id}`."""
    found = await view.read(view.deps.replays.replay, view.request.path_params["replay_id"])
    if found is None:
        raise Missing("replay_id", "there is no such replay", value=view.request.path_params["replay_id"])
    page = ReplayPage(
        line=_line(view, found),
        messages_href=f"/messages?{filter_query(found.wanted, q=None)}",
        may_operate=view.may(Role.OPERATE),
    )
    return view.render("replay.html", page, title=f"Replay {found.replay_id}", cli=f"hubwire replays {found.replay_id}")


async def cancel(view: View) -> Response:
    """POST `/replays/{replay_id}/cancel`."""
    replay_id = view.request.path_params["replay_id"]
    await view.read(decisions.cancel_replay, view.deps, view.viewer.name, replay_id)
    return view.redirect(f"/replays/{replay_id}", "cancelled")


def estimate(count: int, calls_per_second: float | None) -> tuple[int, float]:
    """Calls and seconds that so many messages need at most."""
    calls = -(-count // MESSAGES_PER_CALL)
    return calls, calls / (calls_per_second or DEFAULT_CALLS_PER_SECOND)


def _read_new(view: View) -> NewReplayPage:
    deps = view.deps
    wanted = message_filter(view.fields, deps.registry)
    if wanted.state not in REPLAYABLE:
        return NewReplayPage(wanted=wanted, choices=choices(view), states=list(REPLAYABLE), count=None, sample=[])
    count = deps.queries.count(_whole(wanted))
    pinned = [one.calls_per_second for one in deps.registry.destinations().values() if one.calls_per_second]
    calls, seconds = estimate(count, min(pinned, default=None))
    sample = deps.queries.messages(msgspec.structs.replace(wanted, limit=SAMPLE_MESSAGES))
    return NewReplayPage(
        wanted=wanted,
        choices=choices(view),
        states=list(REPLAYABLE),
        count=count,
        sample=lines(view, sample),
        calls=calls,
        seconds=seconds,
        query=filter_query(wanted),
    )


def _whole(wanted: MessageFilter) -> MessageFilter:
    return msgspec.structs.replace(wanted, before=None)


def _line(view: View, one: Replay) -> ReplayLine:
    on_their_way = one.outcomes.get(State.PENDING, 0) + one.outcomes.get(State.LEASED, 0)
    return ReplayLine(
        replay=one,
        waiting_count=one.waiting_count,
        settled_count=one.fed_count + one.passed_count - on_their_way,
        fits=_fits(view, one.wanted),
    )


def _fits(view: View, wanted: MessageFilter) -> str:
    sources, destinations = names(view.deps.registry.sources()), names(view.deps.registry.destinations())
    parts: list[tuple[str, Any]] = [
        ("", wanted.state),
        ("reason", wanted.reason),
        ("type", wanted.type),
        ("event", view.masked_text(wanted.event)),
        ("about", "one person" if wanted.user or wanted.text else None),
        ("source", sources.get(wanted.source_id or 0)),
        ("destination", destinations.get(wanted.destination_id or 0)),
    ]
    return ", ".join(f"{name} {value}".strip() for name, value in parts if value)
