"""Odd and broken files: none ends with an error of a library, loses rows in silence, or becomes something else."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from openpyxl import Workbook
from tests.unit.backfill.conftest import Read, Write, read_all

from hubwire.backfill.looking import look_at
from hubwire.backfill.records import Call, ReadOptions
from hubwire.backfill.rows import HistoryRows
from hubwire.backfill.sql import Query, look_at_query
from hubwire.backfill.systems.orders import MAX_ITEMS, TOO_MANY_ITEMS
from hubwire.destination import Source, SourceKind
from hubwire.errors import SettingsError

T = "2024-03-05T10:00:02Z"
IDENTIFY = '{"type":"identify","userId":"u1"}'
SHOPIFY = "Name,Email,Financial Status,Total,Lineitem name,Created at\n"


@pytest.mark.parametrize(
    ("header", "row", "refusal"),
    [
        ("name,email,domain,industry", "Acme,a@acme.example,acme.example,SOFTWARE", "people or of companies"),
        ("Account Name,Website,Email", "Acme,acme.example,a@acme.example", "people or of companies"),
        ("Record ID,Deal Name,Amount,Email", "1,Big one,5,a@example.com", "but of deals"),
        ("id,Amount,Currency,Customer Email", "ch_1,4,eur,a@example.com", "but of payments"),
        ("id,Customer Email,Amount Due", "in_1,a@example.com,5", "but of invoices"),
        ("user_id,timestamp,page_url,page_title", f"u1,{T},https://a.example/,Home", "but of pages"),
        ("user_id,action,occurred_at", f"u1,Bought,{T}", "but of events"),
    ],
)
def test_records_that_are_no_people_are_refused(write: Write, header: str, row: str, refusal: str) -> None:
    name = write("x.csv", f"{header}\n{row}\n")
    with pytest.raises(SettingsError, match=refusal):
        read_all(name)
    assert read_all(name, call=Call.IDENTIFIES, columns={"id": ""} if header.startswith("id,") else {}).messages


def test_a_column_for_the_company_makes_name_a_persons(read: Read) -> None:
    table = read("x.csv", "name,email,company,industry\nAda,ada@example.com,Acme,SOFTWARE\n")
    assert table.messages[0]["type"] == "identify"


def test_hubspot_companies_with_an_email_are_companies(read: Read) -> None:
    table = read("x.csv", "Record ID,Company name,Company Domain Name,Email\n1,Acme,acme.example,a@acme.example\n")
    assert [message["type"] for message in table.messages] == ["group"]


def test_a_footer_makes_no_person(read: Read) -> None:
    table = read("x.csv", "email,firstname\nada@example.com,Ada\nTotal,2\n")
    assert [message["userId"] for message in table.messages] == ["ada@example.com"]
    assert table.passed_over == ["x.csv:3: no e-mail and no user id"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("tracks.csv", f"id,user_id,event,event_text,timestamp\nt0,u1,a,A,{T}\nt1,u1,a,A,\n"),
        (
            "mixpanel.json",
            '{"event":"A","properties":{"time":1709632802,"distinct_id":"u1"}}\n'
            '{"event":"A","properties":{"distinct_id":"u1"}}\n',
        ),
    ],
)
def test_an_event_without_a_time_does_not_count_as_now(read: Read, name: str, body: str) -> None:
    table = read(name, body)
    assert len(table.messages) == 1
    assert [fault.partition(": ")[2] for fault in table.faults] == [
        "an event without a time: it would count as of the import"
    ]


@pytest.mark.parametrize("kind", ['["track"]', '{"a":1}'])
def test_a_type_that_is_no_text_is_a_fault_of_its_line(read: Read, kind: str) -> None:
    table = read("x.ndjson", f'{IDENTIFY}\n{{"type":{kind},"userId":"u1"}}\n')
    assert table.faults == [
        "x.ndjson:2: unknown-type: The `type` is not identify, track, page, screen, group or alias."
    ]


@pytest.mark.parametrize("opening", ["", "["])
def test_json_that_is_nested_too_deeply_is_refused_with_its_line(write: Write, opening: str) -> None:
    name = write(
        "x.ndjson", opening + '{"type":"identify","traits":' + "[" * 5000 + "]" * 5000 + "}" + "]" * len(opening)
    )
    with pytest.raises(SettingsError, match=r"x\.ndjson:"):
        read_all(name)


def test_an_upload_loses_no_item_in_silence(read: Read) -> None:
    table = read("x.ndjson", f'{{"batch":[1,{IDENTIFY}]}}\n{{"batch":[]}}\n')
    assert (len(table.messages), table.faults) == (1, ["x.ndjson:1: no-type: The message has no `type`."])
    assert table.passed_over == ["x.ndjson:2: an upload without messages"]


def test_an_api_answer_in_one_line_is_the_rows_in_it(read: Read) -> None:
    table = read(
        "x.json", json.dumps({"next": None, "results": [{"email": "a@example.com"}, {"email": "b@example.com"}]})
    )
    assert [message["userId"] for message in table.messages] == ["a@example.com", "b@example.com"]


def test_the_delimiter_is_the_one_that_gives_equal_rows(read: Read) -> None:
    table = read("x.csv", "email;firstname;note\na@example.com;Ada;red, green, blue, white, black\n")
    assert table.messages[0]["traits"]["note"] == "red, green, blue, white, black"


def test_errors_of_a_spreadsheet_are_empty_cells(write: Write) -> None:
    workbook = Workbook()
    workbook.active.append(["email", "city", "company"])
    workbook.active.append(["a@example.com", "#N/A", "#REF!"])
    workbook.save("x.xlsx")
    assert read_all("x.xlsx").messages[0]["traits"] == {"email": "a@example.com"}
    Path("x.xlsx").rename("contacts.xls")
    assert len(read_all("contacts.xls").messages) == 1
    assert read_all(write("x.csv", "email,city\na@example.com,#DIV/0!\n")).messages[0]["traits"] == {
        "email": "a@example.com"
    }


def test_utf_16_that_has_no_mark_is_refused(write: Write) -> None:
    with pytest.raises(SettingsError, match="not UTF-16"):
        read_all(write("x.csv", "email\na@example.com\n"), encoding="utf-16")


def test_a_column_mapped_to_event_makes_events(read: Read) -> None:
    table = read(
        "x.csv", f"who,what,at\nu1,Bought,{T}\n", columns={"who": "userId", "what": "event", "at": "timestamp"}
    )
    assert [(message["type"], message["event"]) for message in table.messages] == [("track", "Bought")]


def test_an_order_whose_first_row_is_broken_is_left_out(read: Read) -> None:
    table = read("x.csv", SHOPIFY + f"#1,a@example.com,paid,5,Shirt,{T},more\n#1,a@example.com,,,Hat,{T}\n")
    assert table.messages == []
    assert table.faults == [
        "x.csv:2: 7 cells, but the header has 6",
        "x.csv:3: an order without its first row, which has the total",
    ]


def test_items_beyond_the_limit_of_an_order_are_told(read: Read) -> None:
    items = "".join(f"#1,,,,Item {number},\n" for number in range(MAX_ITEMS + 1))
    table = read(
        "orders.csv", f"{SHOPIFY}#1,a@b.co,paid,9,First,2024-03-05\n{items}#2,c@d.co,paid,9,Other,2024-03-05\n"
    )
    assert [len(message["properties"]["products"]) for message in table.messages] == [MAX_ITEMS, 1]
    assert [fault.partition(": ")[2] for fault in table.faults] == [TOO_MANY_ITEMS.reason] * 2


def test_a_broken_row_within_an_order_is_told_behind_it(read: Read) -> None:
    rows = f"#1,a@example.com,paid,5,Shirt,{T}\n#1,a,b\n#1,a@example.com,,,Hat,{T}\n#2,b@example.com,paid,5,Hat,{T}\n"
    table = read("x.csv", SHOPIFY + rows)
    assert [len(message["properties"]["products"]) for message in table.messages] == [2, 1]
    assert table.faults == ["x.csv:3: 3 cells, but the header has 6"]


def test_a_damaged_file_in_a_zip_is_not_called_empty(write: Write) -> None:
    with zipfile.ZipFile("x.zip", "w") as archive:
        archive.writestr("a.csv", "email\na@example.com\n")
        archive.writestr("b.csv", "email\nb@example.com\n")
    body = Path("x.zip").read_bytes().replace(b"a@example", b"z@example", 1)
    history = look_at([write("x.zip", body)], ReadOptions())
    assert [(file.label, file.is_fault) for file in history.passed_over] == [("x.zip:a.csv", True)]
    assert "damaged" in history.passed_over[0].why


def test_an_estimate_counts_what_a_truncated_file_has(write: Write) -> None:
    body = gzip.compress(
        "\n".join(f'{{"type":"identify","userId":"{n * 7919 % 99991}"}}' for n in range(12_000)).encode()
    )
    Path("x.ndjson.gz").write_bytes(body[:-5_000])
    history = look_at(["x.ndjson.gz"], ReadOptions())
    source = Source(source_id=1, name="server", kind=SourceKind.SERVER)
    assert 4_000 < sum(1 for _ in HistoryRows(history, source, 1_795_000_000_000)) < 12_000


def test_a_database_that_fails_at_a_row_is_refused_with_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("b.db")) as database:
        database.executescript(
            "create table u(email); insert into u values('a@example.com'),(cast(x'ff' as text))",
        )
    query = Query("sqlite:///b.db", "select email from u where email > '' -- all of them", "email")
    with ExitStack() as stack, pytest.raises(SettingsError, match="row 2: Could not decode to UTF-8"):
        look_at_query(query, ReadOptions(), None, stack)


def test_an_empty_query_has_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b.db").touch()
    with ExitStack() as stack:
        assert look_at_query(Query("sqlite:///b.db", " "), ReadOptions(), None, stack) is None


def test_a_broken_link_in_a_folder_is_named(write: Write) -> None:
    write("folder/a.csv", "email\na@example.com\n")
    Path("folder/b.csv").symlink_to("nowhere.csv")
    history = look_at(["folder"], ReadOptions())
    assert [(file.label, file.is_fault) for file in history.passed_over] == [("folder/b.csv", True)]
