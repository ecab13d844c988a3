"""Custom event definitions over HTTP.

Source: HubSpot's OpenAPI (a PATCH answers 201) and event definition guide: 500 definitions, names that start with a
letter, labels of at most 100 characters (properties 50), a deleted name that can never be used again. That a name may
be as long as its label is chosen: one that is not given is made of the label.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hubwire.emulator.store.config import Reading
from hubwire.emulator.store.objects.schema import (
    FIELD_TYPES,
    ModificationMetadata,
    Option,
    Property,
    options_of,
)
from hubwire.emulator.store.occurrences import CustomMatching, Definition
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Refusal, Reply, Request, decode, invalid, json_reply, not_found

MAX_DEFINITIONS = 500
MAX_LABEL = 100
MAX_PROPERTY_LABEL = 50
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_TYPES = ("bool", "date", "datetime", "enumeration", "number", "string")
_OBJECTS = {"CONTACT": "0-1", "COMPANY": "0-2", "DEAL": "0-3", "TICKET": "0-5"}
_WORDS = """
hs_asset_description hs_asset_type hs_browser hs_campaign_id hs_city hs_country hs_device_name hs_device_type
hs_element_class hs_element_id hs_element_text hs_language hs_link_href hs_operating_system hs_operating_version
hs_page_content_type hs_page_id hs_page_title hs_page_url hs_parent_module_id hs_referrer hs_region hs_screen_height
hs_screen_width hs_touchpoint_source hs_tracking_name hs_user_agent hs_utm_campaign hs_utm_content hs_utm_medium
hs_utm_source hs_utm_term
"""
_DEFAULT_PROPERTIES = tuple(_WORDS.split())


class PropertyInput(msgspec.Struct, rename="camel"):
    """A property of an event."""

    label: str
    type: str
    name: str | None = None
    description: str = ""
    options: list[Option] = []


class MatchingBody(msgspec.Struct, rename="camel"):
    """The custom matching of an event with its record."""

    primary_object_rule: CustomMatching


class DefinitionBody(msgspec.Struct, rename="camel"):
    """A new definition."""

    label: str
    property_definitions: list[PropertyInput] = []
    include_default_properties: bool | UnsetType = UNSET
    name: str | None = None
    description: str | UnsetType = UNSET
    primary_object: str = "CONTACT"
    custom_matching_id: MatchingBody | None = None


class DefinitionPatch(msgspec.Struct, rename="camel"):
    """A new label or description."""

    label: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class PropertyPatch(msgspec.Struct, rename="camel"):
    """A new label, description or list of options."""

    label: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    options: list[Option] | UnsetType = UNSET


_definition_body = msgspec.json.Decoder(DefinitionBody)
_definition_patch = msgspec.json.Decoder(DefinitionPatch)
_property_body = msgspec.json.Decoder(PropertyInput)
_property_patch = msgspec.json.Decoder(PropertyPatch)


def list_definitions(portal: Portal, request: Request) -> Reply:
    """`GET …/event-definitions`: a page of definitions by name."""
    text = (request.query("searchString") or "").lower()
    matches = sorted(
        (
            definition
            for definition in portal.events.definitions.values()
            if text in definition.name or text in definition.label.lower()
        ),
        key=lambda definition: definition.name,
        reverse=request.query("sortOrder") == "DESC",
    )
    limit, start = request.query_page(100, 100)
    page = matches[start : start + limit]
    with_properties = request.query("includeProperties") is None or request.query_flag("includeProperties")
    body: dict[str, Any] = {
        "total": len(matches),
        "results": [definition.shown(with_properties=with_properties) for definition in page],
    }
    if start + len(page) < len(matches):
        body["paging"] = {"next": {"after": str(start + len(page))}}
    return json_reply(200, body)


def create(portal: Portal, request: Request) -> Reply:
    """`POST …/event-definitions`: a definition."""
    body = decode(_definition_body, request.body)
    if body.include_default_properties is UNSET and portal.config.follows(Reading.EVENT_DEFAULTS_REQUIRED):
        raise Refusal(400, "Invalid input JSON: includeDefaultProperties is required")
    return json_reply(201, define(portal, body).shown())


def read(portal: Portal, request: Request) -> Reply:
    """`GET …/event-definitions/{eventName}`: one definition, by plain or fully qualified name."""
    return json_reply(200, _definition(portal, request).shown())


def update(portal: Portal, request: Request) -> Reply:
    """`PATCH …/event-definitions/{eventName}`: change label or description; answers 201."""
    definition = _definition(portal, request)
    patch = decode(_definition_patch, request.body)
    if patch.label is not UNSET:
        definition.label = _checked_label(patch.label, MAX_LABEL)
    if patch.description is not UNSET:
        definition.description = patch.description
    _touch(portal, definition)
    return json_reply(201, definition.shown())


def delete(portal: Portal, request: Request) -> Reply:
    """`DELETE …/event-definitions/{eventName}`: delete a definition permanently."""
    portal.events.retire(_definition(portal, request))
    return Reply(NO_CONTENT)


def create_property(portal: Portal, request: Request) -> Reply:
    """`POST …/{eventName}/property`: add a property."""
    definition = _definition(portal, request)
    added = _property(decode(_property_body, request.body), portal.now_iso())
    if added.name in definition.properties:
        raise _exists(f"Property {added.name} already exists")
    definition.properties[added.name] = added
    _touch(portal, definition)
    return json_reply(201, added)


def update_property(portal: Portal, request: Request) -> Reply:
    """`PATCH …/{eventName}/property/{propertyName}`: change a property; answers 201."""
    definition = _definition(portal, request)
    patch = decode(_property_patch, request.body)
    before = _event_property(definition, request)
    changes = {key: value for key, value in msgspec.structs.asdict(patch).items() if value is not UNSET}
    after = msgspec.structs.replace(before, **changes, updated_at=portal.now_iso())
    definition.properties[after.name] = after
    _touch(portal, definition)
    return json_reply(201, after)


def delete_property(portal: Portal, request: Request) -> Reply:
    """`DELETE …/{eventName}/property/{propertyName}`: remove a property."""
    definition = _definition(portal, request)
    del definition.properties[_event_property(definition, request).name]
    _touch(portal, definition)
    return Reply(NO_CONTENT)


def define(portal: Portal, body: DefinitionBody) -> Definition:
    """Add a definition.

    Errors: 400 for names, labels, types and limits; 409 for a name in use, or used before.
    """
    events = portal.events
    name = body.name or _name_from(body.label)
    if not _NAME.match(name) or len(name) > MAX_LABEL:
        raise invalid(f"{name[:200]} is not a valid event name")
    qualified = events.qualified(name)
    if qualified in events.definitions or qualified in events.retired:
        raise _exists(f"Event definition with name {name} already exists")
    if len(events.definitions) >= MAX_DEFINITIONS:
        raise invalid(f"The limit of {MAX_DEFINITIONS} event definitions has been reached")
    primary = body.primary_object.upper()
    if primary not in _OBJECTS and body.primary_object not in portal.stores:
        raise invalid(f"{body.primary_object} is not a valid primary object")
    now = portal.now_iso()
    number = events.new_definition_id()
    definition = Definition(
        id=number,
        name=name,
        fully_qualified_name=qualified,
        object_type_id=f"6-{1_000_000 + int(number)}",
        label=_checked_label(body.label, MAX_LABEL),
        description=body.description,
        primary_object=primary if primary in _OBJECTS else body.primary_object,
        primary_object_id=_OBJECTS.get(primary) or portal.stores[body.primary_object].type_id,
        properties={item.name: item for item in (_property(known, now) for known in body.property_definitions)},
        custom_matching=body.custom_matching_id.primary_object_rule if body.custom_matching_id else None,
        created_at=now,
        updated_at=now,
    )
    if body.include_default_properties is not False:
        for default in _DEFAULT_PROPERTIES:
            definition.properties.setdefault(
                default, _property(PropertyInput(label=default, type="string", name=default), now)
            )
    events.add(definition)
    return definition


def _property(body: PropertyInput, now: str) -> Property:
    name = body.name or _name_from(body.label)
    if not _NAME.match(name) or len(name) > MAX_PROPERTY_LABEL:
        raise invalid(f"{name[:200]} is not a valid property name")
    if body.type not in _TYPES:
        raise invalid(f"{body.type} is not a valid type for an event property")
    if body.type == "enumeration" and not body.options:
        raise invalid(f"Property {name} of type enumeration needs options")
    options = body.options
    if body.type == "bool" and not options:
        options = options_of([("true", "True"), ("false", "False")])
    field_type = {"string": "text", "enumeration": "select"}.get(body.type) or min(
        FIELD_TYPES[body.type] - {"calculation_equation"}
    )
    return Property(
        name=name,
        label=_checked_label(body.label, MAX_PROPERTY_LABEL),
        type=body.type,
        field_type=field_type,
        description=body.description,
        group_name="event_properties",
        options=options,
        form_field=False,
        modification_metadata=ModificationMetadata(),
        created_at=now,
        updated_at=now,
    )


def _definition(portal: Portal, request: Request) -> Definition:
    definition = portal.events.find(request.params["eventName"])
    if definition is None:
        raise not_found(f"Event definition {request.params['eventName']} was not found")
    return definition


def _event_property(definition: Definition, request: Request) -> Property:
    found = definition.properties.get(request.params["propertyName"])
    if found is None:
        raise not_found(f"Property {request.params['propertyName']} was not found")
    return found


def _touch(portal: Portal, definition: Definition) -> None:
    definition.updated_at = portal.now_iso()
    portal.events.mark(definition.fully_qualified_name)


def _name_from(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")


def _checked_label(label: str, limit: int) -> str:
    if not label or len(label) > limit:
        raise invalid(f"A label has 1 to {limit} characters")
    return label


def _exists(message: str) -> Refusal:
    return Refusal(409, message, "OBJECT_ALREADY_EXISTS")
