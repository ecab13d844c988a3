"""Contacts v1: create or update by e-mail, batches, profiles, pages. HubSpot serves it until September 2027.

Source: HubSpot's legacy pages and the programs that use them (RudderStack, activepieces, Singer, hubspot3).
A batch writes all contacts or none. HubSpot answers 202 before the values can be read; the emulator writes at once.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec

from hubwire.emulator.calls.crm.lifecycle import archive_record
from hubwire.emulator.calls.crm.writing import carry_out, check_primary_company
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.objects.writes import Plan, Scalar, plan_write
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Id, Refusal, Reply, Request, decode, json_reply

MAX_BATCH = 1_000
MAX_PAGE = 100


class Value(msgspec.Struct):
    """One property."""

    property: str
    value: Scalar = ""


class ProfileBody(msgspec.Struct):
    """A contact's values."""

    properties: list[Value]


class BatchInput(msgspec.Struct):
    """One contact of a batch, by e-mail or id."""

    properties: list[Value] = []
    email: str | None = None
    vid: Id | None = None


_profile_body = msgspec.json.Decoder(ProfileBody)
_batch_body = msgspec.json.Decoder(list[BatchInput])


def create(portal: Portal, request: Request) -> Reply:
    """`POST /contacts/v1/contact`: a contact; 409 with the owner's profile for an e-mail in use."""
    values = _values(decode(_profile_body, request.body).properties)
    store = portal.stores["contacts"]
    owner = store.by_property("email", str(values.get("email", "")))
    if owner is not None:
        identity = {"identityProfile": {"vid": int(owner.id), "identity": _identities(owner), "isContact": True}}
        extra = {"error": "CONTACT_EXISTS", **identity}
        raise Refusal(409, "Contact already exists", "CONFLICT", extra=extra)
    return json_reply(200, profile(portal, store, _write(portal, values, None)))


def create_or_update(portal: Portal, request: Request) -> Reply:
    """`POST …/createOrUpdate/email/{email}`: one contact by e-mail."""
    email = request.params["email"]
    record = portal.stores["contacts"].by_property("email", email)
    values = _values(decode(_profile_body, request.body).properties)
    values.setdefault("email", email)
    written = _write(portal, values, record)
    return json_reply(200, {"vid": int(written.id), "isNew": record is None})


def update(portal: Portal, request: Request) -> Reply:
    """`POST …/vid/{vid}/profile` and `…/email/{email}/profile`: new values of one contact."""
    _write(portal, _values(decode(_profile_body, request.body).properties), _found(portal, request))
    return Reply(NO_CONTENT)


def batch(portal: Portal, request: Request) -> Reply:
    """`POST /contacts/v1/contact/batch/`: writes up to 1,000 contacts, or none of them."""
    inputs = decode(_batch_body, request.body)
    if len(inputs) > MAX_BATCH:
        raise Refusal(400, f"Batch size {len(inputs)} exceeds the maximum of {MAX_BATCH}")
    store = portal.stores["contacts"]
    context = portal.write_context(store, "v1")
    plans: list[Plan] = []
    failures: list[dict[str, Any]] = []
    for index, item in enumerate(inputs):
        values = _values(item.properties)
        record = store.by_id(str(item.vid)) if item.vid is not None else store.by_property("email", item.email or "")
        if item.email is not None:
            values.setdefault("email", item.email)
        try:
            plans.append(plan_write(context, values, record))
        except Refusal as refusal:
            failures.append({"index": index, "error": {"status": "error", "message": refusal.message}})
    if failures:
        addresses = [inputs[failure["index"]].email for failure in failures]
        extra = {"failureMessages": failures, "invalidEmails": [address for address in addresses if address]}
        raise Refusal(400, "Errors found processing batch update", extra=extra)
    for plan in plans:
        carry_out(portal, context, plan)
    return Reply(202)


def read(portal: Portal, request: Request) -> Reply:
    """`GET …/vid/{vid}/profile` and `…/email/{email}/profile`: one contact with all its values."""
    return json_reply(200, profile(portal, portal.stores["contacts"], _found(portal, request)))


def delete(portal: Portal, request: Request) -> Reply:
    """`DELETE /contacts/v1/contact/vid/{vid}`: to the recycling bin."""
    record = _found(portal, request)
    archive_record(portal, portal.stores["contacts"], record)
    return json_reply(200, {"vid": int(record.id), "deleted": True, "reason": "OK"})


def list_contacts(portal: Portal, request: Request) -> Reply:
    """`GET /contacts/v1/lists/all/contacts/all`: a page of contacts, by `vidOffset`."""
    store = portal.stores["contacts"]
    count = request.query_number("count", 20, 1, MAX_PAGE)
    start = request.query_number("vidOffset", 0, 0, 10**17)
    names = request.query_list("property")
    live = (record for record in store.after(start) if not record.archived_at_ms)
    found = list(islice(live, count + 1))
    page = found[:count]
    return json_reply(
        200,
        {
            "contacts": [profile(portal, store, record, names) for record in page],
            "has-more": len(found) > count,
            "vid-offset": int(page[-1].id) if page else start,
        },
    )


def read_batch(portal: Portal, request: Request) -> Reply:
    """`GET …/vids/batch?vid=…` and `…/emails/batch?email=…`: several contacts by record id; omits unknown ones."""
    store = portal.stores["contacts"]
    by_id = [store.by_id(vid) for vid in request.query_list("vid")]
    by_email = [store.by_property("email", email) for email in request.query_list("email")]
    found = [record for record in (*by_id, *by_email) if record is not None]
    names = request.query_list("property")
    return json_reply(200, {record.id: profile(portal, store, record, names) for record in found})


def list_recent(portal: Portal, request: Request) -> Reply:
    """`GET …/contacts/recent`: contacts by the time of their creation or change, newest first."""
    store = portal.stores["contacts"]
    count = request.query_number("count", 20, 1, MAX_PAGE)
    start = request.query_number("timeOffset", 10**15, 0, 10**17)
    is_by_change = "recently_updated" in request.path
    timed = [(record.updated_at_ms if is_by_change else record.created_at_ms, record) for record in store.live()]
    newest = sorted((item for item in timed if item[0] < start), key=lambda item: (-item[0], -int(item[1].id)))
    page = newest[:count]
    names = request.query_list("property")
    return json_reply(
        200,
        {
            "contacts": [profile(portal, store, record, names) for _, record in page],
            "has-more": len(newest) > count,
            "time-offset": page[-1][0] if page else start,
            "vid-offset": int(page[-1][1].id) if page else 0,
        },
    )


def search(portal: Portal, request: Request) -> Reply:
    """`GET /contacts/v1/search/query?q=…`: contacts whose e-mail, name, phone or company hold the words."""
    store = portal.stores["contacts"]
    words = (request.query("q") or "").lower().split()
    count = request.query_number("count", 20, 1, MAX_PAGE)
    start = request.query_number("offset", 0, 0, 10**17)
    fields = ("email", "firstname", "lastname", "phone", "company")
    found = [
        record
        for record, values in store.searchable(portal.clock.now_ms())
        if all(word in " ".join(values.get(name, "") for name in fields).lower() for word in words)
    ]
    page = found[start : start + count]
    body = {
        "query": request.query("q") or "",
        "offset": start + len(page),
        "has-more": start + len(page) < len(found),
        "total": len(found),
        "contacts": [profile(portal, store, record) for record in page],
    }
    return json_reply(200, body)


def profile(portal: Portal, store: ObjectStore, record: Record, names: list[str] | None = None) -> dict[str, Any]:
    """A contact in v1's shape."""
    values = {**store.computed(record), **record.properties}
    chosen = [name for name in names if name in values] if names else list(values)
    return {
        "vid": int(record.id),
        "canonical-vid": int(record.id),
        "merged-vids": [],
        "portal-id": portal.config.portal_id,
        "is-contact": True,
        "addedAt": record.created_at_ms,
        "properties": {name: {"value": values[name], "versions": _versions(record, name)} for name in chosen},
        "form-submissions": [],
        "identity-profiles": [
            {
                "vid": int(record.id),
                "saved-at-timestamp": record.created_at_ms,
                "deleted-changed-timestamp": 0,
                "identities": _identities(record),
            }
        ],
        "merge-audits": [],
    }


def _versions(record: Record, name: str) -> list[dict[str, Any]]:
    return [
        {
            "value": version.value,
            "timestamp": version.at_ms,
            "source-type": version.origin.kind,
            "source-id": version.origin.id,
            "selected": False,
        }
        for version in reversed(record.versions(name))
    ]


def _identities(record: Record) -> list[dict[str, Any]]:
    email = record.properties.get("email")
    return [{"type": "EMAIL", "value": email, "timestamp": record.created_at_ms, "is-primary": True}] if email else []


def _values(items: list[Value]) -> dict[str, Scalar]:
    return {item.property: item.value for item in items}


def _write(portal: Portal, values: dict[str, Scalar], record: Record | None) -> Record:
    context = portal.write_context(portal.stores["contacts"], "v1")
    plan = plan_write(context, values, record)
    check_primary_company(portal, plan)
    return carry_out(portal, context, plan)


def _found(portal: Portal, request: Request) -> Record:
    store = portal.stores["contacts"]
    if "vid" in request.params:
        record = store.by_id(request.params["vid"])
    else:
        record = store.by_property("email", request.params["email"])
    if record is None:
        raise Refusal(404, "contact does not exist")
    return record
