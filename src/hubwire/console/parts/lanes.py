"""The state of a lane: a headline, a sentence of advice and the action that helps."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hubwire.console.parts import formats
from hubwire.console.parts.budget import Budget, read_budget
from hubwire.destination import Destination
from hubwire.explanations import cause_of, remedy_of
from hubwire.record.latency import Latency
from hubwire.record.queries import LaneStatus


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A button. `is_post`: it changes something."""

    words: str
    href: str
    is_post: bool = False


class DayNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """The last 24 hours of a lane: messages received by interval, new dead messages, time to deliver."""

    received_by_step: list[int] = []
    dead: int = 0
    waits: Latency | None = None


class LaneCard(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one destination in words. `tone`: ok, busy, warn or fail."""

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


def _standing(lane: LaneStatus, has_token: bool) -> tuple[str, str, str, Action | None]:
    page = f"/connection/{lane.destination_id}"
    if not has_token:
        action = Action(words="Add the access token", href=f"/setup/{lane.destination_id}/token")
        return "fail", "No access token", "Messages are stored until you add one.", action
    if lane.state == "paused":
        action = Action(words="Resume", href=f"{page}/resume", is_post=True)
        return "warn", "Paused", "Messages are stored and stay pending. Nothing is lost.", action
    if lane.stopped_reason is not None:
        remedy = remedy_of(lane.stopped_reason)
        action = Action(words="Show the destination", href=page)
        return "fail", f"Stopped: {_sentence(lane.stopped_reason)}", remedy, action
    if lane.backlog_count or lane.pending:
        pending = formats.count(lane.backlog_count + lane.pending)
        age = f"The oldest message has waited {formats.duration(lane.lag_seconds)}."
        return "busy", f"Delivering, {pending} pending", age, None
    if lane.retrying:
        return "warn", f"{formats.count(lane.retrying)} retrying", "Hubwire retries them automatically.", None
    if lane.dead:
        action = Action(words="Show failures", href="/failures")
        advice = f"{'It needs' if lane.dead == 1 else 'They need'} attention: fix the cause, then replay."
        return "warn", f"Up to date, {formats.count(lane.dead)} dead", advice, action
    return "ok", "Up to date" if lane.taken else "Ready, no messages yet", "", None


def _sentence(reason: str) -> str:
    return cause_of(reason).rstrip(".") or reason


def names(known: Mapping[int, object]) -> dict[int, str]:
    """Number -> name of sources or destinations."""
    return {number: str(getattr(item, "name", number)) for number, item in known.items()}
