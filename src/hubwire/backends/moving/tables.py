"""The tables that move unchanged, and how both sides are read. Names and types come from both catalogues, so a new
table or column moves without a change here (`test_migrate.py` checks that none is left behind)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from hubwire.backends.moving.rows import Digest, digest_of, packer, read_rows, write_rows
from hubwire.backends.postgres.connection import storable
from hubwire.backends.postgres.pool import Db

JOURNAL = "journal"
STAY = frozenset({JOURNAL, "journal_block", "journal_key", "moved", "sqlite_sequence"})
"""The journal moves by position (`journal.py`); SQLite needs the other tables for itself."""
FIRST = ("source", "replay")
"""Other tables refer to these."""
MADE_WITH_THE_SCHEMA = frozenset({"registry_version", "key_mark"})
"""Tables that have a row in a database that nobody has used yet."""

Row = tuple[Any, ...]


class Table(NamedTuple):
    """One table that both sides have. `types` are PostgreSQL's; `key` is empty where there is only one row."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    key: tuple[str, ...]

    def here(self, source: sqlite3.Connection, where: str = "TRUE") -> Iterator[bytes]:
        """The rows of SQLite, packed, in the order of their key.

        Shape: if PostgreSQL cannot tell the keys of several rows apart (`storable`), only the first of these rows.
        """
        order = f" ORDER BY {', '.join(self.key)}" if self.key else ""
        rows = source.execute(f"SELECT {', '.join(self.columns)} FROM {self.name} WHERE {where}{order}")
        pack = packer(self.types)
        texts = [place for place, name in enumerate(self.columns) if name in self.key and self.types[place] == "text"]
        return map(pack, self._distinct(rows, texts) if texts else rows)

    def _distinct(self, rows: Iterable[Row], texts: Sequence[int]) -> Iterator[Row]:
        places = [self.columns.index(name) for name in self.key]
        seen: set[Row] = set()
        for row in rows:
            if any("\x00" in row[place] or "\ufffd" in row[place] for place in texts):
                key = tuple(storable(row[place]) if place in texts else row[place] for place in places)
                if key in seen:
                    continue
                seen.add(key)
            yield row

    def there(self, target: Db, where: str = "TRUE") -> Iterator[bytes]:
        """The rows of PostgreSQL, packed, in any order."""
        return read_rows(target, f"SELECT {', '.join(self.columns)} FROM {self.name} WHERE {where}")


def both_sides(source: sqlite3.Connection, target: Db, name: str) -> Table:
    """A table with the columns that both sides have."""
    here = source.execute(f"PRAGMA table_info({name})").fetchall()
    there: dict[str, str] = dict(
        target.execute(
            "SELECT column_name, udt_name FROM information_schema.columns"
            " WHERE table_schema = current_schema AND table_name = %s",
            (name,),
        ).fetchall()
    )
    columns = tuple(column for _, column, *_ in here if column in there)
    key = tuple(column for _, column, *_, place in sorted(here, key=lambda column_info: column_info[5]) if place)
    return Table(name, columns, tuple(there[column] for column in columns), key)


def moving_tables(source: sqlite3.Connection, target: Db) -> list[Table]:
    """The tables that move unchanged; tables that others refer to come first."""
    names = {name for (name,) in source.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")} - STAY
    return [both_sides(source, target, name) for name in (*FIRST, *sorted(names - set(FIRST)))]


def is_unused(target: Db, tables: list[Table]) -> bool:
    """True if the target has never stored anything."""
    names = {table.name for table in tables} - MADE_WITH_THE_SCHEMA | {JOURNAL}
    used = " OR ".join(f"EXISTS (SELECT FROM {name})" for name in sorted(names))
    row = target.execute(f"SELECT NOT ({used}) AND NOT is_called FROM journal_position").fetchone()
    return row is not None and bool(row[0])


def replace_all(source: sqlite3.Connection, target: Db, tables: list[Table]) -> Iterator[tuple[str, Digest]]:
    """Replace the tables of the target with those of the source, in the current transaction; returns the digest of each
    table as it was read. New rows get ids above every id that was ever assigned."""
    target.execute(f"TRUNCATE {', '.join(table.name for table in tables)}")
    last_ids = dict(source.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    for table in tables:
        digest = Digest()
        write_rows(target, table.name, table.columns, digest.counted(table.here(source)))
        if last_ids.get(table.name):
            [key] = table.key
            target.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", (table.name, key, last_ids[table.name]))
        yield table.name, digest


def digests_there(target: Db, tables: list[Table]) -> Iterator[tuple[str, Digest]]:
    """The digest of each table of the target."""
    for table in tables:
        yield table.name, digest_of(table.there(target))
