"""The SQLite file: a connection per thread, one writer at a time, numbered migrations.

WAL with synchronous=FULL: a commit that returned is on disk. Writers of this process queue on a lock instead of polling
SQLite's; other processes (the CLI) are waited for with SQLite's own busy timeout.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from hubwire.backends.sqlite.migrations import migrate, schema_version
from hubwire.delivery import State
from hubwire.errors import BackendError, BackendUnavailable, Damaged

DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
PRIMARY = 0xFF
"""The bits of an error's extended code that give its kind."""

sqlite3.register_adapter(State, lambda state: state.stored)


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


BUSY_TIMEOUT_SECONDS = 30.0
AGAIN_SECONDS = 0.02
LOG_TIMEOUT_MS = 1_000
SYNCHRONOUS = "FULL"
"""A commit that returned is on disk. Only tests in simulated time set it to OFF, because nothing cuts their power."""
CACHE_KIB = 4 * 1024
"""The cache of each connection. Each thread has one: a process that receives and delivers has seven. The system caches
files too."""


class SqliteFile:
    """One database file. Threads get their own connection; `close()` closes them all."""

    conflicts: tuple[type[Exception], ...] = (sqlite3.IntegrityError,)

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        folder = Path(self.path).parent
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
        # Personal data: only for its owner. SQLite gives the files beside it the same mode.
        Path(self.path).touch(mode=0o600)
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._connections_lock = threading.Lock()
        self._write_lock = threading.Lock()
        try:
            with self._write_lock:
                migrate(self.raw, self.path)
        except (sqlite3.DatabaseError, Damaged) as exc:
            raise BackendError(
                f"sqlite: cannot read {self.path}: {exc.__cause__ or exc}",
                hint="It is damaged, or not Hubwire's: restore a backup, or set HUBWIRE_DATA to another folder.",
            ) from exc

    @property
    def raw(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit: reads see the newest commit. Errors: SQLite's own, unless it is used
        within `reading` or `transaction`."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._open()
            self._local.connection = connection
        return connection

    @property
    def connection(self) -> Alone:
        """Map errors of single statements. Errors: BackendUnavailable, Damaged."""
        return Alone(self.raw, self.path)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed and on disk when the block ends, rolled back when it raises.

        Errors: BackendUnavailable for a full disk, a lock that is not given up, an unreadable file; Damaged.
        """
        connection = self.raw
        with self._write_lock, explained(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A context for one writing statement without a transaction: committed and on disk when it ends. Errors: as
        `transaction`."""
        with self._write_lock, explained(self.path):
            yield self.raw

    def counting(self) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction during which no message is removed or redacted, because there is one writer at a time."""
        return self.transaction()

    @contextmanager
    def erasing(self) -> Iterator[sqlite3.Connection]:
        """A write transaction that overwrites with zeros what it deletes or replaces. See also `finish_erasing`."""
        connection = self.raw
        connection.execute("PRAGMA secure_delete = ON")
        try:
            with self.transaction():
                yield connection
        finally:
            connection.execute("PRAGMA secure_delete = OFF")

    def finish_erasing(self) -> bool:
        """Move the write-ahead log into the file, so that it holds no older values; False while a reader needs it."""
        connection = self.raw
        connection.execute(f"PRAGMA busy_timeout = {LOG_TIMEOUT_MS}")
        try:
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.execute(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_SECONDS * 1000)}")

    def reading(self) -> AbstractContextManager[None]:
        """A context for reads with `raw`: SQLite's own errors become BackendUnavailable and Damaged."""
        return explained(self.path)

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A read transaction: all its reads see the same moment."""
        connection = self.raw
        with self.reading():
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    def schema_version(self) -> int:
        return schema_version(self.raw)

    def bytes_used(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    def bytes_free(self) -> int:
        return self._pragma("freelist_count") * self._pragma("page_size")

    def give_back(self, limit_bytes: int) -> int:
        """Shape: 0 for a file made without incremental vacuum, which reuses its free pages and never shrinks."""
        free, size = self._pragma("freelist_count"), self._pragma("page_size")
        page_count = min(free, limit_bytes // size)
        if page_count == 0:
            return 0
        # A script runs to its end. `execute` would take one step, and each step gives back one page.
        connection = self.raw
        with self._write_lock:
            try:
                with explained(self.path):
                    connection.executescript(f"BEGIN IMMEDIATE; PRAGMA incremental_vacuum({page_count}); COMMIT;")
            except BackendError:
                connection.rollback()
                raise
        return (free - self._pragma("freelist_count")) * size

    def close(self) -> None:
        with self._connections_lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()

    def _pragma(self, name: str) -> int:
        return int(self.connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _open(self) -> sqlite3.Connection:
        with explained(self.path):
            connection = sqlite3.connect(
                self.path, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False
            )
            # Only for a new file, and before anything is written to it. Half as many pages take a sixth off an append;
            # incremental vacuum lets retention give space back.
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            _turn_to_wal(connection)
            connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        with self._connections_lock:
            self._connections.append(connection)
        return connection


def _turn_to_wal(connection: sqlite3.Connection) -> None:
    """Switch a new or copied file to WAL; other files already use it. SQLite's busy timeout does not apply here: the
    change fails at once while another process writes, for example one that switches the same file."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(AGAIN_SECONDS)
