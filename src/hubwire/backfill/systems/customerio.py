"""Reads Customer.io's reporting lines, the events of e-mails and other messages, as tracks. Pure.

Source: Customer.io docs, "Reporting webhooks" (fields); the names of e-mail events are those of Segment's e-mail spec.
"""

from __future__ import annotations

from typing import Any, Final

from hubwire.backfill.records import Omission, Sample
from hubwire.backfill.systems.reader import DocumentReader, Made, compact, object_in, text

_NAMES: Final = {
    ("email", "clicked"): "Email Link Clicked",
    ("email", "spammed"): "Email Marked as Spam",
    ("customer", "unsubscribed"): "Unsubscribed",
    ("email", "unsubscribed"): "Unsubscribed",
}
_PROPERTIES: Final = {
    "subject": "email_subject",
    "link_url": "link_url",
    "href": "link_url",
    "campaign_id": "campaign_id",
    "broadcast_id": "broadcast_id",
    "newsletter_id": "newsletter_id",
    "action_id": "action_id",
    "delivery_id": "email_id",
}


def customerio_reader(sample: Sample) -> DocumentReader | None:
    """The reader of Customer.io's reporting lines, None for other documents."""
    if {"event_id", "object_type", "metric", "data"} <= set(sample.columns):
        return DocumentReader("Customer.io's reporting lines", _event)
    return None


def _event(row: dict[str, Any]) -> Made:
    kind, metric, data = text(row.get("object_type")), text(row.get("metric")), object_in(row, "data")
    if kind is None or metric is None:
        return Omission("no object_type or no metric", True)
    ids = object_in(data, "identifiers")
    email = text(ids.get("email")) or text(data.get("email_address")) or text(data.get("recipient"))
    name = _NAMES.get((kind, metric)) or f"{kind} {metric}".replace("_", " ").title()
    properties = {target: data[field] for field, target in _PROPERTIES.items() if data.get(field) is not None}
    message = compact(
        userId=ids.get("id") or data.get("customer_id") or email,
        messageId=row.get("event_id"),
        timestamp=row.get("timestamp"),
    )
    context = {"context": {"traits": {"email": email}}} if email and "@" in email else {}
    return [{"type": "track", "event": name, **message, "properties": properties, **context}]
