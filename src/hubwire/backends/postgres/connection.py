"""The PostgreSQL database: connections, transactions, numbered migrations, notifications.

A returned commit is as durable as the server makes it (`synchronous_commit`, replicas); nothing here weakens that.
Errors of the server become `BackendUnavailable` if the same call may work later; anything else is our own bug.
Time limits: the server closes a connection of a dead machine within seconds (`SESSION`), so that no lock outlives its
holder by more than a lease. We give up a frozen server (`bounded.py`), so that nobody waits for it for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, conninfo, errors
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import StrBinaryDumper, StrDumper

from hubwire.backends.postgres import arrays
from hubwire.backends.postgres.bounded import STATEMENT_SECONDS, BoundedConnection
from hubwire.backends.postgres.migrations import migrate
from hubwire.backends.postgres.pool import Db, Pool
from hubwire.delivery import State
from hubwire.errors import BackendUnavailable, SchemaMismatch, SettingsError

POOL_SIZE = 10
WAIT_SECONDS = 10.0
"""How long a call waits for a connection. A shorter restart of the server causes no error."""
CONNECT_SECONDS = 5
OLDEST_SERVER = 140000

SESSION = {
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "10s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
"""The server's own limits for our sessions."""

CLIENT = {
    "application_name": "hubwire",
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""Connection parameters, unless the URL says otherwise."""


class _SafeText(StrDumper):
    """Text that PostgreSQL accepts: without NUL characters and lone surrogates, which JSON may contain."""

    def dump(self, obj: str) -> Any:
        return super().dump(storable(obj))


class _StateText(StrDumper):
    def dump(self, obj: Any) -> Any:
        return super().dump(obj.stored)


class _StateBinaryText(StrBinaryDumper):
    def dump(self, obj: Any) -> Any:
        return super().dump(obj.stored)


class _SafeBinaryText(StrBinaryDumper):
    def dump(self, obj: str) -> Any:
        return super().dump(storable(obj))


def storable(text: str) -> str:
    """The text, with U+FFFD for each character that PostgreSQL cannot store."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text


class PostgresDatabase:
    """One database. Any thread may use it; `close()` gives every connection back.

    Shape: `url` is a libpq URL; `options` and parameters in it win over the defaults above.
    Errors: BackendUnavailable, SchemaMismatch, SettingsError.
    """

    def __init__(self, url: str, *, pool_size: int = POOL_SIZE) -> None:
        self.url = url
        self._conninfo = _conninfo(url)
        with explained(), psycopg.connect(self._conninfo, autocommit=True) as db:
            if db.info.server_version < OLDEST_SERVER:
                raise SchemaMismatch(f"PostgreSQL {db.info.server_version // 10000} is too old; 14 is the oldest")
            encoding = db.info.parameter_status("server_encoding")
            if encoding != "UTF8":
                raise SchemaMismatch(
                    f"this database's encoding is {encoding}; it must be UTF8",
                    hint="createdb --template=template0 --encoding=UTF8 …",
                )
            migrate(db)
        self._pool = Pool(self._open_bounded, pool_size, WAIT_SECONDS)

    @contextmanager
    def checkout(self, statement_seconds: float = STATEMENT_SECONDS) -> Iterator[Db]:
        """A connection in autocommit: each statement sees the newest commit.

        Errors: BackendUnavailable, also if the server does not answer a statement within this many seconds; it may
        still execute that statement.
        """
        with explained(), self._pool.checkout() as db:
            db.statement_seconds = statement_seconds
            yield db

    @contextmanager
    def transaction(self) -> Iterator[Db]:
        """A write transaction: committed when the block ends, rolled back when it raises.

        Errors: BackendUnavailable; if the connection broke during the commit, the commit may have succeeded.
        """
        with self.checkout() as db, db.transaction():
            yield db

    @contextmanager
    def snapshot(self) -> Iterator[Db]:
        """A read transaction: all its reads see the same moment."""
        with self.transaction() as db:
            db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield db

    def execute(self, sql: str, parameters: Any = ()) -> list[TupleRow]:
        """The rows of one statement, run on its own."""
        with self.checkout() as db:
            cursor = db.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def connect(self) -> Connection[TupleRow]:
        """A connection outside the pool, for a caller that keeps it (listening, copying); its statements may last."""
        with explained():
            return self._open()

    def _open(self) -> Connection[TupleRow]:
        db = psycopg.connect(self._conninfo, autocommit=True)
        _configure(db)
        return db

    def _open_bounded(self) -> BoundedConnection:
        db = BoundedConnection.connect(self._conninfo, autocommit=True)
        _configure(db)
        return db

    def close(self) -> None:
        self._pool.close()


def _conninfo(url: str) -> str:
    """The connection parameters of a URL. Errors: SettingsError, which does not quote the URL: it may contain the
    password."""
    try:
        parameters = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise SettingsError(
            "database_url (HUBWIRE_DATABASE_URL) is not postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
            hint="In user and password, write %25 for %, %40 for @, %3A for : and %2F for /. After a ?, only parameters"
            " of libpq are allowed.",
        ) from None
    options = " ".join(f"-c {name}={value}" for name, value in SESSION.items())
    parameters["options"] = f"{options} {parameters.get('options') or ''}".strip()
    return conninfo.make_conninfo("", **{**CLIENT, **parameters})


def _configure(db: Connection[TupleRow]) -> None:
    # Every number is a bigint: psycopg would choose the smallest type that holds it, and its sums would overflow.
    db.adapters.register_dumper(int, Int8BinaryDumper)
    db.adapters.register_dumper(int, Int8Dumper)
    db.adapters.register_dumper(str, _SafeBinaryText)
    db.adapters.register_dumper(str, _SafeText)
    db.adapters.register_dumper(State, _StateBinaryText)
    db.adapters.register_dumper(State, _StateText)
    arrays.register(db)


RETRYABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,  # the process stood still within a transaction
)
FORBIDDEN = (errors.InsufficientPrivilege, errors.InvalidSchemaName)


@contextmanager
def explained() -> Iterator[None]:
    """Map the server's failures: BackendUnavailable if it is down, restarting, full, slow or in a deadlock;
    SettingsError if our user lacks a permission."""
    try:
        yield
    except FORBIDDEN as exc:
        raise SettingsError(
            f"database_url (HUBWIRE_DATABASE_URL): {exc.diag.message_primary}",
            hint="Hubwire creates its own tables: let its user own the database (ALTER DATABASE … OWNER TO …), or GRANT"
            " CREATE, USAGE ON SCHEMA public TO it.",
        ) from exc
    except RETRYABLE as exc:
        raise BackendUnavailable(f"postgres: {str(exc).strip() or type(exc).__name__}") from exc
