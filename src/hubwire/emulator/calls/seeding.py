"""Putting things into a portal without a call: records, associations, properties, definitions, events.

Takes the shapes that the control plane shows, so what it gave can be given back. Seeded records are searchable at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hubwire.emulator.calls.definitions import DefinitionBody, PropertyInput, define
from hubwire.emulator.calls.events import EventInput, accept
from hubwire.emulator.store import rules
from hubwire.emulator.store.portal import Portal, put_property
from hubwire.emulator.store.records import ObjectStore, Record
from hubwire.emulator.store.schema import Property
from hubwire.emulator.store.values import as_text
from hubwire.emulator.store.writes import Scalar
from hubwire.emulator.wire import Refusal, invalid, whole_number


class _End(msgspec.Struct):
    type: str
    id: str | int


class _Association(msgspec.Struct, rename={"from_": "from"}):
    from_: _End
    to: _End
    types: list[int] = []


class _Record(msgspec.Struct):
    properties: dict[str, Scalar] = {}
    id: str | int | None = None


class _Definition(msgspec.Struct, rename="camel"):
    name: str | None = None
    label: str = ""
    labels: dict[str, str] = {}
    properties: list[dict[str, Any]] = []
    property_definitions: list[dict[str, Any]] | None = None
    include_default_properties: bool = False
    primary_object: str = "CONTACT"


def seed(portal: Portal, body: dict[str, Any]) -> dict[str, int]:
    """Add everything the body names; gives the count of each kind.

    Shape: keys are object types (`contacts`), `associations`, `properties` (by object type), `event_definitions` and
    `events`; each value is a list or a `{"results": […]}`.
    Errors: a `Refusal` for an unknown kind, type, property or event.
    """
    order = ("properties", "event_definitions", *portal.stores, "associations", "events")
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
    inputs = [msgspec.convert({"type": "string", "label": one.get("name"), **one}, PropertyInput) for one in raw]
    name = (item.name or "").removeprefix(f"pe{portal.config.portal_id}_")
    body = DefinitionBody(
        label=item.label or item.labels.get("singular") or name,
        include_default_properties=item.include_default_properties,
        property_definitions=inputs,
        name=name or None,
        primary_object=item.primary_object,
    )
    define(portal, body)


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
    now_ms = portal.clock.now_ms()
    values = {name: as_text(value) for name, value in item.properties.items() if value is not None}
    unknown = [name for name in values if name not in store.schema.rules]
    if unknown:
        raise rules.refused_properties([rules.unknown_property(name) for name in unknown])
    computed = {"hs_object_id", store.created_name, store.modified_name}
    stored = {name: value for name, value in values.items() if name not in computed}
    if store.name == "contacts" and "email" in stored:
        stored["email"] = stored["email"].strip().lower()
        owner = store.emails.get(stored["email"])
        if owner is not None:
            raise Refusal(409, f"Contact already exists. Existing ID: {owner.id}", "CONFLICT")
    if item.id is None:
        store.write(store.new_record(now_ms), stored, now_ms, 0, is_new=True)
        return
    number = whole_number(str(item.id))
    if number is None:
        raise invalid(f"{str(item.id)[:100]} is not a record id")
    if str(number) in store.records:
        raise invalid(f"A record with ID {number} is already there")
    record = Record(str(number), now_ms)
    record.properties = stored
    store.adopt(record)


def _event(item: Mapping[str, Any]) -> EventInput:
    fields = ("eventName", "properties", "email", "objectId", "utk", "occurredAt", "uuid")
    values = {name: item[name] for name in fields if item.get(name) is not None}
    if item.get("contactId") and "objectId" not in values:
        values["objectId"] = item["contactId"]
    return msgspec.convert({"properties": {}, **values}, EventInput)
