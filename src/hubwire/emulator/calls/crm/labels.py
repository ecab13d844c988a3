"""Association labels: HubSpot's own and the account's. Source: HubSpot's associations guide and OpenAPI."""

from __future__ import annotations

import msgspec

from hubwire.emulator.calls.crm.associations import shown_type, stores_of
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Reply, Request, decode, invalid, json_reply, whole_number


class LabelBody(msgspec.Struct, rename="camel"):
    """A new label."""

    label: str
    name: str
    inverse_label: str | None = None


class LabelPatch(msgspec.Struct, rename="camel"):
    """A new text for a label."""

    association_type_id: int
    label: str
    inverse_label: str | None = None


_label_body = msgspec.json.Decoder(LabelBody)
_label_patch = msgspec.json.Decoder(LabelPatch)


def list_labels(portal: Portal, request: Request) -> Reply:
    """`GET …/labels`: the label definitions of a pair."""
    from_store, to_store = stores_of(portal, request)
    known = portal.associations.types_of(from_store.name, to_store.name)
    return json_reply(200, {"results": [shown_type(association) for association in known]})


def create_label(portal: Portal, request: Request) -> Reply:
    """`POST …/labels`: a label of the account's own, in both directions."""
    from_store, to_store = stores_of(portal, request)
    body = decode(_label_body, request.body)
    labels = portal.associations.add_label(from_store.name, to_store.name, body.label, body.inverse_label, body.name)
    return json_reply(200, {"results": [shown_type(association) for association in labels]})


def update_label(portal: Portal, request: Request) -> Reply:
    """`PUT …/labels`: a new text for a label."""
    from_store, to_store = stores_of(portal, request)
    body = decode(_label_patch, request.body)
    known = portal.associations.find_type(from_store.name, to_store.name, body.association_type_id, "USER_DEFINED")
    known.label = body.label
    if body.inverse_label is not None:
        inverse = portal.associations.find_type(to_store.name, from_store.name, known.inverse, "USER_DEFINED")
        inverse.label = body.inverse_label
    return Reply(NO_CONTENT)


def archive_label(portal: Portal, request: Request) -> Reply:
    """`DELETE …/labels/{associationTypeId}`: drop a label of the account's own."""
    from_store, to_store = stores_of(portal, request)
    type_id = whole_number(request.params["associationTypeId"])
    if type_id is None:
        raise invalid(f"{request.params['associationTypeId'][:100]} is not a valid association type id")
    portal.associations.remove_label(from_store.name, to_store.name, type_id)
    return Reply(NO_CONTENT)
