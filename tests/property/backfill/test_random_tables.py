"""Random tables in the shapes of warehouses: each row is a right message or is named, or the file is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from tests.unit.backfill.conftest import Result, read_all

from hubwire.backfill.formats.delimited import NULLS
from hubwire.errors import SettingsError
from hubwire.times import iso_text

NAIVE = datetime
TABLES = {
    "identifies": ("identify", ("id", "received_at", "user_id"), "traits"),
    "users": ("identify", ("id", "received_at"), "traits"),
    "song_played": ("track", ("id", "received_at", "user_id", "event", "event_text"), "properties"),
    "groups": ("group", ("id", "received_at", "user_id", "group_id"), "traits"),
    "pages": ("page", ("id", "received_at", "user_id", "url", "path"), "properties"),
}
FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S+00", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%dT%H:%M:%SZ", "epoch", "bad")
BAD_TIMES = ("soon", "3/5/2024 10:00", "0001-01-01 00:00:00", "9999-12-31", "45356.41")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252")
COLUMNS = ("email", "city", "plan", "seats", "note", "context_ip", "uuid_ts")
CELL = st.one_of(
    st.sampled_from(
        [*sorted(NULLS), "", "1234.0", "+39 011", "Köln", "a;b", 'say "hi"', "two\nlines", "=1+1", "NULLs"]
    ),
    st.text(st.characters(codec="cp1252", exclude_characters="\x00\r"), max_size=12),
)


class Row(NamedTuple):
    """One row: the cells as written, and the moment that its time means, None for a time that is none."""

    cells: dict[str, str]
    moment: str | None


class Table(NamedTuple):
    name: str
    columns: tuple[str, ...]
    rows: list[Row]
    encoding: str
    delimiter: str
    is_folded: bool
    """Whether the database has folded the names of columns to capitals."""


@st.composite
def tables(draw: st.DrawFn) -> Table:
    name = draw(st.sampled_from(sorted(TABLES)))
    needed = TABLES[name][1]
    extra = draw(st.lists(st.sampled_from(COLUMNS), unique=True))
    if name == "users" and "email" not in extra:
        extra.append("email")
    if name == "pages":
        extra = [column for column in extra if column != "email"]
    columns = tuple(draw(st.permutations([*needed, "timestamp", *extra])))
    form = draw(st.sampled_from(FORMS))
    rows = [_row(draw, number, columns, form) for number in range(draw(st.integers(1, 8)))]
    return Table(
        name, columns, rows, draw(st.sampled_from(ENCODINGS)), draw(st.sampled_from(",;\t")), draw(st.booleans())
    )


def _row(draw: st.DrawFn, number: int, columns: tuple[str, ...], form: str) -> Row:
    cells = {column: draw(CELL) for column in columns}
    at = draw(st.datetimes(NAIVE(2015, 1, 1), NAIVE(2026, 1, 1))).replace(microsecond=0, tzinfo=UTC)
    is_bad = form == "bad" and draw(st.booleans())
    time = str(int(at.timestamp())) if form in ("epoch", "bad") else at.strftime(form)
    cells |= {"id": f"r{number}", "received_at": "2026-01-01 00:00:00", "timestamp": time}
    cells |= {"user_id": f"u{number}", "event": "song_played", "event_text": "Song Played", "group_id": f"g{number}"}
    cells |= {"url": "https://a.example/x", "path": "/x", "uuid_ts": "2026-01-01 00:00:00"}
    if is_bad:
        cells["timestamp"] = cells["received_at"] = draw(st.sampled_from(BAD_TIMES))
    return Row({column: cells[column] for column in columns}, None if is_bad else iso_text(int(at.timestamp()) * 1000))


def written(table: Table, folder: Path) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=table.delimiter)
    writer.writerow([column.upper() if table.is_folded else column for column in table.columns])
    writer.writerows(row.cells.values() for row in table.rows)
    path = folder / f"{table.name}.csv"
    path.write_bytes(text.getvalue().encode(table.encoding))
    return str(path)


def expected_values(table: Table, row: Row) -> dict[str, str]:
    """What the traits or properties have to hold: cells with a value, but for those that are fields of the message."""
    gone = {*TABLES[table.name][1], "timestamp", "uuid_ts", "context_ip"} - (
        {"url", "path"} if table.name == "pages" else set()
    )
    values = {name: cell.strip() for name, cell in row.cells.items() if name not in gone}
    return {name: cell for name, cell in values.items() if cell and cell not in NULLS}


def check_message(table: Table, row: Row, message: dict[str, Any]) -> None:
    kind, _, where = TABLES[table.name]
    assert message["type"] == kind
    assert message["userId"] == (row.cells["id"] if table.name == "users" else row.cells["user_id"])
    assert message["timestamp"] == row.moment
    assert message.get(where, {}) == expected_values(table, row)
    assert set(message) <= {"type", "userId", "messageId", "timestamp", "event", "groupId", where}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_each_row_is_a_right_message_or_is_named(table: Table, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("t")
    try:
        body = written(table, folder)
    except UnicodeEncodeError:
        assume(False)
    try:
        result = read_all(body)
    except SettingsError as exc:
        event("the file is refused")
        refusal = str(exc)
    else:
        check_rows(table, result)
        return
    assert re.search(r"quote|not recognised|people or of screens|UTF-8 with damage", refusal)


def check_rows(table: Table, result: Result) -> None:
    by_id = {message["userId"]: message for message in result.messages}
    assert len(by_id) == len(result.messages)
    named = 0
    for row in table.rows:
        message = by_id.get(row.cells["id"] if table.name == "users" else row.cells["user_id"])
        if message is None:
            assert row.moment is None
            named += 1
        else:
            check_message(table, row, message)
    assert named == len(result.faults)
    assert all("timestamp: " in fault for fault in result.faults)
    assert len(result.messages) + len(result.faults) == len(table.rows)


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300) | st.text(max_size=300).map(str.encode) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_bytes_are_read_or_refused_with_a_reason(body: bytes, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("t") / "x"
    path.write_bytes(body)
    try:
        result = read_all(str(path))
    except SettingsError as exc:
        refusal = str(exc)
    else:
        assert all(message.get("userId") or message.get("anonymousId") for message in result.messages)
        return
    assert refusal.startswith(str(path))
