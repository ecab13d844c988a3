"""The building blocks of the page at `/`: sections with pages of rows, tables, rows that open, links to records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeVar
from urllib.parse import urlencode

from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.wire import Request, whole_number

T = TypeVar("T")

PAGE_ROWS = 100


@dataclass(frozen=True, slots=True)
class View:
    """What a visitor asked to see: words to search for, the page of each section, and whether the page reloads."""

    query: str
    pages: Mapping[str, int]
    is_live: bool

    @property
    def words(self) -> list[str]:
        """The words that everything shown must hold, in lower case."""
        return self.query.lower().split()

    def holds(self, texts: Iterable[str]) -> bool:
        """True when the texts together hold every word."""
        if not self.query:
            return True
        text = " ".join(texts).lower()
        return all(word in text for word in self.words)

    def link(self, **changes: str | int) -> str:
        """The address of this view with other parameters, safe in an attribute."""
        return f"/{self.parameters(**changes)}"

    def parameters(self, **changes: str | int) -> str:
        """The query of `link`, with its question mark."""
        values: dict[str, str | int] = {"q": self.query, "live": int(self.is_live), **self.pages, **changes}
        shown = {
            name: value for name, value in values.items() if value not in ("", 0, 1) or (name, value) == ("live", 1)
        }
        return escape(f"?{urlencode(shown)}", quote=True)


def view_of(request: Request, sections: Iterable[str]) -> View:
    """The view that the query of a request asks for; a page that is no number is the first one."""
    pages = {}
    for name in sections:
        number = whole_number(request.query(name) or "")
        if number is not None and number > 1:
            pages[name] = number
    return View((request.query("q") or "")[:200], pages, request.query("live") == "1")


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of one page of a section: those shown, and how many there are in all."""

    anchor: str
    title: str
    first: int
    shown: int
    total: int


def section(view: View, part: Slice, table: str) -> str:
    """One card: title, how many rows, the table, links to newer and older rows."""
    pages = part.shown < part.total
    span = f"{part.first + 1:,} to {part.first + part.shown:,} of {part.total:,}, newest first"
    note = span if pages and part.shown else f"{part.total:,}"
    none = "Nothing matches the search." if view.query else "None yet."
    body = table if part.shown else f'<p class="none">{none}</p>'
    heading = f"{escape(part.title)}<small>{note}</small>"
    anchor = escape(part.anchor, quote=True)
    turn = _turn(view, part) if pages else ""
    return f'<section id="{anchor}"><h2>{heading}</h2><div class="scroll">{body}</div>{turn}</section>'


def _turn(view: View, part: Slice) -> str:
    number = view.pages.get(part.anchor, 1)
    links = []
    if number > 1:
        links.append(f'<a href="{view.link(**{part.anchor: number - 1})}#{part.anchor}">Newer</a>')
    if part.first + part.shown < part.total:
        links.append(f'<a href="{view.link(**{part.anchor: number + 1})}#{part.anchor}">Older</a>')
    return f'<div class="turn">{"".join(links)}</div>'


def cut(view: View, anchor: str, title: str, found: Sequence[T]) -> tuple[Slice, Sequence[T]]:
    """The page of a section that is looked at, from everything found, newest first."""
    first = (view.pages.get(anchor, 1) - 1) * PAGE_ROWS
    page = found[first : first + PAGE_ROWS]
    return Slice(anchor, title, first, len(page), len(found)), page


def table(titles: Iterable[str], rows: Iterable[str]) -> str:
    """A table of rows."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def row(
    titles: Sequence[str], cells: Sequence[tuple[str, str]], values: Mapping[str, str], anchor: str | None = None
) -> str:
    """A row of (HTML, class) cells; the first one opens the row below, which holds every value."""
    terms = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in sorted(values.items())
    )
    return opening_row(titles, cells, f"<dl>{terms}</dl>" if values else "", anchor)


def opening_row(
    titles: Sequence[str],
    cells: Sequence[tuple[str, str]],
    below: str,
    anchor: str | None = None,
    *,
    is_open: bool = False,
) -> str:
    """A row of (HTML, class) cells; the first one opens `below`."""
    first = cells[0][0]
    opener = f"<details{' open' if is_open else ''}><summary>{first}</summary></details>" if below else first
    shown = "".join(
        f'<td{f" class={kind}" if kind else ""} data-label="{escape(title, quote=True)}">{html}</td>'
        for title, (html, kind) in zip(titles, [(opener, cells[0][1]), *cells[1:]], strict=True)
    )
    place = f' id="{escape(anchor, quote=True)}"' if anchor else ""
    opened = f'<tr class="all"><td colspan="{len(titles)}">{below}</td></tr>' if below else ""
    return f"<tr{place}>{shown}</tr>{opened}"


def chip(store: ObjectStore, record_id: str) -> str:
    """A link to a record, by the name that people know it by."""
    record = store.by_id(record_id)
    names = (
        [record.properties.get(name) for name in ("name", "email", "domain", "dealname", "subject")] if record else []
    )
    text = next(filter(None, names), f"{store.word.replace('_', ' ').title()} {record_id}")
    return f'<a class="chip" href="#{escape(f"{store.name}-{record_id}", quote=True)}">{escape(text)}</a>'


def moment(text: str) -> str:
    """A time to the second."""
    return escape(text[:19].replace("T", " "))
