"""The whole move: fill repeatedly while the source is in use, then finish when nobody writes to it.

At any time, at most one side can be served: the target only after the end, the source only before it. Between two
commits, for a moment, neither can; a second run of finish continues from there.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from psycopg import Cursor
from psycopg.rows import TupleRow

from hubwire.backends.moving.journal import JournalCopy
from hubwire.backends.moving.rows import Digest
from hubwire.backends.moving.tables import JOURNAL, digests_there, is_unused, moving_tables, replace_all
from hubwire.backends.postgres.connection import PostgresDatabase, explained
from hubwire.backends.postgres.dialect import PostgresTables
from hubwire.backends.postgres.pool import Db
from hubwire.backends.sql.key_mark import check_key
from hubwire.backends.sql.registry import SEALED
from hubwire.backends.sqlite.appender import lock_appender
from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.errors import BackendError
from hubwire.registry.vault import Vault

NEARLY_POSITIONS = 1000
"""A fill ends when it is this close behind the source; the next one copies the rest."""
EMPTY_HINT = "Give an empty database; nothing was changed in this one."
STOP_HINT = "Stop it, and run the command again."

Report = Callable[[str, int, int], None]
"""Receives the progress after each step: its name, what is done, and the total."""


class Compared(msgspec.Struct, kw_only=True, frozen=True):
    """One table compared: the number of rows on each side, and a checksum of all their values."""

    table: str
    rows: int
    checksum: str
    target_rows: int
    target_checksum: str

    @property
    def is_equal(self) -> bool:
        return (self.rows, self.checksum) == (self.target_rows, self.target_checksum)


class Moved(msgspec.Struct, kw_only=True, frozen=True):
    """The result of one run. `behind`: messages that arrived since; `tables`: the comparison at the end."""

    is_finished: bool
    copied: int
    behind: int
    tables: tuple[Compared, ...] = ()


@contextmanager
def open_move(source: Path, target_url: str, vault: Vault, window_ms: int, report: Report) -> Iterator[Move]:
    """A move from one SQLite file to one PostgreSQL database that holds nothing else.

    Shape: `vault` has the secret key of both sides; `window_ms` is the de-duplication window.
    Errors: SettingsError for another key; BackendError when one side cannot be part of this move. Nothing is copied
    then.
    """
    _check_source(source)
    with closing(SqliteFile(source)) as file:
        for table, _, column in SEALED:
            for (sealed,) in file.raw.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"):
                vault.open(sealed)
        check_key(file, vault)
        with closing(PostgresDatabase(target_url)) as database, closing(database.connect()) as target, explained():
            target.execute("SET statement_timeout = 0")
            target.execute("SET idle_in_transaction_session_timeout = 0")
            journal = JournalCopy(file.raw, target, window_ms)
            move = Move(file, target, journal, report)
            move.claim(lambda: check_key(PostgresTables(database), vault))
            yield move


class Move:
    """See `open_move`."""

    def __init__(self, file: SqliteFile, target: Db, journal: JournalCopy, report: Report) -> None:
        self._file = file
        self._target = target
        self._journal = journal
        self._report = report
        self._tables = moving_tables(file.raw, target)

    def claim(self, check_key_of_target: Callable[[], None]) -> None:
        """Claim the target for this file, or continue with it."""
        target = self._target
        if not _value(target.execute("SELECT pg_try_advisory_lock('move'::regclass::oid::bigint)")):
            raise BackendError("another `hubwire migrate` is writing to this database")
        origin = hashlib.sha256(self._file.raw.execute("SELECT digest_key FROM journal_key").fetchone()[0])
        moved = self._file.raw.execute("SELECT move_id, target FROM moved").fetchone()
        known = target.execute("SELECT move_id::text, origin, state FROM move").fetchone()
        if moved is not None and (known is None or known[0] != moved[0]):
            raise BackendError(f"{self._file.path} was moved to {moved[1]} before")
        if known is not None and bytes(known[1]) != origin.digest():
            raise BackendError("the target has data from another database", hint=EMPTY_HINT)
        if known is not None and known[2] == "done":
            raise BackendError("this move is complete, and the target is in use")
        if known is None and not is_unused(target, self._tables):
            raise BackendError("the target is not empty", hint=EMPTY_HINT)
        check_key_of_target()
        if known is None:
            with target.transaction():
                self._journal.begin(origin.digest())
        elif self._journal.behind() < 0:
            raise BackendError("the source is older than the data that was copied from it", hint=EMPTY_HINT)

    def fill(self) -> Moved:
        """Copy the existing messages. The source stays in use; the next run copies newer messages."""
        copied = 0
        while self._journal.behind() > (NEARLY_POSITIONS if copied else 0):
            copied += self._journal.copy(self._of("journal"))
        return Moved(is_finished=False, copied=copied, behind=self._journal.behind())

    def finish(self, now_ms: int) -> Moved:
        """Copy the rest, compare everything, and hand over: from then on, servers can use only the target.

        Errors: BackendError if somebody still receives or delivers, or if both sides differ; then the source stays in
        use.
        """
        with _appender_lock(self._file), self._file.transaction() as source:
            _check_nobody_delivers(source, now_ms)
            copied = self._journal.copy(self._of("journal"))
            compared = self._make_equal(source)
            different = [
                f"{table.table} ({table.rows} rows, {table.target_rows} there)"
                for table in compared
                if not table.is_equal
            ]
            if different:
                raise BackendError(f"both sides differ: {', '.join(different)}")
            with self._target.transaction():
                self._journal.go_on()
            self._target.execute(f"VACUUM (ANALYZE) {', '.join(table.table for table in compared)}")
            self._report("handed over", 0, 2)
            move_id = _value(self._target.execute("SELECT move_id::text FROM move"))
            source.execute(
                "INSERT OR REPLACE INTO moved (is_only_row, move_id, target, at_ms) VALUES (1, ?, ?, ?)",
                (move_id, _place(self._target), now_ms),
            )
        # The source first: between the two commits neither side can be served. In the other order, both could be.
        self._report("handed over", 1, 2)
        self._target.execute("UPDATE move SET state = 'done'")
        self._report("handed over", 2, 2)
        return Moved(is_finished=True, copied=copied, behind=0, tables=compared)

    def _make_equal(self, source: sqlite3.Connection) -> tuple[Compared, ...]:
        """Compare both sides after the copy. The journal comes first, because repairing it deletes derived sums."""
        pairs = {JOURNAL: self._journal.compare(self._of("journal, compared"))}
        here: dict[str, Digest] = {}
        with self._target.transaction():
            for name, digest in replace_all(source, self._target, self._tables):
                here[name] = digest
                self._report("tables", len(here), 2 * len(self._tables))
        for number, (name, digest) in enumerate(digests_there(self._target, self._tables), 1):
            pairs[name] = here[name], digest
            self._report("tables", len(here) + number, 2 * len(self._tables))
        return tuple(
            Compared(
                table=name,
                rows=of_source.rows,
                checksum=of_source.checksum,
                target_rows=of_target.rows,
                target_checksum=of_target.checksum,
            )
            for name, (of_source, of_target) in pairs.items()
        )

    def _of(self, what: str) -> Callable[[int, int], None]:
        return lambda done, total: self._report(what, done, total)


def _check_source(path: Path) -> None:
    """Check the source before it is opened, because opening it would create our tables in it."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            key_tables = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'journal_key'").fetchone()
    except sqlite3.DatabaseError as exc:
        raise BackendError(f"there is no database at {path}: {exc}") from exc
    if not key_tables[0]:
        raise BackendError(f"{path} is not a Hubwire database")


@contextmanager
def _appender_lock(file: SqliteFile) -> Iterator[None]:
    """The appender lock: while it is held, nobody receives into the file."""
    try:
        lock = lock_appender(file)
    except BackendError as exc:
        raise BackendError(f"a server still receives into {file.path}", hint=STOP_HINT) from exc
    try:
        yield
    finally:
        os.close(lock)


def _check_nobody_delivers(source: sqlite3.Connection, now_ms: int) -> None:
    row = source.execute(
        "SELECT lease_owner, lease_expires_at_ms FROM lane"
        " WHERE lease_owner IS NOT NULL AND lease_expires_at_ms > ? ORDER BY lease_expires_at_ms DESC",
        (now_ms,),
    ).fetchone()
    if row is not None:
        seconds = (row[1] - now_ms) / 1000
        raise BackendError(
            f"a server still delivers from this database ({row[0]}), or was killed a moment ago",
            hint=f"{STOP_HINT} After a kill, its lease ends in {seconds:.0f} s.",
        )


def _place(target: Db) -> str:
    """The target's address for people, without user and password."""
    return f"postgresql://{target.info.host}:{target.info.port}/{target.info.dbname}"


def _value(rows: Cursor[TupleRow]) -> Any:
    row = rows.fetchone()
    assert row is not None
    return row[0]
