"""How a lane stands, in one headline, one sentence of advice and the one action that helps."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hubwire.console.parts import formats
from hubwire.console.parts.budget import Budget, read_budget
from hubwire.destination import Destination
from hubwire.reasons import cause_of, remedy_of
from hubwire.record.latency import Latency
from hubwire.record.queries import LaneStatus


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A button: where it leads. `is_post`: it changes something."""

    words: str
    href: str
    is_post: bool = False


class DayNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """The last 24 hours of a lane: what came in by step, what newly failed, how long messages took."""

    received_by_step: list[int] = []
    dead: int = 0
    waits: Latency | None = None


class LaneCard(msgspec.Struct, frozen=True, kw_only=True):
    """One destination as a person reads it. `tone`: ok, busy, warn or fail."""

    lane: LaneStatus
    tone: str
    headline: str
    advice: str = ""
    action: Action | None = None
    budget: Budget
    day: DayNumbers = DayNumbers()
    is_sandbox: bool = False
    has_token: bool = True


def lane_card(lane: LaneStatus, destination: Destination, has_token: bool, day: DayNumbers | None = None) -> LaneCard:
    """The card of a lane."""
    tone, headline, advice, action = _standing(lane, has_token)
    return LaneCard(
        lane=lane,
        tone=tone,
        headline=headline,
        advice=advice,
        action=action,
        budget=read_budget(lane.budget),
        day=day or DayNumbers(),
        is_sandbox=destination.is_sandbox,
        has_token=has_token,
    )


_FAILED = "{} for a person: fix the cause, then replay."


def _standing(lane: LaneStatus, has_token: bool) -> tuple[str, str, str, Action | None]:
    page = f"/connection/{lane.destination_id}"
    if not has_token:
        action = Action(words="Add the access token", href=f"/setup/{lane.destination_id}/token")
        return "fail", "No access token", "Messages are kept until there is one.", action
    if lane.state == "paused":
        action = Action(words="Resume", href=f"{page}/resume", is_post=True)
        return "warn", "Paused by a person", "Messages are kept and wait; nothing is lost.", action
    if lane.stopped_reason is not None:
        remedy = remedy_of(lane.stopped_reason)
        action = Action(words="Look at the connection", href=page)
        return "fail", f"Stopped: {_sentence(lane.stopped_reason)}", remedy, action
    if lane.backlog_count or lane.pending:
        waiting = formats.count(lane.backlog_count + lane.pending)
        headline = f"Delivering, {waiting} waiting"
        return "busy", headline, f"The oldest has waited {formats.duration(lane.lag_seconds)}.", None
    if lane.retrying:
        return "warn", f"{formats.count(lane.retrying)} pending retry", "They are tried again by themselves.", None
    if lane.dead:
        action = Action(words="Look at the failures", href="/failures")
        waiting = "It waits" if lane.dead == 1 else "They wait"
        return "warn", f"Up to date, {formats.count(lane.dead)} failed", _FAILED.format(waiting), action
    return "ok", "Up to date" if lane.taken else "Ready, nothing received yet", "", None


def _sentence(reason: str) -> str:
    return cause_of(reason).rstrip(".") or reason


def names(known: Mapping[int, object]) -> dict[int, str]:
    """Number -> name of sources or destinations."""
    return {number: str(getattr(one, "name", number)) for number, one in known.items()}
