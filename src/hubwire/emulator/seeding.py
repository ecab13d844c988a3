"""Putting things into a portal without a call: records, associations, properties, definitions, events.

Takes the shapes that the control plane shows, so what it gave can be given back. Seeded records are searchable at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hubwire.emulator import rules
from hubwire.emulator.definition_calls import DefinitionBody, PropertyInput, define
from hubwire.emulator.event_calls import EventInput, accept
from hubwire.emulator.records import ObjectStore, Record
from hubwire.emulator.schema import Property
from hubwire.emulator.state import Portal, put_property
from hubwire.emulator.values import as_text
from hubwire.emulator.wire import Refusal, invalid


def seed(portal: Portal, body: Mapping[str, Any]) -> dict[str, int]:
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
            counts[kind] = _seed_kind(portal, kind, body[kind])
    return counts


def _seed_kind(portal: Portal, kind: str, value: Any) -> int:
    if kind == "properties":
        return sum(_seed_properties(portal.store(name), _list(items)) for name, items in value.items())
    items = _list(value)
    for item in items:
        if kind == "event_definitions":
            _seed_definition(portal, item)
        elif kind == "associations":
            _seed_association(portal, item)
        elif kind == "events":
            accept(portal, _event(item))
        else:
            _seed_record(portal, portal.store(kind), item)
    return len(items)


def _list(value: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        return list(value["results"])
    return list(value)


def _seed_properties(store: ObjectStore, items: Sequence[Mapping[str, Any]]) -> int:
    for item in items:
        complete = {
            "label": item["name"],
            "type": "string",
            "fieldType": "text",
            "groupName": next(iter(store.schema.groups)),
            **item,
        }
        put_property(store, msgspec.convert(complete, Property))
    return len(items)


def _seed_definition(portal: Portal, item: Mapping[str, Any]) -> None:
    labels = item.get("labels") or {}
    raw = item.get("propertyDefinitions", item.get("properties", ()))
    inputs = [msgspec.convert({"type": "string", "label": one["name"], **one}, PropertyInput) for one in raw]
    name = str(item.get("name") or "").removeprefix(f"pe{portal.config.portal_id}_")
    body = DefinitionBody(
        label=str(item.get("label") or labels.get("singular") or name),
        include_default_properties=bool(item.get("includeDefaultProperties", False)),
        property_definitions=inputs,
        name=name or None,
        primary_object=str(item.get("primaryObject", "CONTACT")),
    )
    define(portal, body)


def _seed_association(portal: Portal, item: Mapping[str, Any]) -> None:
    stores = portal.store(item["from"]["type"]), portal.store(item["to"]["type"])
    ids = str(item["from"]["id"]), str(item["to"]["id"])
    for store, record_id in zip(stores, ids, strict=True):
        if store.by_id(record_id) is None:
            raise invalid(f"No {store.name} with ID {record_id} exists")
    from_type, to_type = stores[0].name, stores[1].name
    chosen = [
        portal.associations.find_type(from_type, to_type, int(type_id), None)
        for type_id in item.get("types") or [portal.associations.default_type(from_type, to_type).type_id]
    ]
    portal.associations.link(from_type, ids[0], to_type, ids[1], chosen)


def _seed_record(portal: Portal, store: ObjectStore, item: Mapping[str, Any]) -> None:
    now_ms = portal.clock.now_ms()
    values = {name: as_text(value) for name, value in item.get("properties", {}).items() if value is not None}
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
    record_id = item.get("id")
    if record_id is None:
        store.write(store.new_record(now_ms), stored, now_ms, 0, is_new=True)
        return
    if not str(record_id).isdigit():
        raise invalid(f"{record_id} is not a record id")
    if str(record_id) in store.records:
        raise invalid(f"A record with ID {record_id} is already there")
    record = Record(str(record_id), now_ms)
    record.properties = stored
    store.adopt(record)


def _event(item: Mapping[str, Any]) -> EventInput:
    fields = ("eventName", "properties", "email", "objectId", "utk", "occurredAt", "uuid")
    values = {name: item[name] for name in fields if item.get(name) is not None}
    if item.get("contactId") and "objectId" not in values:
        values["objectId"] = item["contactId"]
    return msgspec.convert({"properties": {}, **values}, EventInput)
