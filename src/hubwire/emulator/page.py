"""The page at `/`: contacts, companies and events as tables. Read-only, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from itertools import islice

from msgspec import UNSET

from hubwire.emulator.clock import iso
from hubwire.emulator.occurrences import Occurrence
from hubwire.emulator.records import ObjectStore, Record
from hubwire.emulator.state import Portal
from hubwire.emulator.wire import Reply

SHOWN_ROWS = 200

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --soft: #6b7280; --line: #e5e7eb; --paper: #f8fafc; --card: #fff;
  --accent: #c2410c; --chip: #f1f5f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --soft: #9ca3af; --line: #2b3340; --paper: #0f141b;
  --card: #171e28; --accent: #fb923c; --chip: #222c3a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 78rem; margin: 0 auto; padding: 1.25rem 1.25rem 0; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; }
h1 { font-size: 1.35rem; margin: 0; }
h1 span { color: var(--accent); }
header p { margin: 0; color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: .5rem; padding-top: 1rem; }
nav a { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .4rem .9rem;
  color: inherit; text-decoration: none; }
nav a:hover, nav a:focus-visible { border-color: var(--accent); }
nav b { font-variant-numeric: tabular-nums; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; margin: 1.25rem 0;
  overflow: hidden; }
h2 { font-size: 1.05rem; margin: 0; padding: .8rem 1rem; border-bottom: 1px solid var(--line); }
h2 small { color: var(--soft); font-weight: 400; margin-left: .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .45rem 1rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .82rem; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
td { overflow-wrap: anywhere; min-width: 8rem; }
td.id, td.at { font-variant-numeric: tabular-nums; white-space: nowrap; color: var(--soft); }
summary { cursor: pointer; color: var(--soft); white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .4rem 0 0; font-size: .88rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.chip { background: var(--chip); border-radius: .4rem; padding: .05rem .45rem; font-size: .85rem; white-space: nowrap; }
.none { color: var(--soft); padding: 1rem; margin: 0; }
footer { color: var(--soft); padding: 0 0 2rem; font-size: .88rem; }
code { background: var(--chip); border-radius: .3rem; padding: 0 .3rem; }
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
    sections.append(_events(portal))
    body = _frame(portal, "".join(sections))
    reply = Reply(200, body.encode(), b"text/html; charset=utf-8")
    reply.headers.append((b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"))
    return reply


def _frame(portal: Portal, sections: str) -> str:
    config = portal.config
    counts = {store.name.title(): sum(1 for _ in store.live()) for store in portal.stores.values()}
    counts["Events"] = portal.events.counts.total()
    links = "".join(
        f'<a href="#{escape(name.lower(), quote=True)}">{escape(name)} <b>{count:,}</b></a>'
        for name, count in counts.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>HubSpot emulator</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><header><h1>HubSpot <span>emulator</span></h1>"
        f"<p>Portal {config.portal_id} · {escape(str(config.tier))} · {_moment(portal.now_iso())} UTC · "
        f"{portal.stats.calls.total():,} calls</p></header><main><nav>{links}</nav>{sections}"
        "<footer>Nothing here is HubSpot, and nothing here reaches it. Read and change everything under "
        "<code>/_emulator/</code>.</footer></main></body></html>"
    )


def _section(anchor: str, title: str, shown: int, total: int, table: str, aside: str = "") -> str:
    note = (f"{total:,}" if shown == total else f"the newest {shown:,} of {total:,}") + aside
    body = table if total else '<p class="none">None yet.</p>'
    heading = f"{escape(title)}<small>{note}</small>"
    return f'<section id="{escape(anchor, quote=True)}"><h2>{heading}</h2><div class="scroll">{body}</div></section>'


def _records(portal: Portal, store: ObjectStore, title: str, columns: tuple[str, ...]) -> str:
    total = sum(1 for _ in store.live())
    newest = (record for record in reversed(store.records.values()) if not record.archived_at_ms)
    rows = [_record_row(portal, store, record, columns) for record in islice(newest, SHOWN_ROWS)]
    labels = [store.schema.live[name].label if name in store.schema.live else name for name in columns]
    table = _table(["ID", *labels, "Associated", "Changed", "Everything"], rows)
    return _section(title.lower(), title, len(rows), total, table)


def _record_row(portal: Portal, store: ObjectStore, record: Record, columns: tuple[str, ...]) -> str:
    values = record.properties
    associated = [
        f'<span class="chip">{escape(to_store.singular.title())} {escape(to_id)}</span>'
        for to_store in portal.stores.values()
        for to_id in islice(portal.associations.targets(store.name, record.id, to_store.name), 3)
    ]
    cells = [f'<td class="id">{escape(record.id)}</td>']
    cells += [f"<td>{escape(values.get(name, ''))}</td>" for name in columns]
    cells.append(f"<td>{' '.join(associated)}</td>")
    cells.append(f'<td class="at">{_moment(iso(record.updated_at_ms))}</td>')
    cells.append(f"<td>{_details({**store.computed(record), **values})}</td>")
    return "".join(cells)


def _events(portal: Portal) -> str:
    log = portal.events
    newest = islice(reversed(log.kept), SHOWN_ROWS)
    rows = [_event_row(log.decode(line)) for line in newest]
    table = _table(["Event", "Contact", "Said by", "Occurred", "Properties"], rows)
    lost = log.lost_counts.total()
    aside = f", and {lost:,} accepted of nobody" if lost else ""
    return _section("events", "Events", len(rows), log.counts.total(), table if rows else _counts(log.counts), aside)


def _event_row(event: Occurrence) -> str:
    said = next((value for value in (event.email, event.object_id, event.utk) if value is not UNSET), "")
    return (
        f'<td><span class="chip">{escape(event.event_name)}</span></td><td class="id">{escape(event.contact_id or "")}'
        f'</td><td>{escape(str(said))}</td><td class="at">{_moment(event.occurred_at)}</td>'
        f"<td>{_details(event.properties)}</td>"
    )


def _counts(counts: Mapping[str, int]) -> str:
    rows = [f"<td>{escape(name)}</td><td>{count:,}</td>" for name, count in counts.items()]
    return _table(["Event", "Count"], rows)


def _table(titles: Iterable[str], rows: list[str]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _details(values: Mapping[str, str]) -> str:
    if not values:
        return ""
    terms = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in sorted(values.items()))
    return f"<details><summary>{len(values)} values</summary><dl>{terms}</dl></details>"


def _moment(text: str) -> str:
    return escape(text[:19].replace("T", " "))
