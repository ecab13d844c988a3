"""Deals v1: create, change, read, delete and pages. Source: HubSpot's legacy pages and programs that read them."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec

from hubwire.emulator.calls.crm.lifecycle import archive_record
from hubwire.emulator.calls.crm.writing import carry_out
from hubwire.emulator.calls.legacy.legacy_companies import Value, property_values
from hubwire.emulator.store.objects.records import Record
from hubwire.emulator.store.objects.writes import plan_write
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Id, Refusal, Reply, Request, decode, json_reply

MAX_PAGE = 250
_TARGETS = {"associatedVids": "contacts", "associatedCompanyIds": "companies", "associatedDealIds": "deals"}


class DealBody(msgspec.Struct):
    """A deal's values and who it belongs to."""

    properties: list[Value]
    associations: dict[str, list[Id]] = {}


_deal_body = msgspec.json.Decoder(DealBody)


def create(portal: Portal, request: Request) -> Reply:
    """`POST /deals/v1/deal`: a deal with its associations."""
    body = decode(_deal_body, request.body)
    record = _write(portal, body, None)
    for kind, ids in body.associations.items():
        target = _TARGETS.get(kind)
        for record_id in map(str, ids if target else ()):
            if target and portal.stores[target].by_id(record_id) is not None:
                portal.associations.link("deals", record.id, target, record_id, [])
    return json_reply(200, _shown(portal, record))


def update(portal: Portal, request: Request) -> Reply:
    """`PUT /deals/v1/deal/{dealId}`: new values."""
    record = _found(portal, request)
    return json_reply(200, _shown(portal, _write(portal, decode(_deal_body, request.body), record)))


def read(portal: Portal, request: Request) -> Reply:
    """`GET /deals/v1/deal/{dealId}`: one deal."""
    return json_reply(200, _shown(portal, _found(portal, request)))


def delete(portal: Portal, request: Request) -> Reply:
    """`DELETE /deals/v1/deal/{dealId}`: to the recycling bin."""
    archive_record(portal, portal.stores["deals"], _found(portal, request))
    return Reply(NO_CONTENT)


def list_deals(portal: Portal, request: Request) -> Reply:
    """`GET /deals/v1/deal/paged`: a page of deals, by `offset`."""
    store = portal.stores["deals"]
    limit = request.query_number("limit", 100, 1, MAX_PAGE)
    start = request.query_number("offset", 0, 0, 10**17)
    found = list(islice((record for record in store.after(start) if not record.archived_at_ms), limit + 1))
    page = found[:limit]
    return json_reply(
        200,
        {
            "deals": [_shown(portal, record) for record in page],
            "hasMore": len(found) > limit,
            "offset": int(page[-1].id) if page else start,
        },
    )


def _shown(portal: Portal, record: Record) -> dict[str, Any]:
    associations = {
        name: [int(to_id) for to_id in portal.associations.targets("deals", record.id, target)]
        for name, target in _TARGETS.items()
    }
    return {
        "portalId": portal.config.portal_id,
        "dealId": int(record.id),
        "isDeleted": bool(record.archived_at_ms),
        "associations": associations,
        "properties": property_values(portal.stores["deals"], record),
    }


def _write(portal: Portal, body: DealBody, record: Record | None) -> Record:
    values = {item.name: item.value for item in body.properties}
    context = portal.write_context(portal.stores["deals"], "v1")
    return carry_out(portal, context, plan_write(context, values, record))


def _found(portal: Portal, request: Request) -> Record:
    record = portal.stores["deals"].by_id(request.params["dealId"])
    if record is None:
        raise Refusal(404, "Deal does not exist")
    return record
