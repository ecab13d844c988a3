"""History from other systems, from the file to what HubSpot holds; and what the command says of it."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.integration.ops.conftest import Shell
from tests.integration.ops.test_forget import Installation

from hubwire.backfill.past import FILE
from hubwire.testing import Emulator

KNOWN_ADA = {
    "type": "identify",
    "userId": "u1",
    "traits": {"email": "ada@example.com", "firstName": "Ada", "jobtitle": "Analyst", "city": "Turin"},
    "timestamp": "2026-06-01T00:00:00Z",
    "messageId": "x1",
}

Import = Callable[..., Any]


@pytest.fixture
def here(tmp_path: Path, emulator: Emulator, shell: Shell) -> Installation:
    shell.set(HUBSPOT_BASE_URL=emulator.base_url)
    emulator.set_limits(property_lag_seconds=0, search_lag_seconds=0)
    installation = Installation(tmp_path / "data", emulator)
    installation.store.journal.close()  # the commands append
    return installation


@pytest.fixture
def imported(here: Installation, shell: Shell) -> Import:
    """Imports Ada, then a file, and delivers both; gives what the command answered."""

    def run(name: str, body: str, *more: str) -> Any:
        Path("ada.ndjson").write_text(json.dumps(KNOWN_ADA) + "\n")
        Path(name).write_text(body)
        assert shell("import", "ada.ndjson", "--source", "api", "--json").code == 0
        here.deliver()
        ran = shell("import", name, "--source", "api", "--json", *more)
        here.deliver()
        return ran

    return run


def ada(here: Installation) -> dict[str, str]:
    [contact] = [
        last_import
        for last_import in here.emulator.contacts()
        if last_import["properties"]["email"] == "ada@example.com"
    ]
    names = ("firstname", "jobtitle", "city", "website", "phone", "industry")
    return {name: contact["properties"][name] for name in names if contact["properties"].get(name)}


def company(here: Installation, domain: str) -> dict[str, Any]:
    """The company of a domain: HubSpot makes others of the domains of e-mails."""
    [found] = [
        last_import for last_import in here.emulator.companies() if last_import["properties"].get("domain") == domain
    ]
    return found


KEPT = {"firstname": "Ada", "jobtitle": "Analyst", "city": "Turin"}


@pytest.mark.parametrize("time", ["2024-03-02 11:00:01.5 UTC", "2026-08-02 11:00:01.5+00"])
def test_a_groups_table_makes_a_company_and_leaves_the_person_alone(
    here: Installation, imported: Import, time: str
) -> None:
    header = "user_id,group_id,timestamp,name,website,phone,city\n"
    imported("groups.csv", f"{header}u1,g1,{time},Acme,https://acme.example,+39 011 555,Milan\n")
    assert ada(here) == KEPT
    acme = company(here, "acme.example")
    assert (acme["properties"]["name"], acme["properties"]["city"]) == ("Acme", "Milan")
    assert acme["id"] in json.dumps(here.emulator.associations())


@pytest.mark.parametrize(
    "time",
    ["2024-03-05 10:00:02.5 UTC", "2024-03-05 10:00:02.500 +0000", "2024-03-05 10:00:02.500 Z", "1709632802"],
)
def test_old_values_win_over_nothing_in_whatever_form_their_time_is(
    here: Installation, imported: Import, time: str
) -> None:
    imported("p.csv", f"user_id,timestamp,email,firstname,city\nu1,{time},ada@example.com,Adele,Oldtown\n")
    assert ada(here) == KEPT


def test_a_time_with_two_readings_changes_nothing_and_is_named(here: Installation, imported: Import) -> None:
    ran = imported("p.csv", "user_id,timestamp,email,city\nu1,3/5/2024 10:00,ada@example.com,Oldtown\n")
    assert (ran.code, ran.json["journaled"]) == (1, 0)
    assert ran.json["rejected"] == ["p.csv:2: timestamp: '3/5/2024 10:00' can be 3 May or 5 March; --dates says which"]
    assert ada(here) == KEPT


def test_a_users_table_changes_nothing_newer_and_its_id_finds_the_person(here: Installation, imported: Import) -> None:
    imported(
        "users.csv",
        "id,received_at,uuid_ts,email,first_name,city\n"
        "u77,2024-03-05 10:00:02.5+00,2024-03-05 10:00:05+00,ada@example.com,Adele,Oldtown\n",
    )
    assert ada(here) == KEPT
    imported("t.ndjson", '{"type": "track", "userId": "u77", "event": "Old Thing", "timestamp": 1641038400}\n')
    [event] = here.emulator.events()
    assert (event["email"], event["occurredAt"]) == ("ada@example.com", "2022-01-01T12:00:00.000Z")


def test_a_pages_table_never_becomes_a_job_title(here: Installation, imported: Import) -> None:
    ran = imported(
        "pages.csv",
        "id,user_id,received_at,timestamp,url,path,title\n"
        "p1,u1,2026-07-01 00:00:00,2026-07-01 00:00:00,https://shop.example/a,/a,Product A\n",
    )
    assert ran.json["journaled"] == 1
    assert ada(here) == KEPT


def test_companies_without_people_arrive_where_the_destination_allows_it(here: Installation, imported: Import) -> None:
    [destination] = here.store.registry.destinations().values()
    mapping = replace(destination.mapping, companies_need_contact=False)
    here.store.registry.save_destination(replace(destination, mapping=mapping))
    imported("c.csv", "Record ID,Company name,Company Domain Name,City\n71,Acme,acme.example,Turin\n")
    assert company(here, "acme.example")["properties"]["name"] == "Acme"


def test_hubspots_export_goes_by_the_labels_of_the_portal(
    here: Installation, imported: Import, emulator: Emulator
) -> None:
    emulator.seed(properties={"contacts": [NEW_PROPERTY]})
    imported(
        "h.csv",
        "Record ID,First Name,Email,Phone Number,Favourite dish,Contact owner\n"
        "1,Bob,bob@example.com,'+39 011 555,Pasta,Jo\n",
    )
    [bob] = [
        last_import["properties"]
        for last_import in emulator.contacts()
        if last_import["properties"]["email"] == "bob@example.com"
    ]
    assert (bob["firstname"], bob["phone"], bob["fav_dish"]) == ("Bob", "+39 011 555", "Pasta")


NEW_PROPERTY = {"name": "fav_dish", "label": "Favourite dish", "type": "string", "fieldType": "text"}


# -- what the command says


@pytest.fixture
def ready(installed: Shell) -> Shell:
    installed("source", "add", "api", "--kind", "server")
    return installed


def test_a_file_of_which_nothing_is_usable_is_exit_1(ready: Shell) -> None:
    Path("h.csv").write_text("Record ID,First Name,Last Name,Email\n1,No,Mail,\n2,Nor,This,\n")
    ran = ready("import", "h.csv", "--source", "api")
    assert ran.code == 1
    assert "skipped, 2 rows: no e-mail and no user id" in ran.out
    assert "no usable row" in ran.out


@pytest.mark.parametrize("options", [(), ("--preview",), ("--estimate",)])
def test_a_csv_with_only_a_header_is_exit_1(ready: Shell, options: tuple[str, ...]) -> None:
    Path("h.csv").write_text("email,city\n")
    ran = ready("import", "h.csv", "--source", "api", *options)
    assert (ran.code, "h.csv: empty: the columns email, city, and no row" in ran.err) == (1, True)


def test_an_estimate_says_how_many_rows_cannot_be_read(here: Installation, shell: Shell) -> None:
    Path("x.csv").write_text("user_id,email,timestamp\nu1,a@example.com,2024-03-05\nu2,b@example.com,3/5/2024\n")
    ran = shell("import", "x.csv", "--source", "api", "--estimate")
    assert (ran.code, "1 unreadable; --preview lists the rows and the reasons" in ran.out) == (1, True)
    assert "1 message, " in ran.out
    assert shell("import", "x.csv", "--source", "api", "--estimate", "--dates", "day-first").code == 0


def test_an_unknown_file_is_refused_before_any_other_is_imported(ready: Shell) -> None:
    Path("a.ndjson").write_text(json.dumps(KNOWN_ADA) + "\n")
    Path("b.csv").write_text("plan,seats\ngold,1\n")
    ran = ready("import", "a.ndjson", "b.csv", "--source", "api")
    assert ran.code == 1
    assert "b.csv: not recognised: no column names people. Columns: plan, seats." in ran.err
    assert "--map" in ran.err
    store = ready.store()
    assert store.journal.extent().last == 0
    store.close()


def test_files_that_are_passed_over_and_columns_that_are_left_out_are_named_once(ready: Shell) -> None:
    Path("f").mkdir()
    for name in ("a", "b"):
        Path(f"f/{name}.csv").write_text(
            f"id,received_at,user_id,email,context_ip\n{name},2024-03-05 10:00:00,u{name},{name}@example.com,::1\n"
        )
    Path("f/manifest.json").write_text('{"files": ["a.csv"]}')
    ran = ready("import", "f", "--source", "api")
    assert ran.code == 0
    assert "f/a.csv and 1 more like it: Segment's or RudderStack's warehouse, table identifies" in ran.out
    assert "(CSV (comma, UTF-8)), 2 rows, times like 2024-03-05 10:00:00" in " ".join(ran.out.split())
    assert ran.out.count("left out: context_ip") == 1
    assert "skipped: f/manifest.json: a list of files, not history" in ran.out
    assert "2 read, 2 imported, 0 already known, 0 unreadable" in ran.out


def test_a_file_that_was_cut_off_says_how_much_is_imported(ready: Shell) -> None:
    lines = "".join(json.dumps({**KNOWN_ADA, "messageId": f"{n * 7919 % 99991}"}) + "\n" for n in range(20_000))
    whole = gzip.compress(lines.encode())
    Path("a.ndjson.gz").write_bytes(whole[: len(whole) // 2])
    ran = ready("import", "a.ndjson.gz", "--source", "api")
    assert ran.code == 1
    assert "a.ndjson.gz: damaged or cut off" in ran.out
    assert "rows before it are imported. Get the complete file and import it: no row is imported twice." in ran.out
    Path("a.ndjson.gz").write_bytes(whole)
    again = ready("import", "a.ndjson.gz", "--source", "api", "--json").json
    assert again["journaled"] + again["duplicates"] == 20_000
    assert again["duplicates"] > 5_000


def test_the_preview_shows_each_column_the_calls_and_what_does_not_arrive(ready: Shell) -> None:
    ready("destination", "add", "hubspot", "--token-stdin", stdin="pat-na1-not-a-real-token")
    Path("p.csv").write_text(
        "user_id,timestamp,Email Address,Nick,context_ip\n"
        "u1,2024-03-05 10:00 UTC,ada@example.com,Lady,::1\nu2,soon,,,\n"
    )
    ran = ready("import", "p.csv", "--source", "api", "--preview")
    assert ran.code == 1
    text = " ".join(ran.out.split())
    assert "p.csv: a table of people (CSV (comma, UTF-8)) 2 rows: 1 identify, 2024-03-05T10:00:00.000Z to" in text
    assert "Email Address ada@example.com traits.email" in text
    assert "p.csv:3: timestamp: 'soon' is no time" in text
    assert "hubspot 1 message, about 1 HubSpot call " in text
    assert "left out of 1 message: traits.Nick: unknown-property" in text
    store = ready.store()
    assert store.journal.extent().last == 0
    store.close()


def test_a_database_file_is_imported_table_by_table(ready: Shell) -> None:
    with closing(sqlite3.connect("w.db")) as db, db:
        db.execute("CREATE TABLE users (id TEXT, received_at TEXT, email TEXT)")
        db.execute("INSERT INTO users VALUES ('u1', '2024-03-05 10:00:02', 'ada@example.com')")
        db.execute("CREATE TABLE song_played (id TEXT, received_at TEXT, user_id TEXT, event TEXT, event_text TEXT)")
        db.execute("INSERT INTO song_played VALUES ('e1', '2024-03-05 10:00:02', 'u1', 'song_played', 'Song Played')")
    ran = ready("import", "w.db", "--source", "api", "--json")
    assert (ran.code, ran.json["read"], ran.json["journaled"]) == (0, 2, 2)


def test_a_plan_takes_the_same_options(ready: Shell) -> None:
    ready("destination", "add", "hubspot", "--token-stdin", stdin="pat-na1-not-a-real-token")
    Path("p.csv").write_text("Post,Stadt\nada@example.com,Turin\n")
    ran = ready("plan", "p.csv", "--map", "Post=email", "--map", "Stadt=city", "--json")
    assert ran.code == 0
    assert [last_import["outcome"] for last_import in ran.json["messages"]] == ["planned"]


def test_a_plan_goes_by_the_labels_of_the_portal(here: Installation, shell: Shell) -> None:
    here.emulator.seed(properties={"contacts": [NEW_PROPERTY]})
    Path("h.csv").write_text("Record ID,Email,First Name,Favourite dish\n1,ada@example.com,Ada,Pasta\n")
    ran = shell("plan", "h.csv")
    assert (ran.code, "fav_dish = 'Pasta'" in ran.out) == (0, True), ran.out + ran.err


# -- the outcome of an import


def test_the_outcome_of_an_import_counts_the_values_that_hubspot_has_newer(here: Installation, shell: Shell) -> None:
    here.emulator.seed(contacts=[{"properties": {"email": "ada@example.com"}}])
    [contact] = here.emulator.contacts()
    here.emulator.edit("contacts", contact["id"], {"city": "Graz", "jobtitle": "Director"})
    old = {**KNOWN_ADA, "timestamp": "2023-01-01T00:00:00Z"}
    other = {**old, "messageId": "x2", "userId": "u2", "traits": {"email": "bob@example.com", "city": "Bari"}}
    Path("old.ndjson").write_text(json.dumps(old) + "\n" + json.dumps(other) + "\n")
    done = shell("import", "old.ndjson", "--source", "api")
    assert "hubwire imports --wait" in done.out

    waiting = shell("imports", "--json").json
    assert [last_import["fates"]["is_delivered"] for last_import in waiting[0]["destinations"]] == [False]
    assert shell("imports", "--wait", "--timeout", "0").code == 1
    here.deliver()
    [last_import] = shell("imports", "--wait", "--timeout", "0", "--json").json
    [outcome] = last_import["destinations"]
    assert (last_import["messages"], last_import["files"]) == (2, "old.ndjson")
    assert outcome["fates"]["is_delivered"]
    assert (outcome["fates"]["newer_values"], outcome["fates"]["newer_messages"]) == (2, 1)
    assert "2 values in 1 messages stayed as HubSpot has them" in shell("imports").out
    assert ada(here)["city"] == "Graz"


def test_imports_are_listed_newest_first_and_an_unreadable_list_is_none(here: Installation, shell: Shell) -> None:
    for name, message in (("one.ndjson", KNOWN_ADA), ("two.ndjson", {**KNOWN_ADA, "messageId": "x9"})):
        Path(name).write_text(json.dumps(message))
        assert shell("import", name, "--source", "api").code == 0
    assert [last_import["files"] for last_import in shell("imports", "--json").json] == ["two.ndjson", "one.ndjson"]
    (here.folder / FILE).write_text("{")
    assert "No imports yet" in shell("imports").out
