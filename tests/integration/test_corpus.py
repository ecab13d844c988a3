"""The corpus of 10,000 messages: few calls, nothing dead, and HubSpot holds what a reader of the messages would write
down, each property of each record; nothing is lost when only identify carries the e-mail, as most SDKs send it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from benchmarks.corpus import Corpus, stripped
from msgspec import structs
from tests.support.world import DESTINATION, HUB_ID, World

from hubwire.destination import Mapping as Rules

MAX_CALLS = 60
MAX_CALLS_AGAIN = 45
README = Path(__file__).parents[2] / "README.md"
[README_CALLS] = map(int, re.findall(r"\*\*Hubwire\*\* \| \*\*(\d+)\*\*", README.read_text(encoding="utf-8")))
README_TOLERANCE = 3
"""The README's number of calls may be off by this many: more changes the claim."""
MESSAGES = list(Corpus().messages())
STRIPPED = [message if message["type"] == "identify" else stripped(message) for message in MESSAGES]
MADE = structs.replace(DESTINATION, mapping=Rules(create_properties=True))
OF_HUBSPOT = {
    "createdate", "lastmodifieddate", "hs_lastmodifieddate", "hs_object_id", "hs_object_source", "hs_object_source_id",
    "hs_object_source_label", "hs_all_contact_vids", "hs_is_contact", "hs_is_unworked", "hs_pipeline",
    "hs_email_domain", "lifecyclestage",
}  # fmt: skip
"""What HubSpot writes by itself."""

Fields = dict[str, Any]


class Reader:
    """Goes through the messages one by one, in order of time, and writes down what HubSpot must hold: no identity
    memory but a look at all messages, no cycles, no batches, none of Hubwire's code."""

    def __init__(self, messages: Iterable[Fields], *, makes_properties: bool) -> None:
        in_time = sorted(messages, key=lambda message: str(message["timestamp"]))
        self.contacts: dict[str, dict[str, str]] = {}
        self.companies: dict[str, dict[str, str]] = {}
        self.associations: set[tuple[str, str]] = set()
        self.events: list[Fields] = []
        self.held = 0
        self._makes_properties = makes_properties
        self._identified = {
            message["userId"]: message["traits"]["email"] for message in in_time if message["type"] == "identify"
        }
        self._named = self._identified | {
            message["userId"]: message["context"]["traits"]["email"]
            for message in in_time
            if "traits" in message["context"]
        }
        for message in in_time:
            if message["type"] == "identify":
                self._identify(message["traits"])
            elif message["type"] == "track":
                self._track(message)
            elif message["type"] == "group":
                self._group(message)

    def _identify(self, traits: Fields) -> None:
        address = traits["address"]
        contact = self.contacts.setdefault(traits["email"], {"email": traits["email"]})
        contact |= {
            "firstname": traits["firstName"],
            "lastname": traits["lastName"],
            "phone": traits["phone"],
            "address": address["street"],
            "city": address["city"],
            "state": address["state"],
            "zip": address["postalCode"],
            "country": address["country"],
        }
        if self._makes_properties:
            contact |= {"plan": traits["plan"], "age": str(traits["age"]), "user_id": traits["user_id"]}
            contact["signup_date"] = traits["signup_date"].replace("Z", ".000Z")

    def _track(self, fields: Fields) -> None:
        email = self._named.get(fields["userId"])
        if email is None:
            self.held += 1
            return
        self.contacts.setdefault(email, {"email": email})
        properties = {name: text(value) for name, value in fields["properties"].items()}
        self.events.append(
            {
                "email": email,
                "event": f"pe{HUB_ID}_{fields['event'].lower().replace(' ', '_')}",
                "occurred_at": fields["timestamp"],
                "properties": {**properties, "value": properties["revenue"]},
            }
        )

    def _group(self, fields: Fields) -> None:
        email, traits = self._identified.get(fields["userId"]), fields["traits"]
        if email is None:
            self.held += 1
            return
        domain = traits["website"]
        company = self.companies.setdefault(domain, {})
        company |= {"domain": domain, "website": domain, "hubwire_domain": domain, "name": traits["name"]}
        company |= {"numberofemployees": str(traits["employees"]), "phone": traits["phone"]}
        self.associations.add((email, domain))


def text(value: str | float) -> str:
    """As HubSpot shows it: 465.0 is 465."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def written(records: Mapping[str, Fields]) -> dict[str, Fields]:
    """The properties that HubSpot did not write by itself."""
    return {
        key: {name: value for name, value in record.items() if name not in OF_HUBSPOT}
        for key, record in records.items()
    }


def sorted_events(events: Iterable[Fields]) -> list[Fields]:
    shown = [{name: value for name, value in event.items() if name != "uuid"} for event in events]
    return sorted(shown, key=lambda event: (event["email"], event["occurred_at"], event["event"]))


def assert_state(world: World, reader: Reader) -> None:
    found = world.hubspot()
    assert written(found["contacts"]) == reader.contacts
    assert written(found["companies"]) == reader.companies
    assert found["associations"] == [list(pair) for pair in sorted(reader.associations)]
    assert sorted_events(found["events"]) == sorted_events(reader.events)
    uuids = [event["uuid"] for event in found["events"]]
    assert len(set(uuids)) == len(uuids)
    assert world.states()["held"] == reader.held


async def deliver(world: World, messages: list[Fields]) -> int:
    """How many calls it took. Only what waits for its person is left."""
    before = world.calls()
    world.append(messages)
    await world.drain(world.driver())
    assert world.states().keys() <= {"delivered", "discarded", "held"}
    return world.calls() - before


async def test_the_corpus_takes_few_calls_and_ends_as_a_reader_would_expect(tmp_path: Path) -> None:
    reader = Reader(MESSAGES, makes_properties=False)
    async with World(tmp_path) as world:
        calls = await deliver(world, MESSAGES)
        assert calls <= MAX_CALLS
        assert abs(calls - README_CALLS) <= README_TOLERANCE
        assert_state(world, reader)
        before = world.hubspot()
        again = [{**message, "messageId": f"again-{message['messageId']}"} for message in MESSAGES]
        assert await deliver(world, again) <= MAX_CALLS_AGAIN
        after = world.hubspot()
        assert len(after.pop("events")) == 2 * len(before.pop("events"))
        assert after == before


@pytest.mark.parametrize("is_reversed", [False, True], ids=["in-order", "newest-first"])
async def test_without_context_traits_every_event_of_an_identified_person_is_delivered(
    tmp_path: Path, is_reversed: bool
) -> None:
    """With a plan that changes now and then: of each person the newest stays, whatever comes last."""
    async with World(tmp_path, destination=MADE) as world:
        assert await deliver(world, STRIPPED[::-1] if is_reversed else STRIPPED) <= MAX_CALLS
        assert_state(world, Reader(STRIPPED, makes_properties=True))
