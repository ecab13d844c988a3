"""Property definitions and groups over HTTP: single and batch, options, unique values, archive and restore.

Source: HubSpot's OpenAPI and properties guide; 409s, the restore of an archived name, `CANNOT_DELETE_PROPERTY_IN_USE`,
`GROUP_WITH_ACTIVE_PROPERTIES` and the lag before a new definition can be read were observed live by third parties. The
wording for a bad name or a bad type pair is unsure.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hubwire.emulator.calls.crm.batches import batch_reply
from hubwire.emulator.moments import iso
from hubwire.emulator.store.objects import rules
from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.store.objects.schema import (
    FIELD_TYPES,
    NAME_PATTERN,
    Option,
    Property,
    options_of,
)
from hubwire.emulator.store.portal import Portal, put_property
from hubwire.emulator.wire import (
    NO_CONTENT,
    Refusal,
    Reply,
    Request,
    already_exists,
    decode,
    encode,
    invalid,
    json_reply,
    not_found,
)


class PropertyBody(msgspec.Struct, rename="camel"):
    """A new definition."""

    name: str
    label: str
    type: str
    field_type: str
    group_name: str
    description: str = ""
    display_order: int = -1
    options: list[Option] = []
    has_unique_value: bool = False
    hidden: bool = False
    form_field: bool = False
    external_options: bool = False
    show_currency_symbol: bool | UnsetType = UNSET
    calculation_formula: str | UnsetType = UNSET
    referenced_object_type: str | UnsetType = UNSET
    data_sensitivity: str = "non_sensitive"


class PropertyPatch(msgspec.Struct, rename="camel"):
    """Changes to a definition; a list of options replaces the old one."""

    label: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    field_type: str | UnsetType = UNSET
    group_name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    display_order: int | UnsetType = UNSET
    options: list[Option] | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    form_field: bool | UnsetType = UNSET
    show_currency_symbol: bool | UnsetType = UNSET
    calculation_formula: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    has_unique_value: bool | UnsetType = UNSET


class PropertiesBody(msgspec.Struct):
    """Batch create."""

    inputs: list[PropertyBody] = []


class NameInput(msgspec.Struct):
    """A definition by name."""

    name: str


class NamesBody(msgspec.Struct):
    """Batch read and archive."""

    inputs: list[NameInput] = []
    archived: bool = False


_property_body = msgspec.json.Decoder(PropertyBody)
_property_patch = msgspec.json.Decoder(PropertyPatch)
_properties_body = msgspec.json.Decoder(PropertiesBody)
_names_body = msgspec.json.Decoder(NamesBody)


# A batch create answers without these, recorded in 2026.
_LEFT_OUT = frozenset({"archived", "createdAt", "updatedAt", "hubspotDefined"})


def list_properties(portal: Portal, request: Request) -> Reply:
    """`GET …/properties/{objectType}`: every definition, no paging."""
    schema = portal.store(request.params["objectType"]).schema
    archived = request.query_flag("archived")
    return json_reply(200, {"results": schema.list_visible(_seen_at_ms(portal, request), archived=archived)})


def create_property(portal: Portal, request: Request) -> Reply:
    """`POST …/properties/{objectType}`: a definition; an archived one of the name is restored."""
    store = portal.store(request.params["objectType"])
    body = decode(_property_body, request.body)
    reply = json_reply(201, make_property(portal, store, body))
    reply.headers.append((b"location", f"{request.path}/{body.name.lower()}".encode()))
    return reply


def make_property(portal: Portal, store: ObjectStore, body: PropertyBody) -> Property:
    """A new definition.

    Errors: a `Refusal` for a name, type or group that HubSpot would not take, and past the limits.
    """
    _check_new(portal, store, body)
    return _create(portal, store, body)


def create_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/create`: up to 100 definitions; a 207 names those that exist."""
    store = portal.store(request.params["objectType"])
    inputs = decode(_properties_body, request.body).inputs
    rules.check_batch_size(len(inputs), rules.MAX_PROPERTIES)
    started_at = portal.now_iso()
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for body in inputs:
        try:
            _check_new(portal, store, body)
        except Refusal as refusal:
            refusal.context.setdefault("name", [body.name])
            errors.append(refusal.as_input_error(None))
            continue
        definition = msgspec.to_builtins(_create(portal, store, body))
        results.append({name: value for name, value in definition.items() if name not in _LEFT_OUT})
    return batch_reply(portal, results, errors, 200 if request.version == "2026-09" else 201, started_at)


def read_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/read`: definitions by name; `errors` names those that are missing."""
    store = portal.store(request.params["objectType"])
    body = decode(_names_body, request.body)
    rules.check_batch_size(len(body.inputs), rules.MAX_PROPERTIES)
    now_ms, seen_at_ms = portal.clock.now_ms(), _seen_at_ms(portal, request)
    found = {item.name: store.schema.visible(item.name, seen_at_ms, archived=body.archived) for item in body.inputs}
    missing = [name for name, definition in found.items() if definition is None]
    errors = [_missing(store, name).as_input_error(None) for name in missing]
    results = [definition for definition in found.values() if definition is not None]
    return batch_reply(portal, results, errors, 200, iso(now_ms))


def archive_batch(portal: Portal, request: Request) -> Reply:
    """`POST …/batch/archive`: archives definitions; ignores unknown names."""
    store = portal.store(request.params["objectType"])
    for item in decode(_names_body, request.body).inputs:
        if item.name in store.schema.live:
            _check_archivable(portal, store, item.name)
            store.schema.archive(item.name, portal.clock.now_ms())
    return Reply(NO_CONTENT)


def read_property(portal: Portal, request: Request) -> Reply:
    """`GET …/{propertyName}`: one definition."""
    store = portal.store(request.params["objectType"])
    name = request.params["propertyName"]
    definition = store.schema.visible(name, _seen_at_ms(portal, request), archived=request.query_flag("archived"))
    if definition is None:
        raise _missing(store, name)
    return json_reply(200, definition)


def update_property(portal: Portal, request: Request) -> Reply:
    """`PATCH …/{propertyName}`: change a definition; its name and uniqueness stay."""
    store = portal.store(request.params["objectType"])
    name = request.params["propertyName"]
    patch = decode(_property_patch, request.body)
    definition = store.schema.live.get(name)
    if definition is None:
        raise _missing(store, name)
    kept = {"name": (patch.name, name), "hasUniqueValue": (patch.has_unique_value, definition.has_unique_value)}
    for field, (after, before) in kept.items():
        if after is not UNSET and after != before:
            raise invalid(f"{field} cannot be changed")
    if patch.options is not UNSET:
        _number(patch.options)
    changes = {key: value for key, value in msgspec.structs.asdict(patch).items() if value is not UNSET}
    changed = msgspec.structs.replace(definition, **changes, updated_at=portal.now_iso())
    if changed.group_name not in store.schema.groups:
        raise invalid(f"Property group {changed.group_name} does not exist")
    _check_kinds(changed.type, changed.field_type)
    put_property(store, changed)
    return json_reply(200, changed)


def archive_property(portal: Portal, request: Request) -> Reply:
    """`DELETE …/{propertyName}`: archive a definition; 404 for an unknown name."""
    store = portal.store(request.params["objectType"])
    name = request.params["propertyName"]
    if name not in store.schema.live:
        raise _missing(store, name)
    _check_archivable(portal, store, name)
    store.schema.archive(name, portal.clock.now_ms())
    return Reply(NO_CONTENT)


def _seen_at_ms(portal: Portal, request: Request) -> int:
    """The time up to which new definitions are visible. The lag was measured on 2026-09 paths; others have none."""
    lag_ms = 0 if request.version == "2026-09" else round(portal.config.property_lag_seconds * 1000)
    return portal.clock.now_ms() + lag_ms


def _check_new(portal: Portal, store: ObjectStore, body: PropertyBody) -> None:
    name = body.name.lower()
    schema = store.schema
    check_name(name)
    if name in schema.live:
        raise already_exists(f"A property named '{name}' already exists.", "Properties.PROPERTY_WITH_NAME_EXISTS", name)
    _check_kinds(body.type, body.field_type)
    if body.group_name not in schema.groups:
        raise invalid(f"Property group {body.group_name} does not exist")
    if body.type == "enumeration" and not body.options and not body.external_options:
        raise invalid(f"Property {name} of type enumeration needs options")
    if schema.custom_count() >= portal.config.custom_property_limit:
        raise invalid(f"The limit of {portal.config.custom_property_limit} custom properties has been reached")
    if body.has_unique_value and schema.unique_count() >= portal.config.unique_property_limit:
        raise invalid(f"The limit of {portal.config.unique_property_limit} unique properties has been reached")


def _create(portal: Portal, store: ObjectStore, body: PropertyBody) -> Property:
    now_ms = portal.clock.now_ms()
    name = body.name.lower()
    before = store.schema.archived.get(name)
    values = {**msgspec.structs.asdict(body), "name": name}
    _number(body.options)
    if body.type == "bool" and not body.options:
        values["options"] = options_of([("true", "True"), ("false", "False")])
    definition = Property(
        **values,
        created_at=before.created_at if before else iso(now_ms),
        updated_at=iso(now_ms),
    )
    put_property(store, definition, now_ms + round(portal.config.property_lag_seconds * 1000))
    return definition


def _number(options: list[Option]) -> None:
    """Give options without a place the next ones after those that have one, from 1 (recorded)."""
    place = max((option.display_order for option in options), default=0)
    for option in options:
        if option.display_order == -1:
            place = max(place, 0) + 1
            option.display_order = place


def check_name(name: str) -> None:
    if not NAME_PATTERN.match(name):
        raise invalid(
            f"{name} is not a valid name. Names start with a letter and hold only lower-case letters, numbers and "
            "underscores, at most 100."
        )


def _check_kinds(value_type: str, field_type: str) -> None:
    allowed = FIELD_TYPES.get(value_type)
    if allowed is None:
        raise invalid(f"{value_type} is not a valid property type")
    if field_type not in allowed:
        raise invalid(f"{field_type} is not a valid fieldType for type {value_type}")


def _check_archivable(portal: Portal, store: ObjectStore, name: str) -> None:
    if not store.schema.live[name].modification_metadata.archivable:
        raise invalid(f"Property {name} is defined by HubSpot and cannot be archived")
    validation = portal.validation.get(store.name)
    if validation is not None and name in validation.names():
        raise nested_refusal("PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE", f"Property {name} is in use.")


def nested_refusal(sub_category: str, message: str) -> Refusal:
    nested = encode({"message": message, "subCategory": sub_category}).decode()
    return invalid(nested, extra={"subCategory": sub_category})


def _missing(store: ObjectStore, name: str) -> Refusal:
    refusal = not_found(f"Property {name} does not exist for object type {store.type_id}")
    refusal.context["name"] = [name]
    return refusal
