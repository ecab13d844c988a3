"""Failures: undelivered messages grouped by cause, with the remedy and a link to the replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from hubwire.console.parts.chart import HOUR_MS
from hubwire.console.parts.holds import STEP_MS, STEPS, Expiring, expiring
from hubwire.console.parts.left_out import LeftOutLine, fixable_lines
from hubwire.delivery import DISCARDABLE, REPLAYABLE, State
from hubwire.explanations import cause_of, remedy_of
from hubwire.manage import snoozing
from hubwire.manage.failure_groups import FailureGroup, SnoozedGroup
from hubwire.manage.snoozing import LENGTHS
from hubwire.reasons import Reason
from hubwire.record.message_filter import MessageFilter
from hubwire.record.statistics import HoldCount
from hubwire.registry.access import Role
from hubwire.web.mask import PROPERTY_AT_FAULT
from hubwire.web.parameters import filter_query, message_filter, snooze_until
from hubwire.web.ports import Services
from hubwire.web.request import View

MAX_FIELDS = 10
TREND_STEPS = 24


class FailureCard(msgspec.Struct, frozen=True, kw_only=True):
    """A group of failures with its links."""

    group: FailureGroup
    messages_href: str
    replay_href: str | None
    mapping_href: str | None
    """The mapping page, filled with the property that HubSpot names; None where the mapping is not the cause."""
    discard_href: str | None
    expiring: Expiring | None = None
    trend: list[int] = []
    """New messages of the last 24 hours, by hour."""
    """`discard_href` and `replay_href` are None for messages that Hubwire retries automatically."""


class SnoozedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A snoozed group, and the list of its messages."""

    group: SnoozedGroup
    messages_href: str


class RejectedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Rejected messages, by reason."""

    reason: str
    count: int
    cause: str
    remedy: str
    messages_href: str


class LeftOutPart(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that one destination leaves out."""

    destination_id: int
    destination: str
    lines: list[LeftOutLine]


class FailuresPage(msgspec.Struct, frozen=True, kw_only=True):
    """`lost`: expired and invalid messages; `left_out`: by destination, the fields that somebody can fix."""

    dead: list[FailureCard]
    held: list[FailureCard]
    retrying: list[FailureCard]
    rejected: list[RejectedGroup]
    snoozed: list[SnoozedLine]
    lengths: list[str]
    lost: list[FailureCard] = []
    left_out: list[LeftOutPart] = []
    holds: list[HoldCount] = []
    now_ms: int = 0
    may_admin: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.dead or self.held or self.retrying or self.rejected or self.lost or self.left_out)


async def failures(view: View) -> Response:
    """`/failures`."""
    page = await view.read(_read, view)
    return view.render("watch/failures.html", page, title="Failures", cli="hubwire failures")


async def snooze(view: View) -> Response:
    """POST `/failures/snooze`: hide a group until a time."""
    form = await view.form()
    criteria = await view.read(message_filter, form, view.deps.registry)
    until_ms = snooze_until(form, view.deps.clock.now_ms())
    await view.read(snoozing.snooze_group, view.deps, view.viewer.name, criteria, until_ms)
    return view.redirect("/failures", "snoozed")


async def wake(view: View) -> Response:
    """POST `/failures/wake`: show a group again."""
    form = await view.form()
    criteria = await view.read(message_filter, form, view.deps.registry)
    await view.read(snoozing.wake_group, view.deps, view.viewer.name, criteria)
    return view.redirect("/failures", "woken")


def _read(view: View) -> FailuresPage:
    groups = view.failure_groups()
    now_ms = view.deps.clock.now_ms()
    holds = view.deps.statistics.holds(now_ms, STEP_MS, STEPS)
    trend = view.deps.queries.failure_trend(now_ms + 1 - TREND_STEPS * HOUR_MS, HOUR_MS, TREND_STEPS)
    cards = [_with_trend(_with_expiry(card_of(group), holds), trend) for group in groups.awake]
    return FailuresPage(
        dead=[card for card in cards if card.group.failure.state is State.DEAD],
        held=[card for card in cards if card.group.failure.state is State.HELD],
        retrying=[card for card in cards if card.group.failure.state is State.RETRYING],
        rejected=_rejected(view.deps),
        snoozed=[_snoozed_line(group) for group in groups.snoozed],
        lengths=list(LENGTHS),
        lost=[card_of(group) for group in groups.lost],
        left_out=_left_out(view),
        holds=holds,
        now_ms=now_ms,
        may_admin=view.may(Role.ADMIN),
    )


def _with_expiry(card: FailureCard, holds: Sequence[HoldCount]) -> FailureCard:
    failure = card.group.failure
    if failure.state is not State.HELD:
        return card
    of_group = [
        hold for hold in holds if (hold.destination_id, hold.reason) == (failure.destination_id, failure.reason)
    ]
    return msgspec.structs.replace(card, expiring=expiring(of_group))


def _with_trend(card: FailureCard, trend: Mapping[tuple[int, str, str], list[int]]) -> FailureCard:
    failure = card.group.failure
    found = trend.get((failure.destination_id, failure.state, failure.reason), [])
    return msgspec.structs.replace(card, trend=found)


def _left_out(view: View) -> list[LeftOutPart]:
    parts = [
        LeftOutPart(destination_id=number, destination=destination.name, lines=fixable_lines(view, number, MAX_FIELDS))
        for number, destination in view.deps.registry.destinations().items()
    ]
    return [part for part in parts if part.lines]


def _snoozed_line(group: SnoozedGroup) -> SnoozedLine:
    snooze = group.snooze
    query = filter_query(MessageFilter(state=snooze.state, reason=snooze.reason, destination_id=snooze.destination_id))
    return SnoozedLine(group=group, messages_href=f"/messages?{query}")


def card_of(group: FailureGroup) -> FailureCard:
    """A group with its links."""
    failure = group.failure
    query = filter_query(
        MessageFilter(state=failure.state, reason=failure.reason, destination_id=failure.destination_id)
    )
    return FailureCard(
        group=group,
        messages_href=f"/messages?{query}",
        replay_href=f"/replays/new?{query}" if failure.state in REPLAYABLE else None,
        mapping_href=mapping_href(failure.destination_id, failure.state, failure.reason, failure.sample_detail),
        discard_href=f"/discards/new?{query}" if failure.state in DISCARDABLE else None,
    )


def mapping_href(destination_id: int, state: str, reason: str | None, detail: str) -> str | None:
    """The page that changes the mapping, for dead messages.

    Shape: the property that HubSpot's words begin with is filled in, as the HubSpot name where a trait must be found
    for it, else as the trait, which has the same name unless a rule says otherwise.
    """
    if state != State.DEAD:
        return None
    named = PROPERTY_AT_FAULT.match(detail)
    if named is None:
        return f"/mapping/{destination_id}"
    field = "name" if reason == Reason.MISSING_REQUIRED_PROPERTY else "trait"
    return f"/mapping/{destination_id}?{urlencode({field: named[1]})}"


def _rejected(deps: Services) -> list[RejectedGroup]:
    counts: dict[str, int] = {}
    for source in deps.statistics.intake():
        for reason, count in source.rejected.items():
            counts[reason] = counts.get(reason, 0) + count
    return [
        RejectedGroup(
            reason=reason,
            count=count,
            cause=cause_of(reason) or reason,
            remedy=remedy_of(reason),
            messages_href=f"/messages?{filter_query(MessageFilter(rejected=True, reason=reason))}",
        )
        for reason, count in sorted(counts.items(), key=lambda entry: -entry[1])
    ]
