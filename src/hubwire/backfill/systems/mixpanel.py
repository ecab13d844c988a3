"""Mixpanel's exports: raw events (`time` in seconds or milliseconds) and people (`$distinct_id`, `$properties`). Pure.

Sources: Mixpanel docs, "Export methods", "Raw event export" and "Engage query"; mixpanel-utils 2.2.7.
"""

from __future__ import annotations

from typing import Any, Final

from hubwire.backfill.records import Call, Omission, Sample
from hubwire.backfill.systems.cells import BadCell
from hubwire.backfill.systems.people import identified
from hubwire.backfill.systems.reader import (
    PAGES_NOTE,
    DocumentReader,
    FlatReader,
    Made,
    compact,
    object_in,
    text,
    without,
)
from hubwire.backfill.systems.shapes import BOOKKEEPING, Message, Shape

_OWN: Final = "an event of Mixpanel's own"
_DEVICE: Final = "$device:"
_NAMES: Final = {
    "$email": "email",
    "$first_name": "firstName",
    "$last_name": "lastName",
    "$name": "name",
    "$phone": "phone",
    "$city": "city",
    "$region": "state",
    "$country_code": "country",
}
_EVENT_FIELDS: Final = ("time", "distinct_id", "mp_", "$")
PEOPLE: Final = Shape(
    "Mixpanel's people",
    Call.IDENTIFIES,
    {
        "distinctid": "userId",
        "lastseen": "timestamp",
        "created": "timestamp",
        "email": "traits.email",
        "firstname": "traits.firstName",
        "lastname": "traits.lastName",
        "name": "traits.name",
        "phone": "traits.phone",
        "city": "traits.city",
        "region": "traits.state",
        "countrycode": "traits.country",
    },
    dict.fromkeys(
        ["timezone", "geosource", "unsubscribed", "bucket", "os", "browser", "transactions", "avatar"], BOOKKEEPING
    ),
    finish=identified,
)


def mixpanel_reader(sample: Sample) -> DocumentReader | FlatReader | None:
    """The reader of Mixpanel's events or people, None for other documents."""
    keys = set(sample.columns)
    if {"event", "properties"} <= keys and any(map(_is_event, sample.rows)):
        return DocumentReader("Mixpanel's events", _event, (PAGES_NOTE,))
    if {"$distinct_id", "$properties"} <= keys:
        return DocumentReader("Mixpanel's people", _person)
    if "$distinct_id" in keys and keys & {"$email", "$last_seen", "$name"}:
        return FlatReader(PEOPLE, sample.columns, sample.options)
    return None


def _is_event(row: dict[str, Any]) -> bool:
    try:
        return bool(object_in(row, "properties").keys() & {"distinct_id", "$insert_id", "$distinct_id"})
    except BadCell:
        return False


def _event(row: dict[str, Any]) -> Made:
    name, properties = text(row.get("event")), object_in(row, "properties")
    if name is None:
        return Omission("no event", True)
    common = {**_ids(properties), **compact(messageId=properties.get("$insert_id"), timestamp=properties.get("time"))}
    if name in ("$identify", "$merge"):
        merged = properties.get("$identified_id"), properties.get("$anon_id") or properties.get("$anon_distinct_id")
        if not all(merged):
            return Omission(_OWN, False)
        return [{"type": "identify", **common, "userId": merged[0], "anonymousId": _device(merged[1])}]
    if name == "$create_alias":
        alias = properties.get("alias")
        return (
            [{"type": "alias", **common, "userId": alias, "previousId": properties.get("distinct_id")}]
            if alias
            else (Omission(_OWN, False))
        )
    if name == "$mp_web_page_view":
        page = compact(
            url=properties.get("$current_url") or properties.get("current_url"),
            title=properties.get("current_page_title"),
        )
        return [{"type": "page", **common, "properties": page}]
    if name.startswith("$"):
        return Omission(_OWN, False)
    email = text(properties.get("$email"))
    context = {"context": {"traits": {"email": email}}} if email else {}
    return [{"type": "track", "event": name, **common, "properties": without(properties, *_EVENT_FIELDS), **context}]


def _ids(properties: dict[str, Any]) -> Message:
    user, device, distinct = (properties.get(name) for name in ("$user_id", "$device_id", "distinct_id"))
    if user is None and isinstance(distinct, str) and distinct.startswith(_DEVICE):
        return compact(anonymousId=_device(distinct))
    if user is None and distinct == device:
        return compact(anonymousId=distinct)
    return compact(userId=user or distinct, anonymousId=device)


def _device(value: Any) -> Any:
    return value.removeprefix(_DEVICE) if isinstance(value, str) else value


def _person(row: dict[str, Any]) -> Made:
    properties = object_in(row, "$properties")
    named = {_NAMES[name]: value for name, value in properties.items() if name in _NAMES and value is not None}
    traits = {**without(properties, "$", "mp_"), **named}
    if not traits:
        return Omission("a person without properties", False)
    time = properties.get("$last_seen") or properties.get("$created")
    return [{"type": "identify", **compact(userId=row.get("$distinct_id"), timestamp=time), "traits": traits}]
