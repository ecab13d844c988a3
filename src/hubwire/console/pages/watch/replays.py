"""Replays: count before, run, progress, pause, share, cancel. A replay is safe: newest wins per property, and events
carry a uuid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from hubwire.console.pages.watch.messages import (
    Choices,
    MessageLine,
    choices,
    lines,
)
from hubwire.console.parts import formats
from hubwire.console.parts.lanes import names
from hubwire.delivery import REPLAYABLE, State
from hubwire.errors import BadValue, Missing
from hubwire.manage import decisions
from hubwire.manage.replay_estimate import ReplayEstimate
from hubwire.record.message_filter import MessageFilter
from hubwire.record.replay import MAX_SHARE_PERCENT, MIN_SHARE_PERCENT, SHARE_PERCENT, Replay, ReplayCount
from hubwire.registry.access import Role
from hubwire.web.parameters import (
    command_of,
    filter_query,
    message_filter,
    share_percent,
)
from hubwire.web.request import View

SHOWN_REPLAYS = 50
SAMPLE_MESSAGES = 5
Targets = Sequence[tuple[int, int]]
SHARES = [MIN_SHARE_PERCENT, MAX_SHARE_PERCENT]


class CountLine(msgspec.Struct, frozen=True, kw_only=True):
    """A count of a replay, and the list of exactly these messages; `href` None for a destination that was removed."""

    words: str
    count: int
    href: str | None


class ReplayLine(msgspec.Struct, frozen=True, kw_only=True):
    """One replay. `settled_count`: fed and not on its way any more; `fits` says what was chosen, in words.

    Shape: `counts` by destination, when there are several. `messages_href` None: they are no longer all kept, or
    go to several destinations, so that a message counts more than once.
    """

    replay: Replay
    waiting_count: int
    settled_count: int
    fits: str
    counts: list[CountLine]
    messages_href: str | None


class ReplaysPage(msgspec.Struct, frozen=True, kw_only=True):
    lines: list[ReplayLine]
    may_operate: bool


class ReplayPage(msgspec.Struct, frozen=True, kw_only=True):
    """`is_open`: it has not ended; paused, running, or slowed, it can be changed."""

    line: ReplayLine
    is_open: bool
    may_operate: bool


class NewReplayPage(msgspec.Struct, frozen=True, kw_only=True):
    """`count` None: nothing chosen yet."""

    wanted: MessageFilter
    choices: Choices
    states: list[State]
    count: int | None
    sample: list[MessageLine]
    estimate: ReplayEstimate | None = None
    share_percent: int = SHARE_PERCENT
    query: str = ""


async def replays(view: View) -> Response:
    """`/replays`."""
    found = await view.read(view.deps.replays.recent, SHOWN_REPLAYS)
    page = ReplaysPage(lines=[_line(view, one) for one in found], may_operate=view.may(Role.OPERATE))
    return view.render("replays.html", page, title="Replays", cli="hubwire replays")


async def new_replay(view: View) -> Response:
    """`/replays/new`: what fits, before anything is done."""
    page, targets = await view.read(_read_new, view)
    if targets:
        page = msgspec.structs.replace(page, estimate=await view.replay_estimate(targets, page.share_percent))
    cli = command_of("hubwire replay", page.wanted, view.deps.registry, state=State.DEAD)
    return view.render("new_replay.html", page, title="New replay", cli=cli)


async def begin(view: View) -> Response:
    """POST `/replays`: begin the replay of what fits."""
    form = await view.form()
    wanted = await view.read(message_filter, form, view.deps.registry)
    share = share_percent(form) or SHARE_PERCENT
    begun = await view.read(decisions.begin_replay, view.deps, view.viewer.name, wanted, None, share)
    return view.redirect(f"/replays/{begun.replay_id}")


async def replay(view: View) -> Response:
    """`/replays/{replay_id}`."""
    found = await view.read(view.deps.replays.replay, view.request.path_params["replay_id"])
    if found is None:
        raise Missing("replay_id", "there is no such replay", value=view.request.path_params["replay_id"])
    page = ReplayPage(
        line=_line(view, found),
        is_open=found.ended_at_ms is None,
        may_operate=view.may(Role.OPERATE),
    )
    return view.render("replay.html", page, title=f"Replay {found.replay_id}", cli=f"hubwire replays {found.replay_id}")


async def pause(view: View) -> Response:
    """POST `/replays/{replay_id}/pause`."""
    return await _decide(view, decisions.pause_replay, "replay-paused")


async def resume(view: View) -> Response:
    """POST `/replays/{replay_id}/resume`."""
    return await _decide(view, decisions.resume_replay, "resumed")


async def cancel(view: View) -> Response:
    """POST `/replays/{replay_id}/cancel`."""
    return await _decide(view, decisions.cancel_replay, "cancelled")


async def save_share(view: View) -> Response:
    """POST `/replays/{replay_id}/share`: what it may take from now on."""
    share = share_percent(await view.form())
    if share is None:
        raise BadValue("share_percent", "how many percent of the calls may it take?", limit=SHARES)
    return await _decide(view, decisions.share_replay, "saved", share)


async def _decide(view: View, decision: Callable[..., bool], done: str, *values: int) -> Response:
    replay_id = view.request.path_params["replay_id"]
    is_done = await view.read(decision, view.deps, view.viewer.name, replay_id, *values)
    return view.redirect(f"/replays/{replay_id}", done if is_done else "replay-as-it-was")


def _read_new(view: View) -> tuple[NewReplayPage, Targets]:
    deps = view.deps
    wanted = message_filter(view.fields, deps.registry)
    if wanted.state not in REPLAYABLE:
        page = NewReplayPage(wanted=wanted, choices=choices(view), states=list(REPLAYABLE), count=None, sample=[])
        return page, ()
    targets = deps.queries.targets(_whole(wanted))
    share = share_percent(view.fields) or SHARE_PERCENT
    sample = deps.queries.messages(msgspec.structs.replace(wanted, limit=SAMPLE_MESSAGES))
    page = NewReplayPage(
        wanted=wanted,
        choices=choices(view),
        states=list(REPLAYABLE),
        count=len(targets),
        sample=lines(view, sample),
        share_percent=share,
        query=filter_query(wanted),
    )
    return page, targets


def _whole(wanted: MessageFilter) -> MessageFilter:
    return msgspec.structs.replace(wanted, before=None)


def _line(view: View, one: Replay) -> ReplayLine:
    on_their_way = one.outcomes.get(State.PENDING, 0) + one.outcomes.get(State.LEASED, 0)
    return ReplayLine(
        replay=one,
        waiting_count=one.waiting_count,
        settled_count=one.fed_count + one.passed_count - on_their_way,
        fits=_fits(view, one.wanted),
        counts=_counts(view, one),
        messages_href=f"/messages?{_of(one)}" if _is_whole(one) else None,
    )


def _counts(view: View, one: Replay) -> list[CountLine]:
    destinations = names(view.deps.registry.destinations())
    has_several = len({count.destination_id for count in one.counts}) > 1
    return [
        CountLine(
            words=_words(count) + (f", {destinations.get(count.destination_id, 'removed')}" if has_several else ""),
            count=count.count,
            href=f"/messages?{_of(one, count)}" if count.destination_id in destinations else None,
        )
        for count in one.counts
    ]


def _words(count: ReplayCount) -> str:
    return formats.part_words(count.part) if count.state is None else formats.state_words(count.state)


def _is_whole(one: Replay) -> bool:
    is_kept = sum(count.count for count in one.counts) == one.target_count > 0
    return is_kept and len({count.destination_id for count in one.counts}) == 1


def _of(one: Replay, count: ReplayCount | None = None) -> str:
    wanted = MessageFilter(replay_id=one.replay_id)
    if count is not None:
        wanted = msgspec.structs.replace(
            wanted, replay_part=count.part, state=count.state, destination_id=count.destination_id
        )
    return filter_query(wanted)


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
        ("of replay", wanted.replay_id),
    ]
    return ", ".join(f"{name} {value}".strip() for name, value in parts if value)
