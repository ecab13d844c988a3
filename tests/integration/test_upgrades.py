"""A database as any earlier schema made it, with rows in all of its tables, is brought up to date without loss and goes
on: its backlog is delivered, its memory is used, its messages are known again."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
from msgspec import structs
from tests.support.old_rows import ADA, BOB, HUB_ID, IDS, LAST, TOKEN, OldRow, rows
from tests.support.waiting import until
from tests.support.world import SECRET_KEY

from hubwire.backends.sqlite import migrations as sqlite_migrations
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.store import open_store
from hubwire.clock import SystemClock
from hubwire.errors import SchemaMismatch
from hubwire.message import Entry
from hubwire.process.service import Service
from hubwire.record.queries import LaneStatus
from hubwire.registry.vault import Vault, load_vault
from hubwire.secret import Secret
from hubwire.settings import Settings
from hubwire.testing import Emulator, running_emulator

DRAIN_SECONDS = 90.0
NEWEST = sqlite_migrations.scripts()[-1][0]


class OldDatabase(Protocol):
    """A database of an earlier schema."""

    kind: str
    url: str

    def migrate(self, through: int) -> None: ...

    def insert(self, row: OldRow) -> None: ...

    def columns(self) -> dict[str, list[str]]:
        """Every table, and its columns."""
        ...

    def version(self) -> int: ...

    def read(self, select: str) -> list[tuple[Any, ...]]: ...

    def close(self) -> None: ...


class OldFile:
    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._db = sqlite3.connect(path, isolation_level=None)

    def migrate(self, through: int) -> None:
        sqlite_migrations.migrate(self._db, "old", through)
        self._db.execute("DELETE FROM journal_key")

    def insert(self, row: OldRow) -> None:
        marks = ", ".join("?" * len(row.values))
        self._db.execute(
            f"INSERT INTO {row.table} ({', '.join(row.values)}) VALUES ({marks})", list(row.values.values())
        )

    def columns(self) -> dict[str, list[str]]:
        tables = [name for (name,) in self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: [row[1] for row in self._db.execute(f"PRAGMA table_info({name})")] for name in tables}

    def version(self) -> int:
        return sqlite_migrations.schema_version(self._db)

    def read(self, select: str) -> list[tuple[Any, ...]]:
        return self._db.execute(select).fetchall()

    def close(self) -> None:
        self._db.close()


class OldPostgres:
    kind = "postgres"

    def __init__(self, url: str) -> None:
        import psycopg

        self.url = url
        self._db = psycopg.connect(url, autocommit=True)

    def migrate(self, through: int) -> None:
        from hubwire.backends.postgres.migrations import migrate

        migrate(self._db, through)
        self._db.execute("SELECT journal_partition_through(%s, 1)", (LAST,))
        self._db.execute("SELECT setval('journal_position', %s)", (LAST,))

    def insert(self, row: OldRow) -> None:
        marks = ", ".join(["%s"] * len(row.values))
        statement = f"INSERT INTO {row.table} ({', '.join(row.values)}) VALUES ({marks})"
        self._db.execute(statement.encode(), list(row.values.values()))

    def columns(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for table, column in self._db.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema"
            " AND table_name !~ '_[0-9]+$' AND table_name <> 'schema_version' ORDER BY 1, ordinal_position"
        ):
            found.setdefault(table, []).append(column)
        return found

    def version(self) -> int:
        from hubwire.backends.postgres.migrations import schema_version

        return schema_version(self._db)

    def read(self, select: str) -> list[tuple[Any, ...]]:
        return self._db.execute(select.encode()).fetchall()

    def close(self) -> None:
        self._db.close()


def dump(old: OldDatabase, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """The rows of every table, as text."""
    return {
        table: sorted(map(str, old.read(f"SELECT {', '.join(names)} FROM {table}"))) for table, names in columns.items()
    }


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OldDatabase]:
    new_old: OldDatabase
    if request.param == "sqlite":
        new_old = OldFile(tmp_path / "hubwire.db")
    else:
        new_old = OldPostgres(request.getfixturevalue("postgres_url"))
    yield new_old
    new_old.close()


@pytest.fixture(scope="module")
def portal() -> Iterator[Emulator]:
    with running_emulator(access_token=TOKEN, portal_id=int(HUB_ID), limits_enabled=False) as emulator:
        yield emulator


@pytest.fixture
def emulator(portal: Emulator) -> Emulator:
    portal.reset()
    return portal


@pytest.fixture
def vault() -> Vault:
    return load_vault(SECRET_KEY, Path("nowhere"))


def fill(old: OldDatabase, version: int, vault: Vault, hubspot_url: str) -> None:
    """The schema of then, and rows in all of its tables."""
    old.migrate(version)
    for row in rows(old.kind, time.time_ns() // 1_000_000, vault, hubspot_url):
        if row.since <= version:
            old.insert(row)


def settings(old: OldDatabase, folder: Path) -> Settings:
    return Settings(database_url=old.url, secret_key=SECRET_KEY, data=str(folder))


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_no_row_of_an_earlier_schema_is_lost(version: int, old: OldDatabase, vault: Vault, tmp_path: Path) -> None:
    fill(old, version, vault, "http://127.0.0.1:1")
    columns = old.columns()
    before = dump(old, columns)
    assert {table for table, found in before.items() if not found} <= {"moved"}, "a moved one is not opened any more"
    open_store(settings(old, tmp_path), SystemClock(), appends=False).close()
    assert dump(old, columns) == before
    upgraded = old.columns()
    assert columns.keys() <= upgraded.keys()
    assert old.version() == NEWEST


def drained(service: Service) -> None:
    """Return when nothing is left to deliver."""

    def lanes() -> list[LaneStatus]:
        return service.store.queries.lanes(service.clock.now_ms())

    until(lambda: all(lane.is_drained for lane in lanes()), DRAIN_SECONDS, lanes)


@pytest.mark.parametrize("version", range(1, NEWEST))
async def test_the_backlog_of_an_earlier_schema_is_delivered(
    version: int, old: OldDatabase, vault: Vault, emulator: Emulator, tmp_path: Path
) -> None:
    fill(old, version, vault, emulator.base_url)
    if version > 1:
        emulator.seed(contacts=[{"properties": {"email": ADA}}])
    service = Service(
        structs.replace(
            settings(old, tmp_path),
            hubspot_access_token=Secret(TOKEN),
            hubspot_base_url=emulator.base_url,
            hubspot_hub_id=HUB_ID,
            linger_seconds=0.01,
        )
    )
    await service.start()
    try:
        await asyncio.to_thread(drained, service)
        sent = {event["properties"]["order"] for event in emulator.events()}
        people = {contact["properties"]["email"] for contact in emulator.contacts()}
        [lane] = service.store.queries.lanes(service.clock.now_ms())
        again = service.store.journal.append([Entry(1, item, service.clock.now_ms(), b"{}") for item in (*IDS, "new")])
        found = [row.position for row in service.store.journal.find(IDS[1])]
    finally:
        await service.stop()
    # From the second schema on: 2 is dead, 3 was held and is released by 4, and only the memory knows whose 5 is.
    assert (sent, lane.dead) == (({"two", "three", "five"}, 0) if version == 1 else ({"three", "five"}, 1))
    assert people == {ADA, BOB}
    assert lane.held == lane.backlog_count == 0
    assert again == [None] * LAST + [LAST + 1]
    assert found == [2]


def test_an_upgrade_that_breaks_changes_nothing(
    old: OldDatabase, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubwire.backends.postgres import migrations as postgres_migrations

    fill(old, 1, vault, "")
    columns = old.columns()
    before = dump(old, columns)
    broken = tmp_path / "broken.sql"
    broken.write_text("CREATE TABLE half (a integer);\nINSERT INTO nowhere VALUES (1);\n")
    with monkeypatch.context() as patched:
        for module in (sqlite_migrations, postgres_migrations):
            patched.setattr(module, "scripts", partial(list, [*module.scripts(), (NEWEST + 1, broken)]))
        with pytest.raises(Exception, match="nowhere"):
            open_store(settings(old, tmp_path), SystemClock(), appends=False)
    assert old.columns() == columns
    assert dump(old, columns) == before
    open_store(settings(old, tmp_path), SystemClock(), appends=False).close()


def test_processes_that_open_an_old_database_together_upgrade_it_once(
    old: OldDatabase, vault: Vault, tmp_path: Path
) -> None:
    fill(old, 1, vault, "")

    def open_it(_: int) -> int:
        store = open_store(settings(old, tmp_path), SystemClock(), appends=False)
        with closing(store):
            return store.statistics.storage().schema_version

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(open_it, range(6))) == {NEWEST}


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hubwire.db"
    SqliteFile(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 999")
    with pytest.raises(SchemaMismatch, match="newer Hubwire") as error:
        SqliteFile(path)
    assert "restore the backup" in error.value.hint


def test_both_kinds_of_database_have_the_same_numbers() -> None:
    from hubwire.backends.postgres import migrations as postgres_migrations

    numbers = [number for number, _ in sqlite_migrations.scripts()]
    assert numbers == list(range(1, NEWEST + 1)) == [number for number, _ in postgres_migrations.scripts()]
