"""One person or company: known ids, the values that HubSpot confirmed, and messages. Also the search box."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote as shell_quote
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from hubwire.console.pages.watch.messages import MessageLine, lines, message_href
from hubwire.console.parts.id_graph import IdGraph, id_graph
from hubwire.console.parts.lanes import names
from hubwire.console.parts.other_records import OtherRecord, other_records, record_url
from hubwire.decoding import read_message
from hubwire.delivery import State
from hubwire.record.marketing import SUBMISSION_WORDS, PersonMarketing, subscription_names_of
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import MessageSummary
from hubwire.record.statistics import LEARNT_FROM, Identity, KnownLink, KnownRecord
from hubwire.web.parameters import filter_query, text
from hubwire.web.request import View, wants_json

KINDS = {"u": "userId", "a": "anonymousId", "g": "groupId", "i": "userId, through another id"}
SHOWN_MESSAGES = 25
UNSETTLED = (State.PENDING, State.RETRYING, State.HELD, State.DEAD)
"""The states of messages that are not finished, or that need a person."""


class LinkLine(msgspec.Struct, frozen=True, kw_only=True):
    """One known id of this person. `learnt`: the kind of call that it comes from."""

    space: str
    kind: str
    key: str
    target: str
    learnt: str
    at_ms: int


class RecordView(msgspec.Struct, frozen=True, kw_only=True):
    """The values that HubSpot confirmed, each with the time of its message."""

    record: KnownRecord
    destination: str
    hubspot_url: str | None


class MarketingView(msgspec.Struct, frozen=True, kw_only=True):
    """The lists, subscriptions and submissions of this person at one destination."""

    known: PersonMarketing
    destination: str
    subscription_names: dict[str, str]
    """The names of subscription types, by their ids."""
    form_words: dict[str, str]
    """The states of submissions as people read them."""


class WhoPage(msgspec.Struct, frozen=True, kw_only=True):
    """`is_suppressed`: a deletion request suppresses this identity."""

    identity: str
    is_suppressed: bool
    links: list[LinkLine]
    traits: list[KnownLink]
    """What rules remember of them."""
    records: list[RecordView]
    other_records: list[OtherRecord]
    """Deals, orders and other records that are associated with them."""
    marketing: list[MarketingView]
    messages_href: str
    graph: IdGraph | None = None


class Unsettled(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of this identity in one state; of more than `SHOWN_MESSAGES` it is only said that there are more."""

    state: str
    count: int
    is_more: bool
    href: str


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """The consent in the latest message that mentions it."""

    at_ms: int
    message_href: str
    categories: dict[str, bool]


class WhoMessagesPage(msgspec.Struct, frozen=True, kw_only=True):
    """`consent` is null when none of `lines` mentions consent."""

    lines: list[MessageLine]
    unsettled: list[Unsettled]
    consent: Consent | None
    messages_href: str


async def who(view: View) -> Response:
    """`/who/{identity}`."""
    page = await view.read(_read, view, view.request.path_params["identity"])
    return view.render("watch/who.html", page, title=page.identity, cli=_cli("who", page.identity))


async def who_messages(view: View) -> Response:
    """`/who-messages/{identity}`: the part of the page that takes longer to load."""
    identity = view.request.path_params["identity"]
    page = await view.read(_read_messages, view, identity)
    return view.render(
        "watch/who_messages.html", page, title=f"Messages of {identity}", cli=_cli("messages --user", identity)
    )


def _read_messages(view: View, identity: str) -> WhoMessagesPage:
    found = view.deps.queries.messages(MessageFilter(user=identity, limit=SHOWN_MESSAGES))
    return WhoMessagesPage(
        lines=lines(view, found),
        unsettled=_unsettled(view, identity),
        consent=_consent(view, found),
        messages_href=f"/messages?user={quote(identity, safe='')}",
    )


def _unsettled(view: View, identity: str) -> list[Unsettled]:
    unsettled = []
    for state in UNSETTLED:
        criteria = MessageFilter(user=identity, state=state)
        count = len(view.deps.queries.messages(msgspec.structs.replace(criteria, limit=SHOWN_MESSAGES + 1)))
        if count:
            href = f"/messages?{filter_query(criteria)}"
            shown = min(count, SHOWN_MESSAGES)
            unsettled.append(Unsettled(state=state, count=shown, is_more=count > shown, href=href))
    return unsettled


def _consent(view: View, found: Sequence[MessageSummary]) -> Consent | None:
    for summary in found:
        for row in view.deps.journal.find(summary.message_id) if summary.rejected is None else ():
            consent = read_message(row).context.get("consent")
            categories = consent.get("categoryPreferences") if isinstance(consent, dict) else None
            if isinstance(categories, dict) and categories:
                categories = {str(name): bool(value) for name, value in categories.items()}
                href = message_href(summary.message_id)
                return Consent(at_ms=row.received_at_ms, message_href=href, categories=categories)
    return None


def _cli(command: str, identity: str) -> str:
    return f"hubwire {command} {shell_quote(identity) if identity.isprintable() else 'ID'}"


async def search(view: View) -> Response:
    """`/search?q=…`: a messageId leads to its message, a known person to their page, a part of a name to a list."""
    query = text(view.fields, "q", 1024)
    format_field = {"format": "json"} if wants_json(view.request) else {}
    if query is None:
        return view.redirect("/messages", **format_field)
    if await view.read(view.deps.queries.message, query):
        return view.redirect(message_href(query), **format_field)
    known = await view.read(view.deps.statistics.identity, query)
    if view.sees_payloads and (known.records or known.links):
        return view.redirect(f"/who/{quote(query, safe='')}", **format_field)
    return view.redirect("/messages", **{"contains" if view.sees_payloads else "q": query}, **format_field)


def _read(view: View, identity: str) -> WhoPage:
    known: Identity = view.deps.statistics.identity(identity)
    destinations = view.deps.registry.destinations()
    links = [
        LinkLine(
            space=link.space,
            kind=KINDS.get(link.key[:1], "id"),
            key=link.key[2:],
            target=link.target,
            learnt=LEARNT_FROM.get(link.strength, ""),
            at_ms=link.at_ms,
        )
        for link in known.links
    ]
    records = []
    for record in known.records:
        destination = destinations.get(record.destination_id)
        url = None if destination is None else record_url(view, destination, record.kind, record.record_id)
        name = names(destinations).get(record.destination_id, "removed")
        records.append(RecordView(record=record, destination=name, hubspot_url=url))
    marketing = [
        MarketingView(
            known=found,
            destination=names(destinations).get(found.destination_id, "removed"),
            form_words=dict(SUBMISSION_WORDS),
            subscription_names=subscription_names_of(view.deps.record.lane(found.destination_id).status),
        )
        for found in view.deps.record.marketing.of_person(known.keys)
    ]
    return WhoPage(
        identity=identity,
        is_suppressed=view.deps.keeps_out(identity),
        links=links,
        traits=known.traits,
        records=records,
        other_records=other_records(view, known.records),
        marketing=marketing,
        graph=id_graph(known.links, known.records),
        messages_href=f"/messages?user={quote(identity, safe='')}",
    )
