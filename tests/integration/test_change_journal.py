"""HubSpot's change journal, as an option: what others do in HubSpot reaches Hubwire's memory within a minute."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from structlog.testing import capture_logs
from tests.support.world import World

from hubwire.destination import Destination
from hubwire.hubspot.change_journal import KEPT_MS, SCOPES
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.credentials import app_credentials, credentials_secret
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.tokens import AppCredentials, RenewedToken
from hubwire.hubspot.wire import iso_utc
from hubwire.process.change_journal import FILE, ChangeJournals
from hubwire.record.protocol import CycleOutcome, Span
from hubwire.rule import Association, Rule
from hubwire.secret import Secret

ADA = {"email": "ada@example.com", "firstName": "Ada", "lastName": "Byron", "city": "Graz"}
APP = credentials_secret(AppCredentials("emulator-client-id", Secret("emulator-client-secret")))
JOURNAL = "webhooks-journal"


class Installation:
    """Sends messages, delivers them, and reads the journal."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.driver = world.driver()
        self.journals = self.new_journals()
        self.sent = 0

    def new_journals(self, wait: Callable[[float], Awaitable[None]] | None = None) -> ChangeJournals:
        """The reader of a process that has just started."""
        world = self.world

        def make_client(destination: Destination) -> HubSpotClient | None:
            app = world.store.registry.journal_app(destination.destination_id)
            if app is None:
                return None
            tokens = RenewedToken(app_credentials(app, SCOPES), world.clock, sleep=world.clock.sleep)
            return HubSpotClient("http://hubspot.test", tokens, Paths(), clock=world.clock, transport=world.transport)

        return ChangeJournals(world.store, make_client, world.clock, world.path.parent, wait or world.clock.sleep)

    async def send(self, **message: Any) -> None:
        self.sent += 1
        self.world.clock.advance(3)
        moment = iso_utc(self.world.clock.now_ms())
        self.world.append([{"messageId": f"m{self.sent}", "userId": "u1", "timestamp": moment, **message}])
        await self.world.drain(self.driver)

    async def identify(self, **traits: Any) -> None:
        await self.send(type="identify", traits={**ADA, **traits})

    async def read(self) -> list[MutableMapping[str, Any]]:
        """Read the journal; gives the lines of the log."""
        self.world.clock.advance(60)
        with capture_logs() as lines:
            await self.journals.run_once()
        return lines

    def contact(self) -> dict[str, Any]:
        [contact] = self.world.emulator.contacts()
        return contact

    def writes(self) -> int:
        return sum(count for call, count in self.world.emulator.stats()["calls"].items() if "upsert" in call)


@pytest.fixture(params=["sqlite", "postgres"])
async def installation(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Installation]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    async with World(tmp_path, database_url=url) as world:
        world.register()
        world.store.registry.set_journal_app(1, APP)
        installation = Installation(world)
        assert await installation.read() == []
        yield installation


async def test_a_deleted_contact_is_made_again_with_all_values_by_the_same_identify(installation: Installation) -> None:
    await installation.identify()
    await installation.identify(city="Linz")
    before = installation.contact()
    installation.world.emulator.archive("contacts", before["id"])
    await installation.read()
    await installation.identify(city="Linz")
    again = installation.contact()
    assert again["id"] != before["id"]
    names = ("email", "firstname", "lastname", "city")
    assert [again["properties"][name] for name in names] == ["ada@example.com", "Ada", "Byron", "Linz"]


async def test_a_merged_contact_is_followed_to_its_new_record(installation: Installation) -> None:
    await installation.identify()
    emulator, old = installation.world.emulator, installation.contact()
    emulator.seed(contacts=[{"properties": {"email": "main@example.com"}}])
    [main] = [contact for contact in emulator.contacts() if contact["id"] != old["id"]]
    merged = emulator.merge("contacts", main["id"], old["id"])
    await installation.read()
    await installation.identify()
    person = installation.world.record.people(1, [ADA["email"]])[ADA["email"]]
    assert person.contact_id == merged["id"] == installation.contact()["id"]


async def test_a_value_of_somebody_else_is_not_taken_for_confirmed_and_an_own_write_is(
    installation: Installation,
) -> None:
    await installation.identify()
    await installation.identify(city="Linz")
    await installation.read()
    writes = installation.writes()
    await installation.identify(city="Linz")
    assert installation.writes() == writes, "the journal reported our own writes, which stay confirmed"
    installation.world.emulator.edit("contacts", installation.contact()["id"], {"city": "Wien"})
    await installation.read()
    await installation.identify(city="Linz")
    assert installation.contact()["properties"]["city"] == "Linz", "the newest value wins"
    assert installation.writes() == writes + 1


ORDERS = Rule(
    name="Orders",
    trigger='event = "Order Completed"',
    object="order",
    key={"shop_order_id": "$.properties.order_id"},
    properties={"hs_order_name": "$.properties.order_id", "hs_total_price": "$.properties.total"},
    associate=(Association(object="contact"),),
)


async def test_an_order_that_somebody_deletes_is_made_again_with_its_values_and_its_person(
    installation: Installation,
) -> None:
    world = installation.world
    world.destination = structs.replace(world.destination, rules=(ORDERS,))
    world.store.registry.save_destination(world.destination)
    installation.driver = world.driver()
    assert await installation.read() == []
    await installation.identify()
    await installation.send(type="track", event="Order Completed", properties={"order_id": "7", "total": 5})
    [order] = world.emulator.records("orders")
    await installation.read()
    world.emulator.archive("orders", order["id"])
    await installation.read()
    await installation.send(type="track", event="Order Completed", properties={"order_id": "7", "total": 5})
    [again] = world.emulator.records("orders")
    assert again["id"] != order["id"]
    assert (again["properties"]["hs_order_name"], again["properties"]["hs_total_price"]) == ("7", "5")
    [link] = world.emulator.associations()
    assert {link["from"]["id"], link["to"]["id"]} == {again["id"], installation.contact()["id"]}


async def test_an_object_whose_scope_the_app_lacks_is_left_out_with_a_line_in_the_log(
    installation: Installation,
) -> None:
    world = installation.world
    world.store.registry.save_destination(structs.replace(world.destination, rules=(ORDERS,)))
    world.transport.instead = lambda request: (
        httpx2.Response(403, json={"category": "MISSING_SCOPES", "message": "crm.objects.orders.read"})
        if b"0-123" in request.content
        else None
    )
    [line] = await installation.read()
    assert (line["event"], line["object_type"]) == ("change_journal.object_left_out", "0-123")
    assert "crm.objects.orders.read" in line["problem"]
    assert await installation.read() == [], "said once"


async def test_a_failing_journal_is_logged_once_and_delays_nothing(installation: Installation) -> None:
    answers = [httpx2.Response(500), httpx2.Response(403, json={"message": "no scope"})]

    def instead(request: httpx2.Request) -> httpx2.Response | None:
        return answers[0] if f"/{JOURNAL}/journal/" in str(request.url) else None

    await installation.identify()
    installation.world.emulator.archive("contacts", installation.contact()["id"])
    installation.world.transport.instead = instead
    for answer in tuple(answers):
        answers[:] = [answer]
        [line] = await installation.read()
        assert (line["event"], line["destination"]) == ("change_journal.failed", "hubspot")
        assert str(answer.status_code) in line["problem"]
        assert await installation.read() == [], "the same problem again"
        await installation.send(type="identify", userId="u2", traits={"email": f"{answer.status_code}@example.com"})
    assert len(installation.world.emulator.contacts()) == 2
    installation.world.transport.instead = lambda request: None
    assert await installation.read() == []
    assert installation.world.record.people(1, [ADA["email"]])[ADA["email"]].seen_at_ms == 0, "nothing was skipped"


async def test_a_cycle_that_was_open_does_not_write_back_what_it_knew_before(installation: Installation) -> None:
    await installation.identify()
    installation.world.emulator.archive("contacts", installation.contact()["id"])
    record, lease = installation.world.record, installation.driver.lane_lease
    assert lease is not None
    known = record.people(1, [ADA["email"]])
    lane = record.lane(1)
    position = lane.live_cursor
    span = Span(live_after=position, live_through=position, backfill_after=0, backfill_through=0)
    installation.world.clock.advance(60)
    [current] = record.renew([lease.lease], installation.world.clock.now_ms(), 30).values()
    cycle_id = record.begin_cycle(current, installation.world.clock.now_ms(), span)

    async def end_the_cycle(seconds: float) -> None:
        record.commit_cycle(current, CycleOutcome(cycle_id=cycle_id, lane=lane, people=list(known.values())))

    await installation.new_journals(end_the_cycle).run_once()
    assert record.people(1, [ADA["email"]])[ADA["email"]].seen_at_ms == 0


async def test_a_damaged_file_is_left_out_with_a_line_in_the_log(installation: Installation) -> None:
    await installation.identify()
    emulator = installation.world.emulator
    emulator.edit("contacts", installation.contact()["id"], {"city": "Wien"})
    installation.world.transport.instead = lambda request: (
        httpx2.Response(200, content=b'{"journalEv') if f"/{JOURNAL}/files/" in str(request.url) else None
    )
    [line] = await installation.read()
    assert line["event"] == "change_journal.file_left_out"
    installation.world.transport.instead = lambda request: None
    emulator.archive("contacts", installation.contact()["id"])
    assert await installation.read() == []
    assert installation.world.record.people(1, [ADA["email"]])[ADA["email"]].seen_at_ms == 0


async def test_reading_goes_on_after_a_restart_and_a_long_pause_is_in_the_log(installation: Installation) -> None:
    await installation.identify()
    installation.world.emulator.edit("contacts", installation.contact()["id"], {"city": "Wien"})
    await installation.read()
    installation.journals = installation.new_journals()
    assert await installation.read() == []
    paths = [request["path"] for request in installation.world.emulator.requests()]
    assert [path for path in paths if path.endswith(("/earliest", "/next"))][-1].endswith("/next")
    assert sum(f"/{JOURNAL}/files/" in path for path in paths) == 1, "no file is read twice"
    assert len(installation.world.emulator.state.changes.subscriptions) == 3, "subscribed once"
    installation.world.clock.advance(KEPT_MS / 1000)
    [line] = await installation.read()
    assert line["event"] == "change_journal.gap"


async def test_without_credentials_nothing_is_read_and_no_bookmark_stays(installation: Installation) -> None:
    assert (installation.world.path.parent / FILE).exists()
    installation.world.store.registry.set_journal_app(1, None)
    calls = installation.world.calls()
    assert await installation.read() == []
    assert installation.world.calls() == calls
    assert (installation.world.path.parent / FILE).read_bytes() == b"{}"
