"""A database on a real server for tests of what only PostgreSQL does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers import PostgresServer

pytest.importorskip("psycopg", reason="psycopg is not installed: no test runs on PostgreSQL")

from hubwire.backends.postgres.connection import PostgresDatabase


@pytest.fixture
def database(postgres_url: str) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres_url)
    yield opened
    opened.close()


@pytest.fixture
def own_server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()
