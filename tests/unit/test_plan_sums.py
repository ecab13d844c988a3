"""The sums that `hubwire plan` prints."""

from __future__ import annotations

from hubwire.cli.operate.run import summed_up
from hubwire.manage.dryrun import FileDryRun, PlannedMessage
from hubwire.web.ports import PlannedLeftOut


def planned(outcome: str, *fields: str) -> PlannedMessage:
    left_out = [PlannedLeftOut(field=field, reason="unknown-property", detail="") for field in fields]
    return PlannedMessage(message_id="m", outcome=outcome, detail="", operations=[], left_out=left_out)


def test_outcomes_requests_and_the_fields_left_out_most_often() -> None:
    messages = [planned("planned", "traits.plan"), planned("planned", "traits.plan", "traits.a"), planned("held: x")]
    assert summed_up(FileDryRun(messages=messages, requests=[], unreadable=[])) == [
        "3 messages (2 planned, 1 held: x), 0 requests to HubSpot.",
        "Left out of 2: traits.plan: unknown-property",
        "Left out of 1: traits.a: unknown-property",
    ]
    many = planned("planned", *(f"traits.f{n}" for n in range(22)))
    assert summed_up(FileDryRun(messages=[many], requests=[], unreadable=[]))[-1] == "2 more fields are left out."
