"""Engagements v1: notes, tasks, calls, meetings and e-mails as one kind of thing. Source: HubSpot's legacy pages.

An engagement is the record of that type in the objects API; `metadata` holds its values under shorter names.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from hubwire.emulator.calls.crm.writing import carry_out
from hubwire.emulator.moments import iso
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.objects.writes import Scalar, plan_write
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Id, Refusal, Reply, Request, decode, invalid, json_reply, whole_number

MAX_PAGE = 250
_TYPES = {"NOTE": "notes", "TASK": "tasks", "CALL": "calls", "MEETING": "meetings", "EMAIL": "emails"}
_TARGETS = {"contactIds": "contacts", "companyIds": "companies", "dealIds": "deals", "ticketIds": "tickets"}
_NAMES: dict[str, dict[str, str]] = {
    "notes": {"body": "hs_note_body"},
    "tasks": {"body": "hs_task_body", "subject": "hs_task_subject", "status": "hs_task_status"},
    "calls": {"body": "hs_call_body", "title": "hs_call_title", "toNumber": "hs_call_to_number"},
    "meetings": {"body": "hs_meeting_body", "title": "hs_meeting_title"},
    "emails": {"text": "hs_email_text", "html": "hs_email_html", "subject": "hs_email_subject"},
}


class Engagement(msgspec.Struct, rename="camel"):
    """What kind, whose and when."""

    type: str
    owner_id: Id | None = None
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=250_000_000_000_000)] | None = None


class EngagementBody(msgspec.Struct):
    """A new engagement."""

    engagement: Engagement
    associations: dict[str, list[Id]] = {}
    metadata: dict[str, Any] = {}


_body = msgspec.json.Decoder(EngagementBody)


def create(portal: Portal, request: Request) -> Reply:
    """`POST /engagements/v1/engagements`: one engagement with its associations."""
    body = decode(_body, request.body)
    store = _store(portal, body.engagement.type)
    values: dict[str, Scalar] = {"hs_timestamp": iso(body.engagement.timestamp or portal.clock.now_ms())}
    if body.engagement.owner_id is not None:
        values["hubspot_owner_id"] = str(body.engagement.owner_id)
    names = _NAMES[store.name]
    values.update({names[name]: value for name, value in body.metadata.items() if name in names})
    context = portal.write_context(store, "v1")
    record = carry_out(portal, context, plan_write(context, values, None))
    for kind, ids in body.associations.items():
        target = _TARGETS.get(kind)
        for record_id in map(str, ids if target else ()):
            if target and portal.stores[target].by_id(record_id) is not None:
                portal.associations.link(store.name, record.id, target, record_id, [])
    return json_reply(200, _shown(portal, store, record))


def read(portal: Portal, request: Request) -> Reply:
    """`GET /engagements/v1/engagements/{engagementId}`: one engagement of any type."""
    for name in _TYPES.values():
        record = portal.stores[name].by_id(request.params["engagementId"])
        if record is not None:
            return json_reply(200, _shown(portal, portal.stores[name], record))
    raise Refusal(404, f"Engagement not found for id {request.params['engagementId'][:40]}")


def list_engagements(portal: Portal, request: Request) -> Reply:
    """`GET /engagements/v1/engagements/paged`: a page of engagements, oldest first."""
    limit = request.query_number("limit", 100, 1, MAX_PAGE)
    start = request.query_number("offset", 0, 0, 10**17)
    known = [(store, record) for name in _TYPES.values() for store in [portal.stores[name]] for record in store.live()]
    known.sort(key=lambda entry: (entry[1].created_at_ms, entry[0].name, int(entry[1].id)))
    page = known[start : start + limit]
    following = start + len(page)
    results = [_shown(portal, store, record) for store, record in page]
    return json_reply(200, {"results": results, "hasMore": following < len(known), "offset": following})


def list_modified(portal: Portal, request: Request) -> Reply:
    """`GET …/engagements/modified/after?after=…`: engagements changed after a time, oldest change first."""
    limit = request.query_number("limit", 100, 1, MAX_PAGE)
    start = request.query_number("offset", 0, 0, 10**17)
    after = request.query_number("after", 0, 0, 10**17)
    known = [
        (store, record)
        for name in _TYPES.values()
        for store in [portal.stores[name]]
        for record in store.live()
        if record.updated_at_ms > after
    ]
    known.sort(key=lambda entry: (entry[1].updated_at_ms, entry[0].name, int(entry[1].id)))
    page = known[start : start + limit]
    following = start + len(page)
    results = [_shown(portal, store, record) for store, record in page]
    body = {"results": results, "hasMore": following < len(known), "offset": following, "total": len(known)}
    return json_reply(200, body)


def _store(portal: Portal, kind: str) -> ObjectStore:
    if kind not in _TYPES:
        raise invalid(f"{kind[:40]} is not one of {', '.join(_TYPES)}")
    return portal.stores[_TYPES[kind]]


def _shown(portal: Portal, store: ObjectStore, record: Record) -> dict[str, Any]:
    kind = next(kind for kind, name in _TYPES.items() if name == store.name)
    values = record.properties
    owner = whole_number(values.get("hubspot_owner_id", ""))
    associations = {
        name: [int(to_id) for to_id in portal.associations.targets(store.name, record.id, target)]
        for name, target in _TARGETS.items()
    }
    return {
        "engagement": {
            "id": int(record.id),
            "portalId": portal.config.portal_id,
            "active": True,
            "createdAt": record.created_at_ms,
            "lastUpdated": record.updated_at_ms,
            "type": kind,
            "timestamp": record.created_at_ms,
            **({"ownerId": owner} if owner is not None else {}),
        },
        "associations": {**associations, "ownerIds": [], "workflowIds": [], "contentIds": [], "quoteIds": []},
        "attachments": [],
        "metadata": {name: values[property_] for name, property_ in _NAMES[store.name].items() if property_ in values},
    }
