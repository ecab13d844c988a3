"""Calls: every HubSpot call of a period by endpoint and answer, its duration, and the use of HubSpot's limits."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from hubwire.console.parts.budget import Budget, read_budget
from hubwire.console.parts.chart import Chart, Column, bar_chart, latency_chart, line_chart, round_up
from hubwire.console.parts.lanes import names
from hubwire.record.calls import BURST_MS, MAX_CALLS, Answer, CallReport, call_report
from hubwire.record.queries import LaneStatus
from hubwire.web.parameters import WINDOWS, Window, number, window
from hubwire.web.ports import Services
from hubwire.web.request import View

STEPS = 48
DAY_MS = 86_400_000
DAY_STEPS = 96


class CallsPage(msgspec.Struct, frozen=True, kw_only=True):
    """`burst_limit`: the calls that HubSpot allows in ten seconds; None if the lane has not reported it."""

    window: Window
    windows: list[tuple[str, str]]
    destination_id: int | None
    destinations: dict[int, str]
    report: CallReport | None = None
    max_calls: int = MAX_CALLS
    burst_limit: float | None = None
    budget: Budget = Budget()
    spent: list[tuple[int, int]] = []
    """The calls left today: (time, count), oldest first."""

    @property
    def answers_chart(self) -> Chart:
        """The calls over time, by answer."""
        assert self.report is not None
        return bar_chart(
            [
                Column(step.at_ms, {answer: step.answers.get(answer, 0) for answer in Answer}, _label(step.answers))
                for step in self.report.steps
            ]
        )

    @property
    def duration_chart(self) -> Chart:
        """Median and 95th percentile of the durations."""
        assert self.report is not None
        return latency_chart(self.report.steps)

    @property
    def burst_chart(self) -> Chart:
        """The busiest ten seconds of each step, beside the limit."""
        assert self.report is not None
        steps = self.report.steps
        lines: dict[str, list[float | None]] = {"calls": [step.busiest for step in steps]}
        if self.burst_limit is not None:
            lines["limit"] = [self.burst_limit] * len(steps)
        return line_chart([step.at_ms for step in steps], lines, axis=round_up)

    @property
    def budget_chart(self) -> Chart:
        """The calls left today until now, and until midnight at the current rate."""
        end_ms, limit = self.budget.day_ends_at_ms, self.budget.limit
        assert end_ms is not None
        assert limit is not None
        left = max(0, limit - self.budget.projected) if self.budget.projected is not None else None
        past: list[float | None] = [count for _, count in self.spent]
        ahead: list[float | None] = [None] * (len(past) - 1)
        return line_chart(
            [*(at_ms for at_ms, _ in self.spent), end_ms],
            {"remaining": [*past, None], "forecast": [*ahead, past[-1], left]},
            axis=round_up,
        )


async def calls(view: View) -> Response:
    """`/calls`."""
    page = await view.read(_read, view)
    command = "hubwire calls" if page.window.name == "custom" else f"hubwire calls --window {page.window.name}"
    return view.render("watch/calls.html", page, title="Calls", cli=command)


def _read(view: View) -> CallsPage:
    deps, now_ms = view.deps, view.deps.clock.now_ms()
    chosen = window(view.fields, now_ms)
    lanes = {lane.destination_id: lane for lane in view.lanes()}
    requested_id = number(view.fields, "destination", 1, 1 << 31)
    destination_id = requested_id if requested_id in lanes else next(iter(lanes), None)
    frame = CallsPage(
        window=chosen,
        windows=[(name, words) for name, (_, words) in WINDOWS.items()],
        destination_id=destination_id,
        destinations=names(deps.registry.destinations()),
    )
    if destination_id is None:
        return frame
    until_ms = chosen.until_ms or now_ms + 1
    found = deps.statistics.calls(destination_id, chosen.since_ms, until_ms)
    budget = read_budget(lanes[destination_id].budget)
    return msgspec.structs.replace(
        frame,
        report=call_report(found, chosen.since_ms, until_ms, STEPS),
        burst_limit=budget.calls_per_second and budget.calls_per_second * BURST_MS / 1000,
        budget=budget,
        spent=_spent(deps, lanes[destination_id], budget, now_ms),
    )


def _spent(deps: Services, lane: LaneStatus, budget: Budget, now_ms: int) -> list[tuple[int, int]]:
    """The calls left at steps of today, back from those that are left now; empty if the lane has not reported them."""
    end_ms, remaining = budget.day_ends_at_ms, budget.remaining
    if end_ms is None or remaining is None or not end_ms - DAY_MS < now_ms < end_ms:
        return []
    points = deps.statistics.activity(lane.destination_id, end_ms - DAY_MS, end_ms, DAY_STEPS)
    past = [point for point in points if point.at_ms <= now_ms]
    left, spent = remaining, [(now_ms, remaining)]
    for point in reversed(past):
        left += point.calls
        spent.append((point.at_ms, min(left, budget.limit or left)))
    return spent[::-1]


def _label(answers: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {answer}" for answer, count in answers.items()) or "no calls"
