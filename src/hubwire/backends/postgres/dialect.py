"""Translates the SQL of `backends/sql` into PostgreSQL's notation for parameters and lists of parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any

import psycopg

from hubwire.backends.postgres.connection import PostgresDatabase
from hubwire.backends.postgres.migrations import schema_version
from hubwire.backends.postgres.pool import Db
from hubwire.backends.sql.database import Rows, Session

_MARK = re.compile(r"\?(\d*)")
ERASED_FROM = (
    "journal",
    "delivery",
    "attempt",
    "link",
    "person",
    "association",
    "membership",
    "preference",
    "submission",
    "object_record",
    "object_association",
    "hold",
    "lane",
    "audit",
    "replay",
    "regulation",
)
_LIST = re.compile(r"json_each\((\?\d*)\)")


@lru_cache(maxsize=512)
def translated(sql: str) -> tuple[str, bool]:
    """The statement with psycopg's parameters, and True if they are numbered. Also translates a `?` in a text."""
    sql = _LIST.sub(r"json_array_elements_text(CAST(\1 AS json))", sql.replace("%", "%%")).replace("instr(", "strpos(")
    is_numbered = re.search(r"\?\d", sql) is not None
    return _MARK.sub(r"%(p\1)s" if is_numbered else "%s", sql), is_numbered


def _arguments(parameters: Sequence[Any], is_numbered: bool) -> Sequence[Any] | dict[str, Any]:
    return {f"p{index}": value for index, value in enumerate(parameters, 1)} if is_numbered else parameters


class _Transaction:
    """A `Session` within one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Rows:
        statement, is_numbered = translated(sql)
        return self._db.execute(statement, _arguments(parameters, is_numbered), binary=True)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Rows:
        statement, is_numbered = translated(sql)
        cursor = self._db.cursor()
        cursor.executemany(statement, [_arguments(row, is_numbered) for row in parameters])
        return cursor


def session(db: Db) -> Session:
    """The connection protocol of the shared modules."""
    return _Transaction(db)


class _Found:
    """`Rows` that no longer need their connection."""

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self.rowcount = rowcount
        self._rows = iter(rows)

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows


class _Alone:
    """A `Session` without a transaction; each statement takes a connection from the pool."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Rows:
        statement, is_numbered = translated(sql)
        with self._database.checkout() as db:
            cursor = db.execute(statement, _arguments(parameters, is_numbered), binary=True)
            return _Found(cursor.fetchall() if cursor.description else [], cursor.rowcount)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Rows:
        with self._database.transaction() as db:
            return _Found([], _Transaction(db).executemany(sql, parameters).rowcount)


class PostgresTables:
    """A `backends.sql.database.Database` over PostgreSQL."""

    conflicts: tuple[type[Exception], ...] = (psycopg.IntegrityError,)

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self.connection: Session = _Alone(database)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self._database.transaction() as db:
            yield _Transaction(db)

    @contextmanager
    def counting(self) -> Iterator[Session]:
        """A caller that removes or redacts messages also deletes their sums, and needs this lock for that.

        Both lock the journal before the sums, because the other order would deadlock.
        """
        with self._database.transaction() as db:
            db.execute("LOCK TABLE journal IN ACCESS SHARE MODE")
            db.execute("LOCK TABLE intake IN EXCLUSIVE MODE")
            yield _Transaction(db)

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        with self._database.snapshot() as db:
            yield _Transaction(db)

    def erasing(self) -> AbstractContextManager[Session]:
        """Deleted or replaced data stays in its page until `finish_erasing`, and in the server's log until that is
        recycled; neither is readable through SQL."""
        return self.transaction()

    def finish_erasing(self) -> bool:
        """Let new rows use the pages of erased data. The operator must handle backups and archived logs."""
        with self._database.checkout() as db:
            db.execute(f"VACUUM {', '.join(ERASED_FROM)}")
        return True

    def schema_version(self) -> int:
        with self._database.checkout() as db:
            return schema_version(db)

    def bytes_used(self) -> int:
        [(size,)] = self._database.execute("SELECT pg_database_size(current_database())")
        return int(size)

    def bytes_free(self) -> int:
        """Unknown: autovacuum gives free space to new rows."""
        return 0

    def give_back(self, limit_bytes: int) -> int:
        """Shape: always 0, because dropped partitions of the journal free their space at once."""
        return 0
