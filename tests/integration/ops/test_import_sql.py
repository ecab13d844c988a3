"""`hubwire import --sql`: rows of one query, and a bookmark that goes on where the last import ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.integration.ops.conftest import Shell
from tests.integration.ops.test_import import journaled

QUERY = "SELECT id, id AS user_id, email, plan, updated_at FROM users;"
TABLE = "CREATE TABLE users (id INTEGER, email TEXT, plan TEXT, updated_at TIMESTAMP)"

Run = Callable[[str], None]


@pytest.fixture
def ready(installed: Shell) -> Shell:
    installed("source", "add", "api", "--kind", "server")
    return installed


@pytest.fixture(params=["sqlite", "duckdb", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Run]:
    """A URL, and what runs a statement there."""
    if request.param == "sqlite":
        path = tmp_path / "crm.db"

        def run(statement: str) -> None:
            with closing(sqlite3.connect(path)) as db, db:
                db.execute(statement)

        return f"sqlite:///{path}", run
    if request.param == "duckdb":
        duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed: no test reads its files")

        def run_in_duckdb(statement: str) -> None:
            with duckdb.connect(str(tmp_path / "crm.duckdb")) as db:
                db.execute(statement)

        return f"duckdb:///{tmp_path / 'crm.duckdb'}", run_in_duckdb
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: no test runs on PostgreSQL")
    url: str = request.getfixturevalue("postgres_url")

    def execute(statement: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute(statement)

    return url, execute


def imported(ready: Shell, url: str, *more: str) -> dict[str, Any]:
    ran = ready("import", "--source", "api", "--sql", url, "--query", QUERY, *more, "--json")
    assert ran.code == 0, ran.err
    outcome: dict[str, Any] = ran.json
    return outcome


def test_the_next_import_begins_where_the_last_one_ended(ready: Shell, database: tuple[str, Run]) -> None:
    url, run = database
    run(TABLE)
    run("INSERT INTO users VALUES (1, 'ada@example.com', 'gold', '2024-03-05 10:00:02')")
    run("INSERT INTO users VALUES (2, 'bob@example.com', NULL, '2024-03-06 10:00:02')")
    cursor = ("--cursor", "updated_at")
    assert (first := imported(ready, url, *cursor))["journaled"] == 2, first
    run("INSERT INTO users VALUES (3, 'cid@example.com', 'gold', '2024-03-06 10:00:02')")
    run("UPDATE users SET plan = 'silver', updated_at = '2024-03-07 10:00:02' WHERE id = 1")
    again = imported(ready, url, *cursor)
    assert (again["read"], again["journaled"], again["duplicates"]) == (3, 2, 1)
    assert [(row["userId"], row["timestamp"][:10], row["traits"].get("plan")) for row in journaled(ready)] == [
        ("1", "2024-03-05", "gold"),
        ("2", "2024-03-06", None),
        ("3", "2024-03-06", "gold"),
        ("1", "2024-03-07", "silver"),
    ]


def test_a_row_without_a_cursor_is_a_fault_of_each_run_until_the_query_gives_it_a_value(
    ready: Shell, database: tuple[str, Run]
) -> None:
    url, run = database
    run(TABLE)
    run("INSERT INTO users VALUES (1, 'ada@example.com', 'gold', '2024-03-05 10:00:02')")
    for number in (2, 3):
        run(f"INSERT INTO users VALUES ({number}, 'p{number}@example.com', 'gold', NULL)")
        ran = ready("import", "--source", "api", "--sql", url, "--query", QUERY, "--cursor", "updated_at", "--json")
        assert (ran.code, ran.json["unreadable"]) == (1, number - 1)
        assert (
            "updated_at is empty; give it a value in the query, as in COALESCE(updated_at, " in ran.json["rejected"][0]
        )
    assert [row["userId"] for row in journaled(ready)] == ["1"]
    preview = ready("import", "--source", "api", "--sql", url, "--query", QUERY, "--cursor", "updated_at", "--preview")
    assert (preview.code, "updated_at is empty" in preview.out) == (1, True)
    query = "SELECT id AS user_id, email, COALESCE(updated_at, '2020-01-01') AS updated_at FROM users"
    ran = ready("import", "--source", "api", "--sql", url, "--query", query, "--cursor", "updated_at", "--json")
    assert (ran.code, ran.json["read"], ran.json["unreadable"]) == (0, 3, 0)


def test_without_a_cursor_all_rows_are_read_and_nothing_is_doubled(ready: Shell, database: tuple[str, Run]) -> None:
    url, run = database
    run(TABLE)
    run("INSERT INTO users VALUES (1, 'ada@example.com', 'gold', '2024-03-05 10:00:02')")
    assert imported(ready, url)["journaled"] == 1
    assert imported(ready, url)["duplicates"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--sql", "mysql://h/db", "--query", "SELECT 1"), 1, "mysql"),
        (("--sql", "sqlite:///nowhere.db", "--query", "SELECT 1"), 1, "there is no file"),
        (("--sql", "sqlite:///crm.db", "--query", "SELECT nix"), 1, "no such column"),
        (("--sql", "sqlite:///crm.db", "--query", "DELETE FROM users"), 1, "readonly"),
        (("--sql", "sqlite:///crm.db", "--query", QUERY, "--cursor", "seen_at"), 1, "is not a column of the query"),
        (("--sql", "sqlite:///crm.db", "--query", "SELECT plan FROM users"), 1, "no column names people"),
        (("--sql", "sqlite:///crm.db", "--query", "SELECT email, x'00' AS c FROM users", "--cursor", "c"), 1, "bytes"),
        (("--sql", "duckdb:///nowhere.duckdb", "--query", "SELECT 1"), 1, "there is no file"),
        (("--sql", "duckdb:///crm.db", "--query", "SELECT 1"), 1, "duckdb:///crm.db: "),
        (("--sql", "postgresql://127.0.0.1:1/x", "--query", "SELECT 1"), 1, "connection"),
        (("--sql", "sqlite:///crm.db"), 2, "--query"),
        (("x.csv", "--sql", "sqlite:///crm.db", "--query", "SELECT 1"), 2, "not both"),
        (("--sql", "sqlite:///crm.db", "--query", "SELECT 1", "--estimate"), 2, "--preview"),
        ((), 2, "give files"),
    ],
)
def test_what_cannot_be_asked_is_one_clear_line(
    ready: Shell, arguments: tuple[str, ...], code: int, words: str
) -> None:
    with closing(sqlite3.connect("crm.db")) as db, db:
        db.execute(TABLE)
        db.execute("INSERT INTO users VALUES (1, 'a@b.co', 'gold', '2024-03-05')")
    ran = ready("import", "--source", "api", *arguments)
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert "Traceback" not in ran.err
    assert journaled(ready) == []


def test_a_preview_of_a_query_imports_nothing(ready: Shell, database: tuple[str, Run]) -> None:
    url, run = database
    run(TABLE)
    run("INSERT INTO users VALUES (1, 'ada@example.com', 'gold', '2024-03-05 10:00:02')")
    ran = ready("import", "--source", "api", "--sql", url, "--query", QUERY, "--preview")
    assert (ran.code, "updated_at" in ran.out, "timestamp" in ran.out) == (0, True, True)
    assert "1 row: 1 identify" in ran.out
    assert journaled(ready) == []


def test_a_password_in_the_url_is_never_shown_or_kept(ready: Shell) -> None:
    ran = ready("import", "--source", "api", "--sql", "postgresql://u:s3cret@127.0.0.1:1/x", "--query", "SELECT 1")
    assert ran.code == 1
    assert "s3cret" not in ran.err + ran.out
