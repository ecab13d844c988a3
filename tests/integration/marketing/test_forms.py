"""Rules that submit forms, from messages to emulated submissions and the sources of their contacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import structs
from tests.support.world import DESTINATION, NOW_MS, World

from hubwire.rule import Rule

FORM = "1b2c3d4e-0000-4000-8000-1234567890ab"
UTK = "0123456789abcdef0123456789abcdef"
SIGN_UP = Rule(
    name="Sign up",
    trigger='event = "Signed Up"',
    form=FORM,
    fields={"firstname": "$.properties.name", "plan": ["$.properties.plan"]},
    legal_consent={"consent": {"consentToProcess": "$.properties.agreed", "text": "I agree"}},
)
SIGNING = structs.replace(DESTINATION, rules=(SIGN_UP,))
NAME = f"form:{FORM}"


class Died(BaseException):
    """The process ends here."""


def signed_up(person: str = "ann", number: int = 1, at: int = 0, **fields: Any) -> dict[str, Any]:
    """A sign-up with the visitor's cookie, `at` seconds into the hour."""
    return {
        "type": "track",
        "event": "Signed Up",
        "userId": person,
        "properties": {"email": f"{person}@acme.com", "name": person.title(), "agreed": True},
        "context": {
            "hubspot": {"utk": UTK},
            "page": {"url": "https://acme.com/sign-up", "title": "Sign up"},
            "ip": "192.0.2.7",
        },
        "timestamp": f"2026-01-15T10:{at // 60:02d}:{at % 60:02d}.000Z",
        "messageId": f"{person}-{number}",
        **fields,
    }


async def deliver(world: World, *messages: Mapping[str, Any]) -> None:
    await world.receive(messages)
    await world.drain(world.driver())


def submissions(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.emulator.call("GET", "/_emulator/submissions").body["results"]
    return found


def left_out(world: World, message_id: str) -> list[tuple[str, str]]:
    if not world.store.registry.destinations():
        world.register()
    [fate] = world.store.queries.message(message_id)[0].summary.fates
    return [(item["field"], item["reason"]) for item in fate.left_out if item["field"].startswith("form")]


async def test_a_form_goes_with_cookie_page_and_consent_and_makes_the_contact_first(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        await deliver(world, signed_up())
        [sent] = submissions(world)
        assert {field["name"]: field["value"] for field in sent["fields"]} == {
            "email": "ann@acme.com",
            "firstname": "Ann",
        }
        assert sent["context"] == {"hutk": UTK, "pageUri": "https://acme.com/sign-up", "pageName": "Sign up"}
        assert sent["legalConsentOptions"] == {"consent": {"consentToProcess": True, "text": "I agree"}}
        [contact] = world.emulator.contacts()
        assert contact["properties"]["hs_analytics_source"] == "DIRECT_TRAFFIC"
        assert world.states() == {}
        assert [event["eventName"] for event in world.emulator.events()] == ["pe1234567_signed_up"]


async def test_a_submission_and_the_visits_of_the_browser_are_one_visitor(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        visit = {"kind": "view", "hubId": "1234567", "utk": UTK, "url": "https://acme.com/", "path": "/"}
        from hubwire.emulator.calls.marketing.tracking import take

        take(world.emulator.state, visit)
        assert len(world.emulator.lost_events()) == 1
        await deliver(world, signed_up())
        [contact] = world.emulator.contacts()
        visits = [event for event in world.emulator.events() if event["eventName"] == "e_visited_page"]
        assert [event["contactId"] for event in visits] == [contact["id"]]
        assert world.emulator.lost_events() == []


async def test_a_double_click_submits_once_and_so_does_a_replay(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        await deliver(world, signed_up(), signed_up(), signed_up(number=2, at=1))
        await deliver(world, signed_up(number=3, at=30))
        assert len(submissions(world)) == 1
        assert left_out(world, "ann-2") == left_out(world, "ann-3") == [(NAME, "submitted-already")]
        await deliver(world, signed_up(number=4, at=120))
        assert len(submissions(world)) == 2


async def test_a_200_that_makes_nothing_is_not_delivered_until_it_is_known_and_the_rest_is_sent(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        message = signed_up()
        message["properties"] |= {"email": "ann@example.com"}
        await world.receive([message])
        driver = world.driver()
        for _ in range(3):
            world.clock.advance((await driver.turn()).seconds)
        assert world.reasons() == {1: ("retrying", "form-unconfirmed")}
        await world.receive(
            [{"type": "identify", "userId": "ann", "traits": {"email": "ann@example.com"}, "messageId": "i"}]
        )
        for _ in range(3):
            world.clock.advance((await driver.turn()).seconds)
        assert world.emulator.contacts() == [], "nothing else is written before the form had its chance"
        await world.drain(driver)
        assert len(submissions(world)) == 1
        assert left_out(world, "ann-1") == [(NAME, "form-made-nothing")]
        assert [contact["properties"]["email"] for contact in world.emulator.contacts()] == ["ann@example.com"]


@pytest.mark.parametrize(("arrives", "count"), [(True, 1), (False, 1)])
async def test_a_call_without_an_answer_is_repeated_only_if_nothing_arrived(
    tmp_path: Path, arrives: bool, count: int
) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        trouble = ConnectionError("reset")
        trouble.is_after = arrives  # type: ignore[attr-defined]
        failing = [trouble]
        world.transport.trouble = lambda request: failing.pop() if failing and "submit" in request.url.path else None
        await deliver(world, signed_up())
        assert len(submissions(world)) == count
        assert world.states() == {"delivered": 1} or world.states() == {}


async def test_a_process_that_dies_after_the_call_submits_nothing_twice(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:

        def dies(request: httpx2.Request) -> BaseException | None:
            return Died() if "batch/upsert" in request.url.path else None

        world.transport.trouble = dies
        await world.receive([signed_up()])
        with pytest.raises(Died):
            await world.drain(world.driver())
        assert len(submissions(world)) == 1
        world.transport.trouble = lambda request: None
        world.clock.advance(60)
        await world.drain(world.driver("b"))
        assert len(submissions(world)) == 1
        assert len(world.emulator.contacts()) == 1


async def test_a_form_with_a_captcha_is_named_as_what_it_is(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING, captcha_forms=[FORM]) as world:
        await deliver(world, signed_up())
        assert left_out(world, "ann-1") == [(NAME, "form-has-captcha")]
        assert len(world.emulator.contacts()) == 1


async def test_a_part_of_the_visit_that_hubspot_refuses_does_not_stop_the_form(tmp_path: Path) -> None:
    with_ip = structs.replace(DESTINATION, rules=(structs.replace(SIGN_UP, send_ip=True),))
    async with World(tmp_path, destination=with_ip) as world:
        message = signed_up()
        message["context"]["ip"] = "unknown"
        await deliver(world, message)
        assert left_out(world, "ann-1") == [(f"{NAME}.ipAddress", "refused-by-hubspot")]
        assert [sent["context"].get("ipAddress") for sent in submissions(world)] == [None]


async def test_history_submits_no_forms(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        world.append([signed_up()], is_backfill=True)
        await world.drain(world.driver())
        await deliver(world, signed_up("ben", timestamp=NOW_MS - 31 * 86_400_000))
        assert submissions(world) == []
        assert left_out(world, "ann-1") == left_out(world, "ben-1") == [(NAME, "form-not-submitted")]


async def test_a_token_without_the_scope_holds_the_messages_and_stops_nothing_else(tmp_path: Path) -> None:
    scopes = "crm.objects.contacts.read,crm.objects.contacts.write,crm.objects.companies.read"
    async with World(tmp_path, destination=SIGNING, scopes=scopes, tier="professional") as world:
        identify = {"type": "identify", "userId": "eve", "traits": {"email": "eve@acme.com"}, "messageId": "i"}
        await deliver(world, signed_up(), signed_up("ben"), identify)
        assert world.reasons() == {1: ("held", "feature-refused"), 2: ("held", "feature-refused")}
        assert {contact["properties"]["email"] for contact in world.emulator.contacts()} >= {"eve@acme.com"}
        world.emulator.set_portal(scopes=None)
        world.clock.advance(3601)
        await world.drain(world.driver())
        assert len(submissions(world)) == 2


async def test_what_a_form_demands_is_reported_with_hubspots_words_and_the_rest_is_sent(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        fields = [{"name": "email"}, {"name": "firstname"}, {"name": "company", "required": True}]
        world.emulator.seed(forms=[{"id": FORM, "fields": fields}])
        await deliver(world, signed_up())
        assert left_out(world, "ann-1") == [(NAME, "refused-by-hubspot")]
        [fate] = world.store.queries.message("ann-1")[0].summary.fates
        assert [item["detail"] for item in fate.left_out if item["field"] == NAME] == [
            "REQUIRED_FIELD: Required field 'company' is missing"
        ]
        assert (submissions(world), len(world.emulator.contacts())) == ([], 1)


async def test_a_form_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        world.emulator.seed(forms=[{"id": "another"}])
        await deliver(world, signed_up())
        assert left_out(world, "ann-1") == [(NAME, "refused-by-hubspot")]
        assert world.states().keys() <= {"delivered"}


@pytest.mark.parametrize("utk", ["nonsense", "0123456789ABCDEF", {"a": 1}, 7])
async def test_a_cookie_that_is_none_is_reported_and_the_form_goes_without_it(tmp_path: Path, utk: Any) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        message = signed_up()
        message["context"]["hubspot"] = {"utk": utk}
        await deliver(world, message)
        assert [sent["context"].get("hutk") for sent in submissions(world)] == [None]
        world.register()
        [fate] = world.store.queries.message("ann-1")[0].summary.fates
        assert ("rule:Sign up.hutk", "rule-failed") in [(item["field"], item["reason"]) for item in fate.left_out]


async def test_a_value_that_is_too_long_goes_whole_so_that_hubspot_says_so(tmp_path: Path) -> None:
    async with World(tmp_path, destination=SIGNING) as world:
        message = signed_up()
        message["properties"]["name"] = "x" * 20_000
        await deliver(world, message)
        [sent] = submissions(world)
        assert {field["name"]: len(field["value"]) for field in sent["fields"]}["firstname"] == 20_000
