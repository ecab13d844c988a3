"""Archives, restores, merges and deletes records.

The API and the control plane both use this. Source: HubSpot's object guides and merge changelog; which secondary
addresses and domains a merge leaves, that each value keeps its history, and that a deletion for privacy removes the
subscriptions and submissions of the address, are chosen.
"""

from __future__ import annotations

from collections import deque

from hubwire.emulator.store.objects.history import MERGE, entry_of
from hubwire.emulator.store.objects.keys import split_keys
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Refusal, invalid, not_found

MAX_MERGES = 250


def archive_record(portal: Portal, store: ObjectStore, record: Record) -> None:
    """Archive one record, and remove its associations."""
    store.archive(record, portal.clock.now_ms(), portal.search_lag_ms)
    portal.associations.unlink_all(store.name, record.id)
    portal.changes.note(store.type_id, "DELETE", record.id, portal.clock.now_ms())


def restore_record(portal: Portal, store: ObjectStore, record_id: str) -> None:
    """Restore a record from the recycling bin, without its associations.

    Errors: a 404 when the bin does not hold it.
    """
    record = store.by_id(record_id, archived=True)
    if record is None:
        raise not_found(f"{store.singular} {record_id} is not in the recycling bin")
    store.restore(record, portal.clock.now_ms(), portal.search_lag_ms)
    portal.changes.note(store.type_id, "RESTORE", record.id, portal.clock.now_ms())


def delete_for_privacy(portal: Portal, store: ObjectStore, record: Record) -> None:
    """Delete a record permanently, and refuse its addresses from now on."""
    addresses = [
        *split_keys(record.properties.get("email")),
        *split_keys(record.properties.get("hs_additional_emails")),
    ]
    store.blocked_emails.update(addresses)
    for address in addresses:
        portal.subscriptions.pop(address, None)
        portal.subscription_times.pop(address, None)
    kept = [submission for submission in portal.submissions if submission["email"] not in addresses]
    portal.submissions = deque(kept, maxlen=portal.submissions.maxlen)
    portal.associations.unlink_all(store.name, record.id)
    store.forget(record)
    portal.changes.note(store.type_id, "GDPR_DELETE", record.id, portal.clock.now_ms())


def merge_records(portal: Portal, store: ObjectStore, primary_id: str, other_id: str) -> Record:
    """Merge two records into a third with a new id, to which both old ids lead from then on.

    Errors: 404 for an id that is not there, 400 for a record and itself, 414 past 250 merges.
    """
    primary, other = store.by_id(primary_id), store.by_id(other_id)
    if primary is None or other is None:
        raise not_found("Object not found.  objectId are usually numeric.")
    if primary is other:
        raise invalid("A record cannot be merged with itself")
    merges = store.merge_counts.get(primary.id, 0) + store.merge_counts.get(other.id, 0) + 1
    if merges > MAX_MERGES:
        raise Refusal(414, "Cannot have more than 250 identities on a profile", "VALIDATION_ERROR")
    merged = _merge(portal, store, primary, other)
    store.merge_counts[merged.id] = merges
    merged_ids = [int(primary.id), int(other.id)]
    portal.changes.note(store.type_id, "MERGE", merged.id, portal.clock.now_ms(), mergedObjectIds=merged_ids)
    return merged


def _merge(portal: Portal, store: ObjectStore, primary: Record, other: Record) -> Record:
    now_ms, lag_ms = portal.clock.now_ms(), portal.search_lag_ms
    values = {**other.properties, **primary.properties}
    combined = _combined(store, primary, other)
    values.update(combined)
    for record in (primary, other):
        store.archive(record, now_ms, lag_ms)
    merged = store.create(values, now_ms, lag_ms, primary.origin)
    merged.created_at_ms = min(primary.created_at_ms, other.created_at_ms)
    if store.keep_history:
        merged.history = {
            name: [entry_of(version) for version in (primary if name in primary.properties else other).versions(name)]
            for name in values
        }
        for name, value in combined.items():
            merged.history[name].append((now_ms, value, MERGE))
    for record in (primary, other):
        portal.associations.move_all(store.name, record.id, merged.id)
        portal.events.move_all(record.id, merged.id, store.singular)
        _move_memberships(portal, store, record, merged, now_ms)
        store.redirect(record, merged)
    return merged


def _move_memberships(portal: Portal, store: ObjectStore, record: Record, merged: Record, now_ms: int) -> None:
    """The merged record takes the place of one of the two on its lists."""
    for record_list in portal.lists.values():
        if record_list.object_type_id == store.type_id and record_list.members.pop(record.id, None) is not None:
            record_list.members[merged.id] = now_ms


def _combined(store: ObjectStore, primary: Record, other: Record) -> dict[str, str]:
    """The values of a merged record: with the old ids, and all further addresses or domains."""
    merged_name = "hs_merged_object_ids"
    earlier = [*split_keys(primary.properties.get(merged_name)), *split_keys(other.properties.get(merged_name))]
    combined = {merged_name: ";".join(dict.fromkeys([*earlier, primary.id, other.id]))}
    if store.keys is None:
        return combined
    main, further = store.keys.main, store.keys.further
    kept = primary.properties.get(main) or other.properties.get(main, "")
    names = ((primary, further), (other, main), (other, further))
    candidates = [key for record, name in names for key in split_keys(record.properties.get(name))]
    if secondary := dict.fromkeys(key for key in candidates if key != kept.lower()):
        combined[further] = ";".join(secondary)
    return combined
