"""What HubSpot refuses, forbids or has no calls left for: only what must wait waits, only the culprit is dead, and the
line says in one sentence why it stands."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from benchmarks.corpus import Corpus
from tests.support.world import TOKEN, World, no_trouble

from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.deliver.limits.source_limits import PROBE_MESSAGES, RUN_MESSAGES
from hubwire.deliver.steps.company_search import MAX_REFUSED
from hubwire.deliver.verdicts.without_answer import RUN_PROBE_SECONDS
from hubwire.delivery import State
from hubwire.plan.planner import plan
from hubwire.record.message_filter import MessageFilter

POISON = "poison@example.com"
HOUR = 3600.0


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as new_world:
        new_world.register()
        yield new_world


def identify(number: int, **traits: Any) -> dict[str, Any]:
    """One person's identify."""
    traits = {"email": f"p{number}@example.com", "firstName": f"P{number}", **traits}
    return {"type": "identify", "messageId": f"i{number}", "userId": f"u{number}", "traits": traits}


def track(number: int, **fields: Any) -> dict[str, Any]:
    """One thing that this person did."""
    return {"type": "track", "messageId": f"t{number}", "userId": f"u{number}", "event": "Seen", **fields}


def group(number: int, website: str, **traits: Any) -> dict[str, Any]:
    """This person's company."""
    message = {"type": "group", "messageId": f"g{number}-{website}", "userId": f"u{number}", "groupId": website}
    return {**message, "traits": {"website": website, **traits}}


def fate(world: World, message_id: str) -> tuple[str, str | None]:
    """State and reason of a message."""
    [detail] = world.store.queries.message(message_id)
    [each_fate] = detail.summary.fates
    return each_fate.state.value, each_fate.reason


def stopped(world: World) -> tuple[str | None, str]:
    state = world.record.lane(1)
    return state.stopped_reason, state.stopped_detail


# -- nobody there


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_hubspot_that_is_not_there_is_asked_less_and_less_often(world: World, is_known: bool) -> None:
    driver, request_count = world.driver(), 0
    if is_known:
        world.append([identify(0)])
        await world.drain(driver)

    def nobody(request: httpx2.Request) -> httpx2.ConnectError:
        nonlocal request_count
        request_count += 1
        return httpx2.ConnectError("refused")

    world.transport.trouble = nobody
    world.append([identify(1), identify(2)])
    ends_at_ms = world.clock.now_ms() + round(HOUR * 1000)
    while world.clock.now_ms() < ends_at_ms:
        world.clock.advance((await driver.turn()).seconds)
    assert 10 < request_count < 100
    assert stopped(world)[0] == "hubspot-unreachable"
    world.transport.trouble = no_trouble
    await world.drain(driver, through_stops=True)
    assert stopped(world)[0] is None
    assert {contact["properties"]["email"] for contact in world.emulator.contacts()} >= {
        "p1@example.com",
        "p2@example.com",
    }


# -- one poison record


def refusal(message: str, **more: Any) -> httpx2.Response:
    body = {"status": "error", "message": message, "category": "VALIDATION_ERROR", "correlationId": "c-1", **more}
    return httpx2.Response(400, json=body)


def refuses_whole(request: httpx2.Request) -> httpx2.Response | None:
    """A batch with the poison in it is refused without a word about the culprit."""
    if POISON.encode() in request.content and b"inputs" in request.content and b"eventName" not in request.content:
        return refusal("Something is wrong with this person")
    return None


def names_the_culprit(request: httpx2.Request) -> httpx2.Response | None:
    """A batch with the poison in it is refused, and HubSpot says which input."""
    if refuses_whole(request) is None:
        return None
    [trace] = [
        input_["objectWriteTraceId"] for input_ in json.loads(request.content)["inputs"] if input_["id"] == POISON
    ]
    return refusal("Something is wrong with this person", context={"objectWriteTraceId": [trace]})


def corpus(*, with_poison: bool) -> Iterator[dict[str, Any]]:
    for number, message in enumerate(Corpus(10_000).messages()):
        if number == 5_000 and with_poison:
            message = {**message, "type": "identify", "userId": "poison", "traits": {"email": POISON}}
            message.pop("event", None)
            message["messageId"], message["context"] = "poison", {}
        yield message


async def drained(world: World, *, with_poison: bool) -> int:
    world.append(list(corpus(with_poison=with_poison)), is_backfill=True)
    await world.drain(world.driver())
    return world.calls()


@pytest.mark.parametrize("refuse", [refuses_whole, names_the_culprit])
async def test_of_ten_thousand_with_one_poison_record_only_that_is_dead(tmp_path: Path, refuse: Any) -> None:
    async with World(tmp_path) as clean:
        calls = await drained(clean, with_poison=False)
    async with World(tmp_path) as world:
        world.register()
        refused = 0

        def instead(request: httpx2.Request) -> httpx2.Response | None:
            nonlocal refused
            answer: httpx2.Response | None = refuse(request)
            refused += answer is not None
            return answer

        world.transport.instead = instead
        more = await drained(world, with_poison=True) + refused - calls
        assert world.states()["dead"] == 1
        [detail] = world.store.queries.message("poison")
        [only] = detail.summary.fates
        assert (only.state, only.reason) == (State.DEAD, "invalid-input")
        assert "Something is wrong with this person" in only.detail
        assert any(b"Something is wrong" in attempt.response for attempt in detail.attempts)
    assert more <= 10


async def test_a_domain_that_hubspot_will_not_search_for_keeps_no_other_company_waiting(world: World) -> None:
    searched = 0

    def instead(request: httpx2.Request) -> httpx2.Response | None:
        nonlocal searched
        is_search = request.url.path.endswith("/companies/search")
        searched += is_search
        return refusal("This domain is odd") if is_search and b"odd.example" in request.content else None

    world.transport.instead = instead
    domains = ["odd.example", *(f"company{number}.example.com" for number in range(39))]
    world.emulator.seed(companies=[{"properties": {"domain": "x.example", "hs_additional_domains": domains[7]}}])
    world.append([message for n, domain in enumerate(domains) for message in (identify(n), group(n, domain))])
    await world.drain(world.driver())
    assert world.states() == {"dead": 1}
    assert fate(world, "g0-odd.example") == ("dead", "invalid-input")
    assert len(world.emulator.companies()) == 39
    assert len(world.emulator.associations()) == 39
    assert searched <= 20


async def test_a_search_that_hubspot_always_refuses_is_not_asked_for_each_domain(world: World) -> None:
    searched = 0

    def instead(request: httpx2.Request) -> httpx2.Response | None:
        nonlocal searched
        searched += request.url.path.endswith("/search")
        return refusal("No search today") if request.url.path.endswith("/search") else None

    world.transport.instead = instead
    world.append([message for n in range(40) for message in (identify(n), group(n, f"company{n}.example.com"))])
    await world.drain(world.driver())
    assert world.states() == {"dead": 40}
    assert searched <= 2 * MAX_REFUSED


async def test_a_record_over_which_hubspot_fails_holds_up_nobody_else(world: World) -> None:
    def instead(request: httpx2.Request) -> httpx2.Response | None:
        return httpx2.Response(500, json={"message": "internal error"}) if POISON.encode() in request.content else None

    world.transport.instead = instead
    world.append([identify(number) for number in range(99)] + [identify(99, email=POISON)])
    driver = world.driver()
    for _ in range(8):
        wait = await driver.turn()
        world.clock.advance(wait.seconds)
    assert len(world.emulator.contacts()) == 99
    assert fate(world, "i99") == ("retrying", "hubspot-failed")
    assert world.states() == {"retrying": 1}


async def test_a_message_over_which_hubwire_itself_fails_is_dead_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(message: Any, *others: Any) -> Any:
        if message.message_id == "i1":
            raise ZeroDivisionError("a bug")
        return plan(message, *others)

    monkeypatch.setattr("hubwire.deliver.cycle.gather.plan", broken)
    world.append([identify(number) for number in range(3)])
    await world.drain(world.driver())
    assert len(world.emulator.contacts()) == 2
    assert fate(world, "i1") == ("dead", "internal-error")


# -- the line


async def test_a_run_of_deaths_of_a_server_source_stops_the_line_until_a_probe_goes_through(world: World) -> None:
    world.emulator.set_portal(validation={"contacts": {"required": ["jobtitle"]}})
    world.policy = LanePolicy(cycle_messages=100)
    world.append([identify(number) for number in range(1000)])
    driver = world.driver()
    await world.drain(driver)
    reason, detail = stopped(world)
    assert reason == "run-of-deaths"
    assert detail.startswith(f"HubSpot refused {RUN_MESSAGES} messages in a row, the last one because:")
    assert "jobtitle" in detail
    assert world.states() == {"dead": RUN_MESSAGES}
    assert world.backlog() == 1000 - RUN_MESSAGES
    await driver.turn()
    assert world.backlog() == 1000 - RUN_MESSAGES
    world.clock.advance(RUN_PROBE_SECONDS)
    await driver.turn()
    assert world.backlog() == 1000 - RUN_MESSAGES - PROBE_MESSAGES
    assert stopped(world)[0] == "run-of-deaths", "a probe tries a few, and stops again"
    world.emulator.set_portal(validation={})
    world.clock.advance(RUN_PROBE_SECONDS)
    await driver.turn()
    assert stopped(world) == (None, "")
    world.store.replays.begin(MessageFilter(state=State.DEAD), "ana", world.clock.now_ms(), share_percent=100)
    world.store.replays.step(world.clock.now_ms(), 1000)
    await world.drain(driver)
    assert len(world.emulator.contacts()) == 1000
    assert world.states()["dead"] == 0


async def test_deaths_with_deliveries_in_between_are_no_run(world: World) -> None:
    world.emulator.set_portal(validation={"contacts": {"required": ["jobtitle"]}})
    world.policy = LanePolicy(cycle_messages=100)
    world.append([identify(number, **({"title": "CTO"} if number % 50 == 0 else {})) for number in range(1000)])
    await world.drain(world.driver())
    assert stopped(world) == (None, "")
    assert len(world.emulator.contacts()) == 20


async def test_a_refused_token_stops_the_line_which_resumes_by_itself_when_the_token_works_again(world: World) -> None:
    world.append([identify(1)])
    driver = world.driver()
    await world.drain(driver)
    world.emulator.set_portal(access_token="another")
    world.append([identify(number) for number in range(2, 50)])
    await world.drain(driver)
    assert stopped(world)[0] == "unauthorised"
    assert world.states() == {}
    before = world.calls()
    world.clock.advance(600)
    await driver.turn()
    assert world.calls() == before
    world.emulator.set_portal(access_token=TOKEN)
    await world.drain(driver, through_stops=True)
    assert stopped(world)[0] is None
    assert len(world.emulator.contacts()) == 49


async def test_a_refused_token_resumes_at_once_by_hand_or_with_a_new_token(world: World) -> None:
    world.token = "wrong"
    world.append([identify(1)])
    driver = world.driver()
    await world.drain(driver)
    assert stopped(world)[0] == "unauthorised"
    world.record.stop_lane(1, None, "", None)
    await world.drain(driver)
    assert stopped(world)[0] == "unauthorised"
    await driver.end()
    world.token = TOKEN
    await world.drain(world.driver("with the new token"), through_stops=True)
    assert len(world.emulator.contacts()) == 1
    assert stopped(world)[0] is None


async def test_a_portal_that_migrates_is_left_alone_for_as_long_as_it_says(world: World) -> None:
    driver = world.driver()
    world.append([identify(1)])
    world.emulator.fault(status=477, headers={"Retry-After": "5400"}, times=1)
    await world.drain(driver)
    assert stopped(world)[0] == "migrating"
    calls = world.calls()
    world.clock.advance(5300)
    await driver.turn()
    assert world.calls() == calls
    world.clock.advance(101)
    await world.drain(driver)
    assert len(world.emulator.contacts()) == 1


@pytest.mark.parametrize("answer", [{"status": 302, "headers": {"Location": "https://login.test/"}}, {"status": 407}])
async def test_an_answer_that_is_not_hubspots_stops_the_line_for_seconds(world: World, answer: dict[str, Any]) -> None:
    world.emulator.fault(**answer, path="/account-info/*", times=1)
    world.append([identify(1)])
    driver = world.driver()
    await world.drain(driver)
    assert stopped(world)[0] == "hubspot-unreadable"
    began_ms = world.clock.monotonic_ms()
    await world.drain(driver, through_stops=True)
    assert len(world.emulator.contacts()) == 1
    assert stopped(world)[0] is None
    assert world.clock.monotonic_ms() - began_ms < 15_000


# -- capabilities


SCOPES = ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.objects.companies.read"]
SCOPES += ["crm.objects.companies.write", "crm.schemas.contacts.write", "crm.schemas.companies.write"]


@pytest.mark.parametrize("more_scopes", [[], ["behavioral_events.event_definitions.read_write"]])
async def test_custom_events_that_are_forbidden_are_said_once_and_contacts_still_go(
    world: World, more_scopes: list[str]
) -> None:
    world.emulator.seed(event_definitions=[{"name": "seen", "label": "Seen"}])
    world.emulator.set_portal(scopes=SCOPES + more_scopes)
    fields = {"traits": {"email": "p5000@example.com", "firstName": "T"}}
    messages = [identify(number) for number in range(5)] + [track(5000, context=fields)]
    messages += [track(number % 5) | {"messageId": f"t{number}"} for number in range(1500)]
    world.append(messages)
    await world.drain(world.driver())
    assert len(world.emulator.contacts()) == 6
    assert [world.states()[state] for state in ("discarded", "delivered", "dead")] == [1500, 1, 0]
    assert fate(world, "t7") == ("discarded", "events-not-available")
    [detail] = world.store.queries.message("t5000")
    [left_out] = detail.summary.fates[0].left_out
    assert (left_out["field"], left_out["reason"]) == ("event", "events-not-available")
    forbidden = {call: n for call, n in world.emulator.stats()["calls"].items() if "/events/" in call}
    assert sum(forbidden.values()) <= 2


async def test_a_replay_at_once_after_an_upgrade_reads_the_portal_anew(world: World) -> None:
    world.emulator.set_portal(tier="professional")
    world.append([identify(1), track(1)])
    driver = world.driver()
    await world.drain(driver)
    assert fate(world, "t1") == ("discarded", "events-not-available")
    for tier, expected in (("professional", 0), ("enterprise", 1)):
        world.emulator.set_portal(tier=tier)
        world.store.replays.begin(MessageFilter(state=State.DISCARDED), "ana", world.clock.now_ms(), share_percent=100)
        world.store.replays.step(world.clock.now_ms(), 1000)
        await driver.turn()
        assert len(world.emulator.events()) == expected


async def test_without_the_scope_for_company_properties_people_and_events_still_go(world: World) -> None:
    scopes = [scope for scope in SCOPES if scope != "crm.schemas.companies.write"]
    world.emulator.set_portal(
        scopes=[*scopes, "analytics.behavioral_events.send", "behavioral_events.event_definitions.read_write"]
    )
    world.append([identify(1), track(1), group(1, "acme.com")])
    await world.drain(world.driver())
    assert len(world.emulator.contacts()) == 1
    assert len(world.emulator.events()) == 1
    assert fate(world, "g1-acme.com") == ("dead", "missing-scope")
    assert stopped(world)[0] is None


# -- the day's budget


async def test_a_spent_budget_holds_until_midnight_and_identifies_go_first(tmp_path: Path) -> None:
    async with World(tmp_path, daily=40) as world:
        world.register()
        world.policy = LanePolicy(cycle_messages=200)
        world.append([identify(number) for number in range(200)])
        driver = world.driver()
        await world.drain(driver)
        world.append(
            [
                track(number % 200) | {"messageId": f"t{number}", "timestamp": "2026-01-15T10:00:00Z"}
                for number in range(9000)
            ],
            is_backfill=True,
        )
        world.append([identify(number) for number in range(200, 250)])
        for _ in range(400):
            wait = await driver.turn()
            world.clock.advance(max(wait.seconds, 5))
        assert len(world.emulator.contacts()) == 250
        assert len(world.emulator.events()) < 9000
        assert world.calls() <= 40
        assert world.states()["dead"] == 0
        world.emulator.set_limits(daily=1000)
        world.clock.advance(15 * HOUR)
        await world.drain(driver, through_stops=True)
        assert len(world.emulator.events()) == 9000
        assert world.emulator.stats()["refused"].get("429", 0) == 0


async def test_a_budget_that_others_spent_stops_the_line_until_midnight(world: World) -> None:
    world.append([identify(1)])
    driver = world.driver()
    await world.drain(driver)
    world.emulator.set_limits(daily_used=10_000_000)
    world.append([identify(2)])
    await world.drain(driver)
    assert stopped(world)[0] == "budget-spent"
    resume_at_ms = world.record.lane(1).resume_at_ms
    assert resume_at_ms is not None
    assert resume_at_ms % 86_400_000 == 0
    await world.drain(driver, through_stops=True)
    assert len(world.emulator.contacts()) == 2
