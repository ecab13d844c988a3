"""Lists of all stored messages, by any filter, newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from hubwire.console.parts import formats
from hubwire.console.parts.lanes import names
from hubwire.delivery import DISCARDABLE, REPLAYABLE, State
from hubwire.explanations import EXPLANATIONS, Kind
from hubwire.manage import decisions
from hubwire.manage.export import MAX_MESSAGES, exported
from hubwire.message import MessageType
from hubwire.reasons import DiscardGroup, discard_group
from hubwire.record.message_filter import MessageFilter, ReplayPart
from hubwire.record.queries import Fate, MessageSummary
from hubwire.registry.access import Role
from hubwire.web.parameters import PAGE_MESSAGES, command_of, filter_query
from hubwire.web.request import View

FILTERABLE = (
    State.DELIVERED,
    State.PENDING,
    State.RETRYING,
    State.HELD,
    State.DISCARDED,
    State.DEAD,
)


class FateLine(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a message at one destination."""

    destination_id: int
    destination: str
    state: str
    reason: str | None
    left_out_count: int
    is_replay: bool


class MessageLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list. `who`: the person's id in the message, as the viewer may see it."""

    position: int
    message_id: str
    href: str
    received_at_ms: int
    type: str
    event: str | None
    who: str | None
    who_href: str | None
    source: str
    is_backfill: bool
    rejected: str | None
    fates: list[FateLine]
    replay_href: str | None = None
    """The replay of this message, for those who may, if a delivery failed, is held or was discarded."""


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the filter form."""

    sources: dict[int, str]
    destinations: dict[int, str]
    states: list[str]
    types: list[str]
    reasons: list[tuple[str, list[str]]]
    replay_parts: list[str]


class Tab(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome to choose; the other filters stay."""

    words: str
    href: str
    is_current: bool


class MessagesPage(msgspec.Struct, frozen=True, kw_only=True):
    """`older_href` leads to the next page; None on the last. `is_filtered` tells an empty journal from no match."""

    criteria: MessageFilter
    tabs: list[Tab]
    lines: list[MessageLine]
    choices: Choices
    older_href: str | None
    newest_href: str | None
    replay_href: str | None
    discard_href: str | None
    download_href: str | None
    is_filtered: bool
    has_fields: bool
    """Whether the filter has more than an outcome."""
    is_text_search: bool


async def messages(view: View) -> Response:
    """`/messages`."""
    if view.fields.get("format") == "ndjson":
        return await _download(view)
    page = await view.read(_read, view)
    return view.render(
        "watch/messages.html",
        page,
        title="Messages",
        cli=command_of("hubwire messages", page.criteria, view.deps.registry),
    )


async def _download(view: View) -> Response:
    """The matching messages as they were sent, one per line."""
    if not view.sees_payloads:
        raise HTTPException(403, f"this needs the role {Role.OPERATE}; your role is {view.viewer.role}")
    deps = view.deps
    criteria = await view.read(view.message_filter, view.fields)
    pages = exported(deps.queries, deps.journal, msgspec.structs.replace(criteria, before=None, limit=MAX_MESSAGES))
    await view.read(decisions.note_export, deps, view.viewer.name, criteria)

    async def body() -> AsyncIterator[bytes]:
        while (page := await view.read(next, pages, None)) is not None:
            yield page

    headers = {"content-disposition": 'attachment; filename="messages.ndjson"'}
    return StreamingResponse(body(), headers=headers, media_type="application/x-ndjson")


def _read(view: View) -> MessagesPage:
    deps = view.deps
    criteria = view.message_filter(view.fields)
    more = msgspec.structs.replace(criteria, limit=criteria.limit + 1)
    found = deps.queries.messages(more)
    shown = found[: criteria.limit]
    plain = msgspec.structs.replace(criteria, before=None, limit=PAGE_MESSAGES)
    older = (
        filter_query(criteria, before=shown[-1].position, limit=_limit(criteria)) if len(found) > len(shown) else None
    )
    newest = filter_query(criteria, limit=_limit(criteria)) if criteria.before is not None else None
    return MessagesPage(
        criteria=criteria,
        tabs=_tabs(criteria),
        lines=lines(view, shown),
        choices=choices(view),
        older_href=None if older is None else f"/messages?{older}",
        newest_href=None if newest is None else f"/messages?{newest}",
        replay_href=f"/replays/new?{filter_query(criteria)}" if shown and criteria.state in REPLAYABLE else None,
        discard_href=f"/discards/new?{filter_query(criteria)}" if shown and criteria.state in DISCARDABLE else None,
        download_href=f"/messages?{filter_query(criteria, format='ndjson')}" if shown and view.sees_payloads else None,
        is_filtered=plain != MessageFilter(),
        is_text_search=any(part is not None for part in (criteria.text, criteria.where, criteria.contains)),
        has_fields=msgspec.structs.replace(plain, state=None, rejected=None) != MessageFilter(),
    )


def _tabs(criteria: MessageFilter) -> list[Tab]:
    chosen: list[tuple[str, State | None, int | None]]
    chosen = [("All", None, None), *((formats.state_words(state), state, None) for state in FILTERABLE)]
    chosen.append((formats.REJECTED_WORDS, None, 1))
    return [
        Tab(
            words=words,
            href=f"/messages?{filter_query(criteria, state=state, rejected=rejected, reason=None)}",
            is_current=criteria.state is state and bool(criteria.rejected) is bool(rejected),
        )
        for words, state, rejected in chosen
    ]


def lines(view: View, found: list[MessageSummary]) -> list[MessageLine]:
    """Messages as lines that the viewer may see."""
    sources, destinations = names(view.deps.registry.sources()), names(view.deps.registry.destinations())
    return [_line(view, summary, sources, destinations) for summary in found]


def _line(view: View, summary: MessageSummary, sources: dict[int, str], destinations: dict[int, str]) -> MessageLine:
    who = summary.email or summary.user_id or summary.anonymous_id
    return MessageLine(
        position=summary.position,
        message_id=summary.message_id,
        href=message_href(summary.message_id),
        received_at_ms=summary.received_at_ms,
        type=summary.type,
        event=view.masked_text(summary.event),
        who=view.masked_text(who),
        who_href=f"/who/{quote(who, safe='')}" if who and view.sees_payloads else None,
        source=sources.get(summary.source_id, "removed"),
        is_backfill=summary.is_backfill,
        rejected=summary.rejected,
        fates=[fate_line(fate, destinations) for fate in summary.fates],
        replay_href=_replay_href(summary) if view.may(Role.OPERATE) else None,
    )


def _replay_href(summary: MessageSummary) -> str | None:
    for fate in summary.fates:
        is_in_browser = discard_group(fate.reason) is DiscardGroup.IN_BROWSER
        if fate.state in REPLAYABLE and fate.state is not State.DELIVERED and not is_in_browser:
            criteria = MessageFilter(text=summary.message_id, state=fate.state, destination_id=fate.destination_id)
            return f"/replays/new?{filter_query(criteria)}"
    return None


def fate_line(fate: Fate, destinations: dict[int, str]) -> FateLine:
    """A fate for a list."""
    return FateLine(
        destination_id=fate.destination_id,
        destination=destinations.get(fate.destination_id, "removed"),
        state=fate.state,
        reason=fate.reason,
        left_out_count=len(fate.left_out),
        is_replay=fate.is_replay,
    )


def message_href(message_id: str) -> str:
    """The page of a message. The id is text from the sender and can hold any character."""
    return f"/messages/{quote(message_id, safe='')}"


def choices(view: View) -> Choices:
    """The options of the filter form."""
    kinds = (Kind.DEAD, Kind.RETRYING, Kind.HELD, Kind.DISCARDED, Kind.LEFT_OUT, Kind.REJECTED)
    by_kind = {
        kind: [reason.value for reason, explanation in EXPLANATIONS.items() if explanation.kind is kind]
        for kind in kinds
    }
    return Choices(
        sources=names(view.deps.registry.sources()),
        destinations=names(view.deps.registry.destinations()),
        states=[state.value for state in FILTERABLE],
        types=[kind.value for kind in MessageType],
        reasons=[(kind.value, reasons) for kind, reasons in by_kind.items() if reasons],
        replay_parts=[part.value for part in ReplayPart],
    )


def _limit(criteria: MessageFilter) -> int | None:
    return None if criteria.limit == PAGE_MESSAGES else criteria.limit
