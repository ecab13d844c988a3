"""The page at `/`: records, events, requests and the emulator's controls. Without scripts and external files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import islice

from msgspec import UNSET

from hubwire.emulator.http.page_controls import controls, requests
from hubwire.emulator.http.page_parts import Slice, View, chip, cut, moment, row, section, table, view_of
from hubwire.emulator.http.page_style import ICON, STYLE
from hubwire.emulator.moments import iso
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.occurrences import Occurrence
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Reply, Request

_COLUMNS = {
    "contacts": ("email", "firstname", "lastname", "lifecyclestage"),
    "companies": ("name", "domain", "industry", "lifecyclestage"),
}
_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'"
LIVE_SECONDS = 2


def render(portal: Portal, request: Request) -> Reply:
    """The page, with the rows that the query of the request asks for."""
    stores = list(_shown_stores(portal))
    view = view_of(request, [*(store.name for store in stores), "events", "lost", "requests"])
    sections = [_records(portal, view, store) for store in stores]
    sections += [_events(portal, view), _lost_events(portal, view), requests(portal, view), controls(portal, view)]
    reply = Reply(200, _frame(portal, view, stores, "".join(sections)).encode(), b"text/html; charset=utf-8")
    reply.headers.append((b"content-security-policy", _POLICY))
    return reply


def _shown_stores(portal: Portal) -> Iterator[ObjectStore]:
    """Contacts, companies, the account's own types, and every other type that has records."""
    for store in portal.stores.values():
        if store.name in _COLUMNS or store.kind.is_custom or any(True for _ in store.live()):
            yield store


def _title(store: ObjectStore) -> str:
    return store.name.replace("_", " ").title()


def _frame(portal: Portal, view: View, stores: list[ObjectStore], sections: str) -> str:
    config = portal.config
    anchors = {store.name: (_title(store), sum(1 for _ in store.live())) for store in stores}
    anchors["events"] = ("Events", portal.events.counts.total())
    if lost := portal.events.lost_counts.total():
        anchors["lost"] = ("Events of unknown people", lost)
    anchors["requests"] = ("Requests", portal.stats.calls.total())
    links = "".join(
        f'<a href="#{escape(anchor, quote=True)}">{escape(name)} <b>{count:,}</b></a>'
        for anchor, (name, count) in anchors.items()
    )
    # With its address: a browser does not load a page again whose own address ends with #controls.
    refresh = f'<meta http-equiv="refresh" content="{LIVE_SECONDS};url={view.link()}">' if view.is_live else ""
    live_text = "Stop reloading" if view.is_live else f"Reload every {LIVE_SECONDS} s"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>HubSpot emulator</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{refresh}'
        f'<link rel="icon" href="{ICON}">'  # a browser that asks for one would be a call in the statistics
        f"<style>{STYLE}</style></head><body><header>"
        f'<h1><img src="{ICON}" alt="" width="26" height="26">HubSpot emulator</h1>'
        f"<p>Portal {config.portal_id} · {escape(str(config.tier))} · {moment(portal.now_iso())} UTC · "
        f"{portal.stats.calls.total():,} calls</p></header><main>"
        f'<nav>{links}<a href="#controls">Clock and faults</a></nav>'
        '<form class="find" action="/" method="get">'
        f'<input type="search" name="q" value="{escape(view.query, quote=True)}" placeholder="Search every table" '
        'aria-label="Search every table"><button>Search</button>'
        f'<a href="{view.link(live=0 if view.is_live else 1)}">{live_text}</a></form>{sections}'
        "<footer>Nothing here is HubSpot, and nothing here reaches it. The control plane lists its calls under "
        '<a href="/_emulator/">/_emulator/</a>, and <a href="/_emulator/coverage">COVERAGE.md</a> what the emulator '
        "covers.</footer></main></body></html>"
    )


def _records(portal: Portal, view: View, store: ObjectStore) -> str:
    columns = _COLUMNS.get(store.name) or tuple(islice(_named(store), 4))
    newest = [record for record in reversed(store.records.values()) if not record.archived_at_ms]
    if view.query:
        newest = [record for record in newest if view.holds([record.id, *record.properties.values()])]
    part, page = cut(view, store.name, _title(store), newest)
    labels = [store.schema.live[name].label if name in store.schema.live else name for name in columns]
    titles = ["ID", *labels, "Associated", "Changed"]
    rows = [_record_row(portal, store, record, columns, titles) for record in page]
    return section(view, part, table(titles, rows))


def _named(store: ObjectStore) -> Iterator[str]:
    yield from (name for name in store.schema.rules if name in store.required)
    yield from (name for name in store.schema.rules if name not in store.required and not name.startswith("hs_"))


def _record_row(portal: Portal, store: ObjectStore, record: Record, columns: tuple[str, ...], titles: list[str]) -> str:
    values = record.properties
    associated = [
        chip(to_store, to_id)
        for to_store in portal.stores.values()
        for to_id in islice(portal.associations.targets(store.name, record.id, to_store.name), 3)
    ]
    cells = [
        (escape(record.id), "id"),
        *((escape(values.get(name, "")), "") for name in columns),
        (" ".join(associated), "links"),
        (moment(iso(record.updated_at_ms)), "at"),
    ]
    return row(titles, cells, {**store.computed(record), **values}, anchor=f"{store.name}-{record.id}")


def _events(portal: Portal, view: View) -> str:
    log = portal.events
    titles = ["Event", "Of", "Sent with", "Occurred"]
    if not log.kept and log.counts:
        return section(view, _all("events", "Events", log.counts.total()), _counts(portal))
    part, page = cut(view, "events", "Events", _lines(view, log.kept))
    rows = [_event_row(portal, log.decode(line), titles) for line in page]
    return section(view, part, table(titles, rows))


def _lost_events(portal: Portal, view: View) -> str:
    """Events that HubSpot accepts and then shows nowhere; nothing when there are none."""
    log = portal.events
    if not log.lost:
        return ""
    titles = ["Event", "Reason", "Sent with", "Occurred"]
    part, page = cut(view, "lost", "Events of unknown people", _lines(view, log.lost))
    rows = [_event_row(portal, log.decode(line), titles) for line in page]
    return section(view, part, table(titles, rows))


def _lines(view: View, kept: Iterable[bytes]) -> list[bytes]:
    lines = list(kept)[::-1]
    return [line for line in lines if view.holds([line.decode()])] if view.query else lines


def _all(anchor: str, title: str, total: int) -> Slice:
    return Slice(anchor, title, 0, total, total)


def _event_row(portal: Portal, event: Occurrence, titles: list[str]) -> str:
    identity = next((value for value in (event.email, event.object_id, event.utk) if value is not UNSET), "")
    owner = portal.aliases.get(event.object_type.lower(), event.object_type)
    if event.lost_reason is not UNSET:
        whose = escape(event.lost_reason)
    elif event.contact_id is not None and owner in portal.stores:
        whose = chip(portal.stores[owner], event.contact_id)
    else:
        whose = escape(event.contact_id or "")
    cells = [
        (f'<span class="chip">{escape(event.event_name)}</span>', ""),
        (whose, ""),
        (escape(str(identity)), ""),
        (moment(event.occurred_at), "at"),
    ]
    return row(titles, cells, event.properties)


def _counts(portal: Portal) -> str:
    counts = portal.events.counts.items()
    rows = [f"<tr><td>{escape(name)}</td><td>{count:,}</td></tr>" for name, count in counts]
    return table(["Event", "Count"], rows)
