"""A deterministic stream of Segment messages: 70/20/5/5 track, identify, group, page; Zipf-distributed users.

`python benchmarks/corpus.py OUT [COUNT] [SEED]` writes NDJSON. Each user has an e-mail, a company and a plan that
changes now and then. All messages except identify carry the e-mail in context.traits (with `--stripped`, none does).
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FIRST = (  # noqa: SIM905 - a list of words reads better
    "Ada Ben Chloe Dan Eva Finn Gita Hugo Ines Jon Kai Lena Max Nora Omar Pia Quin Rosa Sam Tia Uma Vic Wes Yara Zoe"
).split()
LAST = (  # noqa: SIM905
    "Abel Brun Cole Diaz Egger Fuchs Gold Horn Ito Jung Kern Lang Moser Nagy Olsen Park Reiter Sato Toth Ulm Vogt"
    " Weiss Yang Zorn"
).split()
CITIES = [
    ("Vienna", "W", "1010", "Austria"),
    ("Graz", "ST", "8010", "Austria"),
    ("Berlin", "BE", "10115", "Germany"),
    ("Paris", "IDF", "75001", "France"),
    ("Boston", "MA", "02108", "United States"),
]
EVENTS = [
    "Order Completed", "Product Viewed", "Product Added", "Checkout Started", "Signed Up", "Signed In",
    "Trial Started", "Plan Upgraded", "Email Opened", "Video Played", "Report Exported", "Invite Sent",
]  # fmt: skip
PLANS = ["free", "starter", "pro", "enterprise"]
PAGES = ["Home", "Pricing", "Docs", "Blog"]
START = datetime(2026, 1, 15, 8, 0, 0, tzinfo=UTC)

Fields = dict[str, Any]


class Corpus:
    """Messages in time order. The same count, users and seed give the same bytes."""

    def __init__(self, count: int = 10_000, seed: int = 20260115, users: int = 2000, companies: int = 100) -> None:
        self._count = count
        self._random = random.Random(seed)
        self._users = [self._user(index, companies) for index in range(users)]
        self._weights = list(itertools.accumulate(1.0 / (rank + 1) for rank in range(users)))
        self._order = list(range(users))
        self._random.shuffle(self._order)

    def messages(self) -> Iterator[Fields]:
        count, at = self._count, START
        kinds = ["track"] * (count * 70 // 100) + ["identify"] * (count * 20 // 100) + ["group"] * (count * 5 // 100)
        kinds += ["page"] * (count - len(kinds))
        self._random.shuffle(kinds)
        for kind in kinds:
            user = self._users[
                self._order[bisect.bisect_left(self._weights, self._random.random() * self._weights[-1])]
            ]
            at += timedelta(milliseconds=self._random.randint(20, 400))
            message = self._common(kind, user, at.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
            getattr(self, f"_{kind}")(message, user)
            yield message

    def _user(self, index: int, companies: int) -> Fields:
        choose = self._random
        first, last = choose.choice(FIRST), choose.choice(LAST)
        return {
            "id": f"user-{index:05d}",
            "anon": self._uuid(),
            "first": first,
            "last": last,
            "email": f"{first}.{last}.{index:05d}@example.com".lower(),
            "company": choose.randrange(companies),
            "city": choose.choice(CITIES),
            "age": choose.randint(18, 80),
            "phone": f"+43 1 {choose.randint(100000, 999999)}",
            "plan": choose.choice(PLANS),
        }

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128)))

    def _common(self, kind: str, user: Fields, at: str) -> Fields:
        times = dict.fromkeys(("timestamp", "originalTimestamp", "sentAt", "receivedAt"), at)
        library = {"name": "analytics-node", "version": "2.1.0"}
        context = {"library": library, "ip": "203.0.113.7", "locale": "de-AT", "traits": {"email": user["email"]}}
        ids = {"type": kind, "messageId": self._uuid(), "userId": user["id"], "anonymousId": user["anon"]}
        return {**ids, **times, "channel": "server", "context": context}

    def _identify(self, message: Fields, user: Fields) -> None:
        if self._random.random() < 0.3:
            user["plan"] = self._random.choice(PLANS)
        city, state, postal_code, country = user["city"]
        message["traits"] = {
            "email": user["email"],
            "firstName": user["first"],
            "lastName": user["last"],
            "phone": user["phone"],
            "plan": user["plan"],
            "age": user["age"],
            "signup_date": f"2025-{1 + user['age'] % 12:02d}-15T10:00:00Z",
            "user_id": user["id"],
            "address": {
                "street": f"Ring {user['age']}",
                "city": city,
                "state": state,
                "postalCode": postal_code,
                "country": country,
            },
        }
        message["context"].pop("traits")

    def _track(self, message: Fields, user: Fields) -> None:
        choose = self._random
        message["event"] = choose.choice(EVENTS)
        message["properties"] = {
            "revenue": round(choose.uniform(5, 500), 2),
            "currency": "EUR",
            "order_id": f"o{choose.randrange(10**6):06d}",
            "quantity": choose.randint(1, 5),
            "product": f"SKU-{choose.randrange(200):03d}",
        }

    def _group(self, message: Fields, user: Fields) -> None:
        company = user["company"]
        message["groupId"] = f"acct-{company:03d}"
        message["traits"] = {
            "name": f"Company {company}",
            "website": f"company{company}.example.com",
            "industry": "SOFTWARE",
            "employees": 10 + company,
            "phone": "+43 1 555000",
        }

    def _page(self, message: Fields, user: Fields) -> None:
        name = message["name"] = self._random.choice(PAGES)
        path = "/" + name.lower()
        message["properties"] = {"url": f"https://example.com{path}", "path": path, "title": name, "referrer": ""}


def stripped(message: Fields) -> Fields:
    """The message without context.traits, as most SDKs send it."""
    context = {name: value for name, value in message["context"].items() if name != "traits"}
    return {**message, "context": context}


def write(path: Path, count: int, seed: int = 20260115, users: int = 2000, *, is_stripped: bool = False) -> None:
    """Write the corpus as NDJSON."""
    with path.open("w") as file:
        for message in Corpus(count, seed, users).messages():
            line = stripped(message) if is_stripped and message["type"] != "identify" else message
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("seed", type=int, nargs="?", default=20260115)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--stripped", action="store_true")
    given = parser.parse_args()
    write(given.out, given.count, given.seed, given.users, is_stripped=given.stripped)
