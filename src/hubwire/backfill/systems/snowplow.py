"""Snowplow's enriched events: TSV of 131 fields without a header, or JSON as its analytics SDKs write it. Pure.

Source: snowplow-analytics-sdk 0.2.3 (the fields and their order); Snowplow docs, "Canonical event model".
"""

from __future__ import annotations

from typing import Any, Final

from hubwire.backfill.formats.delimited import SNOWPLOW_FIELDS
from hubwire.backfill.records import Omission, Sample
from hubwire.backfill.systems.reader import PAGES_NOTE, DocumentReader, Made, compact, object_in, text

_PLACES: Final = {
    "collector_tstamp": 3,
    "event": 5,
    "event_id": 6,
    "user_id": 12,
    "domain_userid": 15,
    "network_userid": 17,
    "page_url": 29,
    "page_title": 30,
    "page_referrer": 31,
    "page_urlpath": 35,
    "se_category": 53,
    "se_action": 54,
    "se_label": 55,
    "se_property": 56,
    "se_value": 57,
    "unstruct_event": 58,
    "tr_orderid": 59,
    "tr_affiliation": 60,
    "tr_total": 61,
    "tr_tax": 62,
    "tr_shipping": 63,
    "tr_currency": 108,
    "derived_tstamp": 124,
    "event_name": 126,
    "true_tstamp": 130,
}
"""The used fields, by their place in the TSV."""
_UNSTRUCTURED: Final = "unstruct_event_"
_PASSED_OVER: Final = {
    "page_ping": "a page ping, which repeats while a person reads a page",
    "transaction_item": "an item of a transaction, which is no separate event",
}


def snowplow_reader(sample: Sample) -> DocumentReader | None:
    """The reader of Snowplow's events, None for other files."""
    if len(sample.columns) == SNOWPLOW_FIELDS and sample.columns[0] == "0":
        return DocumentReader("Snowplow's enriched events (TSV)", _row, (PAGES_NOTE,))
    if {"event_id", "collector_tstamp", "event"} <= set(sample.columns):
        return DocumentReader("Snowplow's enriched events", _event, (PAGES_NOTE,))
    return None


def _row(cells: dict[str, Any]) -> Made:
    return _event({name: cells[str(place)] for name, place in _PLACES.items() if cells[str(place)] is not None})


def _event(row: dict[str, Any]) -> Made:
    kind = text(row.get("event"))
    if kind is None or kind in _PASSED_OVER:
        return Omission(_PASSED_OVER.get(kind or "", "no event"), kind is None)
    common = compact(
        userId=row.get("user_id"),
        anonymousId=row.get("domain_userid") or row.get("network_userid"),
        messageId=row.get("event_id"),
        timestamp=row.get("true_tstamp") or row.get("derived_tstamp") or row.get("collector_tstamp"),
    )
    if kind == "page_view":
        page = compact(
            url=row.get("page_url"),
            path=row.get("page_urlpath"),
            title=row.get("page_title"),
            referrer=row.get("page_referrer"),
        )
        return [{"type": "page", **common, "properties": page}]
    name, properties = _track(kind, row)
    if name is None:
        return Omission("no name of the event", True)
    return [{"type": "track", "event": name, **common, "properties": properties}]


def _track(kind: str, row: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    if kind == "struct":
        names = ("category", "label", "property", "value")
        return text(row.get("se_action")), compact(**{name: row.get(f"se_{name}") for name in names})
    if kind == "transaction":
        amounts = ("affiliation", "total", "tax", "shipping", "currency")
        order = {name: row.get(f"tr_{name}") for name in amounts}
        return "Order Completed", compact(order_id=row.get("tr_orderid"), **order)
    return text(row.get("event_name")), _unstructured(row)


def _unstructured(row: dict[str, Any]) -> dict[str, Any]:
    """The data of a self-describing event: wrapped twice in the TSV, under its schema's name in JSON."""
    names = [name for name in row if name.startswith(_UNSTRUCTURED) and name != "unstruct_event"]
    return object_in(row, *names) if names else object_in(object_in(object_in(row, "unstruct_event"), "data"), "data")
