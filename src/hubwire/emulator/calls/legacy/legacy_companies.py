"""Companies v2: create, change, read, pages, by domain, and who belongs to one. Source: HubSpot's legacy pages."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec

from hubwire.emulator.calls.crm.lifecycle import archive_record
from hubwire.emulator.calls.crm.writing import carry_out
from hubwire.emulator.calls.legacy.legacy_contacts import profile
from hubwire.emulator.store.domains import link_primary_company
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.objects.writes import Scalar, plan_write
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Refusal, Reply, Request, decode, json_reply

MAX_PAGE = 250


class Value(msgspec.Struct):
    """One property."""

    name: str
    value: Scalar = ""


class CompanyBody(msgspec.Struct):
    """A company's values."""

    properties: list[Value]


class DomainBody(msgspec.Struct, rename={"request_options": "requestOptions"}):
    """A search by domain."""

    limit: int = 2
    request_options: dict[str, Any] = {}


_company_body = msgspec.json.Decoder(CompanyBody)
_domain_body = msgspec.json.Decoder(DomainBody)


def create(portal: Portal, request: Request) -> Reply:
    """`POST /companies/v2/companies`: a company."""
    return json_reply(200, _shown(portal, _write(portal, request, None)))


def update(portal: Portal, request: Request) -> Reply:
    """`PUT /companies/v2/companies/{companyId}`: new values."""
    return json_reply(200, _shown(portal, _write(portal, request, _found(portal, request))))


def read(portal: Portal, request: Request) -> Reply:
    """`GET /companies/v2/companies/{companyId}`: one company."""
    return json_reply(200, _shown(portal, _found(portal, request)))


def delete(portal: Portal, request: Request) -> Reply:
    """`DELETE /companies/v2/companies/{companyId}`: to the recycling bin."""
    record = _found(portal, request)
    archive_record(portal, portal.stores["companies"], record)
    return json_reply(200, {"companyId": int(record.id), "deleted": True})


def list_companies(portal: Portal, request: Request) -> Reply:
    """`GET /companies/v2/companies/paged`: a page of companies, by `offset`."""
    store = portal.stores["companies"]
    limit = request.query_number("limit", 100, 1, MAX_PAGE)
    start = request.query_number("offset", 0, 0, 10**17)
    found = list(islice((record for record in store.after(start) if not record.archived_at_ms), limit + 1))
    page = found[:limit]
    names = request.query_list("properties")
    return json_reply(
        200,
        {
            "companies": [_shown(portal, record, names) for record in page],
            "has-more": len(found) > limit,
            "offset": int(page[-1].id) if page else start,
        },
    )


def search_by_domain(portal: Portal, request: Request) -> Reply:
    """`POST /companies/v2/domains/{domain}/companies`: companies of a domain, as search sees them."""
    body = decode(_domain_body, request.body or b"{}")
    store, domain = portal.stores["companies"], request.params["domain"].lower()
    found = [
        record
        for record, values in store.searchable(portal.clock.now_ms())
        if values.get("domain", "").lower() == domain
    ]
    results = [_shown(portal, record) for record in found[: body.limit]]
    offset = {"isPrimary": True, "companyId": 0}
    return json_reply(200, {"results": results, "hasMore": len(found) > body.limit, "offset": offset})


def list_contacts(portal: Portal, request: Request) -> Reply:
    """`GET …/{companyId}/contacts`: the people of a company."""
    company, contacts = _found(portal, request), portal.stores["contacts"]
    ids = portal.associations.targets("companies", company.id, "contacts")
    people = [record for record_id in ids if (record := contacts.by_id(record_id)) is not None]
    shown = [profile(portal, contacts, record) for record in people[:100]]
    return json_reply(200, {"contacts": shown, "vidOffset": int(people[-1].id) if people else 0, "hasMore": False})


def add_contact(portal: Portal, request: Request) -> Reply:
    """`PUT …/{companyId}/contacts/{vid}`: a contact joins, the company becomes its primary one."""
    company, contact = _found(portal, request), portal.stores["contacts"].by_id(request.params["vid"])
    if contact is None:
        raise Refusal(404, "contact does not exist")
    link_primary_company(portal, contact, company.id)
    return json_reply(200, _shown(portal, company))


def property_values(store: ObjectStore, record: Record, names: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """The values of a record in the shape of v1 and v2, only those named where names are given."""
    values = {**store.computed(record), **record.properties}
    return {
        name: {
            "value": value,
            "timestamp": record.updated_at_ms,
            "source": record.origin.kind,
            "sourceId": record.origin.id,
        }
        for name, value in values.items()
        if not names or name in names
    }


def _shown(portal: Portal, record: Record, names: list[str] | None = None) -> dict[str, Any]:
    return {
        "portalId": portal.config.portal_id,
        "companyId": int(record.id),
        "isDeleted": bool(record.archived_at_ms),
        "properties": property_values(portal.stores["companies"], record, names),
        "additionalDomains": [],
        "stateChanges": [],
        "mergeAudits": [],
    }


def _write(portal: Portal, request: Request, record: Record | None) -> Record:
    values = {item.name: item.value for item in decode(_company_body, request.body).properties}
    context = portal.write_context(portal.stores["companies"], "v1")
    return carry_out(portal, context, plan_write(context, values, record))


def _found(portal: Portal, request: Request) -> Record:
    record = portal.stores["companies"].by_id(request.params["companyId"])
    if record is None:
        raise Refusal(404, "company does not exist")
    return record
