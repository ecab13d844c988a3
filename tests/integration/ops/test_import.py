"""`hubwire import`: formats, going on after a stop, and an estimate that comes true."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.ops.conftest import TOKEN, Shell
from tests.integration.ops.test_forget import Installation
from tests.support.world import World

from hubwire.backfill import appending, reading
from hubwire.backfill.estimate import Estimator, cycles
from hubwire.backfill.looking import look_at
from hubwire.backfill.records import ReadOptions
from hubwire.backfill.rows import HistoryRows
from hubwire.cli.messages import backfill
from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow
from hubwire.plan.default_portal import default_portal
from hubwire.record.privacy import RegulationType
from hubwire.testing import Emulator

NOW = 1_795_000_000_000


@pytest.fixture
def ready(installed: Shell) -> Shell:
    installed("source", "add", "api", "--kind", "server")
    return installed


def ndjson(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def identify(number: int, **traits: Any) -> dict[str, Any]:
    return {
        "type": "identify",
        "userId": f"u{number}",
        "messageId": f"i{number}",
        "traits": {"email": f"person{number}@example.com", **traits},
    }


def journaled(shell: Shell) -> list[dict[str, Any]]:
    store = shell.store()
    rows = store.journal.read(0, 10**6, source_ids=None, is_backfill=True)
    store.close()
    return [json.loads(row.body) for row in rows]


def test_a_folder_of_every_format_is_imported_once(ready: Shell) -> None:
    folder = Path("export")
    folder.mkdir()
    (folder / "1.json.gz").write_bytes(
        gzip.compress(ndjson({**identify(1), "sentAt": "2026-01-01T00:00:00Z", "projectId": "p"}))
    )
    (folder / "2.json").write_bytes(json.dumps([identify(2), identify(3)]).encode())
    (folder / "3.csv").write_bytes(b"email,plan\nperson4@example.com,gold\n")
    ran = ready("import", "export", "--source", "api", "--json")
    assert ran.code == 0
    assert (ran.json["read"], ran.json["journaled"], ran.json["skipped"]) == (4, 4, 0)
    bodies = journaled(ready)
    assert [body["userId"] for body in bodies] == ["u1", "u2", "u3", "person4@example.com"]
    assert "sentAt" not in bodies[0]
    assert "projectId" not in bodies[0]
    again = ready("import", "export", "--source", "api", "--json").json
    assert (again["read"], again["journaled"], again["duplicates"]) == (4, 0, 4)


def test_lines_without_an_id_get_one_from_their_content_so_that_a_grown_file_repeats_nothing(ready: Shell) -> None:
    first, second = ({"type": "track", "userId": "1", "event": event} for event in ("First", "Second"))
    Path("a.ndjson").write_bytes(ndjson(first))
    assert ready("import", "a.ndjson", "--source", "api", "--json").json["journaled"] == 1
    Path("a.ndjson").write_bytes(ndjson(second, first))
    grown = ready("import", "a.ndjson", "--source", "api", "--json").json
    assert (grown["journaled"], grown["duplicates"]) == (1, 1)


def test_a_stopped_import_goes_on_where_it_stopped(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINES_PER_CHUNK", 10)
    Path("a.ndjson").write_bytes(ndjson(*(identify(number) for number in range(35))))
    Path("b.ndjson").write_bytes(ndjson(*(identify(number) for number in range(35, 50))))
    append, calls = appending.append_lines, 0

    def failing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return append(*arguments)

    monkeypatch.setattr(appending, "append_lines", failing)
    ran = ready("import", "a.ndjson", "b.ndjson", "--source", "api", "--json")
    assert (ran.code, ran.out) == (130, "")
    text = "Stopped. 35 rows are imported. The next run continues there."
    assert " ".join(ran.err.split()) == text
    assert len(journaled(ready)) == 35

    monkeypatch.setattr(appending, "append_lines", append)
    done = ready("import", "a.ndjson", "b.ndjson", "--source", "api", "--json").json
    assert (done["read"], done["skipped"], done["journaled"], done["duplicates"]) == (50, 35, 15, 0)
    assert len(journaled(ready)) == 50
    assert not Path("data/imports.json").exists()


def test_lines_that_are_no_messages_are_named_and_the_rest_is_imported(ready: Shell) -> None:
    Path("a.ndjson").write_bytes(b"nonsense\n\n" + ndjson(identify(1), {"type": "identify"}))
    ran = ready("import", "a.ndjson", "--source", "api", "--json")
    assert ran.code == 1
    assert (ran.json["unreadable"], ran.json["journaled"]) == (2, 1)
    assert [reason.partition(": ")[0] for reason in ran.json["rejected"]] == ["a.ndjson:1", "a.ndjson:4"]


def test_messages_without_a_time_are_counted(ready: Shell) -> None:
    timed = {**identify(1), "timestamp": "2022-01-01T00:00:00Z"}
    Path("a.ndjson").write_bytes(ndjson(timed, identify(2)))
    assert "1 without a time" in ready("import", "a.ndjson", "--source", "api", "--preview").out
    assert ready("import", "a.ndjson", "--source", "api", "--json").json["untimed"] == 1


def test_forgotten_people_are_not_imported_again(tmp_path: Path, emulator: Emulator, shell: Shell) -> None:
    here = Installation(tmp_path / "data", emulator)
    here.forget("person1@example.com", RegulationType.SUPPRESS_ONLY)
    here.close()
    Path("a.ndjson").write_bytes(ndjson(identify(1), identify(2)))
    done = shell("import", "a.ndjson", "--source", "api", "--json").json
    assert (done["read"], done["journaled"]) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.ndjson", "--source", "api"), "no such file"),
        (("a.ndjson", "--source", "nobody"), "Sources: api."),
        (("a.ndjson", "--source", "api", "--estimate"), "feeds no destination"),
        (("-", "--source", "api", "--estimate"), "standard input"),
    ],
)
def test_what_cannot_be_imported_is_one_clear_line(ready: Shell, arguments: tuple[str, ...], words: str) -> None:
    Path("a.ndjson").write_bytes(ndjson(identify(1)))
    ran = ready("import", *arguments)
    assert ran.code == 1
    assert words in ran.err


# -- the estimate


def corpus() -> list[dict[str, Any]]:
    """People, twice; tracks with and without a person; groups of forty companies."""
    messages: list[dict[str, Any]] = []
    for number in range(600):
        messages.append(identify(number % 450, plan="gold" if number < 450 else "silver"))
        messages[-1]["messageId"] = f"i-{number}"
    for number in range(1300):
        messages.append(
            {"type": "track", "userId": f"u{number % 500}", "messageId": f"t{number}", "event": f"Event {number % 3}"}
        )
    for number in range(450):
        messages.append(
            {
                "type": "group",
                "userId": f"u{number}",
                "groupId": f"g{number % 40}",
                "messageId": f"g{number}",
                "traits": {"website": f"https://company{number % 40}.example.com", "name": f"Company {number % 40}"},
            }
        )
    messages.append({"type": "page", "userId": "u1", "messageId": "p1"})
    return messages


def test_the_estimate_comes_true(tmp_path: Path, emulator: Emulator) -> None:
    emulator.set_limits(property_lag_seconds=0, search_lag_seconds=0)
    path = tmp_path / "a.ndjson"
    path.write_bytes(ndjson(*corpus()))
    here = Installation(tmp_path / "data", emulator)
    source = here.store.registry.sources()[1]
    [destination] = here.store.registry.destinations().values()
    estimator = Estimator(
        destination, here.store.registry.sources(), default_portal(str(destination.hub_id)), here.store.record.links
    )
    for rows in cycles(HistoryRows(look_at([str(path)], ReadOptions()), source, NOW), 10_000):
        estimator.take(rows)
    estimate = estimator.estimate(10.0, 40_000)

    here.send(1, *corpus())
    here.deliver()
    call_counts = emulator.stats()["calls"]
    write_counts = {
        call: count for call, count in call_counts.items() if call.startswith("POST") and "properties" not in call
    }
    # Companies are read at most so often; here HubSpot has none of them.
    assert sum(write_counts.values()) == estimate.total_calls - estimate.calls["read companies"], (
        write_counts,
        estimate.calls,
    )
    assert (estimate.contacts, estimate.companies, estimate.associations) == (450, 40, 450)
    assert estimate.events == len(emulator.events())
    assert (estimate.held, estimate.held_by) == (100, {"unknown-person": 100})
    assert estimate.discarded == {"page-is-device-only": 1}
    assert estimate.definitions == 3
    assert estimate.day_percent == pytest.approx(estimate.total_calls / 400, abs=0.01)
    here.close()


def test_what_does_not_change_between_cycles_is_not_counted_again() -> None:
    destination = Destination(destination_id=1, name="hubspot", hub_id="1")
    estimator = Estimator(destination, {1: Source(source_id=1, name="api")}, default_portal("1"), lambda keys: {})
    rows = [
        JournalRow(
            number + 1,
            1,
            f"m{number}",
            NOW,
            json.dumps(identify(number % 10, firstname="A")).encode(),
            None,
            True,
            None,
        )
        for number in range(30)
    ]
    for part in cycles(rows, 10):
        estimator.take(part)
    assert estimator.estimate(10.0, 100).calls == {"read contacts": 1, "upsert contacts": 1}


async def test_an_import_makes_the_reads_that_its_estimate_says(tmp_path: Path) -> None:
    """People and companies that HubSpot has already, and newer; in cycles of a hundred messages."""
    people, companies = 120, 60
    messages = [
        message
        for number in range(people)
        for message in (
            identify(number, city="Oldtown"),
            {"type": "group", "userId": f"u{number}", "groupId": f"g{number % companies}", "messageId": f"g{number}",
             "traits": {"website": f"company{number % companies}.example", "city": "Oldtown"}},
        )
    ]  # fmt: skip
    messages = [{**message, "timestamp": "2023-01-01T00:00:00Z"} for message in messages]
    policy = LanePolicy(cycle_messages=100, backfill_linger_seconds=0.0)
    async with World(tmp_path, policy=policy, search_lag_seconds=0) as world:
        world.emulator.seed(
            contacts=[{"properties": {"email": f"person{n}@example.com", "city": "Newtown"}} for n in range(people)],
            companies=[{"properties": {"domain": f"company{n}.example", "city": "Newtown"}} for n in range(companies)],
        )
        world.append(messages, is_backfill=True)
        estimator = Estimator(world.destination, world.sources, default_portal("1"), world.record.links)
        for rows in cycles(world.journal.read(0, 1000, source_ids=None, is_backfill=True), 100):
            estimator.take(rows)
        estimated = estimator.estimate(10.0, 40_000).calls
        await world.drain(world.driver())
        call_counts = world.emulator.stats()["calls"]
        reads = {
            kind: call_counts[f"POST /crm/objects/2026-09/{kind}/batch/read"] for kind in ("contacts", "companies")
        }
        assert reads == {kind: estimated[f"read {kind}"] for kind in reads}
        cities = [contact["properties"]["city"] for contact in world.emulator.contacts() + world.emulator.companies()]
        assert set(cities) == {"Newtown"}


async def test_an_estimate_counts_the_look_for_companies_that_hubspot_may_be_creating(tmp_path: Path) -> None:
    """The e-mail domain of each new person is the domain of the company that a later cycle names."""
    people = [identify(number, email=f"p{number}@company{number}.example") for number in range(50)]
    groups = [
        {"type": "group", "userId": f"u{number}", "groupId": f"g{number}", "messageId": f"g{number}",
         "traits": {"website": f"company{number}.example"}}
        for number in range(50)
    ]  # fmt: skip
    async with World(tmp_path, policy=LanePolicy(cycle_messages=50, backfill_linger_seconds=0.0)) as world:
        world.append(people + groups, is_backfill=True)
        estimator = Estimator(world.destination, world.sources, default_portal("1"), world.record.links)
        for rows in cycles(world.journal.read(0, 1000, source_ids=None, is_backfill=True), 50):
            estimator.take(rows)
        estimated = estimator.estimate(10.0, 40_000).calls
        await world.drain(world.driver())
        call_counts = world.emulator.stats()["calls"]
        looks = {
            "search companies": call_counts["POST /crm/objects/2026-09/companies/search"],
            "read associations": call_counts["POST /crm/associations/2026-09/contacts/companies/batch/read"],
        }
        assert looks == {name: estimated[name] for name in looks} == {"search companies": 2, "read associations": 1}


def test_the_command_tells_calls_share_of_the_day_and_imports_nothing(ready: Shell, emulator: Emulator) -> None:
    ready("destination", "add", "hubspot", "--token-stdin", stdin=TOKEN)
    Path("a.ndjson").write_bytes(ndjson(*corpus()))
    [estimate] = ready("import", "a.ndjson", "--source", "api", "--estimate", "--json").json
    assert (estimate["destination"], estimate["schema_is_default"]) == ("hubspot", False)
    assert estimate["total_calls"] == sum(estimate["calls"].values())
    text = ready("import", "a.ndjson", "--source", "api", "--estimate").out
    assert "% of a day's calls" in text
    assert journaled(ready) == []
    assert emulator.contacts() == []


def test_at_a_terminal_the_cost_is_told_and_asked_about(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    ready("destination", "add", "hubspot", "--token-stdin", stdin=TOKEN)
    Path("one.ndjson").write_bytes(ndjson(identify(1)))
    monkeypatch.setattr(backfill, "is_interactive", lambda: True)
    refused = ready("import", "one.ndjson", "--source", "api", stdin="n\n")
    assert refused.code == 1
    assert "1 message, about 1 HubSpot call\n" in refused.out
    assert journaled(ready) == []
    assert ready("import", "one.ndjson", "--source", "api", stdin="y\n").code == 0
    assert len(journaled(ready)) == 1
    Path("two.ndjson").write_bytes(ndjson(identify(2)))
    quiet = ready("import", "two.ndjson", "--source", "api", "--yes")
    assert (quiet.code, "HubSpot call" in quiet.out) == (0, False)


def test_what_cannot_be_estimated_is_imported_all_the_same(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("one.ndjson").write_bytes(ndjson(identify(1)))
    monkeypatch.setattr(backfill, "is_interactive", lambda: True)
    ran = ready("import", "one.ndjson", "--source", "api", stdin="y\n")
    assert "No estimate: source 'api' feeds no destination" in ran.err
    assert len(journaled(ready)) == 1
