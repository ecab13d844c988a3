"""Client, wire, verdict and limiter against the emulator: two readings of HubSpot that must agree.

The same tests run in process for each API version; a few that are about sockets run over a loopback port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

import httpx2
import pytest
from tests.support.judged import again_of, blame_of, gone_of, returned_of

from hubwire.clock import FakeClock
from hubwire.deliver.limits.daily_budget import (
    BudgetPolicy,
    DailyBudget,
    Priority,
    zone_of,
)
from hubwire.deliver.limits.rate_limiter import RateLimiter
from hubwire.deliver.verdicts.judge import judge
from hubwire.deliver.verdicts.judgement import Judgement
from hubwire.delivery import Dead, Delivered, Retry, StopTheLine
from hubwire.errors import Refused
from hubwire.hubspot import wire
from hubwire.hubspot.account import HubSpotAccount
from hubwire.hubspot.call import CallKind, pair_key
from hubwire.hubspot.client import Answer, Call, ClientPolicy, FixedToken, HubSpotClient
from hubwire.hubspot.definitions import NewProperty
from hubwire.hubspot.paths import ROOTS, Paths
from hubwire.hubspot.tokens import OAuthApp, RenewedToken
from hubwire.manage.schema.plan import MissingEvent, SchemaPlan, make_missing
from hubwire.operation import PropertyValue, SendEvent
from hubwire.reasons import Reason
from hubwire.secret import Secret
from hubwire.testing import Emulator, running_emulator

START_MS = 1_790_000_000_000
TOKEN = "pat-na1-contract"
KEY = "hubwire_domain"


class One(NamedTuple):
    trace: str
    key: str
    properties: Mapping[str, str] = {}


def people(*rows: tuple[str, dict[str, str]]) -> list[One]:
    return [One(str(index), email, properties) for index, (email, properties) in enumerate(rows)]


class Portal:
    """An emulated portal and our side of it."""

    def __init__(self, emulator: Emulator, version: str = "2026-09", token: str = TOKEN) -> None:
        self.emulator = emulator
        self.paths = Paths(version)
        self.client = HubSpotClient(
            emulator.base_url,
            FixedToken(Secret(token)),
            self.paths,
            clock=emulator.state.clock,
            transport=httpx2.ASGITransport(app=emulator.app),
        )
        self.account = HubSpotAccount(self.client)

    async def upsert(self, inputs: Sequence[One]) -> Judgement:
        body = wire.upsert_objects(inputs, id_property="email")
        path = self.paths.objects("contacts", "batch/upsert")
        return await self.judged(Call("upsert contacts", "POST", path, body, id_property="email"), inputs)

    async def upsert_companies(self, inputs: Sequence[One]) -> Judgement:
        body = wire.upsert_objects(inputs, id_property=KEY)
        path = self.paths.objects("companies", "batch/upsert")
        return await self.judged(Call("upsert companies", "POST", path, body, id_property=KEY), inputs)

    async def update(self, object_type: str, inputs: Sequence[One]) -> Judgement:
        path = self.paths.objects(object_type, "batch/update")
        return await self.judged(Call("update", "POST", path, wire.update_objects(inputs)), inputs)

    async def associate(self, pairs: Sequence[tuple[str, str]]) -> Judgement:
        inputs = [One(str(index), pair_key(*pair)) for index, pair in enumerate(pairs)]
        path = self.paths.associations("contacts", "companies")
        call = Call("associate", "POST", path, wire.associate_default(pairs), kind="associations")
        return await self.judged(call, inputs)

    async def send(self, events: Sequence[SendEvent]) -> Judgement:
        inputs = [
            One(str(index), event.event, {name: written.value for name, written in event.properties.items()})
            for index, event in enumerate(events)
        ]
        body = wire.send_events(zip(inputs, events, strict=True))
        return await self.judged(Call("send events", "POST", self.paths.send_events, body, "events"), inputs)

    async def judged(self, call: Call, inputs: Sequence[One]) -> Judgement:
        return judge(call, await self.client.call(call), inputs)

    async def make_key(self) -> None:
        definition = NewProperty(
            name=KEY, label="k", type="string", field_type="text", group="companyinformation", is_unique=True
        )
        await self.account.create_properties("companies", [definition])


@pytest.fixture(params=ROOTS)
async def portal(request: pytest.FixtureRequest) -> AsyncIterator[Portal]:
    async with Emulator(access_token=TOKEN, start_at_ms=START_MS, creates_companies_from_emails=False) as emulator:
        new_portal = Portal(emulator, request.param)
        async with new_portal.client:
            yield new_portal


@pytest.fixture
async def current() -> AsyncIterator[Portal]:
    async with Emulator(access_token=TOKEN, start_at_ms=START_MS) as emulator:
        portal = Portal(emulator)
        async with portal.client:
            yield portal


def event(name: str, email: str = "ann@x.co", uuid: str = "u-1", **properties: str) -> SendEvent:
    written = {key: PropertyValue(value, "property") for key, value in properties.items()}
    return SendEvent(email, name, name, written, {}, START_MS, uuid, 1)


# -- every version


async def test_people_are_created_then_updated(portal: Portal) -> None:
    inputs = people(("ann@x.co", {"firstname": "Ann"}), ("bob@x.co", {"firstname": "Bob"}))
    created = await portal.upsert(inputs)
    assert [type(verdict) for verdict in created.verdicts] == [Delivered, Delivered]
    assert [returned_of(created, index).is_new for index in (0, 1)] == [True, True]
    updated = await portal.upsert(people(("ann@x.co", {"firstname": "Anne"}), ("bob@x.co", {})))
    assert updated.verdicts == created.verdicts
    assert [returned_of(updated, index).is_new for index in (0, 1)] == [False, False]
    assert {contact["properties"]["firstname"] for contact in portal.emulator.contacts()} == {"Anne", "Bob"}


async def test_bad_inputs_do_not_sink_the_good_ones(portal: Portal) -> None:
    judgement = await portal.upsert(
        people(
            ("ann@x.co", {"firstname": "Ann"}),
            ("not an email", {"firstname": "Bob"}),
            ("cid@x.co", {"firstname": "Cid", "no_such_thing": "1"}),
            ("dee@x.co", {"firstname": "Dee", "numemployees": "many"}),
        )
    )
    assert isinstance(judgement.verdicts[0], Delivered)
    assert isinstance(judgement.verdicts[1], Dead)
    assert [(blame.property, blame.reason) for blame in blame_of(judgement)[2]] == [
        ("no_such_thing", Reason.UNKNOWN_PROPERTY)
    ]
    assert [(blame.property, blame.reason) for blame in blame_of(judgement)[3]] == [
        ("numemployees", Reason.NOT_AN_OPTION)
    ]
    assert again_of(judgement) == [2, 3]
    assert len(portal.emulator.contacts()) == 1


async def test_companies_by_our_key_are_created_found_and_associated(portal: Portal) -> None:
    await portal.make_key()
    company = returned_of(await portal.upsert_companies([One("0", "acme.com", {"domain": "acme.com", "name": "Acme"})]))
    ann = returned_of(await portal.upsert(people(("ann@x.co", {"firstname": "Ann"}))))
    portal.emulator.advance(5)
    assert await portal.account.search_companies(["acme.com", "other.com"]) == [("acme.com", company.record_id)]
    for _ in range(2):
        judgement = await portal.associate([(ann.record_id, company.record_id)])
        assert isinstance(judgement.verdicts[0], Delivered)
    updated = await portal.update("companies", [One("0", company.record_id, {"name": "Acme Ltd"})])
    assert updated.verdicts == [Delivered(company.record_id)]
    assert len(portal.emulator.associations()) == 1


async def test_events_are_defined_sent_and_never_doubled(portal: Portal) -> None:
    await portal.upsert(people(("ann@x.co", {"firstname": "Ann"})))
    event_name = await portal.account.create_event_definition("order_done", "Order Done", {"total": "number"})
    await portal.account.add_event_property(event_name.full_name, "coupon", "string")
    await portal.account.add_event_property(event_name.full_name, "coupon", "string")
    (known,) = await portal.account.event_definitions()
    assert known.full_name == event_name.full_name == "pe1234567_order_done"
    assert known.properties == {"total": "number", "coupon": "string"}
    for _ in range(2):
        judgement = await portal.send([event(event_name.full_name, total="5", coupon="x")])
        assert judgement.verdicts == [Delivered()]
    (sent,) = portal.emulator.events()
    assert sent["properties"] == {"total": "5", "coupon": "x"}


async def test_an_event_that_is_not_defined_is_told_apart_from_the_others(portal: Portal) -> None:
    await portal.upsert(people(("ann@x.co", {"firstname": "Ann"})))
    event_name = await portal.account.create_event_definition("order_done", "Order Done", {})
    judgement = await portal.send([event(event_name.full_name), event("pe1234567_unheard_of", uuid="u-2")])
    assert again_of(judgement) == [0]
    assert isinstance(judgement.verdicts[1], Retry)
    assert judgement.verdicts[1].reason is Reason.NOT_FOUND
    assert judgement.schema_is_stale


async def test_the_schema_is_read(portal: Portal) -> None:
    contact = await portal.account.properties("contacts")
    assert contact["firstname"].type == "string"
    assert contact["lifecyclestage"].options
    assert contact["hs_object_id"].is_read_only
    details = await portal.account.account_details()
    assert (details.hub_id, details.time_zone) == ("1234567", "UTC")
    uses = await portal.account.property_uses()
    assert {use.limit for use in uses} == {1_000}


async def test_a_definition_that_exists_is_a_conflict(portal: Portal) -> None:
    await portal.account.create_event_definition("order_done", "Order Done", {})
    with pytest.raises(Refused) as caught:
        await portal.account.create_event_definition("order_done", "Order Done", {})
    assert caught.value.status == 409


async def test_properties_are_made_once(portal: Portal) -> None:
    await portal.make_key()
    await portal.make_key()
    portal.emulator.advance(2)
    assert (await portal.account.properties("companies"))[KEY].is_unique
    await portal.account.create_property_group("contacts", "hubwire", "Hubwire")
    await portal.account.create_property_group("contacts", "hubwire", "Hubwire")


async def test_a_person_is_forgotten(portal: Portal) -> None:
    await portal.upsert(people(("ann@x.co", {"firstname": "Ann"})))
    await portal.account.gdpr_delete("ann@x.co")
    assert portal.emulator.contacts() == []
    assert isinstance((await portal.upsert(people(("ann@x.co", {"firstname": "Ann"})))).verdicts[0], Dead)


async def test_a_remembered_company_that_was_deleted_is_forgotten_and_not_dead(portal: Portal) -> None:
    await portal.make_key()
    kept = returned_of(await portal.upsert_companies([One("0", "b.co", {"domain": "b.co"})])).record_id
    judgement = await portal.update("companies", [One("0", "999999", {"name": "x"}), One("1", kept, {"name": "y"})])
    assert gone_of(judgement) == [0]
    assert judgement.verdicts[1] == Delivered(kept)
    ann = returned_of(await portal.upsert(people(("ann@x.co", {"firstname": "Ann"})))).record_id
    linked = await portal.associate([(ann, "999999"), (ann, kept)])
    assert gone_of(linked) == [0]
    assert isinstance(linked.verdicts[1], Delivered)


# -- refusals


async def test_a_refused_batch_without_trace_ids_in_force_names_its_culprit() -> None:
    async with Emulator(access_token=TOKEN, start_at_ms=START_MS, allows_partial_upsert=False) as emulator:
        portal = Portal(emulator)
        bad_email = await portal.upsert(people(("ann@x.co", {"firstname": "A"}), ("not an email", {"firstname": "B"})))
        assert [type(verdict) for verdict in bad_email.verdicts] == [Retry, Dead]
        bad_option = await portal.upsert(
            people(("ann@x.co", {"numemployees": "1-5"}), ("bob@x.co", {"numemployees": "many"}))
        )
        assert list(blame_of(bad_option)) == [1]
        unknown = await portal.upsert(people(("ann@x.co", {"nope": "1"}), ("bob@x.co", {"firstname": "B"})))
        assert list(blame_of(unknown)) == [0]
        assert emulator.contacts() == []


async def test_what_cannot_be_told_apart_is_sent_in_parts(current: Portal) -> None:
    twice = [One("0", "ann@x.co"), One("1", "ANN@x.co")]
    assert (await current.upsert(twice)).split
    too_many = [One(str(index), f"u{index}@x.co") for index in range(101)]
    assert (await current.upsert(too_many)).split


async def test_a_rule_of_the_administrators_is_dead_with_its_words(current: Portal) -> None:
    current.emulator.set_portal(validation={"contacts": {"required": ["city"]}})
    (verdict,) = (await current.upsert(people(("ann@x.co", {"firstname": "Ann"})))).verdicts
    assert isinstance(verdict, Dead)
    assert verdict.reason is Reason.MISSING_REQUIRED_PROPERTY
    assert "city" in verdict.detail


async def test_a_company_key_that_is_not_unique_stops_the_line(current: Portal) -> None:
    definition = NewProperty(name=KEY, label="k", type="string", field_type="text", group="companyinformation")
    await current.account.create_properties("companies", [definition])
    judgement = await current.upsert_companies([One("0", "a.co", {"domain": "a.co"})])
    assert judgement.stop is not None
    assert judgement.stop.reason is Reason.KEY_NOT_UNIQUE


async def test_a_company_key_that_is_not_there_yet_makes_the_schema_stale(current: Portal) -> None:
    judgement = await current.upsert_companies([One("0", "a.co"), One("1", "b.co")])
    assert judgement.schema_is_stale
    assert all(isinstance(verdict, Retry) and verdict.counts for verdict in judgement.verdicts)


async def test_a_wrong_token_stops_the_line(current: Portal) -> None:
    judgement = await Portal(current.emulator, token="wrong").upsert(people(("ann@x.co", {})))
    assert isinstance(judgement.verdicts[0], StopTheLine)
    assert judgement.verdicts[0].reason is Reason.UNAUTHORISED


async def test_a_missing_scope_is_named() -> None:
    scopes = frozenset({"crm.objects.contacts.read"})
    async with Emulator(access_token=TOKEN, start_at_ms=START_MS, scopes=scopes) as emulator:
        judgement = await Portal(emulator).upsert(people(("ann@x.co", {})))
    assert judgement.stop is not None
    assert judgement.stop.reason is Reason.MISSING_SCOPE
    assert "crm.objects.contacts.write" in judgement.stop.detail


async def test_without_enterprise_events_are_off_and_nothing_else() -> None:
    async with Emulator(access_token=TOKEN, start_at_ms=START_MS, tier="professional") as emulator:
        portal = Portal(emulator)
        judgement = await portal.send([event("pe1234567_x")])
        assert judgement.stop is None
        with pytest.raises(Refused) as caught:
            await portal.account.event_definitions()
        assert caught.value.status == 403


async def test_an_unknown_path_stops_the_line(current: Portal) -> None:
    path = "/crm/objects/2026-09/contacts/batch/upsert"
    current.emulator.fault(path=path, status=404, body={"status": "error", "message": "resource not found"})
    call = Call("upsert contacts", "POST", path, b"{}", id_property="email")
    judgement = await current.judged(call, people(("ann@x.co", {})))
    assert judgement.stop is not None
    assert judgement.stop.reason is Reason.NOT_FOUND


# -- misbehaviour


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 500}, Reason.HUBSPOT_FAILED),
        ({"status": 502, "html": True}, Reason.HUBSPOT_FAILED),
        ({"status": 524}, Reason.HUBSPOT_FAILED),
        ({"status": 423}, Reason.LOCKED),
        ({"status": 429}, Reason.RATE_LIMITED),
        ({"status": 477, "headers": {"Retry-After": "600"}}, Reason.MIGRATING),
        ({"status": 401}, Reason.UNAUTHORISED),
        ({"kind": "silent_empty"}, Reason.RECORD_MISSING),
        ({"status": 200, "body": "<html>maintenance</html>"}, Reason.HUBSPOT_UNREADABLE),
    ],
)
async def test_faults_lose_nothing(current: Portal, fault: dict[str, Any], reason: Reason) -> None:
    current.emulator.fault(path="*/upsert", times=1, **fault)
    inputs = people(("ann@x.co", {"firstname": "Ann"}), ("bob@x.co", {"firstname": "Bob"}))
    judgement = await current.upsert(inputs)
    assert {getattr(verdict, "reason", None) for verdict in judgement.verdicts} == {reason}
    assert not any(isinstance(verdict, Dead | Delivered) for verdict in judgement.verdicts)
    assert all(isinstance(verdict, Delivered) for verdict in (await current.upsert(inputs)).verdicts)


async def test_a_migration_waits_as_long_as_hubspot_says(current: Portal) -> None:
    current.emulator.fault(path="*", status=477, headers={"Retry-After": "7200"})
    stop = (await current.upsert(people(("ann@x.co", {})))).stop
    assert stop is not None
    assert stop.retry_after_seconds == 7_200


async def test_oauth_tokens_are_renewed_when_they_end(current: Portal) -> None:
    emulator = current.emulator
    first = emulator.state.config.oauth
    with emulator.state.lock:
        emulator.state.refresh_tokens["refresh-1"] = None
    app, clock = OAuthApp(first.client_id, Secret(first.client_secret), Secret("refresh-1")), FakeClock()
    async with HubSpotClient(
        emulator.base_url,
        RenewedToken(app, clock),
        Paths(),
        clock=emulator.state.clock,
        transport=httpx2.ASGITransport(app=emulator.app),
    ) as client:
        account = HubSpotAccount(client)
        assert (await account.account_details()).hub_id == "1234567"
        emulator.advance(1_799)
        clock.advance(1_799)
        assert (await account.account_details()).hub_id == "1234567"
    assert emulator.stats()["calls"]["POST /oauth/2026-09/token"] == 2


# -- limits: our limiter and budget against the emulator's own


async def drain(portal: Portal, kinds: Sequence[CallKind], calls: int) -> tuple[float, list[Answer]]:
    """Make calls as fast as the limiter lets them go; the emulator's clock stands still but for its waits."""
    limiter, clock = RateLimiter(), portal.emulator.state.clock
    body: dict[CallKind, Call] = {
        "general": Call("upsert", "POST", portal.paths.objects("contacts", "batch/upsert"), b'{"inputs":[]}'),
        "search": Call("search", "POST", portal.paths.objects("companies", "search"), b"{}", "search"),
        "associations": Call(
            "associate", "POST", portal.paths.associations("contacts", "companies"), b'{"inputs":[]}', "associations"
        ),
        "events": Call("send", "POST", portal.paths.send_events, b'{"inputs":[]}', "events"),
    }
    started_at_ms, answers = clock.now_ms(), []
    for number in range(calls):
        kind = kinds[number % len(kinds)]
        while (wait_ms := limiter.take(kind, clock.now_ms())) > 0:
            portal.emulator.advance(wait_ms / 1000)
        answer = await portal.client.call(body[kind])
        limiter.observe(kind, answer, clock.now_ms())
        answers.append(answer)
    return (clock.now_ms() - started_at_ms) / 1000, answers


@pytest.mark.parametrize(
    ("burst", "kinds", "calls", "limits_seconds"),
    [
        (100, ("general",), 500, 40.0),
        (190, ("general",), 950, 40.0),
        (190, ("associations",), 750, 40.0),
        (190, ("search",), 50, 9.0),
        (190, ("general", "associations"), 760, 30.0),
        (190, ("general",) * 3 + ("associations",), 760, 30.0),
        (100, ("general", "events"), 990, 40.0),
    ],
)
async def test_a_drain_is_never_throttled_and_within_a_tenth_of_the_limits_own_time(
    burst: int, kinds: tuple[CallKind, ...], calls: int, limits_seconds: float
) -> None:
    async with Emulator(access_token=TOKEN, start_at_ms=START_MS, burst=burst) as emulator:
        took_seconds, answers = await drain(Portal(emulator), kinds, calls)
    assert not [answer for answer in answers if answer.status == 429]
    assert took_seconds <= limits_seconds * 1.10


async def test_the_days_end_is_held_until_the_portals_midnight() -> None:
    async with Emulator(access_token=TOKEN, start_at_ms=START_MS, daily=5, time_zone="America/New_York") as emulator:
        portal = Portal(emulator)
        zone = zone_of((await portal.account.account_details()).time_zone)
        budget = DailyBudget(BudgetPolicy(), zone, START_MS)
        call = Call("read", "GET", portal.paths.account)
        statuses: list[int | None] = []
        while budget.may_spend(Priority.IDENTIFY, START_MS) and len(statuses) < 20:
            budget.spend(START_MS)
            answer = await portal.client.call(call)
            budget.observe(answer, START_MS)
            statuses.append(answer.status)
        assert statuses == [200] * len(statuses)
        assert 3 <= len(statuses) <= 4
        emulator.advance(budget.wait_seconds(Priority.IDENTIFY, START_MS, calls=100))
        assert (await portal.client.call(call)).headers["x-hubspot-ratelimit-daily-remaining"] == "4"


# -- sockets


async def test_calls_share_connections_and_survive_their_loss() -> None:
    with running_emulator(access_token=TOKEN) as emulator:
        async with HubSpotClient(emulator.base_url, FixedToken(Secret(TOKEN)), Paths()) as client:
            account = HubSpotAccount(client)
            for _ in range(3):
                assert (await account.account_details()).hub_id == "1234567"
            emulator.fault(path="*/details", kind="reset", times=1)
            reset = await client.call(Call("read", "GET", Paths().account))
            assert reset.status is None
            assert reset.failure is not None
            assert (await account.account_details()).hub_id == "1234567"


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    with running_emulator(access_token=TOKEN) as emulator:
        emulator.fault(path="*/details", kind="hang", times=1)
        policy = ClientPolicy(read_seconds=0.05)
        async with HubSpotClient(emulator.base_url, FixedToken(Secret(TOKEN)), Paths(), policy=policy) as client:
            answer = await client.call(Call("read", "GET", Paths().account))
    assert answer.status is None
    assert answer.failure is not None
    assert answer.failure.startswith("timed out")


async def test_nobody_there_is_an_answer() -> None:
    with running_emulator(access_token=TOKEN) as emulator:
        gone = emulator.base_url
    async with HubSpotClient(gone, FixedToken(Secret(TOKEN)), Paths()) as client:
        answer = await client.call(Call("read", "GET", Paths().account))
    assert answer.status is None
    assert answer.failure is not None
    assert "ConnectError" in answer.failure


async def test_a_plan_whose_definition_was_made_meanwhile_is_carried_out_all_the_same(portal: Portal) -> None:
    await portal.account.create_event_definition("purchase", "Purchase", {"total": "number"})
    event_of_plan = MissingEvent(name="purchase", label="Purchase", properties={"coupon": "string"}, is_new=True)
    await make_missing(portal.account, SchemaPlan(message_count=1, properties=[], events=[event_of_plan]))
    (known,) = await portal.account.event_definitions()
    assert known.properties == {"total": "number", "coupon": "string"}


async def test_a_file_at_another_address_is_read_without_the_token() -> None:
    requests: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200, content=b"{}")

    client = HubSpotClient(
        "https://hubspot.test", FixedToken(Secret(TOKEN)), Paths(), transport=httpx2.MockTransport(answer)
    )
    async with client:
        downloaded = await client.download("https://files.test/a?signature=1")
        assert (downloaded.status, downloaded.body) == (200, b"{}")
        refused = await client.download("http://files.test/a")
        assert (refused.status, refused.failure) == (None, "the address of the file does not start with https://")
    [request] = requests
    assert "authorization" not in request.headers
