"""Every page renders, empty and full, as HTML and as its JSON twin, for each role that may see it."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from html import unescape
from typing import Any, cast
from urllib.parse import quote, urlencode

import msgspec
import pytest
from starlette.testclient import TestClient
from tests.integration.console.harness import (
    ADMIN_TOKEN,
    HUBSPOT_TOKEN,
    MESSAGES,
    NOW_MS,
    ORIGIN,
    XSS,
    Console,
    Page,
)
from typer.main import get_command

from hubwire.cli.application import app
from hubwire.console.app import GET_PAGES
from hubwire.delivery import State
from hubwire.manage.schema import COMPARED_MESSAGES
from hubwire.message import Entry
from hubwire.process.pages import console_app
from hubwire.record.message_filter import MessageFilter
from hubwire.record.privacy import RegulationType
from hubwire.reference.console_page import PAGE_REFERENCES
from hubwire.registry.access import Role
from hubwire.web.request import NAVIGATION

PATHS = {
    "/": ["/", "/?window=1h", "/?window=all", "/?since=2026-11-01T00:00&until=2026-12-01T00:00"],
    "/live": ["/live", "/live?q=u1", "/live?paused=1"],
    "/breakdown": ["/breakdown", "/breakdown?by=library&window=all"],
    "/calls": ["/calls", "/calls?window=all"],
    "/messages": [
        "/messages",
        "/messages?state=dead",
        "/messages?state=held&reason=unknown-person",
        "/messages?rejected=1",
        "/messages?q=nothing-like-it",
        "/messages?limit=2",
        "/messages?user=u1",
    ],
    "/messages/{message_id:path}": [
        "/messages/m-0",
        "/messages/m-4",
        "/messages/m-7",
        f"/messages/{quote(XSS, safe='')}",
    ],
    "/plans/{message_id:path}": ["/plans/m-0?destination=1&position=1"],
    "/failures": ["/failures"],
    "/alerts": ["/alerts"],
    "/replays": ["/replays"],
    "/replays/new": ["/replays/new", "/replays/new?state=dead", "/replays/new?state=held&type=page"],
    "/replays/{replay_id:int}": ["/replays/1"],
    "/discards/new": ["/discards/new", "/discards/new?state=dead", "/discards/new?state=held&type=page"],
    "/lists": ["/lists"],
    "/lists/{destination_id:int}/{key:path}": ["/lists/1/vip"],
    "/list-size/{destination_id:int}/{key:path}": ["/list-size/1/vip"],
    "/who-messages/{identity:path}": ["/who-messages/u1", "/who-messages/unknown"],
    "/who/{identity:path}": ["/who/u1", "/who/paula@example.org", "/who/initech.example", "/who/unknown"],
    "/setup": ["/setup"],
    "/setup/new": ["/setup/new", "/setup/new?kind=sandbox"],
    "/setup/{destination_id:int}/{step}": [f"/setup/1/{step}" for step in ("token", "modes", "check", "send")],
    "/sources": ["/sources"],
    "/sources/new": ["/sources/new"],
    "/sources/{source_id:int}": ["/sources/1", "/sources/2"],
    "/browser": ["/browser"],
    "/browser/check/{source_id:int}": ["/browser/check/2"],
    "/connection": ["/connection"],
    "/connection/{destination_id:int}": ["/connection/1"],
    "/schema": ["/schema", "/schema?object=company&q=dom", "/schema?object=event"],
    "/mapping": ["/mapping"],
    "/mapping/{destination_id:int}": ["/mapping/1?trait=plan"],
    "/rules": ["/rules"],
    "/rules/{destination_id:int}": ["/rules/1"],
    "/rules/{destination_id:int}/edit": ["/rules/1/edit", "/rules/1/edit?call=identify"],
    "/test": ["/test", "/test?message=m-0"],
    "/import": ["/import"],
    "/import/{file_id}": ["/import/FILE"],
    "/system": ["/system"],
    "/audit": ["/audit"],
    "/members": ["/members"],
    "/regulations": ["/regulations", "/regulations?subject=paula@example.org"],
    "/regulations/{regulation_id}": ["/regulations/REGULATION"],
}
WITHOUT_DATA = [
    *("/", "/live", "/messages", "/messages?state=dead", "/failures", "/alerts", "/replays", "/setup"),
    *(
        "/replays/new?state=dead",
        "/setup/new",
        "/sources",
        "/sources/new",
        "/browser",
        "/connection",
        "/schema",
        "/mapping",
        "/rules",
        "/test",
        "/system",
        "/audit",
    ),
    *("/members", "/who/nobody", "/who-messages/nobody", "/regulations", "/lists"),
]
DEAD = MessageFilter(state=State.DEAD)
FULL = [(path, role) for pattern, _, role in GET_PAGES for path in PATHS.get(pattern, [])]


def test_every_page_is_in_these_tests() -> None:
    assert {pattern for pattern, _, _ in GET_PAGES} - set(PATHS) == {"/search"}


@pytest.mark.parametrize("path", WITHOUT_DATA)
def test_a_page_renders_without_any_data(console: Console, path: str) -> None:
    console.sign_in()
    answer = console.get(path)
    assert answer.status_code == 200, answer.text
    assert console.json(path) is not None


@pytest.mark.parametrize(("path", "role"), FULL)
def test_a_page_renders_for_the_least_role_that_may_see_it(console: Console, path: str, role: Role) -> None:
    lane_id = console.fill()
    console.store.replays.begin(DEAD, "ana", console.clock.now_ms(), [(lane_id, 5)])
    regulation = console.forgetter.request(RegulationType.DELETE_INTERNAL, "EMAIL", ["paula@example.org"], "ana")
    file = console.dropped_files.add("people.csv", 10)
    path = path.replace("REGULATION", regulation.regulation_id).replace("FILE", file.file_id)
    console.sign_in(role)
    answer = console.get(path)
    assert answer.status_code == 200, answer.text
    page = Page(answer.text)
    assert len([tag for tag, _ in page.elements if tag == "h1"]) == 1
    named = re.findall(r"'nonce-([^']+)'", answer.headers["content-security-policy"])
    assert all(element.get("src") or element.get("nonce") in named for element in page.all("script")), (
        "our own files, or named ones"
    )
    assert all(
        "style" not in attributes and not any(name.startswith("on") for name in attributes)
        for _, attributes in page.elements
    )
    for secret in (HUBSPOT_TOKEN, ADMIN_TOKEN, "wk_server_secret_key_0001"):
        assert secret not in answer.text
    twin = console.json(path)
    assert isinstance(twin, dict)
    if role is Role.VIEW:
        assert "paula@example.org" not in answer.text
        assert "paula@example.org" not in str(twin)


@pytest.mark.parametrize(("path", "role"), [(path, role) for path, role in FULL if role is not Role.VIEW])
def test_a_page_is_refused_to_a_lesser_role(console: Console, path: str, role: Role) -> None:
    console.fill()
    console.sign_in(Role.VIEW)
    assert console.get(path).status_code == 403


def command_of(line: str) -> str:
    """The command that a line calls: `source show`. Fails when it, or an option of it, does not exist."""
    words = shlex.split(line)
    assert words.pop(0) == "hubwire"
    path, command = [], cast(Any, get_command(app))
    while hasattr(command, "commands"):
        path.append(words.pop(0))
        command = command.commands[path[-1]]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= options, line
    return " ".join(path)


def test_every_page_has_a_command_in_the_terminal() -> None:
    assert set(PAGE_REFERENCES) == {pattern for pattern, _, _ in GET_PAGES}
    assert all(command_of(page.command) for page in PAGE_REFERENCES.values())


OTHER_COMMANDS = {
    "/setup/1/token": "destination token",
    "/setup/1/modes": "destination change",
    "/setup/1/check": "doctor",
}
"""Where the steps of the set-up have a command of their own, that is shown."""


@pytest.mark.parametrize(("pattern", "paths"), PATHS.items())
def test_a_page_names_its_command_and_its_json(console: Console, pattern: str, paths: list[str]) -> None:
    lane_id = console.fill()
    console.store.replays.begin(DEAD, "ana", console.clock.now_ms(), [(lane_id, 5)])
    regulation = console.forgetter.request(RegulationType.DELETE_INTERNAL, "EMAIL", ["paula@example.org"], "ana")
    file = console.dropped_files.add("people.csv", 10)
    console.sign_in()
    for path in paths:
        html = console.get(path.replace("REGULATION", regulation.regulation_id).replace("FILE", file.file_id)).text
        named = re.search(r"In a terminal:</span> <code>([^<]+)</code>", html)
        assert named, path
        expected = OTHER_COMMANDS.get(path, command_of(PAGE_REFERENCES[pattern].command))
        if path != "/setup/1/send":
            assert command_of(unescape(named[1])) == expected, path
        twin = re.search(r'<a href="([^"]+)">This page as JSON</a>', html)
        assert twin, path
        answer = console.get(unescape(twin[1]))
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(answer.json(), dict)


def test_the_command_of_a_filtered_list_has_its_filters(console: Console) -> None:
    console.fill()
    console.sign_in()
    query = "state=dead&reason=invalid-input&user=o'neil&type=identify&event=a&source=1&destination=1&since=5&until=9"
    html = console.get(f"/messages?{query}&rejected=0&q=x").text
    named = re.search(r"In a terminal:</span> <code>([^<]+)</code>", html)
    assert named
    assert shlex.split(unescape(named[1])) == shlex.split(
        'hubwire messages --state dead --reason invalid-input --user "o\'neil" --type identify --event a'
        " --source server --destination HubSpot --not-rejected --since 5 --until 9 --search x"
    )


def test_the_twin_of_the_search_box_leads_to_json(console: Console) -> None:
    console.fill()
    console.sign_in()
    for query, found in (("m-4", "message_id"), ("u1", "identity"), ("what", "lines"), ("", "lines")):
        answer = console.client.get(f"/search?format=json&q={query}", follow_redirects=True)
        assert found in answer.json(), query


def test_links_of_the_pages_lead_somewhere(console: Console) -> None:
    console.fill()
    console.sign_in()
    seen: set[str] = set()
    waiting = ["/"]
    while waiting and len(seen) < 150:
        path = waiting.pop(0)
        seen.add(path)
        answer = console.get(path)
        assert answer.status_code in (200, 303), f"{path}: {answer.status_code}"
        own = [link for link in Page(answer.text).links() if link.startswith("/") and not link.startswith("//")]
        foreign = ("/health", "/ready", "/metrics", "/demo")
        waiting += [link for link in own if link not in (*seen, *waiting, *foreign) and "format=json" not in link]
    assert {href for _, entries in NAVIGATION for href, _, _ in entries} <= seen


def test_the_overview_says_how_the_numbers_add_up(console: Console) -> None:
    console.fill()
    console.sign_in()
    text = Page(console.get("/?window=all").text).text
    assert f"{len(MESSAGES)} received" in text
    assert "9 = 3 delivered + 1 pending + 1 retrying + 1 held + 1 discarded + 1 dead + 1 rejected" in text
    every_number_leads_to_its_list(console)


def test_the_numbers_lead_to_their_lists_while_some_wait_behind_the_cursor_and_some_were_put_back(
    console: Console,
) -> None:
    lane_id = console.fill()
    registry = console.store.registry
    registry.save_destination(msgspec.structs.replace(registry.destinations()[lane_id], source_ids=(1,)))
    console.store.journal.append([Entry(2, "elsewhere", NOW_MS, b'{"type":"track","userId":"u","event":"E"}')])
    console.store.replays.begin(MessageFilter(state=State.HELD), "ana", NOW_MS)
    console.store.replays.step(NOW_MS, 1000)
    console.sign_in()
    counts = every_number_leads_to_its_list(console)
    assert counts["pending"] == 2
    assert counts["not_connected"] == 1


def test_the_overview_says_why_messages_were_discarded_and_what_holds_and_fields_need(console: Console) -> None:
    console.fill()
    console.sign_in()
    twin = console.json("/?window=all")
    [part] = twin["discards"]
    assert (part["words"], part["count"]) == ("Not sent by design", 1)
    assert len(console.json(part["lines"][0]["href"])["lines"]) == 1
    assert twin["holds"]["1"]["count"] == 1
    [field] = twin["left_out"]
    assert (field["field"], field["count"], field["can_create"]) == ("traits.plan", 1, True)
    for path in ("/", "/failures"):
        page = console.get(path)
        text = Page(page.text).text
        assert "traits.plan: left out of 1 message" in text, path
        assert "/mapping/1?trait=plan" in Page(page.text).links()
        assert "/schema/1/properties" in [form.get("action") for form in Page(page.text).all("form")]


def test_a_held_group_says_when_it_expires_and_expired_messages_are_on_the_page(console: Console) -> None:
    console.fill()
    with console.store.queries._database.transaction() as db:  # type: ignore[attr-defined]
        db.execute("UPDATE delivery SET reason = 'never-identified' WHERE state = 'discarded'")
    console.sign_in()
    text = Page(console.get("/failures").text).text
    assert "1 expires within 24 hours, the first" in text
    assert "Expired and invalid" in text
    twin = console.json("/failures")
    [lost] = twin["lost"]
    assert lost["replay_href"].startswith("/replays/new?state=discarded&reason=never-identified")
    assert lost["discard_href"] is None
    assert [part["words"] for part in console.json("/?window=all")["discards"]] == ["Expired"]
    console.sign_in(Role.VIEW)
    assert "/mapping/1?trait=plan" not in Page(console.get("/failures").text).links()


def test_calls_are_shown_by_endpoint_and_answer(console: Console) -> None:
    console.fill()
    console.sign_in(Role.VIEW)
    [endpoint] = console.json("/calls")["report"]["endpoints"]
    assert (endpoint["call"], endpoint["answers"]) == ("POST /crm/objects/2026-09/contacts/batch/upsert", {"partly": 1})
    text = Page(console.get("/calls").text).text
    assert "1 call to HubSpot in the last 24 hours" in text
    assert "each-its-own" in text
    assert "No calls" in console.get("/calls?since=1&until=2").text


@pytest.mark.parametrize("by", ["event", "type", "source", "library"])
def test_a_breakdown_leads_to_its_messages_and_shows_viewers_no_personal_data(console: Console, by: str) -> None:
    console.fill()
    console.receive({"type": "track", "userId": "u1", "event": "paula@example.org bought"}, "with-address")
    console.sign_in()
    page = console.json(f"/breakdown?by={by}&window=all")
    assert page["count"] == sum(row["count"] for row in page["rows"]) == 10
    for row in page["rows"]:
        if row["href"] is not None:
            assert len(console.json(row["href"])["lines"]) == row["count"]
    without = sum(row["href"] is None for row in page["rows"])
    assert without == {"event": 1, "library": 2}.get(by, 0)
    console.sign_in(Role.VIEW)
    assert "paula@example.org" not in console.get(f"/breakdown?by={by}&window=all").text


@pytest.mark.parametrize(("part", "count"), [("paula@", 3), ("bought", 1), ("initech", 1), ("M-4", 1), ("nobody", 0)])
def test_the_search_finds_parts_of_names_and_viewers_search_whole_ones(console: Console, part: str, count: int) -> None:
    console.fill()
    console.sign_in(Role.OPERATE)
    found = console.client.get(f"/search?format=json&q={part}", follow_redirects=True).json()
    assert len(found["lines"]) == count
    console.sign_in(Role.VIEW)
    assert console.get(f"/search?q={part}").headers["location"].startswith("/messages?q=")
    assert console.get(f"/messages?contains={part}").status_code == 403


def test_a_group_of_failures_shows_its_day_and_a_message_its_time(console: Console) -> None:
    console.fill()
    console.sign_in()
    page = console.json("/failures")
    for card in (*page["dead"], *page["held"], *page["retrying"]):
        assert (len(card["trend"]), card["trend"][-1], sum(card["trend"])) == (24, 1, 1)
    [message] = console.json("/messages/m-0")["found"]
    assert [piece["name"] for piece in message["time_bar"]["pieces"]] == ["calls"]
    assert "in total." in Page(console.get("/messages/m-0").text).text


def test_an_erased_message_is_no_failure(console: Console) -> None:
    console.fill()
    console.store.journal.redact([1, 2])
    console.sign_in()
    counts = every_number_leads_to_its_list(console)
    assert (counts["erased"], counts["rejected"]) == (2, 1)
    assert {group["reason"] for group in console.json("/failures")["rejected"]} == {"no-ids"}
    text = Page(console.get("/messages?rejected=1&reason=suppressed").text).text
    assert "Erased" in text
    assert "Rejected suppressed" not in text


def test_the_overview_does_not_say_that_all_is_well_while_a_destination_is_stopped(console: Console) -> None:
    lane_id = console.fill()
    with console.store.queries._database.transaction() as db:  # type: ignore[attr-defined]
        db.execute("DELETE FROM delivery WHERE state IN ('dead', 'held', 'retrying')")
    console.sign_in()
    all_is_well = "No message is dead, held or retrying."
    assert all_is_well in console.get("/").text
    console.store.record.stop_lane(lane_id, "unauthorised", "", None)
    page = console.get("/").text
    assert all_is_well not in page
    assert "Stopped:" in page


def test_a_stopped_destination_shows_its_next_attempt(console: Console) -> None:
    lane_id = console.fill()
    console.sign_in()
    console.store.record.stop_lane(lane_id, "unauthorised", "", NOW_MS + 300_000)
    text = Page(console.get("/").text).text
    assert "Next attempt:" in text
    assert "Tried again at" not in text


def test_numbers_of_calls_say_what_they_count(console: Console) -> None:
    lane_id = console.fill()
    console.sign_in()
    status = msgspec.json.encode({"budget": {"limit": 1000, "used": 88, "remaining": 912}})
    with console.store.queries._database.transaction() as db:  # type: ignore[attr-defined]
        db.execute("UPDATE lane SET status = ? WHERE destination_id = ?", (status, lane_id))
    text = Page(console.get(f"/connection/{lane_id}").text).text
    assert "Calls by delivery" in text
    assert "88 of 1,000 HubSpot calls of the account today" in text
    assert "Calls ever" not in text


def test_console_api_and_command_compare_the_same_messages(console: Console) -> None:
    lane_id = console.fill()
    console.sign_in()
    page = console.json(f"/schema?destination={lane_id}&object=contact")
    api = console.call("GET", f"/destinations/{lane_id}/schema").json()
    assert page["compared_messages"] == api["message_count"] > 0
    assert page["entries"] == [entry for entry in api["entries"] if entry["object_type"] == "contact"]
    assert page["entries"]
    plan = get_command(app).commands["schema"].commands["plan"]  # type: ignore[attr-defined]
    [option] = [parameter for parameter in plan.params if parameter.name == "messages"]
    assert option.default == COMPARED_MESSAGES


def test_messages_of_several_sources_that_are_not_connected_lead_to_where_they_are(console: Console) -> None:
    lane_id = console.fill()
    registry = console.store.registry
    registry.save_destination(msgspec.structs.replace(registry.destinations()[lane_id], source_ids=()))
    console.sign_in()
    stages = {stage["name"]: stage for stage in console.json("/?window=all")["stages"]}
    assert len(registry.sources()) > 1
    assert stages["not_connected"]["href"] == f"/connection/{lane_id}#feeds"
    assert 'id="feeds"' in console.get(f"/connection/{lane_id}").text


def every_number_leads_to_its_list(console: Console) -> dict[str, int]:
    """The stages of the funnel, which add up and whose links list exactly so many."""
    twin = console.json("/?window=all")
    counts = {stage["name"]: stage["count"] for stage in twin["stages"]}
    assert sum(counts.values()) == twin["received"]
    for stage in twin["stages"]:
        assert len(console.json(stage["href"])["lines"]) == stage["count"], stage["name"]
    return counts


def test_failures_and_fields_not_sent_lead_to_their_lists(console: Console) -> None:
    console.fill()
    console.store.journal.append([Entry(1, "no-event", NOW_MS, b'{"type":"track","userId":"u"}', rejected="no-event")])
    console.sign_in()
    groups = console.json("/failures")
    assert {group["reason"] for group in groups["rejected"]} == {"no-ids", "no-event"}
    for group in (*groups["rejected"], *groups["dead"], *groups["held"], *groups["retrying"]):
        count = group.get("count") or group["group"]["failure"]["count"]
        assert len(console.json(group["messages_href"])["lines"]) == count
    [field] = console.json("/schema")["left_out"]
    assert [line["message_id"] for line in console.json(field["messages_href"])["lines"]] == ["m-0"]
    assert console.json(field["replay_href"])["count"] == field["count"] == 1


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("properties.value=20.5", [XSS]),
        ("type=group", ["m-6"]),
        ("traits.plan=Gold", ["m-0"]),
        ("traits.plan=Silver", []),
        ("traits.plan.deeper=Gold", []),
        ("userId = u3", ["m-5"]),
    ],
)
def test_messages_are_found_by_what_they_hold(console: Console, where: str, found: list[str]) -> None:
    console.fill()
    console.sign_in()
    twin = console.json(f"/messages?{urlencode({'where': where})}")
    assert [line["message_id"] for line in twin["lines"]] == found
    listed = console.call("GET", "/messages", params={"where": where}).json()["messages"]
    assert [entry["message_id"] for entry in listed] == found


@pytest.mark.parametrize("where", ["plan", "=Gold", " . =Gold"])
def test_what_is_no_path_with_a_value_is_refused(console: Console, where: str) -> None:
    console.sign_in()
    problem = console.client.get("/messages", params={"where": where, "format": "json"}).json()
    assert (problem["field"], problem["value"]) == ("where", where.strip())
    assert "properties.plan=pro" in problem["message"]


def test_an_outcome_is_one_click_and_the_rest_of_the_filter_stays(console: Console) -> None:
    console.fill()
    console.sign_in()
    tabs = {tab["words"]: tab for tab in console.json("/messages?type=identify&state=dead")["tabs"]}
    assert [words for words, tab in tabs.items() if tab["is_current"]] == ["Dead"]
    lines = console.json(tabs["Retrying"]["href"])["lines"]
    assert [line["message_id"] for line in lines] == ["m-5"]
    assert console.json(tabs["Rejected"]["href"])["lines"] == []


def test_a_delivered_message_says_where_hubspot_shows_it(console: Console) -> None:
    console.fill()
    console.sign_in()
    [fate] = console.json("/messages/m-0")["found"][0]["fates"]
    assert fate["records"] == [
        {
            "kind": "contact",
            "key": "paula@example.org",
            "record_id": "51",
            "url": "https://app.hubspot.com/contacts/1234567/record/0-1/51",
        }
    ]
    [held] = console.json("/messages/m-2")["found"][0]["fates"]
    assert held["records"] == []


def test_a_stream_ends_with_the_process(console: Console) -> None:
    deps = replace(console.deps, is_stopping=lambda: True)
    client = TestClient(console_app(deps, console.access), base_url=ORIGIN)
    answer = client.get("/live/changes", headers={"authorization": f"Bearer {ADMIN_TOKEN}"})
    assert answer.text == ": nothing new\n\n"


def test_a_message_page_tells_why_and_what_helps(console: Console) -> None:
    console.fill()
    console.sign_in()
    text = Page(console.get("/messages/m-4").text).text
    assert "Dead" in text
    assert "How to fix it:" in text
    attempt = console.json("/messages/m-4")["found"][0]["attempts"][0]
    assert [entry["id"] for entry in attempt["request"]["inputs"]] == ["dead@example.com"], "of a batch, its own input"
    left = Page(console.get("/messages/m-0").text).text
    assert "traits.plan" in left
    assert "unknown-property" in left


def test_a_message_that_does_not_exist_is_404_and_says_so(console: Console) -> None:
    console.sign_in()
    answer = console.get("/messages/none")
    assert answer.status_code == 404
    assert "Message not found" in Page(answer.text).text


def test_lists_tell_an_empty_journal_from_no_match(console: Console) -> None:
    console.sign_in()
    assert "No messages yet" in console.get("/messages").text
    assert "No messages match" in console.get("/messages?type=alias").text


def test_a_bad_filter_says_which_field_and_what_fits(console: Console) -> None:
    console.sign_in()
    answer = console.client.get("/messages?state=lost", headers={"accept": "application/json"})
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["code"], problem["field"], problem["value"]) == ("bad-value", "state", "lost")
    assert "delivered" in problem["limit"]
    page = Page(console.get("/messages?state=lost").text)
    assert "state must be one of" in page.text
    assert "/messages" in page.links(), "back to the list without the wrong filter"


def test_the_search_box_leads_to_the_message_or_the_person(console: Console) -> None:
    console.fill()
    console.sign_in()
    assert console.get("/search?q=m-4").headers["location"] == "/messages/m-4"
    assert console.get("/search?q=u1").headers["location"] == "/who/u1"
    assert console.get("/search?q=what").headers["location"] == "/messages?contains=what"
    assert console.get("/search").headers["location"] == "/messages"


def test_pages_of_messages_follow_one_another(console: Console) -> None:
    console.fill()
    console.sign_in()
    path, seen = "/messages?limit=4", []
    while path:
        twin = console.json(path)
        seen += [line["position"] for line in twin["lines"]]
        path = twin["older_href"]
    assert seen == list(range(9, 0, -1))


def test_the_schema_page_says_when_hubspot_cannot_be_read(console: Console) -> None:
    console.fill()
    console.sign_in()
    console.bench.schema_problem = "HubSpot answered 503"
    text = Page(console.get("/schema").text).text
    assert "cannot be read, so there is nothing to compare. HubSpot answered 503" in text
    assert "traits.plan" in text, "what was left out is known all the same"


def test_the_sandbox_is_named_on_every_page(console: Console) -> None:
    console.fill()
    console.sign_in()
    for path in ("/", "/messages", "/system"):
        assert "The bundled emulator stands in for HubSpot" in console.get(path).text
