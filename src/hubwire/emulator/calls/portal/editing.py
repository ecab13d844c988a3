"""Actions of people in HubSpot itself, through the control plane: edit, archive, restore, merge and delete records.

None of it is an API call: no token, no limit, no count. An edit is a person's unless it names another source.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.emulator.calls.crm.lifecycle import archive_record, delete_for_privacy, merge_records, restore_record
from hubwire.emulator.calls.crm.writing import carry_out, check_primary_company
from hubwire.emulator.moments import parse_moment
from hubwire.emulator.store.objects.history import PERSON, Origin
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.objects.writes import Scalar, plan_write
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Id, invalid, not_found


class Source(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Who wrote a value, in the words of `propertiesWithHistory`."""

    source_type: str = PERSON.kind
    source_id: str | None = None
    updated_by_user_id: int | None = None

    def origin(self) -> Origin:
        """The origin to store; a person has a user id."""
        if self.source_type == PERSON.kind and self.source_id is None and self.updated_by_user_id is None:
            return PERSON
        user = self.updated_by_user_id
        return Origin(self.source_type, self.source_id or (f"userId:{user}" if user else "other"), user)


class EditBody(msgspec.Struct, forbid_unknown_fields=True):
    """New values of a record; `at` is when they were written (None: now)."""

    type: str
    id: Id
    properties: dict[str, Scalar]
    at: str | int | None = None
    source: Source = Source()


class RecordBody(msgspec.Struct, forbid_unknown_fields=True):
    """One record."""

    type: str
    id: Id


class MergeBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Two records to merge."""

    type: str
    primary_object_id: Id
    object_id_to_merge: Id


def edit(portal: Portal, body: EditBody) -> dict[str, Any]:
    """Write values as a person does, any lifecycle stage and the e-mail included. Returns the record.

    Errors: a `Refusal` for an unknown record, for values HubSpot would not take, and for a time before the newest
    version of a property.
    """
    store, record = _found(portal, body.type, str(body.id))
    context = portal.write_context(store, "v3", body.source.origin())
    if body.at is not None:
        context.now_ms = moment(body.at, "at")
    plan = plan_write(context, body.properties, record)
    for name in plan.values:
        versions = record.versions(name)
        if versions and versions[-1].at_ms > context.now_ms:
            raise invalid(f"at: {name} has a version of a later time, {versions[-1].shown()['timestamp']}")
    check_primary_company(portal, plan)
    carry_out(portal, context, plan)
    return store.shown(record, {**store.computed(record), **record.properties})


def archive(portal: Portal, body: RecordBody) -> None:
    """Move a record to the recycling bin."""
    archive_record(portal, *_found(portal, body.type, str(body.id)))


def restore(portal: Portal, body: RecordBody) -> None:
    """Take a record out of the recycling bin."""
    restore_record(portal, portal.store(body.type), str(body.id))


def privacy_delete(portal: Portal, body: RecordBody) -> None:
    """Delete a contact permanently, and refuse its addresses from then on."""
    delete_for_privacy(portal, *_found(portal, body.type, str(body.id)))


def merge(portal: Portal, body: MergeBody) -> dict[str, Any]:
    """Merge two records. Returns the new one."""
    store = portal.store(body.type)
    merged = merge_records(portal, store, str(body.primary_object_id), str(body.object_id_to_merge))
    return store.shown(merged, {**store.computed(merged), **merged.properties})


def moment(value: str | int, name: str) -> int:
    """Epoch milliseconds of a time in a body.

    Errors: a 400 that names the field and its value.
    """
    try:
        return parse_moment(value)
    except ValueError as exc:
        raise invalid(f"{name}: {str(value)[:100]} is not a moment") from exc


def _found(portal: Portal, object_type: str, record_id: str) -> tuple[ObjectStore, Record]:
    store = portal.store(object_type)
    record = store.by_id(record_id)
    if record is None:
        raise not_found(f"No {store.name} with ID {record_id[:100]} exists")
    return store, record
