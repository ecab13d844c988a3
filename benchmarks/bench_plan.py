"""CPU time of the planner per message. Run: `python benchmarks/bench_plan.py [messages]`.

Includes: `keys_of`, `links_of` with `Identity.learn`, and `plan`, on decoded messages, with warm rules (one rulebook,
as in a running lane). Excludes: reading the journal, decoding, loading links, coalescing, sending. The messages have
the shape of Segment's Node library: 12 event names, 6 traits and an address, 5 properties, and `context.traits.email`
on all types except identify. The figure is the best
process time of five rounds; planning with and without rules alternates fifteen times for every 50 messages.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial

from msgspec.structs import replace

from hubwire.decoding import read_message
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow, Message, MessageType
from hubwire.plan import Identity, keys_of, links_of, plan
from hubwire.plan.default_portal import default_portal
from hubwire.rule import Rule
from hubwire.schema import EventDefinition, PortalSchema, PropertyDefinition

EVENTS = "Order Completed,Product Viewed,Product Added,Checkout Started,Signed Up,Signed In,Trial Started,Plan Upgraded"
PROPERTY_TYPES = {"revenue": "number", "currency": "string", "order_id": "string", "quantity": "number"}
ROUNDS = 5
ALTERNATIONS = 15
PART = 50
"""Messages between two looks at the clock."""


def messages(count: int) -> list[Message]:
    """`count` messages of each of identify, track, group and page; a quarter as many people."""
    rng = random.Random(7)
    decoded: list[Message] = []
    for _ in range(count):
        person = rng.randrange(max(1, count // 4))
        for kind in ("identify", "track", "group", "page"):
            body = json.dumps(fields(kind, person, rng)).encode()
            row = JournalRow(
                len(decoded) + 1,
                1,
                str(uuid.UUID(int=rng.getrandbits(128))),
                1768464000000,
                body,
                None,
                False,
                None,
            )
            decoded.append(read_message(row))
    return decoded


def fields(kind: str, person: int, rng: random.Random) -> dict[str, object]:
    """One call of one person as JSON fields."""
    email = f"ada.lang.{person:05d}@example.com"
    at = f"2026-01-15T08:{rng.randrange(60):02d}:{rng.randrange(60):02d}.123Z"
    context: dict[str, object] = {"library": {"name": "analytics-node", "version": "2.1.0"}, "ip": "203.0.113.7"}
    call: dict[str, object] = {"type": kind, "userId": f"user-{person:05d}", "anonymousId": f"anon-{person:05d}"}
    call |= {"timestamp": at, "sentAt": at, "context": context}
    if kind != "identify":
        context["traits"] = {"email": email}
    if kind == "identify":
        place = {"street": "Ring 46", "city": "Vienna", "state": "W", "postalCode": "1010", "country": "Austria"}
        call["traits"] = {
            "email": email,
            "firstName": "Ada",
            "lastName": "Lang",
            "phone": "+43 1 570738",
            "plan": "pro",
        }
        call["traits"] |= {"age": 46, "signup_date": "2025-11-15T10:00:00Z", "user_id": "u1", "address": place}  # type: ignore[operator]
    elif kind == "track":
        call["event"] = rng.choice(EVENTS.split(","))
        call["properties"] = {
            "revenue": 193.11,
            "currency": "EUR",
            "order_id": f"o{rng.randrange(10**6)}",
            "quantity": 5,
        }
        call["properties"] |= {"product": f"SKU-{rng.randrange(200):03d}"}  # type: ignore[operator]
    elif kind == "group":
        number = person % 100
        call["groupId"] = f"acct-{number:03d}"
        call["traits"] = {
            "name": f"Company {number}",
            "website": f"company{number}.example.com",
            "employees": 10 + number,
        }
        call["traits"] |= {"industry": "COMPUTER_SOFTWARE", "phone": "+43 1 555000"}  # type: ignore[operator]
    else:
        call |= {"name": "Home", "properties": {"url": "https://example.com/home", "path": "/home", "referrer": ""}}
    return call


def microseconds(work: Callable[[], object], count: int) -> float:
    """CPU time per message of the best round."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best / count * 1e6


def learnt(source: Source, destination: Destination, all_messages: Sequence[Message]) -> Identity:
    """An identity that has seen all messages."""
    identity = Identity()
    for message in all_messages:
        for link in links_of(message, source, destination):
            identity.learn(link)
    return identity


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    all_messages = messages(count)
    source, destination = Source(source_id=1, name="server"), Destination(destination_id=1, name="hubspot")
    schema = default_portal("123")
    for name in ("plan", "user_id"):
        schema.contact[name] = PropertyDefinition(name)
    schema.contact["age"] = PropertyDefinition("age", "number", "number")
    schema.contact["signup_date"] = PropertyDefinition("signup_date", "datetime", "date")
    for label in EVENTS.split(","):
        name = label.lower().replace(" ", "_")
        types = {**PROPERTY_TYPES, "product": "string", "value": "number"}
        schema.add_event(EventDefinition(f"pe123_{name}", name, label, types))
    identity = learnt(source, destination, all_messages)

    every = len(all_messages)
    print(f"{every:,} messages, best of {ROUNDS} rounds, CPU microseconds per message")
    print(f"  keys_of            {microseconds(lambda: [keys_of(m, source) for m in all_messages], every):6.1f}")
    print(f"  links_of + learn   {microseconds(lambda: learnt(source, destination, all_messages), every):6.1f}")
    with_rules = replace(destination, rules=fifty_rules())
    schemas = {False: schema, True: deepcopy(schema)}
    print(f"  {'':<18} no rules  50 rules, 5 fire")
    sums = [0.0, 0.0]
    for kind in (MessageType.IDENTIFY, MessageType.TRACK, MessageType.GROUP, MessageType.PAGE):
        some = [message for message in all_messages if message.type is kind]
        works = [
            partial(
                plan_all, source=source, destination=target, schema=schemas[target is with_rules], identity=identity
            )
            for target in (destination, with_rules)
        ]
        without, with_ = alternating(works, some)
        sums = [sums[0] + without, sums[1] + with_]
        print(f"  plan {kind.value:<13} {without:6.1f}  {with_:6.1f}  ({with_ / without:.2f} times)")
    print(f"  {'one of each':<18} {sums[0]:6.1f}  {sums[1]:6.1f}  ({sums[1] / sums[0]:.2f} times)")


def alternating(works: Sequence[Callable[[Sequence[Message]], object]], some: Sequence[Message]) -> list[float]:
    """CPU time per message of each work: the best round of each part of the messages, added up.

    Shape: the works alternate for each part, which takes under a millisecond, so that other load disturbs neither.
    """
    totals = [0.0] * len(works)
    for start in range(0, len(some), PART):
        part, best = some[start : start + PART], [float("inf")] * len(works)
        gc.collect()
        for _ in range(ALTERNATIONS):
            for index, work in enumerate(works):
                begun = time.thread_time()
                work(part)
                best[index] = min(best[index], time.thread_time() - begun)
        totals = [total + seconds for total, seconds in zip(totals, best, strict=True)]
    return [seconds / len(some) * 1e6 for seconds in totals]


def plan_all(
    some: Sequence[Message], source: Source, destination: Destination, schema: PortalSchema, identity: Identity
) -> None:
    """Plan each message."""
    for message in some:
        plan(message, source, destination, schema, identity)


def fifty_rules() -> tuple[Rule, ...]:
    """Fifty rules, of which five fire for an identify, a track or a group; each writes one property."""
    names = ["address", "city", "state", "zip", "country"]
    rules = []
    for kind, value in (
        ("identify", "$.traits.address.city"),
        ("track", "$.properties.product"),
        ("group", "$.groupId"),
    ):
        for name in names:
            rules.append(
                Rule(
                    name=f"{kind} {name}",
                    trigger=f'type = "{kind}" and context.library.name = "analytics-node"',
                    object="company" if kind == "group" else "contact",
                    properties={name: value},
                )
            )
    for number in range(50 - len(rules)):
        event, name = f"Another Event {number}", names[number % len(names)]
        rules.append(
            Rule(name=event, trigger=f'event = "{event}"', object="contact", properties={name: "$.properties.product"})
        )
    return tuple(rules)


if __name__ == "__main__":
    main()
