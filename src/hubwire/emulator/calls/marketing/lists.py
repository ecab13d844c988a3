"""Lists and their members. Source: HubSpot's OpenAPI, and a recorded page and duplicate-name error.

Chosen: a merged record takes the places of both on their lists, and a deleted one leaves them; a membership write to a
DYNAMIC list answers 400, and its body takes 100,000 ids.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.emulator.moments import iso
from hubwire.emulator.store.lists import PROCESSING_TYPES, RecordList
from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Id, Reply, Request, decode, invalid, json_reply, not_found

MAX_IDS = 100_000
MAX_PAGE = 250
MAX_SEARCH = 500


class CreateBody(msgspec.Struct, rename="camel"):
    """A new list."""

    name: str
    object_type_id: str
    processing_type: str
    filter_branch: dict[str, Any] | None = None


class SearchBody(msgspec.Struct, rename="camel"):
    """A search; every condition must hold."""

    query: str = ""
    list_ids: list[str] = []
    processing_types: list[str] = []
    object_type_id: str | None = None
    additional_properties: list[str] = []
    offset: int = 0
    count: int = 20


class ChangeBody(msgspec.Struct, rename="camel"):
    """The records to add and to remove."""

    record_ids_to_add: list[Id] = []
    record_ids_to_remove: list[Id] = []


_create_body = msgspec.json.Decoder(CreateBody)
_search_body = msgspec.json.Decoder(SearchBody)
_ids_body = msgspec.json.Decoder(list[Id])
_change_body = msgspec.json.Decoder(ChangeBody)
_filters_body = msgspec.json.Decoder(dict[str, Any])


def create_list(portal: Portal, request: Request) -> Reply:
    """`POST …/lists`: a list; its name is the only one of the portal."""
    body = decode(_create_body, request.body)
    store = portal.store(body.object_type_id)
    if body.processing_type not in PROCESSING_TYPES:
        raise invalid(f"{body.processing_type} is not one of {', '.join(PROCESSING_TYPES)}")
    _check_name(portal, body.name)
    now = portal.now_iso()
    record_list = RecordList(
        id=str(portal.new_number()),
        name=body.name,
        object_type_id=store.type_id,
        processing_type=body.processing_type,
        filter_branch=body.filter_branch,
        created_at=now,
        updated_at=now,
    )
    portal.lists[record_list.id] = record_list
    return json_reply(200, {"list": record_list.shown()})


def read_lists(portal: Portal, request: Request) -> Reply:
    """`GET …/lists?listIds=…`: several lists by id."""
    ids = request.query_list("listIds")
    found = [known for known in portal.lists.values() if known.id in ids and not known.is_deleted]
    return json_reply(200, {"lists": [known.shown() for known in found]})


def read_list(portal: Portal, request: Request) -> Reply:
    """`GET …/lists/{listId}`: one list."""
    return json_reply(200, {"list": without_gone(portal, _list(portal, request)).shown()})


def read_list_by_name(portal: Portal, request: Request) -> Reply:
    """`GET …/object-type-id/{objectTypeId}/name/{listName}`: one list by its name."""
    store = portal.store(request.params["objectTypeId"])
    for known in portal.lists.values():
        if (known.name, known.object_type_id) == (request.params["listName"], store.type_id) and not known.is_deleted:
            return json_reply(200, {"list": without_gone(portal, known).shown()})
    raise not_found(f"List does not exist with name {request.params['listName'][:100]}.")


def search_lists(portal: Portal, request: Request) -> Reply:
    """`POST …/lists/search`: a page of lists whose name holds the query."""
    body = decode(_search_body, request.body)
    if not 1 <= body.count <= MAX_SEARCH or body.offset < 0:
        raise invalid(f"count must be a number from 1 to {MAX_SEARCH}, offset at least 0")
    type_id = portal.store(body.object_type_id).type_id if body.object_type_id else None
    found = [
        known
        for known in portal.lists.values()
        if not known.is_deleted
        and body.query.lower() in known.name.lower()
        and (not body.list_ids or known.id in body.list_ids)
        and (not body.processing_types or known.processing_type in body.processing_types)
        and type_id in (None, known.object_type_id)
    ]
    page = found[body.offset : body.offset + body.count]
    after = body.offset + len(page)
    answer = {"offset": after, "hasMore": after < len(found), "lists": [known.found() for known in page]}
    return json_reply(200, {**answer, "total": len(found)})


def rename_list(portal: Portal, request: Request) -> Reply:
    """`PUT …/update-list-name?listName=…`."""
    known, name = _list(portal, request), request.query("listName") or ""
    if name != known.name:
        _check_name(portal, name)
        known.name = name
        known.updated_at = portal.now_iso()
    return json_reply(200, {"updatedList": known.shown()})


def update_list_filters(portal: Portal, request: Request) -> Reply:
    """`PUT …/update-list-filters`: other filters; they are kept and never evaluated."""
    known = _list(portal, request)
    branch = decode(_filters_body, request.body).get("filterBranch")
    known.filter_branch = branch if isinstance(branch, dict) else None
    known.version += 1
    return json_reply(200, {"updatedList": known.shown()})


def delete_list(portal: Portal, request: Request) -> Reply:
    """`DELETE …/lists/{listId}`; it can be restored."""
    _list(portal, request).is_deleted = True
    return Reply(NO_CONTENT)


def restore_list(portal: Portal, request: Request) -> Reply:
    """`PUT …/restore`: a deleted list again."""
    known = portal.lists.get(request.params["listId"])
    if known is None or not known.is_deleted:
        raise _missing_list(request)
    known.is_deleted = False
    return Reply(NO_CONTENT)


def read_members(portal: Portal, request: Request) -> Reply:
    """`GET …/memberships` and `…/memberships/join-order`: a page of members, in order of joining."""
    known = without_gone(portal, _list(portal, request))
    limit, after = request.query_page(100, MAX_PAGE)
    members = list(known.members.items())
    page = members[after : after + limit]
    results = [{"recordId": record_id, "membershipTimestamp": iso(at_ms)} for record_id, at_ms in page]
    body: dict[str, Any] = {"results": results, "total": len(members)}
    if after + len(page) < len(members):
        body["paging"] = request.next_page(str(after + len(page)), limit)
    return json_reply(200, body)


def add_members(portal: Portal, request: Request) -> Reply:
    """`PUT …/memberships/add`: a JSON list of record ids joins."""
    return _change(portal, request, ChangeBody(record_ids_to_add=decode(_ids_body, request.body)))


def remove_members(portal: Portal, request: Request) -> Reply:
    """`PUT …/memberships/remove`: a JSON list of record ids leaves."""
    return _change(portal, request, ChangeBody(record_ids_to_remove=decode(_ids_body, request.body)))


def change_members(portal: Portal, request: Request) -> Reply:
    """`PUT …/memberships/add-and-remove`."""
    return _change(portal, request, decode(_change_body, request.body))


def clear_members(portal: Portal, request: Request) -> Reply:
    """`DELETE …/memberships`: remove all members."""
    known = _list(portal, request)
    _check_manual(known)
    known.members.clear()
    return Reply(NO_CONTENT)


def read_lists_of_record(portal: Portal, request: Request) -> Reply:
    """`GET …/records/{objectTypeId}/{recordId}/memberships`: the lists that a record is on."""
    store, record_id = portal.store(request.params["objectTypeId"]), request.params["recordId"]
    results = [
        {
            "listId": known.id,
            "listVersion": known.version,
            "firstAddedTimestamp": iso(known.members[record_id]),
            "lastAddedTimestamp": iso(known.members[record_id]),
        }
        for known in portal.lists.values()
        if known.object_type_id == store.type_id and record_id in known.members and not known.is_deleted
    ]
    return json_reply(200, {"results": results})


def _change(portal: Portal, request: Request, body: ChangeBody) -> Reply:
    known = _list(portal, request)
    _check_manual(known)
    added, removed = list(map(str, body.record_ids_to_add)), list(map(str, body.record_ids_to_remove))
    if len(added) + len(removed) > MAX_IDS:
        raise invalid(f"The maximum number of record ids is {MAX_IDS}")
    store = portal.store(known.object_type_id)
    missing = [record_id for record_id in (*added, *removed) if _live(store, record_id) is None]
    now_ms = portal.clock.now_ms()
    joined = [record_id for record_id in added if record_id not in missing and record_id not in known.members]
    left = [record_id for record_id in removed if record_id in known.members]
    known.members.update(dict.fromkeys(joined, now_ms))
    for record_id in left:
        del known.members[record_id]
    answer = {"recordsIdsAdded": joined, "recordIdsRemoved": left}
    return json_reply(200, {**answer, "recordIdsMissing": list(dict.fromkeys(missing))})


def without_gone(portal: Portal, known: RecordList) -> RecordList:
    """The list, from which records that are deleted have gone (chosen: a restored record does not come back)."""
    store = portal.store(known.object_type_id)
    for record_id in [record_id for record_id in known.members if _live(store, record_id) is None]:
        del known.members[record_id]
    return known


def _live(store: ObjectStore, record_id: str) -> object | None:
    return store.by_id(record_id, follows_merge=False)


def _list(portal: Portal, request: Request) -> RecordList:
    known = portal.lists.get(request.params["listId"])
    if known is None or known.is_deleted:
        raise _missing_list(request)
    return known


def _missing_list(request: Request) -> Exception:
    return not_found(f"List does not exist with ID {request.params['listId'][:100]}.")


def _check_manual(known: RecordList) -> None:
    if known.processing_type == "DYNAMIC":
        raise invalid(f"List {known.id} is DYNAMIC; its members cannot be set")


def _check_name(portal: Portal, name: str) -> None:
    if not name:
        raise invalid("A list needs a name")
    if any(known.name.lower() == name.lower() and not known.is_deleted for known in portal.lists.values()):
        raise invalid(f"A list already exists with the name {name}.", extra={"subCategory": "ILS.DUPLICATE_LIST_NAMES"})
