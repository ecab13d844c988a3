"""What holds for contacts holds for records of every other object type, one contract for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from tests.support.objects import ObjectLane, ref
from tests.support.world import World, no_trouble

from hubwire.emulator.store.objects.rules import AdminRules
from hubwire.object_types import STANDARD, ObjectType
from hubwire.operation import RecordRef
from hubwire.testing import CustomObject

ANN = RecordRef("contact", "ann@example.com")
CAR = CustomObject("car", "2-7", properties=({"name": "vin", "type": "string"},), required=("vin",))
TYPES = [known for known in STANDARD if known.name not in ("contact", "company")]
TYPES.append(ObjectType("car", "2-7", "2-7", "vin", ("vin",)))
STAGES = {
    "deal": "appointmentscheduled",
    "ticket": "1",
    "service": "services-new",
}


class Kit(NamedTuple):
    """One object type, and a lane that writes it."""

    lane: ObjectLane
    known: ObjectType

    @property
    def name(self) -> str:
        return self.known.stored_as

    def upsert(self, value: str, **values: Any) -> list[Any]:
        """A record with all that HubSpot needs; a lead comes with its contact."""
        required: dict[str, str] = {}
        for name in self.known.required:
            if name == self.known.pipeline:
                required[name] = "services-pipeline"
            elif name == self.known.stage:
                required[name] = STAGES[self.name]
            else:
                required[name] = f"{self.name} {value}"
        operation = self.lane.upsert(
            ref(self.name, value), **{**required, self.known.label: f"{self.name} {value}", **values}
        )
        if self.name != "lead":
            return [operation]
        link = self.lane.associate(ref(self.name, value), ANN)
        return [operation, self.lane.contact(ANN.key), link]

    def records(self) -> list[dict[str, Any]]:
        return self.lane.records(self.known.path)

    def record_id(self, value: str) -> str:
        return next(str(record["hs_object_id"]) for record in self.records() if record.get("ext_id") == value)


@pytest.fixture(params=TYPES, ids=lambda known: known.name)
async def kit(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kit]:
    known: ObjectType = request.param
    async with World(tmp_path, custom_objects=(CAR,), limits_enabled=False) as world:
        for name, type_ in (("ext_id", "string"), ("colour", "string"), ("size", "number")):
            body = {
                "name": name,
                "label": name,
                "type": type_,
                "fieldType": "number" if type_ == "number" else "text",
                "groupName": "hubwire",
                "hasUniqueValue": name == "ext_id",
            }
            group = {"name": "hubwire", "label": "Hubwire"}
            world.emulator.call("POST", f"/crm/properties/2026-09/{known.path}/groups", group)
            world.emulator.call("POST", f"/crm/properties/2026-09/{known.path}", body)
        world.clock.advance(5)
        yield Kit(ObjectLane(world, known.stored_as), known)


async def test_a_record_is_made_and_changed_and_a_repeat_costs_no_call(kit: Kit) -> None:
    await kit.lane.deliver(*kit.upsert("1", colour="red"))
    [record] = kit.records()
    assert (record["colour"], record["ext_id"]) == ("red", "1")
    before = kit.lane.calls()
    await kit.lane.deliver(*kit.upsert("1", colour="red"))
    assert kit.lane.calls() == before
    await kit.lane.deliver(*kit.upsert("1", colour="blue"))
    [record] = kit.records()
    assert record["colour"] == "blue"


async def test_the_newest_value_wins_whatever_the_order_of_arrival(kit: Kit) -> None:
    now_ms = kit.lane.world.clock.now_ms()
    await kit.lane.deliver(*kit.upsert("1", colour="new", at_ms=now_ms))
    await kit.lane.deliver(*kit.upsert("1", colour="old", at_ms=now_ms - 5_000))
    [record] = kit.records()
    assert record["colour"] == "new"
    assert (f"{kit.name}.colour", "older-than-known") in kit.lane.left_out()
    newer, older = kit.upsert("2", colour="new", at_ms=now_ms), kit.upsert("2", colour="old", at_ms=now_ms - 5_000)
    await kit.lane.deliver(*newer, *older)
    assert {record["ext_id"]: record["colour"] for record in kit.records()} == {"1": "new", "2": "new"}


async def test_an_unknown_property_is_left_out_and_reported_and_the_rest_goes(kit: Kit) -> None:
    await kit.lane.deliver(*kit.upsert("1", colour="red", nothing="x"))
    [record] = kit.records()
    assert record["colour"] == "red"
    assert kit.lane.left_out() == [(f"{kit.name}.nothing", "unknown-property")]


async def test_one_refused_record_of_a_hundred_dies_alone(kit: Kit) -> None:
    emulator = kit.lane.world.emulator
    emulator.state.validation[emulator.state.store(kit.known.path).name] = AdminRules(["colour"])
    operations = [operation for number in range(99) for operation in kit.upsert(str(number), colour="red")]
    poison = kit.upsert("poison")
    await kit.lane.deliver(*operations, *poison)
    assert {record["ext_id"] for record in kit.records()} == {str(number) for number in range(99)}
    assert kit.lane.world.reasons() == {poison[0].position: ("dead", "missing-required-property")}
    assert kit.lane.calls("/batch/upsert") + kit.lane.calls("/batch/create") < 16


async def test_a_record_that_is_gone_is_made_again_with_all_that_is_remembered(kit: Kit) -> None:
    await kit.lane.deliver(*kit.upsert("1", colour="red", size="4"))
    kit.lane.world.emulator.archive(kit.known.path, kit.record_id("1"))
    await kit.lane.deliver(*kit.upsert("1", colour="blue"))
    [record] = kit.records()
    assert (record["colour"], record["size"]) == ("blue", "4")


async def test_a_process_that_dies_after_the_call_doubles_nothing(kit: Kit) -> None:
    operations = kit.upsert("1", colour="red")
    await kit.lane.deliver(*operations, lose=True)
    kit.lane.suppress_ms = 0
    await kit.lane.deliver(*operations)
    [record] = kit.records()
    assert record["colour"] == "red"


async def test_a_record_without_a_key_is_made_once_for_each_message(kit: Kit) -> None:
    def unkeyed() -> list[Any]:
        operations = kit.upsert("1", colour="red")
        operations[0].key = "0b5c9b1e-0000-5000-8000-000000000001"
        operations[0].mode = "create"
        if len(operations) > 1:
            operations[2].source = RecordRef(kit.name, operations[0].key)
        return operations

    await kit.lane.deliver(*unkeyed())
    before = kit.lane.calls()
    await kit.lane.deliver(*unkeyed())
    assert [record["colour"] for record in kit.records()] == ["red"]
    assert kit.lane.calls() == before


async def test_a_late_message_does_not_overwrite_what_a_person_wrote_since(kit: Kit) -> None:
    lane, world = kit.lane, kit.lane.world
    await lane.deliver(*kit.upsert("1", colour="red"))
    world.clock.advance(3_600)
    happened_at_ms = world.clock.now_ms()
    world.clock.advance(3_600)
    world.emulator.edit(kit.known.path, kit.record_id("1"), {"colour": "green"})
    world.clock.advance(3_600)
    await lane.deliver(*kit.upsert("1", colour="blue", size="7", at_ms=happened_at_ms))
    [record] = kit.records()
    assert (record["colour"], record["size"]) == ("green", "7")
    assert (f"{kit.name}.colour", "newer-in-hubspot") in lane.left_out()


async def test_only_what_is_empty_is_filled_and_only_what_is_there_is_updated(kit: Kit) -> None:
    [only_there, *_] = kit.upsert("9", colour="red")
    only_there.mode = "update"
    await kit.lane.deliver(only_there)
    assert kit.records() == []
    assert (f"{kit.name}.colour", "no-such-record") in kit.lane.left_out()
    await kit.lane.deliver(*kit.upsert("1", colour="red"))
    [filling, *rest] = kit.upsert("1", colour="blue", size="3")
    filling.only_if_empty = frozenset({"colour", "size"})
    await kit.lane.deliver(filling, *rest)
    [record] = kit.records()
    assert (record["colour"], record["size"]) == ("red", "3")
    assert (f"{kit.name}.colour", "not-empty") in kit.lane.left_out()


async def test_an_update_that_comes_before_the_record_counts_if_it_is_newer_than_the_record(kit: Kit) -> None:
    def update(value: str, at_ms: int) -> Any:
        [operation, *_] = kit.upsert(value, colour="new", size="4", at_ms=at_ms)
        operation.mode = "update"
        return operation

    now_ms = kit.lane.world.clock.now_ms()
    await kit.lane.deliver(update("1", now_ms), update("2", now_ms - 9_000))
    assert kit.records() == []
    for value in "12":
        await kit.lane.deliver(*kit.upsert(value, colour="old", at_ms=now_ms - 5_000))
    shown = {record["ext_id"]: (record["colour"], record.get("size")) for record in kit.records()}
    assert shown == {"1": ("new", "4"), "2": ("old", None)}
    before = kit.lane.calls()
    await kit.lane.deliver(*kit.upsert("1", colour="older", at_ms=now_ms - 3_000))
    assert kit.lane.calls() == before


async def test_an_update_waits_for_its_record_as_long_as_messages_are_kept(kit: Kit) -> None:
    archive, clock = kit.lane.world.store.archive, kit.lane.world.clock
    [update, *_] = kit.upsert("9", colour="red")
    update.mode = "update"
    await kit.lane.deliver(update)
    await kit.lane.deliver(*kit.upsert("1", colour="red"))
    assert archive.remove_waiting_values(clock.now_ms() - 86_400_000, 9) == 0
    assert archive.remove_waiting_values(clock.now_ms() + 1, 9) == 1
    assert kit.lane.world.record.objects.records(1, [ref(kit.name, "9"), ref(kit.name, "1")]).keys() == {
        ref(kit.name, "1")
    }


async def test_a_call_whose_answer_is_lost_doubles_nothing_and_is_sent_again(kit: Kit) -> None:
    def lost(request: httpx2.Request) -> BaseException | None:
        if not str(request.url).endswith(("/batch/upsert", "/batch/create")) or kit.known.path not in str(request.url):
            return None
        failure = httpx2.ReadTimeout("too slow", request=request)
        failure.is_after = True  # type: ignore[attr-defined]
        return failure

    world, operations = kit.lane.world, kit.upsert("1", colour="red")
    world.transport.trouble = lost
    await kit.lane.deliver(*operations)
    assert set(world.states()) == {"retrying"}
    world.transport.trouble = no_trouble
    world.clock.advance(60)
    await kit.lane.deliver(*operations)
    [record] = kit.records()
    assert record["colour"] == "red"
    assert world.reasons() == {}
