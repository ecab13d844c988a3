"""Records that are merged or deleted between their own step and the call that puts them on a list, of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from tests.support.world import DESTINATION, World

from hubwire.destination import Destination
from hubwire.rule import Rule

GROUP = {"type": "group", "userId": "ann", "groupId": "g1", "traits": {"website": "https://acme.com", "gold": True}}
IDENTIFY = {"type": "identify", "userId": "ann", "traits": {"email": "ann@acme.com", "gold": True}}
QUOTED = {"type": "track", "userId": "ann", "event": "Quoted", "properties": {"id": "q1", "gold": True}}
DEAL = Rule(
    name="Deal",
    trigger='event = "Quoted"',
    object="deal",
    key={"quote_id": "$.properties.id"},
    properties={"dealname": "A quote", "dealstage": "appointmentscheduled"},
)
PEOPLE = Rule(name="People", trigger='type = "identify"', list="Gold", member="$.traits.gold", create_list=True)
FIRMS = Rule(
    name="Firms", trigger='type = "group"', list="Gold", member="$.traits.gold", on="company", create_list=True
)
DEALS = Rule(
    name="Deals",
    trigger='event = "Quoted"',
    list="Gold",
    member="$.properties.gold",
    on="deal",
    key={"quote_id": "$.properties.id"},
    create_list=True,
)


def of(**fields: Any) -> Destination:
    return structs.replace(DESTINATION, **fields)


KINDS = {
    "contact-by-email": (of(rules=(PEOPLE,)), IDENTIFY, "contacts"),
    "contact-by-own-id": (of(rules=(PEOPLE,), contact_key={"user_number": "$.userId"}), IDENTIFY, "contacts"),
    "company-by-domain": (of(rules=(FIRMS,)), GROUP, "companies"),
    "company-by-own-id": (of(rules=(FIRMS,), company_key={"account_id": "$.groupId"}), GROUP, "companies"),
    "deal": (of(rules=(DEAL, DEALS)), QUOTED, "deals"),
}
each_kind = pytest.mark.parametrize(("destination", "message", "path"), KINDS.values(), ids=KINDS)


def on_list(world: World) -> list[str]:
    [found] = world.emulator.call("GET", "/_emulator/lists").body["results"]
    members: list[str] = found["members"]
    return members


async def deliver_while(world: World, message: dict[str, Any], path: str, change: Any) -> None:
    """Deliver a message; `change` happens in HubSpot just before the first call that changes a list."""
    changes = [change]

    def instead(request: httpx2.Request) -> httpx2.Response | None:
        if "/memberships/" in request.url.path and changes:
            changes.pop()()
        return None

    world.transport.instead = instead
    await world.receive([IDENTIFY | {"messageId": "i"}, message | {"messageId": "m"}])
    await world.drain(world.driver())
    assert changes == []


@each_kind
async def test_a_record_that_was_merged_meanwhile_is_put_on_the_list_as_what_it_is_now(
    tmp_path: Path, destination: Destination, message: dict[str, Any], path: str
) -> None:
    async with World(tmp_path, destination=destination) as world:

        def merge() -> None:
            [record] = world.emulator.records(path)
            world.emulator.seed(**{path: [{"id": 900, "properties": {}}]})
            body = {"primaryObjectId": "900", "objectIdToMerge": record["id"]}
            assert world.emulator.call("POST", f"/crm/objects/2026-09/{path}/merge", body).status == 200

        await deliver_while(world, message, path, merge)
        assert on_list(world) == [record["id"] for record in world.emulator.records(path)]
        assert world.states().keys() <= {"delivered"}


@each_kind
async def test_a_record_that_was_deleted_meanwhile_ends_on_the_list_or_is_reported(
    tmp_path: Path, destination: Destination, message: dict[str, Any], path: str
) -> None:
    async with World(tmp_path, destination=destination) as world:

        def delete() -> None:
            [record] = world.emulator.records(path)
            assert world.emulator.call("DELETE", f"/crm/objects/2026-09/{path}/{record['id']}").status == 204

        await deliver_while(world, message, path, delete)
        assert on_list(world) == [record["id"] for record in world.emulator.records(path)]
        assert len(on_list(world)) == 1
        assert world.states().keys() <= {"delivered"}


@each_kind
async def test_a_record_that_hubspot_has_and_calls_missing_is_reported_after_one_look(
    tmp_path: Path, destination: Destination, message: dict[str, Any], path: str
) -> None:
    async with World(tmp_path, destination=destination) as world:
        given_request: list[str] = []

        def instead(request: httpx2.Request) -> httpx2.Response | None:
            if "/memberships/" not in request.url.path:
                return None
            given_request.append(request.url.path)
            [record] = world.emulator.records(path)
            return httpx2.Response(200, json={"recordIdsMissing": [record["id"]]}, request=request)

        world.transport.instead = instead
        await world.receive([IDENTIFY | {"messageId": "i"}, message | {"messageId": "m"}])
        await world.drain(world.driver())
        world.register()
        [fate] = world.store.queries.message("m")[0].summary.fates
        reports = [(item["field"], item["reason"]) for item in fate.left_out if item["field"].startswith("list:")]
        assert reports == [("list:Gold", "not-listed")]
        assert len(given_request) == 1
