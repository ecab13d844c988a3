"""What HubSpot must hold in the end, worked out straight from the messages: no cycles, no batches, no retries.

Knows only people with one user id, one device and one e-mail each, and calls at distinct times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.world import HUB_ID

Fields = Mapping[str, Any]
TRAITS = {
    "firstName": "firstname",
    "city": "city",
    "phone": "phone",
    "lifecycleStage": "lifecyclestage",
    "favColor": "favcolor",
}


@dataclass
class Person:
    """One person of the traffic."""

    number: int

    @property
    def email(self) -> str:
        return f"person{self.number}@example.com"

    @property
    def domain(self) -> str:
        return f"company{self.number % 2}.com"

    def ids(self, with_device: bool) -> dict[str, str]:
        device = {"anonymousId": f"device{self.number}"} if with_device else {}
        return {"userId": f"user{self.number}", **device}


@dataclass
class Expected:
    """The end state: HubSpot's, and each message's by its id."""

    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    companies: dict[str, dict[str, str]] = field(default_factory=dict)
    associations: set[tuple[str, str]] = field(default_factory=set)
    events: set[tuple[str, str, str]] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)


def expected(messages: Iterable[Fields], hub_id: str = HUB_ID) -> Expected:
    """The end state after these messages, in whatever order they came."""
    end = Expected()
    in_time = sorted(messages, key=lambda message: str(message["timestamp"]))
    identified = {message["userId"]: message["traits"]["email"] for message in in_time if is_identifying(message)}
    named = identified | {
        message["userId"]: message["context"]["traits"]["email"]
        for message in in_time
        if "userId" in message and message["userId"] not in identified and "traits" in message.get("context", {})
    }
    users_of_devices = {
        message["anonymousId"]: message["userId"]
        for message in in_time
        if message["type"] == "identify" and {"anonymousId", "userId"} <= message.keys()
    } | {message["previousId"]: message["userId"] for message in in_time if message["type"] == "alias"}
    for message in in_time:
        user = message.get("userId") or users_of_devices.get(message["anonymousId"], "")
        email = (identified if message["type"] == "group" else named).get(user)
        if message["type"] in ("page", "alias"):
            end.states[message["messageId"]] = "discarded"
        elif email is None:
            end.states[message["messageId"]] = "held"
        else:
            end.states[message["messageId"]] = "delivered"
            apply(end, message, email, hub_id)
    return end


def check(found: Mapping[str, Any], end: Expected) -> None:
    """HubSpot holds that, and each event once. Shape: `found` is what `world.portal_of` makes of a portal."""
    unlike = differences(found, end)
    assert not unlike, unlike[:20]


def differences(found: Mapping[str, Any], end: Expected) -> list[str]:
    """What HubSpot holds otherwise, one line each."""
    lines = []
    for kind, records in (("contacts", end.contacts), ("companies", end.companies)):
        for key in sorted(records.keys() ^ found[kind].keys()):
            lines.append(f"{kind}: {key} is {'missing' if key in records else 'too many'}")
        for key in sorted(records.keys() & found[kind].keys()):
            shown = {name: found[kind][key].get(name) for name in records[key]}
            if shown != records[key]:
                lines.append(f"{kind}: {key} has {shown}, not {records[key]}")
    pairs = {(email, domain) for email, domain in found["associations"]}
    lines += [f"association {pair}" for pair in sorted(pairs ^ end.associations)]
    events = Counter((event["email"], event["event"], event["properties"]["number"]) for event in found["events"])
    lines += [f"event {event} is there {events[event]} times" for event in sorted(events.keys() ^ end.events)]
    lines += [f"event {event} is there {count} times" for event, count in sorted(events.items()) if count > 1]
    uuids = Counter(event["uuid"] for event in found["events"])
    return lines + [f"event {uuid} has {count} times the same uuid" for uuid, count in uuids.items() if count > 1]


def is_identifying(fields: Fields) -> bool:
    """Whether it names the person for good."""
    return fields["type"] == "identify" and "email" in fields["traits"]


def apply(end: Expected, fields: Fields, email: str, hub_id: str) -> None:
    """The effect of one message whose person is known; messages come in order of time."""
    contact = end.contacts.setdefault(email, {})
    if fields["type"] == "identify":
        contact |= {TRAITS[key]: value for key, value in fields["traits"].items() if key in TRAITS}
    elif fields["type"] == "track":
        traits = fields.get("context", {}).get("traits", {})
        contact |= {TRAITS[key]: value for key, value in traits.items() if key in TRAITS}
        name = f"pe{hub_id}_{fields['event'].lower().replace(' ', '_')}"
        end.events.add((email, name, fields["properties"]["number"]))
    elif fields["type"] == "group":
        domain = fields["traits"]["website"]
        end.companies.setdefault(domain, {})["name"] = fields["traits"]["name"]
        end.associations.add((email, domain))
