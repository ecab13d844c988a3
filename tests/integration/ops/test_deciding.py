"""What people look at and decide at the command line: failures, replays, discards, the audit log, members."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.console.harness import MESSAGES, Console
from tests.integration.ops.conftest import Shell

from hubwire.delivery import State
from hubwire.operation import Link, RecordRef
from hubwire.record.message_filter import MessageFilter
from hubwire.record.privacy import RegulationType
from hubwire.record.protocol import (
    PUBLIC_TRUST,
    SERVER_TRUST,
    ConfirmedValue,
    CycleOutcome,
    ObjectRecord,
    Person,
    RecordAssociation,
    Span,
)

ESCAPE = "\x1b]0;mine\x07"


@pytest.fixture
def console(shell: Shell, tmp_path: Path) -> Iterator[Console]:
    """An installation with messages of every fate, whose console and command line look at the same."""
    new_console = Console(tmp_path)
    shell.set(HUBWIRE_DATA=str(tmp_path))
    new_console.fill()
    yield new_console
    new_console.close()


def states(console: Console, state: State) -> list[str]:
    return [message.message_id for message in console.store.queries.messages(MessageFilter(state=state))]


def test_failures_are_grouped_with_what_helps(console: Console, shell: Shell) -> None:
    ran = shell("failures")
    assert ran.code == 0
    first, *_ = ran.out.splitlines()
    assert first == "1 dead: invalid-input  HubSpot"
    assert "Correct what HubSpot names, then replay." in ran.out
    assert [group["state"] for group in shell("failures", "--json").json] == ["dead", "retrying", "held"]


def test_expired_messages_are_listed_after_the_failures(console: Console, shell: Shell) -> None:
    with console.store.queries._database.transaction() as db:  # type: ignore[attr-defined]
        db.execute("UPDATE delivery SET reason = 'never-identified' WHERE state = 'discarded'")
    ran = shell("failures")
    assert "1 discarded: never-identified  HubSpot" in ran.out.splitlines()
    assert "Identify the person with an e-mail, then replay." in ran.out


def test_a_discard_counts_asks_and_is_audited(console: Console, shell: Shell) -> None:
    refused = shell("discard", "--state", "dead", stdin="n\n")
    assert (refused.code, "1 message" in refused.out) == (1, True)
    assert states(console, State.DEAD) == ["m-4"]
    assert shell("discard", "--state", "dead", "--json").json == {"count": 1, "discarded": None}
    assert states(console, State.DEAD) == ["m-4"]
    done = shell("discard", "--state", "dead", "--reason", "invalid-input", stdin="y\n")
    assert (done.code, "1 message discarded." in done.out) == (0, True)
    assert states(console, State.DEAD) == []
    [message] = shell("messages", "--state", "discarded", "--reason", "discarded-by-person", "--json").json
    assert message["message_id"] == "m-4"
    entry = shell("audit", "--limit", "1", "--json").json[0]
    assert (entry["actor"], entry["action"]) == ("command line", "messages.discarded")
    assert entry["detail"] == '1 messages, {"state":"dead","reason":"invalid-input"}'
    assert shell("discard", "--state", "dead", "--yes", "--json").json == {"count": 0, "discarded": None}


def test_a_discard_says_why(console: Console, shell: Shell) -> None:
    refused = shell("discard", "--state", "dead", "--note", "x" * 201, "--yes")
    assert (refused.code, "note has 201 characters; at most 200" in refused.err) == (1, True)
    assert shell("discard", "--state", "dead", "--note", f"test data {ESCAPE}", "--yes").code == 1
    assert shell("discard", "--state", "dead", "--note", "test data", "--yes").code == 0
    assert "because: test data; it was dead (invalid-input)" in shell("message", "m-4").out
    assert "because: test data" in shell("audit").out.replace("\n", " ")


@pytest.mark.parametrize("state", ["delivered", "discarded", "pending", "retrying", "delivering"])
def test_what_cannot_be_discarded_is_told(console: Console, shell: Shell, state: str) -> None:
    ran = shell("discard", "--state", state, "--yes")
    assert (ran.code, "choose one of dead, held" in ran.err) == (1, True)


def test_the_filters_are_those_of_the_console(console: Console, shell: Shell) -> None:
    def found(*options: str) -> list[str]:
        return [message["message_id"] for message in shell("messages", *options, "--json").json]

    assert found("--user", "DEAD@example.com") == ["m-4"]
    assert found("--search", "m-4") == ["m-4"]
    assert found("--event", "Bought Item", "--source", "server", "--destination", "HubSpot") == ["m-2"]
    assert found("--rejected") == ["m-7"]
    assert found("--type", "group", "--not-rejected") == ["m-6"]
    since = str(console.clock.now_ms() - 60_000 + 8)
    assert found("--since", since) == ["m-8"]
    assert shell("messages", "--source", "nobody").err.startswith("hubwire: there is no source 'nobody'")
    assert shell("messages", "--since", "yesterday").code == 1
    assert shell("messages", "--type", "toast").code == 2


def test_who_somebody_is_and_whether_they_are_kept_out(console: Console, shell: Shell) -> None:
    shown, answer = shell("who", "paula@example.org").out, shell("who", "paula@example.org", "--json").json
    [record] = answer["records"]
    assert (record["kind"], record["key"], answer["is_suppressed"]) == ("contact", "paula@example.org", False)
    for name, (value, _) in record["properties"].items():
        assert re.search(rf"^{re.escape(name)} +{re.escape(value)} ", shown, re.MULTILINE)
    assert "Suppressed" not in shown
    assert "is unknown" in shell("who", "nobody").out
    regulation = console.forgetter.request(RegulationType.SUPPRESS_ONLY, "EMAIL", ["paula@example.org"], "test")
    asyncio.run(console.forgetter.run(regulation.regulation_id))
    assert shell("who", "Paula@Example.org", "--json").json["is_suppressed"] is True
    assert "Suppressed by a deletion request" in shell("who", "paula@example.org").out


def test_a_wrong_link_and_a_wrong_value_are_forgotten(console: Console, shell: Shell) -> None:
    known = shell("who", "paula@example.org", "--json").json
    keys = [link["key"] for link in known["links"]]
    assert "u:u1" in keys
    assert shell("who", "paula@example.org", "--forget", "u:nobody").err.startswith("hubwire: nothing is known of")
    assert shell("who", "paula@example.org", "--forget", "u:u1", stdin="n\n").code == 1
    assert shell("who", "paula@example.org", "--json").json == known, "a question that is not confirmed changes nothing"
    ran = shell("who", "paula@example.org", "--forget", "u:u1", "--forget", "city", "--yes", "--json").json
    assert [link["key"] for link in ran["links"]] == [key for key in keys if key != "u:u1"]
    [before], [after] = known["records"], ran["records"]
    assert before["properties"].keys() - after["properties"].keys() == {"city"}
    assert "links 1, values 1 (city)" in shell("audit").out.replace("\n", " ")
    assert (
        shell("who", "paula@example.org", "--forget", "all", "--yes", "--json").json["records"][0]["properties"] == {}
    )


def test_what_one_source_taught_is_shown_and_forgotten_alone(console: Console, shell: Shell) -> None:
    values = {
        "city": ConfirmedValue("Graz", 5, trust=PUBLIC_TRUST),
        "phone": ConfirmedValue("0316", 5, trust=SERVER_TRUST),
    }
    paula = Person("pat@example.org", "901", 5, values, 5)
    links = [Link("server", "u:pat", paula.email, 3, 5), Link("source:web", "a:pat-page", paula.email, 3, 5)]
    record(console, people=[paula], links=links)
    shown = shell("who", paula.email)
    assert "a:pat-page -> pat@example.org  (identify, 1970-01-01 00:00:00 UTC, source:web)" in shown.out
    for name, source in (("city", "public"), ("phone", "server")):
        assert re.search(rf"^{name} .* {source}$", shown.out, re.MULTILINE)
    web, public = ("--forget", "source:web"), ("--forget", "public")
    known = shell("who", paula.email, *web, *public, "--yes", "--json").json
    assert [link["key"] for link in known["links"]] == ["u:pat"]
    assert [*known["records"][0]["properties"]] == ["phone"]
    assert shell("who", paula.email, *public, "--yes").out.startswith("Forgotten: 0 links and values")
    assert "nothing is known of source:web" in shell("who", paula.email, *web).err
    known = shell("who", paula.email, "--forget", "server", "--yes", "--json").json
    assert (known["links"], known["records"][0]["properties"]) == ([], {})


def record(console: Console, **known: Any) -> None:
    """Let one cycle of the first destination learn this."""
    store, now_ms = console.store.record, console.clock.now_ms()
    lease = store.lease_lane(1, "a", now_ms, 10)
    assert lease is not None
    span = Span(live_after=0, live_through=0, backfill_after=0, backfill_through=0)
    cycle_id = store.begin_cycle(lease, now_ms, span)
    store.commit_cycle(lease, CycleOutcome(cycle_id=cycle_id, lane=store.lane(1), ended_at_ms=now_ms, **known))
    store.release(lease)


def test_the_orders_of_a_person_are_listed_and_forget_values_by_their_own_name(console: Console, shell: Shell) -> None:
    now_ms = console.clock.now_ms()
    order, paula = RecordRef("order", "shop_order_id:77"), RecordRef("contact", "paula@example.org")
    values = {"hs_order_name": ConfirmedValue("77", now_ms), "hs_total_price": ConfirmedValue("5", now_ms)}
    record(
        console,
        records=[ObjectRecord(*order, "900", now_ms, values, now_ms)],
        record_associations=[RecordAssociation(order, paula, now_ms)],
    )
    assert "associated with order:shop_order_id:77, record 900 in HubSpot" in shell("who", paula.key).out
    [other] = shell("who", paula.key, "--json").json["other_records"]
    assert other == {"kind": "order", "key": "shop_order_id:77", "record_id": "900"}
    ran = shell("who", "order:shop_order_id:77", "--forget", "hs_total_price", "--yes")
    assert "order shop_order_id:77 is record 900 in HubSpot, with paula@example.org" in ran.out
    [known] = shell("who", "order:shop_order_id:77", "--json").json["records"]
    assert list(known["properties"]) == ["hs_order_name"]


def test_a_replay_is_counted_begun_looked_at_and_stopped(console: Console, shell: Shell) -> None:
    assert shell("replays").out.strip() == "No replays yet."
    run_ = shell("replay", "--state", "dead", "--share", "10", stdin="n\n")
    about = "About 2 HubSpot calls (0.01 % of a day's calls), 2 s at 10 % of the call rate."
    assert (run_.code, about in run_.out) == (1, True), "a look at the person, and the write"
    assert shell("replay", "--state", "held", "--user", "nobody", "--yes").out.strip() == "0 messages"
    assert shell("replay", "--state", "dead", "--user", "dead@example.com", "--yes").code == 0
    assert states(console, State.DEAD) == []
    [replay] = shell("replays", "--json").json
    assert (replay["state"], replay["target_count"], replay["fed_count"]) == ("running", 1, 1)
    assert replay["wanted"]["user"] is None, "what is kept names no person"
    assert "dead@example.com" not in shell("audit").out
    assert shell("replays", "1", "--cancel", "--json").json["state"] == "cancelled"
    assert shell("replays", "2").code == 1
    assert shell("replays", "--cancel").code == 2
    assert [entry["action"] for entry in shell("audit", "--json").json[:2]] == ["replay.cancelled", "replay.begun"]
    assert shell("replay", "--state", "retrying").code == 1


def test_a_replay_is_paused_slowed_and_resumed(console: Console, shell: Shell) -> None:
    shell("replay", "--state", "dead", "--share", "20", "--yes")
    assert "20 %" in shell("replays").out
    listed = shell("messages", "--replay", "1", "--replay-part", "replayed", "--json").json
    assert [entry["message_id"] for entry in listed] == ["m-4"]
    assert shell("messages", "--replay-part", "replayed").code == 1
    assert shell("replay", "--state", "pending", "--replay", "1").code == 1
    assert shell("replays", "1", "--pause", "--json").json["state"] == "running", "all of it was put back at once"
    console.store.replays.cancel(1, console.clock.now_ms())
    console.store.replays.begin(MessageFilter(state=State.HELD), "ana", console.clock.now_ms(), share_percent=20)
    assert shell("replays", "2", "--pause", "--json").json["state"] == "paused"
    ran = shell("replays", "2", "--pause")
    assert (ran.code, "--pause changed nothing" in ran.err, "paused" in ran.out) == (0, True, True)
    changed = shell("replays", "2", "--resume", "--share", "5", "--json").json
    assert (changed["state"], changed["share_percent"]) == ("running", 5)
    assert "5 %" in shell("replays").out
    assert shell("replays", "1", "--pause", "--resume").code == 2
    assert shell("replays", "--share", "5").code == 2
    assert shell("replays", "1", "--share", "101").code == 2
    assert shell("replays", "3", "--pause").code == 1
    entries = [(entry["action"], entry["detail"]) for entry in shell("audit", "--json").json[:4]]
    changed = [("replay.resumed", "#2"), ("replay.share-changed", "#2: 5 % of the calls"), ("replay.paused", "#2")]
    assert entries == [*changed, ("replay.begun", '#1: 1 messages, 20 % of the calls, {"state":"dead"}')]


def test_a_group_is_snoozed_listed_and_woken(console: Console, shell: Shell) -> None:
    group = ("--state", "dead", "--reason", "invalid-input")
    assert "Snoozed until" in shell("snooze", *group, "--for", "7d").out
    first, *_, last = shell("failures").out.splitlines()
    assert first == "1 retrying: hubspot-failed  HubSpot"
    assert last.startswith("1 dead: invalid-input  HubSpot, snoozed until ")
    [dead] = [group for group in shell("failures", "--json").json if group["snoozed_until_ms"]]
    assert dead["state"] == "dead"
    assert "shown again" in shell("wake", *group, "--destination", "HubSpot").out
    assert shell("wake", *group, "--json").json == {"is_woken": False}
    assert shell("snooze", *group, "--until", "2001-01-01").code == 1
    assert shell("snooze", *group, "--for", "1y").code == 1
    assert shell("snooze", "--state", "delivered", "--reason", "conflict").code == 1
    assert [entry["action"] for entry in shell("audit", "--json").json[:2]] == ["failures.woken", "failures.snoozed"]


def test_status_has_the_stages_of_a_window_which_add_up(console: Console, shell: Shell) -> None:
    ran = shell("status", "--window", "all")
    assert (
        "HubSpot: 9 received = 3 delivered + 1 backlog + 1 retrying + 1 held + 1 discarded + 1 dead + 1 rejected"
        in ran.out
    )
    assert "time to deliver: median 0.0 s, 95 % within 0.0 s" in ran.out
    [seen] = shell("status", "--window", "all", "--json").json["window"]
    assert (seen["funnel"]["received"], seen["funnel"]["dead"], seen["waits"]["sample_count"]) == (9, 1, 7)
    assert "window" not in shell("status", "--json").json
    assert shell("status", "--window", "1y").code == 2


def test_a_member_is_added_and_removed(console: Console, shell: Shell) -> None:
    assert "No members yet" in shell("member", "list").out
    token = shell("member", "add", "ana", "--role", "view", "--json").json["token"]
    assert console.call("GET", "/status", token=token).status_code == 200
    shell.set(ANAS_PASSWORD="correct horse battery")
    assert shell("member", "add", "ana", "--role", "operate", "--password-env", "ANAS_PASSWORD").code == 0
    assert console.post("/login", name="ana", secret="correct horse battery").status_code == 303
    [listed] = shell("member", "list", "--json").json
    assert (listed["role"], listed["has_token"], listed["has_password"]) == ("operate", True, True)
    assert "token, password" in shell("member", "list").out
    assert shell("member", "remove", "ana", stdin="n\n").code == 1
    assert shell("member", "remove", "ana", "--yes").code == 0
    assert shell("member", "remove", "ana", "--yes").code == 1
    assert console.call("GET", "/status", token=token).status_code == 401
    assert console.get("/").status_code == 303
    actions = [entry["action"] for entry in shell("audit", "--json").json]
    assert [action for action in actions if action.startswith("member.")] == [
        "member.removed",
        "member.password",
        "member.token",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("<b>", "--role", "view"), "a name has at most 64"),
        (("ana", "--role", "view", "--password-env", "SHORT"), "at least 12 characters"),
        (("ana", "--role", "view", "--password"), "--password-env"),
    ],
)
def test_a_member_that_cannot_be_is_told(
    console: Console, shell: Shell, arguments: tuple[str, ...], words: str
) -> None:
    shell.set(SHORT="short")
    ran = shell("member", "add", *arguments)
    assert (ran.code, words in ran.err) == (1, True)
    assert shell("member", "list", "--json").json == []


def test_what_senders_write_does_not_command_the_terminal(console: Console, shell: Shell) -> None:
    body = {"type": "track", "userId": f"[bold]{ESCAPE}", "event": f"[red]{ESCAPE}"}
    message = console.call("GET", "/messages").json()["messages"][0]
    assert message["event"] == "Just came"
    console.receive(body, message_id="escape")
    console.store.registry.write_audit(f"[bold]{ESCAPE}", "source.changed", ESCAPE)
    commands = (("messages",), ("message", "escape"), ("audit",), ("messages", "--user", ESCAPE), ("who", ESCAPE))
    for command in (*commands, ("failures",)):
        out = shell(*command).out
        assert "\x1b" not in out, command
    assert "[red]\N{REPLACEMENT CHARACTER}]0;mine" in shell("messages").out


def test_messages_come_out_as_they_came_in_and_go_in_again(console: Console, shell: Shell, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in shell("messages", "--type", "identify", "--ndjson").out.splitlines()]
    assert [line["messageId"] for line in lines] == ["m-5", "m-4", "m-0"]
    assert lines[-1]["traits"]["email"] == "paula@example.org"
    assert lines[-1]["context"] == {"library": {"name": "test"}}, "what the upload said is merged in"
    assert lines[-1]["receivedAt"].endswith("Z")
    [entry] = shell("audit", "--limit", "1", "--json").json
    assert (entry["action"], entry["detail"]) == ("messages.exported", '{"type":"identify"}')
    everything = shell("messages", "--ndjson")
    assert len(everything.out.splitlines()) == len(MESSAGES)
    other = tmp_path / "other"
    shell.set(HUBWIRE_DATA=str(other))
    shell.store().close()
    shell("source", "add", "server", "--kind", "server")
    (tmp_path / "out.ndjson").write_text(everything.out)
    ran = shell("import", str(tmp_path / "out.ndjson"), "--source", "server", "--json").json
    assert (ran["read"], ran["unreadable"]) == (len(MESSAGES), 1), "the rejected one is named, not taken again"
    assert len(shell("messages", "--json").json) == len(MESSAGES) - 1


def test_of_a_forgotten_person_nothing_comes_out(console: Console, shell: Shell) -> None:
    shell("forget", "dead@example.com", "--keep-hubspot", "--yes")
    out = shell("messages", "--ndjson").out
    assert len(out.splitlines()) == len(MESSAGES) - 1
    assert "dead@example.com" not in out
