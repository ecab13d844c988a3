"""A record belongs to one journal: with another one its lanes would take new messages for delivered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from tests.servers import NatsServer
from tests.support.world import SECRET_KEY

from hubwire.backends.postgres.connection import PostgresDatabase
from hubwire.backends.postgres.marks import POSTGRES, check_filled, check_journal
from hubwire.backends.postgres.migrations import migrate
from hubwire.backends.store import open_store
from hubwire.clock import SystemClock
from hubwire.errors import SettingsError
from hubwire.message import Entry
from hubwire.settings import Settings

NOW = 1_790_000_000_000


def settings(url: str, folder: Path, journal_url: str | None = None) -> Settings:
    return Settings(database_url=url, journal_url=journal_url, secret_key=SECRET_KEY, data=str(folder))


def append(of: Settings) -> None:
    store = open_store(of, SystemClock(), appends=True)
    store.journal.append([Entry(1, "a", NOW, b"{}")])
    store.close()


def move_a_cursor(database: PostgresDatabase) -> None:
    database.execute("INSERT INTO lane (destination_id, live_cursor) VALUES (1, 1)")


def refused(of: Settings) -> str:
    with pytest.raises(SettingsError, match="another journal") as error:
        open_store(of, SystemClock(), appends=False)
    return str(error.value)


def test_until_something_was_received_the_journal_may_be_another(database: PostgresDatabase) -> None:
    for journal in (POSTGRES, "stream a", "stream b", POSTGRES):
        check_journal(database, journal)
        check_journal(database, journal)
        assert database.execute("SELECT journal FROM journal_mark") == [(journal,)]


def test_what_a_lane_has_passed_belongs_to_one_journal(database: PostgresDatabase) -> None:
    check_journal(database, "stream a")
    move_a_cursor(database)
    check_journal(database, "stream a")
    with pytest.raises(SettingsError, match="in another journal: stream a, not stream b"):
        check_journal(database, "stream b")


def test_from_the_database_to_a_stream(
    postgres_url: str, nats_server: NatsServer, tmp_path: Path, database: PostgresDatabase
) -> None:
    append(settings(postgres_url, tmp_path))
    assert "another journal: postgres, not stream" in refused(
        settings(postgres_url, tmp_path, nats_server.stream_url())
    )
    open_store(settings(postgres_url, tmp_path), SystemClock(), appends=False).close()


def test_from_a_stream_to_the_database_or_to_another_stream(
    postgres_url: str, nats_server: NatsServer, tmp_path: Path, database: PostgresDatabase
) -> None:
    first = settings(postgres_url, tmp_path, nats_server.stream_url())
    append(first)
    move_a_cursor(database)
    assert "not postgres" in refused(settings(postgres_url, tmp_path))
    refused(settings(postgres_url, tmp_path, nats_server.stream_url()))
    open_store(first, SystemClock(), appends=False).close()


def test_a_stream_that_was_lost_and_made_anew_is_another_one(
    postgres_url: str, nats_server: NatsServer, tmp_path: Path, database: PostgresDatabase
) -> None:
    import nats

    of = settings(postgres_url, tmp_path, nats_server.stream_url())
    append(of)
    move_a_cursor(database)

    async def lose() -> None:
        connection = await nats.connect(nats_server.url)
        await connection.jetstream().delete_stream(str(of.journal_url).partition("?stream=")[2])
        await connection.close()

    asyncio.run(lose())
    refused(of)


def test_messages_of_before_the_mark_are_the_databases_own(postgres_url: str) -> None:
    """The migration that makes the mark finds them."""
    with psycopg.connect(postgres_url, autocommit=True) as db:
        migrate(db, through=6)
        db.execute("SELECT setval('journal_position', 5)")
    database = PostgresDatabase(postgres_url)
    assert database.execute("SELECT journal FROM journal_mark") == [("postgres",)]
    database.close()


def test_a_database_that_is_being_filled_is_not_served(
    database: PostgresDatabase, postgres_url: str, tmp_path: Path
) -> None:
    database.execute("INSERT INTO move (origin, copied_through) VALUES ('\\x00', 0)")
    with pytest.raises(SettingsError, match="hubwire migrate"):
        open_store(settings(postgres_url, tmp_path), SystemClock(), appends=False)
    database.execute("UPDATE move SET state = 'done'")
    check_filled(database)
