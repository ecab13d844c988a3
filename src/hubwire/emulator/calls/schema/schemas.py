"""Object types as schemas: every type read, the account's own made, changed and deleted.

Source: HubSpot's OpenAPI and schemas guide; the schema of contacts is recorded. Below Enterprise the account may make
none (documented; the body of that 403 is chosen). The emulator gives custom pairs their own association type ids.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hubwire.emulator.calls.schema.properties import PropertyBody, make_property
from hubwire.emulator.store.config import CustomObject, Tier
from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.store.objects.schema import NAME_PATTERN
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Refusal, Reply, Request, conflict, decode, invalid, json_reply

MAX_CUSTOM_OBJECTS = 10
_PRIMARY_DISPLAY = {"contacts": "firstname", "companies": "name", "deals": "dealname", "tickets": "subject"}


class Labels(msgspec.Struct):
    """What a type is called."""

    singular: str = ""
    plural: str = ""


class SchemaProperty(msgspec.Struct, rename="camel"):
    """A property that comes with a type."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group_name: str | None = None
    has_unique_value: bool = False
    options: list[dict[str, Any]] = []
    description: str = ""


class CreateBody(msgspec.Struct, rename="camel"):
    """A new type."""

    name: str
    labels: Labels
    properties: list[SchemaProperty] = []
    required_properties: list[str] = []
    searchable_properties: list[str] = []
    secondary_display_properties: list[str] = []
    associated_objects: list[str] = []
    primary_display_property: str | None = None
    description: str = ""


class PatchBody(msgspec.Struct, rename="camel"):
    """Changes to a type."""

    labels: Labels | UnsetType = UNSET
    required_properties: list[str] | UnsetType = UNSET
    searchable_properties: list[str] | UnsetType = UNSET
    secondary_display_properties: list[str] | UnsetType = UNSET
    primary_display_property: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    clear_description: bool = False


class AssociationBody(msgspec.Struct, rename="camel"):
    """A further association of a type."""

    from_object_type_id: str
    to_object_type_id: str
    name: str | None = None


_PROPERTY_LISTS = {
    "required": "required_properties",
    "searchable": "searchable_properties",
    "secondary_display": "secondary_display_properties",
}
_create_body = msgspec.json.Decoder(CreateBody)
_patch_body = msgspec.json.Decoder(PatchBody)
_association_body = msgspec.json.Decoder(AssociationBody)


def list_schemas(portal: Portal, _request: Request) -> Reply:
    """`GET …/schemas`: the account's own types."""
    own = [store for store in portal.stores.values() if store.kind.is_custom]
    return json_reply(200, {"results": [shown_schema(portal, store) for store in own]})


def read_schema(portal: Portal, request: Request) -> Reply:
    """`GET …/schemas/{objectType}`: one type with its properties."""
    return json_reply(200, shown_schema(portal, portal.store(request.params["objectType"])))


def create_schema(portal: Portal, request: Request) -> Reply:
    """`POST …/schemas`: a type of the account's own."""
    if portal.config.tier != Tier.ENTERPRISE:
        raise Refusal(403, "Custom objects need an Enterprise subscription", "FORBIDDEN")
    body = decode(_create_body, request.body)
    name = body.name.lower()
    _check_new(portal, body, name)
    number = portal.new_number()
    custom = CustomObject(
        name,
        f"2-{number}",
        body.labels.singular,
        body.labels.plural,
        required=tuple(body.required_properties),
        primary_display=body.primary_display_property or "",
        secondary_display=tuple(body.secondary_display_properties),
        searchable=tuple(body.searchable_properties),
        description=body.description,
    )
    store = portal.add_custom(custom)
    group = next(iter(store.schema.groups))
    for item in body.properties:
        plain = {**msgspec.to_builtins(item), "groupName": group}
        make_property(portal, store, msgspec.convert(plain, PropertyBody))
    for target in body.associated_objects:
        portal.associations.types_of(name, portal.store(target).name)
    return json_reply(201, shown_schema(portal, store))


def update_schema(portal: Portal, request: Request) -> Reply:
    """`PATCH …/schemas/{objectType}`: labels, description, and which properties are required, searchable and shown."""
    store, patch = _own(portal, request), decode(_patch_body, request.body)
    custom = portal.custom_objects[store.name]
    if patch.labels is not UNSET:
        custom = replace(custom, singular=patch.labels.singular, plural=patch.labels.plural)
    lists: dict[str, Any] = {}
    for field, wire_name in _PROPERTY_LISTS.items():
        names = getattr(patch, wire_name)
        if names is not UNSET:
            _check_known(wire_name, names, store.schema.live)
            lists[field] = tuple(names)
    custom = replace(custom, **lists)
    if patch.primary_display_property is not UNSET:
        _check_known("primary_display_property", [patch.primary_display_property], store.schema.live)
        custom = replace(custom, primary_display=patch.primary_display_property)
    if patch.clear_description or patch.description is not UNSET:
        custom = replace(custom, description=patch.description or "")
    store.required = custom.required
    portal.custom_objects[store.name] = custom
    shown = shown_schema(portal, store)
    return json_reply(200, {name: value for name, value in shown.items() if name not in ("properties", "associations")})


def delete_schema(portal: Portal, request: Request) -> Reply:
    """`DELETE …/schemas/{objectType}`: a type without records."""
    store = _own(portal, request)
    if any(True for _ in store.live()):
        raise invalid(f"Object type {store.name} still has records")
    portal.remove_custom(store.name)
    return Reply(NO_CONTENT)


def create_association(portal: Portal, request: Request) -> Reply:
    """`POST …/schemas/{objectType}/associations`: an association with a further type."""
    store, body = _own(portal, request), decode(_association_body, request.body)
    other_id = body.to_object_type_id if body.from_object_type_id == store.type_id else body.from_object_type_id
    other = portal.store(other_id)
    known = portal.associations.types_of(store.name, other.name)[0]
    return json_reply(201, _association(portal, store, other, str(known.type_id)))


def delete_association(portal: Portal, request: Request) -> Reply:
    """`DELETE …/schemas/{objectType}/associations/{associationIdentifier}`: the pair's definitions go."""
    store = _own(portal, request)
    identifier = request.params["associationIdentifier"]
    types = portal.associations.types
    gone = [
        pair
        for pair, known in types.items()
        if store.name in pair and any(str(item.type_id) == identifier for item in known)
    ]
    for from_type, to_type in gone:
        types.pop((from_type, to_type), None)
        types.pop((to_type, from_type), None)
    return Reply(NO_CONTENT)


def shown_schema(portal: Portal, store: ObjectStore) -> dict[str, Any]:
    """A type as the schemas API shows it."""
    custom = portal.custom_objects.get(store.name)
    word = store.word.replace("_", " ").capitalize()
    labels = {
        "singular": (custom.singular if custom else "") or word,
        "plural": (custom.plural if custom else "") or store.name.replace("_", " ").capitalize(),
    }
    pairs = [pair for pair in portal.associations.types if pair[0] == store.name and pair[1] in portal.stores]
    return {
        "id": store.type_id if custom else store.type_id.partition("-")[2],
        "objectTypeId": store.type_id,
        "fullyQualifiedName": f"p{portal.config.portal_id}_{store.name}" if custom else store.singular,
        "name": store.name if custom else store.singular,
        "description": custom.description if custom else "",
        "metaType": "PORTAL_SPECIFIC" if custom else "HUBSPOT",
        "labels": labels,
        "requiredProperties": list(store.required),
        "searchableProperties": list(custom.searchable) if custom else [],
        "secondaryDisplayProperties": list(custom.secondary_display) if custom else [],
        "primaryDisplayProperty": _primary_display(store, custom),
        "properties": store.schema.list_visible(portal.clock.now_ms()),
        "associations": [
            _association(portal, store, portal.stores[other], str(portal.associations.types[own, other][0].type_id))
            for own, other in pairs
        ],
        "allowsSensitiveProperties": False,
        "archived": False,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }


def _primary_display(store: ObjectStore, custom: CustomObject | None) -> str:
    if custom is None:
        return _PRIMARY_DISPLAY.get(store.name, store.read_names[0])
    own = (name for name, definition in store.schema.live.items() if not definition.hubspot_defined)
    return custom.primary_display or next(iter(custom.required), None) or next(own, store.read_names[0])


def _association(portal: Portal, store: ObjectStore, other: ObjectStore, identifier: str) -> dict[str, Any]:
    name = portal.associations.types_of(store.name, other.name)[0].name or f"{store.word}_to_{other.word}"
    return {"id": identifier, "fromObjectTypeId": store.type_id, "toObjectTypeId": other.type_id, "name": name}


def _own(portal: Portal, request: Request) -> ObjectStore:
    store = portal.store(request.params["objectType"])
    if store.name not in portal.custom_objects:
        raise invalid(f"Object type {store.name} is HubSpot's own")
    return store


def _check_new(portal: Portal, body: CreateBody, name: str) -> None:
    if not NAME_PATTERN.match(name):
        raise invalid(f"{body.name[:100]} is not a valid name for an object type")
    if name in portal.stores or name in portal.aliases:
        raise conflict(f"Object type with name {name} already exists")
    if len(portal.custom_objects) >= MAX_CUSTOM_OBJECTS:
        raise invalid(f"The limit of {MAX_CUSTOM_OBJECTS} custom object types has been reached")
    names = {item.name for item in body.properties}
    for wire_name in _PROPERTY_LISTS.values():
        _check_known(wire_name, getattr(body, wire_name), names)
    if body.primary_display_property:
        _check_known("primary_display_property", [body.primary_display_property], names)


def _check_known(wire_name: str, names: Iterable[str], known: Container[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        first, *rest = wire_name.split("_")
        field = first + "".join(word.capitalize() for word in rest)
        raise invalid(f"{field}: the type has no property {', '.join(unknown)}")
