"""Association calls over HTTP: default and labelled, single and batch, read, archive, and label definitions.

Source: HubSpot's associations guide and OpenAPI. Batch answers carry the statuses of their version: 2026-09
creates with 200 and older ones with 201, date paths archive with 200 and a body, v4 with 204. v3 takes a type by name
or id.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec

from hubwire.emulator.calls.crm.batches import batch_reply
from hubwire.emulator.calls.crm.linking import AssociationSpec, RecordId, shown_associations
from hubwire.emulator.standard.association_ids import AssociationType
from hubwire.emulator.store.config import Reading
from hubwire.emulator.store.objects import rules
from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import (
    NO_CONTENT,
    Id,
    Refusal,
    Reply,
    Request,
    decode,
    invalid,
    json_reply,
    not_found,
    whole_number,
)

MAX_PAGE = 500
MAX_V3_PAGE = 100


class PairInput(msgspec.Struct, rename={"from_": "from"}):
    """Two records to associate, under `types` or under v3's `type`."""

    from_: RecordId
    to: RecordId
    types: list[AssociationSpec] = []
    type: str | int | None = None


class PairsBody(msgspec.Struct):
    """Batch create, default and label archive."""

    inputs: list[PairInput] = []


class ArchiveInput(msgspec.Struct, rename={"from_": "from"}):
    """One record, and the records whose associations with it end."""

    from_: RecordId
    to: list[RecordId] | RecordId


class ArchiveBody(msgspec.Struct):
    """Batch archive."""

    inputs: list[ArchiveInput] = []


class ReadInput(msgspec.Struct):
    """A record whose associations are read."""

    id: Id
    after: str | None = None


class ReadBody(msgspec.Struct):
    """Batch read."""

    inputs: list[ReadInput] = []


_pairs_body = msgspec.json.Decoder(PairsBody)
_archive_body = msgspec.json.Decoder(ArchiveBody)
_read_body = msgspec.json.Decoder(ReadBody)
_specs_body = msgspec.json.Decoder(list[AssociationSpec])


def associate_default(portal: Portal, request: Request) -> Reply:
    """`PUT …/associations/default/{toObjectType}/{toObjectId}`: the unlabelled association; repeats change nothing."""
    stores = stores_of(portal, request)
    started_at = portal.now_iso()
    results = _link_default(portal, stores, request.params["id"], request.params["toObjectId"])
    return batch_reply(portal, results, [], 200, started_at)


def associate_default_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/associate/default`: unlabelled associations of up to 2,000 pairs."""
    stores = stores_of(portal, request)
    started_at = portal.now_iso()
    inputs = decode(_pairs_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_ASSOCIATIONS)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for item in inputs:
        try:
            results += _link_default(portal, stores, str(item.from_.id), str(item.to.id))
        except Refusal as refusal:
            errors.append(refusal.as_input_error(None))
    return batch_reply(portal, results, errors, 200, started_at)


def associate(portal: Portal, request: Request) -> Reply:
    """`PUT …/associations/{toObjectType}/{toObjectId}`: labelled association of one pair."""
    stores = stores_of(portal, request)
    chosen = [_label(portal, stores, spec) for spec in decode(_specs_body, request.body)]
    result = _link(portal, stores, request.params["id"], request.params["toObjectId"], chosen)
    return json_reply(201, result)


def associate_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/create`: labelled associations of up to 2,000 pairs."""
    stores = stores_of(portal, request)
    started_at = portal.now_iso()
    inputs = decode(_pairs_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_ASSOCIATIONS)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for item in inputs:
        if item.type is None and not item.types:
            continue  # accepted, and nothing is associated (reported from a live portal, 2026-06)
        try:
            chosen = _chosen(portal, stores, item)
            result = _link(portal, stores, str(item.from_.id), str(item.to.id), chosen)
        except Refusal as refusal:
            errors.append(refusal.as_input_error(None))
            continue
        if request.version == "v3":
            result = {"from": {"id": str(item.from_.id)}, "to": {"id": str(item.to.id)}, "type": chosen[0].name}
        results.append(result)
    return batch_reply(portal, results, errors, 200 if request.version == "2026-09" else 201, started_at)


def associate_by_name(portal: Portal, request: Request) -> Reply:
    """v3 `PUT …/associations/{toObjectType}/{toObjectId}/{associationType}`: one pair, the type by name or id."""
    stores = stores_of(portal, request)
    from_id, to_id = request.params["id"], request.params["toObjectId"]
    chosen = _by_name(portal, stores, request.params["associationType"])
    _link(portal, stores, from_id, to_id, [chosen])
    store, record = stores[0], stores[0].by_id(from_id)
    assert record is not None  # linked just now
    shown = store.shown(record, store.view(record))
    shown["associations"] = shown_associations(portal, store, record, [stores[1].name])
    return json_reply(200, shown)


def archive_by_name(portal: Portal, request: Request) -> Reply:
    """v3 `DELETE …/{associationType}`: remove one label."""
    stores = stores_of(portal, request)
    known = _by_name(portal, stores, request.params["associationType"])
    from_id, to_id = request.params["id"], request.params["toObjectId"]
    portal.associations.unlink(stores[0].name, from_id, stores[1].name, to_id, [known.type_id])
    return Reply(NO_CONTENT)


def read_one(portal: Portal, request: Request) -> Reply:
    """`GET …/{id}/associations/{toObjectType}`: a page of one record's associations."""
    from_store, to_store = stores_of(portal, request)
    record = from_store.by_id(request.params["id"])
    if record is None:
        raise not_found() if request.is_date_version else Refusal(404, "resource not found")
    largest = MAX_V3_PAGE if request.version == "v3" else MAX_PAGE
    limit, start = request.query_page(largest, MAX_PAGE)
    targets, following = _targets(portal, (from_store, to_store), record.id, start, min(limit, largest))
    if request.version == "v3":
        targets = _v3_targets(portal, (from_store, to_store), targets)
    body: dict[str, Any] = {"results": targets}
    if following:
        body["paging"] = request.next_page(following, min(limit, largest))
    return json_reply(200, body)


def read_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/read`: up to 1,000 records, a page of associations each; those with none are in `errors`."""
    from_store, to_store = stores_of(portal, request)
    started_at = portal.now_iso()
    inputs = decode(_read_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_ASSOCIATION_READS)
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for item in inputs:
        record = from_store.by_id(str(item.id))
        page = MAX_V3_PAGE if request.version == "v3" else MAX_PAGE
        stores, start = (from_store, to_store), _start(item.after)
        targets, following = _targets(portal, stores, record.id, start, page) if record else ([], "")
        if not targets:
            errors.append(_none_found(from_store, to_store, str(item.id)))
            continue
        if request.version == "v3":
            targets = _v3_targets(portal, stores, targets)
        result: dict[str, Any] = {"from": {"id": str(item.id)}, "to": targets}
        if following:
            result["paging"] = {"next": {"after": following}}
        results.append(result)
    return batch_reply(portal, results, errors, 200, started_at)


def archive_one(portal: Portal, request: Request) -> Reply:
    """`DELETE …/associations/{toObjectType}/{toObjectId}`: removes the association of two records."""
    from_store, to_store = stores_of(portal, request)
    from_id, to_id = request.params["id"], request.params["toObjectId"]
    portal.associations.unlink(from_store.name, from_id, to_store.name, to_id)
    return Reply(NO_CONTENT)


def archive_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/archive`: removes associations with all their labels."""
    from_store, to_store = stores_of(portal, request)
    started_at = portal.now_iso()
    inputs = decode(_archive_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_ASSOCIATIONS)
    for item in inputs:
        for target in item.to if isinstance(item.to, list) else [item.to]:
            portal.associations.unlink(from_store.name, str(item.from_.id), to_store.name, str(target.id))
    return _archived(portal, request, started_at)


def archive_labels(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/labels/archive`: remove labels. Removing the unlabelled one removes all."""
    stores = stores_of(portal, request)
    started_at = portal.now_iso()
    inputs = decode(_pairs_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_ASSOCIATIONS)
    for item in inputs:
        type_ids = [_label(portal, stores, spec).type_id for spec in item.types]
        portal.associations.unlink(stores[0].name, str(item.from_.id), stores[1].name, str(item.to.id), type_ids)
    return _archived(portal, request, started_at)


def _archived(portal: Portal, request: Request, started_at: str) -> Reply:
    return batch_reply(portal, [], [], 200, started_at) if request.is_date_version else Reply(NO_CONTENT)


def stores_of(portal: Portal, request: Request) -> tuple[ObjectStore, ObjectStore]:
    from_name = request.params.get("fromObjectType") or request.params["objectType"]
    return portal.store(from_name), portal.store(request.params["toObjectType"])


def _link_default(
    portal: Portal, stores: tuple[ObjectStore, ObjectStore], from_id: str, to_id: str
) -> list[dict[str, Any]]:
    from_store, to_store = stores
    default = portal.associations.default_type(from_store.name, to_store.name)
    _link(portal, stores, from_id, to_id, [default])
    spec = {"associationCategory": default.category, "associationTypeId": default.type_id}
    return [{"from": {"id": from_id}, "to": {"id": to_id}, "associationSpec": spec}]


def _link(
    portal: Portal, stores: tuple[ObjectStore, ObjectStore], from_id: str, to_id: str, chosen: list[AssociationType]
) -> dict[str, Any]:
    from_store, to_store = stores
    _check_ids(from_id, to_id, is_same_type=from_store is to_store)
    from_record, to_record = from_store.by_id(from_id), to_store.by_id(to_id)
    for store, record, record_id in ((from_store, from_record, from_id), (to_store, to_record, to_id)):
        if record is None:
            raise Refusal(
                404,
                f"No {store.name} with ID {record_id} exists",
                "OBJECT_NOT_FOUND",
                context={"fromObjectId": [from_id], "toObjectId": [to_id]},
            )
    assert from_record is not None and to_record is not None  # noqa: PT018 - narrowed by the loop above
    portal.associations.link(from_store.name, from_record.id, to_store.name, to_record.id, chosen)
    return {
        "fromObjectTypeId": from_store.type_id,
        "fromObjectId": _number(portal, from_record.id),
        "toObjectTypeId": to_store.type_id,
        "toObjectId": _number(portal, to_record.id),
        "labels": [known.label for known in chosen if known.label],
    }


def _check_ids(from_id: str, to_id: str, *, is_same_type: bool) -> None:
    """Refuse an invalid record id, and a record with itself (both recorded in 2026)."""
    for record_id in (from_id, to_id):
        if whole_number(record_id) is None:
            raise invalid(
                f"{record_id[:100]} is not a valid ID",
                context={"id": [record_id[:100]]},
                extra={"subCategory": "crm.associations.INVALID_IDENTIFIER"},
            )
    if is_same_type and from_id == to_id:
        raise invalid(f"Object {from_id} cannot be associated to itself ({to_id})")


def _chosen(portal: Portal, stores: tuple[ObjectStore, ObjectStore], item: PairInput) -> list[AssociationType]:
    if item.type is not None:
        return [_by_name(portal, stores, str(item.type))]
    return [_label(portal, stores, spec) for spec in item.types]


def _by_name(portal: Portal, stores: tuple[ObjectStore, ObjectStore], name: str) -> AssociationType:
    """A v3 association type by name, id, or the plain pair in the singular."""
    from_store, to_store = stores
    known_types = portal.associations.types_of(from_store.name, to_store.name)
    for known in known_types:
        if name in (known.name, str(known.type_id)):
            return known
    if name == f"{from_store.word}_to_{to_store.word}":
        return known_types[0]
    raise invalid(f"{name[:100]} is not a valid association type")


def _label(portal: Portal, stores: tuple[ObjectStore, ObjectStore], spec: AssociationSpec) -> AssociationType:
    from_store, to_store = stores
    return portal.associations.find_type(from_store.name, to_store.name, spec.type_id, spec.association_category)


def _start(after: str | None) -> int:
    start = whole_number(after) if after else 0
    if start is None:
        raise invalid(f"after must be a number, not {str(after)[:100]}")
    return start


def _v3_targets(
    portal: Portal, stores: tuple[ObjectStore, ObjectStore], targets: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The page of associations in v3's form: one entry per label, types in the singular (recorded)."""
    from_store, to_store = stores
    plain = f"{from_store.word}_to_{to_store.word}"
    names = {known.type_id: known.name for known in portal.associations.types_of(from_store.name, to_store.name)}
    return [
        {"id": str(target["toObjectId"]), "type": names[known["typeId"]] or plain}
        for target in targets
        for known in target["associationTypes"]
    ]


def _targets(
    portal: Portal, stores: tuple[ObjectStore, ObjectStore], from_id: str, start: int, limit: int
) -> tuple[list[dict[str, Any]], str]:
    """A page of a record's associations, and the start of the next page (empty if there is none)."""
    from_store, to_store = stores
    types = {known.type_id: known for known in portal.associations.types_of(from_store.name, to_store.name)}
    held = portal.associations.targets(from_store.name, from_id, to_store.name)
    page = [
        {
            "toObjectId": _number(portal, to_id),
            "associationTypes": [shown_type(types[type_id]) for type_id in type_ids],
        }
        for to_id, type_ids in islice(held.items(), start, start + limit)
    ]
    return page, str(start + len(page)) if start + len(page) < len(held) else ""


def _number(portal: Portal, record_id: str) -> int | str:
    """A record id as v4 and dates write it: a number in every recorded answer, text in HubSpot's OpenAPI."""
    return record_id if portal.config.follows(Reading.ASSOCIATION_IDS_AS_TEXT) else int(record_id)


def shown_type(known: AssociationType) -> dict[str, Any]:
    return {"category": known.category, "typeId": known.type_id, "label": known.label}


def _none_found(from_store: ObjectStore, to_store: ObjectStore, from_id: str) -> dict[str, Any]:
    return Refusal(
        404,
        f"No {to_store.word} is associated with {from_store.word} {from_id}.",
        "OBJECT_NOT_FOUND",
        context={
            "fromObjectId": [from_id],
            "fromObjectType": [from_store.word],
            "toObjectType": [to_store.word],
        },
        extra={"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"},
    ).as_input_error(None)
