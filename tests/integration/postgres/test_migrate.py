"""`hubwire migrate`: an installation that has seen everything goes on in PostgreSQL exactly where it was."""

from __future__ import annotations

import base64
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.integration.postgres.installation import go_on, installation, seen, serve_from, settings, work
from tests.servers import PostgresServer
from tests.support.world import SECRET_KEY, World

from hubwire.backends.moving import journal as moving_journal
from hubwire.backends.moving.move import Moved, open_move
from hubwire.backends.moving.tables import STAY
from hubwire.backends.postgres.connection import PostgresDatabase
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.backends.sqlite.record import SqliteRecord
from hubwire.backends.store import open_store
from hubwire.clock import SystemClock
from hubwire.destination import Destination, Source
from hubwire.errors import BackendError, BackendUnavailable, HubwireError, SettingsError
from hubwire.journal.protocol import TOMBSTONE
from hubwire.manage.migrate import migrate
from hubwire.message import Entry
from hubwire.registry.vault import Vault, load_vault
from hubwire.secret import Secret
from hubwire.settings import Settings

NOW = 1_790_000_000_000
WINDOW_MS = 48 * 3_600_000
VAULT = load_vault(SECRET_KEY, Path("nowhere"))
OTHER_VAULT = Vault((b"x" * 32,))
OTHER_KEY = Secret(base64.b64encode(b"x" * 32).decode())
ROTATED = Vault((b"n" * 32, bytes(32)))
LEASE_SECONDS = 60.0

Report = Callable[[str, int, int], None]


def quietly(what: str, done: int, total: int) -> None:
    """Nobody looks."""


def run(
    path: Path, url: str, *, finishes: bool = False, now_ms: int = NOW, vault: Vault = VAULT, report: Report = quietly
) -> Moved:
    """What the command does."""
    with open_move(path, url, vault, WINDOW_MS, report) as move:
        return move.finish(now_ms) if finishes else move.fill()


def finish(world: World, url: str, report: Report = quietly) -> Moved:
    return run(world.path, url, finishes=True, now_ms=world.clock.now_ms(), report=report)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving_journal, "BLOCK_POSITIONS", 500)


@pytest.fixture
async def worked(tmp_path: Path) -> AsyncIterator[World]:
    """An installation at the end of its time on SQLite: its process has crashed, its lease is over."""
    async with installation(tmp_path) as world:
        await work(world)
        yield world


def stop(world: World) -> None:
    """The server is gone, and so is its lease."""
    world.journal.close()
    world.clock.advance(LEASE_SECONDS)


def append(world: World, message_id: str) -> None:
    """The old server is back for a moment."""
    with closing(SqliteFile(world.path)) as file:
        journal = SqliteJournal(file)
        journal.append([Entry(1, message_id, world.clock.now_ms(), b"{}")])
        journal.close()


def empty_tables(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return [name for name in names if not db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]]


async def test_it_goes_on_exactly_where_it_was(tmp_path: Path, postgres_url: str) -> None:
    ends = []
    for name, is_moved in (("stayed", False), ("moved", True)):
        (tmp_path / name).mkdir()
        async with installation(tmp_path / name) as world:
            await work(world)
            stop(world)
            assert empty_tables(world.path) == ["moved"]
            if is_moved:
                before = seen(world.store, world.clock.now_ms())
                assert run(world.path, postgres_url).behind == 0
                moved = finish(world, postgres_url)
                assert all(table.is_equal for table in moved.tables)
                serve_from(world, postgres_url)
                assert seen(world.store, world.clock.now_ms()) == before
            await go_on(world)
            ends.append((seen(world.store, world.clock.now_ms()), world.hubspot(), world.reasons(), world.calls()))
    for stayed, went in zip(*ends, strict=True):
        assert stayed == went


def test_no_column_stays_behind(tmp_path: Path, database: PostgresDatabase) -> None:
    """But those that only one of the two needs: the time, or the transaction, by which a late hold is noticed."""
    with closing(SqliteFile(tmp_path / "hubwire.db")) as file:
        names = [name for (name,) in file.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        here = {
            f"{name}.{row[1]}"
            for name in names
            if name not in STAY or name == "journal"
            for row in file.connection.execute(f"PRAGMA table_info({name})")
        }
    there = {
        f"{table}.{column}"
        for table, column in database.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema"
        )
    }
    assert here - there == {"link.linked_at_ms"}
    shared = {name.partition(".")[0] for name in here}
    assert {item for item in there - here if item.partition(".")[0] in shared} == {"link.linked_in", "cycle.begun_in"}


# -- interrupted

DIES = """
import os, signal, sys
from collections import Counter
from pathlib import Path
from hubwire.backends.moving import journal
from hubwire.backends.moving.move import open_move
from hubwire.registry.vault import Vault

path, url, now_ms, last = sys.argv[1:]
journal.BLOCK_POSITIONS = 500
passed = Counter()


def report(what, done, total):
    passed[what] += 1
    if f"{what} {passed[what]}" == last.partition(": ")[2]:
        os.kill(os.getpid(), signal.SIGKILL)


with open_move(Path(path), url, Vault((bytes(32),)), 172_800_000, report) as move:
    move.fill() if last.startswith("fill") else move.finish(int(now_ms))
"""
FILLING = ("journal 1", "journal 4", "journal 4")
FINISHING = (
    *("journal 1", "journal, compared 1", "journal, compared 5", "tables 1", "tables 20", "tables 26", "tables 40"),
    "handed over 1",
)


def die(world: World, url: str, last: str) -> None:
    """The command, ended by kill -9 right after its last step."""
    arguments = [str(world.path), url, str(world.clock.now_ms()), last]
    done = subprocess.run([sys.executable, "-c", DIES, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, f"{last}: {done.stderr}"


def is_served(of: Settings) -> bool:
    """Whether a server would start on it."""
    try:
        open_store(of, SystemClock(), appends=False).close()
    except SettingsError:
        return False
    return True


def journaled(world: World, url: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The journals of both sides, without what the command says of them."""
    select = "SELECT position, source_id, message_id, received_at_ms, body FROM journal ORDER BY position"
    with closing(sqlite3.connect(world.path)) as here, psycopg.connect(url) as there:
        return here.execute(select).fetchall(), there.execute(select).fetchall()


async def test_killed_after_any_step_it_is_run_again(worked: World, postgres_url: str) -> None:
    stop(worked)
    here, there = settings(worked), settings(worked, postgres_url)
    for step in FILLING:
        die(worked, postgres_url, f"fill: {step}")
        assert (is_served(here), is_served(there)) == (True, False)
    for number, step in enumerate(FINISHING):
        append(worked, f"received in between {number}")
        die(worked, postgres_url, f"finish: {step}")
        assert (is_served(here), is_served(there)) == (True, False)
    die(worked, postgres_url, "finish: handed over 2")
    assert (is_served(here), is_served(there)) == (False, False)
    finish(worked, postgres_url)
    assert (is_served(here), is_served(there)) == (False, True)
    old, new = journaled(worked, postgres_url)
    assert old == new
    assert len({message_id for _, _, message_id, *_ in new}) == len(new)
    assert new[-1][2] == f"received in between {len(FINISHING) - 1}"


async def test_a_target_that_goes_away_is_said_and_it_is_run_again(worked: World, own_server: PostgresServer) -> None:
    stop(worked)
    url = own_server.database()

    def pull_the_plug(what: str, done: int, total: int) -> None:
        if (what, done) == ("tables", 5):
            own_server.stop(signal.SIGQUIT)

    with pytest.raises(BackendUnavailable, match="postgres"):
        finish(worked, url, report=pull_the_plug)
    assert is_served(settings(worked))
    own_server.start()
    finish(worked, url)
    assert not is_served(settings(worked))


# -- what comes in between


async def test_what_was_forgotten_or_removed_after_filling_is_so_on_both_sides(
    worked: World, postgres_url: str
) -> None:
    run(worked.path, postgres_url)
    first = worked.journal.extent().first
    [ada] = worked.journal.find("t-ada-first")
    worked.journal.redact([ada.position])
    assert worked.journal.remove_through(first + 1, 10) == 2
    stop(worked)
    finish(worked, postgres_url)
    old, new = journaled(worked, postgres_url)
    assert old == new
    assert new[0][0] == first + 2
    assert [body for position, *_, body in new if position == ada.position] == [TOMBSTONE]


async def test_an_emptied_journal_goes_on_counting(worked: World, postgres_url: str) -> None:
    run(worked.path, postgres_url)
    worked.journal.append([Entry(1, "removed", worked.clock.now_ms(), b"{}")])
    last = worked.journal.extent().last
    worked.journal.remove_through(last, 10_000)
    assert run(worked.path, postgres_url).behind == 0
    stop(worked)
    finish(worked, postgres_url)
    serve_from(worked, postgres_url)
    assert worked.journal.extent() == (0, last)
    assert worked.journal.append([Entry(1, "next", worked.clock.now_ms(), b"{}")]) == [last + 1]


async def test_a_difference_that_stays_is_said_and_nothing_is_handed_over(
    worked: World, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(what: str, done: int, total: int) -> None:
        if what == "tables" and done == total // 2 + 1:  # all are copied, and the comparison has begun
            with psycopg.connect(postgres_url) as db:
                db.execute("UPDATE suppression SET since_ms = since_ms + 1")

    stop(worked)
    with pytest.raises(BackendError, match="both sides differ: suppression"):
        finish(worked, postgres_url, report=spoil)
    assert (is_served(settings(worked)), is_served(settings(worked, postgres_url))) == (True, False)
    finish(worked, postgres_url)


def test_text_that_postgresql_does_not_take(tmp_path: Path, postgres_url: str) -> None:
    """Keys that it cannot tell from each other must not keep an installation from moving."""
    path = tmp_path / "hubwire.db"
    with closing(SqliteFile(path)) as file:
        journal = SqliteJournal(file)
        journal.append([Entry(1, "a\x00b", 1, b"{}"), Entry(1, "a\ufffdb", 1, b"{}"), Entry(1, "c", 1, b'"\x00"')])
        journal.close()
        keys = ["u:a\x00", "u:a\ufffd", "u:b", "u:\x00\ufffd", "u:\ufffd\x00", "u:\x01", "u:\U0001f600", "u:\uffff"]
        file.connection.executemany(
            "INSERT INTO link VALUES ('server', ?, ?, 1, 1, 1)", [(key, f"{key}@example.com") for key in keys]
        )
    tables = {table.table: table.rows for table in run(path, postgres_url, finishes=True).tables}
    assert tables["journal"] == 3
    assert tables["link"] == 6
    store = open_store(Settings(database_url=postgres_url, secret_key=SECRET_KEY), SystemClock(), appends=True)
    with closing(store):
        assert store.journal.append([Entry(1, "a\x00b", 1, b"{}"), Entry(1, "a\ufffdb", 1, b"{}")]) == [None, None]
        assert store.record.links([("server", "u:b")])


# -- who may move where


def refused(path: Path, url: str, **options: Any) -> str:
    with pytest.raises(HubwireError) as error:
        run(path, url, **options)
    return str(error.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that has received one message."""
    path = tmp_path / "hubwire.db"
    store = open_store(Settings(database_url=f"sqlite:///{path}", secret_key=SECRET_KEY), SystemClock(), appends=True)
    store.registry.save_destination(Destination(destination_id=0, name="hubspot"))
    store.registry.set_token(1, Secret("pat"))
    store.journal.append([Entry(1, "a", 1, b"{}")])
    store.journal.close()
    store.close()
    return path


def test_both_sides_have_the_same_secret_key(file: Path, postgres_url: str) -> None:
    assert "encrypted with another key" in refused(file, postgres_url, vault=OTHER_VAULT)
    with psycopg.connect(postgres_url) as db:
        [(tables,)] = db.execute("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema").fetchall()
    assert tables == 0
    open_store(Settings(database_url=postgres_url, secret_key=OTHER_KEY), SystemClock(), appends=False).close()
    assert "another secret key" in refused(file, postgres_url)


def test_every_sealed_secret_can_be_opened(file: Path, postgres_url: str) -> None:
    """A key that was rotated: the older one alone makes the same fingerprints, and opens nothing that is new."""
    with closing(SqliteFile(file)) as opened:
        opened.connection.execute("UPDATE destination SET sealed_token = ?", (ROTATED.seal(Secret("pat")),))
    assert "encrypted with another key" in refused(file, postgres_url)
    run(file, postgres_url, vault=ROTATED)


def test_a_target_with_data_of_its_own_is_left_alone(file: Path, postgres_url: str) -> None:
    store = open_store(Settings(database_url=postgres_url, secret_key=SECRET_KEY), SystemClock(), appends=False)
    store.registry.save_source(Source(source_id=0, name="mine"))
    for finishes in (False, True):
        assert "is not empty" in refused(file, postgres_url, finishes=finishes)
    assert [source.name for source in store.registry.sources().values()] == ["mine"]
    store.close()
    assert is_served(Settings(database_url=postgres_url, secret_key=SECRET_KEY))


def test_a_target_is_filled_from_one_file(file: Path, postgres_url: str, tmp_path: Path) -> None:
    run(file, postgres_url)
    other = tmp_path / "other.db"
    SqliteFile(other).close()
    assert "data from another database" in refused(other, postgres_url)


def test_one_command_fills_at_a_time(file: Path, postgres_url: str) -> None:
    with open_move(file, postgres_url, VAULT, WINDOW_MS, quietly):
        assert "another `hubwire migrate`" in refused(file, postgres_url)
    run(file, postgres_url)


def test_a_file_that_is_received_into_is_not_finished(file: Path, postgres_url: str) -> None:
    with closing(SqliteFile(file)) as opened:
        journal = SqliteJournal(opened, appends=True)
        run(file, postgres_url)
        assert "still receives" in refused(file, postgres_url, finishes=True)
        assert journal.append([Entry(1, "b", 1, b"{}")]) == [2]
        journal.close()
    assert run(file, postgres_url, finishes=True).copied == 1


def test_a_file_that_is_delivered_from_is_not_finished(file: Path, postgres_url: str) -> None:
    with closing(SqliteFile(file)) as opened:
        lease = SqliteRecord(opened).lease_lane(1, "host:1", NOW, 10)
    assert lease is not None
    with pytest.raises(BackendError, match=r"still delivers from this database \(host:1\)") as error:
        run(file, postgres_url, finishes=True, now_ms=NOW + 4000)
    assert "ends in 6 s" in error.value.hint
    assert run(file, postgres_url, finishes=True, now_ms=NOW + 10_000).is_finished


def test_nobody_writes_to_the_file_while_it_is_finished(file: Path, postgres_url: str) -> None:
    written = []

    def write(what: str, done: int, total: int) -> None:
        with (
            closing(sqlite3.connect(file, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("UPDATE source SET name = 'changed'")
        written.append(what)

    run(file, postgres_url, finishes=True, report=lambda *text: write(*text) if text[0] != "handed over" else None)
    assert {"journal", "tables"} <= set(written)


def test_a_move_ends_once(file: Path, postgres_server: PostgresServer) -> None:
    url = postgres_server.database()
    run(file, url, finishes=True)
    for finishes in (False, True):
        assert "is complete" in refused(file, url, finishes=finishes)
        assert "was moved to postgresql://127.0.0.1" in refused(file, postgres_server.database(), finishes=finishes)
    with pytest.raises(SettingsError, match="was moved to postgresql://"):
        open_store(Settings(database_url=f"sqlite:///{file}", secret_key=SECRET_KEY), SystemClock(), appends=False)


def test_a_backup_that_is_older_than_what_was_copied(file: Path, postgres_url: str, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    with closing(SqliteFile(file)) as opened:
        SqliteJournal(opened).append([Entry(1, "b", 1, b"{}")])
    run(file, postgres_url)
    assert "older than the data that was copied" in refused(backup, postgres_url)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("postgresql://x", "sqlite:///y", "migrate goes from"),
        ("sqlite:///nowhere.db", "postgresql://hubwire@127.0.0.1:1/x", "no database at nowhere.db"),
    ],
)
def test_what_cannot_be_moved_is_one_clear_line(source: str, target: str, words: str, tmp_path: Path) -> None:
    of = Settings(data=str(tmp_path), secret_key=SECRET_KEY)
    with pytest.raises(HubwireError, match=words):
        migrate(source, target, finish=False, settings=of, clock=SystemClock(), report=quietly)


def test_a_file_of_something_else_stays_what_it_is(tmp_path: Path, postgres_url: str) -> None:
    no_database, of_others = tmp_path / "letter.txt", tmp_path / "others.db"
    no_database.write_text("Dear all, " * 200)
    with closing(sqlite3.connect(of_others)) as db:
        db.execute("CREATE TABLE theirs (a)")
    assert "file is not a database" in refused(no_database, postgres_url)
    assert "not a Hubwire database" in refused(of_others, postgres_url)
    with closing(sqlite3.connect(of_others)) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


def test_without_a_secret_key_none_is_made(file: Path, postgres_url: str, tmp_path: Path) -> None:
    of = Settings(data=str(tmp_path / "data"))
    with pytest.raises(SettingsError, match="there is no secret key"):
        migrate(f"sqlite:///{file}", postgres_url, finish=False, settings=of, clock=SystemClock(), report=quietly)
    assert not (tmp_path / "data").exists()
