"""Whatever receive lets in is read, learnt from, planned and encoded without an exception, and can be read back: from
the bytes of an upload to the bytes of the calls, with a hostile value in any place."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import NamedTuple

import msgspec
import pytest
from tests.figures import Record
from tests.support.bent_messages import bent
from tests.unit.receive.fuzzing import NOW, ROUTES, SOURCES, take

from hubwire.decoding import read_message
from hubwire.destination import Destination, SourceKind
from hubwire.errors import UploadRefused
from hubwire.hubspot.wire import send_events, upsert_objects
from hubwire.message import Entry, JournalRow
from hubwire.operation import PropertyValue, SendEvent, UpsertCompany, UpsertContact
from hubwire.plan.default_portal import default_portal
from hubwire.plan.identity import Identity
from hubwire.plan.planner import keys_of, links_of, plan
from hubwire.receive.paths import Takes
from hubwire.rule import Rule
from hubwire.schema import PortalSchema, PropertyDefinition

TRIGGER = 'type = "identify" or type = "track" or type = "group"'
RULES = tuple(
    Rule(name=f"{kind} {name}", trigger=TRIGGER, object=kind, properties={name: path})
    for kind, name, path in (
        ("contact", "city", "$.traits.address.city"),
        ("contact", "jobtitle", "$.properties.title"),
        ("company", "name", "$.traits.company"),
    )
)
DESTINATIONS = (
    Destination(destination_id=1, name="hubspot", hub_id="123"),
    Destination(destination_id=2, name="with rules", hub_id="123", rules=RULES),
)
TYPES = ("string", "number", "date", "datetime", "bool", "enumeration", "phone_number")


class Input(NamedTuple):
    """One input of a call, as the batch sender has it."""

    key: str
    properties: dict[str, str]
    trace: str = "trace"


def portal() -> PortalSchema:
    """A portal with a property of each type for the names of the grammar."""
    schema = default_portal("123")
    for number, name in enumerate(("age", "birthday", "createdat", "logins", "plan", "orderid", "title")):
        schema.contact[name] = PropertyDefinition(name, TYPES[number % len(TYPES)], "text")
    return schema


def texts(properties: dict[str, PropertyValue]) -> dict[str, str]:
    return {name: value.value for name, value in properties.items()}


def encoded(operation: object) -> None:
    """The call of an operation can be read back and says the same."""
    if isinstance(operation, UpsertContact | UpsertCompany):
        key = operation.email if isinstance(operation, UpsertContact) else operation.domain
        body = upsert_objects([Input(key, texts(operation.properties))], id_property="email")
        [back] = msgspec.json.decode(body)["inputs"]
        assert (back["id"], back["properties"]) == (key, texts(operation.properties))
    if isinstance(operation, SendEvent):
        [back] = msgspec.json.decode(send_events([(Input("pe123_x", texts(operation.properties)), operation)]))[
            "inputs"
        ]
        assert back["properties"] == texts(operation.properties)


def go_through(count: int, seed: int) -> Counter[str]:
    """That many messages from bytes to bytes; how they ended. Raises with the message that breaks something."""
    random, schema, identity = Random(seed), portal(), Identity()
    ended: Counter[str] = Counter()
    for number in range(count):
        body, source = bent(random), random.choice(SOURCES)
        route = random.choice(ROUTES) if number % 10 == 0 else ROUTES[0]
        if route.takes is Takes.UPLOAD:
            body = b'{"batch":[' + body + b"]}"
        try:
            taken = take(body, route, source)
            if isinstance(taken, UploadRefused):
                ended["refused"] += 1
                continue
            for entry in taken:
                ended[deliver(entry, number, schema, identity)] += 1
        except Exception as exc:
            raise AssertionError(f"seed {seed}, message {number}: {body[:2000]!r}") from exc
    return ended


def deliver(entry: Entry, number: int, schema: PortalSchema, identity: Identity) -> str:
    if entry.rejected is not None:
        return "rejected"
    row = JournalRow(
        number + 1, entry.source_id, entry.message_id, NOW, entry.body, entry.envelope, entry.is_backfill, None
    )
    destination = DESTINATIONS[number % 3 // 2]
    message = read_message(row, destination.future_grace_ms)
    source = SOURCES[entry.source_id - 1]
    assert source.kind in SourceKind
    list(keys_of(message, source))
    for link in links_of(message, source, destination):
        identity.learn(link)
    planned = plan(message, source, destination, schema, identity)
    for operation in planned.operations:
        encoded(operation)
    return "planned" if planned.operations else type(planned.fate).__name__


def test_a_thousand_bent_messages_go_through() -> None:
    ended = go_through(1_000, 1)
    assert ended["planned"] > 100


@pytest.mark.slow
def test_a_million_bent_messages_go_through(figures: Record) -> None:
    ended = go_through(1_000_000, Random().randrange(1 << 32))
    figures(
        messages=ended.total(), exceptions=0, **{outcome.lower(): count for outcome, count in sorted(ended.items())}
    )
    assert ended["planned"] > 100_000
