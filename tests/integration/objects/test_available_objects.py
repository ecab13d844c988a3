"""An object type that the portal or the token does not have: one cause, held, and sent when it is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.objects import ObjectLane, ref
from tests.support.world import World

from hubwire.emulator.store.access import every_scope
from hubwire.operation import RecordRef

ORDER, DEAL = ref("order", "7"), ref("deal", "9")
ANN = RecordRef("contact", "ann@example.com")
QUARTER = 15 * 60


def ready(world: World) -> None:
    """Key properties of orders and deals."""
    for plural in ("orders", "deals"):
        group = {"name": "hubwire", "label": "Hubwire"}
        world.emulator.call("POST", f"/crm/properties/2026-09/{plural}/groups", group)
        key = {"name": "ext_id", "label": "Id", "type": "string", "fieldType": "text", "groupName": "hubwire"}
        world.emulator.call("POST", f"/crm/properties/2026-09/{plural}", {**key, "hasUniqueValue": True})
    world.clock.advance(5)


def messages(lane: ObjectLane) -> list[Any]:
    """Two messages: one with an order, one with a deal, each with its person."""
    first = lane.upsert(ORDER, hs_order_name="7")
    person = [lane.contact(ANN.key), lane.associate(ORDER, ANN)]
    second = lane.upsert(DEAL, dealname="9", dealstage="appointmentscheduled")
    return [first, *person, second, lane.associate(DEAL, ANN)]


async def test_a_scope_that_is_taken_away_holds_its_object_alone_until_it_is_given_back(tmp_path: Path) -> None:
    async with World(tmp_path, limits_enabled=False) as world:
        ready(world)
        lane = ObjectLane(world, "order", "deal")
        await lane.load()
        orders = {"crm.objects.orders.read", "crm.objects.orders.write", "crm.schemas.orders.read"}
        world.emulator.set_portal(scopes=sorted(every_scope() - orders - {"crm.schemas.orders.write"}))
        operations = messages(lane)
        await lane.deliver(*operations)
        assert [record["dealname"] for record in lane.records("deals")] == ["9"]
        assert world.reasons() == {operations[0].position: ("held", "feature-refused")}
        [(detail,)] = world.database.execute("SELECT detail FROM delivery").fetchall()
        assert detail.startswith("order: ")
        assert "crm.objects.orders.write" in detail
        before = lane.calls()
        again = lane.again(operations[:1])
        await lane.deliver(*again)
        assert lane.calls() - before == 0, "a refused object is said once"
        world.emulator.set_portal(scopes=None)
        world.clock.advance(QUARTER + 1)
        assert await lane.look_again("order")
        await lane.deliver(*operations[:3], *again)
        assert [record["hs_order_name"] for record in lane.records("orders")] == ["7"]
        assert world.reasons() == {}
        assert len(world.emulator.associations()) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"status": "error", "category": "MISSING_SCOPES", "message": "no scopes"}),
        (
            400,
            {"status": "error", "category": "VALIDATION_ERROR", "message": "Unable to infer object type from: orders"},
        ),
        (
            400,
            {
                "status": "error",
                "category": "VALIDATION_ERROR",
                "message": "Unable to upsert by non-unique property ext_id",
            },
        ),
        (400, {"status": "error", "message": "Missing 'Edit Associations' permission"}),
        (404, {"status": "error", "message": "resource not found"}),
    ],
)
async def test_however_hubspot_says_that_it_has_no_such_object_the_lane_goes_on(
    tmp_path: Path, status: int, body: dict[str, Any]
) -> None:
    async with World(tmp_path, limits_enabled=False) as world:
        ready(world)
        lane = ObjectLane(world, "order", "deal")
        world.emulator.fault(method="POST", path="/crm/objects/*/orders/batch/upsert", status=status, body=body)
        operations = messages(lane)
        await lane.deliver(*operations)
        assert world.reasons() == {operations[0].position: ("held", "feature-refused")}
        assert len(lane.records("deals")) == 1
        assert world.record.lane(1).stopped_reason is None


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("lead", {"tier": "starter"}, {"tier": "professional"}),
        ("course", {"library_objects": []}, {"library_objects": ["courses"]}),
    ],
)
async def test_what_the_tier_lacks_or_nobody_switched_on_is_held_until_it_is_there(
    tmp_path: Path, name: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    async with World(tmp_path, limits_enabled=False, **before) as world:
        lane = ObjectLane(world, name)
        record = ref(name, "1")
        values: dict[str, Any] = {f"hs_{name}_name": "A"}
        first = lane.upsert(record, **values)
        link: list[Any] = [lane.contact(ANN.key), lane.associate(record, ANN)]
        await lane.deliver(first, *link)
        assert world.reasons() == {first.position: ("held", "feature-refused")}
        world.emulator.set_portal(**after)
        key = {"name": "ext_id", "label": "Id", "type": "string", "fieldType": "text", "groupName": "hubwire"}
        world.emulator.call("POST", f"/crm/properties/2026-09/{name}/groups", {"name": "hubwire", "label": "H"})
        world.emulator.call("POST", f"/crm/properties/2026-09/{name}", {**key, "hasUniqueValue": True})
        world.clock.advance(QUARTER + 1)
        assert await lane.look_again(name)
        await lane.deliver(first, *link)
        assert [record[f"hs_{name}_name"] for record in lane.records(name)] == ["A"]
        assert world.reasons() == {}


async def test_a_key_property_without_unique_values_is_reported_and_stops_nothing(tmp_path: Path) -> None:
    async with World(tmp_path, limits_enabled=False) as world:
        ready(world)
        lane = ObjectLane(world, "order", "deal")
        await lane.deliver(
            lane.upsert(ref("order", "7", "hs_external_order_id"), hs_order_name="7"),
            lane.upsert(DEAL, dealname="9", dealstage="appointmentscheduled"),
        )
        assert lane.left_out() == [("order.hs_external_order_id", "key-property-not-unique")]
        assert len(lane.records("deals")) == 1
