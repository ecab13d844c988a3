"""Every database that the contract suites run on, opened fresh: the fixture `backend`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import pytest

from hubwire.backends.sql.database import Database, Session
from hubwire.backends.sql.reading.message_index import SqlMessageIndex
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.backends.sqlite.record import SqliteRecord
from hubwire.journal.protocol import Journal
from hubwire.record.intake import MessageIndex
from hubwire.record.protocol import Record


@dataclass(frozen=True)
class Backend:
    """One database with what hot paths use of it; the shared modules take `database`."""

    database: Database
    journal: Journal
    record: Record
    close: Callable[[], None]
    index_of: Callable[[Session], MessageIndex] = SqlMessageIndex
    tells_free_space: bool = True
    """False: free space inside the database is its own business, `bytes_used` counts whole files."""


def sqlite_backend(path: Path) -> Backend:
    file = SqliteFile(path / "hubwire.db")
    journal = SqliteJournal(file)

    def close() -> None:
        journal.close()
        file.close()

    return Backend(file, journal, SqliteRecord(file), close)


def postgres_backend(url: str) -> Backend:
    from hubwire.backends.postgres.connection import PostgresDatabase
    from hubwire.backends.postgres.dialect import PostgresTables
    from hubwire.backends.postgres.journal import PostgresJournal
    from hubwire.backends.postgres.record import PostgresRecord

    database = PostgresDatabase(url)
    return Backend(
        database=PostgresTables(database),
        journal=PostgresJournal(database),
        record=PostgresRecord(database),
        close=database.close,
        tells_free_space=False,
    )


def nats_backend(url: str, postgres_url: str) -> Backend:
    """The journal in JetStream, the record in PostgreSQL."""
    from hubwire.backends.nats.client import NatsClient, NatsUrl
    from hubwire.backends.nats.journal import NatsJournal

    record = postgres_backend(postgres_url)
    journal = NatsJournal(NatsClient(NatsUrl.parse(url)))

    def close() -> None:
        journal.close()
        record.close()

    return replace(record, journal=journal, close=close, index_of=lambda _: journal.message_index())


BACKENDS: dict[str, Callable[[pytest.FixtureRequest], Backend]] = {
    "nats": lambda request: nats_backend(request.getfixturevalue("nats_url"), request.getfixturevalue("postgres_url")),
    "postgres": lambda request: postgres_backend(request.getfixturevalue("postgres_url")),
    "sqlite": lambda request: sqlite_backend(request.getfixturevalue("tmp_path")),
}


class FreshBackend(Protocol):
    """Opens a database of its own each time."""

    def __call__(self) -> AbstractContextManager[Backend]: ...


@pytest.fixture(params=sorted(BACKENDS))
def fresh_backend(request: pytest.FixtureRequest) -> FreshBackend:
    """For a test that runs many times within itself (Hypothesis)."""

    @contextmanager
    def fresh() -> Iterator[Backend]:
        with ExitStack() as stack:
            if request.param == "sqlite":
                backend = sqlite_backend(Path(stack.enter_context(TemporaryDirectory())))
            else:
                url = request.getfixturevalue("postgres_server").database()
                if request.param == "postgres":
                    backend = postgres_backend(url)
                else:
                    backend = nats_backend(request.getfixturevalue("nats_server").stream_url(), url)
            stack.callback(backend.close)
            yield backend

    return fresh


@pytest.fixture(params=["postgres", "sqlite"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """For what the record and the registry do."""
    new_backend = BACKENDS[request.param](request)
    yield new_backend
    new_backend.close()


@pytest.fixture(params=sorted(BACKENDS))
def backend_with_journal(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """For what depends on the journal as well: it may be elsewhere."""
    backend = BACKENDS[request.param](request)
    yield backend
    backend.close()
