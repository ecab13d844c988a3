"""Lists and forms: how many people each list has here and at HubSpot, who joined and left, and what forms brought."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from starlette.responses import Response

from hubwire.console.pages.watch.messages import message_href
from hubwire.console.parts.lanes import names
from hubwire.console.parts.left_out import LeftOutLine, left_out_lines
from hubwire.destination import Destination
from hubwire.manage.list_sizes import LiveSize
from hubwire.record.marketing import FormCount, ListSize, Membership
from hubwire.record.message_filter import MessageFilter
from hubwire.web.parameters import filter_query
from hubwire.web.request import View

MAX_LISTS = 500
SHOWN_CHANGES = 200
SHOWN_LEFT_OUT = 50
OF_MARKETING = ("list:", "subscription:", "form:")
LIST_URL = "https://app.hubspot.com/contacts/{hub_id}/objectLists/{list_id}"


class ListLine(msgspec.Struct, frozen=True, kw_only=True):
    """One list: the members that Hubwire remembers, and the number at HubSpot when Hubwire last changed the list."""

    size: ListSize
    destination: str
    href: str


class FormLine(msgspec.Struct, frozen=True, kw_only=True):
    """One form with its submissions by state."""

    count: FormCount
    destination: str


class LeftOutOf(msgspec.Struct, frozen=True, kw_only=True):
    """A list, subscription or form that messages did not change."""

    line: LeftOutLine
    destination: str


class ListsPage(msgspec.Struct, frozen=True, kw_only=True):
    """All lists and forms that rules named."""

    lists: list[ListLine]
    forms: list[FormLine]
    left_out: list[LeftOutOf]
    """The most frequent reasons first."""


class ChangeLine(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on the list or not, since which message. `message_href` is None if retention removed the message."""

    membership: Membership
    who_href: str
    message_href: str | None


class ListPage(msgspec.Struct, frozen=True, kw_only=True):
    """One list. `left_out_href`: the messages that changed nothing on it, with their reasons."""

    line: ListLine
    changes: list[ChangeLine]
    is_more: bool
    left_out_href: str
    size_href: str
    hubspot_url: str | None


class SizePage(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a list here, and at HubSpot."""

    known: ListSize
    live: LiveSize


async def lists(view: View) -> Response:
    """`/lists`."""
    page = await view.read(_read, view)
    return view.render("watch/lists.html", page, title="Lists and forms", cli="hubwire lists")


async def one_list(view: View) -> Response:
    """`/lists/{destination_id}/{key}`."""
    key = view.request.path_params["key"]
    page = await view.read(_read_list, view, view.request.path_params["destination_id"], key)
    if page is None:
        return view.redirect("/lists")
    return view.render("watch/list.html", page, title=f"List {page.line.size.known.name}", cli="hubwire lists KEY")


async def list_size(view: View) -> Response:
    """`/list-size/{destination_id}/{key}`: the part of a list's page that waits for HubSpot."""
    destination_id, key = view.request.path_params["destination_id"], view.request.path_params["key"]
    known = await view.read(view.deps.record.marketing.list_size, destination_id, key)
    if known is None:
        return view.redirect("/lists")
    live = await view.deps.list_size(destination_id, known.known.list_id)
    page = SizePage(known=known, live=live)
    return view.render("watch/list_size.html", page, title=f"Size of {known.known.name}", cli="hubwire lists KEY")


def _line(view: View, size: ListSize) -> ListLine:
    name = names(view.deps.registry.destinations()).get(size.destination_id, "removed")
    return ListLine(size=size, destination=name, href=f"/lists/{size.destination_id}/{quote(size.known.key, safe='')}")


def _read(view: View) -> ListsPage:
    memory = view.deps.record.marketing
    known = names(view.deps.registry.destinations())
    return ListsPage(
        lists=[_line(view, size) for size in memory.list_sizes(MAX_LISTS)],
        forms=[
            FormLine(count=count, destination=known.get(count.destination_id, "removed"))
            for count in memory.form_counts(MAX_LISTS)
        ],
        left_out=[
            LeftOutOf(line=line, destination=name)
            for destination_id, name in known.items()
            for line in left_out_lines(view, destination_id, MAX_LISTS)
            if line.field.startswith(OF_MARKETING)
        ][:SHOWN_LEFT_OUT],
    )


def _read_list(view: View, destination_id: int, key: str) -> ListPage | None:
    deps = view.deps
    memory = deps.record.marketing
    size = memory.list_size(destination_id, key)
    if size is None:
        return None
    changes = memory.changes_of(destination_id, key, SHOWN_CHANGES + 1)
    rows = deps.journal.read_at([change.position for change in changes if change.position])
    destination = deps.registry.destinations().get(destination_id)
    return ListPage(
        line=_line(view, size),
        changes=[
            ChangeLine(
                membership=change,
                who_href=f"/who/{quote(change.record_key, safe='')}",
                message_href=message_href(row.message_id) if (row := rows.get(change.position)) is not None else None,
            )
            for change in changes[:SHOWN_CHANGES]
        ],
        is_more=len(changes) > SHOWN_CHANGES,
        left_out_href=f"/messages?{filter_query(MessageFilter(left_out=f'list:{key}'))}",
        size_href=f"/list-size/{destination_id}/{quote(key, safe='')}",
        hubspot_url=list_url(destination, size.known.list_id),
    )


def list_url(destination: Destination | None, list_id: str) -> str | None:
    """The page of a list in HubSpot; None in the sandbox."""
    if destination is None or destination.is_sandbox or not destination.hub_id:
        return None
    return LIST_URL.format(hub_id=destination.hub_id, list_id=list_id)
