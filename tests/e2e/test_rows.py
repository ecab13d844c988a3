"""Rows of the HubSpot destination's page that no planner case can show: the token (R02, R03) and the limits (R26)."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.process import TOKEN, HubwireProcess, ndjson

from hubwire.deliver.limits.daily_budget import BudgetPolicy
from hubwire.deliver.limits.rate_limiter import LimiterPolicy
from hubwire.testing import running_emulator

PERSON = {"type": "identify", "userId": "1", "messageId": "m-1", "traits": {"email": "a@b.co"}}


def lane_of(hubwire: HubwireProcess) -> dict[str, object]:
    [lane] = json.loads(hubwire.run("status", "--json").stdout)["destinations"]
    return dict(lane)


def test_r02_without_a_good_token_messages_are_held_and_go_when_there_is_one(tmp_path: Path) -> None:
    with (
        running_emulator(access_token=TOKEN) as hubspot,
        HubwireProcess(tmp_path, hubspot.base_url, HUBSPOT_ACCESS_TOKEN="pat-na1-wrong") as hubwire,
    ):
        hubwire.run("import", "-", "--source", "server", text=ndjson([PERSON]))
        hubwire.await_output("lane.stopped")
        stopped = lane_of(hubwire)
        assert (stopped["state"], stopped["stopped_reason"]) == ("stopped", "unauthorised")
        assert (stopped["backlog_count"], stopped["dead"]) == (1, 0)
        assert hubspot.contacts() == []
        hubwire.run("destination", "token", "hubspot", "--token-stdin", text=f"{TOKEN}\n")
        hubwire.run("destination", "resume", "hubspot")
        assert hubwire.drained()["delivered"] == 1
        assert [contact["properties"]["email"] for contact in hubspot.contacts()] == ["a@b.co"]
        assert "pat-na1-wrong" not in hubwire.output


def test_r03_the_hub_id_names_the_events(tmp_path: Path) -> None:
    event = {"type": "track", "userId": "1", "event": "Signed Up", "properties": {"email": "a@b.co"}}
    with (
        running_emulator(access_token=TOKEN, portal_id=7654321) as hubspot,
        HubwireProcess(tmp_path, hubspot.base_url, HUBSPOT_HUB_ID="7654321") as hubwire,
    ):
        hubwire.run("import", "-", "--source", "server", text=ndjson([event]))
        assert hubwire.drained()["delivered"] == 1
        assert [event["eventName"] for event in hubspot.events()] == ["pe7654321_signed_up"]


def test_r26_limits_start_at_ten_a_second_and_forty_thousand_a_day() -> None:
    start = LimiterPolicy().general
    assert start.capacity / start.per_seconds == 10
    assert BudgetPolicy().calls_per_day == 40_000
