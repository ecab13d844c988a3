"""The properties, event definitions and account of a portal: reading answers and building bodies. Pure.

It turns answers of set-up calls into the values of `schema.py`, and builds the bodies of create calls. An answer that
differs from HubSpot's documentation raises Unreadable, because set-up must not continue with a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from hubwire.errors import Unreadable
from hubwire.schema import EventDefinition, PropertyDefinition

PROPERTY_GROUPS = {"contacts": "contactinformation", "companies": "companyinformation"}
"""HubSpot's own group of properties, by object type, which our properties join."""
OWN_GROUP = "hubwire"
"""Our group of properties of other object types, whose own groups differ between portals."""
FIELD_TYPES = {"string": "text", "number": "number", "bool": "booleancheckbox", "datetime": "date", "date": "date"}
"""The plain form field of each property type. Source: HubSpot docs, properties guide."""
PROPERTY_LAG_SECONDS = 1.0
"""A new property can be read after 250 to 700 ms (seen live by third parties)."""

MADE_BY_US = "Made by Hubwire"
"""The beginning of the description of a property that Hubwire created from messages."""
TRUE_OR_FALSE = (("true", "True"), ("false", "False"))
EVENT_TYPES = {"bool": "enumeration", "date": "datetime"}
"""Types that HubSpot's guide lists for event properties and its OpenAPI does not allow, each with a type that both
allow.
Source: `ExternalBehavioralEventPropertyCreate.type`: string, number, enumeration, datetime."""

_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


class Account(msgspec.Struct, frozen=True):
    """The account of a token. The daily limit ends at midnight in `time_zone`."""

    hub_id: str
    time_zone: str = "UTC"
    account_type: str = ""
    ui_domain: str = ""
    data_hosting_location: str = ""


class NewProperty(msgspec.Struct, frozen=True, kw_only=True):
    """A property to be created. `options` are (value, label)."""

    name: str
    label: str
    type: str
    field_type: str
    group: str
    description: str = ""
    is_unique: bool = False
    is_hidden: bool = False
    options: tuple[tuple[str, str], ...] = ()

    def definition(self) -> PropertyDefinition:
        """Its entry in the portal's schema once it exists."""
        return PropertyDefinition(
            name=self.name,
            type=self.type,
            field_type=self.field_type,
            options=frozenset(value for value, _ in self.options) or None,
            option_labels={label.lower(): value for value, label in self.options},
            is_unique=self.is_unique,
            is_custom=True,
            is_own=self.description.startswith(MADE_BY_US),
        )


class PropertyUse(msgspec.Struct, rename="camel", frozen=True):
    """The number of custom properties of an object type, and its limit."""

    object_type_id: str = ""
    usage: int = 0
    limit: int = 0


class _Option(msgspec.Struct):
    value: str = ""
    label: str = ""


class _Modification(msgspec.Struct, rename="camel"):
    read_only_value: bool = False


class _Property(msgspec.Struct, rename="camel"):
    name: str
    label: str = ""
    type: str = "string"
    field_type: str = "text"
    options: list[_Option] = []
    description: str | None = None
    external_options: bool = False
    calculated: bool = False
    archived: bool = False
    has_unique_value: bool = False
    hubspot_defined: bool = False
    modification_metadata: _Modification | None = None


class _Properties(msgspec.Struct):
    results: list[_Property]


class _Labels(msgspec.Struct):
    singular: str | None = None


class _Event(msgspec.Struct, rename="camel"):
    name: str
    fully_qualified_name: str
    labels: _Labels | None = None
    label: str | None = None
    primary_object_id: str = "0-1"
    properties: list[_Property] = []
    archived: bool = False


class _Next(msgspec.Struct):
    after: str | None = None


class _Paging(msgspec.Struct):
    next: _Next | None = None


class _Events(msgspec.Struct):
    results: list[_Event]
    paging: _Paging | None = None


class _Account(msgspec.Struct, rename="camel"):
    portal_id: int
    time_zone: str | None = None
    account_type: str | None = None
    ui_domain: str | None = None
    data_hosting_location: str | None = None


class _PropertyUses(msgspec.Struct, rename="camel"):
    results: list[PropertyUse] = []
    by_object_type: list[PropertyUse] = []


# -- answers


def account_of(body: bytes) -> Account:
    """Hub ID and time zone. Source: HubSpot's account information API."""
    raw = _read(body, _Account, "account details")
    return Account(
        hub_id=str(raw.portal_id),
        time_zone=raw.time_zone or "UTC",
        account_type=raw.account_type or "",
        ui_domain=raw.ui_domain or "",
        data_hosting_location=raw.data_hosting_location or "",
    )


def property_definitions_of(body: bytes, *, archived: bool = False) -> dict[str, PropertyDefinition]:
    """The live properties of an object type, or the archived ones, by name."""
    raw = _read(body, _Properties, "properties")
    return {definition.name: _property(definition) for definition in raw.results if definition.archived is archived}


def property_definition_of(body: bytes) -> PropertyDefinition:
    """The property in the answer to a read or a change of one."""
    return _property(_read(body, _Property, "a property"))


def with_options(body: bytes, new: Sequence[str]) -> bytes | None:
    """The body that adds options to the property in this answer; None if the answer has no property.

    Shape: the present options go along as they are, because HubSpot replaces all options by those of the call.
    """
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    options = raw.get("options") if isinstance(raw, dict) else None
    if not isinstance(options, list):
        return None
    present = {option.get("value") for option in options if isinstance(option, dict)}
    added = [
        {"value": value, "label": value, "displayOrder": len(options) + order, "hidden": False}
        for order, value in enumerate(value for value in dict.fromkeys(new) if value not in present)
    ]
    return _encode({"options": [*options, *added]})


def event_definitions_of(body: bytes) -> tuple[list[EventDefinition], str | None]:
    """One page of event definitions, and the start of the next page (None for the last page)."""
    raw = _read(body, _Events, "event definitions")
    after = raw.paging.next.after if raw.paging and raw.paging.next else None
    return [_event(definition) for definition in raw.results if not definition.archived], after


def event_definition_of(body: bytes) -> EventDefinition:
    """The event definition in the answer to its creation."""
    return _event(_read(body, _Event, "an event definition"))


def property_uses_of(body: bytes) -> list[PropertyUse]:
    """Use and limit of custom properties by object type. Source: HubSpot's limits tracking API."""
    raw = _read(body, _PropertyUses, "property limits")
    return raw.results or raw.by_object_type


def _property(raw: _Property) -> PropertyDefinition:
    is_read_only = raw.calculated or bool(raw.modification_metadata and raw.modification_metadata.read_only_value)
    has_closed_options = raw.type in ("enumeration", "bool") and not raw.external_options and bool(raw.options)
    return PropertyDefinition(
        name=raw.name,
        type=raw.type,
        field_type=raw.field_type,
        options=frozenset(option.value for option in raw.options) if has_closed_options else None,
        option_labels={option.label.lower(): option.value for option in raw.options} if has_closed_options else {},
        is_read_only=is_read_only,
        is_unique=raw.has_unique_value,
        is_custom=not raw.hubspot_defined,
        is_own=_is_own(raw),
        label=raw.label,
    )


def _event(raw: _Event) -> EventDefinition:
    label = (raw.labels.singular if raw.labels else None) or raw.label or raw.name
    return EventDefinition(
        full_name=raw.fully_qualified_name,
        name=raw.name,
        label=label,
        properties={
            definition.name: _event_type(definition) for definition in raw.properties if not definition.archived
        },
        own={definition.name for definition in raw.properties if _is_own(definition)},
        object_id=raw.primary_object_id,
    )


def _event_type(raw: _Property) -> str:
    """The type for checking values: an enumeration of true and false accepts the words of a boolean."""
    is_boolean = raw.type == "enumeration" and {option.value for option in raw.options} == dict(TRUE_OR_FALSE).keys()
    return "bool" if is_boolean else raw.type


def _is_own(raw: _Property) -> bool:
    return (raw.description or "").startswith(MADE_BY_US)


def _read(body: bytes, shape: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise Unreadable(f"HubSpot's answer is not {what}: {exc}") from exc


# -- requests


def create_properties(definitions: Sequence[NewProperty]) -> bytes:
    """The body of a batch creation of properties, at most 100."""
    return _encode({"inputs": [_new_property(definition) for definition in definitions]})


def create_property(definition: NewProperty) -> bytes:
    """The body of the creation of one property."""
    return _encode(_new_property(definition))


def create_property_group(name: str, label: str) -> bytes:
    """The body of the creation of a property group."""
    return _encode({"name": name, "label": label})


def create_event_definition(
    name: str, label: str, types: Mapping[str, str], description: str = "", object_type: str = "contact"
) -> bytes:
    """The body of the creation of an event definition; `types` has the type of each property."""
    body: dict[str, Any] = {
        "label": label,
        "name": name,
        "primaryObject": object_type.upper(),
        "includeDefaultProperties": False,
        "propertyDefinitions": [_event_property(name, kind) for name, kind in types.items()],
    }
    if description:
        body["description"] = description
    return _encode(body)


def create_event_property(name: str, kind: str) -> bytes:
    """The body that adds a property to an event definition."""
    return _encode(_event_property(name, kind))


def gdpr_delete(email: str) -> bytes:
    """The body that deletes a contact, by e-mail, and all its data."""
    return _encode({"objectId": email, "idProperty": "email"})


def _event_property(name: str, kind: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": name,
        "label": name,
        "type": EVENT_TYPES.get(kind, kind),
        "description": MADE_BY_US,
    }
    return {**body, "options": _options(TRUE_OR_FALSE)} if kind == "bool" else body


def _new_property(definition: NewProperty) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "groupName": definition.group,
    }
    if definition.description:
        body["description"] = definition.description
    if definition.is_unique:
        body["hasUniqueValue"] = True
    if definition.is_hidden:
        body |= {"hidden": True, "formField": False}
    options = definition.options or (TRUE_OR_FALSE if definition.type == "bool" else ())
    if options:
        body["options"] = _options(options)
    return body


def _options(options: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"value": value, "label": label, "displayOrder": order, "hidden": False}
        for order, (value, label) in enumerate(options)
    ]
