"""Files of which nothing useful came, or that were not taken: read, or refused with what helps."""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from openpyxl import Workbook
from pyarrow import parquet
from tests.unit.backfill.conftest import Read, Write, read_all

from hubwire.backfill.formats.compressed import DamagedFile
from hubwire.backfill.looking import look_at
from hubwire.backfill.reading import chunks
from hubwire.backfill.records import Call, ReadOptions
from hubwire.errors import SettingsError

NAIVE = datetime
IDENTIFY = {"type": "identify", "userId": "u1", "messageId": "m1", "traits": {"email": "ada@example.com"}}
PEOPLE = [{"email": "ada@example.com", "userId": "u1"}, {"email": "bob@example.com", "userId": "u2"}]


def user_ids(messages: list[dict[str, Any]]) -> list[str]:
    return [message["userId"] for message in messages]


def lines(*documents: dict[str, Any]) -> str:
    return "".join(json.dumps(document) + "\n" for document in documents)


@pytest.mark.parametrize("document", [{"foo": 1}, {"timestamp": "2024-01-01", "metric": 3}])
def test_documents_that_are_not_recognised_are_refused_with_their_fields(write: Write, document: Any) -> None:
    name = write("x.ndjson", lines(document))
    with pytest.raises(SettingsError, match="not recognised") as refusal:
        read_all(name)
    assert all(field in str(refusal.value) for field in document)
    assert "--as" in refusal.value.hint


@pytest.mark.parametrize("part", ["traits", "properties"])
def test_messages_without_a_type_are_refused_as_such(write: Write, part: str) -> None:
    name = write("x.ndjson", lines({"userId": "u1", part: {"email": "ada@example.com"}}))
    with pytest.raises(SettingsError, match="without a type"):
        read_all(name)


def test_bodies_of_uploads_are_unpacked(read: Read) -> None:
    body = {"batch": [IDENTIFY, {"type": "page", "anonymousId": "a"}], "context": {"ip": "::1"}, "sentAt": "2024-01-01"}
    table = read("x.ndjson", lines(body))
    assert [(message["type"], message["context"]) for message in table.messages] == [
        ("identify", {"ip": "::1"}),
        ("page", {"ip": "::1"}),
    ]


def test_an_order_is_an_event_and_never_a_person(read: Read) -> None:
    table = read(
        "orders.csv",
        "Name,Email,Financial Status,Paid at,Currency,Subtotal,Taxes,Total,Created at,Lineitem quantity,"
        "Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Id\n"
        "#1001,ada@example.com,paid,2024-03-05 10:00:02 +0100,EUR,30.00,6.60,36.60,2024-03-05 09:59:00 +0100,2,"
        "Cup,10.00,C1,,5001\n"
        "#1001,ada@example.com,,,,,,,,1,Pot,10.00,P1,,\n"
        "#1002,bob@example.com,pending,,EUR,5,0,5,2024-03-06 09:59:00 +0100,1,Cup,5,C1,,5002\n",
    )
    [message] = table.messages
    assert (message["event"], message["userId"], message["timestamp"]) == (
        "Order Completed",
        "ada@example.com",
        "2024-03-05T09:00:02.000Z",
    )
    assert message["messageId"] == "shopify-5001-completed"
    assert message["properties"]["products"] == [
        {"name": "Cup", "sku": "C1", "price": 10, "quantity": 2},
        {"name": "Pot", "sku": "P1", "price": 10, "quantity": 1},
    ]
    assert {name: message["properties"][name] for name in ("order_id", "total", "revenue", "tax", "currency")} == {
        "order_id": "5001",
        "total": 36.6,
        "revenue": 30,
        "tax": 6.6,
        "currency": "EUR",
    }
    assert table.passed_over == ["orders.csv:4: an order that is pending, not completed"]


def test_a_cancelled_order_is_told_with_its_own_time(read: Read) -> None:
    table = read(
        "orders.csv",
        "Name,Email,Financial Status,Paid at,Total,Lineitem name,Cancelled at\n"
        "#1,a@b.co,refunded,2024-03-05 10:00:02 +0100,5,Cup,2024-03-07 10:00:02 +0100\n",
    )
    assert [(message["event"], message["timestamp"][:10]) for message in table.messages] == [
        ("Order Completed", "2024-03-05"),
        ("Order Cancelled", "2024-03-07"),
    ]


def test_a_table_of_events_is_refused_as_people_and_taken_as_tracks(write: Write) -> None:
    name = write("e.csv", "email,event_name,created_at,plan\nada@example.com,Signed Up,2024-03-05,gold\n")
    with pytest.raises(SettingsError, match="not a table of people but of events: it has 'event_name'"):
        read_all(name)
    [message] = read_all(name, call=Call.TRACKS).messages
    assert (message["type"], message["event"], message["properties"]) == ("track", "Signed Up", {"plan": "gold"})
    assert message["context"] == {"traits": {"email": "ada@example.com"}}


def test_a_folder_reads_all_kinds_and_names_what_it_passes_over(write: Write) -> None:
    write("f/a.ndjson", lines(IDENTIFY))
    parquet.write_table(pa.Table.from_pylist(PEOPLE), "f/b.parquet")
    Path("f/c.parquet.zst").write_bytes(zstandard.compress(Path("f/b.parquet").read_bytes()))
    write("f/d.tsv", "email\tuserId\ncid@example.com\tu3\n")
    write("f/e.gz", lines({**IDENTIFY, "userId": "u4"}))
    write("f/.DS_Store", b"\x00\x00\x00\x01Bud1")
    write("f/_SUCCESS", b"")
    write("f/manifest.json", '{"files": ["a", "b"]}')
    write("f/odd.csv", "plan,seats\nx,1\n")
    write("f/readme.txt", "hello")
    table = read_all("f")
    assert user_ids(table.messages) == ["u1", "u1", "u2", "u1", "u2", "u3", "u4"]
    assert [file.label for file in table.history.passed_over] == [
        "f/.DS_Store",
        "f/_SUCCESS",
        "f/manifest.json",
        "f/odd.csv",
        "f/readme.txt",
    ]
    assert [file.label for file in table.history.passed_over if file.is_fault] == ["f/odd.csv"]


def test_merge_lines_of_rudderstack_name_a_person_or_are_passed_over(read: Read) -> None:
    merge = {"type": "merge", "messageId": "m", "receivedAt": "2024-03-05T10:00:02.500Z"}
    pair = [{"type": "email", "value": "ada@example.com"}, {"type": "user_id", "value": "u1"}]
    odd = [{"type": "mobile", "value": "1"}, {"type": "loyalty", "value": "2"}]
    table = read(
        "a.json.gz", lines({**merge, "mergeProperties": pair}, {**merge, "messageId": "n", "mergeProperties": odd})
    )
    assert table.title == "RudderStack's archive"
    assert table.messages == [
        {
            "type": "identify",
            "messageId": "m",
            "timestamp": "2024-03-05T10:00:02.500Z",
            "userId": "u1",
            "traits": {"email": "ada@example.com"},
        }
    ]
    assert table.passed_over == ["a.json.gz:2: a merge of identifiers that HubSpot does not have"]


# -- not taken


def test_a_folder_as_segment_writes_it_to_s3_is_read(write: Write) -> None:
    write("segment-logs/src1/1709251200000/1709287202500.aa.gz", lines(IDENTIFY))
    write("segment-logs/src1/1709337600000/1709338000000.bb.gz", lines({**IDENTIFY, "userId": "u2"}))
    assert user_ids(read_all("segment-logs").messages) == ["u1", "u2"]


@pytest.mark.parametrize("indent", [None, 2])
def test_json_arrays_are_read_indented_or_not(read: Read, indent: int | None) -> None:
    table = read("x.json", json.dumps([IDENTIFY, {**IDENTIFY, "userId": "u2"}], indent=indent))
    assert user_ids(table.messages) == ["u1", "u2"]


def test_indented_documents_after_each_other_are_read(read: Read) -> None:
    table = read("x.json", json.dumps(IDENTIFY, indent=2) + "\n" + json.dumps({**IDENTIFY, "userId": "u2"}, indent=2))
    assert user_ids(table.messages) == ["u1", "u2"]


def test_a_cell_of_a_megabyte_is_read(read: Read) -> None:
    table = read("x.csv", f"email,notes\nada@example.com,{'x' * 1_000_000}\nbob@example.com,y\n")
    assert [len(message["traits"]["notes"]) for message in table.messages] == [1_000_000, 1]


def test_kinds_are_told_by_their_bytes(write: Write) -> None:
    body = lines(IDENTIFY).encode()
    Path("gzip.json").write_bytes(gzip.compress(body))
    Path("two-members.ndjson").write_bytes(gzip.compress(body) + gzip.compress(body))
    Path("x.ndjson.zst").write_bytes(zstandard.compress(body) + zstandard.compress(body))
    with zipfile.ZipFile("x.zip", "w") as archive:
        archive.writestr("12345/12345_2024-03-05_10#0.json.gz", gzip.compress(body))
        archive.writestr("__MACOSX/._x", b"\x00")
    parquet.write_table(pa.Table.from_pylist(PEOPLE), "posthog.parquet.zst")
    with sqlite3.connect("x.db") as db:
        db.execute("CREATE TABLE users (id TEXT, received_at TEXT, email TEXT)")
        db.execute("INSERT INTO users VALUES ('u1', '2024-03-05 10:00:02', 'ada@example.com')")
        db.execute("CREATE TABLE migrations (version INTEGER)")
        db.execute("INSERT INTO migrations VALUES (3)")
    book = Workbook()
    book.active.append(["Email Address", "First Name"])
    book.active.append(["ada@example.com", "Ada"])
    book.save("x.xlsx")
    counts = {
        name: len(read_all(name).messages)
        for name in (
            "gzip.json",
            "two-members.ndjson",
            "x.ndjson.zst",
            "x.zip",
            "posthog.parquet.zst",
            "x.db",
            "x.xlsx",
        )
    }
    assert counts == {
        "gzip.json": 1,
        "two-members.ndjson": 2,
        "x.ndjson.zst": 2,
        "x.zip": 1,
        "posthog.parquet.zst": 2,
        "x.db": 1,
        "x.xlsx": 1,
    }
    assert [file.label for file in read_all("x.db").history.passed_over] == ["x.db:migrations"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\x00" * 60, "old Excel workbook"),
        (b"BZh91AY&SY", "bzip2"),
        (b"Obj\x01" + b"\x00" * 60, "Avro"),
        (b"%PDF-1.7", "PDF"),
        (b"email\x00name", "binary"),
        (b"", "empty"),
        (b"hello\n", "no column names people"),
        (b"email,city\n", "empty: the columns email, city, and no row"),
        (b"[{", "JSON array"),
        (b"plan,seats\nx,1\n", "Columns: plan, seats"),
    ],
)
def test_what_is_no_history_is_one_clear_error(write: Write, body: bytes, words: str) -> None:
    name = write("x.dat", body)
    with pytest.raises(SettingsError, match=words):
        read_all(name)


@pytest.mark.parametrize(
    "column", ["Email Address", "E-mail 1 - Value", "E-mail Address", "Email (Billing)", "$email", "E-Mail", "email"]
)
def test_columns_with_an_e_mail_are_known(read: Read, column: str) -> None:
    table = read("x.csv", f"{column},First Name\nada@example.com,Ada\n")
    traits = table.messages[0]["traits"]
    assert next(value for name, value in traits.items() if name.lower() == "email") == "ada@example.com"
    assert table.messages[0]["userId"] == "ada@example.com"


def test_lines_before_the_header_are_passed_over(read: Read) -> None:
    table = read(
        "Connections.csv",
        'Notes:\n"When exporting your connections, some e-mails are missing."\n\n'
        "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"
        "Ada,Byron,https://l.example/ada,ada@example.com,Acme,Analyst,05 Mar 2024\n",
    )
    assert table.title == "LinkedIn's connections"
    assert table.messages[0]["timestamp"] == "2024-03-05T00:00:00.000Z"
    assert "3 lines before the header" in table.history.seen[0].notes[0]


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_file_that_was_cut_off_gives_what_came_before(tmp_path: Path, ending: str) -> None:
    body = "".join(lines({**IDENTIFY, "userId": f"u{n:06}", "messageId": f"{n * 7919 % 99991}"}) for n in range(4_000))
    whole = gzip.compress(body.encode()) if ending == "gz" else zstandard.compress(body.encode())
    path = tmp_path / f"x.ndjson.{ending}"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    [seen] = look_at([str(path)], ReadOptions()).seen
    groups = chunks(seen)
    rows = 0

    def read_on() -> None:
        nonlocal rows
        for chunk in groups:
            rows += chunk.rows

    with pytest.raises(DamagedFile, match="damaged or cut off"):
        read_on()
    assert 1_000 < rows < 4_000


@pytest.mark.parametrize(
    ("name", "module"), [("x.parquet", "pyarrow"), ("x.ndjson.zst", "zstandard"), ("x.xlsx", "openpyxl")]
)
def test_a_kind_that_needs_a_package_says_which(
    write: Write, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    parquet.write_table(pa.Table.from_pylist(PEOPLE), "x.parquet")
    Path("x.ndjson.zst").write_bytes(zstandard.compress(lines(IDENTIFY).encode()))
    Workbook().save("x.xlsx")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingsError, match="needs another package") as refusal:
        read_all(name)
    assert refusal.value.hint == "pip install 'hubwire[files]'"


def test_the_sheets_of_a_workbook_are_tables_with_typed_cells(write: Write) -> None:
    book = Workbook()
    people = book.active
    people.title = "People"
    people.append(["Customers of 2024"])
    people.append(["user_id", "email", "updated_at", "phone", "seats"])
    people.append([1234.0, "ada@example.com", NAIVE(2024, 3, 5, 10, 0, 2), 39011555, 3])
    people.append([None, None, None, None, None])
    people.append(["u2", "bob@example.com", "soon", None, None])
    book.create_sheet("Notes").append(["remember", "this"])
    book.create_sheet("Empty")
    book.save("x.xlsx")
    table = read_all("x.xlsx")
    [message] = table.messages
    assert (message["userId"], message["timestamp"]) == ("1234", "2024-03-05T10:00:02.000Z")
    assert message["traits"] == {"email": "ada@example.com", "phone": "39011555", "seats": 3}
    assert table.faults == ["x.xlsx:People:5: timestamp: 'soon' is no time"]
    assert [file.label for file in table.history.passed_over] == ["x.xlsx:Notes"]


def test_the_cells_of_parquet_keep_their_types(write: Write) -> None:
    row = {
        "id": "t1",
        "received_at": NAIVE(2024, 3, 5, 10, 0, 5),
        "user_id": 7,
        "event": "trip_planned",
        "event_text": "Trip Planned",
        "timestamp": datetime(2024, 3, 5, 10, 0, 2, 500_000, tzinfo=UTC),
        "price": Decimal("10.50"),
        "seats": 2,
        "is_return": True,
        "day": date(2024, 3, 9),
        "stops": ["Rome", None],
        "nothing": float("nan"),
        "raw": b"\x00",
    }
    parquet.write_table(pa.Table.from_pylist([row]), "trips.parquet")
    [message] = read_all("trips.parquet").messages
    assert (message["userId"], message["timestamp"]) == ("7", "2024-03-05T10:00:02.500Z")
    assert message["properties"] == {
        "price": 10.5,
        "seats": 2,
        "is_return": True,
        "day": "2024-03-09",
        "stops": ["Rome", None],
    }


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_timestamps_of_parquet_are_read_in_every_unit(write: Write, unit: str, zone: str | None) -> None:
    factor = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[unit]
    finer = 0 if unit == "s" else factor // 1000 * 500
    moments = pa.array([1_709_632_802 * factor + finer + (unit == "ns"), None], pa.timestamp(unit, zone))
    columns = {
        "id": ["t1", "t2"],
        "user_id": ["7", "8"],
        "event": ["trip_planned"] * 2,
        "event_text": ["Trip Planned"] * 2,
        "received_at": pa.array([1_709_632_900 * factor] * 2, pa.timestamp(unit, zone)),
        "timestamp": moments,
        "seen": pa.array([[1_709_632_802 * factor + (unit == "ns")], None], pa.list_(pa.timestamp(unit, zone))),
    }
    parquet.write_table(pa.table(columns), "trips.parquet")
    first, second = read_all("trips.parquet").messages
    text = "2024-03-05T10:00:02.000Z" if unit == "s" else "2024-03-05T10:00:02.500Z"
    assert (first["timestamp"], second["timestamp"]) == (text, "2024-03-05T10:01:40.000Z")
    assert first["properties"]["seen"] == ["2024-03-05T10:00:02.000Z"]


def test_a_year_that_no_date_has_is_a_fault_of_its_row(write: Write) -> None:
    far = pa.array([10**12, 1_709_632_802], pa.timestamp("s"))
    columns = {
        "email": ["a@b.co", "c@d.co"],
        "born": far,
        "all": pa.array([[10**12], [1]], pa.list_(pa.timestamp("s"))),
    }
    parquet.write_table(pa.table(columns), "people.parquet")
    table = read_all("people.parquet")
    assert [message["traits"]["email"] for message in table.messages] == ["c@d.co"]
    [fault] = table.faults
    assert fault.startswith("people.parquet:1: ")
