"""One CRM record at a time: list, create, read, update, archive, merge, privacy delete.

Source: HubSpot docs (object guides, merge changelog, error handling) and bodies observed live by third parties.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec

from hubwire.emulator.calls.crm.lifecycle import archive_record, delete_for_privacy, merge_records
from hubwire.emulator.calls.crm.linking import NewAssociation, check_lead, check_new_associations, shown_associations
from hubwire.emulator.calls.crm.writing import carry_out, check_primary_company
from hubwire.emulator.store.config import Reading
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.objects.writes import Plan, Scalar, plan_write
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Id, Refusal, Reply, Request, decode, invalid, json_reply, not_found

MAX_PAGE = 100


class CreateBody(msgspec.Struct):
    """A new record."""

    properties: dict[str, Scalar]
    associations: list[NewAssociation] = []


class UpdateBody(msgspec.Struct):
    """New values."""

    properties: dict[str, Scalar]


class MergeBody(msgspec.Struct, rename="camel"):
    """Two records to become one."""

    primary_object_id: Id
    object_id_to_merge: Id


class PrivacyBody(msgspec.Struct, rename="camel"):
    """A contact to delete permanently."""

    object_id: Id
    id_property: str | None = None


_create_body = msgspec.json.Decoder(CreateBody)
_update_body = msgspec.json.Decoder(UpdateBody)
_merge_body = msgspec.json.Decoder(MergeBody)
_privacy_body = msgspec.json.Decoder(PrivacyBody)


def list_records(portal: Portal, request: Request) -> Reply:
    """`GET …/{objectType}`: a page of records, oldest first."""
    store = portal.store(request.params["objectType"])
    limit, after = request.query_page(10, MAX_PAGE)
    archived = request.query_flag("archived")
    candidates = (record for record in store.after(after) if bool(record.archived_at_ms) is archived)
    found = list(islice(candidates, limit + 1))
    page = found[:limit]
    body: dict[str, Any] = {"results": [_read(portal, store, record, request) for record in page]}
    if len(found) > limit:
        body["paging"] = request.next_page(page[-1].id, limit)
    return json_reply(200, body)


def create(portal: Portal, request: Request) -> Reply:
    """`POST …/{objectType}`: a new record."""
    store = portal.store(request.params["objectType"])
    body = decode(_create_body, request.body)
    context = portal.write_context(store, request.version)
    check_new_associations(portal, store, body.associations)
    check_lead(portal, store, body.associations)
    try:
        plan = plan_write(context, body.properties, None)
    except Refusal as refusal:
        if refusal.status == 409:
            refusal.context.clear()  # a single create names the owner in its text only (recorded)
        raise
    plan.associations = body.associations
    check_primary_company(portal, plan)
    record = carry_out(portal, context, plan)
    shown = _written(store, record, plan)
    shown["properties"].update(store.new_values(record))
    return json_reply(201, shown)


def read(portal: Portal, request: Request) -> Reply:
    """`GET …/{objectType}/{id}`: one record; a merged id gives the record it became."""
    store, record = _addressed(portal, request, archived=request.query_flag("archived"))
    return json_reply(200, _read(portal, store, record, request))


def update(portal: Portal, request: Request) -> Reply:
    """`PATCH …/{objectType}/{id}`: change one record."""
    body = decode(_update_body, request.body)
    store, record = _addressed(portal, request)
    context = portal.write_context(store, request.version)
    plan = plan_write(context, body.properties, record)
    check_primary_company(portal, plan)
    carry_out(portal, context, plan)
    return json_reply(200, _written(store, record, plan))


def archive(portal: Portal, request: Request) -> Reply:
    """`DELETE …/{objectType}/{id}`: to the recycling bin; 204 for an id that is not there too."""
    store = portal.store(request.params["objectType"])
    record = _find(portal, store, request)
    if record is not None:
        archive_record(portal, store, record)
    return Reply(NO_CONTENT)


def merge(portal: Portal, request: Request) -> Reply:
    """`POST …/merge`: two records become a third with a new id; both old ids lead to it from then on."""
    store = portal.store(request.params["objectType"])
    body = decode(_merge_body, request.body)
    merged = merge_records(portal, store, str(body.primary_object_id), str(body.object_id_to_merge))
    return json_reply(200, store.shown(merged, store.view(merged, [*merged.properties, "hs_merged_object_ids"])))


def privacy_delete(portal: Portal, request: Request) -> Reply:
    """`POST …/gdpr-delete`: remove a contact for good and refuse its address from now on."""
    store = portal.store(request.params["objectType"])
    body = decode(_privacy_body, request.body)
    key = str(body.object_id)
    if body.id_property not in (None, "email"):
        raise invalid(f"Invalid idProperty {body.id_property}")
    record = store.by_property("email", key) if body.id_property else store.by_id(key)
    if record is None and not body.id_property:
        raise not_found()
    if record is None:
        store.blocked_emails.add(key.strip().lower())
        return Reply(NO_CONTENT)
    delete_for_privacy(portal, store, record)
    return Reply(NO_CONTENT)


def _addressed(portal: Portal, request: Request, *, archived: bool = False) -> tuple[ObjectStore, Record]:
    store = portal.store(request.params["objectType"])
    record = _find(portal, store, request, archived=archived)
    if record is None:
        raise not_found() if request.is_date_version else Refusal(404, "resource not found")
    return store, record


def _find(portal: Portal, store: ObjectStore, request: Request, *, archived: bool = False) -> Record | None:
    key = request.params["id"]
    id_property = request.query("idProperty")
    if not id_property:
        return store.by_id(key, archived=archived)
    if not store.is_id_property(id_property):
        if portal.config.follows(Reading.ID_PROPERTY_400):
            raise invalid(f"Unable to perform update/upsert by non-unique {store.type_id} property {id_property}")
        return None
    return store.by_property(id_property, key)


def _read(portal: Portal, store: ObjectStore, record: Record, request: Request) -> dict[str, Any]:
    shown = store.shown(record, store.view(record, request.query_list("properties")))
    if names := request.query_list("propertiesWithHistory"):
        shown["propertiesWithHistory"] = store.history_view(record, names)
    if (names := request.query_list("associations")) and (
        associations := shown_associations(portal, store, record, names)
    ):
        shown["associations"] = associations
    return shown


def _written(store: ObjectStore, record: Record, plan: Plan) -> dict[str, Any]:
    shown = store.shown(record, {**plan.values, **store.computed(record)})
    if plan.warnings:
        shown["warnings"] = plan.warnings
    return shown
