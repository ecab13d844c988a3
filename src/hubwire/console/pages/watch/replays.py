"""Replays: count and estimate first, then start, pause, change the share, cancel.

A replay is safe: the newest value of a property wins, and events carry a uuid.
"""

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
    """A count of a replay, linked to exactly these messages. `href` is None for a removed destination; `series`: the
    state or part that gives its bar a colour."""

    words: str
    series: str
    count: int
    href: str | None


class ReplayLine(msgspec.Struct, frozen=True, kw_only=True):
    """One replay. `settled_count`: replayed messages that are no longer pending; `fits`: its filter in words.

    Shape: `counts` are per destination when there are several. `messages_href` is None if some messages were removed,
    or if they go to several destinations, where a message counts more than once.
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
    """`is_open`: the replay has not ended, so it can be changed.

    Units: the rates are averages since its start, in messages per second: its own, and that of all sources beside it.
    """

    line: ReplayLine
    finished_per_second: float
    received_per_second: float
    is_open: bool
    may_operate: bool


class NewReplayPage(msgspec.Struct, frozen=True, kw_only=True):
    """`count` is None until an outcome is chosen."""

    criteria: MessageFilter
    choices: Choices
    states: list[State]
    count: int | None
    sample: list[MessageLine]
    estimate: ReplayEstimate | None = None
    share_percent: int = SHARE_PERCENT
    query: str = ""


async def replays(view: View) -> Response:
    """`/replays`."""
    stored = await view.read(view.deps.replays.recent, SHOWN_REPLAYS)
    page = ReplaysPage(lines=[_line(view, replay) for replay in stored], may_operate=view.may(Role.OPERATE))
    return view.render("watch/replays.html", page, title="Replays", cli="hubwire replays")


async def new_replay(view: View) -> Response:
    """`/replays/new`: the matching messages and the estimate; starts nothing."""
    page, targets = await view.read(_read_new, view)
    if targets:
        page = msgspec.structs.replace(page, estimate=await view.replay_estimate(targets, page.share_percent))
    cli = command_of("hubwire replay", page.criteria, view.deps.registry, state=State.DEAD)
    return view.render("watch/new_replay.html", page, title="New replay", cli=cli)


async def begin(view: View) -> Response:
    """POST `/replays`: start the replay of the matching messages."""
    form = await view.form()
    criteria = await view.read(message_filter, form, view.deps.registry)
    share = share_percent(form) or SHARE_PERCENT
    started = await view.read(decisions.begin_replay, view.deps, view.viewer.name, criteria, None, share)
    return view.redirect(f"/replays/{started.replay_id}")


async def replay(view: View) -> Response:
    """`/replays/{replay_id}`."""
    stored = await view.read(view.deps.replays.replay, view.request.path_params["replay_id"])
    if stored is None:
        raise Missing("replay_id", "there is no such replay", value=view.request.path_params["replay_id"])
    line = _line(view, stored)
    until_ms = stored.ended_at_ms or view.deps.clock.now_ms()
    intakes = await view.read(view.deps.statistics.intake, stored.begun_at_ms, until_ms)
    seconds = max(1.0, (until_ms - stored.begun_at_ms) / 1000)
    page = ReplayPage(
        line=line,
        finished_per_second=line.settled_count / seconds,
        received_per_second=sum(intake.received for intake in intakes) / seconds,
        is_open=stored.ended_at_ms is None,
        may_operate=view.may(Role.OPERATE),
    )
    return view.render(
        "watch/replay.html", page, title=f"Replay {stored.replay_id}", cli=f"hubwire replays {stored.replay_id}"
    )


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
    """POST `/replays/{replay_id}/share`: change its share of the calls."""
    share = share_percent(await view.form())
    if share is None:
        raise BadValue("share_percent", "share_percent is missing: the share of calls in percent", limit=SHARES)
    return await _decide(view, decisions.share_replay, "saved", share)


async def _decide(view: View, decision: Callable[..., bool], done: str, *values: int) -> Response:
    replay_id = view.request.path_params["replay_id"]
    is_done = await view.read(decision, view.deps, view.viewer.name, replay_id, *values)
    return view.redirect(f"/replays/{replay_id}", done if is_done else "replay-as-it-was")


def _read_new(view: View) -> tuple[NewReplayPage, Targets]:
    deps = view.deps
    criteria = message_filter(view.fields, deps.registry)
    if criteria.state not in REPLAYABLE:
        page = NewReplayPage(criteria=criteria, choices=choices(view), states=list(REPLAYABLE), count=None, sample=[])
        return page, ()
    targets = deps.queries.targets(_whole(criteria))
    share = share_percent(view.fields) or SHARE_PERCENT
    sample = deps.queries.messages(msgspec.structs.replace(criteria, limit=SAMPLE_MESSAGES))
    page = NewReplayPage(
        criteria=criteria,
        choices=choices(view),
        states=list(REPLAYABLE),
        count=len(targets),
        sample=lines(view, sample),
        share_percent=share,
        query=filter_query(criteria),
    )
    return page, targets


def _whole(criteria: MessageFilter) -> MessageFilter:
    return msgspec.structs.replace(criteria, before=None)


def _line(view: View, replay: Replay) -> ReplayLine:
    on_their_way = replay.outcomes.get(State.PENDING, 0) + replay.outcomes.get(State.LEASED, 0)
    return ReplayLine(
        replay=replay,
        waiting_count=replay.waiting_count,
        settled_count=replay.fed_count + replay.passed_count - on_their_way,
        fits=_fits(view, replay.wanted),
        counts=_counts(view, replay),
        messages_href=f"/messages?{_of(replay)}" if _is_whole(replay) else None,
    )


def _counts(view: View, replay: Replay) -> list[CountLine]:
    destinations = names(view.deps.registry.destinations())
    has_several = len({count.destination_id for count in replay.counts}) > 1
    return [
        CountLine(
            words=_words(count) + (f", {destinations.get(count.destination_id, 'removed')}" if has_several else ""),
            series=count.part if count.state is None else count.state,
            count=count.count,
            href=f"/messages?{_of(replay, count)}" if count.destination_id in destinations else None,
        )
        for count in replay.counts
    ]


def _words(count: ReplayCount) -> str:
    return formats.part_words(count.part) if count.state is None else formats.state_words(count.state)


def _is_whole(replay: Replay) -> bool:
    is_kept = sum(count.count for count in replay.counts) == replay.target_count > 0
    return is_kept and len({count.destination_id for count in replay.counts}) == 1


def _of(replay: Replay, count: ReplayCount | None = None) -> str:
    criteria = MessageFilter(replay_id=replay.replay_id)
    if count is not None:
        criteria = msgspec.structs.replace(
            criteria, replay_part=count.part, state=count.state, destination_id=count.destination_id
        )
    return filter_query(criteria)


def _fits(view: View, criteria: MessageFilter) -> str:
    sources, destinations = names(view.deps.registry.sources()), names(view.deps.registry.destinations())
    parts: list[tuple[str, Any]] = [
        ("", None if criteria.state is None else formats.state_words(criteria.state)),
        ("reason", criteria.reason),
        ("type", criteria.type),
        ("event", view.masked_text(criteria.event)),
        ("about", "one person" if criteria.user or criteria.text or criteria.contains else None),
        ("source", sources.get(criteria.source_id or 0)),
        ("destination", destinations.get(criteria.destination_id or 0)),
        ("of replay", criteria.replay_id),
    ]
    return ", ".join(f"{name} {value}".strip() for name, value in parts if value)
