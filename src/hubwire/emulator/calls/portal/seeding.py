"""Seeds a portal without API calls: records, associations, properties, definitions, events.

It takes the shapes that the control plane shows, so its answers can be seeded again. Seeded records can be searched at
once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hubwire.emulator.calls.marketing.definitions import DefinitionBody, PropertyInput, define
from hubwire.emulator.calls.marketing.events import EventInput, accept
from hubwire.emulator.calls.portal.editing import Source, moment
from hubwire.emulator.store.domains import link_primary_company
from hubwire.emulator.store.forms import Form
from hubwire.emulator.store.lists import RecordList
from hubwire.emulator.store.objects import rules
from hubwire.emulator.store.objects.history import API, ShownVersion, Version, compact, versions_of
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.objects.schema import Property
from hubwire.emulator.store.objects.values import as_text
from hubwire.emulator.store.objects.writes import Scalar
from hubwire.emulator.store.owners import Owner
from hubwire.emulator.store.portal import Portal, put_property
from hubwire.emulator.wire import Refusal, invalid, whole_number


class _End(msgspec.Struct):
    type: str
    id: str | int


class _Association(msgspec.Struct, rename={"from_": "from"}):
    from_: _End
    to: _End
    types: list[int] = []


class _Record(msgspec.Struct, rename={"with_history": "propertiesWithHistory"}):
    properties: dict[str, Scalar] = {}
    id: str | int | None = None
    at: str | int | None = None
    source: Source | None = None
    with_history: dict[str, list[ShownVersion]] = {}


class _Owner(msgspec.Struct, rename="camel"):
    email: str
    first_name: str = ""
    last_name: str = ""
    id: str | int | None = None
    user_id: int | None = None


class _Visitor(msgspec.Struct):
    utk: str
    email: str


class _List(msgspec.Struct, rename="camel"):
    name: str
    object_type_id: str = "0-1"
    processing_type: str = "MANUAL"
    members: list[str | int] = []


class _Definition(msgspec.Struct, rename="camel"):
    name: str | None = None
    label: str = ""
    labels: dict[str, str] = {}
    properties: list[dict[str, Any]] = []
    property_definitions: list[dict[str, Any]] | None = None
    include_default_properties: bool = False
    primary_object: str = "CONTACT"


def seed(portal: Portal, body: dict[str, Any]) -> dict[str, int]:
    """Add everything in the body. Returns the count of each kind.

    Shape: keys are object types (`contacts`), `associations`, `properties` (by object type), `event_definitions`,
    `visitors` (tokens that the tracking code has identified), `events`, `lists` and `forms`; each value is a list or
    `{"results": […]}`.
    Errors: a `Refusal` for an unknown kind, type, property or event.
    """
    # Companies before contacts, which may name one in `associatedcompanyid`.
    types = sorted(portal.stores, key=lambda name: name == "contacts")
    order = ("properties", "event_definitions", "owners", *types, "associations", "visitors", "events")
    order = (*order, "lists", "forms")
    if unknown := set(body) - set(order):
        raise invalid(f"Cannot seed {', '.join(sorted(unknown))}; known kinds are {', '.join(order)}")
    counts: dict[str, int] = {}
    for kind in order:
        if kind in body:
            try:
                counts[kind] = _seed_kind(portal, kind, body[kind])
            except msgspec.ValidationError as exc:
                raise invalid(f"{kind}: {exc}") from exc
    return counts


def _seed_kind(portal: Portal, kind: str, value: Any) -> int:
    if kind == "properties":
        by_type = msgspec.convert(value, dict[str, Any])
        return sum(_seed_properties(portal.store(name), _list(items)) for name, items in by_type.items())
    items = _list(value)
    for item in items:
        if kind == "event_definitions":
            _seed_definition(portal, msgspec.convert(item, _Definition))
        elif kind == "associations":
            _seed_association(portal, msgspec.convert(item, _Association))
        elif kind == "events":
            accept(portal, _event(item))
        elif kind == "visitors":
            visitor = msgspec.convert(item, _Visitor)
            portal.visitors[visitor.utk] = visitor.email
        elif kind == "owners":
            _seed_owner(portal, msgspec.convert(item, _Owner))
        elif kind == "lists":
            _seed_list(portal, msgspec.convert(item, _List))
        elif kind == "forms":
            form = msgspec.convert(item, Form)
            portal.forms[form.id] = form
        else:
            _seed_record(portal, portal.store(kind), msgspec.convert(item, _Record))
    return len(items)


def _list(value: Any) -> list[dict[str, Any]]:
    shown = value.get("results") if isinstance(value, Mapping) else value
    return msgspec.convert(shown, list[dict[str, Any]])


def _seed_properties(store: ObjectStore, items: Sequence[Mapping[str, Any]]) -> int:
    for item in items:
        complete = {
            "label": item.get("name"),
            "type": "string",
            "fieldType": "text",
            "groupName": next(iter(store.schema.groups)),
            **item,
        }
        put_property(store, msgspec.convert(complete, Property))
    return len(items)


def _seed_definition(portal: Portal, item: _Definition) -> None:
    raw = item.properties if item.property_definitions is None else item.property_definitions
    inputs = [
        msgspec.convert({"type": "string", "label": property_.get("name"), **property_}, PropertyInput)
        for property_ in raw
    ]
    name = (item.name or "").removeprefix(f"pe{portal.config.portal_id}_")
    body = DefinitionBody(
        label=item.label or item.labels.get("singular") or name,
        include_default_properties=item.include_default_properties,
        property_definitions=inputs,
        name=name or None,
        primary_object=item.primary_object,
    )
    define(portal, body)


def _seed_owner(portal: Portal, item: _Owner) -> None:
    number = str(item.id or max(map(int, portal.owners), default=0) + 1)
    if whole_number(number) is None:
        raise invalid(f"{number[:100]} is not an owner id")
    user_id = item.user_id or 1_000 + int(number)
    portal.owners[number] = Owner(
        id=number, email=item.email, user_id=user_id, first_name=item.first_name, last_name=item.last_name
    )


def _seed_list(portal: Portal, item: _List) -> None:
    now = portal.now_iso()
    record_list = RecordList(
        id=str(portal.new_number()),
        name=item.name,
        object_type_id=portal.store(item.object_type_id).type_id,
        processing_type=item.processing_type,
        created_at=now,
        updated_at=now,
    )
    record_list.members = dict.fromkeys(map(str, item.members), portal.clock.now_ms())
    portal.lists[record_list.id] = record_list


def _seed_association(portal: Portal, item: _Association) -> None:
    stores = portal.store(item.from_.type), portal.store(item.to.type)
    ids = str(item.from_.id), str(item.to.id)
    for store, record_id in zip(stores, ids, strict=True):
        if store.by_id(record_id) is None:
            raise invalid(f"No {store.name} with ID {record_id} exists")
    from_type, to_type = stores[0].name, stores[1].name
    chosen = [
        portal.associations.find_type(from_type, to_type, type_id, None)
        for type_id in item.types or [portal.associations.default_type(from_type, to_type).type_id]
    ]
    portal.associations.link(from_type, ids[0], to_type, ids[1], chosen)


def _seed_record(portal: Portal, store: ObjectStore, item: _Record) -> None:
    now_ms = portal.clock.now_ms() if item.at is None else moment(item.at, "at")
    origin = API if item.source is None else item.source.origin()
    stored, history = _values_and_history(store, item)
    if store.name == "contacts" and "email" in stored:
        stored["email"] = stored["email"].strip().lower()
        owner = store.by_property("email", stored["email"])
        if owner is not None:
            raise Refusal(409, f"Contact already exists. Existing ID: {owner.id}", "CONFLICT")
    if item.id is None:
        record = store.create(stored, now_ms, 0, origin)
    else:
        record = Record(_free_id(store, item.id), now_ms, origin)
        record.properties = stored
        store.adopt(record)
    record.history = compact(history) or None
    company_id = stored.get("associatedcompanyid")
    if company_id and portal.stores["companies"].by_id(company_id) is not None:
        link_primary_company(portal, record, company_id)


def _values_and_history(store: ObjectStore, item: _Record) -> tuple[dict[str, str], dict[str, list[Version]]]:
    values = {name: as_text(value) for name, value in item.properties.items() if value is not None}
    try:
        history = {name: versions_of(shown) for name, shown in item.with_history.items() if shown}
    except ValueError as exc:
        raise invalid(f"propertiesWithHistory: {exc}") from exc
    values.update({name: versions[-1].value for name, versions in history.items()})
    unknown = [name for name in values if name not in store.schema.rules]
    if unknown:
        raise rules.PropertiesRefused([rules.unknown_property(name) for name in unknown])
    computed = {"hs_object_id", store.created_name, store.modified_name}
    kept = {name: value for name, value in values.items() if name not in computed}
    return kept, {name: versions for name, versions in history.items() if name not in computed}


def _free_id(store: ObjectStore, record_id: str | int) -> str:
    number = whole_number(str(record_id))
    if number is None:
        raise invalid(f"{str(record_id)[:100]} is not a record id")
    if str(number) in store.records:
        raise invalid(f"A record with ID {number} is already there")
    return str(number)


def _event(item: Mapping[str, Any]) -> EventInput:
    fields = ("eventName", "properties", "email", "objectId", "utk", "occurredAt", "uuid")
    values = {name: item[name] for name in fields if item.get(name) is not None}
    if item.get("contactId") and "objectId" not in values:
        values["objectId"] = item["contactId"]
    return msgspec.convert({"properties": {}, **values}, EventInput)
