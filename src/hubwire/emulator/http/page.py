"""The page at `/`: contacts, companies and events as tables. Read-only, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import islice

from msgspec import UNSET

from hubwire.emulator.moments import iso
from hubwire.emulator.store.occurrences import Occurrence
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.store.records import ObjectStore, Record
from hubwire.emulator.wire import Reply

SHOWN_ROWS = 200

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --soft: #5b6472; --line: #e5e7eb; --paper: #f6f7f9; --card: #fff;
  --accent: #c2410c; --chip: #eef2f6; --mark: #fff7ed; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --soft: #9ca3af; --line: #2b3340; --paper: #0f141b;
  --card: #171e28; --accent: #fb923c; --chip: #25303f; --mark: #2a2118; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 82rem; margin: 0 auto; padding: 1.25rem 1.25rem 0; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; }
h1 { font-size: 1.35rem; margin: 0; }
h1 span { color: var(--accent); }
header p { margin: 0; color: var(--soft); font-variant-numeric: tabular-nums; }
nav { display: flex; flex-wrap: wrap; gap: .5rem; }
nav a { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .4rem .9rem;
  color: inherit; text-decoration: none; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
nav a:hover { border-color: var(--accent); }
nav b { font-variant-numeric: tabular-nums; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; margin: 1.25rem 0;
  overflow: hidden; }
h2 { font-size: 1.05rem; margin: 0; padding: .8rem 1rem; border-bottom: 1px solid var(--line); }
h2 small { color: var(--soft); font-weight: 400; margin-left: .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .45rem .8rem; white-space: nowrap; vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .82rem; border-bottom: 1px solid var(--line); }
tbody tr:not(:first-child) td { border-top: 1px solid var(--line); }
tr:target td { background: var(--mark); }
td { max-width: 22rem; overflow: hidden; text-overflow: ellipsis; }
td.id, td.at { font-variant-numeric: tabular-nums; color: var(--soft); }
td.links { white-space: normal; max-width: 15rem; }
summary { cursor: pointer; }
summary::marker { color: var(--soft); }
@supports selector(:has(a)) { tr.all { display: none; } tr:has(details[open]) + tr.all { display: table-row; } }
tbody tr.all td { border-top: 0; padding-top: 0; max-width: none; white-space: normal; }
dl { columns: 22rem; column-gap: 2rem; margin: 0; padding: .6rem .9rem; background: var(--paper);
  border-radius: .6rem; font-size: .88rem; }
dl div { display: grid; grid-template-columns: minmax(9rem, 42%) 1fr; gap: .8rem; break-inside: avoid; }
dt { color: var(--soft); overflow-wrap: anywhere; } dd { margin: 0; overflow-wrap: anywhere; }
.chip { display: inline-block; max-width: 100%; background: var(--chip); border-radius: .4rem; padding: .05rem .45rem;
  font-size: .85rem; color: inherit; text-decoration: none; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; vertical-align: bottom; }
summary .chip { max-width: calc(100% - 1.4rem); } a.chip:hover { color: var(--accent); }
.none { color: var(--soft); padding: 1rem; margin: 0; }
footer { color: var(--soft); padding: 0 0 2rem; font-size: .88rem; }
code { background: var(--chip); border-radius: .3rem; padding: 0 .3rem; }
@media (max-width: 44rem) {
  header, main { padding: 1rem .8rem 0; }
  thead { display: none; }
  table, tbody { display: block; }
  tbody tr { display: block; padding: .5rem 0; }
  tbody tr + tr:not(.all) { border-top: 1px solid var(--line); }
  tr:has(details[open]) + tr.all { display: block; }
  tbody tr:not(:first-child) td { border: 0; }
  td, td.links { display: flow-root; max-width: none; padding: .12rem 1rem .12rem 8.6rem; white-space: normal;
    overflow-wrap: anywhere; }
  td:empty { display: none; }
  td::before { content: attr(data-label); float: left; width: 7rem; margin-left: -7.6rem; color: var(--soft);
    font-size: .82rem; line-height: 1.75; }
  tr.all td { display: block; padding-left: 1rem; } tr.all td::before { content: none; }
  dl { columns: auto; padding: .6rem; }
}
"""

_CONTACT_COLUMNS = ("email", "firstname", "lastname", "lifecyclestage")
_COMPANY_COLUMNS = ("name", "domain", "industry", "lifecyclestage")


def render(portal: Portal) -> Reply:
    """The whole page as it stands now."""
    sections = [
        _records(portal, portal.stores["contacts"], "Contacts", _CONTACT_COLUMNS),
        _records(portal, portal.stores["companies"], "Companies", _COMPANY_COLUMNS),
    ]
    for name, store in portal.stores.items():
        if name not in ("contacts", "companies"):
            columns = tuple(islice((known for known in store.schema.rules if not known.startswith("hs_")), 4))
            sections.append(_records(portal, store, name.title(), columns))
    sections += [_events(portal), _lost_events(portal)]
    body = _frame(portal, "".join(sections))
    reply = Reply(200, body.encode(), b"text/html; charset=utf-8")
    reply.headers.append((b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; img-src data:"))
    return reply


def _frame(portal: Portal, sections: str) -> str:
    config = portal.config
    counts = {store.name.title(): sum(1 for _ in store.live()) for store in portal.stores.values()}
    counts["Events"] = portal.events.counts.total()
    anchors = {name.lower(): (name, count) for name, count in counts.items()}
    if lost := portal.events.lost_counts.total():
        anchors["lost"] = ("Accepted, of nobody", lost)
    links = "".join(
        f'<a href="#{escape(anchor, quote=True)}">{escape(name)} <b>{count:,}</b></a>'
        for anchor, (name, count) in anchors.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>HubSpot emulator</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'  # a browser that asks for one would be a call in the statistics
        f"<style>{_STYLE}</style></head><body><header><h1>HubSpot <span>emulator</span></h1>"
        f"<p>Portal {config.portal_id} · {escape(str(config.tier))} · {_moment(portal.now_iso())} UTC · "
        f"{portal.stats.calls.total():,} calls</p></header><main><nav>{links}</nav>{sections}"
        "<footer>Nothing here is HubSpot, and nothing here reaches it. Read and change everything under "
        "<code>/_emulator/</code>.</footer></main></body></html>"
    )


def _section(anchor: str, title: str, shown: int, total: int, table: str) -> str:
    note = f"{total:,}" if shown == total else f"the newest {shown:,} of {total:,}"
    body = table if total else '<p class="none">None yet.</p>'
    heading = f"{escape(title)}<small>{note}</small>"
    return f'<section id="{escape(anchor, quote=True)}"><h2>{heading}</h2><div class="scroll">{body}</div></section>'


def _records(portal: Portal, store: ObjectStore, title: str, columns: tuple[str, ...]) -> str:
    total = sum(1 for _ in store.live())
    newest = (record for record in reversed(store.records.values()) if not record.archived_at_ms)
    labels = [store.schema.live[name].label if name in store.schema.live else name for name in columns]
    titles = ["ID", *labels, "Associated", "Changed"]
    rows = [_record_row(portal, store, record, columns, titles) for record in islice(newest, SHOWN_ROWS)]
    return _section(title.lower(), title, len(rows), total, _table(titles, rows))


def _record_row(
    portal: Portal, store: ObjectStore, record: Record, columns: tuple[str, ...], titles: Sequence[str]
) -> str:
    values = record.properties
    associated = [
        _chip(to_store, to_id)
        for to_store in portal.stores.values()
        for to_id in islice(portal.associations.targets(store.name, record.id, to_store.name), 3)
    ]
    everything = {**store.computed(record), **values}
    cells = [
        (escape(record.id), "id"),
        *((escape(values.get(name, "")), "") for name in columns),
        (" ".join(associated), "links"),
        (_moment(iso(record.updated_at_ms)), "at"),
    ]
    return _row(titles, cells, everything, anchor=f"{store.name}-{record.id}")


def _chip(store: ObjectStore, record_id: str) -> str:
    """A link to a record, by the name that people know it by."""
    record = store.by_id(record_id)
    names = [record.properties.get(name) for name in ("name", "email", "domain")] if record else []
    text = next(filter(None, names), f"{store.singular.title()} {record_id}")
    return f'<a class="chip" href="#{escape(f"{store.name}-{record_id}", quote=True)}">{escape(text)}</a>'


def _events(portal: Portal) -> str:
    log = portal.events
    titles = ["Event", "Of", "Said by", "Occurred"]
    rows = [_event_row(portal, log.decode(line), titles) for line in islice(reversed(log.kept), SHOWN_ROWS)]
    table = _table(titles, rows) if rows else _counts(log.counts)
    return _section("events", "Events", len(rows), log.counts.total(), table)


def _lost_events(portal: Portal) -> str:
    """Events that HubSpot accepts and then shows nowhere; nothing when there are none."""
    log = portal.events
    if not log.lost:
        return ""
    titles = ["Event", "Why", "Said by", "Occurred"]
    rows = [_event_row(portal, log.decode(line), titles) for line in islice(reversed(log.lost), SHOWN_ROWS)]
    return _section("lost", "Accepted, of nobody", len(rows), log.lost_counts.total(), _table(titles, rows))


def _event_row(portal: Portal, event: Occurrence, titles: Sequence[str]) -> str:
    said = next((value for value in (event.email, event.object_id, event.utk) if value is not UNSET), "")
    owner = portal.aliases.get(event.object_type.lower(), event.object_type)
    if event.lost_reason is not UNSET:
        whose = escape(event.lost_reason)
    elif event.contact_id is not None and owner in portal.stores:
        whose = _chip(portal.stores[owner], event.contact_id)
    else:
        whose = escape(event.contact_id or "")
    cells = [
        (f'<span class="chip">{escape(event.event_name)}</span>', ""),
        (whose, ""),
        (escape(str(said)), ""),
        (_moment(event.occurred_at), "at"),
    ]
    return _row(titles, cells, event.properties)


def _counts(counts: Mapping[str, int]) -> str:
    rows = [f"<tr><td>{escape(name)}</td><td>{count:,}</td></tr>" for name, count in counts.items()]
    return _table(["Event", "Count"], rows)


def _table(titles: Iterable[str], rows: list[str]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(
    titles: Sequence[str], cells: Sequence[tuple[str, str]], values: Mapping[str, str], anchor: str | None = None
) -> str:
    """A row of (HTML, class) cells; the first one opens the row below, which holds every value."""
    first = cells[0][0]
    opener = f"<details><summary>{first}</summary></details>" if values else first
    shown = "".join(
        f'<td{f" class={kind}" if kind else ""} data-label="{escape(title, quote=True)}">{html}</td>'
        for title, (html, kind) in zip(titles, [(opener, cells[0][1]), *cells[1:]], strict=True)
    )
    place = f' id="{escape(anchor, quote=True)}"' if anchor else ""
    terms = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in sorted(values.items())
    )
    below = f'<tr class="all"><td colspan="{len(titles)}"><dl>{terms}</dl></td></tr>' if values else ""
    return f"<tr{place}>{shown}</tr>{below}"


def _moment(text: str) -> str:
    return escape(text[:19].replace("T", " "))
