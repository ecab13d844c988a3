"""Account information, usage and limits.

Source: HubSpot's OpenAPI; `details` and `custom-properties` were also observed live by third parties.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hubwire.emulator.calls.schema.schemas import MAX_CUSTOM_OBJECTS
from hubwire.emulator.moments import iso
from hubwire.emulator.store.limiter import daily_limit, time_zone
from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Reply, Request, json_reply

MAX_RECORDS = 15_000_000


def details(portal: Portal, request: Request) -> Reply:
    """`GET /account-info/…/details`: the portal id, time zone and hosting of the account."""
    config = portal.config
    now = datetime.fromtimestamp(portal.clock.now_ms() / 1000, UTC).astimezone(time_zone(config))
    offset = now.utcoffset()
    offset_ms = round(offset.total_seconds() * 1000) if offset else 0
    sign, minutes = "-" if offset_ms < 0 else "+", abs(offset_ms) // 60_000
    body: dict[str, Any] = {
        "portalId": config.portal_id,
        "accountType": "STANDARD",
        "timeZone": config.time_zone,
        "companyCurrency": "USD",
        "additionalCurrencies": [],
        "utcOffset": f"{sign}{minutes // 60:02d}:{minutes % 60:02d}",
        "utcOffsetMilliseconds": offset_ms,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
    if request.version == "2026-09":
        body["portalName"] = "Emulated portal"
        body["createdAt"] = "2026-01-01T00:00:00.000Z"
    return json_reply(200, body)


def daily_usage(portal: Portal, _request: Request) -> Reply:
    """`GET …/api-usage/daily/private-apps`: today's calls and when the day ends."""
    now_ms = portal.clock.now_ms()
    result = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": daily_limit(portal.config),
        "currentUsage": portal.limiter.daily_used,
        "collectedAt": iso(now_ms),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(portal.limiter.resets_at_ms(portal.config, now_ms)),
    }
    return json_reply(200, {"results": [result]})


def custom_property_limits(portal: Portal, _request: Request) -> Reply:
    """`GET …/limits/custom-properties`: existing and allowed custom properties by object type."""
    limit = portal.config.custom_property_limit
    by_type = [
        {**_named(store), "limit": limit, "usage": used, "percentage": _percentage(used, limit)}
        for store in portal.stores.values()
        for used in [store.schema.custom_count()]
    ]
    overall, used = limit * len(by_type), sum(int(entry["usage"]) for entry in by_type)
    return json_reply(
        200,
        {
            "overallLimit": overall,
            "overallUsage": used,
            "overallPercentage": _percentage(used, overall),
            "byObjectType": by_type,
        },
    )


def record_limits(portal: Portal, _request: Request) -> Reply:
    """`GET …/limits/records`: existing and allowed records by object type."""
    own = [store for store in portal.stores.values() if not store.kind.is_custom]
    custom = [store for store in portal.stores.values() if store.kind.is_custom]
    custom_used = sum(_live_count(store) for store in custom)
    return json_reply(
        200,
        {
            "hubspotDefinedObjectTypes": [
                {**_named(store), "limit": MAX_RECORDS, "usage": used, "percentage": _percentage(used, MAX_RECORDS)}
                for store in own
                for used in [_live_count(store)]
            ],
            "customObjectTypes": {
                "overallLimit": MAX_RECORDS,
                "overallUsage": custom_used,
                "overallPercentage": _percentage(custom_used, MAX_RECORDS),
                "byObjectType": [{**_named(store), "usage": _live_count(store)} for store in custom],
            },
        },
    )


def custom_object_limits(portal: Portal, _request: Request) -> Reply:
    """`GET …/limits/custom-object-types`: existing and allowed custom object types."""
    used = len(portal.custom_objects)
    return json_reply(
        200, {"limit": MAX_CUSTOM_OBJECTS, "usage": used, "percentage": _percentage(used, MAX_CUSTOM_OBJECTS)}
    )


def _named(store: ObjectStore) -> dict[str, Any]:
    return {
        "objectTypeId": store.type_id,
        "singularLabel": store.word.replace("_", " ").capitalize(),
        "pluralLabel": store.name.replace("_", " ").capitalize(),
    }


def _live_count(store: ObjectStore) -> int:
    return sum(1 for _ in store.live())


def _percentage(used: int, limit: int) -> float:
    return round(100 * used / limit, 2) if limit else 0.0
