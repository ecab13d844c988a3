"""Imports the rows of one query of PostgreSQL, SQLite or DuckDB, and remembers the last one.

With a cursor column, the rows come in its order, and the next import begins with the value of the last row, that row
included. Rows that share a value are therefore never lost, and rows that were imported before are duplicates. A row
without a value has no place in that order: it is a fault of every import until the query gives it a value.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from hubwire.backfill.appending import appender
from hubwire.backfill.formats.compressed import Part
from hubwire.backfill.formats.delimited import unique
from hubwire.backfill.imports import ImportOutcome, Report, noted
from hubwire.backfill.looking import Seen, sample_values
from hubwire.backfill.reading import chunks
from hubwire.backfill.records import Contents, ReadOptions, Record, Sample
from hubwire.backfill.systems.recognising import recognise
from hubwire.clock import Clock
from hubwire.errors import SettingsError
from hubwire.settings import Settings

FILE = "queries.json"
ROWS_PER_FETCH = 2_000
SAMPLE_ROWS = 200


class Query(NamedTuple):
    """A query of one database. `cursor` is the column whose values grow."""

    url: str
    text: str
    cursor: str | None = None

    @property
    def place(self) -> str:
        """The name of the database, without its password, for messages and bookmarks."""
        url = urlsplit(self.url)
        return f"{url.scheme}://{url.hostname or ''}{url.path}"

    def statement(self, is_behind: bool, parameter: str) -> str:
        """The query in the cursor's order, from the bookmark on."""
        text = self.text.strip().rstrip(";")
        if self.cursor is None:
            return text
        column = '"' + self.cursor.replace('"', '""') + '"'
        behind = f" WHERE {column} >= {parameter} OR {column} IS NULL" if is_behind else ""
        # On its own line, because the query can end with a comment.
        return f"SELECT * FROM ({text}\n) AS rows_of_query{behind} ORDER BY {column}"  # noqa: S608  the operator's own query


class _Bookmark(msgspec.Struct):
    """The cursor's value in the last row that was imported. `kind`: int, float, text, datetime, date or number."""

    kind: str
    value: str


class QueryBookmarks:
    """The last cursor value of each query of a source, in a small file in the data folder."""

    def __init__(self, data: Path, source_name: str, query: Query) -> None:
        self._path = data / FILE
        digest = hashlib.sha256(f"{query.place}\n{query.text}\n{query.cursor}".encode()).hexdigest()[:16]
        self._key = f"{source_name}:{query.place}:{digest}"
        try:
            self._marks = msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Bookmark])
        except (OSError, msgspec.MsgspecError):
            self._marks = {}

    def value(self) -> Any:
        """The value at which to resume; None for the beginning."""
        mark = self._marks.get(self._key)
        return None if mark is None else _READ[mark.kind](mark.value)

    def set(self, value: Any) -> None:
        """Note that everything up to this value is in the journal. Raises SettingsError if it cannot be a cursor."""
        text = value.isoformat() if isinstance(value, date) else str(value)
        self._marks[self._key] = _Bookmark(_kind_of(value), text)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self._marks))
        fresh.replace(self._path)


_KINDS: Sequence[tuple[str, type]] = (
    ("datetime", datetime), ("date", date), ("int", int), ("float", float), ("number", Decimal), ("text", str)
)  # fmt: skip
_READ: dict[str, Any] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "int": int,
    "float": float,
    "number": Decimal,
    "text": str,
}


def _kind_of(value: Any) -> str:
    """The kind of a cursor's value. Raises SettingsError for one that cannot be a cursor."""
    kind = next((name for name, types in _KINDS if isinstance(value, types)), None)
    if kind is None or isinstance(value, bool):
        raise SettingsError(f"--cursor: a column of {type(value).__name__} cannot be a cursor")
    return kind


class _Rows(NamedTuple):
    columns: tuple[str, ...]
    rows: Iterator[Sequence[Any]]


def look_at_query(query: Query, options: ReadOptions, after: Any, stack: ExitStack) -> Seen | None:
    """The recognised rows of a query; None without rows. The caller closes the stack, and so the connection.

    Errors: SettingsError if the database fails, the cursor is not a column, or the rows are not
    recognised.
    """
    columns, rows = _rows(query, after, stack)
    if query.cursor is not None and query.cursor not in columns:
        raise SettingsError(
            f"--cursor: {query.cursor!r} is not a column of the query", hint=f"Columns: {', '.join(columns)}."
        )
    records = _records(query, columns, rows)
    first = list(itertools.islice(records, SAMPLE_ROWS))
    if not first:
        return None
    values = [record.values for record in first if record.problem is None]
    if query.cursor is not None and values:
        _kind_of(values[0][query.cursor])
    reader = recognise(Sample(columns, values, "", True, options))
    contents = Contents("a query", columns, itertools.chain(first, records), "", lambda: 0)
    part = Part(query.place)
    return Seen(
        part, contents.kind, reader, None, None, sample_values(columns, values), list(reader.notes), options, contents
    )


def _records(query: Query, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[Record]:
    """The rows. One whose cursor is empty is a fault: no bookmark could tell whether it was imported."""
    for number, row in enumerate(rows, 1):
        values = dict(zip(columns, row, strict=True))
        if query.cursor is not None and values[query.cursor] is None:
            default = f"COALESCE({query.cursor}, ...) AS {query.cursor}"
            yield Record(number, {}, f"{query.cursor} is empty; give it a value in the query, as in {default}")
        else:
            yield Record(number, values)


def import_query(
    settings: Settings, query: Query, source_name: str, options: ReadOptions, report: Report, clock: Clock
) -> ImportOutcome:
    """Import the rows of a query, from its bookmark on.

    Errors: SettingsError as `look_at_query`, BackendError. What was appended stays, and the same call continues there.
    """
    outcome = ImportOutcome()
    with ExitStack() as stack, noted(settings, outcome, source_name, urlsplit(query.url).scheme, clock):
        append = appender(settings, source_name, stack, clock)
        marks = QueryBookmarks(Path(settings.data), source_name, query)
        after = marks.value() if query.cursor is not None else None
        seen = look_at_query(query, options, after, stack)
        if seen is None or seen.held is None:
            return outcome
        last = _Last(seen.held, query.cursor)
        for chunk in chunks(seen):
            outcome.add(seen, chunk, append(chunk.lines))
            if query.cursor is not None and last.value is not None:
                marks.set(last.value)
            report(0, outcome.read, 0)
    return outcome


class _Last:
    """Remembers the cursor's value of the last row that was read."""

    def __init__(self, contents: Contents, cursor: str | None) -> None:
        self.value: Any = None
        self._cursor = cursor
        contents.records = self._passed(contents.records)

    def _passed(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            if self._cursor is not None and record.problem is None:
                self.value = record.values[self._cursor]
            yield record


def _rows(query: Query, after: Any, stack: ExitStack) -> _Rows:
    scheme = urlsplit(query.url).scheme
    if scheme in ("postgresql", "postgres"):
        return _postgres_rows(query, after, stack)
    if scheme == "sqlite":
        return _sqlite_rows(query, after, stack)
    if scheme == "duckdb":
        return _duckdb_rows(query, after, stack)
    raise SettingsError(
        f"--sql: {scheme or query.url!r} is not a supported database",
        hint="Use postgresql://…, sqlite:///FILE or duckdb:///FILE. For other databases, export Parquet or CSV files.",
    )


def _postgres_rows(query: Query, after: Any, stack: ExitStack) -> _Rows:
    try:
        import psycopg
    except ImportError as exc:
        raise SettingsError("--sql: PostgreSQL needs another package", hint="pip install 'hubwire[postgres]'") from exc
    try:
        connection = stack.enter_context(psycopg.connect(query.url, connect_timeout=10))
        connection.read_only = True
        cursor = stack.enter_context(connection.cursor(name="hubwire_import"))
        cursor.itersize = ROWS_PER_FETCH
        statement = query.statement(after is not None, "%s")
        cursor.execute(statement.encode(), None if after is None else (after,))
        columns = unique([column.name for column in cursor.description or ()])
    except psycopg.Error as exc:
        raise SettingsError(f"--sql: {query.place}: {str(exc).strip().splitlines()[0]}") from exc
    return _Rows(columns, _guarded(query, iter(cursor), psycopg.Error))


def _sqlite_rows(query: Query, after: Any, stack: ExitStack) -> _Rows:
    path = _file(query)
    try:
        db = stack.enter_context(closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)))
        cursor = db.execute(query.statement(after is not None, "?"), () if after is None else (after,))
    except sqlite3.Error as exc:
        raise SettingsError(f"--sql: {query.place}: {exc}") from exc
    return _Rows(unique([name for name, *_ in cursor.description or ()]), _guarded(query, cursor, sqlite3.Error))


def _duckdb_rows(query: Query, after: Any, stack: ExitStack) -> _Rows:
    try:
        import duckdb
    except ImportError as exc:
        raise SettingsError("--sql: DuckDB needs another package", hint="pip install 'hubwire[duckdb]'") from exc
    path = _file(query)
    try:
        db = stack.enter_context(duckdb.connect(str(path), read_only=True))
        db.execute(query.statement(after is not None, "?"), () if after is None else (after,))
    except duckdb.Error as exc:
        raise SettingsError(f"--sql: {query.place}: {str(exc).strip().splitlines()[0]}") from exc
    rows = itertools.chain.from_iterable(iter(partial(db.fetchmany, ROWS_PER_FETCH), []))
    return _Rows(unique([name for name, *_ in db.description or ()]), _guarded(query, rows, duckdb.Error))


def _guarded(query: Query, rows: Iterator[Sequence[Any]], error: type[Exception]) -> Iterator[Sequence[Any]]:
    """The rows. A database that fails while they are fetched raises SettingsError."""
    number = 0
    try:
        for number, row in enumerate(rows, 1):  # noqa: B007  the number is told when the next row fails
            yield row
    except error as exc:
        reason = str(exc).strip().partition("\n")[0]
        raise SettingsError(f"--sql: {query.place}: row {number + 1:,}: {reason}") from exc


def _file(query: Query) -> Path:
    """The file of a URL such as `sqlite:///crm.db`, in the current folder or from the root."""
    url = urlsplit(query.url)
    name = url.path.removeprefix("/") or url.netloc
    path = next((path for path in (Path(name), Path(f"/{name}")) if path.is_file()), None)
    if path is None:
        raise SettingsError(f"--sql: there is no file {name}")
    return path.resolve()
