"""The corpus of 10,000 messages: few calls, nothing dead, the end state that a reader of the messages would expect; and
nothing lost when only identify carries the e-mail, as most SDKs send it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks.corpus import Corpus, stripped
from tests.support.world import HUB_ID, World

MOST_CALLS = 60
MOST_CALLS_AGAIN = 45
MESSAGES = list(Corpus().messages())
EMAILS = {one["userId"]: one["traits"]["email"] for one in MESSAGES if one["type"] == "identify"}
"""Of those who are identified at any time in the corpus."""

Fields = dict[str, Any]


async def deliver(world: World, messages: list[Fields]) -> int:
    """How many calls it took. Only what waits for its person is left."""
    before = world.calls()
    world.append(messages)
    await world.drain(world.driver())
    assert world.states().keys() <= {"delivered", "discarded", "held"}
    return world.calls() - before


def wanted_contacts() -> dict[str, Fields]:
    """The newest traits of each person who was identified."""
    contacts: dict[str, Fields] = {}
    for one in MESSAGES:
        if one["type"] == "identify":
            traits, address = one["traits"], one["traits"]["address"]
            contacts[traits["email"]] = {
                "firstname": traits["firstName"],
                "lastname": traits["lastName"],
                "phone": traits["phone"],
                "city": address["city"],
                "zip": address["postalCode"],
            }
    return contacts


def wanted_events(emails: dict[str, str]) -> list[tuple[str, str, str]]:
    """E-mail, event and order of every track whose person has an e-mail."""
    return sorted(
        (
            emails[one["userId"]],
            f"pe{HUB_ID}_{one['event'].lower().replace(' ', '_')}",
            one["properties"]["order_id"],
        )
        for one in MESSAGES
        if one["type"] == "track" and one["userId"] in emails
    )


def wanted_associations() -> list[list[str]]:
    groups = [one for one in MESSAGES if one["type"] == "group" and one["userId"] in EMAILS]
    return [list(pair) for pair in sorted({(EMAILS[one["userId"]], one["traits"]["website"]) for one in groups})]


def assert_state(world: World, emails: dict[str, str]) -> None:
    found = world.hubspot()
    contacts = wanted_contacts()
    assert found["contacts"].keys() == {emails[user] for user in people_who_act(emails)}
    for email, properties in contacts.items():
        assert found["contacts"][email] | properties == found["contacts"][email]
    assert found["associations"] == wanted_associations()
    assert found["companies"].keys() == {domain for _, domain in found["associations"]}
    events = [(one["email"], one["event"], one["properties"]["order_id"]) for one in found["events"]]
    assert sorted(events) == wanted_events(emails)
    uuids = [one["uuid"] for one in found["events"]]
    assert len(set(uuids)) == len(uuids)


def people_who_act(emails: dict[str, str]) -> set[str]:
    """Those who make a contact: pages do not, and a group call waits for an identify."""
    return {one["userId"] for one in MESSAGES if one["type"] in ("identify", "track") and one["userId"] in emails}


async def test_the_corpus_takes_few_calls_and_ends_as_a_reader_would_expect(tmp_path: Path) -> None:
    everybody = EMAILS | {
        one["userId"]: one["context"]["traits"]["email"] for one in MESSAGES if one["type"] != "identify"
    }
    async with World(tmp_path) as world:
        assert await deliver(world, MESSAGES) <= MOST_CALLS
        assert_state(world, everybody)
        before = world.hubspot()
        again = [{**one, "messageId": f"again-{one['messageId']}"} for one in MESSAGES]
        assert await deliver(world, again) <= MOST_CALLS_AGAIN
        after = world.hubspot()
        assert len(after.pop("events")) == 2 * len(before.pop("events"))
        assert after == before


@pytest.mark.parametrize("is_reversed", [False, True], ids=["in-order", "newest-first"])
async def test_without_context_traits_every_event_of_an_identified_person_is_delivered(
    tmp_path: Path, is_reversed: bool
) -> None:
    messages = [one if one["type"] == "identify" else stripped(one) for one in MESSAGES]
    async with World(tmp_path) as world:
        assert await deliver(world, messages[::-1] if is_reversed else messages) <= MOST_CALLS
        assert_state(world, EMAILS)
        tracks = [one for one in messages if one["type"] == "track" and one["userId"] not in EMAILS]
        groups = [one for one in messages if one["type"] == "group" and one["userId"] not in EMAILS]
        assert world.states()["held"] == len(tracks) + len(groups)
