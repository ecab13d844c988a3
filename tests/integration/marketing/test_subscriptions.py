"""Rules about e-mail subscriptions, from messages to the states of emulated addresses."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from tests.support.world import DESTINATION, World

from hubwire.destination import Destination, Source, SourceKind
from hubwire.record.marketing import subscription_names_of
from hubwire.record.privacy import Trail
from hubwire.rule import Rule

NEWS, SALES = "101", "102"
NEWSLETTER = Rule(
    name="Newsletter", trigger='type = "identify"', subscription="Marketing Information", status="$.traits.newsletter"
)
LEAVE_ALL = Rule(name="Leave", trigger='event = "Left"', subscription="all", status="unsubscribed")
BROWSER = Source(source_id=2, name="site", kind=SourceKind.WEB, identity_space="source:site")
ANN = "ann@example.com"


def with_rules(*rules: Rule) -> Destination:
    return structs.replace(DESTINATION, rules=rules)


def wish(person: str, newsletter: bool, at: int = 0, **fields: Any) -> dict[str, Any]:
    """An identify call with an opt-in or opt-out, `at` seconds into the morning."""
    return {
        "type": "identify",
        "userId": person,
        "traits": {"email": f"{person}@example.com", "newsletter": newsletter},
        "timestamp": f"2026-01-15T10:{at // 60:02d}:{at % 60:02d}.000Z",
        "messageId": f"{person}-{newsletter}-{at}",
        **fields,
    }


async def deliver(world: World, *messages: Mapping[str, Any], source: Source | None = None) -> None:
    await world.receive(messages, *([source] if source is not None else []))
    await world.drain(world.driver())


def states(world: World) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = world.emulator.call("GET", "/_emulator/subscriptions").body["results"]
    return found


def opt_out(world: World, email: str, number: str = NEWS) -> None:
    """The person unsubscribes in HubSpot, by the link of an e-mail."""
    body = {"subscriptionId": int(number), "statusState": "UNSUBSCRIBED", "channel": "EMAIL"}
    world.emulator.call("POST", f"/communication-preferences/2026-09/statuses/{email}", body)


def calls(world: World) -> Counter[str]:
    found = world.emulator.stats()["calls"]
    return Counter({name: count for name, count in found.items() if "communication-preferences" in name})


def left_out(world: World, message_id: str) -> list[tuple[str, str]]:
    if not world.store.registry.destinations():
        world.register()
    [fate] = world.store.queries.message(message_id)[0].summary.fates
    return [(item["field"], item["reason"]) for item in fate.left_out if item["field"].startswith("subscription")]


async def test_traits_subscribe_and_unsubscribe_and_a_repeat_costs_no_call(tmp_path: Path) -> None:
    async with World(tmp_path, destination=with_rules(NEWSLETTER)) as world:
        await deliver(world, wish("ann", True), wish("ben", False))
        assert states(world) == {ANN: {NEWS: "SUBSCRIBED"}, "ben@example.com": {NEWS: "UNSUBSCRIBED"}}
        before = calls(world)
        driver = world.driver()
        await world.receive([wish("ann", True, 60)])
        await world.drain(driver)
        assert calls(world) - before == {"GET /communication-preferences/2026-09/definitions": 1}
        await world.receive([wish("ann", False, 30)])
        await world.drain(driver)
        assert states(world)[ANN] == {NEWS: "SUBSCRIBED"}
        assert left_out(world, "ann-False-30") == [("subscription:Marketing Information", "older-than-known")]


async def test_the_names_of_subscription_types_stay_for_people_after_a_restart(tmp_path: Path) -> None:
    async with World(tmp_path, destination=with_rules(NEWSLETTER)) as world:
        await deliver(world, wish("ann", True))
        other = {"type": "track", "userId": "ann", "event": "Box Opened", "messageId": "o"}
        await deliver(world, other)
        assert subscription_names_of(world.record.lane(1).status)[NEWS] == "Marketing Information"


@pytest.mark.parametrize(("tier", "singles"), [("enterprise", 0), ("professional", 20)])
async def test_batches_are_used_where_the_tier_has_them(tmp_path: Path, tier: str, singles: int) -> None:
    async with World(tmp_path, destination=with_rules(NEWSLETTER), tier=tier) as world:
        await deliver(world, *(wish(f"p{number}", True) for number in range(20)))
        assert len(states(world)) == 20
        call_counts = calls(world)
        one_by_one = {name: count for name, count in call_counts.items() if "statuses" in name and "batch" not in name}
        assert set(one_by_one.values()) == ({singles} if singles else set())
        assert left_out(world, "p7-True-0") == []


async def test_who_opted_out_stays_out_unless_the_rule_says_so(tmp_path: Path) -> None:
    async with World(tmp_path, destination=with_rules(NEWSLETTER)) as world:
        opt_out(world, ANN)
        world.clock.advance(60)
        await deliver(world, wish("ann", True))
        assert states(world)[ANN] == {NEWS: "UNSUBSCRIBED"}
        assert left_out(world, "ann-True-0") == [("subscription:Marketing Information", "opted-out")]
    again = structs.replace(NEWSLETTER, resubscribe=True)
    async with World(
        tmp_path, destination=with_rules(again), sources=(Source(source_id=1, name="server"), BROWSER)
    ) as world:
        opt_out(world, ANN)
        await deliver(world, wish("ann", True, 0))
        assert left_out(world, "ann-True-0") == [("subscription:Marketing Information", "newer-in-hubspot")]
        world.clock.advance(60)
        await deliver(world, wish("ann", True, 1801), source=BROWSER)
        assert states(world)[ANN] == {NEWS: "UNSUBSCRIBED"}, "anybody can send with a public write key"
        await deliver(world, wish("ann", True, 1801))
        assert states(world)[ANN] == {NEWS: "SUBSCRIBED"}


async def test_an_opt_out_stays_whatever_else_comes_in_the_same_cycle(tmp_path: Path) -> None:
    sources = (Source(source_id=1, name="server"), BROWSER)
    async with World(tmp_path, destination=with_rules(NEWSLETTER), sources=sources) as world:
        await deliver(world, wish("ann", True, 0))
        await world.receive([wish("ann", False, 60)], BROWSER)
        await deliver(world, wish("ann", True, 120))
        assert states(world)[ANN] == {NEWS: "UNSUBSCRIBED"}
        assert left_out(world, "ann-True-120") == [("subscription:Marketing Information", "opted-out")]
    again = structs.replace(NEWSLETTER, resubscribe=True)
    async with World(tmp_path, destination=with_rules(again)) as world:
        await deliver(world, wish("ann", False, 60), wish("ann", True, 120))
        assert states(world)[ANN] == {NEWS: "SUBSCRIBED"}


async def test_an_address_that_hubspot_deleted_for_privacy_is_not_sent_again(tmp_path: Path) -> None:
    async with World(tmp_path, destination=with_rules(NEWSLETTER)) as world:
        await deliver(world, wish("ann", True, 0))
        [contact] = world.emulator.contacts()
        world.emulator.delete_for_privacy(contact["id"])
        world.clock.advance(90_000)
        moved = {"type": "identify", "userId": "ann", "traits": {"email": ANN, "city": "Rome"}, "messageId": "moved"}
        await deliver(world, moved)
        before = calls(world)
        await deliver(world, wish("ann", False, 300))
        assert {name for name in calls(world) - before if "statuses" in name} == set()


async def test_who_left_everything_is_out_of_everything(tmp_path: Path) -> None:
    async with World(tmp_path, destination=with_rules(NEWSLETTER, LEAVE_ALL)) as world:
        await deliver(world, wish("ann", True, 0))
        left = {
            "type": "track",
            "userId": "ann",
            "event": "Left",
            "timestamp": "2026-01-15T10:10:00Z",
            "messageId": "l",
        }
        await deliver(world, left)
        assert set(states(world)[ANN].values()) == {"UNSUBSCRIBED"}
        await deliver(world, wish("ann", True, 300))
        assert left_out(world, "ann-True-300") == [("subscription:Marketing Information", "older-than-known")]
        await deliver(world, wish("ann", True, 900))
        assert left_out(world, "ann-True-900") == [("subscription:Marketing Information", "opted-out")]
        assert set(states(world)[ANN].values()) == {"UNSUBSCRIBED"}


async def test_an_account_that_asks_for_a_legal_basis_gets_it(tmp_path: Path) -> None:
    with_basis = structs.replace(
        NEWSLETTER, legal_basis="CONSENT_WITH_NOTICE", legal_basis_explanation="$.properties.box"
    )
    fixed = structs.replace(with_basis, legal_basis_explanation="Ticked the box at sign-up")
    async with World(tmp_path, destination=with_rules(NEWSLETTER), requires_legal_basis=True) as world:
        await deliver(world, wish("ann", True))
        assert states(world) == {}
        assert left_out(world, "ann-True-0") == [("subscription:Marketing Information", "refused-by-hubspot")]
    async with World(tmp_path, destination=with_rules(fixed), requires_legal_basis=True) as world:
        await deliver(world, wish("ann", True))
        assert states(world) == {ANN: {NEWS: "SUBSCRIBED"}}


async def test_an_unknown_type_is_reported_and_the_rest_is_sent(tmp_path: Path) -> None:
    unknown = structs.replace(NEWSLETTER, subscription="No such type")
    async with World(tmp_path, destination=with_rules(unknown)) as world:
        await deliver(world, wish("ann", True))
        assert left_out(world, "ann-True-0") == [("subscription:No such type", "unknown-subscription")]
        assert len(world.emulator.contacts()) == 1


async def test_a_token_without_the_scope_holds_the_messages(tmp_path: Path) -> None:
    scopes = "crm.objects.contacts.read,crm.objects.contacts.write,crm.objects.companies.read"
    async with World(tmp_path, destination=with_rules(NEWSLETTER), scopes=scopes, tier="professional") as world:
        await deliver(world, wish("ann", True))
        assert world.reasons() == {1: ("held", "feature-refused")}
        world.emulator.set_portal(scopes=None)
        world.clock.advance(3601)
        await world.drain(world.driver())
        assert states(world) == {ANN: {NEWS: "SUBSCRIBED"}}


async def test_a_state_that_hubspot_calls_so_already_is_a_success(tmp_path: Path) -> None:
    async with World(tmp_path, destination=with_rules(NEWSLETTER), tier="professional") as world:

        def instead(request: httpx2.Request) -> httpx2.Response | None:
            if request.method == "POST" and "/statuses/" in request.url.path and "batch" not in request.url.path:
                words = f"{ANN} is already subscribed to subscription {NEWS}"
                body = {"status": "error", "category": "VALIDATION_ERROR", "message": words}
                return httpx2.Response(400, json=body, request=request)
            return None

        world.transport.instead = instead
        await deliver(world, wish("ann", True))
        assert (world.states(), left_out(world, "ann-True-0")) == ({"delivered": 1}, [])


async def test_people_who_opted_out_stay_out_through_a_thousand_random_messages_and_rules(tmp_path: Path) -> None:
    dice = random.Random(20)
    values = ["$.traits.newsletter", "$.properties.in", True, "subscribed", "not_specified", {"@path": "$.traits.in"}]
    rules = [
        Rule(
            name=f"R{number}",
            trigger=dice.choice(['type = "identify"', 'type = "track"', 'event = "Box Ticked"', "userId != null"]),
            subscription=dice.choice([NEWS, 102, "Marketing Information", "one to one", "$.properties.kind"]),
            status=dice.choice(values),
            default=dice.random() < 0.5,
        )
        for number in range(60)
    ]
    people = [f"p{number}" for number in range(20)]
    async with World(tmp_path, destination=with_rules(*rules), tier=dice.choice(["enterprise", "starter"])) as world:
        for person in people[:10]:
            opt_out(world, f"{person}@example.com")
            opt_out(world, f"{person}@example.com", SALES)
        for _ in range(5):
            world.clock.advance(dice.randrange(1, 90_000))
            now = world.clock.now_ms() // 1000
            messages = []
            for number in range(200):
                person, at = dice.choice(people), now - dice.randrange(0, 90_000)
                is_in = dice.random() < 0.9 or person in people[15:]
                message = wish(person, is_in, messageId=f"{now}-{number}", timestamp=None)
                message["timestamp"] = at * 1000
                message["properties"] = {"in": is_in, "kind": dice.choice([NEWS, "One to One", "x"])}
                if dice.random() < 0.5:
                    message |= {"type": "track", "event": dice.choice(["Box Ticked", "Other"])}
                messages.append(message)
            await deliver(world, *messages)
        assert [states(world)[f"{person}@example.com"] for person in people[:10]] == [
            {NEWS: "UNSUBSCRIBED", SALES: "UNSUBSCRIBED"}
        ] * 10
        assert any("SUBSCRIBED" in states(world)[f"{person}@example.com"].values() for person in people[10:])


async def test_an_opt_out_that_hubspot_refuses_is_a_failure_that_a_replay_repairs(tmp_path: Path) -> None:
    lacks_basis = with_rules(NEWSLETTER)
    async with World(tmp_path, destination=lacks_basis, requires_legal_basis=True) as world:
        await deliver(world, wish("ann", False), wish("ben", True, at=1))
        assert world.reasons()[1] == ("dead", "opt-out-failed")
        assert left_out(world, "ben-True-1") == [("subscription:Marketing Information", "refused-by-hubspot")]
        basis = {"legal_basis": "CONSENT_WITH_NOTICE", "legal_basis_explanation": "Left the newsletter"}
        world.destination = with_rules(structs.replace(NEWSLETTER, **basis))
        await deliver(world, wish("ann", False, at=60))
        assert states(world)[ANN] == {NEWS: "UNSUBSCRIBED"}


async def test_an_opt_out_of_an_unknown_type_is_a_failure_and_an_opt_in_a_report(tmp_path: Path) -> None:
    unknown = structs.replace(NEWSLETTER, subscription="No such type")
    async with World(tmp_path, destination=with_rules(unknown)) as world:
        await deliver(world, wish("ann", False), wish("ben", True, at=1))
        assert world.reasons()[1] == ("dead", "opt-out-failed")
        assert left_out(world, "ben-True-1") == [("subscription:No such type", "unknown-subscription")]


async def test_a_message_without_the_trait_says_nothing_about_the_subscription(tmp_path: Path) -> None:
    async with World(tmp_path, destination=with_rules(NEWSLETTER)) as world:
        silent = {"type": "identify", "userId": "ann", "traits": {"email": ANN, "newsletter": None}, "messageId": "a"}
        await deliver(world, silent, {**silent, "traits": {"email": "ben@example.com"}, "messageId": "b"})
        assert (states(world), calls(world), left_out(world, "b")) == ({}, {}, [])
        await deliver(world, {**silent, "traits": {"email": ANN, "newsletter": "perhaps"}, "messageId": "c"})
        [fate] = world.store.queries.message("c")[0].summary.fates
        assert ("rule:Newsletter.status", "rule-failed") in [(item["field"], item["reason"]) for item in fate.left_out]


async def test_a_message_without_consent_for_hubspot_changes_no_subscription(tmp_path: Path) -> None:
    mapping = structs.replace(DESTINATION.mapping, consent_categories=("C0004",))
    destination = structs.replace(with_rules(NEWSLETTER), mapping=mapping)
    async with World(tmp_path, destination=destination) as world:
        denied = {"consent": {"categoryPreferences": {"C0004": False}}}
        await deliver(world, wish("ann", False, context=denied), wish("ben", False, at=1))
        assert world.reasons()[1] == ("discarded", "no-consent")
        assert states(world) == {"ben@example.com": {NEWS: "UNSUBSCRIBED"}}


@pytest.mark.parametrize("identity", ["ann", ANN])
async def test_a_person_with_an_own_id_shows_lists_and_subscriptions_whoever_asks(
    tmp_path: Path, identity: str
) -> None:
    vip = Rule(name="VIP", trigger='type = "identify"', list="VIP", member="$.traits.newsletter", create_list=True)
    destination = structs.replace(with_rules(NEWSLETTER, vip), contact_key={"user_number": "$.userId"})
    async with World(tmp_path, destination=destination) as world:
        world.register()
        await deliver(world, wish("ann", True))
        keys = world.store.statistics.identity(identity).keys
        [known] = world.record.marketing.of_person(keys)
        assert [membership.list_key for membership in known.memberships] == ["VIP"]
        assert [preference.subscription_id for preference in known.preferences] == [NEWS]
        world.store.privacy.erase(Trail(emails={ANN}, keys={("server", "u:ann")}), [], world.clock.now_ms())
        assert world.record.marketing.of_person(keys) == []


async def test_nothing_is_sent_for_a_person_with_an_own_id_who_was_deleted_for_privacy(tmp_path: Path) -> None:
    destination = structs.replace(with_rules(NEWSLETTER), contact_key={"user_number": "$.userId"})
    number = {"name": "user_number", "label": "n", "type": "string", "fieldType": "text", "hasUniqueValue": True}
    async with World(tmp_path, destination=destination) as world:
        world.emulator.seed(properties={"contacts": [{**number, "groupName": "contactinformation"}]})
        await deliver(world, wish("ann", True, 0))
        [contact] = world.emulator.contacts()
        world.emulator.delete_for_privacy(contact["id"])
        world.clock.advance(60)
        await deliver(world, wish("ann", True, 60, traits={"email": ANN, "newsletter": True, "city": "Linz"}))
        await deliver(world, wish("ann", False, 120))
        assert list(world.reasons().values())[-2:] == [("discarded", "deleted-for-privacy")] * 2
        assert states(world).get(ANN, {}) == {}
