"""Lists of contacts and single associations as v1 takes them, for programs that still use these paths.

Source: HubSpot's legacy pages (contact lists v1, CRM associations v1) and programs that call them: Activepieces'
piece, npm `hubspot`, hubspot3. Numbers are JSON numbers; a list's members are named by `vids` or `emails`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.emulator.moments import parse_moment
from hubwire.emulator.store.lists import RecordList
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import MAX_NUMBER, NO_CONTENT, Reply, Request, decode, invalid, json_reply, not_found

MAX_COUNT = 1_000  # chosen; HubSpot's page says 250, and programs ask for 999
_CONTACTS = "0-1"
# Definition id to the object types that it leads from and to: the association type ids of v4.
_DEFINITIONS = {1: ("contacts", "companies"), 2: ("companies", "contacts"), 3: ("deals", "contacts")} | {
    4: ("contacts", "deals"),
    5: ("deals", "companies"),
    6: ("companies", "deals"),
    15: ("contacts", "tickets"),
    16: ("tickets", "contacts"),
}


class ListBody(msgspec.Struct):
    """A new list; one with filters is `dynamic`."""

    name: str
    dynamic: bool = False


class MembersBody(msgspec.Struct):
    """Who joins or leaves."""

    vids: list[int] = []
    emails: list[str] = []


class AssociationBody(msgspec.Struct, rename="camel"):
    """One association."""

    from_object_id: int
    to_object_id: int
    definition_id: int
    category: str = "HUBSPOT_DEFINED"


_list_body = msgspec.json.Decoder(ListBody)
_members_body = msgspec.json.Decoder(MembersBody)
_association_body = msgspec.json.Decoder(AssociationBody)


def list_lists(portal: Portal, request: Request) -> Reply:
    """`GET /contacts/v1/lists` and `…/lists/static`: a page of contact lists."""
    count, offset = request.query_number("count", 20, 1, MAX_COUNT), request.query_number("offset", 0, 0, MAX_NUMBER)
    wants_static = request.path.endswith("/static")
    found = [known for known in _contact_lists(portal) if not wants_static or known.processing_type != "DYNAMIC"]
    page = found[offset : offset + count]
    after = offset + len(page)
    answer = {"lists": [_shown(portal, known) for known in page], "offset": after, "has-more": after < len(found)}
    return json_reply(200, answer)


def create_list(portal: Portal, request: Request) -> Reply:
    """`POST /contacts/v1/lists`: a list of contacts."""
    body, now = decode(_list_body, request.body), portal.now_iso()
    if any(known.name.lower() == body.name.lower() for known in _contact_lists(portal)):
        raise invalid(f"A list already exists with the name {body.name[:100]}.")
    known = RecordList(
        id=str(portal.new_number()),
        name=body.name,
        object_type_id=_CONTACTS,
        processing_type="DYNAMIC" if body.dynamic else "MANUAL",
        created_at=now,
        updated_at=now,
    )
    portal.lists[known.id] = known
    return json_reply(200, _shown(portal, known))


def read_list(portal: Portal, request: Request) -> Reply:
    """`GET /contacts/v1/lists/{listId}`: one list."""
    return json_reply(200, _shown(portal, _list(portal, request)))


def delete_list(portal: Portal, request: Request) -> Reply:
    """`DELETE /contacts/v1/lists/{listId}`."""
    _list(portal, request).is_deleted = True
    return Reply(NO_CONTENT)


def add_members(portal: Portal, request: Request) -> Reply:
    """`POST …/lists/{listId}/add`: contacts join; the answer names those that did not."""
    known, ids, missing = _members(portal, request)
    joined = [record_id for record_id in ids if record_id not in known.members]
    known.members.update(dict.fromkeys(joined, portal.clock.now_ms()))
    return _changed(joined, [record_id for record_id in ids if record_id not in joined], missing)


def remove_members(portal: Portal, request: Request) -> Reply:
    """`POST …/lists/{listId}/remove`: contacts leave."""
    known, ids, missing = _members(portal, request)
    left = [record_id for record_id in ids if known.members.pop(record_id, None) is not None]
    return _changed(left, [record_id for record_id in ids if record_id not in left], missing)


def associate(portal: Portal, request: Request) -> Reply:
    """`PUT /crm-associations/v1/associations`: one association by its definition id."""
    body = decode(_association_body, request.body)
    (from_type, to_type), ids = _ends(body.definition_id), (str(body.from_object_id), str(body.to_object_id))
    for object_type, record_id in zip((from_type, to_type), ids, strict=True):
        if portal.store(object_type).by_id(record_id) is None:
            raise not_found(f"No {object_type} with ID {record_id} exists")
    label = portal.associations.find_type(from_type, to_type, body.definition_id, None)
    portal.associations.link(from_type, ids[0], to_type, ids[1], [label])
    return Reply(NO_CONTENT)


def read_associations(portal: Portal, request: Request) -> Reply:
    """`GET /crm-associations/v1/associations/{objectId}/HUBSPOT_DEFINED/{definitionId}`: ids of associated records."""
    text = request.params["definitionId"]
    from_type, to_type = _ends(int(text) if text.isdecimal() else 0)
    targets = portal.associations.targets(from_type, request.params["objectId"], to_type)
    return json_reply(200, {"results": [int(record_id) for record_id in targets], "hasMore": False, "offset": 0})


def _ends(definition_id: int) -> tuple[str, str]:
    if definition_id not in _DEFINITIONS:
        raise invalid(f"Association definition {definition_id} does not exist")
    return _DEFINITIONS[definition_id]


def _contact_lists(portal: Portal) -> list[RecordList]:
    return [known for known in portal.lists.values() if known.object_type_id == _CONTACTS and not known.is_deleted]


def _list(portal: Portal, request: Request) -> RecordList:
    known = portal.lists.get(request.params["listId"])
    if known is None or known.is_deleted or known.object_type_id != _CONTACTS:
        raise not_found(f"There is no list with id {request.params['listId'][:100]}")
    return known


def _members(portal: Portal, request: Request) -> tuple[RecordList, list[str], MembersBody]:
    known, body, store = _list(portal, request), decode(_members_body, request.body), portal.stores["contacts"]
    if known.processing_type == "DYNAMIC":
        raise invalid(f"List {known.id} is dynamic; its members cannot be set")
    by_email = {email: store.by_property("email", email) for email in body.emails}
    by_id = {vid: store.by_id(str(vid)) for vid in body.vids}
    found = [record.id for record in (*by_id.values(), *by_email.values()) if record is not None]
    unknown = MembersBody(
        [vid for vid, record in by_id.items() if record is None],
        [email for email, record in by_email.items() if record is None],
    )
    return known, list(dict.fromkeys(found)), unknown


def _changed(changed: list[str], unchanged: list[str], missing: MembersBody) -> Reply:
    body = {
        "updated": [int(record_id) for record_id in changed],
        "discarded": [int(record_id) for record_id in unchanged],
        "invalidVids": missing.vids,
        "invalidEmails": missing.emails,
    }
    return json_reply(200, body)


def _shown(portal: Portal, known: RecordList) -> dict[str, Any]:
    is_dynamic = known.processing_type == "DYNAMIC"
    return {
        "listId": int(known.id),
        "name": known.name,
        "dynamic": is_dynamic,
        "listType": "DYNAMIC" if is_dynamic else "STATIC",
        "portalId": portal.config.portal_id,
        "createdAt": parse_moment(known.created_at),
        "updatedAt": parse_moment(known.updated_at),
        "metaData": {"size": len(known.members), "processing": "DONE", "error": ""},
        "filters": [],
        "archived": False,
        "deleteable": True,
        "readOnly": False,
        "internal": False,
    }
