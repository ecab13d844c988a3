"""Segment's own destination beside Hubwire with the imported rules: deals, orders and a custom object end the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.programs.world import TOKEN, Program, node_packages
from tests.support.world import DESTINATION, NOW_MS, World

from hubwire.hubspot.wire import iso_utc
from hubwire.manage.takeover import read_findings, take_over
from hubwire.testing import CustomObject, Emulator, running_emulator

pytestmark = pytest.mark.slow

PORTAL: dict[str, Any] = {
    "custom_objects": (CustomObject("car", "2-7", properties=({"name": "model", "type": "string"},)),),
    "creates_companies_from_emails": False,
    "limits_enabled": False,
    "search_lag_seconds": 0,
    "property_lag_seconds": 0,
}
KEYS = {"contacts": "email", "deals": "deal_ref", "orders": "shop_order_id", "2-7": "vin"}
UNMAPPED = ("hs_object_id", "createdate", "lastmodifieddate", "hs_createdate", "hs_lastmodifieddate", "deal_ref")
PROCESSED = "937ea84d-0a4f-4dcf-9028-3f9c2aafbf03"
SHIPPED = "aa99e8d0-c1d5-4071-b915-d240bbb1aed9"


def path(name: str) -> dict[str, str]:
    return {"@path": f"$.properties.{name}"}


def record(kind: str, key: str, value: str) -> dict[str, Any]:
    return {"object_type": kind, "id_field_name": key, "id_field_value": path(value), "property_group": "shop"}


def other(kind: str, key: str, value: str, label: str) -> dict[str, Any]:
    return {"object_type": kind, "id_field_name": key, "id_field_value": path(value), "association_label": label}


def subscription(
    name: str, trigger: str, mode: str, details: Mapping[str, Any], properties: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """A subscription of `upsertObject`, as Segment's own code and its exports hold it."""
    mapping = {
        "object_details": details,
        "properties": properties,
        "association_sync_mode": "upsert",
        "enable_batching": False,
        "batch_size": 100,
        "__segment_internal_sync_mode": mode,
        **more,
    }
    return {
        "name": name,
        "partnerAction": "upsertObject",
        "subscribe": f'type = "track" and event = "{trigger}"',
        "mapping": mapping,
    }


def subscriptions(buyer: str, owner: str) -> list[dict[str, Any]]:
    """Four subscriptions. `buyer` and `owner` are labels of the portal, as `CATEGORY:id`."""
    order = {
        "hs_order_name": {"@template": "Order {{properties.order_id}}"},
        "hs_total_price": path("total"),
        "hs_pipeline_stage": path("stage"),
        "Gift Wrap": path("gift"),
        "note": path("note"),
        "first_seen": {"@path": "$.timestamp"},
    }
    deal = {"dealname": path("name"), "amount": path("amount"), "dealstage": path("stage"), "pipeline": "default"}
    return [
        subscription(
            "Orders",
            "Order Completed",
            "upsert",
            record("orders", "shop_order_id", "order_id"),
            order,
            associations=[other("contacts", "email", "email", buyer)],
        ),
        subscription(
            "Shipped",
            "Order Shipped",
            "update",
            record("order", "shop_order_id", "order_id"),
            {"hs_pipeline_stage": SHIPPED, "note": path("note")},
        ),
        subscription(
            "Deals",
            "Deal Changed",
            "upsert",
            record("deal", "deal_ref", "ref"),
            deal,
            associations=[
                other("contact", "email", "email", "HUBSPOT_DEFINED:3"),
                other("order", "shop_order_id", "order_id", "HUBSPOT_DEFINED:511"),
            ],
            association_sync_mode="read",
        ),
        subscription(
            "Cars",
            "Car Registered",
            "add",
            record("2-7", "vin", "vin"),
            {"model": path("model"), "doors": path("doors")},
            associations=[other("contact", "email", "email", owner)],
        ),
    ]


STORY: list[tuple[str, dict[str, Any]]] = [
    ("Order Completed", {"order_id": "o1", "total": 20, "stage": PROCESSED, "gift": True, "email": "ada@example.com"}),
    ("Order Completed", {"order_id": "o2", "total": 7.5, "gift": "FALSE", "email": "ben@example.com"}),
    ("Order Completed", {"order_id": "o1", "total": 25.5, "note": "  by hand ", "email": "ada@example.com"}),
    ("Order Completed", {"order_id": "o3", "total": 0, "note": "", "email": ""}),
    ("Order Completed", {"order_id": "", "total": 1, "email": "nobody@example.com"}),
    ("Order Shipped", {"order_id": "o1", "note": "on its way"}),
    ("Order Shipped", {"order_id": "unknown", "note": "lost"}),
    ("Deal Changed", {"ref": "d1", "name": "Fleet", "amount": 900, "stage": "qualifiedtobuy", "order_id": "o1"}),
    ("Deal Changed", {"ref": "d2", "name": "Van", "stage": "closedwon", "email": "ada@example.com"}),
    ("Deal Changed", {"ref": "d2", "name": "Van", "amount": 1, "email": "nobody@example.com"}),
    ("Deal Changed", {"ref": "d1", "name": None, "stage": "closedlost", "email": "ben@example.com"}),
    ("Car Registered", {"vin": "V1", "model": "Four", "doors": 4, "email": "ada@example.com"}),
    ("Car Registered", {"vin": "V1", "model": "Five", "doors": 5, "email": "ben@example.com"}),
    ("Car Registered", {"vin": "V2", "model": {"name": "Six"}, "doors": 2}),
    ("Visited", {"order_id": "o9"}),
]
MESSAGES = [
    {
        "type": "track",
        "messageId": f"m{number}",
        "userId": "7",
        "event": event,
        "timestamp": iso_utc(NOW_MS - 3_600_000 + number * 60_000),
        "properties": properties,
    }
    for number, (event, properties) in enumerate(STORY)
]


def prepared(emulator: Emulator) -> list[dict[str, Any]]:
    """The subscriptions for a portal that now has their keys, their properties and two labels."""
    kinds = {"note": "string", "gift_wrap": "bool", "first_seen": "datetime", "doors": "number"}
    for plural, key in KEYS.items():
        if plural == "contacts":
            continue
        emulator.call("POST", f"/crm/properties/2026-09/{plural}/groups", {"name": "shop", "label": "Shop"})
        own = ["doors"] if plural == "2-7" else ["note", "gift_wrap", "first_seen"] if plural == "orders" else []
        for name in [key, *own]:
            kind = kinds.get(name, "string")
            form = {"string": "text", "bool": "booleancheckbox", "datetime": "date", "number": "number"}[kind]
            body = {"name": name, "label": name, "type": kind, "fieldType": form, "groupName": "shop"}
            answer = emulator.call("POST", f"/crm/properties/2026-09/{plural}", body | {"hasUniqueValue": name == key})
            assert answer.status == 201, answer.body
    found = []
    for plural, name in (("orders", "buyer"), ("2-7", "owner")):
        place = f"/crm/associations/2026-09/{plural}/contacts/labels"
        answer = emulator.call("POST", place, {"label": name, "name": name})
        label = next(entry for entry in emulator.call("GET", place).body["results"] if entry["label"] == name)
        assert answer.status < 300
        found.append(f"{label['category']}:{label['typeId']}")
    return subscriptions(*found)


def end_of(emulator: Emulator) -> dict[str, Any]:
    """Records by their keys, and associations by the keys of both ends with the labels."""
    names: dict[tuple[str, str], str] = {}
    records: dict[str, dict[str, dict[str, Any]]] = {}
    for plural, key in KEYS.items():
        for record in emulator.records(plural):
            value = str(record["properties"].get(key))
            names[emulator.state.store(plural).name, record["id"]] = value
            records.setdefault(plural, {})[value] = {
                name: given for name, given in record["properties"].items() if name not in UNMAPPED and given
            }
    links = set()
    for association in emulator.associations():
        ends = tuple(names.get((association[side]["type"], association[side]["id"])) for side in ("from", "to"))
        types = association.get("types") or association.get("labels")
        links.add((ends, json.dumps(types, sort_keys=True)))
    return {"records": records, "links": links}


@pytest.fixture(scope="module")
def segment_end(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The portal after Segment's own code has handled the messages, one after another."""
    folder = tmp_path_factory.mktemp("segment")
    # With a newer fast-uri every action throws.
    packages = node_packages("segment", "@segment/action-destinations@3.387.0", overrides={"fast-uri": "3.1.0"})
    with running_emulator(https=folder / "tls", access_token=TOKEN, **PORTAL) as emulator:
        file = folder / "messages.json"
        file.write_text(json.dumps({"messages": MESSAGES, "subscriptions": prepared(emulator)}))
        failures = Program(emulator, packages, folder / "tls" / "ca.pem").script("run_segment.js", str(file))
        assert [message_id for message_id, *_ in failures] == ["m4"], "Segment refuses a key without a value"
        return end_of(emulator)


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "together"])
async def test_segment_and_the_imported_rules_leave_the_same_records_and_associations(
    tmp_path: Path, segment_end: dict[str, Any], together: bool
) -> None:
    export = tmp_path / "export.json"
    (tmp_path / "world").mkdir()
    async with World(tmp_path / "world", **PORTAL) as world:
        export.write_text(json.dumps(prepared(world.emulator)))
        taken = take_over(read_findings([export]))
        world.destination = structs.replace(DESTINATION, rules=tuple(taken.rules), defaults=())
        driver = world.driver()
        for messages in [MESSAGES] if together else [[message] for message in MESSAGES]:
            world.append(messages)
            await world.drain(driver)
        assert end_of(world.emulator) == segment_end
    assert {plural: len(records) for plural, records in segment_end["records"].items()} == {
        "contacts": 2,
        "deals": 2,
        "orders": 3,
        "2-7": 2,
    }
    assert len(segment_end["links"]) == 6
