"""Messages of every kind in which any part may be bent: a grammar makes a good one, and hostile values go anywhere."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from random import Random
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1e-320, 1.7e308, -0.0, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400, -(10**400),
    "", " ", "\x00", "a\x00b", "\ud800", "\u202e", "ﬀ", "İ", "null", "undefined", "true", "1e999999", "9" * 4000,
    "x" * 70_000, "é" * 500, "a@b", "@", "a@b.co\r\nBcc: c@d.co", "a@" + "b" * 300 + ".com", "ä@ü.de", "x@xn--a.com",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-02-30", "2026-01-15T25:00:00Z", "1970-01-01T00:00:00+23:59",
    "2026-W03-4", "0000-00-00", "10000-01-01T00:00:00Z", "2026-01-15T08:00:00.999999999999Z", "20260115", "1e12",
    253_402_300_800_000, 253_402_300_799_999, -62_135_596_800_001, 8.64e15, 1e13, "http://[::1", "https://", "//",
    "a..b", "-.com", "xn--", "127.0.0.1", "http://user:pass@host:99999/%ff", "${jndi}", "{{ 7*7 }}", "$.a", "<script>",
    [], {}, [None], [[]], [[[[[[]]]]]], {"": ""}, {"$": 1}, {"a": {"b": {"c": {"d": {"e": 1}}}}}, ["a@b.co"],
    [1, "a", None], {"email": "c@d.co"}, {"$date": "2026"}, {"$date": {"$numberLong": "1" * 30}},
)  # fmt: skip
"""What is put in place of a part."""
NAMES = (
    "email", "firstName", "phone", "lifecycleStage", "closedate", "createdAt", "birthday", "age", "address", "website",
    "name", "company", "employees", "revenue", "products", "orderId", "HubSpot", "hubspotutk", "utk", "traits", "",
    "hs_object_id", "Ünï", "a.b", "a" * 300, "\ud800", "email ", "EMAIL", "title", "plan", "logins", "url",
)  # fmt: skip
EVENTS = ("Ordered", "Order Completed", "Ünï", "a" * 400, "  ", "Signed Up", "$pageview", "1")


def bent(random: Random) -> bytes:
    """One message as JSON: a good one of some kind, with none to four parts bent."""
    message = _good(random)
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        _bend(message, random)
    # A number that is no JSON is written as SDKs of JavaScript do.
    return json.dumps(message, allow_nan=True).replace("Infinity", "1e999").replace("NaN", "null").encode()


def _good(random: Random) -> dict[str, Any]:
    user = f"u{random.randrange(50)}"
    traits = {random.choice(NAMES): _value(random) for _ in range(random.randrange(6))}
    message: dict[str, Any] = {
        "type": random.choice(("identify", "track", "page", "screen", "group", "alias")),
        "messageId": f"m{random.getrandbits(48)}",
        "userId": user,
        "anonymousId": f"a{random.randrange(50)}",
        "timestamp": "2026-01-15T08:00:00.000Z",
        "originalTimestamp": "2026-01-15T08:00:01.000Z",
        "sentAt": "2026-01-15T08:00:02.000Z",
        "context": {
            "traits": {"email": f"{user}@example.com"},
            "page": {"url": "https://example.com/"},
            "ip": "1.2.3.4",
        },
        "integrations": {"All": True, "HubSpot": {"properties": {}}},
    }
    if random.random() < 0.3:
        del message["context"]
    kind = message["type"]
    if kind in ("identify", "group"):
        message["traits"] = {"email": f"{user}@example.com", "website": "example.com", **traits}
    if kind in ("track", "page", "screen"):
        message["properties"] = {"email": f"{user}@example.com", "value": 1.5, **traits}
        message["event" if kind == "track" else "name"] = random.choice(EVENTS)
    if kind == "group":
        message["groupId"] = f"g{random.randrange(9)}"
    if kind == "alias":
        message["previousId"] = f"a{random.randrange(50)}"
    return message


def _value(random: Random) -> Any:
    if random.random() < 0.5:
        return random.choice(("Ada", 5, 1.5, True, "2026-01-15", "2026-01-15T08:00:00Z", "customer", 1_768_435_200_000))
    return deepcopy(random.choice(HOSTILE))


def _bend(message: dict[str, Any], random: Random) -> None:
    """Replace, remove or add one part, at any depth."""
    place: dict[str, Any] = message
    while True:
        inner = [value for value in place.values() if isinstance(value, dict)]
        if not inner or random.random() < 0.5:
            break
        place = random.choice(inner)
    name = random.choice([*place, random.choice(NAMES)])
    if random.random() < 0.15:
        place.pop(name, None)
    else:
        place[name] = deepcopy(random.choice((*HOSTILE, math.inf, -math.inf, math.nan)))
