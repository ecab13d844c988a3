"""Forty kinds of bad messages, as broken or hostile senders make them. Each is JSON that a public key may upload."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

HUGE = int("1" + "0" * 400)
FAR = "9999-12-31T23:59:59Z"


def _track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "u", "event": "Seen", "properties": {"email": "bad@example.com"}, **fields}


def _identify(number: int, **traits: Any) -> dict[str, Any]:
    email = f"bad{number}@example.com"
    return {"type": "identify", "userId": email, "traits": {"email": email, **traits}}


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"next": value}
    return value


KINDS: tuple[Callable[[int], dict[str, Any]], ...] = (
    # times
    lambda n: _track(originalTimestamp=FAR, sentAt="0001-01-01T00:00:00Z"),
    lambda n: _track(timestamp=FAR),
    lambda n: _track(timestamp="0001-01-01T00:00:00Z"),
    lambda n: _track(timestamp="yesterday"),
    lambda n: _track(timestamp=-(10**30)),
    lambda n: _track(timestamp={"seconds": 1}),
    # the call
    lambda n: _track(type=["track"]),
    lambda n: _track(type="trackk"),
    lambda n: _track(type=None),
    lambda n: _track(event=None),
    lambda n: _track(event=""),
    lambda n: _track(event="E" * 10_000),
    lambda n: _track(event="a\x00b\x1b[31m"),
    lambda n: _track(event="\ud800"),
    lambda n: _track(event=f"Made up {n}"),
    lambda n: _track(event={"name": "Seen"}),
    lambda n: _track(messageId="m" * 5_000),
    lambda n: _track(messageId={"id": n}),
    # ids
    lambda n: _track(userId=None, properties={}),
    lambda n: _track(userId=["u"]),
    lambda n: _track(userId="u" * 5_000),
    lambda n: _track(anonymousId={"id": 1}),
    lambda n: {"type": "alias", "userId": "u"},
    lambda n: {"type": "alias", "userId": "u", "previousId": "u"},
    lambda n: {"type": "group", "userId": "u", "groupId": {"id": n}, "traits": {"website": "nowhere"}},
    lambda n: {"type": "group", "userId": "u", "traits": {"website": "http://[::1"}},
    # properties and traits
    lambda n: _track(properties=["a"]),
    lambda n: _track(properties="a"),
    lambda n: _track(properties=_deep(200)),
    lambda n: _track(properties={f"p{index}": index for index in range(2_000)}),
    lambda n: _track(properties={"email": "bad@example.com", "total": HUGE}),
    lambda n: _identify(n, closedate=HUGE),
    lambda n: _identify(n, email="no address"),
    lambda n: _identify(n, email="e" * 10_000 + "@example.com"),
    lambda n: _identify(n, email=["bad@example.com"]),
    lambda n: _identify(n, lifecycleStage="no stage"),
    lambda n: _identify(n, **{f"unknown{n}_{index}": "x" for index in range(300)}),
    lambda n: {**_identify(n), "traits": "a"},
    # context and integrations
    lambda n: _track(context="a", integrations="b"),
    lambda n: _track(context={"traits": ["a"], "ip": "no ip"}, integrations={"HubSpot": {"hubspotutk": HUGE}}),
)


def bad_message(number: int) -> bytes:
    """A message of the kind that is next in turn, as JSON."""
    return json.dumps({"messageId": f"bad{number}", **KINDS[number % len(KINDS)](number)}).encode()
