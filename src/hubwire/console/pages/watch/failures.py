"""Failures: what did not arrive, grouped by cause, with what to do about it and the replay that follows."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from hubwire.console.parts import formats
from hubwire.console.parts.lanes import names
from hubwire.delivery import DISCARDABLE, REPLAYABLE, State
from hubwire.manage import snoozing
from hubwire.manage.snoozing import LENGTHS
from hubwire.reasons import Reason
from hubwire.record.queries import Failure, MessageFilter
from hubwire.record.snoozes import Snooze
from hubwire.web.parameters import filter_query, message_filter, snooze_until
from hubwire.web.ports import Services
from hubwire.web.request import View

PROPERTY_AT_FAULT = re.compile(r"([a-z][a-z0-9_]{0,99}): ")
"""HubSpot's words on a property, as the record keeps them: `hs_lead_status: A value must be provided`."""
URGENCY = (State.DEAD, State.RETRYING, State.HELD)


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one destination that share a state and a reason."""

    failure: Failure
    destination: str
    cause: str
    remedy: str
    messages_href: str
    replay_href: str | None
    mapping_href: str | None
    """Where the mapping is changed, with what HubSpot names filled in; None where that is no help."""
    discard_href: str | None
    """Both None for those that are tried again by themselves."""


class SnoozedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group that somebody does not want to see until then. `count`: how many messages it has now."""

    snooze: Snooze
    destination: str
    cause: str
    count: int
    messages_href: str


class RejectedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that no destination can get, by reason."""

    reason: str
    count: int
    cause: str
    remedy: str
    messages_href: str


class FailuresPage(msgspec.Struct, frozen=True, kw_only=True):
    dead: list[FailureGroup]
    held: list[FailureGroup]
    retrying: list[FailureGroup]
    rejected: list[RejectedGroup]
    snoozed: list[SnoozedGroup]
    lengths: list[str]

    @property
    def is_empty(self) -> bool:
        return not (self.dead or self.held or self.retrying or self.rejected)


async def failures(view: View) -> Response:
    """`/failures`."""
    page = await view.read(_read, view)
    return view.render("failures.html", page, title="Failures", cli="hubwire failures")


async def snooze(view: View) -> Response:
    """POST `/failures/snooze`: keep a group out of sight until then."""
    form = {name: values[-1] for name, values in (await view.form()).items()}
    wanted = await view.read(message_filter, form, view.deps.registry)
    until_ms = snooze_until(form, view.deps.clock.now_ms())
    await view.read(snoozing.snooze_group, view.deps, view.viewer.name, wanted, until_ms)
    return view.redirect("/failures", "snoozed")


async def wake(view: View) -> Response:
    """POST `/failures/wake`: show a group again."""
    form = {name: values[-1] for name, values in (await view.form()).items()}
    wanted = await view.read(message_filter, form, view.deps.registry)
    await view.read(snoozing.wake_group, view.deps, view.viewer.name, wanted)
    return view.redirect("/failures", "woken")


class Groups(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of failures, as the viewer may see them; `awake` what needs a person first."""

    awake: list[FailureGroup]
    snoozed: list[SnoozedGroup]


def failure_groups(view: View) -> Groups:
    """Every group: those to look at, and those that are snoozed."""
    destinations = names(view.deps.registry.destinations())
    snoozed = view.deps.snoozes.snoozed(view.deps.clock.now_ms())
    asleep = {one.group for one in snoozed}
    found = sorted(view.deps.queries.failures(), key=lambda one: (URGENCY.index(one.state), -one.count))
    counts = {_key(failure): failure.count for failure in found}
    return Groups(
        awake=[_group(view, failure, destinations) for failure in found if _key(failure) not in asleep],
        snoozed=[
            _snoozed(one, counts.get(one.group, 0), destinations)
            for one in snoozed
            if one.destination_id in destinations
        ],
    )


def _key(failure: Failure) -> tuple[int, str, str]:
    return failure.destination_id, failure.state, failure.reason


def _snoozed(one: Snooze, count: int, destinations: dict[int, str]) -> SnoozedGroup:
    wanted = MessageFilter(state=one.state, reason=one.reason, destination_id=one.destination_id)
    return SnoozedGroup(
        snooze=one,
        destination=destinations.get(one.destination_id, "removed"),
        cause=formats.cause(one.reason) or one.reason,
        count=count,
        messages_href=f"/messages?{filter_query(wanted)}",
    )


def _read(view: View) -> FailuresPage:
    found = failure_groups(view)
    groups = found.awake
    return FailuresPage(
        dead=[group for group in groups if group.failure.state is State.DEAD],
        held=[group for group in groups if group.failure.state is State.HELD],
        retrying=[group for group in groups if group.failure.state is State.RETRYING],
        rejected=_rejected(view.deps),
        snoozed=found.snoozed,
        lengths=list(LENGTHS),
    )


def _group(view: View, failure: Failure, destinations: dict[int, str]) -> FailureGroup:
    wanted = MessageFilter(state=failure.state, reason=failure.reason, destination_id=failure.destination_id)
    query = filter_query(wanted)
    detail = view.masked_text(failure.sample_detail) or ""
    return FailureGroup(
        failure=msgspec.structs.replace(failure, sample_detail=detail),
        destination=destinations.get(failure.destination_id, "removed"),
        cause=formats.cause(failure.reason) or failure.reason,
        remedy=formats.remedy(failure.reason),
        messages_href=f"/messages?{query}",
        replay_href=f"/replays/new?{query}" if failure.state in REPLAYABLE else None,
        mapping_href=mapping_href(failure.destination_id, failure.state, failure.reason, failure.sample_detail),
        discard_href=f"/discards/new?{query}" if failure.state in DISCARDABLE else None,
    )


def mapping_href(destination_id: int, state: str, reason: str | None, detail: str) -> str | None:
    """Where the mapping is changed, for what is dead.

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
    for one in deps.statistics.intake():
        for reason, count in one.rejected.items():
            counts[reason] = counts.get(reason, 0) + count
    return [
        RejectedGroup(
            reason=reason,
            count=count,
            cause=formats.cause(reason) or reason,
            remedy=formats.remedy(reason),
            messages_href=f"/messages?{filter_query(MessageFilter(rejected=True, reason=reason))}",
        )
        for reason, count in sorted(counts.items(), key=lambda entry: -entry[1])
    ]
