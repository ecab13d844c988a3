"""A database on a real server for tests of what only PostgreSQL does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed: no test runs on PostgreSQL")

from hubwire.backends.postgres.connection import PostgresDatabase


@pytest.fixture
def database(postgres_url: str) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres_url)
    yield opened
    opened.close()
