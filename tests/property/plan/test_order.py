"""Order of arrival: the same messages end in the same HubSpot, in one cycle or in many.

As long as nobody changes their e-mail. Held messages are planned again only when one of the keys that they wait for is
linked, as a lane does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hubwire.decoding import read_message
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow, Message
from hubwire.operation import Associate, Hold, Plan, SendEvent, UpsertCompany, UpsertContact, hold_key
from hubwire.plan import Identity, links_of, plan
from hubwire.plan.default_portal import default_portal

SOURCE = Source(source_id=1, name="s")
DESTINATION = Destination(destination_id=1, name="d")
SCHEMA = default_portal("123")


def calls(person: int) -> list[dict[str, Any]]:
    """Everything that one person's devices and servers may send; each with one e-mail only."""
    user, device, old, email = f"user{person}", f"device{person}", f"old{person}", f"p{person}@example.com"
    return [
        {"type": "identify", "userId": user, "traits": {"email": email, "firstName": "A"}},
        {"type": "identify", "userId": user, "anonymousId": device, "traits": {"email": email, "city": "Graz"}},
        {"type": "identify", "userId": user, "anonymousId": device, "traits": {"zip": "8010"}},
        {"type": "identify", "anonymousId": device, "traits": {"email": email}},
        {"type": "identify", "userId": old, "traits": {"email": email, "state": "ST"}},
        {"type": "identify", "userId": email, "traits": {"country": "Austria"}},
        {"type": "track", "event": "A", "userId": user},
        {"type": "track", "event": "B", "anonymousId": device},
        {"type": "track", "event": "C", "userId": old, "context": {"traits": {"phone": "1"}}},
        {"type": "track", "event": "D", "userId": old, "properties": {"email": email}},
        {"type": "group", "userId": user, "groupId": "g", "traits": {"website": f"www.c{person}.com", "name": "C"}},
        {"type": "group", "anonymousId": device, "groupId": "g", "traits": {"website": f"c{person}.com"}},
    ]


ALIASES: list[dict[str, Any]] = [
    {"type": "alias", "userId": "user1", "previousId": "old1"},
    {"type": "alias", "userId": "user1", "previousId": "older1"},
    {"type": "alias", "userId": "new1", "previousId": "user1"},
    {"type": "alias", "userId": "old1", "previousId": "user1"},
    {"type": "alias", "userId": "user1", "previousId": "device1"},
    {"type": "alias", "userId": "user1", "previousId": "tablet1"},
]
OTHER_IDS: list[dict[str, Any]] = [
    {"type": "identify", "anonymousId": "tablet1", "traits": {"email": "p1@example.com"}},
    {"type": "identify", "userId": "user1", "anonymousId": "tablet1", "traits": {"city": "Linz"}},
    {"type": "identify", "userId": "older1", "traits": {"email": "p1@example.com"}},
    {"type": "track", "event": "F", "userId": "new1"},
    {"type": "track", "event": "G", "userId": "older1"},
    {"type": "track", "event": "H", "anonymousId": "tablet1"},
    {"type": "group", "userId": "new1", "groupId": "g", "traits": {"website": "c1.com"}},
]
WITH_EMAIL: dict[str, Any] = {"type": "track", "event": "E", "userId": "user2", "anonymousId": "device2"}
WITH_EMAIL |= {"context": {"traits": {"email": "p2@example.com"}}}
OF_FIRST = [*calls(1), *ALIASES, *OTHER_IDS]
VOCABULARY = [*OF_FIRST, *calls(2), WITH_EMAIL]


def messages_of(chosen: Sequence[int]) -> list[Message]:
    """The chosen calls, happening one second after another."""
    messages = []
    for index, choice in enumerate(chosen):
        fields = {**VOCABULARY[choice], "messageId": f"m{index}", "timestamp": f"2026-01-15T10:00:{index:02d}Z"}
        row = JournalRow(index + 1, 1, f"m{index}", 1768473000000, json.dumps(fields).encode(), None, False, None)
        messages.append(read_message(row))
    return messages


def state(plans: Sequence[Plan]) -> dict[str, Any]:
    """What HubSpot holds afterwards."""
    values: dict[tuple[str, str], tuple[int, str]] = {}
    records, links, events = set(), set(), set()
    for operation in [operation for planned in plans for operation in planned.operations]:
        match operation:
            case UpsertContact(email=key) | UpsertCompany(domain=key):
                records.add(key)
                for name, written in operation.properties.items():
                    values[key, name] = max(values.get((key, name), (0, "")), (operation.at_ms, written.value))
            case Associate():
                links.add((operation.email, operation.domain))
            case SendEvent():
                events.add((operation.email, operation.event, operation.uuid))
    return {"values": values, "records": records, "links": links, "events": events}


def in_one_cycle(messages: Sequence[Message]) -> list[Plan]:
    identity = Identity()
    for message in messages:
        for link in links_of(message, SOURCE, DESTINATION):
            identity.learn(link)
    return [plan(message, SOURCE, DESTINATION, SCHEMA, identity) for message in messages]


def in_many_cycles(messages: Sequence[Message]) -> list[Plan]:
    """One cycle per message, and one more for each release of holds."""
    identity = Identity()
    plans: dict[int, Plan] = {}
    for message in messages:
        before = set(identity.changed)
        for link in links_of(message, SOURCE, DESTINATION):
            identity.learn(link)
        linked = {hold_key(change.space, change.key) for change in set(identity.changed) - before}
        plans[message.position] = plan(message, SOURCE, DESTINATION, SCHEMA, identity)
        for held in messages:
            fate = plans[held.position].fate if held.position in plans else None
            if isinstance(fate, Hold) and linked.intersection(fate.keys):
                plans[held.position] = plan(held, SOURCE, DESTINATION, SCHEMA, identity)
    return list(plans.values())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, len(VOCABULARY) - 1), min_size=2, max_size=9), st.randoms(use_true_random=False))
def test_any_order_and_any_cycles_end_in_the_same_state(chosen: list[int], rng: Any) -> None:
    messages = messages_of(chosen)
    expected = state(in_one_cycle(messages))
    shuffled = list(messages)
    rng.shuffle(shuffled)
    assert state(in_one_cycle(shuffled)) == expected
    assert state(in_many_cycles(shuffled)) == expected
    assert state(in_many_cycles(messages)) == expected


@given(st.lists(st.integers(0, len(VOCABULARY) - 1), max_size=9))
def test_people_never_reach_each_others_contacts(chosen: list[int]) -> None:
    found = state(in_one_cycle(messages_of(chosen)))
    assert all(email[1] == domain[1] for email, domain in found["links"])
    for position, planned in enumerate(in_one_cycle(messages_of(chosen))):
        person = "1" if chosen[position] < len(OF_FIRST) else "2"
        emails = {
            operation.email
            for operation in planned.operations
            if isinstance(operation, UpsertContact | Associate | SendEvent)
        }
        assert emails <= {f"p{person}@example.com"}
