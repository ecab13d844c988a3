"""The schema of other object types: read only where rules name them, and one reason where the portal lacks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs
from tests.support.objects import ObjectLane
from tests.support.world import DESTINATION, World

from hubwire.emulator.store.access import every_scope
from hubwire.plan.presets import object_types_of
from hubwire.rule import Association, Rule
from hubwire.testing import CustomObject

CAR = CustomObject("car", "2-7", properties=({"name": "vin", "hasUniqueValue": True},), required=("vin",))


async def test_a_destination_without_such_rules_makes_no_additional_call(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        lane = ObjectLane(world)
        schema = await lane.load()
        assert schema.objects == {}
        assert lane.calls() == 4, "account, properties of contacts and of companies, event definitions"


def test_a_destination_names_the_object_types_of_its_enabled_rules_in_the_singular() -> None:
    rules = (
        Rule(name="a", trigger="", object="company", associate=(Association(object="contact"),)),
        Rule(name="b", trigger="", object="orders", associate=(Association(object="Tickets"),)),
        Rule(name="c", trigger="", enabled=False, object="deal"),
    )
    assert object_types_of(structs.replace(DESTINATION, rules=rules)) == {"order", "ticket"}


async def test_properties_pipelines_and_custom_objects_are_read(tmp_path: Path) -> None:
    async with World(tmp_path, custom_objects=(CAR,)) as world:
        lane = ObjectLane(world, "order", "line_item", "car", "p1234567_car", "2-7", "CAR", "bicycle")
        objects = (await lane.load()).objects
        order, car = objects["order"], objects["car"]
        assert objects["0-123"] is order
        assert order.properties["hs_order_name"].type == "string"
        [pipeline] = order.pipelines.values()
        assert pipeline.label == "Order Pipeline"
        assert list(pipeline.stages.values())[:2] == ["Open", "Processed"]
        assert {pipeline.stages[stage] for stage in pipeline.closed} == {"Delivered", "Cancelled"}
        assert objects["line_item"].pipelines == {}
        assert (car.object_type.type_id, car.object_type.path, car.object_type.required) == ("2-7", "2-7", ("vin",))
        assert car.properties["vin"].is_unique
        assert {objects[name].object_type for name in ("p1234567_car", "2-7", "CAR")} == {car.object_type}
        assert objects["bicycle"].unavailable == "the portal has no custom object of this name; it has car (2-7)"
        assert lane.calls("/schemas") == 1


async def test_an_object_type_that_the_portal_or_the_token_lacks_has_one_reason_and_stops_nothing(
    tmp_path: Path,
) -> None:
    scopes = every_scope() - {"crm.objects.orders.read", "crm.schemas.orders.read", "crm.schemas.orders.write"}
    async with World(tmp_path, scopes=scopes) as world:
        lane = ObjectLane(world, "order", "bicycle", "deal")
        objects = (await lane.load()).objects
        assert "crm.objects.orders.read" in (objects["order"].unavailable or "")
        assert objects["order"].properties == {}
        assert objects["bicycle"].unavailable == "the portal has no custom object of this name"
        assert objects["deal"].unavailable is None


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_an_object_type_is_available_as_soon_as_hubspot_has_it(tmp_path: Path, status: int) -> None:
    async with World(tmp_path) as world:
        lane = ObjectLane(world, "cart")
        body = {"status": "error", "message": "Unable to infer object type from: carts", "category": "VALIDATION_ERROR"}
        world.emulator.fault(method="GET", path="/crm/properties/*/carts", status=status, body=body)
        objects = (await lane.load()).objects
        assert "Unable to infer object type" in (objects["cart"].unavailable or "")
        world.clock.advance(60)
        lane.portal.caller = lane.caller()
        assert not await lane.portal.look_for_unavailable({"cart"}, world.clock.now_ms()), "asked a minute ago"
        world.emulator.clear_faults()
        world.clock.advance(900)
        assert await lane.portal.look_for_unavailable({"cart"}, world.clock.now_ms())
        assert objects["cart"].unavailable is None
        assert "hs_cart_name" in objects["cart"].properties


async def test_an_unknown_property_of_an_object_reads_only_that_object_again(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        lane = ObjectLane(world, "order", "deal")
        await lane.load()
        before = lane.calls()
        world.clock.advance(60)
        assert not await lane.portal.look_again(frozenset({"deal.colour"}), world.clock.now_ms()), "nothing is new"
        assert lane.calls() - before == 2, "properties and pipelines of deals"
