"""Overview: is it delivering, what became of what came in, and what needs a person."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from hubwire.console.pages.watch.failures import FailureCard, card_of
from hubwire.console.parts.lanes import DayNumbers, LaneCard, lane_card
from hubwire.delivery import State
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import LaneStatus
from hubwire.record.statistics import ActivityPoint, Funnel
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
SPARK_STEPS = 24
DAY_MS = 24 * 3600 * 1000
TOP_FAILURES = 5


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the funnel: its count, and the list of exactly these messages.

    What came from several sources that do not feed the destination leads to where they are connected.
    """

    name: str
    words: str
    count: int
    href: str
    note: str


class OverviewPage(msgspec.Struct, frozen=True, kw_only=True):
    """`stages` add up to `received`; `others` are destinations that the funnel is not about."""

    window: Window
    windows: list[tuple[str, str]]
    destination_id: int | None
    cards: list[LaneCard]
    received: int = 0
    stages: list[Stage] = []
    points: list[ActivityPoint] = []
    failures: list[FailureCard] = []
    snoozed_count: int = 0
    has_messages: bool = False


STAGES = (
    ("delivered", "Delivered", "HubSpot confirmed it."),
    ("pending", "Waiting", "Received or put back, about to be delivered."),
    ("retrying", "Pending retry", "HubSpot could not take it now; tried again by itself."),
    ("held", "Held", "Waits until its person is known."),
    ("discarded", "Filtered", "Dropped on purpose, by a rule."),
    ("dead", "Failed delivery", "HubSpot will not take it as it is."),
    ("rejected", "Failed on ingest", "Cannot be delivered to anyone."),
    ("not_connected", "Not connected", "Its source does not feed this destination."),
)


async def overview(view: View) -> Response:
    """`/`."""
    page = await view.read(_read, view)
    return view.render("overview.html", page, title="Overview", cli=_cli(page.window))


def _cli(chosen: Window) -> str:
    return f"hubwire status --window {chosen.name}" if chosen.name in WINDOWS else "hubwire status"


def _read(view: View) -> OverviewPage:
    deps, fields = view.deps, view.fields
    now_ms = deps.clock.now_ms()
    chosen = window(fields, now_ms)
    lanes = {lane.destination_id: lane for lane in deps.queries.lanes(now_ms)}
    cards = [_card(deps, lane, now_ms) for lane in lanes.values()]
    windows = [(name, words) for name, (_, words) in WINDOWS.items()]
    wanted = number(fields, "destination", 1, 1 << 31)
    destination_id = wanted if wanted in lanes else next(iter(lanes), None)
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
        points=_points(deps, destination_id, chosen, now_ms),
        failures=[card_of(group) for group in failures.awake[:TOP_FAILURES]],
        snoozed_count=len(failures.snoozed),
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


def _points(deps: Services, destination_id: int, chosen: Window, now_ms: int) -> list[ActivityPoint]:
    since_ms = chosen.since_ms
    if since_ms is None:
        since_ms = deps.statistics.storage().oldest_received_at_ms or now_ms - DAY_MS
    until_ms = chosen.until_ms or now_ms + 1
    return deps.statistics.activity(destination_id, min(since_ms, until_ms - CHART_STEPS), until_ms, CHART_STEPS)


def _stages(deps: Services, funnel: Funnel, chosen: Window) -> list[Stage]:
    """What waits is one stage, whether it is behind the cursor or was put back: the list of it is one as well."""
    counts = {name: getattr(funnel, name) for name, _, _ in STAGES} | {"pending": funnel.backlog + funnel.pending}
    return [
        Stage(name=name, words=words, count=counts[name], href=_href(deps, name, funnel, chosen), note=note)
        for name, words, note in STAGES
        if counts[name] or name in ("delivered", "pending", "discarded", "dead")
    ]


def _href(deps: Services, stage: str, funnel: Funnel, chosen: Window) -> str:
    wanted = MessageFilter(since_ms=chosen.since_ms, until_ms=chosen.until_ms)
    if stage == "rejected":
        wanted = msgspec.structs.replace(wanted, rejected=True)
    elif stage == "not_connected":
        feeding = deps.registry.destinations()[funnel.destination_id].source_ids or ()
        others = [number for number in deps.registry.sources() if number not in feeding]
        if len(others) != 1:
            return f"/connection/{funnel.destination_id}#feeds"
        wanted = msgspec.structs.replace(wanted, source_id=others[0], rejected=False)
    else:
        wanted = msgspec.structs.replace(wanted, state=State(stage), destination_id=funnel.destination_id)
    return f"/messages?{filter_query(wanted)}"
