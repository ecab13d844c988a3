"""Failures: what did not arrive, grouped by cause, with what to do about it and the replay that follows."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from hubwire.console import formats
from hubwire.console.asked import filter_query
from hubwire.console.page import View
from hubwire.console.pages.lanes import names
from hubwire.console.ports import ConsoleDeps
from hubwire.delivery import DISCARDABLE, REPLAYABLE, State
from hubwire.record.queries import Failure, MessageFilter

URGENCY = (State.DEAD, State.RETRYING, State.HELD)


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one destination that share a state and a reason."""

    failure: Failure
    destination: str
    cause: str
    remedy: str
    messages_href: str
    replay_href: str | None
    discard_href: str | None
    """Both None for those that are tried again by themselves."""


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

    @property
    def is_empty(self) -> bool:
        return not (self.dead or self.held or self.retrying or self.rejected)


async def failures(view: View) -> Response:
    """`/failures`."""
    page = await view.read(_read, view)
    return view.render("failures.html", page, title="Failures", cli="hubwire failures")


def failure_groups(view: View) -> list[FailureGroup]:
    """Every group, what needs a person first, as the viewer may see them."""
    destinations = names(view.deps.registry.destinations())
    found = sorted(view.deps.queries.failures(), key=lambda one: (URGENCY.index(one.state), -one.count))
    return [_group(view, failure, destinations) for failure in found]


def _read(view: View) -> FailuresPage:
    groups = failure_groups(view)
    return FailuresPage(
        dead=[group for group in groups if group.failure.state is State.DEAD],
        held=[group for group in groups if group.failure.state is State.HELD],
        retrying=[group for group in groups if group.failure.state is State.RETRYING],
        rejected=_rejected(view.deps),
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
        discard_href=f"/discards/new?{query}" if failure.state in DISCARDABLE else None,
    )


def _rejected(deps: ConsoleDeps) -> list[RejectedGroup]:
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
