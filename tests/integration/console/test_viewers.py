"""A viewer sees no personal data: every page and answer that the role `view` may read, searched for planted people."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.integration.console.harness import Console, filled_in
from tests.integration.console.test_routes import STREAM, TABLE

from hubwire.delivery import State
from hubwire.record.protocol import Attempt, CycleOutcome, LaneState, Settled, Span
from hubwire.registry.access import Role
from hubwire.schema import EventDefinition, PropertyDefinition

PHONE = "+4917612345678"
PLANTED = ("secret.person", "Secretname", "secret_person", "17612345678", "176 1234")
BODIES: list[dict[str, Any]] = [
    {"type": "identify", "userId": "secret.person@example.com", "traits": {"name": "Secretname"}},
    {"type": "track", "anonymousId": PHONE, "event": "Mail secret.person@example.com", "properties": {"a": 1}},
    {"type": "track", "anonymousId": "0176 1234-5678", "event": f"Call {PHONE}", "properties": {}},
    {"type": "group", "userId": PHONE, "groupId": "secret.person@example.com", "traits": {"name": "Secretname"}},
]
WORDS = 'firstname: "Secretname" was not one of the allowed options for secret.person@example.com'


@pytest.fixture
def planted(console: Console) -> Console:
    """A console whose messages, outcomes and portal name people."""
    lane_id = console.fill()
    positions = []
    for number, body in enumerate(BODIES):
        console.receive(body, f"planted-{number}")
        positions.append(console.store.queries.message(f"planted-{number}")[0].summary.position)
    record, now_ms = console.store.record, console.clock.now_ms()
    lease = record.lease_lane(lane_id, "worker", now_ms, 60)
    assert lease is not None
    last = positions[-1]
    span = Span(live_after=last - len(BODIES), live_through=last, backfill_after=0, backfill_through=0)
    cycle_id = record.begin_cycle(lease, now_ms, span)
    left_out = msgspec.json.encode(
        [{"field": "traits.name", "reason": "not-an-option", "detail": "'Secretname' is no option"}]
    )
    settled = [
        Settled(position=positions[0], state=State.DEAD, reason="invalid-input", detail=WORDS, attempts=1),
        Settled(
            position=positions[1],
            state=State.RETRYING,
            reason="hubspot-failed",
            detail=WORDS,
            due_at_ms=now_ms,
            attempts=1,
        ),
        Settled(position=positions[2], state=State.DELIVERED, left_out=left_out),
    ]
    attempt = Attempt(
        call="POST /crm/objects/2026-09/contacts/batch/upsert",
        started_at_ms=now_ms,
        duration_ms=41,
        status=400,
        outcome="dead",
        correlation_id="3f1c0c1c-98c4",
        request=msgspec.json.encode({"inputs": [{"id": "secret.person@example.com", "properties": {"p": PHONE}}]}),
        response=msgspec.json.encode({"status": "error", "category": "VALIDATION_ERROR", "message": WORDS}),
        positions=positions,
    )
    lane = LaneState(live_cursor=last)
    record.commit_cycle(lease, CycleOutcome(cycle_id=cycle_id, lane=lane, settled=settled, attempts=[attempt]))
    record.release(lease)
    record.stop_lane(lane_id, "run-of-deaths", f"the last because: {WORDS}", None)
    options = frozenset({"secret.person@example.com"})
    console.bench.more_properties["color"] = PropertyDefinition("color", "enumeration", "radio", options)
    label = "Mail secret.person@example.com"
    console.bench.more_events.append(EventDefinition("pe1234567_secret_person", "secret_person", label, {}))
    return console


def found_in(text: str) -> list[str]:
    return [planted for planted in PLANTED if planted.lower() in text.lower()]


PATHS = [
    "/messages?q=17612345678",
    "/schema?object=event",
    "/schema?object=event&state=missing",
    "/schema?object=contact",
    *(f"/messages/planted-{number}" for number in range(len(BODIES))),
    *(f"/plans/planted-{number}?destination=1" for number in range(len(BODIES))),
    *(f"/api/v1/messages/planted-{number}" for number in range(len(BODIES))),
]


def test_no_page_and_no_answer_shows_a_viewer_a_person(planted: Console) -> None:
    client = planted.sign_in(Role.VIEW)
    token = planted.member("program", Role.VIEW)
    listed = [filled_in(path) for (method, path), role in TABLE.items() if (method, role) == ("GET", Role.VIEW)]
    leaks = {}
    for path in (*listed, *PATHS):
        if path == STREAM[1]:
            continue
        is_api = path.startswith("/api/")
        answers = [client.get(path, headers={"authorization": f"Bearer {token}"} if is_api else {})]
        if not is_api:
            answers.append(client.get(path, headers={"accept": "application/json"}))
        for answer in answers:
            assert answer.status_code in (200, 303, 404), (path, answer.status_code)
            query = path.partition("?")[2]
            shown = [word for word in found_in(answer.text) if word not in query]
            if shown:
                leaks[path] = shown
    assert leaks == {}


def test_who_may_see_payloads_sees_what_a_viewer_does_not(planted: Console) -> None:
    """The same pages do hold the planted words, so that the search above would find them."""
    planted.sign_in(Role.OPERATE)
    pages = ("/messages", "/schema?object=event", "/messages/planted-0", "/failures", "/connection/1")
    assert [path for path in pages if not found_in(planted.get(path).text)] == []
