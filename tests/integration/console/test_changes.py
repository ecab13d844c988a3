"""What people change in the console: it is checked, stored, written to the audit log, and the lanes are told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from tests.integration.console.harness import XSS, Console, Page

from hubwire.console.pages.watch.failures import mapping_href
from hubwire.delivery import State
from hubwire.destination import SourceKind
from hubwire.manage import replay_estimate
from hubwire.plan.default_portal import default_portal
from hubwire.record.message_filter import MessageFilter
from hubwire.record.replay import ReplayState
from hubwire.registry.access import Role
from hubwire.schema import PropertyDefinition
from hubwire.secret import Secret
from hubwire.web.request import DONE


@pytest.fixture
def lane_id(console: Console) -> int:
    ids = console.fill()
    console.sign_in()
    return ids


# -- getting started


def test_the_whole_set_up_of_a_new_destination(console: Console) -> None:
    console.sign_in()
    assert "Add HubSpot" in console.get("/setup").text
    assert "A new source" in console.get("/setup/new?kind=hubspot").text
    new_answer = console.post(
        "/setup/new", kind="hubspot", name="Our HubSpot", feeds="new", source_name="website", source_kind="web"
    )
    assert new_answer.status_code == 200
    assert "wk_" in new_answer.text, "the new source's write key is shown"
    destination = console.store.registry.destinations()[1]
    source = console.store.registry.sources()[1]
    assert (destination.is_paused, destination.source_ids, source.kind) == (True, (1,), SourceKind.WEB)
    assert source.identity_space == "source:website"

    empty = console.post("/setup/1/token", token="", hub_id="")
    assert (empty.status_code, "the access token is missing" in empty.text) == (422, True)
    assert console.post("/setup/1/token", token="pat-eu1-1234").headers["location"] == "/setup/1/modes"
    answer = console.post("/setup/1/modes", device="1", load_forms_sdk="1")
    assert answer.headers["location"] == "/setup/1/check"
    assert console.store.registry.sources()[1].device_mode
    assert console.store.registry.destinations()[1].load_forms_sdk

    tested = Page(console.post("/setup/1/check").text).text
    assert "The connection works" in tested
    assert "Europe/Berlin" in tested
    learnt = console.store.registry.destinations()[1]
    assert (learnt.hub_id, learnt.region, learnt.is_paused) == ("7654321", "eu1", True)

    assert console.post("/setup/1/send", stored="all").headers["location"] == "/setup/1/send?done=switched-on"
    assert not console.store.registry.destinations()[1].is_paused
    last = console.get("/setup/1/send").text
    assert "analytics.load" in last, "the snippet, with the write key"
    sent = console.post("/setup/1/first", source="1", email="peter@example.com")
    assert sent.headers["location"] == "/messages/console-1?done=sent"
    assert console.bench.sent[0][1]["traits"]["email"] == "peter@example.com"
    actions = ["destination.created", "source.created", "write-key.added", "token.changed", "destination.resumed"]
    assert set(actions) <= set(console.audited())


def test_a_step_that_was_left_is_taken_up_again(console: Console) -> None:
    console.sign_in()
    console.post("/setup/new", kind="hubspot", name="Half way", feeds="new", source_name="app", source_kind="mobile")
    assert "/setup/1/token" in Page(console.get("/setup").text).links()
    console.post("/setup/1/token", token="pat-eu1-1234")
    assert "/setup/1/check" in Page(console.get("/setup").text).links()


def test_a_name_that_is_taken_is_told_on_the_form(console: Console, lane_id: int) -> None:
    answer = console.post("/setup/new", kind="hubspot", name="HubSpot", feeds="all")
    assert answer.status_code == 422
    assert "already exists" in answer.text
    assert len(console.store.registry.destinations()) == 1


def test_a_destination_that_cannot_be_leaves_no_source_behind(console: Console, lane_id: int) -> None:
    before = console.store.registry.sources()
    form = {"feeds": "new", "source_name": "app", "source_kind": "mobile"}
    assert console.post("/setup/new", kind="hubspot", name="HubSpot", **form).status_code == 422
    assert console.store.registry.sources() == before
    assert console.post("/setup/new", kind="hubspot", name="Another", **form).status_code == 200


# -- sources


def test_a_source_is_added_with_a_write_key_that_is_shown_once(console: Console, lane_id: int) -> None:
    answer = console.post("/sources/new", name="backend", kind="server", allowed_origins="", device_mode="1")
    key = console.json("/sources")["lines"][-1]["keys"][0].removeprefix("…")
    assert key in answer.text
    stored = console.store.registry.sources()[3]
    assert (stored.name, stored.device_mode, stored.identity_space) == ("backend", False, "server")
    again = console.get("/sources/3").text
    assert "wk_" not in again, "of a server's key only the last four characters are known afterwards"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 65),
        ("kind", "toaster"),
        ("allowed_origins", "www.example.com"),
        ("allowed_origins", "https://user@example.com"),
        ("allowed_origins", "https://example.com/path"),
        ("messages_per_second", "0"),
        ("messages_per_second", "many"),
    ],
)
def test_a_bad_source_is_told_and_not_stored(console: Console, lane_id: int, field: str, value: str) -> None:
    before = console.store.registry.sources()
    answer = console.post("/sources/1", **{"name": "server", "kind": "server", "is_enabled": "1", field: value})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert console.store.registry.sources() == before


def test_a_write_key_is_rotated(console: Console, lane_id: int) -> None:
    added = console.post("/sources/1/keys")
    assert "wk_" in added.text
    assert console.post("/sources/1/keys/revoke", key="0001").headers["location"].endswith("done=revoked")
    keys = {key.hint: key.is_revoked for key in console.store.registry.write_keys(1)}
    assert keys["0001"]
    assert len(keys) == 2
    assert console.store.registry.source_of_key("wk_server_secret_key_0001") is None


def test_a_key_whose_end_another_key_shares_is_revoked_by_its_id(console: Console, lane_id: int) -> None:
    registry = console.store.registry
    twins = [registry.add_write_key(1, Secret(text)) for text in ("prod-web-7777", "prod-app-7777")]
    refused = console.post("/sources/1/keys/revoke", key="7777")
    assert refused.status_code == 422
    assert all(key.key_id in refused.text for key in twins)
    assert not any(key.is_revoked for key in registry.write_keys(1))
    assert console.post("/sources/1/keys/revoke", key=twins[0].key_id).headers["location"].endswith("done=revoked")
    assert registry.source_of_key("prod-web-7777") is None
    assert registry.source_of_key("prod-app-7777") is not None
    assert f"…7777 ({twins[0].key_id})" in console.get("/audit").text


def test_a_source_is_removed(console: Console, lane_id: int) -> None:
    assert console.post("/sources/2/remove").headers["location"] == "/sources?done=removed"
    assert list(console.store.registry.sources()) == [1]


# -- connection


def test_pausing_keeps_and_resuming_clears_a_stopped_line(console: Console, lane_id: int) -> None:
    console.post(f"/connection/{lane_id}/pause")
    assert console.store.registry.destinations()[lane_id].is_paused
    assert "Paused" in Page(console.get("/").text).text
    console.store.record.stop_lane(lane_id, "unauthorised", "401", None)
    console.post(f"/connection/{lane_id}/resume")
    assert not console.store.registry.destinations()[lane_id].is_paused
    assert console.store.record.lane(lane_id).stopped_reason is None
    assert console.woken


def test_a_new_token_starts_a_stopped_line(console: Console, lane_id: int) -> None:
    console.store.record.stop_lane(lane_id, "unauthorised", "401", None)
    assert "Stopped" in console.get("/").text
    console.post(f"/connection/{lane_id}/token", token="pat-na1-new-token")
    token = console.store.registry.token(lane_id)
    assert token is not None
    assert token.reveal() == "pat-na1-new-token"
    assert console.store.record.lane(lane_id).stopped_reason is None


def test_options_are_changed_and_the_audit_says_which(console: Console, lane_id: int) -> None:
    form = {"name": "HubSpot", "hub_id": "1234567", "region": "eu1", "api_version": "2026-03", "hold_hours": "24"}
    form["cookie_after_hours"] = "1.5"
    answer = console.post(f"/connection/{lane_id}", feeds="some", source="2", calls_per_second="5", **form)
    assert answer.status_code == 303
    stored = console.store.registry.destinations()[lane_id]
    assert (stored.region, stored.api_version, stored.hold_hours) == ("eu1", "2026-03", 24.0)
    assert stored.cookie_after_hours == 1.5
    assert (stored.source_ids, stored.calls_per_second, stored.suppress_unchanged_hours) == ((2,), 5.0, 24.0)
    [entry] = [entry for entry in console.store.registry.audit(10) if entry.action == "destination.changed"]
    assert (entry.actor, "hold_hours 72.0 -> 24.0" in entry.detail) == ("admin-person", True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("hub_id", "12x"),
        ("region", "mars1"),
        ("api_version", "v1"),
        ("hold_hours", "-1"),
        ("hold_hours", "nan"),
        ("cookie_after_hours", "745"),
        ("calls_per_second", "1e9"),
        ("calls_per_day", "0"),
    ],
)
def test_a_bad_option_is_told_and_not_stored(console: Console, lane_id: int, field: str, value: str) -> None:
    before = console.store.registry.destinations()
    answer = console.post(f"/connection/{lane_id}", **{"name": "HubSpot", "feeds": "all", field: value})
    assert answer.status_code == 422
    assert console.store.registry.destinations() == before


def test_the_connection_test_shows_checks_with_remedies(console: Console, lane_id: int) -> None:
    text = Page(console.post(f"/connection/{lane_id}/test").text).text
    assert "The connection works" in text
    assert "Needs an Enterprise tier." in text
    assert "behavioral_events.event_definitions.read_write" in text


def test_a_destination_is_removed_with_its_token(console: Console, lane_id: int) -> None:
    console.post(f"/connection/{lane_id}/remove")
    assert console.store.registry.destinations() == {}
    assert console.get("/").status_code == 200


# -- mapping and schema


def test_a_rule_is_added_replaced_and_removed(console: Console, lane_id: int) -> None:
    console.post(f"/mapping/{lane_id}/rules", table="contact", trait="plan", name="plan_tier")
    console.post(f"/mapping/{lane_id}/rules", table="contact", trait="ssn", leave_out="1")
    console.post(f"/mapping/{lane_id}/rules", table="events", trait="Noise", leave_out="1")
    mapping = console.store.registry.destinations()[lane_id].mapping
    assert (mapping.contact, mapping.events) == ({"plan": "plan_tier", "ssn": None}, {"Noise": None})
    console.post(f"/mapping/{lane_id}/rules/remove", table="contact", trait="ssn")
    assert console.store.registry.destinations()[lane_id].mapping.contact == {"plan": "plan_tier"}


@pytest.mark.parametrize(
    "form", [{"trait": "plan", "name": "Not A Name"}, {"trait": "plan"}, {"trait": "", "name": "x"}]
)
def test_a_bad_rule_is_told_and_not_stored(console: Console, lane_id: int, form: dict[str, str]) -> None:
    answer = console.post(f"/mapping/{lane_id}/rules", table="contact", **form)
    assert answer.status_code == 422
    assert console.store.registry.destinations()[lane_id].mapping.contact == {}


def test_switches_are_all_set_from_one_form(console: Console, lane_id: int) -> None:
    console.post(f"/mapping/{lane_id}", create_properties="1", only_events="A\r\n\r\n B ", company_domain="registrable")
    mapping = console.store.registry.destinations()[lane_id].mapping
    assert (mapping.create_properties, mapping.companies_need_contact, mapping.only_events) == (True, False, ("A", "B"))
    assert mapping.company_domain == "registrable"


def test_a_property_is_created_in_the_portal(console: Console, lane_id: int) -> None:
    answer = console.post(f"/schema/{lane_id}/properties", object="company", name="tier", type="number")
    assert answer.status_code == 303
    assert console.bench.created == [(lane_id, "companies", "tier", "number")]
    assert console.post(f"/schema/{lane_id}/properties", object="contact", name="Bad Name").status_code == 422


def test_what_is_ticked_of_the_plan_is_created_in_a_named_group(console: Console, lane_id: int) -> None:
    event = {"type": "track", "userId": "u", "event": "Signed Up", "properties": {"email": "anna@example.com"}}
    console.receive(event, "signed-up")
    shown = {(field["object_type"], field["name"]): field for field in console.json("/schema?messages=100")["missing"]}
    assert shown["contact", "plan"]["state"] == "missing"
    assert shown["event", "signed_up"]["count"] == 1
    form = {"messages": "100", "group": "from_segment", "item": "contact:plan"}
    answer = console.post(f"/schema/{lane_id}/apply", **form)
    assert answer.status_code == 200
    assert "Created in HubSpot:contact property plan" in Page(answer.text).text
    assert console.bench.made_together == [("from_segment", [("contact", "plan")])]
    [entry] = [entry for entry in console.store.registry.audit(20) if entry.action == "schema.created"]
    assert entry.detail == "HubSpot: contact.plan"


@pytest.mark.parametrize(
    "form",
    [{"group": ""}, {"item": "contact:never_seen"}, {"item": "contact:plan", "group": "Bad Group"}, {"messages": "0"}],
)
def test_nothing_is_created_that_is_not_in_the_plan(console: Console, lane_id: int, form: dict[str, str]) -> None:
    assert console.post(f"/schema/{lane_id}/apply", **form).status_code == 422
    assert console.bench.made_together == []


def test_the_api_shows_the_same_comparison_and_creates_from_it(console: Console, lane_id: int) -> None:
    found = console.call("GET", "/destinations/HubSpot/schema", params={"messages": "100"}).json()
    page = console.json("/schema?messages=100&state=missing")
    expected = [
        entry for entry in found["entries"] if entry["object_type"] == "contact" and entry["state"] == "missing"
    ]
    assert page["entries"] == expected
    assert console.call("POST", "/destinations/HubSpot/schema", json={"items": ["contact:plan"]}).status_code == 200
    assert console.call("POST", "/destinations/HubSpot/schema", json={"items": ["contact:no"]}).status_code == 400
    assert console.bench.made_together == [("", [("contact", "plan")])]


# -- test page


def test_a_dry_run_shows_values_rules_and_what_is_left_out(console: Console, lane_id: int) -> None:
    answer = console.post("/test", message='{"type":"identify","userId":"1"}', source="1", destination="1", do="plan")
    text = Page(answer.text).text
    assert "What would be sent" in text
    assert "standard:firstName" in text
    assert "no contact property plan" in text
    assert console.bench.sent == []


@pytest.mark.parametrize("message", ["", "{", "[]", '"x"', '{"no":"type"}', "x" * 70_000])
def test_a_message_that_cannot_be_planned_is_told(console: Console, lane_id: int, message: str) -> None:
    answer = console.post("/test", message=message, source="1", destination="1")
    assert answer.status_code == 422


def test_a_message_is_sent_for_real(console: Console, lane_id: int) -> None:
    answer = console.post("/test", message='{"type":"identify"}', source="2", destination="1", do="send")
    assert answer.headers["location"] == "/messages/console-1?done=sent"
    assert console.bench.sent == [(2, {"type": "identify"})]
    assert "message.sent" in console.audited()


# -- replays


def test_a_filtered_set_is_counted_replayed_and_cancelled(console: Console, lane_id: int) -> None:
    counted = console.json("/replays/new?state=dead&reason=invalid-input")
    assert (counted["count"], counted["estimate"]["calls"], counted["estimate"]["planned"]) == (1, 1, 1)
    assert (
        "About 1 HubSpot call, and 200 ms at 50 % of the call rate."
        in Page(console.get("/replays/new?state=dead").text).text
    )
    held = console.json("/replays/new?state=held")
    assert (held["count"] > 0, held["estimate"]["calls"]) == (True, 0)
    assert "This replay would make no HubSpot calls" in Page(console.get("/replays/new?state=held").text).text
    slow = console.json("/replays/new?state=dead&share_percent=1")
    assert slow["estimate"]["seconds"] == 10.0
    begun = console.post("/replays", state="dead", reason="invalid-input")
    assert begun.headers["location"] == "/replays/1"
    assert "0 of 1 finished" in Page(console.get("/replays/1").text).text
    assert console.post("/replays/1/cancel").headers["location"] == "/replays/1?done=cancelled"
    assert console.json("/replays/1")["line"]["replay"]["state"] == ReplayState.CANCELLED
    assert {"replay.begun", "replay.cancelled"} <= set(console.audited())
    assert console.post("/replays", state="retrying").status_code == 400


def test_an_estimate_plans_the_newest_and_takes_the_rest_to_cost_as_much(
    console: Console, lane_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a group, an identify and a track at one destination: a company, two people, a link and an event."""
    targets = [(lane_id, position) for position in (1, 2, 7)]
    schemas = {lane_id: (default_portal("1"), True)}
    whole = replay_estimate.replay_estimate(console.deps, targets, schemas, 100)
    assert (whole.planned, whole.schema_is_default) == (3, True)
    assert whole.calls == 8, (
        "define the event, send it, look at the people, write them, find the company, look at it, write it, link"
    )
    monkeypatch.setattr(replay_estimate, "PLANNED_MESSAGES", 1)
    part = replay_estimate.replay_estimate(console.deps, targets, schemas, 100)
    estimate = replay_estimate.replay_estimate(console.deps, targets[-1:], schemas, 100)
    assert (part.planned, part.calls, part.seconds) == (1, 3 * estimate.calls, round(3 * estimate.seconds, 1))
    assert replay_estimate.replay_estimate(console.deps, [(99, 1)], {}, 100).calls == 0


def test_the_time_of_a_replay_is_at_least_a_second_a_slice(console: Console, lane_id: int) -> None:
    schemas = {lane_id: (default_portal("1"), True)}
    fast = replay_estimate.replay_estimate(console.deps, [(lane_id, n) for n in range(1, 5001)], schemas, 50)
    assert fast.seconds == 9.0


def test_without_an_answer_of_hubspot_the_estimate_says_so(console: Console, lane_id: int) -> None:
    console.bench.schema_problem = "HubSpot is not there"
    assert "The portal could not be read" in console.get("/replays/new?state=dead").text
    assert console.json("/replays/new?state=dead")["estimate"]["schema_is_default"]


def test_a_replay_is_paused_slowed_resumed_and_cancelled(console: Console, lane_id: int) -> None:
    console.post("/replays", state="dead", share_percent="25")
    assert "at most 25 % of the calls" in Page(console.get("/replays/1").text).text
    assert console.post("/replays/1/pause").headers["location"] == "/replays/1?done=replay-paused"
    page = Page(console.get("/replays/1").text)
    assert [form["action"] for form in page.all("form") if "/replays/1" in str(form.get("action"))] == [
        f"/replays/1/{word}" for word in ("resume", "cancel", "share")
    ]
    assert "paused" in page.text
    assert console.store.replays.step(console.clock.now_ms(), 100) is None
    assert console.post("/replays/1/share", share_percent="10").headers["location"] == "/replays/1?done=saved"
    assert console.post("/replays/1/resume").headers["location"] == "/replays/1?done=resumed"
    assert console.post("/replays/1/resume").headers["location"] == "/replays/1?done=replay-as-it-was"
    assert console.store.replays.step(console.clock.now_ms(), 100) == 1
    assert "/replays/1/pause" not in console.get("/replays/1").text, "all of it was replayed"
    assert console.post("/replays/1/pause").headers["location"] == "/replays/1?done=replay-as-it-was"
    console.post("/replays/1/cancel")
    ended = console.json("/replays/1")
    assert (ended["line"]["replay"]["state"], ended["is_open"]) == (ReplayState.CANCELLED, False)
    assert not [form for form in Page(console.get("/replays/1").text).all("form") if "/replays/1" in str(form)]
    changed = ("replay.cancelled", "replay.resumed", "replay.share-changed", "replay.paused", "replay.begun")
    assert tuple(console.audited()[:5]) == changed


def test_each_count_of_a_replay_is_a_link_to_as_many_messages(console: Console, lane_id: int) -> None:
    console.post("/replays", state="dead")
    [waiting] = console.json("/replays/1")["line"]["counts"]
    assert (waiting["words"], waiting["count"]) == ("Waiting", 1)
    console.store.replays.step(console.clock.now_ms(), 100)
    [replayed] = console.json("/replays")["lines"][0]["counts"]
    assert (replayed["words"], replayed["count"]) == ("Pending", 1)
    assert replayed["href"] == f"/messages?state=pending&destination={lane_id}&replay=1&replay_part=replayed"
    for page in (Page(console.get("/replays/1").text), Page(console.get("/replays").text)):
        assert {replayed["href"], "/messages?replay=1"} <= set(page.links())
    assert 'aria-label="Pending: 100 %"' in (shown := console.get("/replays/1").text)
    assert '<rect data-series="pending" x="0%" width="100.0%"' in shown
    for href in (replayed["href"], "/messages?replay=1"):
        assert [line["message_id"] for line in console.json(href)["lines"]] == ["m-4"]
    assert console.json(waiting["href"])["lines"] == []
    shown = console.get(replayed["href"]).text
    assert (
        "hubwire messages --state pending --destination HubSpot --replay 1 --replay-part replayed" in Page(shown).text
    )
    refused = console.get("/messages?replay_part=waiting")
    assert (refused.status_code, "replay_part needs a replay" in refused.text) == (400, True)
    assert console.get("/messages?replay=x").status_code == 400


@pytest.mark.parametrize("share", ["0", "101", "1.5", "half", "-1"])
def test_a_share_that_cannot_be_is_refused_by_name(console: Console, lane_id: int, share: str) -> None:
    for path in ("/replays", "/replays/1/share"):
        answer = console.post(path, state="dead", share_percent=share)
        assert answer.status_code == 400
        assert "share_percent must be a whole number from 1 to 100" in Page(answer.text).text
    assert console.json("/replays")["lines"] == []
    assert console.post("/replays/1/share", share_percent="").status_code == 400


def test_one_message_is_replayed_from_its_page(console: Console, lane_id: int) -> None:
    answer = console.post("/replays/message/m-4", destination=str(lane_id), position="5", state="dead")
    assert answer.headers["location"] == "/messages/m-4?done=replayed"
    assert console.store.replays.step(console.clock.now_ms(), 100) == 1
    assert console.store.queries.messages(MessageFilter(state=State.DEAD)) == []
    assert console.post("/replays/message/m-4", destination="1", position="5", state="pending").status_code == 400


# -- download


def test_a_list_is_downloaded_by_those_who_may_read_it(console: Console, lane_id: int) -> None:
    [link] = [link for link in Page(console.get("/messages?state=dead").text).links() if "ndjson" in link]
    answer = console.get(link)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="messages.ndjson"'
    [line] = answer.text.splitlines()
    assert json.loads(line)["traits"]["email"] == "dead@example.com"
    assert console.audited()[0] == "messages.exported"
    assert len(console.get("/messages?format=ndjson&limit=1").text.splitlines()) == 9, "all that fit, not one page"
    assert console.get("/messages?format=ndjson&state=lost").status_code == 400
    console.sign_in(Role.VIEW)
    assert console.get("/messages?format=ndjson").status_code == 403
    assert "ndjson" not in console.get("/messages").text


@pytest.mark.parametrize(
    ("state", "reason", "detail", "href"),
    [
        ("dead", "missing-required-property", "hs_lead_status: must be provided", "/mapping/1?name=hs_lead_status"),
        ("dead", "invalid-input", "plan: Gold is no option; size: none", "/mapping/1?trait=plan"),
        ("dead", "invalid-input", "Property values were not valid", "/mapping/1"),
        ("dead", "conflict", f"{XSS}: x", "/mapping/1"),
        ("held", "unknown-person", "plan: x", None),
    ],
)
def test_a_group_leads_to_the_rule_that_helps(state: str, reason: str, detail: str, href: str | None) -> None:
    assert mapping_href(1, state, reason, detail) == href


def test_the_rule_is_filled_in(console: Console, lane_id: int) -> None:
    assert console.json("/failures")["dead"][0]["mapping_href"] == f"/mapping/{lane_id}"
    inputs = {
        element.get("name"): element.get("value")
        for element in Page(console.get("/mapping/1?name=hs_lead").text).all("input")
    }
    assert (inputs["trait"], inputs["name"]) == ("", "hs_lead")


# -- snoozes


def group_form(lane_id: int, **more: str) -> dict[str, str]:
    return {"state": "dead", "reason": "invalid-input", "destination": str(lane_id), **more}


def test_a_group_of_failures_is_snoozed_and_wakes_by_itself(console: Console, lane_id: int) -> None:
    before = console.store.queries.failures()
    answer = console.post("/failures/snooze", **group_form(lane_id, **{"for": "1h"}))
    assert answer.headers["location"] == "/failures?done=snoozed"
    page = console.json("/failures")
    assert (page["dead"], page["snoozed"][0]["group"]["count"]) == ([], 1)
    assert page["snoozed"][0]["group"]["snooze"]["until_ms"] == console.clock.now_ms() + 3_600_000
    assert "invalid-input" not in console.get("/").text
    assert {group["group"]["failure"]["state"] for group in console.json("/")["failures"]} == {"retrying", "held"}
    assert console.store.queries.failures() == before, "nothing of the messages changes"
    [entry] = [entry for entry in console.store.registry.audit(5) if entry.action == "failures.snoozed"]
    assert entry.detail.startswith("HubSpot: dead, invalid-input, until 2026-")
    console.clock.advance(3600)
    page = console.json("/failures")
    assert (len(page["dead"]), page["snoozed"]) == (1, [])


def test_a_snoozed_group_is_woken_by_a_person(console: Console, lane_id: int) -> None:
    until = str(console.clock.now_ms() + 86_400_000)
    console.post("/failures/snooze", **group_form(lane_id, **{"for": "1h", "until": until}))
    assert console.json("/failures")["snoozed"][0]["group"]["snooze"]["until_ms"] == int(until), (
        "a time of one's own counts"
    )
    page = Page(console.get("/failures").text)
    assert "/failures/wake" in [form.get("action") for form in page.all("form")]
    assert "Wake now" in page.text
    assert console.post("/failures/wake", **group_form(lane_id)).headers["location"] == "/failures?done=woken"
    assert len(console.json("/failures")["dead"]) == 1
    assert console.audited()[:2] == ["failures.woken", "failures.snoozed"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"for": "2h"}, "for must be one of 1h, 24h, 7d"),
        ({}, "for how long: 1h, 24h, 7d; or until when"),
        ({"until": "1"}, "until must be in the future, at most 90 days from now"),
        ({"until": "2999-01-01T00:00"}, "until must be in the future, at most 90 days from now"),
        ({"for": "1h", "state": "delivered"}, "state must be one of dead, held, retrying"),
        ({"for": "1h", "reason": ""}, "give the reason of the group"),
        ({"for": "1h", "destination": "99"}, "there is no destination"),
    ],
)
def test_a_snooze_that_cannot_be_is_refused(console: Console, lane_id: int, changes: dict[str, str], text: str) -> None:
    answer = console.post("/failures/snooze", **{**group_form(lane_id), **changes})
    status = 404 if "destination" in changes else 400
    assert (answer.status_code, text in Page(answer.text).text) == (status, True)
    assert console.json("/failures")["snoozed"] == []


def test_who_only_views_sees_what_is_snoozed_and_changes_nothing(console: Console, lane_id: int) -> None:
    console.post("/failures/snooze", **group_form(lane_id, **{"for": "7d"}))
    console.sign_in(Role.VIEW)
    page = Page(console.get("/failures").text)
    assert "Snoozed 1 group" in page.text
    assert not [form for form in page.all("form") if "/failures" in str(form.get("action"))]
    assert console.post("/failures/wake", **group_form(lane_id)).status_code == 403


# -- discards


def test_a_filtered_set_is_counted_discarded_and_replayed(console: Console, lane_id: int) -> None:
    [dead] = console.json("/failures")["dead"]
    assert dead["discard_href"] in Page(console.get("/failures").text).links()
    assert "/discards/new?state=held" in Page(console.get("/messages?state=held").text).links()
    counted = console.json(dead["discard_href"])
    assert counted["count"] == 1
    assert "1 message will be discarded" in Page(console.get(dead["discard_href"]).text).text
    assert console.store.queries.messages(MessageFilter(state=State.DEAD)), "counting changes nothing"
    done = console.post("/discards", state="dead", reason="invalid-input")
    assert done.headers["location"] == "/messages?state=discarded&reason=discarded-by-person&done=discarded"
    shown = Page(console.get(done.headers["location"]).text).text
    assert "Discarded. You can replay it later." in shown
    page = Page(console.get("/messages/m-4").text).text
    assert "it was dead (invalid-input)" in page
    assert "A person discarded it" in page
    [entry] = [entry for entry in console.store.registry.audit(10) if entry.action == "messages.discarded"]
    assert (entry.actor, entry.detail) == ("admin-person", '1 messages, {"state":"dead","reason":"invalid-input"}')
    assert console.post("/discards", state="dead").headers["location"].endswith("done=moved-on")
    console.post("/replays", state="discarded", reason="discarded-by-person")
    assert console.store.replays.step(console.clock.now_ms(), 100) == 1


def test_why_it_is_discarded_is_shown_and_audited(console: Console, lane_id: int) -> None:
    assert "note" in [
        element.get("name") for element in Page(console.get("/discards/new?state=dead").text).all("input")
    ]
    refused = console.post("/discards", state="dead", note="x" * 201)
    assert (refused.status_code, "note has 201 characters; at most 200" in refused.text) == (400, True)
    assert console.store.queries.messages(MessageFilter(state=State.DEAD))
    console.post("/discards", state="dead", note=f"{XSS} test data")
    answer = console.get("/messages/m-4").text
    assert XSS not in answer
    assert f"because: {XSS} test data; it was dead (invalid-input)" in Page(answer).text
    form = {"destination": str(lane_id), "position": "3", "state": "held", "note": "nobody knows them"}
    console.post("/discards/message/m-2", **form)
    assert "because: nobody knows them; it was held (unknown-person)" in Page(console.get("/messages/m-2").text).text
    details = [entry.detail for entry in console.store.registry.audit(10) if entry.action == "messages.discarded"]
    assert details == [
        '1 messages, {"state":"held"}, because: nobody knows them',
        f'1 messages, {{"state":"dead"}}, because: {XSS} test data',
    ]
    assert XSS not in console.get("/audit").text


def test_one_message_is_discarded_from_its_page(console: Console, lane_id: int) -> None:
    form = {"destination": str(lane_id), "position": "3", "state": "held"}
    assert "/discards/message/m-2" in str(Page(console.get("/messages/m-2").text).all("form"))
    answer = console.post("/discards/message/m-2", **form)
    assert answer.headers["location"] == "/messages/m-2?done=discarded"
    assert console.store.queries.messages(MessageFilter(state=State.HELD)) == []
    assert console.post("/discards/message/m-2", **form).headers["location"] == "/messages/m-2?done=moved-on"


@pytest.mark.parametrize("state", ["delivered", "retrying", "discarded", "pending", "", "toast"])
def test_only_what_is_dead_or_held_is_discarded(console: Console, lane_id: int, state: str) -> None:
    before = [message.fates for message in console.store.queries.messages(MessageFilter())]
    assert console.post("/discards", state=state).status_code == 400
    answer = console.post("/discards/message/m-4", destination="1", position="5", state=state)
    assert answer.status_code == 400
    assert [message.fates for message in console.store.queries.messages(MessageFilter())] == before
    assert "/discards/new" not in str(Page(console.get("/messages?state=delivered").text).links())


def test_a_discard_about_one_person_names_nobody_in_the_log(console: Console, lane_id: int) -> None:
    console.post("/discards", state="dead", user="dead@example.com")
    assert "messages.discarded" in console.audited()
    assert "dead@example.com" not in console.get("/audit").text


# -- deletion requests


def test_a_deletion_request_is_taken_and_its_receipt_names_nobody(console: Console, lane_id: int) -> None:
    person = console.get("/who/u1").text
    assert "Delete everywhere" in person
    form = console.get("/regulations?subject=paula@example.org").text
    assert "paula@example.org</textarea>" in form
    answer = console.post("/regulations", type="DELETE_INTERNAL", subject_type="EMAIL", subjects="paula@example.org\n")
    page = answer.headers["location"]
    assert asyncio.run(console.forgetter.run_open()) == 1
    shown = console.json(page)
    assert (shown["line"]["state"], shown["is_open"]) == ("FINISHED", False)
    assert dict(shown["counts"])["E-mail addresses found"] == 1
    assert "paula" not in console.get(page).text
    assert "paula" not in console.get("/audit").text
    assert "Unknown identity" in console.get("/who/paula@example.org").text
    assert shown["is_known"]
    assert console.post("/regulations", type="DELETE_ONLY", subject_type="EMAIL", subjects="not one").status_code == 422
    assert console.get("/regulations/none").status_code == 404


def test_a_deletion_request_for_nobody_who_is_known_says_so(console: Console, lane_id: int) -> None:
    answer = console.post("/regulations", type="SUPPRESS_WITH_DELETE_INTERNAL", subject_type="USER_ID", subjects="who?")
    asyncio.run(console.forgetter.run_open())
    shown = console.json(answer.headers["location"])
    assert (shown["line"]["state"], shown["is_known"], shown["is_suppressed"]) == ("FINISHED", False, True)
    assert "This person is not known here" in Page(console.get(answer.headers["location"]).text).text


def test_what_is_kept_of_a_replay_names_no_person(console: Console, lane_id: int) -> None:
    console.post("/replays", state="dead", user="dead@example.com")
    assert console.json("/replays/1")["line"]["replay"]["target_count"] == 1
    assert "dead@example.com" not in console.get("/replays/1").text
    assert "dead@example.com" not in console.get("/audit").text


# -- members


def test_a_member_gets_a_token_once_and_works_with_it(console: Console, lane_id: int) -> None:
    answer = console.post("/members", name="ana", role="operate")
    token = answer.text.split("hw_")[1].split("<")[0]
    assert f"hw_{token}" not in console.get("/members").text
    assert console.call("GET", "/status", token=f"hw_{token}").status_code == 200
    console.post("/members/remove", name="ana")
    assert console.call("GET", "/status", token=f"hw_{token}").status_code == 401
    assert console.post("/members", name="<b>", role="view").status_code == 422


def test_the_view_role_sees_no_forms_that_change(console: Console, lane_id: int) -> None:
    console.sign_in(Role.VIEW)
    for path in (
        "/sources/1",
        "/connection/1",
        "/mapping/1",
        "/rules/1",
        "/messages/m-4",
        "/failures",
        "/replays",
        "/messages?state=dead",
    ):
        page = Page(console.get(path).text)
        posts = {form.get("action") for form in page.all("form") if form.get("method") == "post"} - {"/logout"}
        allowed = {"/sources/1", "/connection/1", "/mapping/1"}
        assert posts <= allowed, "only disabled fieldsets"
        if posts:
            assert any("disabled" in element for element in page.all("fieldset"))
        assert "data-key" not in str(page.all("a")) or path == "/failures"
        assert not [link for link in page.links() if "/discards" in link or "/replays/new" in link]


def test_every_done_word_is_known(console: Console, lane_id: int) -> None:
    for word, text in DONE.items():
        assert text in console.get(f"/?done={word}").text
    assert 'role="status"' not in console.get("/?done=evil").text, "a link puts no words into the console's mouth"


# -- device mode


def test_the_device_mode_page_has_what_each_site_pastes(console: Console, lane_id: int) -> None:
    registry = console.store.registry
    registry.save_source(msgspec.structs.replace(registry.sources()[2], device_mode=True))
    hub = msgspec.structs.replace(registry.destinations()[lane_id], region="eu1", load_forms_sdk=True)
    registry.save_destination(
        msgspec.structs.replace(hub, mapping=msgspec.structs.replace(hub.mapping, consent_categories=("Ads",)))
    )
    [site] = console.json("/browser")["setups"]
    assert (site["name"], site["why_off"], site["hub_id"]) == ("website", "", "1234567")
    assert site["script_url"] == "https://js-eu1.hs-scripts.com/1234567.js"
    assert site["forms_url"] == "https://js-eu1.hsforms.net/forms/v2.js"
    assert site["snippet"] == '<script>\nanalytics.load("wk_website_public_key_02")\n</script>'
    assert '{"Ads": true}' in site["consent_code"]
    text = console.get("/browser").text
    assert "wk_server_secret_key_0001" not in text
    assert "HubSpot loads in pages" in text


@pytest.mark.parametrize(
    ("source", "destination", "why"),
    [
        ({}, {}, "Device mode is off"),
        ({"device_mode": True, "is_enabled": False}, {}, "takes no uploads"),
        ({"device_mode": True}, {"hub_id": None}, "feeds no destination with a Hub ID"),
        ({"device_mode": True}, {"is_paused": True}, "HubSpot is paused"),
    ],
)
def test_a_site_without_hubspot_is_told_why(
    console: Console, lane_id: int, source: dict[str, Any], destination: dict[str, Any], why: str
) -> None:
    registry = console.store.registry
    registry.save_source(msgspec.structs.replace(registry.sources()[2], **source))
    registry.save_destination(msgspec.structs.replace(registry.destinations()[lane_id], **destination))
    assert why in console.json("/browser")["setups"][0]["why_off"]
    assert why in Page(console.get("/browser").text).text


def test_the_check_page_has_a_policy_that_keeps_the_console_out_of_reach(console: Console, lane_id: int) -> None:
    answer = console.get("/browser/check/2")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "'self'" not in policy["script-src"] + policy["connect-src"]
    assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
    assert "https://js.hs-scripts.com" in policy["script-src"]
    assert policy["connect-src"].startswith("https://events.example.com/v1/ ")
    assert answer.headers["cross-origin-opener-policy"] == "unsafe-none"
    nonce = policy["script-src"].split("'nonce-")[1].split("'")[0]
    assert answer.text.count(f'nonce="{nonce}"') == answer.text.count("<script") == 2
    assert nonce not in console.get("/browser/check/2").text
    assert console.get("/browser/check/1").status_code == 404, "a server's key is in no page"
    assert "wk_server_secret_key_0001" not in answer.text


def test_a_viewer_sees_no_key_of_a_site_and_checks_nothing(console: Console, lane_id: int) -> None:
    console.sign_in(Role.VIEW)
    text = console.get("/browser").text
    assert "wk_website_public_key_02" not in text
    assert console.get("/browser/check/2").status_code == 403


def test_what_was_left_out_and_is_accepted_now_is_sent_again_with_one_button(console: Console, lane_id: int) -> None:
    assert console.json("/schema")["accepted_now"] == [], "HubSpot has no property plan yet"
    console.bench.more_properties["plan"] = PropertyDefinition("plan")
    [field] = console.json("/schema")["accepted_now"]
    assert field == {"field": "traits.plan", "reason": "unknown-property", "count": 1}
    page = console.get("/schema").text
    assert "HubSpot accepts <code>traits.plan</code> now. 1 delivered message left it out." in page
    assert "Send it again" in page
    form = {"state": "delivered", "destination": str(lane_id), "left_out": field["field"], "reason": field["reason"]}
    started = console.post("/replays", **form)
    assert started.status_code == 303
    [replay] = console.store.replays.recent(1)
    assert replay.target_count == field["count"]


def test_a_replay_shows_its_rate_beside_that_of_the_sources(console: Console, lane_id: int) -> None:
    console.post("/replays", state="dead")
    console.clock.advance(5)
    for number in range(20):
        console.receive({"type": "track", "userId": "u", "event": "Meanwhile"}, f"meanwhile-{number}")
    console.clock.advance(5)
    console.post("/discards", state="dead")
    console.store.replays.step(console.clock.now_ms(), 100)
    text = Page(console.get("/replays/1").text).text
    assert "0.1 of its messages finished per second, while sources sent 2 messages per second" in text
