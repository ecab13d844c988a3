"""Numbered migrations: every process that opens the file brings its schema up to date, one at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

from hubwire.errors import BackendUnavailable, SchemaMismatch


def scripts() -> list[tuple[int, Traversable]]:
    """The migrations, in order of their numbers."""
    entries = resources.files(__package__).joinpath("sql").iterdir()
    return sorted((int(entry.name[:4]), entry) for entry in entries if entry.name[:4].isdigit())


def schema_version(db: sqlite3.Connection) -> int:
    """The number of the newest migration that this file has; 0 for an empty one."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection, path: str, through: int | None = None) -> None:
    """Bring the schema up to date, or to the migration `through`, in one transaction.

    Errors: SchemaMismatch when a newer Hubwire made this file; then nothing was changed. BackendUnavailable.
    """
    known = scripts()
    newest = known[-1][0]
    try:
        if schema_version(db) == newest:
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            _upgrade(db, path, known, newest if through is None else through)
        except BaseException:
            db.rollback()
            raise
        db.commit()
    except sqlite3.OperationalError as exc:
        raise BackendUnavailable(f"sqlite: {path}: {exc}") from exc


def _upgrade(db: sqlite3.Connection, path: str, known: list[tuple[int, Traversable]], through: int) -> None:
    version, newest = schema_version(db), known[-1][0]
    if version > newest:
        raise SchemaMismatch(
            f"{path} was made by a newer Hubwire (schema {version}, this one knows {newest})",
            hint="Start the newer version, or restore the backup made before the upgrade.",
        )
    for number, script in known:
        if version < number <= through:
            for statement in _statements(script.read_text(encoding="utf-8")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, each of which ends with its line: sqlite3's own `executescript` would commit."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip(), f"no statement: {statement}"
