"""Breakdown: the messages of a period by event, type, source or library, with their outcomes and the change."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from hubwire.console.parts.lanes import names
from hubwire.manage.sampling import sample
from hubwire.record.breakdown import Breakdown, BreakdownBy, Sample, break_down
from hubwire.record.message_filter import MessageFilter
from hubwire.web.parameters import WINDOWS, Window, choice, filter_query, number, window
from hubwire.web.request import View

BEFORE = {"1h": "the hour before", "24h": "the 24 hours before", "7d": "the 7 days before", "30d": "the 30 days before"}


class BreakdownRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line for the page. `href` is None where no filter lists these messages."""

    name: str
    count: int
    outcomes: dict[str, int]
    change_percent: float | None
    href: str | None


class BreakdownPage(msgspec.Struct, frozen=True, kw_only=True):
    """`before`: the period of the comparison in words, empty without one."""

    window: Window
    windows: list[tuple[str, str]]
    by: str
    kinds: list[str]
    destination_id: int | None
    destinations: dict[int, str]
    before: str = ""
    is_available: bool = True
    count: int = 0
    is_estimate: bool = False
    other_count: int = 0
    rows: list[BreakdownRow] = []


async def breakdown(view: View) -> Response:
    """`/breakdown?by=event|type|source|library&window=…&destination=…`."""
    page = await view.read(_read, view)
    return view.render("watch/breakdown.html", page, title="Breakdown", cli=f"hubwire breakdown --by {page.by}")


def _read(view: View) -> BreakdownPage:
    deps, now_ms = view.deps, view.deps.clock.now_ms()
    chosen = window(view.fields, now_ms)
    by = BreakdownBy(choice(view.fields, "by", list(BreakdownBy)) or BreakdownBy.EVENT)
    known = names(deps.registry.destinations())
    requested_id = number(view.fields, "destination", 1, 1 << 31)
    destination_id = requested_id if requested_id in known else next(iter(known), None)
    page = BreakdownPage(
        window=chosen,
        windows=[(name, words) for name, (_, words) in WINDOWS.items()],
        by=by,
        kinds=list(BreakdownBy),
        destination_id=destination_id,
        destinations=known,
        before=BEFORE.get(chosen.name, ""),
    )
    if destination_id is None:
        return page
    until_ms = chosen.until_ms or now_ms + 1
    before = Sample((), 1.0)
    if page.before and chosen.since_ms is not None:
        before = sample(deps, 2 * chosen.since_ms - until_ms, chosen.since_ms)
    found = break_down(sample(deps, chosen.since_ms, until_ms), before, by, destination_id)
    return msgspec.structs.replace(
        page,
        count=found.count,
        is_estimate=found.is_estimate,
        other_count=found.other_count,
        rows=_rows(view, found, by, chosen),
    )


def _rows(view: View, found: Breakdown, by: BreakdownBy, chosen: Window) -> list[BreakdownRow]:
    sources = names(view.deps.registry.sources())
    rows = []
    for line in found.lines:
        criteria = MessageFilter(since_ms=chosen.since_ms, until_ms=chosen.until_ms)
        name, href = view.masked_text(line.name) or "", None
        if by is BreakdownBy.SOURCE:
            name = sources.get(int(line.name), "removed")
            criteria = msgspec.structs.replace(criteria, source_id=int(line.name))
            href = f"/messages?{filter_query(criteria)}" if int(line.name) in sources else None
        elif by is not BreakdownBy.LIBRARY and name == line.name != "":
            criteria = msgspec.structs.replace(criteria, **{by.value: line.name})
            href = f"/messages?{filter_query(criteria)}"
        rows.append(
            BreakdownRow(
                name=name,
                count=line.count,
                outcomes=line.outcomes,
                change_percent=line.change_percent,
                href=href,
            )
        )
    return rows
