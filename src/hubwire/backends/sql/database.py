"""The database protocol of the shared modules, and the SQL that they may use.

The SQL is the common part of SQLite and PostgreSQL: `ON CONFLICT (columns)`, `RETURNING`, `TRUE` and `FALSE`, and
qualified columns of the changed table. Two things use SQLite's notation and are translated for PostgreSQL:
parameters are `?` or `?1`, and a list of parameters is JSON: `IN (SELECT value FROM json_each(?))`, where numbers are
`CAST(value AS bigint)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Session(Protocol):
    """A connection. Outside a transaction, each statement sees the newest commit; within one, all see the same."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Rows: ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Rows: ...


class Database(Protocol):
    """One database. Errors: BackendUnavailable; `conflicts` are raised for a value that must be unique or used."""

    @property
    def conflicts(self) -> tuple[type[Exception], ...]: ...

    @property
    def connection(self) -> Session:
        """A session outside a transaction."""
        ...

    def transaction(self) -> AbstractContextManager[Session]:
        """A write transaction: committed when the block ends, rolled back when it raises."""
        ...

    def counting(self) -> AbstractContextManager[Session]:
        """A write transaction during which no message is removed or redacted, so that counts stay correct."""
        ...

    def snapshot(self) -> AbstractContextManager[Session]:
        """A read transaction: all its reads see the same moment."""
        ...

    def erasing(self) -> AbstractContextManager[Session]:
        """A write transaction that overwrites deleted and replaced data, if the database can."""
        ...

    def finish_erasing(self) -> bool:
        """Remove erased data from the database's logs too; False if this must be repeated later."""
        ...

    def schema_version(self) -> int: ...

    def bytes_used(self) -> int:
        """The size of the data, without free space inside the database."""
        ...

    def bytes_free(self) -> int:
        """Space inside the database's files that new rows will use."""
        ...

    def give_back(self, limit_bytes: int) -> int:
        """Return at most this much free space to the file system; returns how much."""
        ...
