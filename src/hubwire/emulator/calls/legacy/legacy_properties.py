"""Property definitions in the shape of v1 and v2, which older programs read first.

Source: HubSpot's legacy pages and programs that read them (Airbyte, RudderStack, Singer). Reads, and a create.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.emulator.calls.schema.properties import PropertyBody, make_property
from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.store.objects.schema import Group, Property, Schema
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Reply, Request, decode, json_reply, not_found

_property_body = msgspec.json.Decoder(PropertyBody)


def list_properties(portal: Portal, request: Request) -> Reply:
    """`GET /properties/v1|v2/{objectType}/properties`: every definition, a plain list.

    Airbyte's connector asks for those of `form` before it reads anything, so HubSpot has them; which, is chosen here:
    those that every object type has.
    """
    is_form = request.params["objectType"] == "form"
    schema = Schema("form") if is_form else _store(portal, request).schema
    return json_reply(200, [_shown(item) for item in schema.list_visible(portal.clock.now_ms())])


def list_company_properties(portal: Portal, request: Request) -> Reply:
    """`GET /companies/v2/properties`: the same of companies."""
    request.params = {"objectType": "companies"}
    return list_properties(portal, request)


def read_property(portal: Portal, request: Request) -> Reply:
    """`GET …/properties/named/{propertyName}`: one definition."""
    name = request.params["propertyName"]
    definition = _store(portal, request).schema.visible(name, portal.clock.now_ms())
    if definition is None:
        raise not_found(f"Property {name[:100]} does not exist")
    return json_reply(200, _shown(definition))


def create_property(portal: Portal, request: Request) -> Reply:
    """`POST …/properties`: a definition."""
    store = _store(portal, request)
    return json_reply(200, _shown(make_property(portal, store, decode(_property_body, request.body))))


def list_groups(portal: Portal, request: Request) -> Reply:
    """`GET …/groups`: every group, with its properties where `includeProperties` asks for them."""
    schema = _store(portal, request).schema
    visible = schema.list_visible(portal.clock.now_ms()) if request.query_flag("includeProperties") else None
    return json_reply(200, [_group(group, visible) for group in schema.groups.values()])


def _store(portal: Portal, request: Request) -> ObjectStore:
    return portal.store(request.params["objectType"])


def _group(group: Group, definitions: list[Property] | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": group.name,
        "displayName": group.label,
        "displayOrder": group.display_order,
        "hubspotDefined": True,
    }
    if definitions is not None:
        body["properties"] = [_shown(item) for item in definitions if item.group_name == group.name]
    return body


def _shown(definition: Property) -> dict[str, Any]:
    plain = msgspec.to_builtins(definition)
    metadata = plain.pop("modificationMetadata")
    for name in ("archived", "archivedAt", "createdAt", "updatedAt", "dataSensitivity", "hasUniqueValue"):
        plain.pop(name, None)
    return {
        **plain,
        "options": [{"doubleData": 0.0, "readOnly": False, **option} for option in plain["options"]],
        "readOnlyValue": metadata["readOnlyValue"],
        "readOnlyDefinition": metadata["readOnlyDefinition"],
        "mutableDefinitionNotDeletable": not metadata["archivable"],
        "favorited": False,
        "favoritedOrder": -1,
        "displayMode": "current_value",
        "deleted": False,
        "referencedObjectType": plain.get("referencedObjectType"),
        "createdUserId": None,
        "updatedUserId": None,
    }
