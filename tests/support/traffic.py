"""Messages whose end state `oracle.py` can work out: a few people, each with a user id, a device and an e-mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.support.oracle import Person

KINDS = ("identify", "identify", "update", "track", "track", "track", "device", "told", "group", "page", "alias")
BEGIN = datetime(2026, 1, 15, tzinfo=UTC)


def message(number: int, kind: str, person: Person, traits: dict[str, str], flag: bool, at_ms: int) -> dict[str, Any]:
    """The message of this number, `m<number>`. Units: `at_ms` after `BEGIN`; no two messages have the same."""
    moment = (BEGIN + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    user = f"user{person.number}"
    event: dict[str, Any] = {
        "type": "track",
        "event": "Order Made" if flag else "Seen",
        "properties": {"number": str(number)},
    }
    bodies: dict[str, Any] = {
        "identify": {"type": "identify", **person.ids(flag), "traits": {"email": person.email, **traits}},
        "update": {"type": "identify", **person.ids(flag), "traits": {"phone": str(number), **traits}},
        "track": {**person.ids(flag), **event},
        "device": {"anonymousId": f"device{person.number}", **event},
        "told": {**person.ids(False), **event, "context": {"traits": {"email": person.email, **traits}}},
        "group": {
            "type": "group",
            **person.ids(flag),
            "groupId": f"g{person.number % 2}",
            "traits": {"website": person.domain, "name": f"Company {number % 3}"},
        },
        "page": {"type": "page", **person.ids(flag), "name": "Home"},
        "alias": {"type": "alias", "userId": user, "previousId": f"device{person.number}"},
    }[kind]
    return {"messageId": f"m{number}", "timestamp": moment, **bodies}


def anything(number: int, people: int, random: Random) -> dict[str, Any]:
    """Some message of this number; its time is near those of its neighbours, before or after."""
    traits = {"firstName": random.choice("ABC"), "city": random.choice(["Graz", "Linz"])}
    traits["lifecycleStage"] = random.choice(["lead", "opportunity", "customer"])
    expected = {name: value for name, value in traits.items() if random.random() < 0.4}
    at_ms = (number + random.randrange(1000)) * 1000 + number % 1000
    return message(
        number, random.choice(KINDS), Person(random.randrange(people)), expected, random.random() < 0.5, at_ms
    )
