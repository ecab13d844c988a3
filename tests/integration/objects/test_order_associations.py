"""Orders, their lines and their people: associations in batches, in any order, once, and never with a second parent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.objects import ObjectLane, ref
from tests.support.world import World

from hubwire.emulator.store.objects.rules import AdminRules
from hubwire.operation import ArchiveOthers, RecordRef, UpsertCompany

ANN, BEN = RecordRef("contact", "ann@example.com"), RecordRef("contact", "ben@example.com")
ACME = RecordRef("company", "acme.example")
ORDER, OTHER = ref("order", "7"), ref("order", "8")
MUG, PEN = ref("line_item", "7:mug"), ref("line_item", "7:pen")


def ready(world: World) -> ObjectLane:
    """A lane whose portal has the keys of orders, line items and deals."""
    for plural in ("orders", "line_items", "deals"):
        group = {"name": "hubwire", "label": "Hubwire"}
        world.emulator.call("POST", f"/crm/properties/2026-09/{plural}/groups", group)
        key = {"name": "ext_id", "label": "Id", "type": "string", "fieldType": "text", "groupName": "hubwire"}
        world.emulator.call("POST", f"/crm/properties/2026-09/{plural}", {**key, "hasUniqueValue": True})
    world.clock.advance(5)
    return ObjectLane(world, "order", "line_item", "deal")


@pytest.fixture
async def lane(tmp_path: Path) -> AsyncIterator[ObjectLane]:
    async with World(tmp_path, limits_enabled=False) as world:
        yield ready(world)


def order(
    lane: ObjectLane, which: RecordRef = ORDER, person: RecordRef = ANN, *lines: RecordRef, **how: Any
) -> list[Any]:
    """An order of a person with its lines, as one message gives it."""
    operations: list[Any] = [lane.upsert(which, hs_order_name=which.key, **how)]
    position = operations[0].position
    operations += [lane.contact(person.key), lane.associate(which, person)]
    for line in lines:
        operation = lane.upsert(line, name=line.key)
        operation.position, operation.at_ms = position, operations[0].at_ms
        operations += [operation, lane.associate(which, line)]
        operations[-1].position = position
        operations[-1].at_ms = operations[0].at_ms
    return operations


def links(lane: ObjectLane) -> set[tuple[str, ...]]:
    """The associations in HubSpot, by what people call the records."""
    world, names = lane.world, {}
    for plural, name in (
        ("contacts", "email"),
        ("companies", "domain"),
        ("orders", "ext_id"),
        ("line_items", "ext_id"),
    ):
        for record in world.emulator.records(plural):
            names[plural, record["id"]] = record["properties"].get(name)
    return {
        tuple(sorted(str(names.get((association[side]["type"], association[side]["id"]))) for side in ("from", "to")))
        for association in world.emulator.associations()
    }


async def test_an_order_its_lines_and_its_person_are_associated_once(lane: ObjectLane) -> None:
    await lane.deliver(*order(lane, ORDER, ANN, MUG, PEN))
    expected = {("7", "ann@example.com"), ("7", "7:mug"), ("7", "7:pen")}
    assert links(lane) == expected
    assert lane.calls("/batch/associate/default") == 2
    before = lane.calls()
    await lane.deliver(*order(lane, ORDER, ANN, MUG, PEN))
    assert (lane.calls(), links(lane)) == (before, expected)


async def test_a_message_that_comes_again_after_a_crash_doubles_no_line(lane: ObjectLane) -> None:
    operations = order(lane, ORDER, ANN, MUG, PEN)
    await lane.deliver(*operations, lose=True)
    lane.suppress_ms = 0
    await lane.deliver(*operations)
    assert len(lane.records("line_items")) == 2
    assert len(links(lane)) == 3


async def test_a_line_item_never_gets_a_second_parent(lane: ObjectLane) -> None:
    await lane.deliver(*order(lane, ORDER, ANN, MUG))
    await lane.deliver(*order(lane, OTHER, ANN, MUG))
    assert ("8", "7:mug") not in {tuple(reversed(pair)) for pair in links(lane)} | links(lane)
    assert lane.left_out() == [("association", "line-item-has-parent")]


async def test_no_line_is_made_for_an_order_that_hubspot_refused(lane: ObjectLane) -> None:
    lane.world.emulator.state.validation["orders"] = AdminRules(["hs_total_price"])
    await lane.deliver(*order(lane, ORDER, ANN, MUG), *order(lane, OTHER, BEN, PEN, hs_total_price="5"))
    assert [record["ext_id"] for record in lane.records("line_items")] == ["7:pen"]
    assert set(lane.world.reasons().values()) == {("dead", "missing-required-property")}
    assert len(lane.world.reasons()) == 1


async def test_an_association_that_was_taken_away_stays_away_for_older_messages(lane: ObjectLane) -> None:
    now_ms = lane.world.clock.now_ms()
    await lane.deliver(*order(lane, ORDER, ANN))
    lane.world.clock.advance(10)
    await lane.deliver(lane.upsert(ORDER, hs_order_name="7"), lane.associate(ORDER, ANN, takes_away=True))
    assert links(lane) == set()
    await lane.deliver(lane.upsert(ORDER), lane.contact(ANN.key), lane.associate(ORDER, ANN, at_ms=now_ms))
    assert links(lane) == set()
    assert ("association", "older-than-known") in lane.left_out()
    lane.world.clock.advance(10)
    await lane.deliver(*order(lane, ORDER, ANN))
    assert links(lane) == {("7", "ann@example.com")}


async def test_a_replacing_association_parts_the_record_from_the_former_one(lane: ObjectLane) -> None:
    now_ms = lane.world.clock.now_ms()
    await lane.deliver(*order(lane, ORDER, ANN))
    lane.world.clock.advance(10)
    operations = order(lane, ORDER, BEN)
    operations[2].replaces = True
    await lane.deliver(*operations)
    assert links(lane) == {("7", "ben@example.com")}
    await lane.deliver(lane.upsert(ORDER), lane.contact(ANN.key), lane.associate(ORDER, ANN, at_ms=now_ms + 1))
    assert links(lane) == {("7", "ben@example.com")}, "an older message brings the former person not back"


async def test_a_company_becomes_the_primary_one_of_an_order_and_a_label_is_set(lane: ObjectLane) -> None:
    world = lane.world
    label = {"label": "Reseller", "name": "reseller"}
    world.emulator.call("POST", "/crm/associations/2026-09/orders/companies/labels", label)

    def both() -> list[Any]:
        position = lane.next_position()
        now_ms = world.clock.now_ms()
        return [
            lane.upsert(ORDER, hs_order_name="7"),
            UpsertCompany(ACME.key, {}, now_ms, position),
            lane.associate(ORDER, ACME, is_primary=True),
            lane.associate(ORDER, ACME, label="reseller"),
            lane.associate(ORDER, ACME, label="nobody"),
        ]

    await lane.deliver(*both())
    labels = world.emulator.call("GET", "/crm/associations/2026-09/companies/orders/labels").body["results"]
    reseller = next(label["typeId"] for label in labels if label["label"] == "Reseller")
    [link] = world.emulator.associations()
    assert {510, 935, reseller} == set(link["types"]), "primary, unlabelled and the label, as the company sees them"
    assert lane.left_out() == [("association", "unknown-label")]
    before = lane.calls()
    operations = both()
    await lane.deliver(*operations[:4])
    assert lane.calls() == before


async def test_a_label_that_the_portal_lacks_is_set_as_soon_as_it_is_there(lane: ObjectLane) -> None:
    world = lane.world

    def labelled(label: str) -> list[Any]:
        return [lane.upsert(ORDER, hs_order_name="7"), lane.contact(ANN.key), lane.associate(ORDER, ANN, label=label)]

    for label in ("Payer", "USER_DEFINED:99999"):
        await lane.deliver(*labelled(label))
        assert lane.left_out()[-1] == ("association", "unknown-label")
    assert links(lane) == {("7", "ann@example.com")}
    path = "/crm/associations/2026-09/orders/contacts/labels"
    world.emulator.call("POST", path, {"label": "Payer", "name": "payer"})
    lane.portal.is_stale = True
    await lane.deliver(*labelled("payer"))
    payer = next(
        result["typeId"] for result in world.emulator.call("GET", path).body["results"] if result["label"] == "Payer"
    )
    shown = world.emulator.call("GET", f"/crm/objects/2026-09/orders/{order_id(lane)}/associations/contacts").body
    assert payer in [known["typeId"] for known in shown["results"][0]["associationTypes"]]
    before = lane.calls()
    await lane.deliver(*labelled("payer"))
    assert lane.calls() == before


async def test_labels_that_hubspot_refuses_for_one_pair_are_set_for_the_others(lane: ObjectLane) -> None:
    world = lane.world
    world.emulator.call("POST", "/crm/associations/2026-09/orders/contacts/labels", {"label": "Payer", "name": "payer"})

    def refused(request: httpx2.Request) -> httpx2.Response | None:
        if not str(request.url).endswith("/orders/contacts/batch/create"):
            return None
        inputs = json.loads(request.content)["inputs"]
        poisoned = [input_ for input_ in inputs if input_["to"]["id"] == contact_id(lane, BEN)]
        if not poisoned:
            return None
        error = {"status": "error", "category": "VALIDATION_ERROR", "message": "limit of this label reached"}
        good = [{"fromObjectId": int(input_["from"]["id"]), "toObjectId": int(input_["to"]["id"])} for input_ in inputs]
        results = [item for item in good if str(item["toObjectId"]) != contact_id(lane, BEN)]
        body = {"status": "COMPLETE", "results": results, "numErrors": 1, "errors": [{**error, "context": {}}]}
        return httpx2.Response(207, json=body)

    world.transport.instead = refused
    operations: list[Any] = [
        *(lane.upsert(ORDER, hs_order_name="7"), lane.contact(ANN.key), lane.associate(ORDER, ANN, label="Payer")),
        *(lane.upsert(OTHER, hs_order_name="8"), lane.contact(BEN.key), lane.associate(OTHER, BEN, label="Payer")),
    ]
    await lane.deliver(*operations)
    assert lane.left_out() == [("association", "unknown-label")]
    assert links(lane) == {("7", "ann@example.com"), ("8", "ben@example.com")}
    marks = {known.source: known.marks for known in world.record.objects.associations_of(1, [ORDER, OTHER])}
    assert marks == {ORDER: "label Payer", OTHER: ""}


def order_id(lane: ObjectLane) -> str:
    return next(str(record["id"]) for record in lane.world.emulator.records("orders"))


def contact_id(lane: ObjectLane, person: RecordRef) -> str:
    contacts = lane.world.emulator.contacts()
    return next(str(contact["id"]) for contact in contacts if contact["properties"]["email"] == person.key)


async def test_a_rule_that_only_creates_does_not_associate_an_order_that_was_there(lane: ObjectLane) -> None:
    def creation(person: RecordRef, **how: Any) -> list[Any]:
        operations = order(lane, ORDER, person, mode="create", **how)
        operations[2].only_if_made = ORDER
        return operations

    first, second = creation(ANN), creation(BEN)
    await lane.deliver(*first, *second)
    assert links(lane) == {("7", "ann@example.com")}, "the older message made it"
    third = creation(BEN)
    await lane.deliver(*third)
    assert links(lane) == {("7", "ann@example.com")}
    assert lane.left_out()[-1] == ("order.association", "record-exists")


async def test_a_rule_that_only_creates_associates_its_order_after_a_crash(lane: ObjectLane) -> None:
    operations = order(lane, ORDER, ANN, mode="create")
    link = operations.pop()
    link.only_if_made = ORDER
    await lane.deliver(*operations, lose=True)
    await lane.deliver(*operations, link)
    assert links(lane) == {("7", "ann@example.com")}


async def test_a_person_who_is_deleted_and_comes_again_gets_their_orders_again(lane: ObjectLane) -> None:
    await lane.deliver(*order(lane, ORDER, ANN))
    [contact] = lane.world.emulator.contacts()
    lane.world.emulator.archive("contacts", contact["id"])
    operations = [lane.contact(ANN.key)]
    lane.next_position()
    operations = [lane.contact(ANN.key)]
    operations[0].properties.update(lane.upsert(ORDER, firstname="Ann").properties)
    await lane.deliver(*operations)
    assert links(lane) == {("7", "ann@example.com")}


async def test_a_message_waits_for_a_record_that_it_may_not_make(lane: ObjectLane) -> None:
    position = lane.next_position()
    link = lane.associate(OTHER, ORDER, may_make=False)
    await lane.deliver(lane.upsert(OTHER, hs_order_name="8"), link)
    assert lane.world.reasons() == {position: ("held", "waits-for-record")}
    await lane.deliver(*order(lane, ORDER, ANN))
    assert lane.world.reasons() == {position: ("pending", "waits-for-record")}
    link = lane.associate(OTHER, ORDER, may_make=False)
    link.position = position
    await lane.deliver(link)
    assert ("7", "8") in links(lane)
    assert lane.world.reasons() == {}


async def test_a_record_that_somebody_else_made_is_found_for_such_a_message(lane: ObjectLane) -> None:
    lane.world.emulator.seed(orders=[{"properties": {"hs_order_name": "7", "ext_id": "7"}}])
    lane.world.clock.advance(5)
    await lane.deliver(lane.upsert(OTHER, hs_order_name="8"), lane.associate(OTHER, ORDER, may_make=False))
    assert ("7", "8") in links(lane)


async def test_an_order_without_what_hubspot_needs_waits_for_the_message_that_has_it(lane: ObjectLane) -> None:
    cancelled = lane.upsert(ORDER, hs_order_note="cancelled")
    await lane.deliver(cancelled)
    assert lane.world.reasons() == {cancelled.position: ("held", "record-incomplete")}
    await lane.deliver(lane.upsert(ORDER, at_ms=cancelled.at_ms - 60_000, hs_order_name="7", hs_order_note="placed"))
    assert lane.world.reasons() == {cancelled.position: ("pending", "record-incomplete")}
    await lane.deliver(cancelled)
    [record] = lane.records("orders")
    assert (record["hs_order_name"], record["hs_order_note"]) == ("7", "cancelled")
    assert lane.world.reasons() == {}


# -- line items that an order has no longer


def kept(lane: ObjectLane, *lines: RecordRef, at_ms: int | None = None) -> ArchiveOthers:
    position, now_ms = lane.next_position(), lane.world.clock.now_ms()
    keys = frozenset(line.key for line in lines)
    return ArchiveOthers(ORDER, "line_item", keys, position, now_ms if at_ms is None else at_ms)


async def test_a_removed_product_is_archived_and_an_older_message_makes_it_not_again(lane: ObjectLane) -> None:
    first = order(lane, ORDER, ANN, MUG, PEN)
    await lane.deliver(*first)
    lane.world.clock.advance(10)
    await lane.deliver(kept(lane, MUG))
    assert [record["ext_id"] for record in lane.records("line_items")] == ["7:mug"]
    lane.suppress_ms = 0
    await lane.deliver(*lane.again(first))
    assert [record["ext_id"] for record in lane.records("line_items")] == ["7:mug"]
    lane.world.clock.advance(10)
    await lane.deliver(*order(lane, ORDER, ANN, MUG, PEN))
    assert sorted(record["ext_id"] for record in lane.records("line_items")) == ["7:mug", "7:pen"]
    assert ("7", "7:pen") in links(lane)


async def test_a_line_that_a_newer_message_of_the_same_cycle_removes_is_never_made(lane: ObjectLane) -> None:
    first = order(lane, ORDER, ANN, MUG, PEN)
    lane.world.clock.advance(10)
    await lane.deliver(kept(lane, MUG), *first)
    assert [record["ext_id"] for record in lane.records("line_items")] == ["7:mug"]
    await lane.deliver(*lane.again(first))
    assert [record["ext_id"] for record in lane.records("line_items")] == ["7:mug"]
    assert lane.calls("/batch/archive") == 0


async def test_an_older_word_about_the_lines_archives_no_newer_line(lane: ObjectLane) -> None:
    now_ms = lane.world.clock.now_ms()
    lane.world.clock.advance(10)
    await lane.deliver(*order(lane, ORDER, ANN, MUG, PEN))
    await lane.deliver(kept(lane, MUG, at_ms=now_ms))
    assert len(lane.records("line_items")) == 2


async def test_orders_are_remembered_and_released_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    async with World(tmp_path, limits_enabled=False, database_url=postgres_url) as world:
        lane = ready(world)
        waiting = lane.upsert(OTHER, hs_order_note="late")
        await lane.deliver(waiting)
        assert world.reasons() == {waiting.position: ("held", "record-incomplete")}
        await lane.deliver(*order(lane, ORDER, ANN, MUG, PEN), *order(lane, OTHER, BEN))
        assert world.reasons() == {waiting.position: ("pending", "record-incomplete")}
        await lane.deliver(waiting)
        assert world.reasons() == {}
        before = lane.calls()
        await lane.deliver(*order(lane, ORDER, ANN, MUG, PEN))
        assert lane.calls() == before
        assert len(links(lane)) == 4
