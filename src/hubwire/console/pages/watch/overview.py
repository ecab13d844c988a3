"""Overview: the state of each destination, the outcomes of messages, and the failures that need a person."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from hubwire.console.pages.watch.failures import FailureCard, card_of
from hubwire.console.parts import formats
from hubwire.console.parts.holds import Expiring, expiring_by_destination
from hubwire.console.parts.lanes import DayNumbers, LaneCard, lane_card
from hubwire.console.parts.left_out import LeftOutLine, fixable_lines
from hubwire.delivery import State
from hubwire.reasons import DiscardGroup, Reason, discard_group
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import LaneStatus
from hubwire.record.statistics import ActivityPoint, Funnel
from hubwire.registry.access import Role
from hubwire.web.parameters import (
    WINDOWS,
    Window,
    filter_query,
    number,
    window,
)
from hubwire.web.ports import Services
from hubwire.web.request import View

CHART_STEPS = 48
LATENCY_STEPS = 24
SPARK_STEPS = 24
DAY_MS = 24 * 3600 * 1000
TOP_FAILURES = 5


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the funnel: its count, and the list of exactly these messages.

    Messages of several sources that do not feed the destination link to the page that connects sources.
    """

    name: str
    words: str
    count: int
    href: str
    note: str


class LatencyStep(msgspec.Struct, frozen=True, kw_only=True):
    """The time to deliver in one step of time; None without messages."""

    at_ms: int
    p50_ms: int | None
    p95_ms: int | None


class DiscardLine(msgspec.Struct, frozen=True, kw_only=True):
    """Discarded messages with one reason, and their list."""

    reason: str
    count: int
    href: str


class DiscardPart(msgspec.Struct, frozen=True, kw_only=True):
    """Discarded messages by what the discard means."""

    words: str
    count: int
    lines: list[DiscardLine]


class OverviewPage(msgspec.Struct, frozen=True, kw_only=True):
    """`stages` add up to `received`; the funnel is about `destination_id`."""

    window: Window
    windows: list[tuple[str, str]]
    destination_id: int | None
    cards: list[LaneCard]
    received: int = 0
    stages: list[Stage] = []
    discards: list[DiscardPart] = []
    points: list[ActivityPoint] = []
    latency: list[LatencyStep] = []
    failures: list[FailureCard] = []
    snoozed_count: int = 0
    left_out: list[LeftOutLine] = []
    holds: dict[int, Expiring] = {}
    """The held messages of each destination that expire soon."""
    may_admin: bool = False
    has_messages: bool = False


STAGES = (
    ("delivered", "HubSpot has the message."),
    ("pending", "The message waits for its turn."),
    ("retrying", "HubSpot could not accept it yet. Hubwire retries automatically."),
    ("held", "Hubwire does not know the person or company yet."),
    ("discarded", "Hubwire did not send it; the reasons are below."),
    ("dead", "HubSpot will not accept it as it is."),
    ("rejected", "The message has a fault, such as missing ids."),
    ("erased", "The person asked to be deleted, and Hubwire erased the content."),
    ("not_connected", "The source does not feed this destination."),
)
"""Name -> note. A name is a state, `rejected`, `erased`, or NOT_CONNECTED."""
NOT_CONNECTED = "not_connected"


async def overview(view: View) -> Response:
    """`/`."""
    page = await view.read(_read, view)
    return view.render("watch/overview.html", page, title="Overview", cli=_cli(page.window))


def _cli(chosen: Window) -> str:
    return f"hubwire status --window {chosen.name}" if chosen.name in WINDOWS else "hubwire status"


def _read(view: View) -> OverviewPage:
    deps, fields = view.deps, view.fields
    now_ms = deps.clock.now_ms()
    chosen = window(fields, now_ms)
    lanes = {lane.destination_id: lane for lane in view.lanes()}
    cards = [_card(deps, lane, now_ms) for lane in lanes.values()]
    windows = [(name, words) for name, (_, words) in WINDOWS.items()]
    requested_id = number(fields, "destination", 1, 1 << 31)
    destination_id = requested_id if requested_id in lanes else next(iter(lanes), None)
    if destination_id is None:
        return OverviewPage(window=chosen, windows=windows, destination_id=None, cards=[])
    failures = view.failure_groups()
    funnel = deps.statistics.funnel(destination_id, chosen.since_ms, chosen.until_ms)
    return OverviewPage(
        window=chosen,
        windows=windows,
        destination_id=destination_id,
        cards=cards,
        received=funnel.received,
        stages=_stages(deps, funnel, chosen),
        discards=_discards(funnel, chosen),
        points=_points(deps, destination_id, chosen, now_ms),
        latency=_latency(deps, destination_id, chosen, now_ms),
        failures=[card_of(group) for group in failures.awake[:TOP_FAILURES]],
        snoozed_count=len(failures.snoozed),
        left_out=fixable_lines(view, destination_id, TOP_FAILURES),
        holds=expiring_by_destination(deps.statistics.holds(now_ms, DAY_MS, 2)),
        may_admin=view.may(Role.ADMIN),
        has_messages=deps.journal.extent().last > 0,
    )


def _card(deps: Services, lane: LaneStatus, now_ms: int) -> LaneCard:
    points = deps.statistics.activity(lane.destination_id, now_ms - DAY_MS, now_ms, SPARK_STEPS)
    destination = deps.registry.destinations()[lane.destination_id]
    has_token = deps.registry.token(lane.destination_id) is not None
    numbers = DayNumbers(
        received_by_step=[point.received for point in points],
        dead=sum(point.dead for point in points),
        waits=deps.statistics.waits(lane.destination_id, now_ms - DAY_MS, now_ms),
    )
    return lane_card(lane, destination, has_token, numbers)


def _bounds(deps: Services, chosen: Window, now_ms: int) -> tuple[int, int]:
    """The period of the charts."""
    since_ms = chosen.since_ms
    if since_ms is None:
        since_ms = deps.statistics.storage().oldest_received_at_ms or now_ms - DAY_MS
    until_ms = chosen.until_ms or now_ms + 1
    return min(since_ms, until_ms - CHART_STEPS), until_ms


def _points(deps: Services, destination_id: int, chosen: Window, now_ms: int) -> list[ActivityPoint]:
    return deps.statistics.activity(destination_id, *_bounds(deps, chosen, now_ms), CHART_STEPS)


def _latency(deps: Services, destination_id: int, chosen: Window, now_ms: int) -> list[LatencyStep]:
    since_ms, until_ms = _bounds(deps, chosen, now_ms)
    step_ms = max(1, -(-(until_ms - since_ms) // LATENCY_STEPS))
    steps = deps.statistics.latency_over_time(destination_id, since_ms, until_ms, LATENCY_STEPS)
    return [
        LatencyStep(
            at_ms=since_ms + index * step_ms,
            p50_ms=None if step is None else step.p50_ms,
            p95_ms=None if step is None else step.p95_ms,
        )
        for index, step in enumerate(steps)
    ]


def _stages(deps: Services, funnel: Funnel, chosen: Window) -> list[Stage]:
    """Pending messages are one stage, whether they are behind the cursor or were replayed, and link to one list."""
    counts = {name: getattr(funnel, name) for name, _ in STAGES} | {"pending": funnel.backlog + funnel.pending}
    return [
        Stage(name=name, words=_words(name), count=counts[name], href=_href(deps, name, funnel, chosen), note=note)
        for name, note in STAGES
        if counts[name] or name in ("delivered", "pending", "discarded", "dead")
    ]


def _discards(funnel: Funnel, chosen: Window) -> list[DiscardPart]:
    """The discarded messages in the groups of `reasons.py`, in its order."""
    criteria = MessageFilter(
        state=State.DISCARDED,
        destination_id=funnel.destination_id,
        since_ms=chosen.since_ms,
        until_ms=chosen.until_ms,
    )
    parts = []
    for group in DiscardGroup:
        lines = [
            DiscardLine(
                reason=reason,
                count=count,
                href=f"/messages?{filter_query(msgspec.structs.replace(criteria, reason=reason))}",
            )
            for reason, count in funnel.discards.items()
            if discard_group(reason) is group
        ]
        if lines:
            parts.append(DiscardPart(words=group.capitalize(), count=sum(line.count for line in lines), lines=lines))
    return parts


def _words(stage: str) -> str:
    return "Not connected" if stage == NOT_CONNECTED else formats.state_words(stage)


def _href(deps: Services, stage: str, funnel: Funnel, chosen: Window) -> str:
    criteria = MessageFilter(since_ms=chosen.since_ms, until_ms=chosen.until_ms)
    if stage == "rejected":
        criteria = msgspec.structs.replace(criteria, rejected=True)
    elif stage == formats.ERASED:
        criteria = msgspec.structs.replace(criteria, rejected=True, reason=Reason.SUPPRESSED)
    elif stage == NOT_CONNECTED:
        feeding = deps.registry.destinations()[funnel.destination_id].source_ids or ()
        others = [number for number in deps.registry.sources() if number not in feeding]
        if len(others) != 1:
            return f"/connection/{funnel.destination_id}#feeds"
        criteria = msgspec.structs.replace(criteria, source_id=others[0], rejected=False)
    else:
        criteria = msgspec.structs.replace(criteria, state=State(stage), destination_id=funnel.destination_id)
    return f"/messages?{filter_query(criteria)}"
