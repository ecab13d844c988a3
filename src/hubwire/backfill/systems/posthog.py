"""PostHog's exports of events and persons, as JSON lines or as Parquet with JSON in its cells. Pure.

A `distinct_id` is a user's id once somebody was identified, and the device's before: an event tells by `$device_id`.
Sources: PostHog docs, "S3 destination for batch exports" (models, fields) and "Identifying users".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hubwire.backfill.records import Omission, Sample
from hubwire.backfill.systems.reader import PAGES_NOTE, DocumentReader, Made, compact, object_in, text, without
from hubwire.backfill.systems.shapes import Message

_OWN: Final = "an event of PostHog's own"
_PERSON_TIMES: Final = ("updated_at", "_inserted_at", "inserted_at", "last_seen_at", "created_at")
_NOTE: Final = "Hubwire skips PostHog's own events, whose names begin with $, except pages, screens and people."


def posthog_reader(sample: Sample) -> DocumentReader | None:
    """The reader of PostHog's events or persons, None for other documents."""
    keys = set(sample.columns)
    if {"distinct_id", "event"} <= keys and keys & {"uuid", "person_id", "person_properties", "properties"}:
        return DocumentReader("PostHog's events", _event, (_NOTE, PAGES_NOTE))
    if {"distinct_id", "person_id", "properties"} <= keys:
        return DocumentReader("PostHog's persons", _person)
    return None


def _event(row: dict[str, Any]) -> Made:
    name, properties = text(row.get("event")), object_in(row, "properties")
    if name is None:
        return Omission("no event", True)
    common = {**_ids(row, properties), **compact(messageId=row.get("uuid"), timestamp=row.get("timestamp"))}
    changed = {**object_in(properties, "$set_once"), **object_in(properties, "$set")}
    for column in ("set_once", "set"):
        changed.update(object_in(row, column))
    traits = without(changed, "$")
    if name in ("$identify", "$set"):
        return [{"type": "identify", **common, "traits": traits}]
    if name == "$create_alias":
        alias = {
            "type": "alias",
            **common,
            **compact(userId=row.get("distinct_id"), previousId=properties.get("alias")),
        }
        return [alias] if "previousId" in alias else Omission(_OWN, False)
    if name == "$groupidentify":
        return _group(common, properties)
    messages: list[Message] = []
    if traits:
        messages.append({"type": "identify", **common, "messageId": f"{row.get('uuid')}-set", "traits": traits})
    message = _view_or_track(name, properties)
    if message is not None:
        email = text(object_in(row, "person_properties").get("email")) or text(traits.get("email"))
        context = {"context": {"traits": {"email": email}}} if email else {}
        messages.append({**message, **common, **context})
    return messages or Omission(_OWN, False)


def _ids(row: Mapping[str, Any], properties: Mapping[str, Any]) -> Message:
    distinct, device = row.get("distinct_id"), properties.get("$device_id")
    if distinct == device or properties.get("$is_identified") is False:
        return compact(anonymousId=distinct)
    anonymous = properties.get("$anon_distinct_id") or device
    return compact(userId=distinct, anonymousId=anonymous if anonymous != distinct else None)


def _view_or_track(name: str, properties: Mapping[str, Any]) -> Message | None:
    if name == "$pageview":
        return {
            "type": "page",
            "properties": compact(
                url=properties.get("$current_url"), path=properties.get("$pathname"), title=properties.get("title")
            ),
        }
    if name == "$screen":
        return {"type": "screen", **compact(name=properties.get("$screen_name"))}
    return None if name.startswith("$") else {"type": "track", "event": name, "properties": without(properties, "$")}


def _group(common: Message, properties: Mapping[str, Any]) -> Made:
    key = text(properties.get("$group_key"))
    if key is None:
        return Omission(_OWN, False)
    ids = common if "userId" in common or "anonymousId" in common else {**common, "anonymousId": f"company:{key}"}
    return [{"type": "group", **ids, "groupId": key, "traits": without(object_in(properties, "$group_set"), "$")}]


def _person(row: dict[str, Any]) -> Made:
    if row.get("is_deleted") in (True, 1, "true"):
        return Omission("deleted there", False)
    traits = without(object_in(row, "properties"), "$")
    time = next((row[name] for name in _PERSON_TIMES if row.get(name) not in (None, "")), None)
    if not traits:
        return Omission("a person without properties", False)
    return [{"type": "identify", **compact(userId=row.get("distinct_id"), timestamp=time), "traits": traits}]
