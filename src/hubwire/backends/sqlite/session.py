"""Statements on a SQLite connection, with SQLite's errors mapped to ours, also while rows are fetched."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hubwire.errors import BackendUnavailable, Damaged

DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
PRIMARY = 0xFF
"""The bits of an error's extended code that give its kind."""


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Map SQLite's errors to BackendUnavailable and Damaged; errors about conflicting values stay unchanged."""
    try:
        yield
    except sqlite3.OperationalError as exc:
        where = (
            f"cannot open {path}" if getattr(exc, "sqlite_errorcode", 0) & PRIMARY == sqlite3.SQLITE_CANTOPEN else ""
        )
        raise BackendUnavailable(": ".join(filter(None, ("sqlite", where, str(exc))))) from exc
    except sqlite3.DatabaseError as exc:
        if getattr(exc, "sqlite_errorcode", 0) & PRIMARY not in DAMAGED:
            raise
        raise Damaged(
            f"sqlite: {path} is damaged ({exc}): restore a backup",
            hint=f"Stop Hubwire and keep a copy of the file. What is damaged: sqlite3 {path} 'PRAGMA integrity_check';"
            " what can still be read of it: sqlite3 FILE .recover",
        ) from exc


class Alone:
    """A `backends.sql.database.Session` outside a transaction."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._connection = connection
        self._path = path

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Fetched:
        with explained(self._path):
            return Fetched(self._connection.execute(sql, parameters), self._path)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Fetched:
        with explained(self._path):
            return Fetched(self._connection.executemany(sql, parameters), self._path)


class Fetched:
    """The rows of a statement."""

    def __init__(self, cursor: sqlite3.Cursor, path: str) -> None:
        self._cursor = cursor
        self._path = path

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def fetchone(self) -> Any:
        with explained(self._path):
            return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        with explained(self._path):
            return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        with explained(self._path):
            yield from self._cursor
