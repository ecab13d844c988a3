"""Numbered migrations: every process that starts brings the schema up to date, one at a time."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from hubwire.errors import SchemaMismatch

LOCK = 0x48_75_62_77_69_72_65
"""The advisory lock that one migrating process holds: the letters of Hubwire."""


def scripts() -> list[tuple[int, Traversable]]:
    """The migrations, in order of their numbers."""
    entries = resources.files(__package__).joinpath("sql").iterdir()
    return sorted((int(entry.name[:4]), entry) for entry in entries if entry.name[:4].isdigit())


def schema_version(db: Connection[TupleRow]) -> int:
    """The number of the newest migration that this database has; 0 for an empty one."""
    row = db.execute("SELECT to_regclass('schema_version')").fetchone()
    if row is None or row[0] is None:
        return 0
    version_row = db.execute("SELECT version FROM schema_version").fetchone()
    return int(version_row[0]) if version_row else 0


def migrate(db: Connection[TupleRow], through: int | None = None) -> None:
    """Bring the schema up to date, or to the migration `through`; each step is one transaction.

    Errors: SchemaMismatch when a newer Hubwire made this database; then nothing was changed.
    """
    known = scripts()
    newest = known[-1][0]
    if schema_version(db) == newest:
        return
    with db.transaction():
        db.execute("SET LOCAL statement_timeout = 0")
        db.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        db.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        version = schema_version(db)
        if version > newest:
            raise SchemaMismatch(
                f"this database was made by a newer Hubwire (schema {version}, this one knows {newest})",
                hint="Start the newer version, or restore the backup made before the upgrade.",
            )
        if version == 0:
            db.execute("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)")
            db.execute("INSERT INTO schema_version (version) VALUES (0)")
        for number, script in known:
            if version < number <= (through if through is not None else newest):
                db.execute(sql.SQL(script.read_text(encoding="utf-8")))
                db.execute("UPDATE schema_version SET version = %s", (number,))
